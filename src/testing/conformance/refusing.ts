/** Cases: a batch with a record that the store refuses. It is looked for by halves, so the session must go on. */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { GraphRecord } from "../../domain/Graph.ts"
import { recordsOf } from "../arbitraries/graphs.ts"
import { collect } from "../compare.ts"
import { keyOf, link, memory } from "../samples.ts"
import { type ConformanceCase, type Harness, makeCase } from "./Harness.ts"
import {
  check,
  expectHolds,
  expectRecords,
  expectState,
  expectUndone,
  newRun,
  openRun,
  overwrite,
  refuse,
  start,
  stateOf,
  takeBackAll
} from "./support.ts"

const GOES_ON =
  "write: refused-record says that nothing of the batch took effect, and that the session can go on with other batches"

const nodes = [0, 1, 2, 3].map((n) => memory(keyOf("ref", n), n))
const [A = memory("", 0), B = A] = nodes
const links = [0, 1, 2, 3].map((n) => link(keyOf("refr", n), A.key, B.key, n))

// A batch of four of which the third is refused, and one of the store's own that the batch overwrites.
const prepare = (harness: Harness, tag: GraphRecord["_tag"]) =>
  Effect.gen(function* () {
    const { own, place } = yield* start(harness, "store in use")
    const [batch, mine] = tag === "Node" ? [nodes, own.nodes[0]] : [links, own.relationships[0]]
    const [first = A, second = A, bad = A, last = A] = batch
    yield* refuse(place, bad)
    const before = mine ?? A
    const properties = { ...before.properties, [tag === "Node" ? "title" : "context"]: "replaced" }
    const replaced = { before, after: { ...before, properties } }
    return { place, own, batch, bad, good: [first, second, last], replaced, run: yield* newRun }
  })

const each = (name: string, kind: "node" | "relationship") => {
  const tag = kind === "node" ? "Node" : "Relationship"
  return makeCase(
    `${name}: ${kind}`,
    GOES_ON,
    (harness) =>
      Effect.gen(function* () {
        const { batch, bad, good, own, place, replaced, run } = yield* prepare(harness, tag)
        const ends = tag === "Node" ? [] : nodes
        yield* Effect.scoped(
          Effect.gen(function* () {
            const { journal, session } = yield* openRun(place, run)
            if (ends.length > 0) yield* session.write({ create: ends, overwrite: [] })
            for (const refused of [
              { create: batch, overwrite: [] },
              { create: batch, overwrite: [replaced] },
              { create: [bad], overwrite: [] }
            ]) {
              const error = yield* Effect.flip(session.write(refused)).pipe(Effect.orElseSucceed(() => undefined))
              yield* check(error !== undefined, "a batch with a record that the store refuses succeeds")
              const reason = error?._tag === "WriteFailed" ? error.reason : error?._tag
              yield* check(reason === "refused-record", `the batch fails with ${reason}: ${error?.message}`)
              yield* expectRecords("after it", yield* collect(session.read), [...recordsOf(own), ...ends])
            }
            yield* session.write({ create: good, overwrite: [replaced] })
            const noted = yield* Stream.runFold(journal.batches, 0, (sum, { created }) => sum + created.length)
            const expected = good.length + ends.length
            yield* check(noted === expected, `the journal knows ${noted} created records where ${expected} are there`)
            yield* session.publish
          })
        )
        const others = recordsOf(own).filter((record) => record !== replaced.before)
        yield* expectHolds("after publishing", place, [...others, ...ends, ...good, replaced.after])
        yield* Effect.scoped(
          Effect.gen(function* () {
            const opened = yield* openRun(place, run)
            const left = yield* takeBackAll(opened)
            yield* check(left.length === 0, `taken back, it leaves ${JSON.stringify(left)}`)
            yield* opened.session.publish
          })
        )
        yield* expectHolds("taken back", place, recordsOf(own))
      }),
    ["refuse"]
  )
}

export const refusing: ReadonlyArray<ConformanceCase> = [
  each("a refused batch leaves nothing, and the session goes on", "node"),
  each("a refused batch leaves nothing, and the session goes on", "relationship"),
  makeCase(
    "undo after a refused batch leaves everything as it was",
    "undo: brings the target back to what it was, also after a batch that was refused",
    (harness) =>
      Effect.gen(function* () {
        const { batch, good, place, replaced, run } = yield* prepare(harness, "Node")
        const before = yield* stateOf(place)
        yield* Effect.scoped(
          Effect.gen(function* () {
            const { session } = yield* openRun(place, run)
            yield* overwrite(session, replaced.before, replaced.after)
            yield* Effect.flip(session.write({ create: batch, overwrite: [] })).pipe(
              Effect.orElseSucceed(() => undefined)
            )
            yield* session.write({ create: good, overwrite: [] })
            yield* expectUndone(yield* session.undo)
          })
        )
        yield* expectState("after the undo", place, before)
      }),
    ["refuse"]
  )
]
