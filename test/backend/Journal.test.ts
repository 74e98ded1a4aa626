import * as path from "node:path"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { describe, expect, it } from "vitest"
import * as Journal from "../../src/backend/Journal.ts"
import { canonicalLine } from "../../src/domain/Canonical.ts"
import { lineHash } from "../../src/domain/Fingerprint.ts"
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
})
