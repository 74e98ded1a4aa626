/**
 * What differs between Neo4j and Memgraph, as fragments of Cypher and the reading of their catalogs. Everything else in
 * this folder is written once, over a dialect.
 *
 * No value, label, type or property name ever stands in the text of a statement: all of them are parameters, also
 * labels and types (both engines take them dynamically, each with a syntax of its own).
 */
import type * as Effect from "effect/Effect"
import type { EncodingProfile } from "../Encoding.ts"
import type { Fact } from "../GraphBackend.ts"
import type { Connection } from "./connection.ts"
import type { DriverFailure } from "./failures.ts"

/** The label of the fence and its marks, which no read, count or lookup sees. */
export const FENCE_LABEL = "_MgRun"

/** The type that stands in for one that the engine cannot hold. */
export const STAND_IN_TYPE = "_MG_TYPE"

/** The label of memories. */
export const MEMORY_LABEL = "Memory"

/** An index or a constraint of the store, as far as it matters here. */
export interface CatalogEntry {
  readonly entity: "node" | "relationship"
  /** `unique` for a constraint, else the kind of index. */
  readonly kind: "unique" | "range" | "text" | "fulltext" | "other"
  readonly names: ReadonlyArray<string>
  readonly properties: ReadonlyArray<string>
  /** How it is called by its owner; empty where the engine knows no names. */
  readonly name: string
  /** False while it is being built or after it failed. */
  readonly online: boolean
  /** What the engine calls its state, where it has a word for it. */
  readonly state?: string
}

/** One thing of the schema that MemoryGraph makes in a store. */
export interface SchemaItem {
  /** As people call it: `index Memory(type)`. */
  readonly what: string
  readonly entry: Pick<CatalogEntry, "entity" | "kind" | "names" | "properties" | "name">
  readonly create: string
  readonly drop: string
}

/** What a server says of itself. */
export interface Description {
  /** `Neo4j 5.26.30 community, database neo4j`. */
  readonly version: string
  /** Equal for the same database under any address; undefined where the server has no such mark. */
  readonly storeId: string | undefined
  /** Why it cannot be written; undefined where it can. */
  readonly unwritable: { readonly reason: "read-only" | "unsupported"; readonly why: string } | undefined
  readonly notes: ReadonlyArray<string>
  readonly facts: ReadonlyArray<Fact>
}

/** See the file's head. Variables of a fragment are given by its user. */
export interface Dialect {
  readonly kind: "neo4j" | "memgraph"
  readonly title: string
  readonly profile: EncodingProfile
  /** One transaction reads one state of the store. */
  readonly snapshot: boolean
  readonly fulltext: boolean
  /** Bytes that the key of an index can have: of a range index, and of a text index; undefined for any number. */
  readonly keyBytes: { readonly range: number; readonly text: number } | undefined

  /** The engine's own id of a node or relationship, as an expression. */
  readonly id: (variable: string) => string
  /** That id as a parameter. Everywhere else in the program it is text. */
  readonly idParameter: (id: string) => unknown
  /** The expression where it is text, else null. */
  readonly text: (expression: string) => string
  /** The server's own clock, in milliseconds, as an expression. */
  readonly now: string
  /**
   * Ends a statement: returns the entity of `variable` in the columns `entity` (the driver's object), or, where the
   * driver's object would lose or break something, in `parts` (see `stored.ts`), and the given columns beside.
   */
  readonly returning: (variable: string, columns: ReadonlyArray<string>) => string
  /** Takes the write lock of `variable` in the middle of a statement; empty where writing finds conflicts anyway. */
  readonly lock: (variable: string) => string
  /** Creates nodes from `$rows` {at, labels, properties}; `labelled` tells whether the rows have any label. */
  readonly createNodes: (labelled: boolean) => string
  /** Binds `r` for the nodes `a` and `b` and `row.type`, all of them bound already; starts from the rarer end. */
  readonly between: string
  /** After `a`, `b` and `row`: creates the relationship `r` of `row.type`. */
  readonly createRelationship: string
  /** After `n` and `row`: adds `row.labels`; or takes them away. */
  readonly addLabels: string
  readonly removeLabels: string
  /** After `n`: binds `degree`, the number of relationships at it, beside `n`. */
  readonly degree: string

  /** The constraints, indexes and fulltext index that MemoryGraph's Python program makes. */
  readonly schema: ReadonlyArray<SchemaItem>
  readonly catalog: (connection: Connection) => Effect.Effect<ReadonlyArray<CatalogEntry>, DriverFailure>
  /** Waits until every index works. */
  readonly online: (connection: Connection) => Effect.Effect<void, DriverFailure>
  readonly describe: (connection: Connection) => Effect.Effect<Description, DriverFailure>
  /** A text that changes when anything was created since; for knowing whether a scan is still true. */
  readonly changeMark: (connection: Connection) => Effect.Effect<string, DriverFailure>
}

/** True where the catalog has the item, or what stands in its way. */
export const isPresent = (catalog: ReadonlyArray<CatalogEntry>, { entry }: SchemaItem): boolean =>
  catalog.some((found) => {
    if (found.name !== "" && found.name === entry.name) return true
    const same =
      found.entity === entry.entity &&
      found.names.join("\0") === entry.names.join("\0") &&
      found.properties.join("\0") === entry.properties.join("\0")
    // Neo4j refuses a uniqueness constraint where a plain index is; Memgraph, which has no names, keeps both.
    return (
      same && (found.kind === entry.kind || (entry.kind === "unique" && found.kind === "range" && found.name !== ""))
    )
  })
