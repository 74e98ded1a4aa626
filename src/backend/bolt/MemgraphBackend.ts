/** The Memgraph backend. */
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { MigrationError } from "../../domain/Errors.ts"
import type { GraphBackend } from "../GraphBackend.ts"
import type { MemgraphConfig } from "../StoreConfig.ts"
import * as BoltBackend from "./BoltBackend.ts"
import { memgraph } from "./memgraph.ts"

/** Connects a Memgraph server; the connection closes with the scope. */
export const make = (config: MemgraphConfig): Effect.Effect<GraphBackend, MigrationError, Scope.Scope> =>
  BoltBackend.make(memgraph, config)
