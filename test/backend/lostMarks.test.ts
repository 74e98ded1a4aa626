/**
 * Relationships without a key look like equal ones of others; the marks under the fence tell them apart. Where the marks
 * are gone nothing may be guessed: what was there before stays.
 */
import * as Effect from "effect/Effect"
import { describe, expect, it } from "vitest"
import { takeBackAll } from "../../src/testing/conformance/support.ts"
import { link } from "../../src/testing/samples.ts"
import { differences } from "../../src/testing/compare.ts"
import { batches, complete, holds, newFile, newStore, open, own, run, writeAll } from "./journaledRuns.ts"

const NOTHING = { create: [], overwrite: [] }

describe("after the fence has gone", () => {
  it("a second undo of a run that had to leave something takes nothing more", async () => {
    const [store, file] = [newStore(), newFile()]
    const foreign = link("foreign", "a", "d", 0)
    await run(
      Effect.gen(function* () {
        const { session } = yield* open(store, file)
        yield* writeAll(session)
        store.graph.apply({ create: [foreign], overwrite: [] })
        expect(yield* session.undo).toMatchObject({ _tag: "Incomplete", left: [{ what: "node d" }] })
      })
    )
    const after = store.records
    await run(
      Effect.gen(function* () {
        const { session } = yield* open(store, file)
        expect(yield* session.undo).toMatchObject({ _tag: "Incomplete", left: [{ what: "node d" }] })
      })
    )
    expect(differences(after, store.records)).toEqual([])
  })

  it("because a server has lost its last writes, an undo leaves the equal ones that were there before, and says so", async () => {
    const [store, file] = [newStore(), newFile()]
    await run(
      Effect.gen(function* () {
        const { session } = yield* open(store, file)
        yield* session.write(batches[0] ?? NOTHING)
        yield* session.write(batches[1] ?? NOTHING)
        // The process dies here, and the server with it.
        store.forget(newStore().graph)
        const { session: later } = yield* open(store, file)
        const outcome = yield* later.undo
        expect(outcome).toMatchObject({ _tag: "Incomplete", cause: undefined })
        expect(JSON.stringify(outcome)).toContain("has lost the mark")
      })
    )
    holds(store, own)
    expect(store.fence).toBeUndefined()
  })

  it("a run that was resumed after such a loss is rolled back by what is there, not by what was noted twice", async () => {
    const [store, file] = [newStore(), newFile()]
    await run(
      Effect.gen(function* () {
        const { session } = yield* open(store, file)
        yield* session.write(batches[0] ?? NOTHING)
        yield* session.write(batches[1] ?? NOTHING)
        store.forget(newStore().graph)
        const { session: later } = yield* open(store, file)
        yield* writeAll(later)
        yield* later.publish
      })
    )
    holds(store, complete)
    await run(
      Effect.gen(function* () {
        const opened = yield* open(store, file)
        yield* takeBackAll(opened)
        yield* opened.session.publish
      })
    )
    holds(store, own)
  })

  it("because it was published, all of it is taken back", async () => {
    const [store, file] = [newStore(), newFile()]
    await run(
      Effect.gen(function* () {
        const { journal, session } = yield* open(store, file)
        yield* writeAll(session)
        yield* journal.setState("publishing")
        // The process dies after the store has published and before the journal knows.
        store.forget(store.graph)
        const { session: later } = yield* open(store, file)
        expect(yield* later.undo).toEqual({ _tag: "Undone" })
      })
    )
    holds(store, own)
  })

  it("a batch that was taken back and written again is another one: it is taken back with the rest", async () => {
    const [store, file] = [newStore(), newFile()]
    await run(
      Effect.gen(function* () {
        const { session } = yield* open(store, file)
        yield* session.write(batches[0] ?? NOTHING)
        let writes = 0
        store.strike = (method) => (method === "write" && ++writes === 1 ? "lose" : undefined)
        yield* session.write(batches[1] ?? NOTHING)
        expect(yield* session.undo).toEqual({ _tag: "Undone" })
      })
    )
    holds(store, own)
  })
})
