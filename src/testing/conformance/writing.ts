/** Cases: what a session writes. Each is run on a new store and on one in use. */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { type GraphRecord, node, relationship } from "../../domain/Graph.ts"
import { type Graph, recordsOf } from "../arbitraries/graphs.ts"
import { collect } from "../compare.ts"
import { keyOf, link, memory, sampleGraph } from "../samples.ts"
import type { Feature } from "../features.ts"
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
  overwrite,
  start,
  stateOf,
  union,
  writeGraph
} from "./support.ts"

const COMPLETELY = "write: writes the batch completely or fails"

// Writes a graph in batches of that size and publishes it: it is there, beside what was there.
const arrives = (
  name: string,
  obligation: string,
  mode: Mode,
  graph: (harness: Harness) => Graph,
  needs: ReadonlyArray<Feature> = [],
  size = 500
): ConformanceCase =>
  makeCase(
    `${name} (${mode})`,
    obligation,
    (harness) =>
      Effect.gen(function* () {
        const { backend, own, place } = yield* start(harness, mode)
        const given = graph(harness)
        yield* Effect.scoped(
          Effect.gen(function* () {
            const { session } = yield* openSession(backend)
            yield* writeGraph(session, given, size)
            yield* session.publish
          })
        )
        yield* expectHolds("after publishing", place, recordsOf(union(own, given)))
      }),
    needs
  )

const [A, B, C] = [keyOf("wra", 0), keyOf("wrb", 0), keyOf("wrc", 0)] as const
const three = [memory(A, 0), memory(B, 1), memory(C, 2)]

// A batch that must fail; whatever it did is undone.
const refused = (
  name: string,
  mode: Mode,
  batch: (own: Graph) => Parameters<typeof overwrite>[1] | readonly [GraphRecord, GraphRecord]
): ConformanceCase =>
  makeCase(`${name} (${mode})`, COMPLETELY, (harness) =>
    Effect.gen(function* () {
      const { backend, own, place } = yield* start(harness, mode)
      const before = yield* stateOf(place)
      yield* Effect.scoped(
        Effect.gen(function* () {
          const { session } = yield* openSession(backend)
          yield* session.write({ create: three, overwrite: [] })
          yield* session.write({ create: [link(keyOf("wrr", 0), A, B, 0)], overwrite: [] })
          const given = batch(own)
          const exit = yield* Effect.exit(
            "_tag" in given
              ? session.write({ create: [given], overwrite: [] })
              : overwrite(session, given[0], given[1])
          )
          yield* check(Exit.isFailure(exit), "the write says that it has succeeded")
          yield* expectUndone(yield* session.undo)
        })
      )
      yield* expectState("after the undo", place, before)
    })
  )

const inMode = (mode: Mode): ReadonlyArray<ConformanceCase> => [
  arrives("batches of one are written", COMPLETELY, mode, (harness) => sampleGraph("one", 5, harness.without), [], 1),
  arrives(
    "batches of 2,500 are written",
    COMPLETELY,
    mode,
    (harness) => sampleGraph("big", 2500, harness.without),
    [],
    2500
  ),
  arrives(
    "self loops and directions are kept",
    "write: the whole graph, self loops and reversed pairs included",
    mode,
    () => ({
      nodes: three,
      relationships: [
        link(keyOf("dir", 0), A, A, 0),
        link(keyOf("dir", 1), A, B, 0),
        link(keyOf("dir", 2), B, A, 0),
        link(keyOf("dir", 3), C, B, 1)
      ]
    }),
    ["self-loops"]
  ),
  arrives(
    "parallel relationships are kept",
    "write: every relationship, parallel ones of one type included",
    mode,
    () => ({
      nodes: three,
      relationships: Array.from({ length: 5 }, (_, n) => link(keyOf("par", n), A, B, n % 2, { strength: 0.5 }))
    }),
    ["parallel"]
  ),
  arrives(
    "relationships without a key are kept as a multiset",
    "Relationship.key: null where there is none; equal ones are counted, never merged",
    mode,
    () => ({
      nodes: three,
      relationships: [
        ...Array.from({ length: 3 }, () => link(null, A, B, 0)),
        ...Array.from({ length: 2 }, () => relationship(null, A, "SOLVES", B, {})),
        link(keyOf("unk", 0), A, B, 0)
      ]
    }),
    ["unkeyed", "parallel"]
  ),
  arrives(
    "relationships that share an id stay without a key",
    "Relationship.key: null where the graph has no unique string id for it",
    mode,
    () => ({
      nodes: three,
      relationships: [
        relationship(null, A, "SOLVES", B, { id: "shared", n: 1n }),
        relationship(null, B, "SOLVES", C, { id: "shared", n: 2n }),
        relationship(null, C, "SOLVES", A, { id: 7n }),
        link(keyOf("sha", 0), A, C, 0)
      ]
    }),
    ["unkeyed", "properties"]
  ),
  arrives(
    "generated keys are kept beside any id",
    "Node.key: a generated key is not a property and comes back as the key",
    mode,
    () => ({
      nodes: [
        node("gen:1", ["Entity"], { name: "no id" }),
        node("gen:2", ["Entity"], { id: "shared" }),
        node("gen:3", ["Person"], { id: "shared" }),
        node("gen:4", ["Entity"], { id: 4n }),
        node("gen:5", [], {}),
        node("gen:6", ["Memory"], { title: "a memory without an id" }),
        node(A, ["Entity"], { id: A })
      ],
      relationships: [
        relationship(keyOf("gnr", 0), "gen:2", "SOLVES", "gen:3", { id: keyOf("gnr", 0) }),
        relationship(keyOf("gnr", 1), "gen:5", "SOLVES", A, { id: keyOf("gnr", 1) }),
        relationship(keyOf("gnr", 2), "gen:6", "SOLVES", "gen:1", { id: keyOf("gnr", 2) })
      ]
    }),
    ["generated-keys", "labels", "properties"]
  ),
  makeCase(`an empty batch is no harm (${mode})`, COMPLETELY, (harness) =>
    Effect.gen(function* () {
      const { backend, own, place } = yield* start(harness, mode)
      yield* Effect.scoped(
        Effect.gen(function* () {
          const { session } = yield* openSession(backend)
          yield* session.write({ create: [], overwrite: [] })
          yield* session.write({ create: three, overwrite: [] })
          yield* session.write({ create: [], overwrite: [] })
          yield* session.publish
        })
      )
      yield* expectHolds("after publishing", place, [...recordsOf(own), ...three])
    })
  ),
  makeCase(`the session sees its own writes (${mode})`, "SessionDriver.read: everything the target would hold if the session were published now; lookup: with the session's own writes", (harness) =>
    Effect.gen(function* () {
      const { backend, own } = yield* start(harness, mode)
      const given = sampleGraph("see", 8, harness.without)
      const { session } = yield* openSession(backend)
      yield* check(session.fresh === (mode === "new store"), `fresh is ${session.fresh}`)
      yield* expectRecords("before the first write", yield* collect(session.read), recordsOf(own))
      yield* writeGraph(session, given)
      yield* expectRecords("session.read", yield* collect(session.read), recordsOf(union(own, given)))
      const found = yield* session.lookup([...recordsOf(own), ...recordsOf(given), memory(keyOf("no", 1), 1)])
      yield* expectRecords("session.lookup", found, recordsOf(union(own, given)))
      const first = given.nodes[0] ?? memory(A, 0)
      const after = { ...first, properties: { ...first.properties, title: "changed" } }
      yield* overwrite(session, first, after)
      yield* expectRecords("session.lookup after an overwrite", yield* session.lookup([first]), [after])
    })
  ),
  makeCase(`an overwrite replaces the whole record (${mode})`, "Overwrite: an existing record is replaced", (harness) =>
    Effect.gen(function* () {
      const { backend, own, place } = yield* start(harness, mode)
      const has = (feature: Feature) => harness.without?.includes(feature) !== true
      const given: Graph = {
        nodes: [memory(A, 0, { summary: "goes" }), memory(B, 1)],
        relationships: [
          link(keyOf("ovr", 0), A, B, 0, { context: "goes" }),
          link(keyOf("ovr", 1), B, A, 1)
        ]
      }
      const changed: Graph = {
        nodes: [{ ...memory(A, 5, { effectiveness: 0.5 }), labels: has("labels") ? ["Memory", "Idea"] : ["Memory"] }, memory(B, 1)],
        relationships: [
          link(keyOf("ovr", 0), A, B, 5, { success_rate: 0.25 }, "SOLVES"),
          link(keyOf("ovr", 1), B, A, 1)
        ]
      }
      const replace = (before: ReadonlyArray<GraphRecord>, after: ReadonlyArray<GraphRecord>) => ({
        create: [],
        overwrite: before.slice(0, 1).map((one, n) => ({ before: one, after: after[n] ?? one }))
      })
      yield* Effect.scoped(
        Effect.gen(function* () {
          const { session } = yield* openSession(backend)
          yield* writeGraph(session, given)
          yield* session.publish
        })
      )
      yield* Effect.scoped(
        Effect.gen(function* () {
          const { session } = yield* openSession(backend)
          yield* session.write(replace(given.nodes, changed.nodes))
          yield* session.write(replace(given.relationships, changed.relationships))
          yield* session.publish
        })
      )
      yield* expectHolds("after publishing", place, recordsOf(union(own, changed)))
    })
  ),
  refused("creating a node that is there fails", mode, (own) => memory(own.nodes[0]?.key ?? A, 9)),
  refused("creating a relationship that is there fails", mode, () => link(keyOf("wrr", 0), B, C, 9)),
  refused("overwriting a node that is not there fails", mode, () => [memory(keyOf("no", 1), 1), memory(keyOf("no", 1), 2)]),
  refused("overwriting a relationship that is not there fails", mode, () => [
    link(keyOf("no", 1), B, C, 0),
    link(keyOf("no", 1), B, C, 4)
  ]),
  makeCase(
    `a relationship without its end is not lost (${mode})`,
    "write: writes the batch completely or fails; dangling: only stores without referential integrity have any",
    (harness) =>
      Effect.gen(function* () {
        const { backend, own, place } = yield* start(harness, mode)
        const bad = link(keyOf("dan", 0), A, keyOf("no", 1), 0)
        const good = link(keyOf("dan", 1), A, B, 0)
        const published = yield* Effect.scoped(
          Effect.gen(function* () {
            const { session } = yield* openSession(backend)
            yield* session.write({ create: three, overwrite: [] })
            const exit = yield* Effect.exit(session.write({ create: [good, bad], overwrite: [] }))
            if (Exit.isFailure(exit)) yield* expectUndone(yield* session.undo)
            else yield* session.publish
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

export const writing = MODES.flatMap(inMode)
