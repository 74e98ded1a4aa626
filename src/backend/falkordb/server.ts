import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { FalkorDBOptions } from "falkordb"
import type { MigrationError } from "../../domain/Errors.ts"
import type { GraphBackend } from "../GraphBackend.ts"
import * as E from "effect/Effect"
export const make = (_: {
  backend: string
  location: string
  identity: string
  key: string
  driver: FalkorDBOptions
}): Effect.Effect<GraphBackend, MigrationError, Scope.Scope> => E.dieMessage("being built")
