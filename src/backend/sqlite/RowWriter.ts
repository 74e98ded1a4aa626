/** Writes batches of records as rows, inside whatever transaction the connection has open. */
import type Database from "better-sqlite3"
import { canonicalLine } from "../../domain/Canonical.ts"
import type { WriteFailed } from "../../domain/Errors.ts"
import { lineHash } from "../../domain/Fingerprint.ts"
import { describe, type GraphRecord, type Relationship } from "../../domain/Graph.ts"
import type { Overwrite, WriteBatch } from "../WriteSession.ts"
import type { Row, SqlValue } from "./codec.ts"
import { codeOf, failed, isRecordRefused } from "./errors.ts"
import type { StoredGraph } from "./StoredGraph.ts"

type Statement = Database.Statement<Array<SqlValue>>

const list = (columns: ReadonlyArray<string>, each: (column: string) => string): string => columns.map(each).join(", ")
const quoted = (column: string): string => `"${column}"`

/** What the ids of equal relationships without a key begin with: `mg-`, the first 32 hex digits of the line's hash. */
export const unkeyedPrefix = (hash: Buffer): string => `mg-${hash.toString("hex", 0, 16)}-`

/** Rows written so far, for the check after publication. */
export interface Written {
  readonly nodes: number
  readonly relationships: number
}

/** The writer of one session. Its methods throw what the driver throws, or WriteFailed for a refused record. */
export class RowWriter {
  private readonly graph: StoredGraph
  private readonly insertNode: Statement
  private readonly insertRelationship: Statement
  private readonly insertUnkeyed: Statement
  private readonly updateNode: Statement
  private readonly updateRelationship: Statement
  private readonly deleteNode: Statement
  private readonly deleteRelationship: Statement
  private nodes = 0
  private relationships = 0
  // The ids of what the latest batch has created.
  private created: Array<string> = []
  // Only lines that came more than once: how many of them there are.
  private readonly repeated = new Map<string, number>()

  constructor(graph: StoredGraph) {
    const { db, layout } = graph
    const { nodeTable, writtenNodeColumns, writtenRelationshipColumns } = layout.codec
    const insert = (table: string, columns: ReadonlyArray<string>) =>
      `INSERT INTO ${table} (${list(columns, quoted)}) VALUES (${list(columns, () => "?")})`
    const update = (table: string, columns: ReadonlyArray<string>) =>
      `UPDATE ${table} SET ${list(columns, (column) => `"${column}" = ?`)} WHERE id = ?`
    this.graph = graph
    this.insertNode = db.prepare(insert(nodeTable, writtenNodeColumns))
    this.insertRelationship = db.prepare(insert("relationships", writtenRelationshipColumns))
    this.insertUnkeyed = db.prepare(
      `${insert("relationships", writtenRelationshipColumns)} ON CONFLICT (id) DO NOTHING`
    )
    this.updateNode = db.prepare(update(nodeTable, writtenNodeColumns))
    this.updateRelationship = db.prepare(update("relationships", writtenRelationshipColumns))
    this.deleteNode = db.prepare(`DELETE FROM ${nodeTable} WHERE id = ?`)
    this.deleteRelationship = db.prepare("DELETE FROM relationships WHERE id = ?")
  }

  get written(): Written {
    return { nodes: this.nodes, relationships: this.relationships }
  }

  /** Writes a batch; after an exception part of it may be written. */
  write(batch: WriteBatch): void {
    this.created = []
    for (const record of batch.create) {
      this.checkFit(record)
      let id: string | undefined
      try {
        id = this.create(record)
      } catch (cause) {
        throw this.refused(record, cause)
      }
      if (id === undefined) throw this.refusal(record, "a constraint or trigger of its own ignores it")
      this.created.push(id)
      if (record._tag === "Node") this.nodes++
      else this.relationships++
    }
    for (const overwrite of batch.overwrite) this.overwrite(overwrite)
  }

  /** Takes away what the latest batch has created (records of one kind). */
  revoke(tag: GraphRecord["_tag"]): void {
    const statement = tag === "Node" ? this.deleteNode : this.deleteRelationship
    for (const id of this.created) {
      const { changes } = statement.run(id)
      if (tag === "Node") this.nodes -= changes
      else this.relationships -= changes
    }
    this.created = []
  }

  /** Counts as it did then: what was written since is rolled back. */
  forget({ nodes, relationships }: Written): void {
    this.nodes = nodes
    this.relationships = relationships
  }

  /** Gives a row the record's values; the number of rows that were changed. Throws what the driver throws. */
  replace(id: string, record: GraphRecord): number {
    const { codec } = this.graph.layout
    return record._tag === "Node"
      ? this.updateNode.run(...codec.nodeValues(record), id).changes
      : this.updateRelationship.run(...codec.relationshipValues(record, record.key ?? id), id).changes
  }

  /** Makes a row for a record that was there before; whether one was made. Throws what the driver throws. */
  putBack(record: GraphRecord): boolean {
    if (this.create(record) === undefined) return false
    if (record._tag === "Node") this.nodes++
    else this.relationships++
    return true
  }

  // The row's id, or undefined where none was made.
  private create(record: GraphRecord): string | undefined {
    const { codec } = this.graph.layout
    const { key } = record
    if (key === null) return record._tag === "Relationship" ? this.createUnkeyed(record) : undefined
    const { changes } =
      record._tag === "Node"
        ? this.insertNode.run(...codec.nodeValues(record))
        : this.insertRelationship.run(...codec.relationshipValues(record, key))
    return changes === 1 ? key : undefined
  }

  // The prefix of its line, and the number of equal lines before it.
  private createUnkeyed(record: Relationship): string | undefined {
    const { codec } = this.graph.layout
    const prefix = unkeyedPrefix(lineHash(canonicalLine(record)))
    const insert = (ordinal: number) => {
      const id = `${prefix}${ordinal}`
      return this.insertUnkeyed.run(...codec.relationshipValues(record, id)).changes === 1 ? id : undefined
    }
    let ordinal = this.repeated.get(prefix) ?? 0
    let id = insert(ordinal)
    if (id === undefined) {
      ordinal = this.nextOrdinal(prefix)
      id = insert(ordinal)
    }
    if (ordinal > 0) this.repeated.set(prefix, ordinal + 1)
    return id
  }

  // The store may hold equal lines already, of an earlier run.
  private nextOrdinal(prefix: string): number {
    const highest = this.graph.db
      .prepare<[number, string, string]>(
        "SELECT max(CAST(substr(id, ?) AS INTEGER)) FROM relationships WHERE id >= ? AND id < ?"
      )
      .pluck()
    return Number(highest.get(prefix.length + 1, prefix, `${prefix.slice(0, -1)}.`)) + 1
  }

  private overwrite({ before, after }: Overwrite): void {
    this.checkFit(after)
    let changes: number
    try {
      const id = before.key ?? (before._tag === "Relationship" ? this.unkeyedRow(before) : null)
      changes = id === null ? 0 : this.replace(id, after)
    } catch (cause) {
      throw this.refused(after, cause)
    }
    if (changes !== 1) {
      throw failed(
        this.graph.location,
        "import",
        "store-changed",
        `${describe(before)} was to be overwritten in ${this.graph.location} and is not there any more. Nothing of this batch was written; run the migration again.`
      )
    }
  }

  // The id of the row that an unkeyed relationship is stored in.
  private unkeyedRow(record: Relationship): string | null {
    const { db, layout } = this.graph
    const line = canonicalLine(record)
    const rows = db
      .prepare<[string, string, string], Row>(
        `SELECT id, ${list(layout.codec.relationshipColumns, quoted)} FROM relationships WHERE from_id = ? AND to_id = ? AND rel_type = ?`
      )
      .raw()
      .safeIntegers()
      .all(record.from, record.to, record.type)
    const row = rows.find((one) => canonicalLine(layout.codec.decodeRelationship(one)) === line)
    return row === undefined ? null : String(row[0])
  }

  // The plan has refused such records already: SQLite itself would take a lone surrogate, and change it.
  private checkFit(record: GraphRecord): void {
    const kind = this.graph.layout.codec.impossible(record)
    if (kind !== undefined) throw this.refusal(record, `it cannot be stored there without change (${kind})`)
  }

  private refused(record: GraphRecord, cause: unknown): unknown {
    if (!(cause instanceof Error && isRecordRefused(cause))) return cause
    const why = codeOf(cause).endsWith("PRIMARYKEY") ? "something with this id is there already" : cause.message
    return this.refusal(record, why, cause)
  }

  private refusal(record: GraphRecord, why: string, cause?: unknown): WriteFailed {
    const { location } = this.graph
    const kind = record._tag === "Node" ? "node" : "relationship"
    const message = `${location} cannot take the ${kind} ${describe(record)}: ${why}. Nothing of this batch was written.`
    return failed(location, "import", "refused-record", message, cause)
  }
}
