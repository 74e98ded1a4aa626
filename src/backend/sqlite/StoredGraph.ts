/** The graph in an open database: pages and look-ups, by plain synchronous calls on one connection. */
import type Database from "better-sqlite3"
import { SourceDataInvalid } from "../../domain/Errors.ts"
import { describe, type GraphRecord } from "../../domain/Graph.ts"
import { type Row, RowProblem } from "./codec.ts"
import { KIND } from "./errors.ts"
import type { Layout } from "./layout.ts"

/** An open database with its layout. */
export interface StoredGraph {
  readonly db: Database.Database
  readonly layout: Layout
  readonly location: string
}

/**
 * Rows of a page at most, and how many characters of text a page should hold at most. Short pages die young: pages of
 * 1,000 took a third more time and twice the memory in the garbage collector (measured).
 */
const PAGE_ROWS = 128
const PAGE_TEXT = 4_000_000

interface Source {
  readonly table: string
  readonly columns: ReadonlyArray<string>
  readonly page: "rowid" | "id"
  readonly decode: (row: Row) => GraphRecord
}

const nodesOf = ({ layout }: StoredGraph): Source | undefined =>
  layout.hasNodes
    ? {
        table: layout.codec.nodeTable,
        columns: layout.codec.nodeColumns,
        page: layout.nodesPage,
        decode: layout.codec.decodeNode
      }
    : undefined

const relationshipsOf = ({ layout }: StoredGraph): Source | undefined =>
  layout.hasRelationships
    ? {
        table: "relationships",
        columns: layout.codec.relationshipColumns,
        page: layout.relationshipsPage,
        decode: layout.codec.decodeRelationship
      }
    : undefined

const problem = (graph: StoredGraph, source: Source, row: Row, cause: RowProblem): SourceDataInvalid => {
  const id = typeof row[1] === "string" ? row[1] : `${source.page} ${String(row[0])}`
  return new SourceDataInvalid({
    backend: KIND,
    location: graph.location,
    reason: "undecodable",
    keys: { first: [id], total: 1 },
    message: `The row ${id} of the table ${source.table} in ${graph.location} cannot be read exactly: ${cause.message}. Repair or delete that row, and try again; nothing was changed.`,
    cause
  })
}

// The driver reads invalid UTF-8 as U+FFFD: a text with one is compared with the bytes that are stored.
const checkBytes = (graph: StoredGraph, source: Source, row: Row): void => {
  const { db } = graph
  const blobs = source.columns.map((column) => `CAST("${column}" AS BLOB)`).join()
  const stored = db.prepare<[unknown], Array<unknown>>(
    `SELECT ${blobs} FROM "${source.table}" WHERE ${source.page} = ?`
  )
  const bytes = stored.raw().get(row[0]) ?? []
  const encoding = String(db.pragma("encoding", { simple: true }))
  for (let i = 0; i < source.columns.length; i++) {
    const text = row[i + 1]
    const cell = bytes[i]
    if (typeof text !== "string" || !text.includes("\ufffd") || !Buffer.isBuffer(cell)) continue
    const expected = Buffer.from(text, encoding === "UTF-8" ? "utf8" : "utf16le")
    if (encoding === "UTF-16be") expected.swap16()
    if (!expected.equals(cell)) throw new RowProblem(`its column ${source.columns[i]} is not valid ${encoding}`)
  }
}

const decodeRow = (graph: StoredGraph, source: Source, row: Row): GraphRecord => {
  try {
    for (let i = 1; i < row.length; i++) {
      const cell = row[i]
      if (typeof cell === "string" && cell.includes("\ufffd")) {
        checkBytes(graph, source, row)
        break
      }
    }
    return source.decode(row)
  } catch (cause) {
    if (cause instanceof RowProblem) throw problem(graph, source, row, cause)
    throw cause
  }
}

const decodeRows = (graph: StoredGraph, source: Source, rows: ReadonlyArray<Row>): Array<GraphRecord> => {
  const records: Array<GraphRecord> = []
  for (const row of rows) records.push(decodeRow(graph, source, row))
  return records
}

const selected = (source: Source): string => [source.page, ...source.columns].map((name) => `"${name}"`).join()

// Pages of one table by its paging key. Throws SourceDataInvalid, or what the driver throws.
function* pagesOf(graph: StoredGraph, source: Source): Generator<Array<GraphRecord>> {
  const { page, table } = source
  const from = `SELECT ${selected(source)} FROM "${table}"`
  const order = `ORDER BY "${page}" LIMIT ?`
  const first = graph.db.prepare<[number], Row>(`${from} ${order}`).raw().safeIntegers()
  const next = graph.db.prepare<[unknown, number], Row>(`${from} WHERE "${page}" > ? ${order}`).raw().safeIntegers()
  let limit = PAGE_ROWS
  let rows = first.all(limit)
  for (;;) {
    const last = rows.at(-1)
    if (last === undefined) return
    yield decodeRows(graph, source, rows)
    if (rows.length < limit) return
    // Long texts make short pages, so that a page takes about the same memory always.
    let text = 0
    for (const row of rows) for (const cell of row) if (typeof cell === "string") text += cell.length
    limit = Math.max(1, Math.min(PAGE_ROWS, Math.floor((PAGE_TEXT * rows.length) / (text + 1))))
    rows = next.all(last[0], limit)
  }
}

/**
 * All records a page at a time, nodes before relationships; runs as far as it is pulled. Pages see one snapshot where
 * the caller has opened a transaction. Throws SourceDataInvalid for a row that cannot be decoded.
 */
export function* pages(graph: StoredGraph, only?: "nodes" | "relationships"): Generator<Array<GraphRecord>> {
  const nodes = nodesOf(graph)
  const relationships = relationshipsOf(graph)
  if (nodes !== undefined && only !== "relationships") yield* pagesOf(graph, nodes)
  if (relationships !== undefined && only !== "nodes") yield* pagesOf(graph, relationships)
}

const endsAndType = (from: string, type: string, to: string): string => JSON.stringify([from, type, to])

/**
 * The stored counterparts of records, as the port's `lookup`. Relationships are found by their id and by the index on
 * `from_id`; in a table without that index by a single scan a call.
 */
export const lookup = (graph: StoredGraph, records: ReadonlyArray<GraphRecord>): ReadonlyArray<GraphRecord> => {
  const keys = new Set<string>()
  const links = new Set<string>()
  const wanted = new Set<string>()
  const from = new Set<string>()
  const to = new Set<string>()
  for (const record of records) {
    // What is not well-formed cannot be stored, and would be bound as something else.
    if (record._tag === "Node") {
      if (record.key.isWellFormed()) keys.add(record.key)
    } else {
      if (record.key?.isWellFormed() === true) links.add(record.key)
      if (record.from.isWellFormed() && record.to.isWellFormed() && record.type.isWellFormed()) {
        from.add(record.from)
        to.add(record.to)
        wanted.add(endsAndType(record.from, record.type, record.to))
      }
    }
  }
  let found: ReadonlyArray<GraphRecord> = []
  const nodes = nodesOf(graph)
  if (nodes !== undefined && keys.size > 0) {
    found = decodeRows(graph, nodes, rowsWhere(graph, nodes, `id IN ${LIST}`, [keys]))
  }
  const relationships = relationshipsOf(graph)
  if (relationships !== undefined && wanted.size + links.size > 0) {
    // The plus keeps SQLite from the index on to_id: one index is enough, and it had to guess which.
    const rows = rowsWhere(graph, relationships, `from_id IN ${LIST} AND +to_id IN ${LIST}`, [from, to])
    const matching = rows.filter((row) => wanted.has(endsAndType(String(row[2]), String(row[4]), String(row[3]))))
    const byId = links.size === 0 ? [] : rowsWhere(graph, relationships, `id IN ${LIST}`, [links])
    const ids = new Set(matching.map((row) => row[1]))
    const others = byId.filter((row) => !ids.has(row[1]))
    found = found.concat(decodeRows(graph, relationships, matching), decodeRows(graph, relationships, others))
  }
  return found
}

/** In a condition: the values of one of the lists that are given with it, in their order. */
export const LIST = "(SELECT value FROM json_each(?))"

/** A row, and what it holds; `record` is undefined where it cannot be decoded. */
export interface StoredRow {
  readonly id: string
  readonly record: GraphRecord | undefined
}

/** The rows of one kind of record that meet a condition. */
export const rowsOf = (
  graph: StoredGraph,
  tag: GraphRecord["_tag"],
  condition: string,
  lists: ReadonlyArray<ReadonlySet<string>>
): ReadonlyArray<StoredRow> => {
  const source = tag === "Node" ? nodesOf(graph) : relationshipsOf(graph)
  if (source === undefined) return []
  return rowsWhere(graph, source, condition, lists).map((row) => {
    const id = String(row[1])
    try {
      return { id, record: decodeRow(graph, source, row) }
    } catch (cause) {
      if (cause instanceof SourceDataInvalid) return { id, record: undefined }
      throw cause
    }
  })
}

const statements = new WeakMap<Database.Database, Map<string, Database.Statement<Array<string>, Row>>>()
const rowsWhere = (
  graph: StoredGraph,
  source: Source,
  condition: string,
  lists: ReadonlyArray<ReadonlySet<string>>
): ReadonlyArray<Row> => {
  const sql = `SELECT ${selected(source)} FROM "${source.table}" WHERE ${condition}`
  let prepared = statements.get(graph.db)
  if (prepared === undefined) statements.set(graph.db, (prepared = new Map()))
  let statement = prepared.get(sql)
  if (statement === undefined) {
    statement = graph.db.prepare<Array<string>, Row>(sql).raw().safeIntegers()
    prepared.set(sql, statement)
  }
  return statement.all(...lists.map((list) => JSON.stringify([...list])))
}

// Each end by itself, which its index answers without the table: 0.2 s where the table's scan takes 1.5 s (300,000
// relationships), and there are hardly ever any.
const mayDangle = ({ db, layout }: StoredGraph): boolean =>
  !layout.hasNodes ||
  ["from_id", "to_id"].some((column) => {
    const ends = `SELECT DISTINCT ${column} AS id FROM relationships`
    const missing = `NOT EXISTS (SELECT 1 FROM "${layout.codec.nodeTable}" n WHERE n.id = ends.id)`
    return db.prepare(`SELECT 1 FROM (${ends}) ends WHERE ${missing} LIMIT 1`).get() !== undefined
  })

const danglingWhere = ({ layout }: StoredGraph): string => {
  if (!layout.hasNodes) return "1"
  const missing = (column: string) =>
    `NOT EXISTS (SELECT 1 FROM "${layout.codec.nodeTable}" n WHERE n.id = relationships.${column})`
  return `${missing("from_id")} OR ${missing("to_id")}`
}

/** How many relationships have an end that is no node. */
export const danglingCount = (graph: StoredGraph): number =>
  graph.layout.hasRelationships && mayDangle(graph)
    ? Number(
        graph.db
          .prepare(`SELECT count(*) FROM relationships WHERE ${danglingWhere(graph)}`)
          .pluck()
          .get()
      )
    : 0

/** The port's `dangling`. */
export const dangling = (graph: StoredGraph): { readonly first: ReadonlyArray<string>; readonly total: number } => {
  const source = relationshipsOf(graph)
  const total = danglingCount(graph)
  if (source === undefined || total === 0) return { first: [], total }
  const rows = rowsWhere(graph, source, `${danglingWhere(graph)} LIMIT 20`, [])
  return { first: decodeRows(graph, source, rows).map(describe), total }
}
