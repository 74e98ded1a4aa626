/** The Neo4j backend. */
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { MigrationError } from "../../domain/Errors.ts"
import type { GraphBackend } from "../GraphBackend.ts"
import type { Neo4jConfig } from "../StoreConfig.ts"
import * as BoltBackend from "./BoltBackend.ts"
import type { Limits } from "./connection.ts"
import { neo4j } from "./neo4j.ts"

/** Connects a Neo4j server; the connection closes with the scope. `limits` are for tests that cannot wait. */
export const make = (config: Neo4jConfig, limits?: Limits): Effect.Effect<GraphBackend, MigrationError, Scope.Scope> =>
  BoltBackend.make(neo4j, config, limits)
