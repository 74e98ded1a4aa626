/** How a layout turns records into rows and back; one implementation a layout. */
import type { GraphRecord, Node, Relationship } from "../../domain/Graph.ts"
import type { Misfit } from "../GraphBackend.ts"
import type { SqliteLayout } from "../StoreConfig.ts"

/** What is bound to a column. */
export type SqlValue = string | number | bigint | null

/**
 * A row as it is read: the paging key, then the values of the layout's columns. Integers are `bigint`, so that they
 * cannot be taken for floats.
 */
export type Row = ReadonlyArray<unknown>

/** A row that cannot be decoded exactly: what is wrong with it, in a few words. */
export class RowProblem extends Error {}

/** One layout, for the columns that the store at hand has. */
export interface Codec {
  readonly layout: SqliteLayout
  readonly nodeTable: "nodes" | "memories"
  /** The columns that a row is read from, the id first. Empty where the table does not exist. */
  readonly nodeColumns: ReadonlyArray<string>
  readonly relationshipColumns: ReadonlyArray<string>
  /** Throw {@link RowProblem}. */
  readonly decodeNode: (row: Row) => Node
  readonly decodeRelationship: (row: Row) => Relationship
  /** The columns that are written, the id first. */
  readonly writtenNodeColumns: ReadonlyArray<string>
  readonly writtenRelationshipColumns: ReadonlyArray<string>
  /** The values of the written columns; right for records that are not {@link impossible}. */
  readonly nodeValues: (node: Node) => Array<SqlValue>
  readonly relationshipValues: (relationship: Relationship, id: string) => Array<SqlValue>
  /** Why a record cannot be stored without change, as a misfit's kind; undefined where it can. */
  readonly impossible: (record: GraphRecord) => string | undefined
  readonly fit: (record: GraphRecord) => ReadonlyArray<Misfit>
}

/** A column's text; anything else there is a problem. */
export const textCell = (value: unknown, column: string): string => {
  if (typeof value === "string") return value
  const found = value === null ? "NULL" : Buffer.isBuffer(value) ? "a blob" : "a number"
  throw new RowProblem(`its column ${column} holds ${found} where text must stand`)
}

const impossible = new Map<string, ReadonlyArray<Misfit>>()
/** One impossible misfit; the lists are kept, as there are few kinds and many records. */
export const cannot = (kind: string): ReadonlyArray<Misfit> => {
  let misfits = impossible.get(kind)
  if (misfits === undefined) {
    misfits = [{ level: "impossible", kind }]
    if (impossible.size < 1000) impossible.set(kind, misfits)
  }
  return misfits
}

// What SQLite's numeric affinities take for a number; a NUL ends the text for them.
const NUMERIC_TEXT = /^[ \t\n\v\f\r]*[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?[ \t\n\v\f\r]*(?:\0|$)/

/** True for text that a column of numeric affinity (INTEGER, REAL, TIMESTAMP) would turn into a number. */
export const becomesNumber = (text: string): boolean => NUMERIC_TEXT.test(text)

/** A column of a table: SQLite converts values on storage by the affinity of its declared type. */
export interface ColumnInfo {
  readonly affinity: "text" | "integer" | "real" | "numeric" | "none"
  readonly notNull: boolean
}

/** A table's columns by name; empty where there is no such table. */
export type Columns = ReadonlyMap<string, ColumnInfo>
