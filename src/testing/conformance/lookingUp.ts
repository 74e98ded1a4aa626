/** Cases: the same records back. */
import * as Effect from "effect/Effect"
import { type GraphRecord, node, relationship } from "../../domain/Graph.ts"
import { recordsOf } from "../arbitraries/graphs.ts"
import { keyOf, link, memory, sampleGraph } from "../samples.ts"
import { type Harness, makeCase } from "./Harness.ts"
import { expectRecords, fill } from "./support.ts"

const KEYS = [keyOf("luk", 0), keyOf("luk", 1), keyOf("luk", 2)] as const

const filled = (harness: Harness, relationships: ReadonlyArray<ReturnType<typeof link>>) =>
  Effect.gen(function* () {
    const place = yield* harness.place
    const nodes = KEYS.map((key, n) => memory(key, n))
    yield* fill(place, { nodes, relationships })
    return { backend: yield* place.connect, nodes }
  })

export const lookingUp = [
  makeCase("lookup finds every stored record", "lookup: the stored counterparts of the given records", (harness) =>
    Effect.gen(function* () {
      const place = yield* harness.place
      const graph = sampleGraph("lup", 20, harness.without)
      yield* fill(place, graph)
      const backend = yield* place.connect
      yield* expectRecords("nodes", yield* backend.lookup(graph.nodes), graph.nodes)
      yield* expectRecords("relationships", yield* backend.lookup(graph.relationships), graph.relationships)
      yield* expectRecords("both at once", yield* backend.lookup(recordsOf(graph)), recordsOf(graph))
    })
  ),
  makeCase("lookup returns what is stored, not what was asked", "lookup: nodes by key", (harness) =>
    Effect.gen(function* () {
      const [a, b] = KEYS
      const stored = link(keyOf("lr", 1), a, b, 0)
      const { backend, nodes } = yield* filled(harness, [stored])
      const asked: ReadonlyArray<GraphRecord> = [
        node(a, ["Another"], { id: a, title: "another" }),
        node(b, [], {}),
        relationship(stored.key, a, stored.type, b, {})
      ]
      yield* expectRecords("lookup", yield* backend.lookup(asked), [...nodes.slice(0, 2), stored])
    })
  ),
  makeCase(
    "lookup finds all relationships of the same ends and type",
    "lookup: relationships by their ends and type (all of them, keyed or not, also when only one of them was asked for)",
    (harness) =>
      Effect.gen(function* () {
        const [a, b] = KEYS
        const has = (feature: "parallel" | "unkeyed") => harness.without?.includes(feature) !== true
        const stored = [
          link(keyOf("lr", 1), a, b, 0),
          ...(has("parallel") ? [link(keyOf("lr", 2), a, b, 4)] : []),
          ...(has("parallel") && has("unkeyed") ? [link(null, a, b, 0), link(null, a, b, 0)] : [])
        ]
        const { backend } = yield* filled(harness, stored)
        for (const one of stored) yield* expectRecords("asked for one", yield* backend.lookup([one]), stored)
        const unknown = relationship(keyOf("lr", 9), a, "SOLVES", b, {})
        yield* expectRecords("asked under another key", yield* backend.lookup([unknown]), stored)
        yield* expectRecords("asked without a key", yield* backend.lookup([{ ...unknown, key: null }]), stored)
      })
  ),
  makeCase("lookup tells direction, ends and type apart", "lookup: relationships by their ends and type", (harness) =>
    Effect.gen(function* () {
      const [a, b, c] = KEYS
      const there = link(keyOf("lr", 1), a, b, 0)
      const back = link(keyOf("lr", 2), b, a, 0)
      const typed = link(keyOf("lr", 3), a, b, 1)
      const other = link(keyOf("lr", 4), a, c, 0)
      const stored = [there, back, typed, other]
      const { backend } = yield* filled(harness, stored)
      for (const one of stored) yield* expectRecords("asked for one", yield* backend.lookup([one]), [one])
    })
  ),
  makeCase(
    "lookup yields nothing for what is not there",
    "lookup: a record with no counterpart yields nothing",
    (harness) =>
      Effect.gen(function* () {
        const [a, b, c] = KEYS
        const stored = link(keyOf("lr", 1), a, b, 0)
        const { backend, nodes } = yield* filled(harness, [stored])
        const missing = [
          memory(keyOf("no", 1), 1),
          memory(a.toUpperCase() === a ? `${a}x` : a.toUpperCase(), 1),
          memory(`${a} `, 1),
          link(keyOf("no", 4), b, c, 0),
          link(null, a, keyOf("no", 2), 0),
          link(null, keyOf("no", 2), keyOf("no", 3), 0)
        ]
        yield* expectRecords("nothing of it is there", yield* backend.lookup(missing), [])
        yield* expectRecords("one is there", yield* backend.lookup([...missing, ...nodes.slice(2)]), nodes.slice(2))
        yield* expectRecords("asked for nothing", yield* backend.lookup([]), [])
      })
  ),
  makeCase(
    "lookup by a relationship's key finds that one or none",
    "lookup: where the store has an index of relationship keys, by key too, whatever their ends",
    (harness) =>
      Effect.gen(function* () {
        const [a, b, c] = KEYS
        const stored = link(keyOf("lr", 1), a, b, 0)
        const { backend } = yield* filled(harness, [stored, link(keyOf("lr", 2), b, c, 0)])
        const found = yield* backend.lookup([link(stored.key, c, a, 0)])
        yield* expectRecords("asked with other ends", found, found.length === 0 ? [] : [stored])
      })
  ),
  makeCase("lookup returns no record twice", "lookup: no record is returned twice for one call", (harness) =>
    Effect.gen(function* () {
      const [a, b] = KEYS
      const stored = link(keyOf("lr", 1), a, b, 0)
      const { backend, nodes } = yield* filled(harness, [stored])
      const asked = [...nodes, ...nodes, stored, stored, { ...stored, key: null }, { ...stored, to: a }]
      yield* expectRecords("asked twice", yield* backend.lookup(asked), [...nodes, stored])
    })
  ),
  makeCase(
    "lookup takes thousands of records at once",
    "lookup: the stored counterparts of the given records",
    (harness) =>
      Effect.gen(function* () {
        const place = yield* harness.place
        const graph = sampleGraph("lum", 2500, harness.without)
        yield* fill(place, graph, 1000)
        const backend = yield* place.connect
        yield* expectRecords("nodes", yield* backend.lookup(graph.nodes), graph.nodes)
        yield* expectRecords("relationships", yield* backend.lookup(graph.relationships), graph.relationships)
      })
  )
]
