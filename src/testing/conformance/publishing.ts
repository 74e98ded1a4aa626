/** Cases: a session that is published, and what others see of it before. */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Stream from "effect/Stream"
import * as WriteSession from "../../backend/WriteSession.ts"
import { canonicalLine } from "../../domain/Canonical.ts"
import { lineHash } from "../../domain/Fingerprint.ts"
import { type Graph, recordsOf } from "../arbitraries/graphs.ts"
import { collect } from "../compare.ts"
import { keyOf, link, memory, sampleGraph } from "../samples.ts"
import { type CaseError, type ConformanceCase, makeCase } from "./Harness.ts"
import {
  check,
  expectHolds,
  expectRecords,
  expectState,
  expectUndone,
  fail,
  type Mode,
  MODES,
  openSession,
  overwrite,
  start,
  stateOf,
  union,
  writeGraph
} from "./support.ts"

const inMode = (mode: Mode): ReadonlyArray<ConformanceCase> => [
  makeCase(
    `publishing makes everything visible (${mode})`,
    "publish: makes everything visible at once; what was there stays as it was",
    (harness) =>
      Effect.gen(function* () {
        const { backend, own, place } = yield* start(harness, mode)
        const given = sampleGraph("pub", 40, harness.without)
        yield* Effect.scoped(
          Effect.gen(function* () {
            const { session } = yield* openSession(backend)
            yield* writeGraph(session, given, 9)
            yield* session.publish
            yield* check((yield* session.state) === "published", `the state is ${yield* session.state}`)
            const all = yield* collect(backend.read())
            yield* expectRecords("on the same connection", all, recordsOf(union(own, given)))
          })
        )
        yield* expectHolds("on a new connection", place, recordsOf(union(own, given)))
        const { statistics } = yield* stateOf(place)
        const expected = union(own, given)
        yield* check(
          statistics.nodes === expected.nodes.length && statistics.relationships === expected.relationships.length,
          `${statistics.nodes} nodes and ${statistics.relationships} relationships are counted`
        )
      })
  ),
  makeCase(
    `a session that is not exposed shows nothing (${mode})`,
    "capabilities.isolated: readers see nothing of a session before it is published; exposed: true where they do",
    (harness) =>
      Effect.gen(function* () {
        const { backend, own, place } = yield* start(harness, mode)
        const given = sampleGraph("iso", 20, harness.without)
        const { session } = yield* openSession(backend)
        yield* check(
          !(backend.capabilities.isolated && session.exposed),
          "the backend is called isolated, and its session exposed"
        )
        yield* writeGraph(session, given, 9)
        const first = own.nodes[0]
        if (first !== undefined) {
          yield* overwrite(session, first, { ...first, properties: { ...first.properties, title: "changed" } })
        }
        if (!session.exposed) {
          // A reader may be kept out (a lock); it may not see.
          const seen = yield* Effect.exit(stateOf(place))
          if (Exit.isSuccess(seen)) {
            yield* expectRecords("another reader", seen.value.records, recordsOf(own))
            yield* check(
              seen.value.statistics.nodes === own.nodes.length,
              `another reader counts ${seen.value.statistics.nodes} nodes`
            )
          } else {
            const error = seen.cause._tag === "Fail" ? seen.cause.error : undefined
            const locked = error?._tag === "StoreUnavailable" && error.reason === "locked"
            yield* check(locked, `another reader fails with ${String(seen.cause)}`)
          }
        }
        yield* expectUndone(yield* session.undo)
      })
  ),
  makeCase(
    `a published session takes no more (${mode})`,
    "write: fails when the session is not open; undo: a published session stays published",
    (harness) =>
      Effect.gen(function* () {
        const { backend, own, place } = yield* start(harness, mode)
        const given = sampleGraph("pnm", 6, harness.without)
        yield* Effect.scoped(
          Effect.gen(function* () {
            const { session } = yield* openSession(backend)
            yield* writeGraph(session, given)
            yield* session.publish
            const late = yield* Effect.exit(session.write({ create: [memory(keyOf("lat", 0), 0)], overwrite: [] }))
            yield* check(Exit.isFailure(late), "a write after the publication succeeds")
            yield* check(Exit.isFailure(yield* Effect.exit(session.publish)), "a second publication succeeds")
            const outcome = yield* session.undo
            yield* check(outcome._tag === "Published", `an undo after the publication ends as ${outcome._tag}`)
          })
        )
        yield* expectHolds("afterwards", place, recordsOf(union(own, given)))
      })
  ),
  makeCase(
    `a session without writes is published (${mode})`,
    "publish: makes everything visible, also where that is nothing; the store can be used afterwards",
    (harness) =>
      Effect.gen(function* () {
        const { backend, own, place } = yield* start(harness, mode)
        yield* Effect.scoped(Effect.flatMap(openSession(backend), ({ session }) => session.publish))
        yield* expectHolds("after an empty publication", place, recordsOf(own))
        const given = sampleGraph("aft", 6, harness.without)
        yield* Effect.scoped(
          Effect.gen(function* () {
            const { session } = yield* openSession(backend)
            yield* check(session.fresh === (own.nodes.length === 0), `fresh is ${session.fresh}`)
            yield* writeGraph(session, given)
            yield* session.publish
          })
        )
        yield* expectHolds("after the next one", place, recordsOf(union(own, given)))
      })
  ),
  makeCase(
    `the journal knows what was made and replaced (${mode})`,
    "Journal: knows what is created and what was there before, so that a published run can be rolled back",
    (harness) =>
      Effect.gen(function* () {
        const { backend, own } = yield* start(harness, mode)
        const given = sampleGraph("jou", 12, harness.without)
        const replaced = own.nodes.slice(0, 2).map((before, n) => ({ before, after: memory(before.key, n + 50) }))
        const { journal, session } = yield* openSession(backend)
        yield* writeGraph(session, given, 5)
        yield* session.write({ create: [], overwrite: replaced })
        yield* session.publish
        const batches = yield* Stream.runCollect(journal.batches)
        const hashes: Array<string> = []
        const images: Array<string> = []
        for (const batch of batches) {
          hashes.push(...batch.created.map((record) => record.hash.toString("hex")))
          images.push(...batch.overwritten.map(({ before, after }) => canonicalLine(before) + canonicalLine(after)))
          if (!batch.acknowledged) yield* fail(`batch ${batch.number} of the journal is not acknowledged`)
        }
        const expected = recordsOf(given).map((record) => lineHash(canonicalLine(record)).toString("hex"))
        yield* check(hashes.sort().join() === expected.sort().join(), "the journal lacks created records")
        const before = replaced.map((one) => canonicalLine(one.before) + canonicalLine(one.after))
        yield* check(images.sort().join() === before.sort().join(), "the journal lacks before-images")
        yield* check((yield* journal.state) === "published", `the journal's state is ${yield* journal.state}`)
      })
  ),
  makeCase(
    `two sessions at once do not mix (${mode})`,
    "openSession: while it is open, nothing but its methods writes; publish: nothing that was there is lost",
    (harness) =>
      Effect.gen(function* () {
        const { backend, own, place } = yield* start(harness, mode)
        const graphs = [sampleGraph("fst", 6, harness.without), sampleGraph("snd", 7, harness.without)] as const
        // The second begins, and if it may, ends, after the first: at most one of them may fail.
        const attempt = (opened: Effect.Effect<WriteSession.WriteSession, CaseError>, graph: Graph) =>
          Effect.exit(
            Effect.flatMap(opened, (session) =>
              Effect.tapError(Effect.zipRight(writeGraph(session, graph), session.publish), () => session.undo)
            )
          )
        const ended = yield* Effect.scoped(
          Effect.gen(function* () {
            const first = yield* Effect.exit(Effect.map(openSession(backend), ({ session }) => session))
            const other = yield* place.connect
            const second = yield* Effect.exit(Effect.map(openSession(other), ({ session }) => session))
            return [yield* attempt(first, graphs[0]), yield* attempt(second, graphs[1])] as const
          })
        )
        yield* check(ended.some(Exit.isSuccess), `both fail: ${ended.map((exit) => String(exit)).join("; ")}`)
        const published = graphs.filter((_, n) => {
          const exit = ended[n]
          return exit !== undefined && Exit.isSuccess(exit)
        })
        yield* expectHolds("afterwards", place, [...recordsOf(own), ...published.flatMap(recordsOf)])
      })
  ),
  makeCase(
    `use publishes a success and undoes a failure (${mode})`,
    "WriteSession.use: success publishes, failure, defect and interruption undo",
    (harness) =>
      Effect.gen(function* () {
        const { backend, own, place } = yield* start(harness, mode)
        const before = yield* stateOf(place)
        const given = sampleGraph("use", 6, harness.without)
        const ends = [Effect.fail("failure"), Effect.die("defect"), Effect.interrupt]
        for (const end of ends) {
          yield* Effect.scoped(
            Effect.gen(function* () {
              const { session } = yield* openSession(backend)
              const result = yield* WriteSession.use(session, Effect.zipRight(writeGraph(session, given), end))
              yield* check(Exit.isFailure(result.exit), "a failed program is called a success")
              yield* expectUndone(result.outcome)
            })
          )
          yield* expectState("after the undo", place, before)
        }
        yield* Effect.scoped(
          Effect.gen(function* () {
            const { session } = yield* openSession(backend)
            const result = yield* WriteSession.use(session, writeGraph(session, given))
            yield* check(result.outcome._tag === "Published", `a success ends as ${result.outcome._tag}`)
          })
        )
        yield* expectHolds("after the success", place, recordsOf(union(own, given)))
      })
  )
]

export const publishing: ReadonlyArray<ConformanceCase> = [
  ...MODES.flatMap(inMode),
  makeCase(
    "what was there is untouched",
    "publish: own data of a store in use is neither changed nor moved, whatever is linked to it",
    (harness) =>
      Effect.gen(function* () {
        const { backend, own, place } = yield* start(harness, "store in use")
        const [first, second] = own.nodes
        if (first === undefined || second === undefined) return yield* fail("the store in use holds nothing")
        const mine = memory(keyOf("unt", 0), 0)
        const given: Graph = {
          nodes: [mine],
          relationships: [
            link(keyOf("unt", 1), mine.key, first.key, 0),
            link(keyOf("unt", 2), second.key, mine.key, 1),
            link(keyOf("unt", 3), second.key, first.key, 2)
          ]
        }
        yield* Effect.scoped(
          Effect.gen(function* () {
            const { session } = yield* openSession(backend)
            yield* writeGraph(session, given)
            yield* session.publish
          })
        )
        yield* expectHolds("after publishing", place, recordsOf(union(own, given)))
      })
  )
]
