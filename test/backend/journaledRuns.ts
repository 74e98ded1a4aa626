/** Journaled sessions on a fake store, in the time of a test clock. */
import * as path from "node:path"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"
import * as TestContext from "effect/TestContext"
import { expect } from "vitest"
import * as Journal from "../../src/backend/Journal.ts"
import * as JournaledSession from "../../src/backend/JournaledSession.ts"
import * as WriteSession from "../../src/backend/WriteSession.ts"
import { differences } from "../../src/testing/compare.ts"
import { link, memory } from "../../src/testing/samples.ts"
import { tempFolder } from "../support/migrating.ts"
import { fakeEngine, FakeStore } from "./fakeEngine.ts"

export const RUN = "run-1"
export const own = [memory("a", 0), memory("b", 1), link(null, "a", "b", 0)]
const replaced = { before: memory("a", 0), after: memory("a", 7) }
// Two relationships without a key that equal one of the store's own.
export const batches: ReadonlyArray<WriteSession.WriteBatch> = [
  { create: [memory("c", 2), memory("d", 3)], overwrite: [replaced] },
  { create: [link(null, "a", "b", 0), link(null, "a", "b", 0), link("r", "c", "a", 1)], overwrite: [] },
  { create: [], overwrite: [{ before: memory("c", 2), after: memory("c", 8) }] }
]
export const complete = [
  ...[replaced.after, memory("b", 1), memory("c", 8), memory("d", 3), link("r", "c", "a", 1)],
  ...[link(null, "a", "b", 0), link(null, "a", "b", 0), link(null, "a", "b", 0)]
]

export const newStore = () => {
  const store = new FakeStore()
  store.graph.apply({ create: own.slice(0, 2), overwrite: [] })
  store.graph.apply({ create: own.slice(2), overwrite: [] })
  return store
}

export const newFile = () => path.join(tempFolder(), "journal.db")

export const open = (store: FakeStore, file: string, changes?: { readonly lease?: number; readonly run?: string }) =>
  Effect.gen(function* () {
    const journal = yield* Journal.make(file)
    const options = { run: RUN, journal, patience: 2000, lease: 60_000, ...changes }
    const driver = yield* JournaledSession.open(fakeEngine(store), options)
    return { journal, session: yield* WriteSession.make(driver, options) }
  })

export const writeAll = (session: WriteSession.WriteSession) =>
  Effect.forEach(batches, (batch) => session.write(batch), { discard: true })

/** Runs to its end while the test's clock goes on. */
export const run = <A, E>(effect: Effect.Effect<A, E, Scope.Scope>): Promise<A> =>
  Effect.gen(function* () {
    const fiber = yield* Effect.fork(Effect.scoped(effect))
    while (Option.isNone(yield* Fiber.poll(fiber))) yield* TestClock.adjust("250 millis")
    return yield* Fiber.join(fiber)
  }).pipe(Effect.provide(TestContext.TestContext), Effect.runPromise)

export const holds = (store: FakeStore, expected: typeof own) =>
  expect(differences(expected, store.records)).toEqual([])

/** No fence, no index. */
export const isClean = (store: FakeStore) => expect([store.fence, [...store.indexes]]).toEqual([undefined, []])
