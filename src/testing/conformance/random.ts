/** Cases: random graphs and random histories, the in-memory backend being the model. */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FastCheck from "effect/FastCheck"
import * as Cause from "effect/Cause"
import type * as Scope from "effect/Scope"
import type { GraphBackend } from "../../backend/GraphBackend.ts"
import type { Overwrite } from "../../backend/WriteSession.ts"
import { canonicalLine } from "../../domain/Canonical.ts"
import { type GraphRecord, node, property, type Node } from "../../domain/Graph.ts"
import { anyNode, type Graph, graph, recordsOf } from "../arbitraries/graphs.ts"
import { collect } from "../compare.ts"
import type { Feature } from "../features.ts"
import * as MemoryBackend from "../MemoryBackend.ts"
import { type CaseError, type Harness, makeCase, type Place } from "./Harness.ts"
import {
  expectRecords,
  expectStatistics,
  expectUndone,
  fail,
  fill,
  expectHolds,
  openSession,
  stateOf,
  storable,
  writeGraph
} from "./support.ts"

const RUNS = 25
const SEED = 20251

const showGraph = (records: ReadonlyArray<GraphRecord>): string => {
  const lines = records.map(canonicalLine).join("\n")
  return lines.length > 4000 ? `${lines.slice(0, 4000)}... (${lines.length} characters)` : lines
}

/**
 * Runs a program on random values. The failure names the seed and the path (give both to FastCheck to see it again)
 * and the smallest value found; errors of the program itself come through as they are.
 */
const forAll = <A>(
  harness: Harness,
  arbitrary: FastCheck.Arbitrary<A>,
  show: (value: A) => string,
  program: (value: A) => Effect.Effect<void, CaseError, Scope.Scope>
): Effect.Effect<void, CaseError> =>
  Effect.gen(function* () {
    const run = (value: A) => Effect.runPromiseExit(Effect.scoped(program(value)))
    let last: Cause.Cause<CaseError> | undefined
    const details = yield* Effect.promise(() =>
      FastCheck.check(
        FastCheck.asyncProperty(FastCheck.limitShrink(arbitrary, 60), async (value) => {
          const exit = await run(value)
          if (Exit.isFailure(exit)) last = exit.cause
          return Exit.isSuccess(exit)
        }),
        { numRuns: harness.runs ?? RUNS, seed: harness.seed ?? SEED }
      )
    )
    if (!details.failed) return
    const [value] = details.counterexample ?? []
    const reason = last === undefined ? undefined : Cause.squash(last)
    const why = reason instanceof Error ? reason.message : String(reason)
    const shown = value === undefined ? "" : `\n${show(value)}`
    return yield* fail(
      `seed ${details.seed}, path ${details.counterexamplePath}, run ${details.numRuns}: ${why}${shown}`
    )
  })

/** One session of a random history. */
interface Step {
  readonly graph: Graph
  /** Which of the stored nodes are replaced (modulo their number), and with what. */
  readonly replace: ReadonlyArray<readonly [number, Node]>
  readonly batch: number
  readonly end: "publish" | "undo" | "scope"
}

const step = (without: ReadonlyArray<Feature>, prefix: string): FastCheck.Arbitrary<Step> =>
  FastCheck.record({
    graph: graph({ without, prefix, maxNodes: 5, maxRelationships: 6 }),
    replace: FastCheck.array(FastCheck.tuple(FastCheck.nat(1000), anyNode({ without })), { maxLength: 3 }),
    batch: FastCheck.integer({ min: 1, max: 6 }),
    end: FastCheck.constantFrom("publish", "publish", "undo", "scope")
  })

const history = (without: ReadonlyArray<Feature>): FastCheck.Arbitrary<ReadonlyArray<Step>> =>
  FastCheck.tuple(step(without, "1:"), step(without, "2:"), step(without, "3:")).chain((steps) =>
    FastCheck.integer({ min: 1, max: 3 }).map((length) => steps.slice(0, length))
  )

const showStep = (one: Step): string =>
  `${one.end}, batches of ${one.batch}, replacing ${one.replace.map(([n, by]) => `${n} by ${canonicalLine(by)}`).join(" ")}\n${showGraph(recordsOf(one.graph))}`

// The node takes another's labels and properties and keeps its key and whatever `id` it has.
const replacement = (before: Node, by: Node): Node => {
  const { id: _, ...others } = by.properties
  const id = property(before.properties, "id")
  const labels = id === before.key || !by.labels.includes("Memory") ? by.labels : before.labels
  return node(before.key, labels, id === undefined ? others : { ...others, id })
}

const overwrites = (backend: GraphBackend, stored: ReadonlyArray<GraphRecord>, one: Step): ReadonlyArray<Overwrite> => {
  const nodes = stored.filter((record) => record._tag === "Node")
  const chosen = new Map<string, Overwrite>()
  for (const [n, by] of one.replace) {
    const before = nodes[n % nodes.length]
    if (before === undefined) continue
    const after = replacement(before, by)
    if (backend.fit(after).some((misfit) => misfit.level === "impossible")) continue
    chosen.set(before.key, { before, after })
  }
  return [...chosen.values()]
}

const play = (backend: GraphBackend, one: Step, replaced: ReadonlyArray<Overwrite>, given: Graph) =>
  Effect.scoped(
    Effect.gen(function* () {
      const { session } = yield* openSession(backend)
      yield* session.write({ create: [], overwrite: replaced })
      yield* writeGraph(session, given, one.batch)
      if (one.end === "publish") yield* session.publish
      if (one.end === "undo") yield* expectUndone(yield* session.undo)
    })
  )

const playHistory = (place: Place, steps: ReadonlyArray<Step>): Effect.Effect<void, CaseError> =>
  Effect.gen(function* () {
    const model = yield* MemoryBackend.make({ store: new MemoryBackend.MemoryStore("model") })
    for (const [n, one] of steps.entries()) {
      yield* Effect.scoped(
        Effect.gen(function* () {
          const backend = yield* place.connect
          const given = storable(backend, one.graph)
          const replaced = overwrites(backend, yield* collect(model.read()), one)
          yield* play(backend, one, replaced, given)
          yield* play(model, one, replaced, given)
        })
      )
      const now = yield* stateOf(place)
      const what = `after session ${n + 1} (${one.end})`
      yield* expectRecords(what, now.records, yield* collect(model.read()))
      yield* expectStatistics(what, now.statistics, yield* model.statistics)
    }
  })

export const random = [
  makeCase(
    "random graphs come back as they were",
    "read and write together: nothing is lost, nothing is added, nothing is changed",
    (harness) =>
      forAll(
        harness,
        graph({ without: harness.without }),
        (value) => showGraph(recordsOf(value)),
        (value) =>
          Effect.gen(function* () {
            const place = yield* harness.place
            const possible = yield* Effect.scoped(Effect.map(place.connect, (backend) => storable(backend, value)))
            yield* fill(place, possible, 3)
            yield* expectHolds("read back", place, recordsOf(possible))
          })
      )
  ),
  makeCase(
    "random histories end as in the model",
    "sessions one after another, published or undone, leave what a model in memory holds; statistics agree",
    (harness) =>
      forAll(
        harness,
        history(harness.without ?? []),
        (steps) => steps.map(showStep).join("\n---\n"),
        (steps) => Effect.flatMap(harness.place, (place) => playHistory(place, steps))
      )
  )
]
