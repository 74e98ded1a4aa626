/** Cases: what a store says of itself, and how it counts. */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { Statistics } from "../../backend/GraphBackend.ts"
import { recordsOf } from "../arbitraries/graphs.ts"
import { collect } from "../compare.ts"
import { memory, keyOf, sampleGraph } from "../samples.ts"
import { makeCase } from "./Harness.ts"
import {
  check,
  expectRecords,
  expectState,
  expectStatistics,
  fill,
  newRun,
  overwrite,
  publishRun,
  spoil,
  stateOf
} from "./support.ts"

const EMPTY: Statistics = { nodes: 0, relationships: 0, labels: {}, types: {} }

export const connecting = [
  makeCase(
    "a store that is not there counts as empty",
    "statistics: a store that does not exist yet counts as empty; looking at it does not bring it into being",
    (harness) =>
      Effect.gen(function* () {
        const place = yield* harness.place
        const before = yield* stateOf(place)
        yield* expectRecords("read", before.records, [])
        yield* expectStatistics("a new place", before.statistics, EMPTY)
        yield* Effect.scoped(
          Effect.gen(function* () {
            const backend = yield* place.connect
            yield* backend.health
            yield* expectRecords("lookup", yield* backend.lookup([memory(keyOf("x", 1), 1)]), [])
            const dangling = yield* backend.dangling
            yield* check(dangling.total === 0, `an empty store has ${dangling.total} dangling relationships`)
          })
        )
        yield* expectState("after looking", place, before)
      })
  ),
  makeCase(
    "two connections to one place have one identity",
    "identity: equal for two values exactly when they name the same graph",
    (harness) =>
      Effect.gen(function* () {
        const place = yield* harness.place
        const compare = Effect.scoped(
          Effect.gen(function* () {
            const [first, second] = [yield* place.connect, yield* place.connect]
            const names = `${first.identity} and ${second.identity}`
            yield* check(first.identity === second.identity, `one place is called ${names}`)
            yield* check(first.kind === second.kind && first.location === second.location, "kind or location differ")
          })
        )
        // Two values of one time: a store that comes into being between them may well be called otherwise.
        yield* compare
        yield* fill(place, sampleGraph("idn", 4, harness.without))
        yield* compare
      })
  ),
  makeCase(
    "two places have two identities",
    "identity: equal for two values exactly when they name the same graph",
    (harness) =>
      Effect.gen(function* () {
        const first = yield* Effect.flatMap(harness.place, (place) => place.connect)
        const second = yield* Effect.flatMap(harness.place, (place) => place.connect)
        yield* check(first.identity !== second.identity, `two places are both called ${first.identity}`)
      }),
    ["several-places"]
  ),
  makeCase(
    "health names the engine and changes nothing",
    "health: reaches the store and says what it is; changes nothing",
    (harness) =>
      Effect.gen(function* () {
        const place = yield* harness.place
        yield* fill(place, sampleGraph("hea", 6, harness.without))
        const before = yield* stateOf(place)
        const health = yield* Effect.scoped(Effect.flatMap(place.connect, (backend) => backend.health))
        yield* check(health.version.trim() !== "", "the version is empty")
        yield* check(health.writable, "a store that was just written to is called not writable")
        yield* expectState("after health", place, before)
      })
  ),
  makeCase(
    "statistics count every label and type",
    "statistics: a node with several labels counts under each, one without under the empty string",
    (harness) =>
      Effect.gen(function* () {
        const place = yield* harness.place
        const graph = sampleGraph("sta", 9, harness.without)
        yield* fill(place, graph)
        const labels = new Map<string, number>()
        const types = new Map<string, number>()
        const add = (counts: Map<string, number>, name: string) => counts.set(name, (counts.get(name) ?? 0) + 1)
        for (const one of graph.nodes)
          for (const label of one.labels.length === 0 ? [""] : one.labels) add(labels, label)
        for (const one of graph.relationships) add(types, one.type)
        const backend = yield* place.connect
        yield* expectStatistics("after writing", yield* backend.statistics, {
          nodes: graph.nodes.length,
          relationships: graph.relationships.length,
          labels: Object.fromEntries(labels),
          types: Object.fromEntries(types)
        })
      })
  ),
  makeCase(
    "the newest time tells of a later write",
    "Statistics.newest: two readings that differ say that something was written in between",
    (harness) =>
      Effect.gen(function* () {
        const place = yield* harness.place
        yield* fill(place, sampleGraph("nwe", 6, harness.without))
        const newest = Effect.scoped(
          Effect.flatMap(place.connect, (backend) => Effect.map(backend.statistics, (one) => one.newest ?? ""))
        )
        const at = (time: string) => memory(keyOf("late", 1), 1, { updated_at: `${time}T09:00:00.000001+00:00` })
        const readings = [yield* newest]
        yield* fill(place, { nodes: [at("2027-03-01")], relationships: [] })
        readings.push(yield* newest)
        yield* publishRun(place, yield* newRun, (session) => overwrite(session, at("2027-03-01"), at("2027-04-01")))
        readings.push(yield* newest)
        const [first = "", added = "", changed = ""] = readings
        yield* check(first !== "" && first < added && added < changed, `three readings are ${readings.join(", ")}`)
        yield* fill(place, { nodes: [memory(keyOf("late", 2), 2)], relationships: [] })
        yield* check((yield* newest) === changed, `an older memory makes ${yield* newest} of ${changed}`)
      })
  ),
  makeCase(
    "statistics do not depend on reading",
    "statistics: counts by a query of its own (never by reading)",
    (harness) =>
      Effect.gen(function* () {
        const place = yield* harness.place
        yield* fill(place, sampleGraph("ind", 9, harness.without))
        const before = yield* Effect.scoped(Effect.flatMap(place.connect, (backend) => backend.statistics))
        yield* spoil(place)
        const after = yield* Effect.scoped(Effect.flatMap(place.connect, (backend) => backend.statistics))
        yield* expectStatistics("with a record that cannot be decoded", after, before)
      }),
    ["spoil"]
  ),
  makeCase(
    "a record that cannot be decoded fails the read",
    "read: records that cannot be decoded exactly fail with SourceDataInvalid; nothing is ever skipped",
    (harness) =>
      Effect.gen(function* () {
        const place = yield* harness.place
        const graph = sampleGraph("spo", 9, harness.without)
        yield* fill(place, graph)
        yield* spoil(place)
        const backend = yield* place.connect
        const exit = yield* Effect.exit(collect(backend.read()))
        if (Exit.isSuccess(exit)) {
          const lost = recordsOf(graph).length - exit.value.length
          return yield* check(false, `the read succeeds with ${lost} record(s) fewer than were written`)
        }
        const error = exit.cause._tag === "Fail" ? exit.cause.error._tag : exit.cause._tag
        yield* check(error === "SourceDataInvalid", `the read fails with ${error}`)
      }),
    ["spoil"]
  )
]
