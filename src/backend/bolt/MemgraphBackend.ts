/** The Memgraph backend. */
import * as Config from "effect/Config"
import type { ConfigError } from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type { MigrationError } from "../../domain/Errors.ts"
import { GraphBackend } from "../GraphBackend.ts"
import type { MemgraphConfig } from "../StoreConfig.ts"
import * as BoltBackend from "./BoltBackend.ts"
import { memgraph } from "./memgraph.ts"

/** Connects a Memgraph server; the connection closes with the scope. */
export const make = (config: MemgraphConfig): Effect.Effect<GraphBackend, MigrationError, Scope.Scope> =>
  BoltBackend.make(memgraph, config)

/** The backend as a layer. */
export const layer = (config: MemgraphConfig): Layer.Layer<GraphBackend, MigrationError> =>
  Layer.scoped(GraphBackend, make(config))

/** The backend as a layer, its config read from the environment. */
export const layerConfig = (
  config: Config.Config.Wrap<MemgraphConfig>
): Layer.Layer<GraphBackend, MigrationError | ConfigError> =>
  Layer.scoped(GraphBackend, Effect.flatMap(Config.unwrap(config), make))
