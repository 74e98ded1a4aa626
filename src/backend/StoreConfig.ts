/** How a store is named: one config per kind, made from flags, a URI, the environment or a host's own code. */
import type * as Redacted from "effect/Redacted"

/** The kinds of store, in the order they are listed to people. */
export const KINDS = ["sqlite", "falkordblite", "falkordb", "neo4j", "memgraph"] as const
/** A kind of store: the first word of its name, as in `sqlite:memory.db`. */
export type Kind = (typeof KINDS)[number]

/** The two table layouts that MemoryGraph programs use in SQLite. */
export type SqliteLayout = "seed" | "column"

/** An SQLite file. `layout` is needed only where the file has rows in both layouts. */
export interface SqliteConfig {
  readonly kind: "sqlite"
  readonly path: string
  readonly layout?: SqliteLayout | undefined
}

/** A FalkorDBLite file (a redis dump with the FalkorDB module). `graph` is `memorygraph` unless given. */
export interface FalkorDBLiteConfig {
  readonly kind: "falkordblite"
  readonly path: string
  readonly graph?: string | undefined
  /** The engine to use instead of the ones that are looked for. */
  readonly engine?: { readonly redisServer: string; readonly module: string } | undefined
  /** Allow a file to be written with a newer dump version than it had, which locks older tools out. */
  readonly allowUpgrade?: boolean | undefined
}

/** How to reach a server. `caFile` is the path of a PEM file that the server's certificate is checked against. */
export interface ServerConfig {
  readonly host: string
  readonly port: number
  readonly user?: string | undefined
  readonly password?: Redacted.Redacted | undefined
  /** `verify` checks the certificate, `trust` encrypts without checking it. */
  readonly tls?: "off" | "verify" | "trust" | undefined
  readonly caFile?: string | undefined
}

/** A FalkorDB server. */
export interface FalkorDBConfig extends ServerConfig {
  readonly kind: "falkordb"
  readonly graph?: string | undefined
}

/** A Neo4j server; `routing` for `neo4j://` (clusters). */
export interface Neo4jConfig extends ServerConfig {
  readonly kind: "neo4j"
  readonly database?: string | undefined
  readonly routing?: boolean | undefined
}

/** A Memgraph server. */
export interface MemgraphConfig extends ServerConfig {
  readonly kind: "memgraph"
  readonly database?: string | undefined
}

/** A store of any kind, told by `kind`. */
export type StoreConfig = SqliteConfig | FalkorDBLiteConfig | FalkorDBConfig | Neo4jConfig | MemgraphConfig

/** The graph that MemoryGraph programs use in FalkorDB. */
export const DEFAULT_GRAPH = "memorygraph"
