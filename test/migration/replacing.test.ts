/** Clearing stores, and restoring backups in the place of what a store holds. */
import * as fs from "node:fs"
import * as path from "node:path"
import Database from "better-sqlite3"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Stream from "effect/Stream"
import { describe, expect, it } from "vitest"
import type { GraphBackend } from "../../src/backend/GraphBackend.ts"
import { canonicalLine } from "../../src/domain/Canonical.ts"
import type { MigrationError } from "../../src/domain/Errors.ts"
import type { GraphRecord } from "../../src/domain/Graph.ts"
import { clear } from "../../src/migration/clear.ts"
import { importRecords, type WriteOptions } from "../../src/migration/migrate.ts"
import { isConserved } from "../../src/migration/report.ts"
import { rollback } from "../../src/migration/rollback.ts"
import { list } from "../../src/migration/runs.ts"
import { collect, fingerprintOf } from "../../src/testing/compare.ts"
import { make, MemoryStore } from "../../src/testing/MemoryBackend.ts"
import { keyOf, link, memory as note } from "../../src/testing/samples.ts"
import { copyOf, edit, runsLeft, tempFolder } from "../support/migrating.ts"
import { readSeed } from "../support/plainSql.ts"
import { endOf, sqlite, state, using } from "./backups.ts"

const [A, B, C, D, X] = [keyOf("rpa", 0), keyOf("rpb", 0), keyOf("rpc", 0), keyOf("rpd", 0), keyOf("rpx", 0)] as const
const MOVED = keyOf("rpm", 0)

/** What the backup holds. */
const wanted: ReadonlyArray<GraphRecord> = [
  ...[A, B, C, D].map((key, n) => note(key, n)),
  link(keyOf("rpr", 0), A, B, 0),
  link(MOVED, B, C, 1),
  link(null, C, D, 2),
  link(null, C, D, 2)
]

/** What the store holds: equal ones, changed ones, others; more equal relationships; one of the same key elsewhere. */
const held: ReadonlyArray<GraphRecord> = [
  note(A, 0),
  note(B, 7),
  note(C, 2),
  note(D, 3),
  note(X, 4),
  link(keyOf("rpr", 0), A, B, 4),
  link(MOVED, C, X, 1),
  link(keyOf("rpr", 1), X, X, 1),
  link(null, C, D, 2),
  link(null, C, D, 2),
  link(null, C, D, 2),
  link(null, A, X, 3)
]

const lines = (records: ReadonlyArray<GraphRecord>) => records.map(canonicalLine).toSorted()

/** A store in memory that holds records; `exposed` shows batches before their publication. */
const inMemory = async (exposed: boolean, records: ReadonlyArray<GraphRecord> = held) => {
  const store = new MemoryStore("graph")
  const backend = await Effect.runPromise(make({ store, exposed }))
  await Effect.runPromise(
    importRecords({ path: "given", records: Stream.fromIterable(records) }, backend, { stateFolder: state() })
  )
  return { backend, store }
}

const restore = (target: GraphBackend, options: Partial<WriteOptions> & { readonly stateFolder: string }) =>
  importRecords({ path: "backup", records: Stream.fromIterable(wanted) }, target, { ...options, replace: true })

const holds = async (backend: GraphBackend) => lines(await Effect.runPromise(collect(backend.read())))

/** The backend with something that somebody does just before the session is opened. */
const meddled = (backend: GraphBackend, meddle: Effect.Effect<void>): GraphBackend => ({
  ...backend,
  openSession: (options) => Effect.zipRight(meddle, backend.openSession(options))
})

describe("a store that is cleared", () => {
  it("holds nothing, has its schema still, and gets everything back by a rollback", async () => {
    const file = copyOf("python-small.db")
    const schema = () =>
      new Database(file, { readonly: true }).prepare("SELECT sql FROM sqlite_master ORDER BY name").all()
    const [before, tables] = [readSeed(file), schema()]
    const stateFolder = state()
    const report = await using(sqlite(file), (store) => clear(store, { stateFolder }))
    expect(report).toMatchObject({ command: "clear", outcome: "done", exitCode: 0, source: null })
    expect(report.records).toEqual({ read: 0, written: 0, same: 0, kept: 0, overwritten: 0, rejected: 0, removed: 90 })
    expect(report.plan).toMatchObject({ removes: 90, new: 0 })
    expect(report.verification).toMatchObject({ mode: "full", differencesTotal: 0 })
    expect(report.target?.after).toMatchObject({ nodes: 0, relationships: 0, fingerprint: fingerprintOf([]).text })
    expect(readSeed(file)).toEqual({ nodes: new Map(), relationships: new Map() })
    expect(schema()).toEqual(tables)
    const taken = await using(sqlite(file), (store) => rollback(store, { stateFolder, run: report.run }))
    expect(taken).toMatchObject({ outcome: "undone", exitCode: 0 })
    expect(readSeed(file)).toEqual(before)
  })

  it.each([true, false])("is left as it was where something comes in after the plan (exposed: %s)", async (exposed) => {
    const { backend, store } = await inMemory(exposed)
    const more = note(keyOf("rpn", 0), 5)
    const meddle = Effect.sync(() => store.graph.apply({ create: [more], overwrite: [] }))
    const stateFolder = state()
    const ended = await endOf(clear(meddled(backend, meddle), { stateFolder }))
    expect(ended).toMatchObject({ exitCode: 6, outcome: "undone" })
    expect(await holds(backend)).toEqual(lines([...held, more]))
    expect(runsLeft(stateFolder)).toEqual([])
  })

  it("is left as it was where something has changed after the plan", async () => {
    const { backend, store } = await inMemory(true)
    const after = note(X, 9)
    const meddle = Effect.sync(() => store.graph.apply({ create: [], overwrite: [{ before: note(X, 4), after }] }))
    const ended = await endOf(clear(meddled(backend, meddle), { stateFolder: state() }))
    expect(ended).toMatchObject({ exitCode: 5, error: { reason: "store-changed" } })
    expect(await holds(backend)).toEqual(lines([...held.filter(({ key }) => key !== X), after]))
  })

  it("is left alone where it holds nothing, where nobody agrees, and in a dry run", async () => {
    const { backend } = await inMemory(false)
    const stateFolder = state()
    const dry = await Effect.runPromise(clear(backend, { stateFolder, dryRun: true }))
    expect(dry).toMatchObject({ outcome: "dry-run", plan: { removes: held.length } })
    const declined = await endOf(clear(backend, { stateFolder, confirm: () => Effect.succeed(false) }))
    expect(declined).toMatchObject({ exitCode: 9, error: { reason: "declined" } })
    expect(await holds(backend)).toEqual(lines(held))
    expect(runsLeft(stateFolder)).toEqual([])
    const empty = await inMemory(false, [])
    expect(await Effect.runPromise(clear(empty.backend, { stateFolder }))).toMatchObject({ outcome: "nothing-to-do" })
  })

  it("is refused where a relationship could not come back", async () => {
    const file = copyOf("python-small.db")
    edit(file, "DELETE FROM nodes WHERE id = (SELECT to_id FROM relationships LIMIT 1)")
    const before = fs.readFileSync(file)
    const ended = await using(sqlite(file), (store) =>
      Effect.promise(() => endOf(clear(store, { stateFolder: path.join(tempFolder(), "state") })))
    )
    expect(ended).toMatchObject({ exitCode: 4, error: { reason: "dangling" } })
    expect(fs.readFileSync(file).equals(before)).toBe(true)
  })
})

describe.each([true, false])("a store that a backup replaces (exposed: %s)", (exposed) => {
  it("holds just the backup, and by a rollback just what it held", async () => {
    const { backend } = await inMemory(exposed)
    const stateFolder = state()
    const report = await Effect.runPromise(restore(backend, { stateFolder }))
    expect(await holds(backend)).toEqual(lines(wanted))
    expect(report.verification?.targetFingerprint).toBe(fingerprintOf(wanted).text)
    expect(report.target?.after?.fingerprint).toBe(fingerprintOf(wanted).text)
    // A, C, D and two relationships are there as they should be; X and four relationships go, one of them to be made anew.
    expect(report.records).toEqual({ read: 8, written: 1, same: 5, kept: 0, overwritten: 2, rejected: 0, removed: 5 })
    expect(report.plan).toMatchObject({ new: 1, same: 5, conflicts: 2, overwrites: 2, removes: 5 })
    expect(isConserved(report.records)).toBe(true)
    const taken = await Effect.runPromise(rollback(backend, { stateFolder, run: report.run }))
    expect(taken.rollback).toEqual({ outcome: "undone", left: [] })
    expect(await holds(backend)).toEqual(lines(held))
  })

  it("is as it was where the run fails after something was removed", async () => {
    const { backend, store } = await inMemory(exposed)
    store.refused.add(MOVED)
    const ended = await endOf(restore(backend, { stateFolder: state() }))
    expect(ended).toMatchObject({ exitCode: 5, outcome: "undone" })
    expect(await holds(backend)).toEqual(lines(held))
  })

  it("keeps what somebody brought in after the plan, and everything else", async () => {
    const { backend, store } = await inMemory(exposed)
    const more = note(keyOf("rpn", 0), 5)
    const meddle = Effect.sync(() => store.graph.apply({ create: [more], overwrite: [] }))
    const ended = await endOf(restore(meddled(backend, meddle), { stateFolder: state() }))
    expect(ended).toMatchObject({ exitCode: 6, outcome: "undone" })
    expect(await holds(backend)).toEqual(lines([...held, more]))
  })

  it("keeps what came in its removed places after the publication, and says so", async () => {
    const { backend, store } = await inMemory(exposed)
    const stateFolder = state()
    const { run } = await Effect.runPromise(restore(backend, { stateFolder }))
    const theirs = note(X, 8)
    store.graph.apply({ create: [theirs], overwrite: [] })
    const exit = await Effect.runPromiseExit(rollback(backend, { stateFolder, run }))
    expect(Exit.isFailure(exit)).toBe(true)
    expect(await holds(backend)).toEqual(lines([...held.filter(({ key }) => key !== X), theirs]))
    const { runs } = await Effect.runPromise(list(stateFolder))
    expect(runs.map(({ summary }) => summary.status)).toEqual(["rolled-back"])
  })
})

describe("replacing", () => {
  it("frees what a rule of the store lets stand only once, before it is needed", async () => {
    const file = copyOf("python-small.db")
    const stateFolder = state()
    const all = await using(sqlite(file), (store) => collect(store.read()))
    // The backup's title of the first memory is that of a memory which the backup does not have.
    edit(
      file,
      "UPDATE nodes SET id = 'other', properties = json_set(properties, '$.id', 'other') WHERE id = (SELECT min(id) FROM nodes)",
      "DELETE FROM relationships WHERE from_id NOT IN (SELECT id FROM nodes) OR to_id NOT IN (SELECT id FROM nodes)",
      "CREATE UNIQUE INDEX titles ON nodes (json_extract(properties, '$.title'), json_extract(properties, '$.content'))"
    )
    const before = readSeed(file)
    const document = { path: "backup", records: Stream.fromIterable(all) }
    const report = await using(sqlite(file), (store) => importRecords(document, store, { stateFolder, replace: true }))
    expect(report.records).toMatchObject({ removed: 1 })
    expect(report.target?.after?.fingerprint).toBe(fingerprintOf(all).text)
    await using(sqlite(file), (store) => rollback(store, { stateFolder, run: report.run }))
    expect(readSeed(file)).toEqual(before)
  })

  it("is not possible by a graph of which some may be left behind", async () => {
    const { backend } = await inMemory(false)
    const ended = await endOf(restore(backend, { stateFolder: state(), onError: "reject" }))
    expect(ended).toMatchObject({ exitCode: 2 })
    expect(await holds(backend)).toEqual(lines(held))
  })

  it("writes into an empty store like any other import", async () => {
    const { backend } = await inMemory(false, [])
    const ask = (): Effect.Effect<boolean, MigrationError> => Effect.die("nothing is to be asked")
    const report = await Effect.runPromise(restore(backend, { stateFolder: state(), confirm: ask }))
    expect(report.records).toMatchObject({ written: wanted.length, removed: 0 })
  })
})
