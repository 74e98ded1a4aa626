/** One row of an SQLite target changed by plain SQL on the session's own connection, and how it must be named. */
import Database from "better-sqlite3"
import { vi } from "vitest"
import { canonicalFloat } from "../../src/domain/Canonical.ts"
import { describe, type GraphRecord } from "../../src/domain/Graph.ts"
import { isJsonObject, type JsonObject, type JsonValue, parseJson } from "../../src/domain/Json.ts"
import { pick, smallestChange } from "./changes.ts"
import type { Expected } from "./targets.recordChanges.ts"

/** Watches which connection the next session opens: nobody else could write between its import and its verification. */
export const sessionDatabase = (): (() => Database.Database) => {
  const spy = vi.spyOn(Database.prototype, "exec")
  return () => {
    const opened = new Set(spy.mock.contexts.filter((one): one is Database.Database => one instanceof Database))
    spy.mockRestore()
    const candidates = [...opened].filter((db) => db.open && db.inTransaction && db.name.includes("target.db"))
    const [db] = candidates
    if (db === undefined || candidates.length !== 1) throw new Error(`${candidates.length} may be the session's`)
    return db
  }
}

/** JSON as a program would write it; exact for every number. */
const jsonText = (value: JsonValue): string => {
  if (typeof value === "bigint") return value.toString()
  if (typeof value === "number")
    return Number.isFinite(value)
      ? canonicalFloat(value)
      : Number.isNaN(value)
        ? "NaN"
        : value > 0
          ? "Infinity"
          : "-Infinity"
  if (value === null || typeof value !== "object") return JSON.stringify(value)
  if (!isJsonObject(value)) return `[${value.map(jsonText).join(", ")}]`
  return `{${Object.keys(value)
    .map((name) => `${JSON.stringify(name)}: ${jsonText(value[name] ?? null)}`)
    .join(", ")}}`
}

interface Row {
  readonly rowid: bigint
  readonly id: string
  readonly label: string | undefined
  readonly properties: string
  readonly from_id: string
  readonly to_id: string
  readonly rel_type: string
  readonly valid_from: string
  readonly valid_until: string | null
  readonly recorded_at: string
  readonly invalidated_by: string | null
}

/** What is known of the target. */
export interface Situation {
  readonly fresh: boolean
  /** Names of the relationships without a key that the target held before: more of them may be anybody's. */
  readonly held: ReadonlySet<string>
  readonly records: ReadonlyArray<GraphRecord>
}

const OUTRANKING = ["valid_from", "valid_until", "recorded_at", "invalidated_by"] as const
const OUTRANKED: ReadonlySet<string> = new Set(OUTRANKING)

const parsed = (text: string): JsonObject => {
  const json = parseJson(text)
  return isJsonObject(json) ? json : {}
}

/** Changes one row of ours. To be undone by a savepoint. */
export const drawRowChange = (
  next: () => number,
  db: Database.Database,
  { fresh, held, records }: Situation
): { readonly what: string; readonly expected: ReadonlyArray<Expected> } => {
  const table = next() < 0.5 ? "nodes" : "relationships"
  const ours = new Set(records.map((one) => one._tag + describe(one)))
  const tag = table === "nodes" ? "Node" : "Relationship"
  const nameOf = (row: Row): string => {
    const unkeyed = table === "relationships" && row.properties.includes('\\"unkeyed\\":true')
    return unkeyed ? `(${row.from_id})-[${row.rel_type}]->(${row.to_id})` : row.id
  }
  const rows = db
    .prepare<[], Row>(`SELECT rowid, * FROM ${table} ORDER BY id`)
    .all()
    .filter((row) => ours.has(tag + nameOf(row)))
  const row = pick(next, rows)
  const key = nameOf(row)
  const keyed = key === row.id
  const record = table === "nodes" ? ("node" as const) : ("relationship" as const)
  const set = (column: string, value: string | null): void => {
    db.prepare(`UPDATE ${table} SET "${column}" = ? WHERE rowid = ?`).run(value, row.rowid)
  }
  const copy = (id: string): void => {
    const columns = Object.keys(row).filter((name) => name !== "rowid" && name !== "id")
    const list = columns.map((name) => `"${name}"`).join()
    db.prepare(`INSERT INTO ${table} (id, ${list}) SELECT ?, ${list} FROM ${table} WHERE rowid = ?`).run(id, row.rowid)
  }
  const result = (what: string, ...expected: ReadonlyArray<Expected>) => ({
    what: `${what} of ${record} ${key}`,
    expected
  })
  const changed = (property: string | undefined): Expected => ({
    kind: "changed",
    record,
    key,
    property
  })
  const missing: Expected = { kind: "missing", record, key }
  const extra = (other: string): ReadonlyArray<Expected> => (fresh ? [{ kind: "extra", record, key: other }] : [])

  const draw = next()
  if (draw < 0.05) {
    db.prepare(`DELETE FROM ${table} WHERE rowid = ?`).run(row.rowid)
    return result("deletion", missing)
  }
  if (draw < 0.1 && (fresh || (!keyed && !held.has(key)))) {
    copy(`${row.id}+`)
    return result("a copy", { kind: "extra", record, key: keyed ? `${row.id}+` : key })
  }
  if (draw < 0.15 && keyed) {
    set("id", `${row.id}x`)
    return result("id", missing, ...extra(`${row.id}x`))
  }
  if (draw < 0.3 && row.label !== undefined) {
    set("label", `${row.label}x`)
    // Where `_mg_labels` says otherwise the row cannot be read.
    return result("label", changed(row.properties.includes('"_mg_labels"') ? undefined : "labels"))
  }
  if (draw < 0.4 && table === "relationships") {
    const other =
      pick(
        next,
        records.filter(({ _tag }) => _tag === "Node")
      ).key ?? ""
    const column = pick(next, ["from_id", "to_id", "rel_type"] as const)
    const value = column === "rel_type" || other === row[column] ? `${row.rel_type}_` : other
    const written = value === other ? column : "rel_type"
    set(written, value)
    if (keyed) return result(written, changed({ from_id: "from", to_id: "to", rel_type: "type" }[written]))
    return result(written, missing, ...extra(nameOf({ ...row, [written]: value })))
  }
  if (draw < 0.55 && table === "relationships") {
    const column = pick(next, OUTRANKING)
    const value = row[column]
    const other = value === null ? "2026-01-01T00:00:00+00:00" : String(smallestChange(next, value))
    const nullable = value !== null && (column === "valid_until" || column === "invalidated_by")
    set(column, nullable && next() < 0.5 ? null : other)
    return result(column, changed(column))
  }
  const properties = parsed(row.properties)
  const names = Object.keys(properties).filter(
    (name) => !name.startsWith("_mg_") && !(table === "relationships" && OUTRANKED.has(name))
  )
  const write = (json: JsonObject) => set("properties", jsonText(json))
  if (names.length === 0 || next() < 0.1) {
    write({ ...properties, unforeseen: false })
    return result("a property added", changed("unforeseen"))
  }
  const name = pick(next, names)
  if (next() < 0.1) {
    write(Object.fromEntries(Object.entries(properties).filter(([other]) => other !== name)))
    return result(`property ${name} removed`, changed(name))
  }
  const value = smallestChange(next, properties[name] ?? null)
  write({ ...properties, [name]: isJson(value) ? value : "other" })
  return result(`property ${JSON.stringify(name)} changed`, changed(name))
}

const isJson = (value: unknown): value is JsonValue =>
  typeof value !== "object" ||
  value === null ||
  Array.isArray(value) ||
  Object.getPrototypeOf(value) === Object.prototype
