import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { MigrationError } from "../../domain/Errors.ts"
import type { GraphBackend } from "../GraphBackend.ts"
import type { MemgraphConfig } from "../StoreConfig.ts"

export const make = (_config: MemgraphConfig): Effect.Effect<GraphBackend, MigrationError, Scope.Scope> =>
  Effect.dieMessage("being built")
