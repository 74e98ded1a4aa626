/** Writes batches of records as rows, inside whatever transaction the connection has open. */
import type Database from "better-sqlite3"
import { canonicalLine } from "../../domain/Canonical.ts"
import type { WriteFailed } from "../../domain/Errors.ts"
import { lineHash } from "../../domain/Fingerprint.ts"
import { describe, type GraphRecord, type Relationship } from "../../domain/Graph.ts"
import type { Overwrite, WriteBatch } from "../WriteSession.ts"
import type { Row, SqlValue } from "./codec.ts"
import { failed } from "./errors.ts"
import type { StoredGraph } from "./StoredGraph.ts"

type Statement = Database.Statement<Array<SqlValue>>

const list = (columns: ReadonlyArray<string>, each: (column: string) => string): string => columns.map(each).join(", ")
const quoted = (column: string): string => `"${column}"`

/** `mg-`, the first 32 hex digits of the line's hash, and the number of equal lines before it. */
const unkeyedId = (hash: string, ordinal: number): string => `mg-${hash}-${ordinal}`

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
  private nodes = 0
  private relationships = 0
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
  }

  get written(): Written {
    return { nodes: this.nodes, relationships: this.relationships }
  }

  /** Writes a batch; after an exception part of it may be written. */
  write(batch: WriteBatch): void {
    const { codec } = this.graph.layout
    for (const record of batch.create) {
      this.checkFit(record)
      try {
        if (record._tag === "Node") {
          this.insertNode.run(...codec.nodeValues(record))
          this.nodes++
        } else {
          if (record.key === null) this.createUnkeyed(record)
          else this.insertRelationship.run(...codec.relationshipValues(record, record.key))
          this.relationships++
        }
      } catch (cause) {
        throw this.refused(record, cause)
      }
    }
    for (const overwrite of batch.overwrite) this.overwrite(overwrite)
  }

  private createUnkeyed(record: Relationship): void {
    const hash = lineHash(canonicalLine(record)).toString("hex", 0, 16)
    let ordinal = this.repeated.get(hash) ?? 0
    for (;;) {
      const id = unkeyedId(hash, ordinal)
      const { changes } = this.insertUnkeyed.run(...this.graph.layout.codec.relationshipValues(record, id))
      if (changes === 1) break
      ordinal = ordinal === 0 ? this.nextOrdinal(hash) : ordinal + 1
    }
    if (ordinal > 0) this.repeated.set(hash, ordinal + 1)
  }

  // The store may hold equal lines already, of an earlier run.
  private nextOrdinal(hash: string): number {
    const prefix = unkeyedId(hash, 0).slice(0, -1)
    const highest = this.graph.db
      .prepare<[number, string, string]>(
        "SELECT max(CAST(substr(id, ?) AS INTEGER)) FROM relationships WHERE id >= ? AND id < ?"
      )
      .pluck()
    return Number(highest.get(prefix.length + 1, prefix, `${prefix.slice(0, -1)}.`)) + 1
  }

  private overwrite({ before, after }: Overwrite): void {
    const { codec } = this.graph.layout
    this.checkFit(after)
    let changes: number
    try {
      if (after._tag === "Node") {
        changes = this.updateNode.run(...codec.nodeValues(after), before.key).changes
      } else {
        const id = before._tag === "Relationship" ? (before.key ?? this.unkeyedRow(before)) : null
        changes = this.updateRelationship.run(...codec.relationshipValues(after, after.key ?? id ?? ""), id).changes
      }
    } catch (cause) {
      throw this.refused(after, cause)
    }
    if (changes !== 1) {
      throw failed(
        this.graph.location,
        "import",
        "store-changed",
        `${describe(before)} was to be overwritten in ${this.graph.location} and is not there any more. What this run had written there is undone; run the migration again.`
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
    if (!(cause instanceof Error && "code" in cause && String(cause.code).startsWith("SQLITE_CONSTRAINT"))) return cause
    const why = /PRIMARYKEY|UNIQUE/.test(String(cause.code)) ? "something with this id is there already" : cause.message
    return this.refusal(record, why, cause)
  }

  private refusal(record: GraphRecord, why: string, cause?: unknown): WriteFailed {
    const { location } = this.graph
    const kind = record._tag === "Node" ? "node" : "relationship"
    const message = `${location} cannot take the ${kind} ${describe(record)}: ${why}. What this run had written there is undone.`
    return failed(location, "import", "refused-record", message, cause)
  }
}
