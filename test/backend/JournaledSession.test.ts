import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import { describe, expect, it } from "vitest"
import { EPOCHS_A_CLAIM } from "../../src/backend/Fence.ts"
import * as Journal from "../../src/backend/Journal.ts"
import * as JournaledSession from "../../src/backend/JournaledSession.ts"
import * as WriteSession from "../../src/backend/WriteSession.ts"
import { differences } from "../../src/testing/compare.ts"
import { takeBackAll } from "../../src/testing/conformance/support.ts"
import { memory } from "../../src/testing/samples.ts"
import { type FaultKind, fakeEngine, INDEX } from "./fakeEngine.ts"
import { batches, complete, holds, isClean, newFile, newStore, open, own, run, RUN, writeAll } from "./journaledRuns.ts"

/** Strikes the n-th call of a method. */
const nth = (method: string, n: number, kind: FaultKind) => {
  let calls = 0
  return (called: string) => (called === method && ++calls === n ? kind : undefined)
}

describe("a batch without an answer", () => {
  it.each<readonly [string, FaultKind, number]>([
    ["was written", "lose", 1],
    ["was written, with relationships without a key", "lose", 2],
    ["was written, and replaced what the run had created", "lose", 3],
    ["was not written", "away", 1],
    ["was not written, with relationships without a key", "away", 2],
    ["was not written, and was to replace what the run had created", "away", 3]
  ])("is settled and written once, where it %s", async (_what, kind, n) => {
    const store = newStore()
    store.strike = nth("write", n, kind)
    await run(
      Effect.gen(function* () {
        const { journal, session } = yield* open(store, newFile())
        yield* writeAll(session)
        expect(store.fence?.epoch).toBe(EPOCHS_A_CLAIM + 1)
        const noted = Chunk.toReadonlyArray(yield* Stream.runCollect(journal.batches))
        expect(noted.map(({ acknowledged }) => acknowledged)).toEqual([true, true, true])
        yield* session.publish
      })
    )
    holds(store, complete)
  })

  it("is given up after three tries, and what it may have done is undone", async () => {
    const store = newStore()
    store.strike = (method) => (method === "write" ? "lose" : undefined)
    const { exit, outcome } = await run(
      Effect.flatMap(open(store, newFile()), ({ session }) => WriteSession.use(session, writeAll(session)))
    )
    expect(Exit.isFailure(exit)).toBe(true)
    expect(outcome).toEqual({ _tag: "Undone" })
    holds(store, own)
    isClean(store)
  })

  it.each(["written", "not written"])("is looked up by the session that takes the run up again: %s", async (how) => {
    const [store, file] = [newStore(), newFile()]
    const [first, second] = batches
    if (first === undefined || second === undefined) return expect.unreachable()
    // A driver alone does not undo with its scope: it ends as by a kill.
    await run(
      Effect.gen(function* () {
        const journal = yield* Journal.make(file)
        const driver = yield* JournaledSession.open(fakeEngine(store), { run: RUN, journal })
        yield* driver.write(first)
        yield* journal.intend(second)
        if (how === "written") yield* fakeEngine(store).write(second, { run: RUN, epoch: EPOCHS_A_CLAIM })
      })
    )
    expect(store.fence).toMatchObject({ run: RUN, dirty: true })
    await run(
      Effect.gen(function* () {
        const { journal, session } = yield* open(store, file)
        expect(session.fresh).toBe(false)
        expect(yield* Stream.runCount(journal.batches)).toBe(1)
        for (const batch of batches.slice(1)) yield* session.write(batch)
        yield* session.publish
      })
    )
    holds(store, complete)
  })
})

describe("a server that is away", () => {
  it("is waited for as long as patience says", async () => {
    const store = newStore()
    await run(
      Effect.gen(function* () {
        const { session } = yield* open(store, newFile())
        yield* session.write(batches[0] ?? { create: [], overwrite: [] })
        store.away = true
        const writing = yield* Effect.fork(session.write(batches[1] ?? { create: [], overwrite: [] }))
        yield* Effect.sleep("1500 millis")
        store.away = false
        yield* Fiber.join(writing)
        yield* session.write(batches[2] ?? { create: [], overwrite: [] })
        yield* session.publish
      })
    )
    holds(store, complete)
  })

  it("for longer leaves the undo incomplete, and says so; a later session finishes it", async () => {
    const [store, file] = [newStore(), newFile()]
    await run(
      Effect.gen(function* () {
        const { journal, session } = yield* open(store, file)
        yield* writeAll(session)
        store.away = true
        const { exit, outcome } = yield* WriteSession.use(session, Effect.fail("failure"))
        expect(outcome).toMatchObject({ _tag: "Incomplete", left: [], cause: { reason: "went-away" } })
        expect(WriteSession.outcomeError(session, outcome, exit)).toMatchObject({
          _tag: "UndoIncomplete",
          outcome: "incomplete",
          message: expect.stringContaining(`runs rollback ${RUN}`)
        })
        expect([yield* session.state, yield* journal.state]).toEqual(["incomplete", "incomplete"])
      })
    )
    holds(store, complete)
    expect(store.fence).toMatchObject({ run: RUN, dirty: true })
    store.away = false
    await run(
      Effect.gen(function* () {
        const { session } = yield* open(store, file)
        expect(yield* session.undo).toEqual({ _tag: "Undone" })
      })
    )
    holds(store, own)
    isClean(store)
  })
})

describe("a fault at every call of an undo", () => {
  it.each(["away", "lose"] as const)("%s: all of it is undone", async (kind) => {
    const attempt = async (at: number) => {
      const store = newStore()
      const outcome = await run(
        Effect.gen(function* () {
          const { session } = yield* open(store, newFile())
          yield* writeAll(session)
          const before = store.calls.length
          store.strike = (_method, call) => (call === before + at ? kind : undefined)
          const ended = yield* session.undo
          store.calls.splice(0, before)
          return ended
        })
      )
      return { store, outcome }
    }
    const { calls } = (await attempt(0)).store
    expect(new Set(calls)).toEqual(new Set(["raiseEpoch", "restore", "remove", "dismantle", "dropFence"]))
    for (let at = 1; at <= calls.length; at++) {
      const { outcome, store } = await attempt(at)
      expect([at, calls[at - 1], outcome]).toEqual([at, calls[at - 1], { _tag: "Undone" }])
      holds(store, own)
      isClean(store)
    }
  })
})

describe("a batch that the store refuses", () => {
  it("is withdrawn, and the session goes on", async () => {
    const store = newStore()
    await run(
      Effect.gen(function* () {
        const { journal, session } = yield* open(store, newFile())
        const bad = { create: [memory("x", 1), memory("a", 1)], overwrite: [] }
        expect(yield* Effect.flip(session.write(bad))).toMatchObject({ reason: "refused-record" })
        expect(yield* Stream.runCount(journal.batches)).toBe(0)
        yield* writeAll(session)
        yield* session.publish
      })
    )
    holds(store, complete)
  })
})

describe("a published run", () => {
  it("is taken back by a later session, once; the schema it had made stays while there are records", async () => {
    const [store, file] = [newStore(), newFile()]
    await run(
      Effect.gen(function* () {
        const { session } = yield* open(store, file)
        yield* writeAll(session)
        yield* session.publish
      })
    )
    holds(store, complete)
    expect([store.fence, [...store.indexes]]).toEqual([undefined, [INDEX]])
    await run(
      Effect.gen(function* () {
        const opened = yield* open(store, file)
        expect(yield* takeBackAll(opened)).toEqual([])
        expect(yield* takeBackAll(opened)).toEqual([])
        yield* opened.session.publish
      })
    )
    holds(store, own)
    // Others may rely on it by now: it would go with the last record only.
    expect([store.fence, [...store.indexes]]).toEqual([undefined, [INDEX]])
  })

  it("is taken back wholly when the session that does it is undone in the middle", async () => {
    const [store, file] = [newStore(), newFile()]
    await run(
      Effect.gen(function* () {
        const { session } = yield* open(store, file)
        yield* writeAll(session)
        yield* session.publish
      })
    )
    await run(
      Effect.gen(function* () {
        const { journal, session } = yield* open(store, file)
        const [latest] = Chunk.toReadonlyArray(yield* Stream.runCollect(Stream.take(journal.batches, 1)))
        if (latest !== undefined) yield* session.takeBack(latest, "overwritten")
        expect(yield* session.undo).toEqual({ _tag: "Undone" })
      })
    )
    holds(store, own)
    // Others may rely on it by now: it would go with the last record only.
    expect([store.fence, [...store.indexes]]).toEqual([undefined, [INDEX]])
  })
})

describe("a fault at every call of a run", () => {
  it.each(["away", "lose"] as const)("%s: all or nothing", async (kind) => {
    const attempt = async (at: number) => {
      const store = newStore()
      store.strike = (_method, call) => (call === at ? kind : undefined)
      const ended = await run(
        Effect.exit(
          Effect.flatMap(open(store, newFile()), ({ session }) => WriteSession.use(session, writeAll(session)))
        )
      )
      return { store, outcome: Exit.isSuccess(ended) ? ended.value.outcome._tag : "not opened" }
    }
    const plain = await attempt(0)
    expect(plain.outcome).toBe("Published")
    const calls = plain.store.calls.length
    expect(calls).toBeGreaterThanOrEqual(8)
    for (let at = 1; at <= calls; at++) {
      const { outcome, store } = await attempt(at)
      const what = `call ${at}, ${plain.store.calls[at - 1]}: ${outcome}`
      expect(what).toMatch(at <= 4 ? /Published|not opened/ : /Published/)
      const expected = outcome === "Published" ? complete : own
      expect([what, differences(expected, store.records)]).toEqual([what, []])
      // A fence whose making was not answered is clean: it gives way by itself.
      expect([what, store.fence?.dirty]).toEqual([
        what,
        plain.store.calls[at - 1] === "raiseFence" && kind === "lose" ? false : undefined
      ])
    }
  })
})
