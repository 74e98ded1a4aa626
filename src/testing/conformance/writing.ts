/** Cases: what a session writes. Each is run on a new store and on one in use. */
import * as Effect from "effect/Effect"
import { node, relationship } from "../../domain/Graph.ts"
import { type Graph, recordsOf } from "../arbitraries/graphs.ts"
import { collect } from "../compare.ts"
import { keyOf, link, memory, sampleGraph } from "../samples.ts"
import type { Feature } from "../features.ts"
import { type ConformanceCase, type Harness, makeCase } from "./Harness.ts"
import {
  check,
  expectHolds,
  expectRecords,
  type Mode,
  MODES,
  openSession,
  overwrite,
  start,
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
  makeCase(
    `the session sees its own writes (${mode})`,
    "SessionDriver.read: everything the target would hold if the session were published now; lookup: with the session's own writes",
    (harness) =>
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
  )
]

export const writing = MODES.flatMap(inMode)
