import * as path from "node:path"
import Database from "better-sqlite3"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { describe, expect, it } from "vitest"
import * as Journal from "../../src/backend/Journal.ts"
import { canonicalLine } from "../../src/domain/Canonical.ts"
import { lineHash } from "../../src/domain/Fingerprint.ts"
import type { FileFailed } from "../../src/domain/Errors.ts"
import { node, relationship } from "../../src/domain/Graph.ts"
import { tempFolder } from "../support/migrating.ts"

const a = node("a", ["Memory"], { id: "a", odd: "\ud800\0" })
const b = node("b", ["Memory"], { id: "b" })
const link = relationship(null, "a", "MENTIONS", "b", {})

describe("the journal", () => {
  it("gives batches back latest first, with keys, hashes and before-images, also after reopening", async () => {
    const file = path.join(tempFolder(), "journal.db")
    await Effect.runPromise(
      Effect.scoped(
        Effect.gen(function* () {
          const journal = yield* Journal.make(file)
          const first = yield* journal.intend({ create: [a], overwrite: [{ before: b, after: a }] })
          yield* journal.acknowledge(first)
          yield* journal.intend({ create: [link], overwrite: [] })
          yield* journal.setState("undoing")
          yield* journal.setNote("made", "index")
          yield* journal.setNote("made", "two indexes")
        })
      )
    )
    const read = Effect.gen(function* () {
      const journal = yield* Journal.make(file)
      return {
        state: yield* journal.state,
        made: yield* journal.note("made"),
        none: yield* journal.note("none"),
        batches: Chunk.toReadonlyArray(yield* Stream.runCollect(journal.batches))
      }
    })
    const { batches, made, none, state } = await Effect.runPromise(Effect.scoped(read))
    expect({ state, made, none }).toEqual({ state: "undoing", made: "two indexes", none: undefined })
    expect(batches.map(({ acknowledged, number }) => ({ acknowledged, number }))).toEqual([
      { number: 2, acknowledged: false },
      { number: 1, acknowledged: true }
    ])
    expect(batches[0]?.created).toEqual([
      { tag: "Relationship", key: null, from: "a", type: "MENTIONS", to: "b", hash: lineHash(canonicalLine(link)) }
    ])
    expect(batches[1]?.created).toEqual([{ tag: "Node", key: "a", hash: lineHash(canonicalLine(a)) }])
    expect(batches[1]?.overwritten.map(({ after, before }) => [canonicalLine(before), canonicalLine(after)])).toEqual([
      [canonicalLine(b), canonicalLine(a)]
    ])
  })

  it("keeps what is removed, and reads journals of releases that removed nothing", async () => {
    const file = path.join(tempFolder(), "journal.db")
    const db = new Database(file)
    db.exec(
      "CREATE TABLE note (name TEXT PRIMARY KEY, text TEXT NOT NULL) WITHOUT ROWID;" +
        "CREATE TABLE batch (number INTEGER PRIMARY KEY AUTOINCREMENT, acknowledged INTEGER NOT NULL DEFAULT 0, created TEXT NOT NULL, hashes BLOB NOT NULL, overwritten TEXT NOT NULL);" +
        "CREATE TABLE reject (number INTEGER PRIMARY KEY, stage TEXT NOT NULL, tag TEXT NOT NULL, line TEXT NOT NULL, why TEXT NOT NULL)"
    )
    db.prepare("INSERT INTO batch (created, hashes, overwritten) VALUES ('[[\"a\"]]', ?, '[]')").run(
      lineHash(canonicalLine(a))
    )
    db.close()
    const batches = await Effect.runPromise(
      Effect.scoped(
        Effect.gen(function* () {
          const journal = yield* Journal.make(file)
          yield* journal.intend({ create: [], overwrite: [], remove: [link, link] })
          return Chunk.toReadonlyArray(yield* Stream.runCollect(journal.batches))
        })
      )
    )
    expect(batches.map(({ created, removed }) => [created.map(({ key }) => key), removed.map(canonicalLine)])).toEqual([
      [[], [canonicalLine(link), canonicalLine(link)]],
      [["a"], []]
    ])
  })

  it("keeps batches that were not durable, once it is closed in order", async () => {
    const file = path.join(tempFolder(), "journal.db")
    await Effect.runPromise(
      Effect.scoped(
        Effect.gen(function* () {
          const journal = yield* Journal.make(file)
          for (let i = 0; i < 3; i++)
            yield* journal.acknowledge(yield* journal.intend({ create: [a], overwrite: [] }, { durable: false }))
        })
      )
    )
    const count = Effect.flatMap(Journal.make(file), (journal) => Stream.runCount(journal.batches))
    expect(await Effect.runPromise(Effect.scoped(count))).toBe(3)
  })

  it("forgets its batches when it is cleared, and a batch that is withdrawn", async () => {
    const file = path.join(tempFolder(), "journal.db")
    const counts = await run(
      Effect.gen(function* () {
        const journal = yield* Journal.make(file)
        const numbers = yield* Effect.forEach([a, b], (one) => journal.intend({ create: [one], overwrite: [] }))
        const counted = [yield* Stream.runCount(journal.batches)]
        yield* journal.withdraw(numbers[0] ?? 0)
        counted.push(yield* Stream.runCount(journal.batches))
        yield* journal.intend({ create: [b], overwrite: [] }, { durable: false })
        yield* journal.clear
        counted.push(yield* Stream.runCount(journal.batches))
        yield* journal.setNote("kept", "yes")
        return [...counted, yield* journal.note("kept")]
      })
    )
    expect(counts).toEqual([2, 1, 0, "yes"])
    const after = await run(
      Effect.flatMap(Journal.make(file), (journal) =>
        Effect.all([Stream.runCount(journal.batches), journal.note("kept")])
      )
    )
    expect(after).toEqual([0, "yes"])
  })
})

const run = <A, E>(effect: Effect.Effect<A, E, Scope.Scope>): Promise<A> => Effect.runPromise(Effect.scoped(effect))

const WRITES: { readonly [name: string]: (journal: Journal.Journal) => Effect.Effect<unknown, FileFailed> } = {
  setState: (journal) => journal.setState("undoing"),
  setNote: (journal) => journal.setNote("made", "late"),
  intend: (journal) => journal.intend({ create: [b], overwrite: [] }),
  "intend, not durable": (journal) => journal.intend({ create: [b], overwrite: [] }, { durable: false }),
  withdraw: (journal) => journal.withdraw(1),
  acknowledge: (journal) => journal.acknowledge(1),
  clear: (journal) => journal.clear,
  check: (journal) => journal.check
}

const everything = (journal: Journal.Journal) =>
  Effect.all({
    state: journal.state,
    made: journal.note("made"),
    batches: Effect.map(Stream.runCollect(journal.batches), (batches) =>
      Chunk.toReadonlyArray(batches).map(({ acknowledged, number }) => ({ acknowledged, number }))
    )
  })

describe("a claim of the journal", () => {
  it("counts from one, over all that have opened it", async () => {
    const file = path.join(tempFolder(), "journal.db")
    const epoch = Effect.map(Journal.make(file), (journal) => journal.epoch)
    expect([await run(epoch), await run(epoch), await run(epoch)]).toEqual([1, 2, 3])
  })

  it.each(Object.keys(WRITES))("ends the earlier one: %s fails, and changes nothing", async (name) => {
    const file = path.join(tempFolder(), "journal.db")
    await run(
      Effect.gen(function* () {
        const first = yield* Journal.make(file)
        yield* first.setState("open")
        yield* first.setNote("made", "early")
        yield* first.intend({ create: [a], overwrite: [] })
        yield* first.check
        const second = yield* Journal.make(file)
        const before = yield* everything(second)
        expect(before.batches).toEqual([{ acknowledged: false, number: 1 }])
        const error = yield* Effect.flip(WRITES[name]?.(first) ?? Effect.void)
        expect(error).toMatchObject({ _tag: "FileFailed", reason: "superseded", path: file })
        expect(yield* everything(second)).toEqual(before)
        yield* second.check
        yield* second.setState("undone")
        expect(yield* first.state).toBe("undone")
      })
    )
  })

  it("waits for a transaction that is not durable yet, and its owner writes nothing after it", async () => {
    const file = path.join(tempFolder(), "journal.db")
    await run(
      Effect.gen(function* () {
        const first = yield* Journal.make(file)
        const number = yield* first.intend({ create: [a], overwrite: [] }, { durable: false })
        // Whoever comes now finds it locked, and has claimed nothing.
        const locked = yield* Effect.flip(Effect.scoped(Journal.make(file)))
        expect(locked).toMatchObject({ _tag: "FileFailed", reason: "io" })
        yield* first.acknowledge(number)
        yield* first.setState("publishing")
        const second = yield* Journal.make(file)
        for (const write of Object.values(WRITES))
          expect(yield* Effect.flip(write(first))).toMatchObject({ reason: "superseded" })
        expect(yield* everything(second)).toMatchObject({ state: "publishing", batches: [{ acknowledged: true }] })
      })
    )
  }, 20_000)
})
