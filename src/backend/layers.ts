/**
 * Each backend for hosts: a constructor, and the layers that wrap it. The driver of a backend is loaded when it is
 * connected, so a program that names all of them loads none.
 */
import * as Config from "effect/Config"
import type { ConfigError } from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type { MigrationError } from "../domain/Errors.ts"
import { GraphBackend } from "./GraphBackend.ts"
import { connect } from "./registry.ts"
import type {
  FalkorDBConfig,
  FalkorDBLiteConfig,
  MemgraphConfig,
  Neo4jConfig,
  SqliteConfig,
  StoreConfig
} from "./StoreConfig.ts"

/** A store's config where its kind is plain already. */
export type ConfigOf<C extends StoreConfig> = Omit<C, "kind">

/** One backend: how a host gets a connected {@link GraphBackend} of it. */
export interface Backend<C> {
  /**
   * Connects; the connection closes with the scope. For programs that use several stores, as a migration does. Fails
   * with `StoreUnavailable` where a server cannot be reached or does not let us in, and where a file can be no such
   * store (`not-this-kind`, `foreign-schema`, `corrupt`). A file or graph that is not there yet is no failure: it is an
   * empty target, and fails where it is read. Connecting changes nothing.
   */
  readonly make: (config: C) => Effect.Effect<GraphBackend, MigrationError, Scope.Scope>
  /** As {@link make}, as the layer of the one store that a program works with; the store closes with the layer. */
  readonly layer: (config: C) => Layer.Layer<GraphBackend, MigrationError>
  /**
   * As {@link layer}, each setting read from Effect's config provider (the environment, unless the host has another):
   * `SqliteBackend.layerConfig({ path: Config.string("MEMORY_SQLITE_PATH") })`. Fails with a `ConfigError` where one is
   * missing or cannot be read.
   */
  readonly layerConfig: (config: Config.Config.Wrap<C>) => Layer.Layer<GraphBackend, MigrationError | ConfigError>
}

const backend = <C>(make: Backend<C>["make"]): Backend<C> => ({
  make,
  layer: (config) => Layer.scoped(GraphBackend, make(config)),
  layerConfig: (config) => Layer.scoped(GraphBackend, Effect.flatMap(Config.unwrap<C>(config), make))
})

/**
 * SQLite files, in the layouts of MemoryGraph.
 *
 * @example
 * ```ts
 * const count = Effect.flatMap(GraphBackend, (store) => store.statistics)
 * Effect.runPromise(Effect.provide(count, SqliteBackend.layer({ path: "memory.db" })))
 * ```
 */
export const SqliteBackend: Backend<ConfigOf<SqliteConfig>> = backend((config) =>
  connect({ ...config, kind: "sqlite" })
)

/**
 * FalkorDBLite files: `FalkorDBLiteBackend.layer({ path: "graph.fdb" })`. Needs an engine (see docs/backends.md), which
 * is looked for when the store is first asked something: that then fails with `no-engine`, and not the connection.
 */
export const FalkorDBLiteBackend: Backend<ConfigOf<FalkorDBLiteConfig>> = backend((config) =>
  connect({ ...config, kind: "falkordblite" })
)

/** FalkorDB servers: `FalkorDBBackend.layer({ host: "localhost", port: 6379, graph: "memorygraph" })`. */
export const FalkorDBBackend: Backend<ConfigOf<FalkorDBConfig>> = backend((config) =>
  connect({ ...config, kind: "falkordb" })
)

/** Neo4j servers: `Neo4jBackend.layer({ host: "localhost", port: 7687, user: "neo4j", password: Redacted.make("...") })`. */
export const Neo4jBackend: Backend<ConfigOf<Neo4jConfig>> = backend((config) => connect({ ...config, kind: "neo4j" }))

/** Memgraph servers: `MemgraphBackend.layer({ host: "localhost", port: 7687 })`. */
export const MemgraphBackend: Backend<ConfigOf<MemgraphConfig>> = backend((config) =>
  connect({ ...config, kind: "memgraph" })
)
