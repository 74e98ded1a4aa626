/** SQLite files as the conformance suite takes them. */
import * as fs from "node:fs"
import * as path from "node:path"
import Database from "better-sqlite3"
import * as Effect from "effect/Effect"
import * as SqliteBackend from "../../src/backend/sqlite/SqliteBackend.ts"
import type { SqliteConfig } from "../../src/backend/StoreConfig.ts"
import type { GraphRecord } from "../../src/domain/Graph.ts"
import type { Harness, Place } from "../../src/testing/conformance/index.ts"
import { temporaryFolder } from "../../src/testing/conformance/support.ts"

const withDatabase = <A>(file: string, use: (db: Database.Database) => A): A => {
  const db = new Database(file, { fileMustExist: true })
  try {
    return use(db)
  } finally {
    db.close()
  }
}

const schema = (db: Database.Database): ReadonlyArray<string> =>
  db
    .prepare<[], { name: string; sql: string | null }>("SELECT name, sql FROM sqlite_master ORDER BY type, name")
    .all()
    .map(({ name, sql }) => `${name}: ${sql}`)

// The folder's files, and what the database says of itself.
const traces = (folder: string, file: string): ReadonlyArray<string> => {
  const files = fs.readdirSync(folder).sort()
  if (!fs.existsSync(file)) return files
  return [
    ...files,
    ...withDatabase(file, (db) => [
      ...schema(db),
      ...["journal_mode", "user_version", "application_id", "auto_vacuum", "encoding"].map(
        (name) => `${name} ${String(db.pragma(name, { simple: true }))}`
      )
    ])
  ]
}

const SPOIL = {
  seed: "UPDATE nodes SET properties = '{' || properties WHERE rowid = (SELECT max(rowid) FROM nodes)",
  column: "UPDATE memories SET importance = x'00' WHERE rowid = (SELECT max(rowid) FROM memories)"
} as const

// As a file's owner would: by a unique index that takes the record for another one, or by a trigger.
const REFUSE = {
  index: (table: string, key: string, other: string) =>
    `CREATE UNIQUE INDEX refuse_${table} ON ${table}(CASE WHEN id = '${key}' THEN '${other}' ELSE id END)`,
  trigger: (table: string, key: string) =>
    `CREATE TRIGGER refuse_${table} BEFORE INSERT ON ${table} WHEN NEW.id = '${key}' BEGIN SELECT RAISE(ABORT, 'not wanted'); END`
} as const

const refuse = (file: string, nodes: string, by: keyof typeof REFUSE, record: GraphRecord): void =>
  withDatabase(file, (db) => {
    const table = record._tag === "Node" ? nodes : "relationships"
    const other = db.prepare<[], string>(`SELECT min(id) FROM ${table}`).pluck().get()
    db.exec(REFUSE[by](table, record.key ?? "", other ?? ""))
  })

/** A file that `prepare` makes, or that does not exist at first. */
export const sqliteHarness = (
  name: string,
  options: Omit<SqliteConfig, "kind" | "path"> & {
    readonly prepare?: (file: string) => void
    readonly spoil: keyof typeof SPOIL
    readonly refuse?: keyof typeof REFUSE
    readonly without?: Harness["without"]
    readonly runs?: number
  }
): Harness => ({
  name,
  without: options.without,
  runs: options.runs,
  place: Effect.map(temporaryFolder, (folder): Place => {
    const file = path.join(folder, "memory.db")
    options.prepare?.(file)
    const config: SqliteConfig = { kind: "sqlite", path: file, layout: options.layout }
    return {
      connect: SqliteBackend.make(config),
      traces: Effect.sync(() => traces(folder, file)),
      spoil: Effect.sync(() => withDatabase(file, (db) => db.exec(SPOIL[options.spoil]))),
      refuse: (record) =>
        Effect.sync(() =>
          refuse(file, options.spoil === "seed" ? "nodes" : "memories", options.refuse ?? "index", record)
        )
    }
  })
})

/** A fixture without its rows: a file that a MemoryGraph program has made. */
export const emptied =
  (fixture: string, journalMode: "delete" | "wal", tables: ReadonlyArray<string>) =>
  (file: string): void => {
    fs.copyFileSync(new URL(`../fixtures/${fixture}`, import.meta.url), file)
    fs.chmodSync(file, 0o600)
    withDatabase(file, (db) => {
      for (const table of tables) db.exec(`DELETE FROM ${table}`)
      db.pragma(`journal_mode = ${journalMode}`)
    })
  }
