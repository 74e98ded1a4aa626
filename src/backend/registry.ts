/**
 * The registry: one entry a backend, the only switch on a backend's name. CLI choices, URI schemes, docs and the test
 * matrix derive from it. Drivers load when a store is connected, never before.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { type MigrationError, StoreUnavailable } from "../domain/Errors.ts"
import type { GraphBackend } from "./GraphBackend.ts"
import { traced } from "./spans.ts"
import type { Kind, StoreConfig } from "./StoreConfig.ts"

/** Makes a connected backend from its config; the connection closes with the scope. */
export type Make<C extends StoreConfig> = (config: C) => Effect.Effect<GraphBackend, MigrationError, Scope.Scope>

/** One backend in the registry. */
export interface Entry<C extends StoreConfig> {
  /** Its name for people: `FalkorDB`. */
  readonly title: string
  /** URI schemes that name it, without `://`; the first one is shown in help. */
  readonly schemes: ReadonlyArray<string>
  /** True where a store is a file. */
  readonly isFile: boolean
  /** Imports the module that makes it, with its driver. */
  readonly load: () => Promise<{ readonly make: Make<C> }>
}

/** The table of all backends. */
export type Registry = { readonly [K in Kind]: Entry<Extract<StoreConfig, { readonly kind: K }>> }

/** All backends. */
export const registry = {
  sqlite: {
    title: "SQLite",
    schemes: ["sqlite"],
    isFile: true,
    load: () => import("./sqlite/SqliteBackend.ts")
  },
  falkordblite: {
    title: "FalkorDBLite",
    schemes: ["falkordblite"],
    isFile: true,
    load: () => import("./falkordb/FalkorDBLiteBackend.ts")
  },
  falkordb: {
    title: "FalkorDB",
    schemes: ["falkordb", "falkordbs", "redis", "rediss"],
    isFile: false,
    load: () => import("./falkordb/FalkorDBBackend.ts")
  },
  neo4j: {
    title: "Neo4j",
    schemes: ["neo4j", "neo4j+s", "neo4j+ssc", "bolt", "bolt+s", "bolt+ssc"],
    isFile: false,
    load: () => import("./bolt/Neo4jBackend.ts")
  },
  memgraph: {
    title: "Memgraph",
    schemes: ["memgraph", "memgraph+s", "memgraph+ssc"],
    isFile: false,
    load: () => import("./bolt/MemgraphBackend.ts")
  }
} as const satisfies Registry

const make = <C extends StoreConfig>(
  entry: Entry<C>,
  config: C
): Effect.Effect<GraphBackend, MigrationError, Scope.Scope> =>
  Effect.tryPromise({
    try: entry.load,
    catch: (cause) =>
      new StoreUnavailable({
        backend: config.kind,
        location: config.kind,
        reason: "driver",
        message: `The driver for ${entry.title} could not be loaded: ${cause instanceof Error ? cause.message : String(cause)}. Reinstall memorygraph-migrate with its dependencies.`,
        cause
      })
  }).pipe(
    Effect.flatMap((module) => module.make(config)),
    Effect.withSpan("memorygraph.store.connect", { attributes: { "memorygraph.backend": config.kind } }),
    Effect.map(traced)
  )

/**
 * Connects the store that a config names; the connection closes with the scope. Fails as the `make` of each backend
 * does, and with `StoreUnavailable` (`driver`) where the driver cannot be loaded.
 *
 * @example
 * ```ts
 * const store = yield* connect({ kind: "sqlite", path: "memory.db" })
 * ```
 */
export const connect = (config: StoreConfig): Effect.Effect<GraphBackend, MigrationError, Scope.Scope> => {
  switch (config.kind) {
    case "sqlite":
      return make(registry.sqlite, config)
    case "falkordblite":
      return make(registry.falkordblite, config)
    case "falkordb":
      return make(registry.falkordb, config)
    case "neo4j":
      return make(registry.neo4j, config)
    case "memgraph":
      return make(registry.memgraph, config)
  }
}
