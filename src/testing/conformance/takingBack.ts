/** Cases: a published run is taken back, by a second session on its journal. */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type { Left } from "../../domain/Errors.ts"
import type { GraphRecord } from "../../domain/Graph.ts"
import { recordsOf } from "../arbitraries/graphs.ts"
import { keyOf, link, memory, sampleGraph } from "../samples.ts"
import { type CaseError, type ConformanceCase, makeCase, type Place } from "./Harness.ts"
import {
  check,
  expectHolds,
  expectStatistics,
  fail,
  MODES,
  newRun,
  openRun,
  overwrite,
  publishRun,
  type Run,
  start,
  stateOf,
  takeBackAll,
  union,
  writeGraph
} from "./support.ts"

/** Takes the run back in a session of its own, and publishes that. */
const takeBack = (place: Place, run: Run) =>
  Effect.scoped(
    Effect.flatMap(openRun(place, run), (opened) => Effect.zipLeft(takeBackAll(opened), opened.session.publish))
  )

/** Fails the case unless it is just these records that are reported, each with a reason. */
const expectLeft = (left: ReadonlyArray<Left>, records: ReadonlyArray<GraphRecord>): Effect.Effect<void, CaseError> =>
  Effect.gen(function* () {
    const found = JSON.stringify(left)
    for (const { key } of records)
      yield* check(
        left.some(({ what }) => what.includes(key ?? "")),
        `${key} had to stay and is not reported, but ${found}`
      )
    yield* check(left.length === records.length, `${records.length} records had to stay; reported are ${found}`)
    yield* check(
      left.every(({ why }) => why.trim() !== ""),
      `it is not said why they had to stay: ${found}`
    )
  })

const changed = (record: GraphRecord, n: number): GraphRecord => ({
  ...record,
  properties: {
    ...record.properties,
    ...(record._tag === "Node" ? { title: `changed ${n}` } : { context: `changed ${n}` })
  }
})

const PART = "takeBack: what an earlier, published session of this run has written"

export const takingBack: ReadonlyArray<ConformanceCase> = [
  ...MODES.map((mode) =>
    makeCase(`a published run is taken back (${mode})`, PART, (harness) =>
      Effect.gen(function* () {
        const { own, place } = yield* start(harness, mode)
        const before = yield* stateOf(place)
        const given = sampleGraph("tak", 12, harness.without)
        const run = yield* newRun
        yield* publishRun(place, run, (session) =>
          Effect.gen(function* () {
            yield* writeGraph(session, given, 5)
            for (const one of [own.nodes[0], own.relationships[0]])
              if (one !== undefined) yield* overwrite(session, one, changed(one, 1))
          })
        )
        yield* expectLeft(yield* takeBack(place, run), [])
        yield* expectHolds("taken back", place, recordsOf(own))
        yield* expectStatistics("taken back", (yield* stateOf(place)).statistics, before.statistics)
      })
    )
  ),
  makeCase(
    "what was overwritten again is taken back",
    "takeBack: sets overwritten records back; latest batch first, images before all else",
    (harness) =>
      Effect.gen(function* () {
        const { own, place } = yield* start(harness, "store in use")
        const [theirs, other] = own.nodes
        if (theirs === undefined || other === undefined) return yield* fail("the store in use holds nothing")
        const mine = memory(keyOf("twi", 0), 0)
        const edge = link(keyOf("twir", 0), mine.key, other.key, 0)
        const run = yield* newRun
        yield* publishRun(place, run, (session) =>
          Effect.gen(function* () {
            yield* session.write({ create: [mine], overwrite: [] })
            yield* session.write({ create: [edge], overwrite: [] })
            for (const one of [theirs, mine, edge]) {
              yield* overwrite(session, one, changed(one, 1))
              yield* overwrite(session, changed(one, 1), changed(one, 2))
            }
          })
        )
        yield* expectLeft(yield* takeBack(place, run), [])
        yield* expectHolds("taken back", place, recordsOf(own))
      })
  ),
  makeCase(
    "only as many equal relationships are taken back as were created",
    "takeBack: of relationships without a key as many equal ones as were created, however often it is called",
    (harness) =>
      Effect.gen(function* () {
        const { own, place } = yield* start(harness, "store in use")
        const equal = own.relationships.find((one) => one.key === null)
        if (equal === undefined) return yield* fail("the store in use has no relationship without a key")
        const run = yield* newRun
        yield* publishRun(place, run, (session) =>
          Effect.gen(function* () {
            yield* session.write({ create: [equal, equal], overwrite: [] })
            yield* session.write({ create: [equal], overwrite: [] })
          })
        )
        yield* Effect.scoped(
          Effect.gen(function* () {
            const opened = yield* openRun(place, run)
            yield* expectLeft(yield* takeBackAll(opened), [])
            yield* expectLeft(yield* takeBackAll(opened), [])
            yield* opened.session.publish
          })
        )
        yield* expectHolds("taken back", place, recordsOf(own))
      }),
    ["unkeyed", "parallel"]
  ),
  makeCase(
    "what somebody has changed since stays and is reported",
    "takeBack: only what still is what was written; returns what had to stay",
    (harness) =>
      Effect.gen(function* () {
        const { own, place } = yield* start(harness, "store in use")
        const [theirs] = own.nodes
        const [bond] = own.relationships
        if (theirs === undefined || bond === undefined) return yield* fail("the store in use holds nothing")
        const nodes = [0, 1, 2, 3].map((n) => memory(keyOf("chg", n), n))
        const [a = theirs, b = theirs, c = theirs, d = theirs] = nodes
        const [goes, stays] = [link(keyOf("chgr", 0), a.key, b.key, 0), link(keyOf("chgr", 1), c.key, d.key, 1)]
        const run = yield* newRun
        yield* publishRun(place, run, (session) =>
          Effect.gen(function* () {
            yield* writeGraph(session, { nodes, relationships: [goes, stays] })
            yield* overwrite(session, theirs, changed(theirs, 1))
            yield* overwrite(session, bond, changed(bond, 1))
          })
        )
        const since = [a, stays, changed(theirs, 1), changed(bond, 1)]
        yield* publishRun(place, yield* newRun, (session) =>
          Effect.forEach(since, (one) => overwrite(session, one, changed(one, 7)), { discard: true })
        )
        yield* expectLeft(yield* takeBack(place, run), [a, stays, c, d, theirs, bond])
        const rest = recordsOf(own).filter((record) => record !== theirs && record !== bond)
        yield* expectHolds("taken back", place, [...rest, ...since.map((one) => changed(one, 7)), c, d])
      })
  ),
  makeCase(
    "a node that somebody has attached to stays",
    "takeBack: deletes nodes that have no relationships left; returns what had to stay",
    (harness) =>
      Effect.gen(function* () {
        const { own, place } = yield* start(harness, "store in use")
        const nodes = [0, 1, 2].map((n) => memory(keyOf("att", n), n))
        const [a, b, c] = nodes
        const theirs = own.nodes[0]
        if (a === undefined || b === undefined || c === undefined || theirs === undefined)
          return yield* fail("the store in use holds nothing")
        const relationships = [link(keyOf("attr", 0), a.key, b.key, 0), link(keyOf("attr", 1), b.key, c.key, 1)]
        const run = yield* newRun
        yield* publishRun(place, run, (session) => writeGraph(session, { nodes, relationships }))
        const more = memory(keyOf("atm", 0), 0)
        const since = {
          nodes: [more],
          relationships: [link(keyOf("atmr", 0), more.key, a.key, 0), link(keyOf("atmr", 1), b.key, theirs.key, 1)]
        }
        yield* publishRun(place, yield* newRun, (session) => writeGraph(session, since))
        yield* expectLeft(yield* takeBack(place, run), [a, b])
        yield* expectHolds("taken back", place, [...recordsOf(union(own, since)), a, b])
      })
  ),
  makeCase(
    "taking back twice is taking back once",
    "takeBack: what is gone, or as before already, is not reported; nothing else is touched",
    (harness) =>
      Effect.gen(function* () {
        const { own, place } = yield* start(harness, "store in use")
        const [theirs] = own.nodes
        if (theirs === undefined) return yield* fail("the store in use holds nothing")
        const given = sampleGraph("two", 8, harness.without)
        const run = yield* newRun
        yield* publishRun(place, run, (session) =>
          Effect.zipRight(writeGraph(session, given, 5), overwrite(session, theirs, changed(theirs, 1)))
        )
        yield* Effect.scoped(
          Effect.gen(function* () {
            const opened = yield* openRun(place, run)
            yield* expectLeft(yield* takeBackAll(opened), [])
            yield* expectLeft(yield* takeBackAll(opened), [])
            yield* opened.session.publish
          })
        )
        yield* expectHolds("taken back", place, recordsOf(own))
        yield* expectLeft(yield* takeBack(place, run), [])
        yield* expectHolds("taken back again", place, recordsOf(own))
      })
  ),
  makeCase(
    "a session that takes back and is undone does nothing by halves",
    "undo: what was taken back is there again, or, where others see it meanwhile, all of the run is taken back",
    (harness) =>
      Effect.gen(function* () {
        const { own, place } = yield* start(harness, "store in use")
        const [theirs] = own.nodes
        if (theirs === undefined) return yield* fail("the store in use holds nothing")
        const given = sampleGraph("hlf", 8, harness.without)
        const run = yield* newRun
        yield* publishRun(place, run, (session) =>
          Effect.zipRight(writeGraph(session, given, 5), overwrite(session, theirs, changed(theirs, 1)))
        )
        const exposed = yield* Effect.scoped(
          Effect.gen(function* () {
            const { journal, session } = yield* openRun(place, run)
            const latest = yield* Stream.runHead(journal.batches)
            if (Option.isSome(latest)) yield* session.takeBack(latest.value, "overwritten")
            const outcome = yield* session.undo
            yield* check(outcome._tag === "Undone", `the undo ends as ${outcome._tag}`)
            return session.exposed
          })
        )
        const others = recordsOf(own).filter((record) => record !== theirs)
        const published = [...others, changed(theirs, 1), ...recordsOf(given)]
        const isTakenBack = exposed && (yield* stateOf(place)).records.length === recordsOf(own).length
        yield* expectHolds("after the undo", place, isTakenBack ? recordsOf(own) : published)
      })
  )
]
