/** Cases: records that are replaced, and batches that must fail. Each is run on a new store and on one in use. */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { WriteBatch } from "../../backend/WriteSession.ts"
import type { GraphRecord } from "../../domain/Graph.ts"
import { type Graph, recordsOf } from "../arbitraries/graphs.ts"
import { collect } from "../compare.ts"
import type { Feature } from "../features.ts"
import { keyOf, link, memory } from "../samples.ts"
import { type ConformanceCase, type Harness, makeCase } from "./Harness.ts"
import {
  check,
  expectHolds,
  expectRecords,
  expectState,
  expectUndone,
  type Mode,
  MODES,
  openSession,
  start,
  stateOf,
  union,
  writeGraph
} from "./support.ts"

const COMPLETELY = "write: writes the batch completely or fails"

const [A, B, C] = [keyOf("ova", 0), keyOf("ovb", 0), keyOf("ovc", 0)] as const
const three = [memory(A, 0), memory(B, 1), memory(C, 2)]

const hasFeature = (harness: Harness, feature: Feature) => harness.without?.includes(feature) !== true

// Relationships of the same ends and type, as far as the store can have them; the first one is replaced.
const siblings = (harness: Harness) => [
  link(keyOf("sib", 0), A, B, 0),
  ...(hasFeature(harness, "parallel") ? [link(keyOf("sib", 1), A, B, 0), link(keyOf("sib", 2), A, B, 4)] : []),
  ...(hasFeature(harness, "parallel") && hasFeature(harness, "unkeyed")
    ? [link(null, A, B, 0), link(null, A, B, 0)]
    : []),
  link(keyOf("sib", 3), B, A, 0),
  link(keyOf("sib", 4), A, B, 1)
]

// Writes and publishes a graph, then batches in a second session; the store must then hold `after`.
const replaced = (
  name: string,
  obligation: string,
  mode: Mode,
  graph: (harness: Harness) => Graph,
  then: (harness: Harness) => { readonly batches: ReadonlyArray<WriteBatch>; readonly after: Graph }
): ConformanceCase =>
  makeCase(`${name} (${mode})`, obligation, (harness) =>
    Effect.gen(function* () {
      const { backend, own, place } = yield* start(harness, mode)
      const { after, batches } = then(harness)
      const publishing = (write: (session: Parameters<typeof writeGraph>[0]) => ReturnType<typeof writeGraph>) =>
        Effect.scoped(
          Effect.flatMap(openSession(backend), ({ session }) => Effect.zipRight(write(session), session.publish))
        )
      yield* publishing((session) => writeGraph(session, graph(harness)))
      yield* publishing((session) => Effect.forEach(batches, (batch) => session.write(batch), { discard: true }))
      yield* expectHolds("after publishing", place, recordsOf(union(own, after)))
    })
  )

const overwriteOf = (before: GraphRecord, after: GraphRecord): WriteBatch => ({
  create: [],
  overwrite: [{ before, after }]
})

const createOf = (record: GraphRecord): WriteBatch => ({ create: [record], overwrite: [] })

// A batch that must fail; whatever it did is undone.
const refused = (name: string, mode: Mode, batch: (own: Graph) => WriteBatch): ConformanceCase =>
  makeCase(`${name} (${mode})`, COMPLETELY, (harness) =>
    Effect.gen(function* () {
      const { backend, own, place } = yield* start(harness, mode)
      const before = yield* stateOf(place)
      yield* Effect.scoped(
        Effect.gen(function* () {
          const { session } = yield* openSession(backend)
          yield* session.write({ create: three, overwrite: [] })
          yield* session.write({ create: [link(keyOf("wrr", 0), A, B, 0)], overwrite: [] })
          const exit = yield* Effect.exit(session.write(batch(own)))
          yield* check(Exit.isFailure(exit), "the write says that it has succeeded")
          yield* expectUndone(yield* session.undo)
        })
      )
      yield* expectState("after the undo", place, before)
    })
  )

const inMode = (mode: Mode): ReadonlyArray<ConformanceCase> => [
  replaced(
    "an overwrite replaces the whole record",
    "Overwrite: an existing record is replaced; what is linked to it stays",
    mode,
    () => ({
      nodes: [memory(A, 0, { summary: "goes" }), memory(B, 1)],
      relationships: [link(keyOf("ovr", 0), A, B, 0, { context: "goes" }), link(keyOf("ovr", 1), B, A, 1)]
    }),
    (harness) => {
      const labels = hasFeature(harness, "labels") ? ["Memory", "Idea"] : ["Memory"]
      const node = { ...memory(A, 5, { effectiveness: 0.5 }), labels }
      const relationship = link(keyOf("ovr", 0), A, B, 5, { success_rate: 0.25 }, "SOLVES")
      return {
        batches: [
          overwriteOf(memory(A, 0, { summary: "goes" }), node),
          overwriteOf(link(keyOf("ovr", 0), A, B, 0, { context: "goes" }), relationship)
        ],
        after: { nodes: [node, memory(B, 1)], relationships: [relationship, link(keyOf("ovr", 1), B, A, 1)] }
      }
    }
  ),
  replaced(
    "an overwrite leaves parallel relationships alone",
    "Overwrite: an existing record is replaced, and no other",
    mode,
    (harness) => ({ nodes: three, relationships: siblings(harness) }),
    (harness) => {
      const [first, ...others] = siblings(harness)
      const before = first ?? link(keyOf("sib", 0), A, B, 0)
      const after = link(before.key, A, B, 4, { strength: 0.125 })
      return { batches: [overwriteOf(before, after)], after: { nodes: three, relationships: [after, ...others] } }
    }
  ),
  replaced(
    "one batch creates and replaces",
    "WriteBatch: records of one kind, some created, some overwritten",
    mode,
    () => ({ nodes: three, relationships: [link(keyOf("mix", 0), A, B, 0), link(keyOf("mix", 1), B, C, 0)] }),
    () => {
      const [d, e] = [memory(keyOf("ovd", 0), 4), memory(keyOf("ove", 0), 5)]
      const [a, c] = [memory(A, 7), memory(C, 8)]
      const link0 = link(keyOf("mix", 0), A, B, 8)
      const link2 = link(keyOf("mix", 2), A, d.key, 1)
      return {
        batches: [
          {
            create: [d, e],
            overwrite: [
              { before: memory(C, 2), after: c },
              { before: memory(A, 0), after: a }
            ]
          },
          { create: [link2], overwrite: [{ before: link(keyOf("mix", 0), A, B, 0), after: link0 }] }
        ],
        after: {
          nodes: [a, memory(B, 1), c, d, e],
          relationships: [link0, link(keyOf("mix", 1), B, C, 0), link2]
        }
      }
    }
  ),
  refused("creating a node that is there fails", mode, (own) => createOf(memory(own.nodes[0]?.key ?? A, 9))),
  makeCase(
    `a relationship under a key that is taken replaces none (${mode})`,
    "write: everything in `create` is known not to be there; where it is all the same, nothing is replaced",
    (harness) =>
      Effect.gen(function* () {
        const { backend, own, place } = yield* start(harness, mode)
        const before = yield* stateOf(place)
        const [first, second] = [link(keyOf("tak", 0), A, B, 0), link(keyOf("tak", 0), B, C, 9)]
        yield* Effect.scoped(
          Effect.gen(function* () {
            const { session } = yield* openSession(backend)
            yield* session.write({ create: three, overwrite: [] })
            yield* session.write(createOf(first))
            const exit = yield* Effect.exit(session.write(createOf(second)))
            // Not every engine has an index of these keys: then both are there, and neither has a key of its own.
            const there = Exit.isSuccess(exit) ? [first, second] : [first]
            const unnamed = (records: ReadonlyArray<GraphRecord>) =>
              records.map((one) => (one._tag === "Relationship" ? { ...one, key: null } : one))
            const all = unnamed(yield* collect(session.read))
            yield* expectRecords("in the session", all, unnamed([...recordsOf(own), ...three, ...there]))
            yield* expectUndone(yield* session.undo)
          })
        )
        yield* expectState("after the undo", place, before)
      })
  ),
  refused("overwriting a node that is not there fails", mode, () =>
    overwriteOf(memory(keyOf("no", 1), 1), memory(keyOf("no", 1), 2))
  ),
  refused("overwriting a relationship that is not there fails", mode, () =>
    overwriteOf(link(keyOf("no", 1), B, C, 0), link(keyOf("no", 1), B, C, 4))
  ),
  makeCase(
    `a relationship without its end is not lost (${mode})`,
    "write or publish: completely or not at all; dangling: only stores without referential integrity have any",
    (harness) =>
      Effect.gen(function* () {
        const { backend, own, place } = yield* start(harness, mode)
        const bad = link(keyOf("dan", 0), A, keyOf("no", 1), 0)
        const good = link(keyOf("dan", 1), A, B, 0)
        const published = yield* Effect.scoped(
          Effect.gen(function* () {
            const { session } = yield* openSession(backend)
            yield* session.write({ create: three, overwrite: [] })
            const write = session.write({ create: [good, bad], overwrite: [] })
            const exit = yield* Effect.exit(Effect.zipRight(write, session.publish))
            if (Exit.isFailure(exit)) yield* expectUndone(yield* session.undo)
            return Exit.isSuccess(exit)
          })
        )
        if (!published) return yield* expectHolds("after the undo", place, recordsOf(own))
        yield* expectHolds("after publishing", place, [...recordsOf(own), ...three, good, bad])
        const dangling = yield* backend.dangling
        yield* check(dangling.total === 1, `one relationship dangles, and ${dangling.total} are reported`)
      })
  )
]

export const overwriting = MODES.flatMap(inMode)
