import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { describe, expect, it } from "vitest"
import { EPOCHS_A_CLAIM, makeClaim } from "../../src/backend/Fence.ts"
import * as Journal from "../../src/backend/Journal.ts"
import * as JournaledSession from "../../src/backend/JournaledSession.ts"
import type * as WriteSession from "../../src/backend/WriteSession.ts"
import { OWNER } from "../../src/files/ownedFiles.ts"
import { differences } from "../../src/testing/compare.ts"
import { memory } from "../../src/testing/samples.ts"
import { fakeEngine, type FakeStore, INDEX } from "./fakeEngine.ts"
import { batches, complete, holds, isClean, newFile, newStore, open, own, run, RUN } from "./journaledRuns.ts"

describe("a session that somebody has taken over", () => {
  // The second session is opened on the same journal while the first one believes that it is alone.
  const takenOver = <A>(
    then: (sessions: {
      readonly store: FakeStore
      readonly first: WriteSession.WriteSession
      readonly second: WriteSession.WriteSession
    }) => Effect.Effect<A, unknown>
  ) => {
    const [store, file] = [newStore(), newFile()]
    return run(
      Effect.gen(function* () {
        const { session: first } = yield* open(store, file)
        yield* first.write(batches[0] ?? { create: [], overwrite: [] })
        const { session: second } = yield* open(store, file)
        return yield* then({ store, first, second })
      })
    ).then(() => store)
  }
  const rest = (session: WriteSession.WriteSession) =>
    Effect.forEach(batches.slice(1), (batch) => session.write(batch), { discard: true })

  it.each(["goes on", "has published", "has undone"])("does nothing more, while the other %s", async (how) => {
    const store = await takenOver(({ first, second, store: taken }) =>
      Effect.gen(function* () {
        yield* rest(second)
        if (how === "has published") yield* second.publish
        if (how === "has undone") expect(yield* second.undo).toEqual({ _tag: "Undone" })
        const [records, fence] = [taken.records, taken.fence]
        const late = { create: [memory("late", 9)], overwrite: [] }
        expect(yield* Effect.flip(first.write(late))).toMatchObject({ _tag: "FileFailed", reason: "superseded" })
        expect(yield* Effect.flip(first.publish)).toMatchObject({ _tag: "WriteFailed", reason: "journal" })
        expect(yield* first.undo).toMatchObject({ _tag: "Incomplete", cause: { reason: "superseded" } })
        expect(differences(records, taken.records)).toEqual([])
        expect(taken.fence).toEqual(fence)
        if (how === "goes on") yield* second.publish
      })
    )
    holds(store, how === "has undone" ? own : complete)
    expect(store.fence).toBeUndefined()
  })

  it.each(["write", "raiseEpoch", "dropFence"])("in the middle of its %s changes nothing", async (method) => {
    const [store, file] = [newStore(), newFile()]
    await run(
      Effect.gen(function* () {
        const { session: first } = yield* open(store, file)
        yield* first.write(batches[0] ?? { create: [], overwrite: [] })
        // Between the first one's look at the journal and its call, the other one comes and does everything.
        store.meddle = (called) =>
          called !== method
            ? Effect.void
            : Effect.suspend(() => {
                store.meddle = () => Effect.void
                return Effect.scoped(
                  Effect.gen(function* () {
                    const { session } = yield* open(store, file)
                    yield* rest(session)
                    yield* session.publish
                  })
                ).pipe(Effect.orDie)
              })
        const act =
          method === "write"
            ? first.write(batches[1] ?? { create: [], overwrite: [] })
            : method === "dropFence"
              ? first.publish
              : first.undo
        const exit = yield* Effect.exit(act)
        if (method === "raiseEpoch") expect(exit).toMatchObject({ value: { _tag: "Incomplete" } })
        else expect(Exit.isFailure(exit)).toBe(true)
        expect(yield* first.undo).toMatchObject({ _tag: "Incomplete" })
      })
    )
    holds(store, complete)
    expect(store.fence).toBeUndefined()
  })
})

describe("the fence", () => {
  it("is given signs of life while nothing is written, and none after the session", async () => {
    const store = newStore()
    const beats = () => store.calls.filter((name) => name === "beat").length
    await run(
      Effect.gen(function* () {
        yield* Effect.scoped(
          Effect.gen(function* () {
            yield* open(store, newFile(), { lease: 5000 })
            const [before, fence] = [beats(), store.fence]
            yield* Effect.sleep("20 seconds")
            expect(beats() - before).toBeGreaterThanOrEqual(19)
            expect((store.fence?.heartbeat ?? 0) - (fence?.heartbeat ?? 0)).toBeGreaterThanOrEqual(19_000)
          })
        )
        const before = beats()
        yield* Effect.sleep("20 seconds")
        expect(beats()).toBe(before)
      })
    )
    isClean(store)
  })

  it("is clean until the first write, unless an index was made", async () => {
    const store = newStore()
    store.indexes.add(INDEX)
    await run(
      Effect.gen(function* () {
        const { session } = yield* open(store, newFile(), { lease: 1000 })
        yield* Effect.sleep("3 seconds")
        expect(store.fence?.dirty).toBe(false)
        yield* session.write(batches[0] ?? { create: [], overwrite: [] })
        expect(store.fence?.dirty).toBe(true)
        yield* session.undo
      })
    )
    expect([store.fence, [...store.indexes]]).toEqual([undefined, [INDEX]])
  })

  it("is dirty again where somebody had removed it from above a run's partial work", async () => {
    const [store, file] = [newStore(), newFile()]
    await run(
      Effect.gen(function* () {
        const journal = yield* Journal.make(file)
        const driver = yield* JournaledSession.open(fakeEngine(store), { run: RUN, journal })
        yield* driver.write(batches[0] ?? { create: [], overwrite: [] })
      })
    )
    store.fence = undefined
    await run(
      Effect.gen(function* () {
        const { session } = yield* open(store, file)
        expect(store.fence).toMatchObject({ run: RUN, dirty: true })
        expect(yield* session.undo).toEqual({ _tag: "Undone" })
      })
    )
    holds(store, own)
    isClean(store)
  })

  const [host = "", boot = ""] = OWNER.split("-")
  const dead = `${host}-${boot}-999999999`
  it.each([
    ["another run's, clean, of a dead owner", "other", dead, false, "open"],
    ["another run's, with partial data, of a dead owner", "other", dead, true, "unfinished-run"],
    ["another run's, of a living owner", "other", OWNER, true, "locked"],
    ["this run's, with partial data, of a dead owner", RUN, dead, true, "open"],
    ["this run's, of a living owner elsewhere", RUN, `00000000-${boot}-1`, true, "locked"]
  ] as const)("that stands there already: %s", async (_what, holder, owner, dirty, expected) => {
    const store = newStore()
    const standing = { ...makeClaim(holder, 1, 60_000), owner, dirty, heartbeat: 0 }
    store.fence = standing
    const file = newFile()
    await run(Effect.scoped(Journal.make(file)))
    await run(
      Effect.gen(function* () {
        const exit = yield* Effect.exit(open(store, file))
        if (expected === "open") {
          expect(Exit.isSuccess(exit)).toBe(true)
          expect(store.fence).toMatchObject({ run: RUN, epoch: 2 * EPOCHS_A_CLAIM, owner: OWNER })
          if (holder === RUN) expect(store.fence?.dirty).toBe(true)
          return
        }
        expect(exit).toMatchObject({ cause: { error: { _tag: "Refused", reason: expected } } })
        expect([store.fence, store.calls]).toEqual([standing, ["raiseFence"]])
      })
    )
    holds(store, own)
  })

  it("is given up with everything else where the schema cannot be made", async () => {
    const store = newStore()
    store.meddle = (method) =>
      Effect.sync(() => {
        store.away = method === "prepare"
      })
    const exit = await run(Effect.exit(open(store, newFile())))
    expect(Exit.isFailure(exit)).toBe(true)
    isClean(store)
    holds(store, own)
  })
})
