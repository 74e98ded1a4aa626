/**
 * The round trip: a graph goes from store to store and comes home, and is compared at every stop with what set out.
 * How it is moved is given, so that a whole migration can be tested, or any part that moves graphs.
 */
import * as Chunk from "effect/Chunk"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { GraphBackend } from "../backend/GraphBackend.ts"
import { canonicalLine } from "../domain/Canonical.ts"
import type { Difference, MigrationError } from "../domain/Errors.ts"
import * as Fingerprint from "../domain/Fingerprint.ts"
import type { Graph } from "./arbitraries/graphs.ts"
import { collect, differences, showDifferences } from "./compare.ts"
import type { Harness, Place } from "./conformance/Harness.ts"
import { fill, storable } from "./conformance/support.ts"

/** A store on the way: a harness of the conformance suite, or its name and place. */
export type Stop = Pick<Harness, "name" | "place">

/** Moves everything from one store to another; fails where it does not arrive. */
export type Migrate<E, R> = (source: GraphBackend, target: GraphBackend) => Effect.Effect<unknown, E, R>

/** What to move, where, and how. */
export interface RoundTrip<E, R> {
  /** In this order; the first one again at the end makes the trip a round one (a new place is taken for it). */
  readonly stops: ReadonlyArray<Stop>
  /**
   * The graph that sets out: written to the first stop, without the records that some stop cannot hold. Where none is
   * given, the first stop holds one already, and nothing is left out.
   */
  readonly graph?: Graph | undefined
  /** Called once for each leg, with both stores connected. */
  readonly migrate: Migrate<E, R>
}

/** One arrival: `fingerprint` is that of the target, equal to that of the first stop. */
export interface Leg {
  readonly from: string
  readonly to: string
  readonly fingerprint: Fingerprint.Fingerprint
}

/** A graph did not arrive as it set out, or a source was changed by being read. */
export class RoundTripFailure extends Data.TaggedError("RoundTripFailure")<{
  readonly from: string
  readonly to: string
  readonly expected: Fingerprint.Fingerprint
  readonly actual: Fingerprint.Fingerprint
  /** Empty where a source was changed: what it was is not there any more. */
  readonly differences: ReadonlyArray<Difference>
  readonly message: string
}> {}

const fingerprintOf = (backend: GraphBackend): Effect.Effect<Fingerprint.Fingerprint, MigrationError> =>
  Effect.suspend(() => {
    const builder = new Fingerprint.Builder()
    return Stream.runForEachChunk(backend.read(), (chunk) =>
      Effect.sync(() => Chunk.forEach(chunk, (record) => builder.addLine(record._tag, canonicalLine(record))))
    ).pipe(Effect.map(() => builder.finish()))
  })

const connected = <A, E, R>(place: Place, use: (backend: GraphBackend) => Effect.Effect<A, E, R>) =>
  Effect.scoped(Effect.flatMap(place.connect, use))

interface Ends {
  readonly from: string
  readonly to: string
}

const failure = (
  ends: Ends,
  what: string,
  [expected, actual]: readonly [Fingerprint.Fingerprint, Fingerprint.Fingerprint],
  found: ReadonlyArray<Difference> = []
) =>
  new RoundTripFailure({
    ...ends,
    expected,
    actual,
    differences: found,
    message: `${what}: ${expected.text} set out and ${actual.text} is there. ${showDifferences(found)}`
  })

const expectUnchanged = (ends: Ends, source: Place, expected: Fingerprint.Fingerprint) =>
  Effect.gen(function* () {
    const actual = yield* connected(source, fingerprintOf)
    if (Fingerprint.equals(expected, actual)) return
    return yield* failure(ends, `${ends.from} was changed by being read`, [expected, actual])
  })

// Only where the fingerprints differ are the records held in memory.
const expectArrived = (ends: Ends, source: Place, target: Place, expected: Fingerprint.Fingerprint) =>
  Effect.gen(function* () {
    const actual = yield* connected(target, fingerprintOf)
    if (Fingerprint.equals(expected, actual)) return
    const sent = yield* connected(source, (backend) => collect(backend.read()))
    const arrived = yield* connected(target, (backend) => collect(backend.read()))
    const what = `${ends.from} did not arrive in ${ends.to}`
    return yield* failure(ends, what, [expected, actual], differences(sent, arrived))
  })

const withoutImpossible = (stops: ReadonlyArray<Stop>, graph: Graph) =>
  Effect.reduce(stops, graph, (rest, stop) =>
    Effect.scoped(
      Effect.flatMap(stop.place, (place) => connected(place, (backend) => Effect.sync(() => storable(backend, rest))))
    )
  )

/**
 * Moves a graph along the stops and compares it at each of them with the source it came from. Fails at the first leg
 * that differs; returns one entry for each leg, none where there are fewer than two stops.
 *
 * @example
 * ```ts
 * const stop = (name: string) => ({
 *   name,
 *   place: Effect.sync(() => ({ connect: MemoryBackend.make({ store: new MemoryBackend.MemoryStore(name) }) }))
 * })
 * const legs = yield* roundTrip({
 *   stops: [stop("a"), stop("b"), stop("a")],
 *   graph: sampleGraph("trip", 10),
 *   migrate: (source, target) => migrate(source, target, { stateFolder: "state" })
 * })
 * ```
 */
export const roundTrip = <E, R>(
  trip: RoundTrip<E, R>
): Effect.Effect<ReadonlyArray<Leg>, RoundTripFailure | MigrationError | E, R> =>
  Effect.scoped(
    Effect.gen(function* () {
      const [first, ...others] = trip.stops
      if (first === undefined) return []
      const graph = trip.graph === undefined ? undefined : yield* withoutImpossible(trip.stops, trip.graph)
      let source = { name: first.name, place: yield* first.place }
      if (graph !== undefined) yield* fill(source.place, graph)
      const fingerprint = yield* connected(source.place, fingerprintOf)
      const legs: Array<Leg> = []
      for (const stop of others) {
        const target = { name: stop.name, place: yield* stop.place }
        yield* connected(source.place, (from) => connected(target.place, (to) => trip.migrate(from, to)))
        const ends = { from: source.name, to: target.name }
        yield* expectUnchanged(ends, source.place, fingerprint)
        yield* expectArrived(ends, source.place, target.place, fingerprint)
        legs.push({ ...ends, fingerprint })
        source = target
      }
      return legs
    })
  )
