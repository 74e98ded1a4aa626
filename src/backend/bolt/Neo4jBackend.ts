/** The Neo4j backend. */
import * as Config from "effect/Config"
import type { ConfigError } from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type { MigrationError } from "../../domain/Errors.ts"
import { GraphBackend } from "../GraphBackend.ts"
import type { Neo4jConfig } from "../StoreConfig.ts"
import * as BoltBackend from "./BoltBackend.ts"
import type { Limits } from "./connection.ts"
import { neo4j } from "./neo4j.ts"

/** Connects a Neo4j server; the connection closes with the scope. `limits` are for tests that cannot wait. */
export const make = (config: Neo4jConfig, limits?: Limits): Effect.Effect<GraphBackend, MigrationError, Scope.Scope> =>
  BoltBackend.make(neo4j, config, limits)

/** The backend as a layer. */
export const layer = (config: Neo4jConfig): Layer.Layer<GraphBackend, MigrationError> =>
  Layer.scoped(GraphBackend, make(config))

/** The backend as a layer, its config read from the environment. */
export const layerConfig = (
  config: Config.Config.Wrap<Neo4jConfig>
): Layer.Layer<GraphBackend, MigrationError | ConfigError> =>
  Layer.scoped(
    GraphBackend,
    Effect.flatMap(Config.unwrap(config), (unwrapped) => make(unwrapped))
  )
