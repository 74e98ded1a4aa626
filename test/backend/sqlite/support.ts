/** What the SQLite tests share: temporary folders, runs of effects, and plain SQL beside the backend. */
import * as crypto from "node:crypto"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { fileURLToPath } from "node:url"
import Database from "better-sqlite3"
import * as Cause from "effect/Cause"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { afterAll } from "vitest"
import type { GraphBackend, Selection } from "../../../src/backend/GraphBackend.ts"
import * as Journal from "../../../src/backend/Journal.ts"
import { make } from "../../../src/backend/sqlite/SqliteBackend.ts"
import type { SqliteLayout } from "../../../src/backend/StoreConfig.ts"
import { use, type WriteSession } from "../../../src/backend/WriteSession.ts"
import { canonicalLine } from "../../../src/domain/Canonical.ts"
import type { GraphRecord } from "../../../src/domain/Graph.ts"

export const fixture = (name: string): string => fileURLToPath(new URL(`../../fixtures/${name}`, import.meta.url))

const folders: Array<string> = []
afterAll(() => {
  for (const folder of folders) fs.rmSync(folder, { recursive: true, force: true })
})

/** A new folder, removed after the tests of the file. */
export const newFolder = (): string => {
  const folder = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), "sqlite-test-")))
  folders.push(folder)
  return folder
}

/** A path in a new folder, where nothing is yet. */
export const newPath = (name = "memory.db"): string => path.join(newFolder(), name)

/** A writable copy of a fixture in a folder of its own. */
export const copyOf = (name: string): string => {
  const file = newPath()
  fs.copyFileSync(fixture(name), file)
  fs.chmodSync(file, 0o600)
  return file
}

/** Runs plain SQL on a file, and closes it. */
export const sql = <A>(file: string, work: (db: Database.Database) => A): A => {
  const db = new Database(file)
  try {
    db.pragma("foreign_keys = OFF")
    return work(db)
  } finally {
    db.close()
  }
}

/** All rows of a table as plain SQL sees them: integers as bigint. */
export const rows = (file: string, table: string): ReadonlyArray<Record<string, unknown>> =>
  sql(file, (db) => db.prepare<[], Record<string, unknown>>(`SELECT * FROM ${table} ORDER BY id`).safeIntegers().all())

export const sha256 = (file: string): string => crypto.hash("sha256", fs.readFileSync(file), "hex")

export const ls = (file: string): ReadonlyArray<string> => fs.readdirSync(path.dirname(file)).sort()

/** Runs an effect in a scope; rejects with the error itself. */
export const run = async <A, E>(effect: Effect.Effect<A, E, Scope.Scope>): Promise<A> => {
  const exit = await Effect.runPromiseExit(Effect.scoped(effect))
  if (Exit.isSuccess(exit)) return exit.value
  throw Cause.squash(exit.cause)
}

/** The tagged error that an effect fails with. */
export const failure = async <A, E>(effect: Effect.Effect<A, E, Scope.Scope>): Promise<E> => run(Effect.flip(effect))

export const connect = (file: string, layout?: SqliteLayout) => make({ kind: "sqlite", path: file, layout })

export const readFrom = (backend: GraphBackend, selection?: Selection) =>
  Effect.map(Stream.runCollect(backend.read(selection)), (records) => Chunk.toReadonlyArray(records))

/** All records of a file. */
export const read = (file: string, layout?: SqliteLayout): Promise<ReadonlyArray<GraphRecord>> =>
  run(Effect.flatMap(connect(file, layout), (backend) => readFrom(backend)))

export const lines = (records: ReadonlyArray<GraphRecord>): ReadonlyArray<string> => records.map(canonicalLine).sort()

/** A session with a journal of its own. */
export const openSession = (backend: GraphBackend) =>
  Effect.gen(function* () {
    const journal = yield* Journal.make(newPath("journal.db"))
    return yield* backend.openSession({ run: "run-1", journal })
  })

/** Writes records to a file in one published session, nodes first, and returns how it ended. */
export const write = (file: string, records: ReadonlyArray<GraphRecord>, layout?: SqliteLayout) =>
  run(
    Effect.gen(function* () {
      const backend = yield* connect(file, layout)
      const session = yield* openSession(backend)
      const result = yield* use(session, writeAll(session, records))
      return result.exit._tag === "Success" ? result.outcome : yield* result.exit
    })
  )

/** Writes records as creations, nodes first. */
export const writeAll = (session: WriteSession, records: ReadonlyArray<GraphRecord>) =>
  Effect.forEach(
    [records.filter((record) => record._tag === "Node"), records.filter((record) => record._tag === "Relationship")],
    (create) => (create.length === 0 ? Effect.void : session.write({ create, overwrite: [] })),
    { discard: true }
  )
