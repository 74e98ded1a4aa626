/** Cases: the whole graph as a stream. */
import * as Chunk from "effect/Chunk"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import { canonicalLine } from "../../domain/Canonical.ts"
import { recordsOf } from "../arbitraries/graphs.ts"
import { collect } from "../compare.ts"
import { keyOf, memory, sampleGraph } from "../samples.ts"
import { makeCase } from "./Harness.ts"
import {
  check,
  expectHolds,
  expectRecords,
  expectState,
  fill,
  openSession,
  stateOf,
  union,
  writeGraph
} from "./support.ts"

const MANY = 2500

export const reading = [
  makeCase(
    "nodes come before relationships, each exactly once",
    "read: all nodes before all relationships, each exactly once",
    (harness) =>
      Effect.gen(function* () {
        const place = yield* harness.place
        const graph = sampleGraph("red", 60, harness.without)
        yield* fill(place, graph, 7)
        const backend = yield* place.connect
        const records = yield* collect(backend.read())
        yield* expectRecords("read", records, recordsOf(graph))
        const firstRelationship = records.findIndex((record) => record._tag === "Relationship")
        const lastNode = records.findLastIndex((record) => record._tag === "Node")
        yield* check(lastNode < firstRelationship, "a node comes after a relationship")
      })
  ),
  makeCase(
    "a large graph is read in chunks",
    "read: the whole graph as a stream of chunks; the chunk is the unit of work",
    (harness) =>
      Effect.gen(function* () {
        const place = yield* harness.place
        const graph = sampleGraph("lar", MANY, harness.without)
        yield* fill(place, graph, 1000)
        const backend = yield* place.connect
        const chunks = yield* Stream.runCollect(Stream.chunks(backend.read()))
        yield* expectRecords("read", Chunk.toReadonlyArray(Chunk.flatten(chunks)), recordsOf(graph))
        const most = recordsOf(graph).length / 10
        yield* check(
          Chunk.size(chunks) < most,
          `${recordsOf(graph).length} records come in ${Chunk.size(chunks)} chunks`
        )
      })
  ),
  makeCase("a selection reads only its kind", "read(selection): which part of a graph to read", (harness) =>
    Effect.gen(function* () {
      const place = yield* harness.place
      const graph = sampleGraph("sel", 12, harness.without)
      yield* fill(place, graph)
      const backend = yield* place.connect
      yield* expectRecords("only nodes", yield* collect(backend.read({ only: "nodes" })), graph.nodes)
      const relationships = yield* collect(backend.read({ only: "relationships" }))
      yield* expectRecords("only relationships", relationships, graph.relationships)
    })
  ),
  makeCase("reading changes nothing", "read: never changes the store", (harness) =>
    Effect.gen(function* () {
      const place = yield* harness.place
      const graph = sampleGraph("rep", 30, harness.without)
      yield* fill(place, graph)
      const before = yield* stateOf(place)
      yield* Effect.scoped(
        Effect.gen(function* () {
          const backend = yield* place.connect
          const first = yield* collect(backend.read())
          yield* expectRecords("the second read", yield* collect(backend.read()), first)
        })
      )
      yield* expectState("after reading", place, before)
    })
  ),
  makeCase("two reads at once are both complete", "read: each exactly once, whoever else reads", (harness) =>
    Effect.gen(function* () {
      const place = yield* harness.place
      const graph = sampleGraph("two", 40, harness.without)
      yield* fill(place, graph)
      const backend = yield* place.connect
      const reads = yield* Effect.all([collect(backend.read()), collect(backend.read())], { concurrency: 2 })
      for (const records of reads) yield* expectRecords("one of two reads", records, recordsOf(graph))
    })
  ),
  makeCase(
    "a read that is given up leaves the store usable",
    "read: a stream; what it holds is released when it is not read to its end",
    (harness) =>
      Effect.gen(function* () {
        const place = yield* harness.place
        const graph = sampleGraph("giv", 30, harness.without)
        yield* fill(place, graph)
        const backend = yield* place.connect
        yield* Stream.runDrain(Stream.take(backend.read(), 3))
        const more = sampleGraph("mor", 5, harness.without)
        yield* Effect.scoped(
          Effect.gen(function* () {
            const { session } = yield* openSession(backend)
            yield* writeGraph(session, more)
            yield* session.publish
          })
        )
        yield* expectHolds("after a read that was given up", place, recordsOf(union(graph, more)))
      })
  ),
  makeCase(
    "a read is not disturbed by what is written meanwhile",
    "capabilities.snapshot: writes made meanwhile do not show in a read; without it, what was there before is still read exactly once",
    (harness) =>
      Effect.gen(function* () {
        const place = yield* harness.place
        const graph = sampleGraph("sna", MANY, harness.without)
        yield* fill(place, graph, 1000)
        const backend = yield* place.connect
        const begun = yield* Deferred.make<void>()
        const written = yield* Deferred.make<void>()
        // The reader waits after its first chunk until the writer is done, is refused, or waits for the reader.
        const reader = yield* Effect.fork(
          collect(
            backend
              .read()
              .pipe(
                Stream.mapChunksEffect((chunk) =>
                  Deferred.succeed(begun, undefined).pipe(Effect.zipRight(Deferred.await(written)), Effect.as(chunk))
                )
              )
          )
        )
        yield* Effect.raceFirst(Deferred.await(begun), Effect.zipRight(Fiber.await(reader), Effect.void))
        const late = { nodes: [memory(keyOf("lat", 1), 1), memory(keyOf("lat", 2), 2)], relationships: [] }
        const writer = yield* Effect.fork(Effect.exit(fill(place, late)))
        // A writer may be kept waiting by the reader: then it is not waited for.
        yield* Effect.raceFirst(Fiber.await(writer), Effect.sleep("1 second"))
        yield* Deferred.succeed(written, undefined)
        const records = yield* Fiber.join(reader)
        yield* Fiber.join(writer)
        if (backend.capabilities.snapshot) {
          return yield* expectRecords("a snapshot", records, recordsOf(graph))
        }
        const lines = new Set(recordsOf(graph).map(canonicalLine))
        yield* expectRecords(
          "what was there before",
          records.filter((record) => lines.has(canonicalLine(record))),
          recordsOf(graph)
        )
      })
  )
]
