/** Cases: records that are removed, and removals that must fail or be taken back. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { WriteSession } from "../../backend/WriteSession.ts"
import type { Left, MigrationError } from "../../domain/Errors.ts"
import { describe, type GraphRecord } from "../../domain/Graph.ts"
import { recordsOf } from "../arbitraries/graphs.ts"
import { collect } from "../compare.ts"
import { keyOf, link, memory } from "../samples.ts"
import type { Feature } from "../features.ts"
import { type ConformanceCase, type Harness, makeCase, type Place } from "./Harness.ts"
import {
  check,
  expectHolds,
  expectRecords,
  expectState,
  expectStatistics,
  expectUndone,
  fail,
  fill,
  newRun,
  openRun,
  openSession,
  overwrite,
  publishRun,
  type Run,
  same,
  start,
  stateOf,
  takeBackAll,
  writeGraph
} from "./support.ts"

const EXACTLY = "WriteBatch.remove: just what is named goes, of relationships without a key as many equal ones as named"
const REFUSED =
  "write: what is not there as `remove` says, or has relationships left, fails with store-changed, and nothing took effect"
const BACK = "undo: brings the target back to what it was, also what was removed"
const TAKEN_BACK = "takeBack: creates what was removed again where it is not there"

const [A, B, C, D, E] = [keyOf("rma", 0), keyOf("rmb", 0), keyOf("rmc", 0), keyOf("rmd", 0), keyOf("rme", 0)] as const
const nodes = [memory(A, 0), memory(B, 1), memory(C, 2), memory(D, 3), memory(E, 4)] as const
const [a, b, c, d, e] = nodes

const has = (harness: Harness, feature: "unkeyed" | "parallel" | "self-loops") =>
  harness.without?.includes(feature) !== true

/** Relationships of one pair and type, a loop, and others, as far as the store can have them. */
const bonds = (harness: Harness) => {
  const equal = has(harness, "unkeyed") && has(harness, "parallel") ? [1, 2, 3].map(() => link(null, A, B, 0)) : []
  return {
    first: link(keyOf("rmr", 0), A, B, 0),
    parallel: has(harness, "parallel") ? [link(keyOf("rmr", 1), A, B, 0), link(keyOf("rmr", 2), A, B, 4)] : [],
    loops: has(harness, "self-loops") ? [link(keyOf("rmr", 3), C, C, 1)] : [],
    reverse: link(keyOf("rmr", 4), B, A, 0),
    equal
  }
}

const allBonds = (harness: Harness) => {
  const { equal, first, loops, parallel, reverse } = bonds(harness)
  return [first, ...parallel, ...loops, reverse, ...equal]
}

/** Removes records of one kind. */
const remove = (session: WriteSession, records: ReadonlyArray<GraphRecord>) =>
  session.write({ create: [], overwrite: [], remove: records })

/** A store in use that holds the nodes and the relationships too. */
const prepared = (harness: Harness) =>
  Effect.gen(function* () {
    const { backend, own, place } = yield* start(harness, "store in use")
    const more = { nodes, relationships: allBonds(harness) }
    yield* fill(place, more)
    const before = yield* stateOf(place)
    const { session } = yield* openSession(backend)
    return { all: [...recordsOf(own), ...recordsOf(more)], before, place, session }
  })

/** The records without one for each of the others. */
const without = (records: ReadonlyArray<GraphRecord>, others: ReadonlyArray<GraphRecord>) => {
  const rest = [...records]
  for (const one of others) {
    const at = rest.findIndex((record) => same(record, one))
    if (at >= 0) rest.splice(at, 1)
  }
  return rest
}

const removal = (name: string, what: (harness: Harness) => ReadonlyArray<ReadonlyArray<GraphRecord>>) =>
  makeCase(name, EXACTLY, (harness) =>
    Effect.gen(function* () {
      const { all, place, session } = yield* prepared(harness)
      const batches = what(harness)
      for (const batch of batches) yield* remove(session, batch)
      const left = without(all, batches.flat())
      yield* check(left.length < all.length, "the case removes nothing")
      yield* expectRecords("in the session", yield* collect(session.read), left)
      yield* session.publish
      yield* expectHolds("after publishing", place, left)
    })
  )

const refusal = (name: string, what: (harness: Harness) => ReadonlyArray<GraphRecord>) =>
  makeCase(name, REFUSED, (harness) =>
    Effect.gen(function* () {
      const { all, place, session } = yield* prepared(harness)
      const exit = yield* Effect.exit(remove(session, what(harness)))
      yield* expectStoreChanged(exit)
      yield* expectRecords("after the refusal", yield* collect(session.read), all)
      const more = memory(keyOf("rmm", 0), 7)
      yield* session.write({ create: [more], overwrite: [] })
      yield* session.publish
      yield* expectHolds("after publishing", place, [...all, more])
    })
  )

const expectStoreChanged = (exit: Exit.Exit<void, MigrationError>) => {
  if (Exit.isSuccess(exit)) return fail("the write says that it has succeeded")
  const error = Cause.squash(exit.cause)
  const reason = error instanceof Error && "reason" in error ? error.reason : undefined
  return check(reason === "store-changed", `the write failed with ${String(reason)}: ${String(error)}`)
}

// Everything at once: what is removed, created anew under its key, overwritten, created.
const turnover = (session: WriteSession, harness: Harness): Effect.Effect<void, MigrationError> =>
  Effect.gen(function* () {
    const { equal, first, loops, parallel, reverse } = bonds(harness)
    yield* remove(session, [first, ...parallel, ...loops, ...equal.slice(0, 2)])
    yield* remove(session, [c, d])
    yield* overwrite(session, a, memory(A, 5))
    yield* session.write({ create: [memory(keyOf("rmn", 0), 8)], overwrite: [] })
    yield* overwrite(session, reverse, link(reverse.key, B, A, 4))
    // The same key between other nodes.
    yield* session.write({ create: [link(first.key, B, keyOf("rmn", 0), 3)], overwrite: [] })
    if (equal.length > 0) yield* session.write({ create: equal.slice(0, 1), overwrite: [] })
  })

const takeBack = (place: Place, run: Run, times = 1) =>
  Effect.scoped(
    Effect.gen(function* () {
      const opened = yield* openRun(place, run)
      const left: Array<Left> = []
      for (let i = 0; i < times; i++) left.push(...(yield* takeBackAll(opened)))
      yield* opened.session.publish
      return left
    })
  )

/** Fails the case unless something is reported for each of the records, with a reason, and nothing else. */
const expectLeft = (left: ReadonlyArray<Left>, records: ReadonlyArray<GraphRecord>) => {
  const names = records.map(describe)
  const known = names.every((name) => left.some(({ what, why }) => what.includes(name) && why.trim() !== ""))
  return check(
    known && left.length === names.length,
    `${names.join(", ")} should be reported, and ${JSON.stringify(left)} is`
  )
}

const HARNESS_FEATURES: ReadonlyArray<Feature> = ["unkeyed", "parallel"]

export const removing: ReadonlyArray<ConformanceCase> = [
  removal("what is named is removed, and nothing else", (harness) => {
    const { first, loops } = bonds(harness)
    return [[first, ...loops], [d]]
  }),
  removal("nodes go once their relationships are gone", (harness) => [allBonds(harness), [a, b], [c], [d, e]]),
  {
    ...removal("of equal relationships as many are removed as are named", (harness) => {
      const { equal } = bonds(harness)
      return [equal.slice(0, 2)]
    }),
    needs: HARNESS_FEATURES
  },
  makeCase("a session removes what it has written itself", EXACTLY, (harness) =>
    Effect.gen(function* () {
      const { backend, place } = yield* start(harness, "new store")
      const { session } = yield* openSession(backend)
      yield* writeGraph(session, { nodes, relationships: allBonds(harness) })
      const { first } = bonds(harness)
      yield* remove(session, [first])
      yield* remove(session, [d])
      const left = without([...nodes, ...allBonds(harness)], [first, d])
      yield* expectRecords("in the session", yield* collect(session.read), left)
      yield* session.publish
      yield* expectHolds("after publishing", place, left)
    })
  ),
  makeCase("a key is free once its record is removed", EXACTLY, (harness) =>
    Effect.gen(function* () {
      const { all, place, session } = yield* prepared(harness)
      const { first } = bonds(harness)
      const again = link(first.key, C, D, 6)
      yield* session.write({ create: [again], overwrite: [], remove: [first] })
      yield* session.publish
      yield* expectHolds("after publishing", place, [...without(all, [first]), again])
    })
  ),
  refusal("a node that has relationships is not removed", () => [d, a]),
  refusal("a node that has changed is not removed", () => [e, memory(D, 5)]),
  refusal("a relationship that has changed is not removed", (harness) => {
    const { first, reverse } = bonds(harness)
    return [reverse, link(first.key, A, B, 5)]
  }),
  refusal("what is not there is not removed", () => [d, memory(keyOf("rmx", 0), 0)]),
  {
    ...refusal("more equal relationships than there are are not removed", (harness) => {
      const { equal } = bonds(harness)
      return [...equal, ...equal.slice(0, 1)]
    }),
    needs: HARNESS_FEATURES
  },
  makeCase("undo brings back what was removed", BACK, (harness) =>
    Effect.gen(function* () {
      const { before, place, session } = yield* prepared(harness)
      yield* turnover(session, harness)
      yield* expectUndone(yield* session.undo)
      yield* expectState("after the undo", place, before)
    })
  ),
  makeCase("undo after a refused removal leaves everything as it was", BACK, (harness) =>
    Effect.gen(function* () {
      const { before, place, session } = yield* prepared(harness)
      yield* remove(session, allBonds(harness))
      yield* Effect.exit(remove(session, [a, b, memory(C, 9), d]))
      yield* expectUndone(yield* session.undo)
      yield* expectState("after the undo", place, before)
    })
  ),
  makeCase("a store that was emptied comes back by an undo", BACK, (harness) =>
    Effect.gen(function* () {
      const { all, before, place, session } = yield* prepared(harness)
      yield* remove(
        session,
        all.filter(({ _tag }) => _tag === "Relationship")
      )
      yield* remove(
        session,
        all.filter(({ _tag }) => _tag === "Node")
      )
      yield* check((yield* collect(session.read)).length === 0, "the session still reads something")
      yield* expectUndone(yield* session.undo)
      yield* expectState("after the undo", place, before)
    })
  ),
  makeCase("what a published run has removed is taken back, once", TAKEN_BACK, (harness) =>
    Effect.gen(function* () {
      const { own, place } = yield* start(harness, "store in use")
      const more = { nodes, relationships: allBonds(harness) }
      yield* fill(place, more)
      const run = yield* newRun
      yield* publishRun(place, run, (session) =>
        Effect.gen(function* () {
          const { equal, first, loops, parallel } = bonds(harness)
          yield* remove(session, [first, ...parallel, ...loops, ...equal.slice(0, 2)])
          yield* remove(session, [d])
          yield* overwrite(session, a, memory(A, 5))
        })
      )
      yield* expectLeft(yield* takeBack(place, run, 2), [])
      yield* expectHolds("taken back", place, [...recordsOf(own), ...recordsOf(more)])
    })
  ),
  makeCase("a published run that removed, created and replaced is taken back", TAKEN_BACK, (harness) =>
    Effect.gen(function* () {
      const { own, place } = yield* start(harness, "store in use")
      const more = { nodes, relationships: allBonds(harness) }
      yield* fill(place, more)
      const before = yield* stateOf(place)
      const run = yield* newRun
      yield* publishRun(place, run, (session) => turnover(session, harness))
      yield* expectLeft(yield* takeBack(place, run), [])
      yield* expectHolds("taken back", place, [...recordsOf(own), ...recordsOf(more)])
      yield* expectStatistics("taken back", (yield* stateOf(place)).statistics, before.statistics)
    })
  ),
  makeCase(
    "what somebody has made under a removed key stays and is reported",
    "takeBack: what could not come back is returned: its key stands for something else, or a node that it led to is gone",
    (harness) =>
      Effect.gen(function* () {
        const { own, place } = yield* start(harness, "store in use")
        const [first, second] = [link(keyOf("rmr", 5), A, B, 0), link(keyOf("rmr", 6), C, D, 0)]
        yield* fill(place, { nodes, relationships: [first, second] })
        const run = yield* newRun
        yield* publishRun(place, run, (session) =>
          Effect.zipRight(remove(session, [first, second]), remove(session, [b, d]))
        )
        const theirs = memory(B, 9)
        yield* publishRun(place, yield* newRun, (session) =>
          Effect.gen(function* () {
            yield* session.write({ create: [theirs], overwrite: [] })
            yield* remove(session, [c])
          })
        )
        const left = yield* takeBack(place, run)
        yield* expectLeft(left, [b, second])
        yield* expectHolds("taken back", place, [...recordsOf(own), a, theirs, d, e, first])
      })
  )
]
