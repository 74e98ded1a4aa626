/** How a store is named: one config per kind, made from flags, a URI, the environment or a host's own code. */
import type * as Redacted from "effect/Redacted"

/** The kinds of store, in the order they are listed to people. */
export const KINDS = ["sqlite", "falkordblite", "falkordb", "neo4j", "memgraph"] as const
/** A kind of store: the first word of its name, as in `sqlite:memory.db`. */
export type Kind = (typeof KINDS)[number]

/** The two table layouts that MemoryGraph programs use in SQLite. */
export type SqliteLayout = "seed" | "column"

/** An SQLite file. */
export interface SqliteConfig {
  readonly kind: "sqlite"
  /** Relative to the working directory unless absolute; the file need not be there yet. */
  readonly path: string
  /**
   * The layout of a new file; `seed` unless given. Needed where a file has rows in both (`ambiguous-layout` otherwise);
   * where it has rows in the other one only, it is refused as `foreign-schema`.
   */
  readonly layout?: SqliteLayout | undefined
}

/** A FalkorDBLite file (a redis dump with the FalkorDB module). */
export interface FalkorDBLiteConfig {
  readonly kind: "falkordblite"
  /** Relative to the working directory unless absolute; the file need not be there yet. */
  readonly path: string
  /** The graph in it; {@link DEFAULT_GRAPH} unless given. */
  readonly graph?: string | undefined
  /** The paths of the engine to use instead of the ones that are looked for. */
  readonly engine?: { readonly redisServer: string; readonly module: string } | undefined
  /**
   * Allow a file to be written with a newer dump version than it had, which locks older tools out. Default false: a
   * session is then refused (`needs-yes`) where no engine keeps the version.
   */
  readonly allowUpgrade?: boolean | undefined
}

/** How to reach a server. */
export interface ServerConfig {
  /** A name or an address; an IPv6 address without brackets. */
  readonly host: string
  /** There is no default: FalkorDB usually listens at 6379, Neo4j and Memgraph at 7687. */
  readonly port: number
  /** Where only a password is given: `neo4j` for Neo4j, the user `default` for FalkorDB. */
  readonly user?: string | undefined
  /** Without user and password the connection is made without authentication. */
  readonly password?: Redacted.Redacted | undefined
  /**
   * `verify` checks the certificate, `trust` encrypts without checking it. Unless given, Neo4j and Memgraph are
   * verified where there is a `caFile`; everything else is not encrypted.
   */
  readonly tls?: "off" | "verify" | "trust" | undefined
  /** The path of a PEM file that the certificate is checked against instead of the system's authorities. */
  readonly caFile?: string | undefined
}

/** A FalkorDB server. */
export interface FalkorDBConfig extends ServerConfig {
  readonly kind: "falkordb"
  /** The key of the graph; {@link DEFAULT_GRAPH} unless given. It need not be there yet. */
  readonly graph?: string | undefined
}

/** A Neo4j server, 5.26 or newer. */
export interface Neo4jConfig extends ServerConfig {
  readonly kind: "neo4j"
  /** The user's home database unless given; it must be there (`missing-database`). */
  readonly database?: string | undefined
  /** Asks the server which member of a cluster to talk to (`neo4j://`); default false (`bolt://`). */
  readonly routing?: boolean | undefined
}

/** A Memgraph server. */
export interface MemgraphConfig extends ServerConfig {
  readonly kind: "memgraph"
  /** The server's default database unless given; it must be there (`missing-database`). */
  readonly database?: string | undefined
}

/** A store of any kind, told by `kind`. */
export type StoreConfig = SqliteConfig | FalkorDBLiteConfig | FalkorDBConfig | Neo4jConfig | MemgraphConfig

/** The graph that MemoryGraph programs use in FalkorDB. */
export const DEFAULT_GRAPH = "memorygraph"
