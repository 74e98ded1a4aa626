/** Journaled sessions that remove: what they removed comes back, once, whatever happens on the way. */
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Stream from "effect/Stream"
import { describe, expect, it } from "vitest"
import * as Journal from "../../src/backend/Journal.ts"
import * as JournaledSession from "../../src/backend/JournaledSession.ts"
import * as WriteSession from "../../src/backend/WriteSession.ts"
import { differences } from "../../src/testing/compare.ts"
import { takeBackAll } from "../../src/testing/conformance/support.ts"
import { link, memory } from "../../src/testing/samples.ts"
import { type FaultKind, FakeStore, fakeEngine } from "./fakeEngine.ts"
import { holds, isClean, newFile, open, RUN, run } from "./journaledRuns.ts"

const equal = link(null, "a", "b", 0)
const own = [
  ...["a", "b", "c", "d"].map((key, n) => memory(key, n)),
  ...[equal, equal, equal],
  ...[link("moves", "a", "c", 1), link("goes", "c", "a", 2)]
]

// Two of three equal ones go; a key is used again between other nodes; an equal one is created, too.
const batches: ReadonlyArray<WriteSession.WriteBatch> = [
  { create: [], overwrite: [], remove: [equal, equal, link("moves", "a", "c", 1), link("goes", "c", "a", 2)] },
  { create: [], overwrite: [], remove: [memory("c", 2)] },
  { create: [memory("e", 4)], overwrite: [{ before: memory("a", 0), after: memory("a", 7) }] },
  { create: [link("moves", "d", "e", 1)], overwrite: [] },
  { create: [equal], overwrite: [] }
]
const complete = [
  ...[memory("a", 7), memory("b", 1), memory("d", 3), memory("e", 4)],
  ...[equal, equal, link("moves", "d", "e", 1)]
]

const newStore = () => {
  const store = new FakeStore()
  store.graph.apply({ create: own.slice(0, 4), overwrite: [] })
  store.graph.apply({ create: own.slice(4), overwrite: [] })
  return store
}

const writeAll = (session: Pick<WriteSession.WriteSession, "write">) =>
  Effect.forEach(batches, (batch) => session.write(batch), { discard: true })

const published = (store: FakeStore, file: string) =>
  run(
    Effect.gen(function* () {
      const { session } = yield* open(store, file)
      yield* writeAll(session)
      yield* session.publish
    })
  )

describe("a run that removes", () => {
  it("is taken back once, however often it is called", async () => {
    const [store, file] = [newStore(), newFile()]
    await published(store, file)
    holds(store, complete)
    await run(
      Effect.gen(function* () {
        const opened = yield* open(store, file)
        expect(yield* takeBackAll(opened)).toEqual([])
        expect(yield* takeBackAll(opened)).toEqual([])
        yield* opened.session.publish
      })
    )
    holds(store, own)
  })

  it("is undone, and leaves no mark", async () => {
    const store = newStore()
    await run(
      Effect.gen(function* () {
        const { session } = yield* open(store, newFile())
        yield* writeAll(session)
        expect(yield* session.undo).toEqual({ _tag: "Undone" })
      })
    )
    holds(store, own)
    isClean(store)
  })

  it("that was published is taken back by whoever goes on after a kill, from wherever that was", async () => {
    const parts = batches.length * Journal.UNDO_ORDER.length
    for (let stop = 0; stop <= parts; stop++) {
      const [store, file] = [newStore(), newFile()]
      await published(store, file)
      // A driver alone does not undo with its scope: it ends as by a kill.
      await run(
        Effect.gen(function* () {
          const journal = yield* Journal.make(file)
          const driver = yield* JournaledSession.open(fakeEngine(store), { run: RUN, journal })
          const noted = Chunk.toReadonlyArray(yield* Stream.runCollect(journal.batches))
          const steps = noted.flatMap((batch) => Journal.UNDO_ORDER.map((part) => [batch, part] as const))
          for (const [batch, part] of steps.slice(0, stop)) yield* driver.takeBack(batch, part)
        })
      )
      await run(
        Effect.gen(function* () {
          const opened = yield* open(store, file)
          expect([stop, yield* takeBackAll(opened)]).toEqual([stop, []])
          yield* opened.session.publish
        })
      )
      expect([stop, differences(own, store.records)]).toEqual([stop, []])
    }
  })

  it.each(["away", "lose"] as const)("does all or nothing, whichever call goes wrong (%s)", async (kind: FaultKind) => {
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
    const { store: plain } = await attempt(0)
    for (let at = 1; at <= plain.calls.length; at++) {
      const { outcome, store } = await attempt(at)
      const what = `call ${at}, ${plain.calls[at - 1]}: ${outcome}`
      expect([what, differences(outcome === "Published" ? complete : own, store.records)]).toEqual([what, []])
    }
  })
})

describe("relationships without a key whose marks are lost", () => {
  const removed = { create: [], overwrite: [], remove: [equal, equal] }

  const afterLoss = async (lose: (store: FakeStore) => void) => {
    const [store, file] = [newStore(), newFile()]
    const outcome = await run(
      Effect.gen(function* () {
        const { session } = yield* open(store, file)
        yield* session.write(removed)
        lose(store)
        const { session: later } = yield* open(store, file)
        return yield* later.undo
      })
    )
    return { outcome, store }
  }

  it("are not made twice where an equal one stands, and that is said", async () => {
    const { outcome, store } = await afterLoss((lost) => lost.forget(newStore().graph))
    expect(outcome).toMatchObject({ _tag: "Incomplete", cause: undefined })
    expect(JSON.stringify(outcome)).toContain("has lost the mark")
    holds(store, own)
  })

  it("come back where no equal one is left", async () => {
    const { outcome, store } = await afterLoss((lost) => {
      lost.graph.apply({ create: [], overwrite: [], remove: [equal] })
      lost.drop()
    })
    expect(outcome).toEqual({ _tag: "Undone" })
    expect(differences(own, store.records).length).toBe(1)
  })
})
