import * as fs from "node:fs"
import * as Effect from "effect/Effect"
import { describe, expect, it } from "vitest"
import type { Left } from "../../../src/domain/Errors.ts"
import { type GraphRecord, node, relationship } from "../../../src/domain/Graph.ts"
import * as Journal from "../../../src/backend/Journal.ts"
import { takeBackAll } from "../../../src/testing/conformance/support.ts"
import type { WriteSession } from "../../../src/backend/WriteSession.ts"
import type { MigrationError } from "../../../src/domain/Errors.ts"
import { connect, copyOf, lines, newPath, read, rows, run, sha256, sql, writeAll } from "./support.ts"

const memory = (key: string, title = "t"): GraphRecord => node(key, ["Memory"], { id: key, title })
const bond = (n: bigint): GraphRecord => relationship(null, "a", "T", "b", { n })
const graph = [memory("a"), memory("b"), relationship("r", "a", "SOLVES", "b", { id: "r" }), bond(1n), bond(1n)]

type Write = (session: WriteSession) => Effect.Effect<void, MigrationError>

/** Publishes a run; returns its journal. */
const published = async (file: string, write: Write): Promise<string> => {
  const journal = newPath("journal.db")
  await run(
    Effect.gen(function* () {
      const backend = yield* connect(file)
      const session = yield* backend.openSession({ run: "run-1", journal: yield* Journal.make(journal) })
      yield* write(session)
      yield* session.publish
    })
  )
  return journal
}

/** Takes the run back; `publish` unless the session is to be undone. */
const takenBack = (file: string, journalFile: string, publish = true): Promise<ReadonlyArray<Left>> =>
  run(
    Effect.gen(function* () {
      const backend = yield* connect(file)
      const journal = yield* Journal.make(journalFile)
      const session = yield* backend.openSession({ run: "run-1", journal })
      const left = yield* takeBackAll({ session, journal })
      yield* publish ? session.publish : session.undo
      return left
    })
  )

const writeGraph: Write = (session) => writeAll(session, graph)

describe("a published run on a new file", () => {
  it("is taken back; the tables stay", async () => {
    const file = newPath()
    const journal = await published(file, writeGraph)
    const master = rowsOfMaster(file)
    expect(await takenBack(file, journal)).toEqual([])
    expect([rows(file, "nodes"), rows(file, "relationships"), rows(file, "nodes_fts_docsize")]).toEqual([[], [], []])
    expect(rowsOfMaster(file)).toEqual(master)
    expect(sql(file, (db) => db.pragma("integrity_check", { simple: true }))).toBe("ok")
  })

  it("has nothing to be taken back where somebody has deleted the file", async () => {
    const file = newPath()
    const journal = await published(file, writeGraph)
    fs.rmSync(file)
    expect(await takenBack(file, journal)).toEqual([])
    expect(await read(file)).toEqual([])
  })
})

describe.each([
  ["with a rollback journal", "python-small.db", "delete", "nodes"],
  ["with a write-ahead log", "python-small.db", "wal", "nodes"],
  ["in the column layout", "ts-small.db", "delete", "memories"]
] as const)("a published run on a file in use, %s", (_what, fixture, mode, table) => {
  const prepare = async () => {
    const file = copyOf(fixture)
    sql(file, (db) => db.pragma(`journal_mode = ${mode}`))
    const records = await read(file)
    const own = records.slice(0, 2)
    // The text of a record that was overwritten may have its properties in another order.
    const others = () =>
      [...rows(file, table), ...rows(file, "relationships")].filter(({ id }) => own.every(({ key }) => key !== id))
    const before = others()
    const more = records
      .filter((record) => record._tag === "Node")
      .map((record) => node(`new ${record.key}`, record.labels, { ...record.properties, id: `new ${record.key}` }))
    const journal = await published(file, (session) =>
      Effect.gen(function* () {
        yield* session.write({ create: more, overwrite: [] })
        for (const one of own)
          yield* session.write({
            create: [],
            overwrite: [{ before: one, after: { ...one, properties: { ...one.properties, title: "changed" } } }]
          })
      })
    )
    return { file, before, journal, others, records }
  }

  it("is taken back, row by row as it was", async () => {
    const { before, file, journal, others, records } = await prepare()
    expect(await takenBack(file, journal)).toEqual([])
    expect(others()).toEqual(before)
    expect(lines(await read(file))).toEqual(lines(records))
  })

  it("is there byte for byte when taking it back is undone", async () => {
    const { file, journal } = await prepare()
    const before = sha256(file)
    expect(await takenBack(file, journal, false)).toEqual([])
    expect(sha256(file)).toBe(before)
  })
})

describe("what has to stay", () => {
  it.each([
    ["a row that cannot be read any more", "UPDATE nodes SET properties = '{' WHERE id = 'a'", ["node a"]],
    [
      "a row with invalid text that reads like ours",
      "UPDATE nodes SET properties = replace(properties, '\\ufffd', CAST(x'ff' AS TEXT)) WHERE id = 'odd'",
      ["node odd"]
    ],
    [
      "a node with relationships in both directions and to itself",
      "INSERT INTO nodes (id, label, properties) VALUES ('x', 'X', '{}'); INSERT INTO relationships (id, from_id, to_id, rel_type, properties) VALUES ('1', 'a', 'x', 'T', '{}'), ('2', 'x', 'a', 'T', '{}'), ('3', 'a', 'a', 'T', '{}')",
      ["node a"]
    ],
    [
      "a relationship without a key that was changed in its row",
      "UPDATE relationships SET properties = replace(properties, '1', '2') WHERE id LIKE 'mg-%-0'",
      ["relationship (a)-[T]->(b)", "node a", "node b"]
    ],
    [
      "what a trigger keeps",
      "CREATE TRIGGER no BEFORE DELETE ON nodes WHEN OLD.id = 'a' BEGIN SELECT RAISE(ABORT, 'never'); END",
      ["node a"]
    ],
    [
      "what a trigger keeps in silence",
      "CREATE TRIGGER no BEFORE DELETE ON nodes WHEN OLD.id = 'a' BEGIN SELECT RAISE(IGNORE); END",
      ["node a"]
    ]
  ])("is %s", async (_what, since, expected) => {
    const file = newPath()
    const journal = await published(file, (session) => writeAll(session, [...graph, memory("odd", "\ufffd")]))
    sql(file, (db) => db.exec(since))
    const left = await takenBack(file, journal)
    expect(left.map(({ what }) => what)).toEqual(expected)
    const ids = rows(file, "nodes").map(({ id }) => id)
    expect(ids.filter((id) => id !== "x")).toEqual(
      expected.flatMap((what) => (what.startsWith("node ") ? [what.slice(5)] : []))
    )
  })

  it("is the state before of a relationship whose end is gone", async () => {
    const file = newPath()
    const before = relationship("m", "a", "T", "b", { id: "m" })
    const after = relationship("m", "a", "T", "c", { id: "m" })
    await published(file, (session) => writeAll(session, [memory("a"), memory("b"), memory("c"), before]))
    const journal = await published(file, (session) => session.write({ create: [], overwrite: [{ before, after }] }))
    sql(file, (db) => db.exec("DELETE FROM nodes WHERE id = 'b'"))
    expect(await takenBack(file, journal)).toMatchObject([{ what: "the state before of relationship m" }])
    expect(lines(await read(file))).toEqual(lines([memory("a"), memory("c"), after]))
  })

  it("is the state before that a constraint does not take any more", async () => {
    const file = newPath()
    await published(file, (session) => writeAll(session, [memory("a", "one")]))
    const journal = await published(file, (session) =>
      session.write({ create: [], overwrite: [{ before: memory("a", "one"), after: memory("a", "two") }] })
    )
    sql(file, (db) => db.exec("CREATE UNIQUE INDEX titles ON nodes(properties ->> '$.title')"))
    await published(file, (session) => writeAll(session, [memory("b", "one")]))
    expect(await takenBack(file, journal)).toMatchObject([{ what: "the state before of node a" }])
    expect(lines(await read(file))).toEqual(lines([memory("a", "two"), memory("b", "one")]))
  })
})

it("of equal relationships the latest are taken back", async () => {
  const file = newPath()
  await published(file, writeGraph)
  const before = rows(file, "relationships")
  const journal = await published(file, (session) =>
    writeAll(
      session,
      Array.from({ length: 11 }, () => bond(1n))
    )
  )
  expect(await takenBack(file, journal)).toEqual([])
  expect(rows(file, "relationships")).toEqual(before)
})

it("a trigger that rolls back ends the session, and nothing more is taken back", async () => {
  const file = newPath()
  const journal = await published(file, writeGraph)
  sql(file, (db) =>
    db.exec("CREATE TRIGGER no BEFORE DELETE ON nodes WHEN OLD.id = 'a' BEGIN SELECT RAISE(ROLLBACK, 'never'); END")
  )
  const before = sha256(file)
  await expect(takenBack(file, journal)).rejects.toMatchObject({ _tag: "WriteFailed" })
  expect(sha256(file)).toBe(before)
})

const rowsOfMaster = (file: string) => sql(file, (db) => db.prepare("SELECT name, sql FROM sqlite_master").all())
