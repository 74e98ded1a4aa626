/** A closer look at an SQLite file: the settings that matter to other programs, its size, its indexes, its pages. */
import type Database from "better-sqlite3"
import type { Diagnosis } from "../GraphBackend.ts"
import type { StoredGraph } from "./StoredGraph.ts"

// Ids are the primary key here.
const NO_DUPLICATES = { first: [], total: 0 }

/** What is to be said of a file without a graph. */
export const NOTHING: Diagnosis = { facts: [], indexes: [], duplicates: NO_DUPLICATES }

/** Settings that are shown under their own names. */
const PRAGMAS = ["journal_mode", "encoding", "page_size", "page_count", "freelist_count"] as const

/** Bytes; checking the pages of more would keep a caller waiting. */
const MOST_CHECKED = 512 * 1024 * 1024

const text = (db: Database.Database, pragma: string): string => String(db.pragma(pragma, { simple: true }))

const checkOf = ({ db, layout }: StoredGraph): string => {
  if (Number(text(db, "page_size")) * Number(text(db, "page_count")) > MOST_CHECKED) return "not run, the file is large"
  // A check of the full-text table is its owner's business.
  const tables = [
    ...(layout.hasNodes ? [layout.codec.nodeTable] : []),
    ...(layout.hasRelationships ? ["relationships"] : [])
  ]
  return tables.map((table) => text(db, `quick_check("${table}")`)).find((found) => found !== "ok") ?? "ok"
}

const indexesOf = (db: Database.Database): ReadonlyArray<string> =>
  db
    .prepare<[], string>("SELECT name FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL ORDER BY name")
    .pluck()
    .all()

/** Reads every page once, for `quick_check`. */
export const diagnose = (graph: StoredGraph): Diagnosis => ({
  facts: [
    ...PRAGMAS.map((name) => ({ name, value: text(graph.db, name) })),
    { name: "quick_check", value: checkOf(graph) }
  ],
  indexes: indexesOf(graph.db).map((name) => ({ name, state: "online" })),
  duplicates: NO_DUPLICATES
})
