import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { MigrationError } from "../../domain/Errors.ts"
import type { GraphBackend } from "../GraphBackend.ts"
import type { SqliteConfig } from "../StoreConfig.ts"

export const make = (_config: SqliteConfig): Effect.Effect<GraphBackend, MigrationError, Scope.Scope> =>
  Effect.dieMessage("being built")
