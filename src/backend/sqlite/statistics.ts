/** Counts by SQL of their own, independent of how records are read. */
import type Database from "better-sqlite3"
import { setProperty } from "../../domain/Graph.ts"
import { LABELS_PROPERTY } from "../Encoding.ts"
import type { Statistics } from "../GraphBackend.ts"
import type { StoredGraph } from "./StoredGraph.ts"

const count = (db: Database.Database, sql: string): number => Number(db.prepare(sql).pluck().get())

/** Counts of both kinds of records. */
export const counts = ({ db, layout }: StoredGraph): { readonly nodes: number; readonly relationships: number } => ({
  nodes: layout.hasNodes ? count(db, `SELECT count(*) FROM "${layout.codec.nodeTable}"`) : 0,
  relationships: layout.hasRelationships ? count(db, "SELECT count(*) FROM relationships") : 0
})

type Group = readonly [name: string, count: number]
const group = (db: Database.Database, sql: string): ReadonlyArray<Group> => db.prepare<[], Group>(sql).raw().all()

const WITH_LABELS = `instr(properties, '"${LABELS_PROPERTY}"') > 0`
// JSON5, because of NaN and Infinity; a row that is no JSON at all counts by its column.
const ALL_LABELS = `CASE WHEN json_valid(properties, 2) AND json_type(properties, '$.${LABELS_PROPERTY}') = 'array'
  THEN json_extract(properties, '$.${LABELS_PROPERTY}') END`

type NodeGroup = readonly [label: string, count: number, several: number, ...times: ReadonlyArray<string | null>]

// Nodes by the label that stands in their column, and the latest text of each column of times: one scan for both.
const nodeGroups = ({ db, layout }: StoredGraph): ReadonlyArray<NodeGroup> => {
  if (!layout.hasNodes) return []
  const { codec } = layout
  const times = ["created_at", "updated_at"]
    .filter((column) => codec.writtenNodeColumns.includes(column))
    .map((column) => `, max(CASE WHEN typeof(${column}) = 'text' THEN ${column} END)`)
    .join("")
  const sql =
    codec.layout === "column"
      ? `SELECT 'Memory', count(*), 0${times} FROM memories HAVING count(*) > 0`
      : `SELECT label, count(*), ${WITH_LABELS} AS several${times} FROM nodes GROUP BY label, several`
  return db.prepare<[], NodeGroup>(sql).raw().all()
}

const labelGroups = (db: Database.Database, groups: ReadonlyArray<NodeGroup>): ReadonlyArray<Group> => {
  const plain = groups.filter(([, , several]) => several === 0).map(([label, number]): Group => [label, number])
  if (plain.length === groups.length) return plain
  return [
    ...plain,
    ...group(
      db,
      `WITH several AS MATERIALIZED (SELECT label, ${ALL_LABELS} AS labels FROM nodes WHERE ${WITH_LABELS})
       SELECT label, count(*) FROM several WHERE coalesce(json_array_length(labels), 0) = 0 GROUP BY label
       UNION ALL SELECT value, count(*) FROM several, json_each(labels) GROUP BY value`
    )
  ]
}

// Whoever is a Memory, alone or among other labels, has that label in the column.
const newest = (groups: ReadonlyArray<NodeGroup>): string | undefined => {
  let latest: string | undefined
  for (const [label, , , ...times] of groups) {
    if (label !== "Memory") continue
    for (const time of times) if (time !== null && (latest === undefined || time > latest)) latest = time
  }
  return latest
}

const sum = (groups: ReadonlyArray<Group>): { readonly [name: string]: number } => {
  const sums: { [name: string]: number } = {}
  for (const [name, number] of groups) {
    setProperty(sums, name, (Object.hasOwn(sums, name) ? (sums[name] ?? 0) : 0) + number)
  }
  return sums
}

/**
 * The port's `statistics`. `newest` is that of the columns, which both programs set whenever they write a memory (the
 * seed layout's to the second).
 */
export const statistics = (graph: StoredGraph): Statistics => {
  const groups = nodeGroups(graph)
  return {
    ...counts(graph),
    labels: sum(labelGroups(graph.db, groups)),
    types: sum(
      graph.layout.hasRelationships
        ? group(graph.db, "SELECT rel_type, count(*) FROM relationships GROUP BY rel_type")
        : []
    ),
    newest: newest(groups)
  }
}
