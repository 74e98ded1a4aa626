/**
 * Which layout an SQLite file has. Each of the two programs adds its own empty tables to a file of the other one, and
 * both call a table `relationships`, which whoever came first has made: a file can hold `nodes` and `memories`, but
 * one shape of `relationships`. The layout that has rows counts.
 */
import Database from "better-sqlite3"
import type { SqliteLayout } from "../StoreConfig.ts"
import type { ColumnInfo, Columns, Codec } from "./codec.ts"
import * as ColumnCodec from "./ColumnCodec.ts"
import { DDL } from "./ddl.ts"
import * as SeedCodec from "./SeedCodec.ts"

/** Why a file's tables cannot be used; `message` is a clause that goes after the file's name. */
export class LayoutProblem extends Error {
  readonly reason: "foreign-schema" | "ambiguous-layout"
  constructor(reason: "foreign-schema" | "ambiguous-layout", message: string) {
    super(message)
    this.reason = reason
  }
}

/** What was found in a file. */
export interface Layout {
  readonly codec: Codec
  /** False where the table is not there (the codec's columns for it are empty then). */
  readonly hasNodes: boolean
  readonly hasRelationships: boolean
  /** True where the layout's tables hold a row. */
  readonly hasRows: boolean
  /** The name `relationships` is taken by a table of the other layout: nothing can be written in this one. */
  readonly blocked: boolean
  /** Tables without a rowid are paged by their key. */
  readonly nodesPage: "rowid" | "id"
  readonly relationshipsPage: "rowid" | "id"
  /** Other tables in the file, which are no part of the graph. */
  readonly otherTables: ReadonlyArray<string>
  /** True where there is no table at all. */
  readonly isEmpty: boolean
}

interface Table {
  readonly columns: Columns
  readonly isTable: boolean
  readonly withoutRowid: boolean
  readonly primaryKey: ReadonlyArray<string>
}

// https://www.sqlite.org/datatype3.html, "Determination Of Column Affinity".
const affinityOf = (declared: string): ColumnInfo["affinity"] => {
  const type = declared.toUpperCase()
  if (type.includes("INT")) return "integer"
  if (/CHAR|CLOB|TEXT/.test(type)) return "text"
  if (type === "" || type.includes("BLOB")) return "none"
  return /REAL|FLOA|DOUB/.test(type) ? "real" : "numeric"
}

const readTable = (db: Database.Database, name: string): Table | undefined => {
  const list = db.prepare<[string], { type: string; wr: number }>(
    "SELECT type, wr FROM pragma_table_list(?) WHERE schema = 'main'"
  )
  const entry = list.get(name)
  if (entry === undefined) return undefined
  const columns = new Map<string, ColumnInfo>()
  const primaryKey: Array<string> = []
  const info = db.prepare<[string], { name: string; type: string; notnull: number; pk: number }>(
    'SELECT name, type, "notnull", pk FROM pragma_table_xinfo(?)'
  )
  for (const column of info.all(name)) {
    columns.set(column.name, { affinity: affinityOf(column.type), notNull: column.notnull === 1 })
    if (column.pk > 0) primaryKey.push(column.name)
  }
  return { columns, isTable: entry.type === "table", withoutRowid: entry.wr === 1, primaryKey }
}

const hasRow = (db: Database.Database, table: string): boolean =>
  db.prepare(`SELECT 1 FROM "${table}" LIMIT 1`).get() !== undefined

const COLUMNS = { seed: SeedCodec.SEED_COLUMNS, column: ColumnCodec.COLUMN_COLUMNS } as const

// All that is in the table must be known: what is not could not travel, and would be lost in silence.
const checkTable = (
  name: string,
  table: Table,
  known: ReadonlyArray<string>,
  required: ReadonlyArray<string>
): void => {
  const missing = required.filter((column) => !table.columns.has(column))
  const unknown = [...table.columns.keys()].filter((column) => !known.includes(column))
  const what: Array<string> = []
  if (!table.isTable) what.push("is no plain table")
  if (missing.length > 0) what.push(`lacks the column(s) ${missing.join(", ")}`)
  if (unknown.length > 0) what.push(`has the column(s) ${unknown.join(", ")}, which this program does not know`)
  if (what.length === 0 && table.primaryKey.join() !== "id") what.push("does not have the id as its primary key")
  if (what.length > 0) throw new LayoutProblem("foreign-schema", `its table ${name} ${what.join(" and ")}`)
}

const shapeOf = (relationships: Table | undefined): SqliteLayout | undefined => {
  if (relationships === undefined) return undefined
  if (relationships.columns.has("properties")) return "seed"
  if (relationships.columns.has("strength")) return "column"
  checkTable("relationships", relationships, COLUMNS.seed.relationships, COLUMNS.seed.required.relationships)
  return undefined
}

const NO_COLUMNS: Columns = new Map()

// The columns that a layout's own tables have, asked of SQLite itself.
const columnsOf = (sql: string, name: string): Columns => {
  const db = new Database(":memory:")
  try {
    return readTable(db.exec(sql), name)?.columns ?? NO_COLUMNS
  } finally {
    db.close()
  }
}

/** Makes the codec of a layout for the columns of the tables that are there, or will be made. */
export const codecFor = (
  layout: SqliteLayout,
  has: { readonly nodes: Columns; readonly relationships: Columns } = { nodes: NO_COLUMNS, relationships: NO_COLUMNS }
): Codec => {
  if (layout === "seed") return SeedCodec.make(has)
  const ddl = DDL.column
  return ColumnCodec.make(has, {
    nodes: has.nodes.size > 0 ? has.nodes : columnsOf(ddl.nodes.sql, ddl.nodes.name),
    relationships: has.relationships.size > 0 ? has.relationships : columnsOf(ddl.relationships, "relationships")
  })
}

const choose = (
  wanted: SqliteLayout | undefined,
  rows: { readonly seed: boolean; readonly column: boolean },
  tables: { readonly nodes: boolean; readonly memories: boolean; readonly shape: SqliteLayout | undefined }
): SqliteLayout => {
  if (rows.seed && rows.column && wanted === undefined) {
    throw new LayoutProblem(
      "ambiguous-layout",
      "it holds records in both layouts. Say which one is meant with --layout seed or --layout column (--from-layout and --to-layout where there are two stores)"
    )
  }
  if (wanted !== undefined && (rows.seed || rows.column) && !rows[wanted]) {
    const other = wanted === "seed" ? "column" : "seed"
    throw new LayoutProblem(
      "foreign-schema",
      `it holds its records in the ${other} layout, not in the ${wanted} layout that was asked for`
    )
  }
  if (wanted !== undefined) return wanted
  if (rows.seed !== rows.column) return rows.seed ? "seed" : "column"
  if (tables.nodes !== tables.memories) return tables.nodes ? "seed" : "column"
  return tables.shape ?? "seed"
}

/** Finds the layout of an open database; throws {@link LayoutProblem} or what the driver throws. */
export const inspect = (db: Database.Database, wanted: SqliteLayout | undefined): Layout => {
  const seedNodes = readTable(db, "nodes")
  const memories = readTable(db, "memories")
  const relationships = readTable(db, "relationships")
  const known = new Set(["nodes", "memories", "relationships"])
  const all = db
    .prepare<[], { name: string; type: string }>(
      "SELECT name, type FROM pragma_table_list WHERE schema = 'main' AND type <> 'shadow' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
    )
    .all()
    .map((table) => table.name)
  const otherTables = all.filter((name) => !known.has(name) && name !== "nodes_fts").sort()
  if (seedNodes === undefined && memories === undefined && relationships === undefined && all.length > 0) {
    throw new LayoutProblem(
      "foreign-schema",
      `it holds the table(s) ${all.slice(0, 5).join(", ")}, none of which is MemoryGraph's`
    )
  }
  const shape = shapeOf(relationships)
  const relationshipRows = relationships !== undefined && hasRow(db, "relationships")
  const rows = {
    seed: (seedNodes !== undefined && hasRow(db, "nodes")) || (shape === "seed" && relationshipRows),
    column: (memories !== undefined && hasRow(db, "memories")) || (shape === "column" && relationshipRows)
  }
  const tables = { nodes: seedNodes !== undefined, memories: memories !== undefined, shape }
  const layout = choose(wanted, rows, tables)
  const nodes = layout === "seed" ? seedNodes : memories
  const own = shape === layout ? relationships : undefined
  const columns = COLUMNS[layout]
  if (nodes !== undefined) checkTable(DDL[layout].nodes.name, nodes, columns.nodes, columns.required.nodes)
  if (own !== undefined) checkTable("relationships", own, columns.relationships, columns.required.relationships)
  return {
    codec: codecFor(layout, { nodes: nodes?.columns ?? NO_COLUMNS, relationships: own?.columns ?? NO_COLUMNS }),
    hasNodes: nodes !== undefined,
    hasRelationships: own !== undefined,
    hasRows: rows[layout],
    blocked: relationships !== undefined && own === undefined,
    nodesPage: nodes?.withoutRowid === true ? "id" : "rowid",
    relationshipsPage: own?.withoutRowid === true ? "id" : "rowid",
    otherTables,
    isEmpty: all.length === 0
  }
}
