import * as fs from "node:fs"
import * as path from "node:path"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { describe, expect, it } from "vitest"
import * as Journal from "../../../src/backend/Journal.ts"
import { type GraphRecord, node, relationship } from "../../../src/domain/Graph.ts"
import {
  connect,
  copyOf,
  lines,
  newPath,
  openSession,
  read,
  readFrom,
  rows,
  run,
  sha256,
  sql,
  write
} from "./support.ts"

const memory = (key: string, title = "t"): GraphRecord => node(key, ["Memory"], { id: key, title })
const bond = (to: string): GraphRecord => relationship(null, "own", "T", to, { n: 1n })

/** A file with one memory and a table of its owner, and what its owner has done to it. */
const prepared = async (ddl: string): Promise<string> => {
  const file = newPath()
  await write(file, [memory("own", "taken"), bond("own")])
  sql(file, (db) => db.exec(`CREATE TABLE audit (id TEXT); ${ddl}`))
  return file
}

const RULES = {
  "a unique index": "CREATE UNIQUE INDEX titles ON nodes(properties ->> '$.title')",
  "a trigger that aborts":
    "CREATE TRIGGER no AFTER INSERT ON nodes WHEN NEW.properties LIKE '%taken%' BEGIN INSERT INTO audit VALUES (NEW.id); SELECT RAISE(ABORT, 'no'); END",
  "a trigger that fails and leaves what it did":
    "CREATE TRIGGER no AFTER INSERT ON nodes WHEN NEW.properties LIKE '%taken%' BEGIN INSERT INTO audit VALUES (NEW.id); SELECT RAISE(FAIL, 'no'); END",
  "a trigger that ignores":
    "CREATE TRIGGER no BEFORE INSERT ON nodes WHEN NEW.properties LIKE '%taken%' BEGIN SELECT RAISE(IGNORE); END"
} as const

describe.each(Object.entries(RULES))("a record that %s refuses", (_what, ddl) => {
  it("takes its batch with it; the session goes on and is published", async () => {
    const file = await prepared(
      `${ddl}; CREATE TRIGGER note AFTER INSERT ON nodes WHEN NEW.id LIKE 'l%' BEGIN INSERT INTO audit VALUES (NEW.id); END;`
    )
    const before = { nodes: rows(file, "nodes"), relationships: rows(file, "relationships") }
    const journal = await run(
      Effect.gen(function* () {
        const kept = yield* Journal.make(newPath("journal.db"))
        const backend = yield* connect(file)
        const session = yield* backend.openSession({ run: "run-1", journal: kept })
        const after = node("own", ["Memory"], { id: "own", title: "taken", more: "more" })
        const overwrite = [{ before: memory("own", "taken"), after }]
        for (const batch of [
          { create: [memory("logged", "1"), memory("bad", "taken")], overwrite: [] },
          { create: [memory("logged", "1"), memory("bad", "taken"), memory("c", "3")], overwrite },
          { create: [memory("bad", "taken")], overwrite: [] }
        ])
          expect(yield* Effect.flip(session.write(batch))).toMatchObject({ reason: "refused-record" })
        expect(lines(Chunk.toReadonlyArray(yield* Stream.runCollect(session.read)))).toEqual(
          lines([memory("own", "taken"), bond("own")])
        )
        yield* session.write({ create: [memory("logged", "1"), memory("c", "3")], overwrite: [] })
        yield* session.publish
        return Chunk.toReadonlyArray(yield* Stream.runCollect(kept.batches)).map(({ created }) => created.length)
      })
    )
    expect(journal).toEqual([2])
    expect(lines(await read(file))).toEqual(
      lines([memory("own", "taken"), bond("own"), memory("logged", "1"), memory("c", "3")])
    )
    expect(rows(file, "nodes")).toEqual(expect.arrayContaining([...before.nodes]))
    expect(rows(file, "relationships")).toEqual(before.relationships)
    expect(rows(file, "audit")).toEqual([{ id: "logged" }])
  })
})

describe("a batch that is refused", () => {
  it("takes its relationships without a key with it, also where equal ones are there", async () => {
    const file = await prepared("")
    await run(
      Effect.gen(function* () {
        const session = yield* openSession(yield* connect(file))
        const bad = relationship("twice", "own", "T", "own", { id: "twice" })
        const error = yield* Effect.flip(session.write({ create: [bond("own"), bond("own"), bad, bad], overwrite: [] }))
        expect(error).toMatchObject({ reason: "refused-record" })
        yield* session.write({ create: [bond("own"), bad], overwrite: [] })
        yield* session.publish
      })
    )
    expect(rows(file, "relationships")).toHaveLength(3)
  })

  it("brings what it had overwritten back byte for byte", async () => {
    const file = copyOf("python-small.db")
    const before = rows(file, "nodes")
    await run(
      Effect.gen(function* () {
        const backend = yield* connect(file)
        const own = (yield* readFrom(backend, { only: "nodes" }))[0]
        if (own?._tag !== "Node") return expect.unreachable("the fixture is empty")
        const session = yield* openSession(backend)
        const gone = memory("gone")
        const overwrite = [own, gone].map((one) => ({
          before: one,
          after: { ...one, properties: { ...one.properties, title: "changed" } }
        }))
        expect(yield* Effect.flip(session.write({ create: [memory("x")], overwrite }))).toMatchObject({
          reason: "store-changed"
        })
        yield* session.publish
      })
    )
    expect(rows(file, "nodes")).toEqual(before)
  })
})

describe("a rule of the owner's that rolls the transaction back", () => {
  const ddl =
    "CREATE TRIGGER no BEFORE INSERT ON nodes WHEN NEW.id = 'bad' BEGIN SELECT RAISE(ROLLBACK, 'rolled back'); END"

  it("ends the session: nothing is written outside of it", async () => {
    const file = await prepared(ddl)
    const before = sha256(file)
    await run(
      Effect.scoped(
        Effect.gen(function* () {
          const session = yield* openSession(yield* connect(file))
          yield* session.write({ create: [memory("a")], overwrite: [] })
          const error = yield* Effect.flip(session.write({ create: [memory("b"), memory("bad")], overwrite: [] }))
          expect(error).toMatchObject({ reason: "driver", message: expect.stringContaining("rolled back") })
          expect(yield* Effect.flip(session.write({ create: [memory("c")], overwrite: [] }))).toMatchObject({
            reason: "driver"
          })
          expect(yield* Effect.flip(session.publish)).toMatchObject({ reason: "driver" })
          expect(yield* session.undo).toEqual({ _tag: "Undone" })
        })
      )
    )
    expect(sha256(file)).toBe(before)
    expect(fs.readdirSync(path.dirname(file))).toEqual(["memory.db"])
  })
})
