/**
 * Reads MemoryGraph's SQLite files by plain SQL and JSON.parse alone, for proofs: nothing here calls the project's
 * reading code. Numbers are kept as they are written, so that `1` and `1.0` differ.
 */
import Database from "better-sqlite3"

export type Plain = { readonly [name: string]: unknown }

export interface PlainGraph {
  readonly nodes: ReadonlyMap<string, { readonly label: string; readonly properties: Plain }>
  readonly relationships: ReadonlyMap<string, Plain>
}

interface Parsed {
  readonly source: string
}

/** JSON with every number as `{ number, float }`: the double it is, and whether it is written as a float. */
export const plainJson = (text: string): unknown =>
  (JSON.parse as (text: string, reviver: (key: string, value: unknown, context: Parsed) => unknown) => unknown)(
    text,
    (_key, value, context) =>
      typeof value === "number"
        ? { number: /[.eE]/.test(context.source) ? value : BigInt(context.source), float: /[.eE]/.test(context.source) }
        : value
  )

const withoutNulls = (object: unknown): Plain =>
  Object.fromEntries(Object.entries(object as Plain).filter(([, value]) => value !== null))

const TEMPORAL = ["valid_from", "valid_until", "recorded_at", "invalidated_by"] as const

/** A file in the layout of the Python MemoryGraph. */
export const readSeed = (path: string): PlainGraph => {
  const db = new Database(path, { readonly: true })
  try {
    const nodes = db.prepare<[], { id: string; label: string; properties: string }>("SELECT * FROM nodes").all()
    const relationships = db.prepare<[], { [column: string]: string | null }>("SELECT * FROM relationships").all()
    return {
      nodes: new Map(
        nodes.map(({ id, label, properties }) => [id, { label, properties: withoutNulls(plainJson(properties)) }])
      ),
      relationships: new Map(
        relationships.map((row) => {
          const properties: { [name: string]: unknown } = { ...withoutNulls(plainJson(row["properties"] ?? "{}")) }
          for (const column of TEMPORAL) {
            if (row[column] === null) delete properties[column]
            else properties[column] = row[column]
          }
          return [row["id"] ?? "", { from: row["from_id"], to: row["to_id"], type: row["rel_type"], properties }]
        })
      )
    }
  } finally {
    db.close()
  }
}

/** All rows of the column layout, as the driver gives them (integers as bigint, so that REAL and INTEGER differ). */
export const readColumns = (
  path: string
): { readonly memories: ReadonlyArray<unknown>; readonly relationships: ReadonlyArray<unknown> } => {
  const db = new Database(path, { readonly: true })
  try {
    const all = (table: string) => db.prepare(`SELECT * FROM ${table} ORDER BY id`).safeIntegers(true).all()
    return { memories: all("memories"), relationships: all("relationships") }
  } finally {
    db.close()
  }
}

/** The database's own description of itself. */
export const readSchema = (path: string): ReadonlyArray<unknown> => {
  const db = new Database(path, { readonly: true })
  try {
    return db.prepare("SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY type, name").all()
  } finally {
    db.close()
  }
}
