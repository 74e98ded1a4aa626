/** Cases: a session that is undone leaves the target as it was. Each is run on a new store and on one in use. */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import { type Graph, recordsOf } from "../arbitraries/graphs.ts"
import { keyOf, link, memory, sampleGraph } from "../samples.ts"
import type { WriteSession } from "../../backend/WriteSession.ts"
import { type CaseError, type ConformanceCase, makeCase } from "./Harness.ts"
import {
  check,
  expectHolds,
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

const AS_BEFORE = "undo: brings the target back to what it was, indexes and files included"

// Overwrites the first node and relationship of a graph.
const replaceFirst = (session: WriteSession, own: Graph) =>
  Effect.gen(function* () {
    const node = own.nodes[0]
    if (node !== undefined) yield* overwrite(session, node, memory(node.key, 77, { summary: "replaced" }))
    const relationship = own.relationships[0]
    if (relationship === undefined) return
    const properties = { ...relationship.properties, context: "replaced" }
    yield* overwrite(session, relationship, { ...relationship, properties })
  })

// Does something in a session that ends without a publication; the place must then be as it was, and usable.
const undone = (
  name: string,
  obligation: string,
  mode: Mode,
  act: (session: WriteSession, given: Graph, own: Graph) => Effect.Effect<void, CaseError>
): ConformanceCase =>
  makeCase(`${name} (${mode})`, obligation, (harness) =>
    Effect.gen(function* () {
      const { backend, own, place } = yield* start(harness, mode)
      const before = yield* stateOf(place)
      const given = sampleGraph("und", 12, harness.without)
      yield* Effect.scoped(Effect.flatMap(openSession(backend), ({ session }) => act(session, given, own)))
      yield* expectState("after the undo", place, before)
      yield* Effect.scoped(
        Effect.gen(function* () {
          const { session } = yield* openSession(backend)
          yield* writeGraph(session, given)
          yield* session.publish
        })
      )
      yield* expectHolds("after the next session", place, recordsOf(union(own, given)))
    })
  )

const inMode = (mode: Mode): ReadonlyArray<ConformanceCase> => [
  undone("undo leaves everything as it was", AS_BEFORE, mode, (session, given) =>
    Effect.gen(function* () {
      yield* writeGraph(session, given, 5)
      yield* expectUndone(yield* session.undo)
      yield* check((yield* session.state) === "undone", `the state is ${yield* session.state}`)
    })
  ),
  undone("undo before the first write leaves everything as it was", AS_BEFORE, mode, (session) =>
    Effect.flatMap(session.undo, expectUndone)
  ),
  undone(
    "undo twice is undo once",
    "undo: idempotent; a second call returns the first one's outcome",
    mode,
    (session, given, own) =>
      Effect.gen(function* () {
        yield* writeGraph(session, given)
        yield* replaceFirst(session, own)
        yield* expectUndone(yield* session.undo)
        yield* expectUndone(yield* session.undo)
      })
  ),
  undone(
    "a session that is not ended is undone with its scope",
    "openSession: closing the scope undoes a session that is still open",
    mode,
    (session, given, own) => Effect.zipRight(writeGraph(session, given, 5), replaceFirst(session, own))
  ),
  undone("an undone session takes no more", "write: fails when the session is not open", mode, (session, given) =>
    Effect.gen(function* () {
      yield* writeGraph(session, given)
      yield* expectUndone(yield* session.undo)
      const late = yield* Effect.exit(session.write({ create: [memory(keyOf("lat", 0), 0)], overwrite: [] }))
      yield* check(Exit.isFailure(late), "a write after the undo succeeds")
      yield* check(Exit.isFailure(yield* Effect.exit(session.publish)), "a publication after the undo succeeds")
    })
  ),
  undone(
    "undo after a batch that failed midway",
    `${AS_BEFORE}; also right when a write failed`,
    mode,
    (session, given, own) =>
      Effect.gen(function* () {
        yield* writeGraph(session, given, 5)
        yield* replaceFirst(session, own)
        const more = Array.from({ length: 20 }, (_, n) => memory(keyOf("mid", n), n))
        const again = given.nodes.slice(0, 1)
        const exit = yield* Effect.exit(session.write({ create: [...more, ...again], overwrite: [] }))
        yield* check(Exit.isFailure(exit), "a batch with a node that is there already succeeds")
        yield* expectUndone(yield* session.undo)
      })
  ),
  undone(
    "undo after a write that was interrupted",
    `${AS_BEFORE}; also right when a write was interrupted`,
    mode,
    (session, given) =>
      Effect.gen(function* () {
        yield* writeGraph(session, given)
        const more = Array.from({ length: 400 }, (_, n) => memory(keyOf("int", n), n))
        for (const [n, delay] of [0, 1, 5, 20].entries()) {
          const batch = { create: more.slice(n * 100, n * 100 + 100), overwrite: [] }
          const writer = yield* Effect.fork(session.write(batch))
          yield* Effect.sleep(delay)
          yield* Fiber.interrupt(writer)
        }
        yield* expectUndone(yield* session.undo)
        // What is still under way somewhere may not land later either.
        yield* Effect.sleep(50)
      })
  )
]

const inUse: ReadonlyArray<ConformanceCase> = [
  undone(
    "undo brings overwritten records back",
    "undo: brings the target back to what it was; before-images of what is overwritten",
    "store in use",
    (session, given, own) =>
      Effect.gen(function* () {
        yield* writeGraph(session, given)
        yield* replaceFirst(session, own)
        yield* expectUndone(yield* session.undo)
      })
  ),
  undone(
    "undo brings back what was overwritten twice",
    "undo: brings the target back to what it was; of several before-images the first one",
    "store in use",
    (session, _, own) =>
      Effect.gen(function* () {
        const [first] = own.nodes
        if (first !== undefined) {
          const once = memory(first.key, 60)
          yield* overwrite(session, first, once)
          yield* overwrite(session, once, memory(first.key, 61))
        }
        yield* expectUndone(yield* session.undo)
      })
  ),
  undone(
    "undo takes away what was created and then overwritten",
    "undo: brings the target back to what it was, whatever the session has done to its own records",
    "store in use",
    (session, _, own) =>
      Effect.gen(function* () {
        const mine = memory(keyOf("own", 1000), 0)
        const to = own.nodes[0]?.key ?? mine.key
        const edge = link(keyOf("ownr", 1000), mine.key, to, 0)
        yield* session.write({ create: [mine], overwrite: [] })
        yield* session.write({ create: [edge], overwrite: [] })
        yield* overwrite(session, mine, memory(mine.key, 9))
        yield* overwrite(session, edge, { ...edge, properties: { ...edge.properties, strength: 0.125 } })
        yield* expectUndone(yield* session.undo)
      })
  ),
  makeCase(
    "undo takes away only its own of equal relationships",
    "undo: brings the target back to what it was; relationships without a key are a multiset",
    (harness) =>
      Effect.gen(function* () {
        const { backend, own, place } = yield* start(harness, "store in use")
        const unkeyed = own.relationships.find((one) => one.key === null)
        const before = yield* stateOf(place)
        yield* Effect.scoped(
          Effect.gen(function* () {
            const { session } = yield* openSession(backend)
            if (unkeyed !== undefined) yield* session.write({ create: [unkeyed, unkeyed, unkeyed], overwrite: [] })
            yield* expectUndone(yield* session.undo)
          })
        )
        yield* expectState("after the undo", place, before)
      }),
    ["unkeyed", "parallel"]
  ),
  makeCase(
    "an overwrite of a record that has changed loses nothing",
    "overwrite: there as `before` says; where it is not, the write fails or the undo restores what was there",
    (harness) =>
      Effect.gen(function* () {
        const { backend, own, place } = yield* start(harness, "store in use")
        const before = yield* stateOf(place)
        const first = own.nodes[0] ?? memory(keyOf("none", 0), 0)
        yield* Effect.scoped(
          Effect.gen(function* () {
            const { session } = yield* openSession(backend)
            const stale = memory(first.key, 88, { title: "how it never was" })
            yield* Effect.exit(overwrite(session, stale, memory(first.key, 89)))
            yield* expectUndone(yield* session.undo)
          })
        )
        yield* expectState("after the undo", place, before)
      })
  )
]

export const undoing: ReadonlyArray<ConformanceCase> = [...MODES.flatMap(inMode), ...inUse]
