/**
 * Faults on purpose: a decorator that makes one named call of a backend fail, hang, or succeed and lose its reply. It
 * counts all calls, so that a test can record a run without faults and then visit every call of it.
 *
 * A host tests its own error handling with {@link faulty}; who writes an engine puts {@link faultyDriver} below the
 * session's state machine.
 */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { GraphBackend } from "../backend/GraphBackend.ts"
import type { SessionDriver, SessionOutcome, WriteSession } from "../backend/WriteSession.ts"
import { type ReadError, StoreUnavailable, UndoIncomplete, WriteFailed } from "../domain/Errors.ts"
import type { GraphRecord } from "../domain/Graph.ts"

/** The methods that can be made to fail. Of a stream, opening it is a call, and so is each of its chunks. */
export const METHODS = [
  "health",
  "statistics",
  "dangling",
  "read",
  "lookup",
  "openSession",
  "session.write",
  "session.takeBack",
  "session.read",
  "session.lookup",
  "session.publish",
  "session.undo"
] as const
/** A method that can be made to fail. */
export type Method = (typeof METHODS)[number]

/**
 * `fail`: nothing is done. `hang`: nothing is done and no answer comes (where the caller cannot be interrupted, for
 * ever). `lose-reply`: it is done, and the caller hears of a failure.
 */
export const FAULT_KINDS = ["fail", "hang", "lose-reply"] as const
/** How a call goes wrong. */
export type FaultKind = (typeof FAULT_KINDS)[number]

/** One fault: at the `call`-th call of `method`, counted from 1. */
export interface Fault {
  readonly method: Method
  readonly call: number
  readonly kind: FaultKind
}

/**
 * Counts calls and strikes where the plan says so. One gate may serve several backends: they are counted together.
 *
 * @example
 * ```ts
 * const gate = new FaultGate([{ method: "session.publish", call: 1, kind: "fail" }])
 * const exit = yield* Effect.exit(migrate(source, faulty(target, gate), { stateFolder: "state" }))
 * // `exit` is a failure, and gate.happened says that the fault struck.
 * ```
 */
export class FaultGate {
  private readonly plan: ReadonlyArray<Fault>
  private readonly counts = new Map<Method, number>()
  private readonly struck: Array<Fault> = []

  constructor(plan: ReadonlyArray<Fault> = []) {
    this.plan = plan
  }

  /** How often each method was called so far. */
  get calls(): ReadonlyMap<Method, number> {
    return this.counts
  }

  /** The faults that have happened: a test that expects one should see it here. */
  get happened(): ReadonlyArray<Fault> {
    return this.struck
  }

  /** Every fault that can happen in a run with the calls counted here. */
  sweep(kinds: ReadonlyArray<FaultKind> = FAULT_KINDS): ReadonlyArray<Fault> {
    return [...this.counts].flatMap(([method, count]) =>
      Array.from({ length: count }, (_, i) => i + 1).flatMap((call) => kinds.map((kind) => ({ method, call, kind })))
    )
  }

  /** Runs an effect as one call of a method; `failure` is what the caller hears of a fault. */
  pass<A, E, R, E2>(
    method: Method,
    effect: Effect.Effect<A, E, R>,
    failure: (kind: "fail" | "lose-reply") => Effect.Effect<A, E2>
  ): Effect.Effect<A, E | E2, R> {
    return Effect.suspend((): Effect.Effect<A, E | E2, R> => {
      const call = (this.counts.get(method) ?? 0) + 1
      this.counts.set(method, call)
      const fault = this.plan.find((one) => one.method === method && one.call === call)
      if (fault === undefined) return effect
      this.struck.push(fault)
      if (fault.kind === "hang") return Effect.never
      return fault.kind === "fail" ? failure("fail") : Effect.zipRight(effect, failure("lose-reply"))
    })
  }
}

type Place = { readonly kind: string; readonly location: string }

const said = (what: string) => `${what} was made to fail by the test.`

const unavailable = (place: Place, what: string) => () =>
  Effect.fail(
    new StoreUnavailable({ backend: place.kind, location: place.location, reason: "went-away", message: said(what) })
  )

const writeFailed = (place: Place, phase: string) =>
  new WriteFailed({ backend: place.kind, location: place.location, phase, reason: "went-away", message: said(phase) })

const unknown = (place: Place) =>
  new UndoIncomplete({
    backend: place.kind,
    location: place.location,
    outcome: "unknown",
    left: [],
    message: "The test lost the reply to the publication: whether it took effect is unknown."
  })

const passStream = (
  gate: FaultGate,
  place: Place,
  method: "read" | "session.read",
  stream: Stream.Stream<GraphRecord, ReadError>
): Stream.Stream<GraphRecord, ReadError> =>
  Stream.unwrap(gate.pass(method, Effect.succeed(stream), unavailable(place, method))).pipe(
    Stream.mapChunksEffect((chunk) => gate.pass(method, Effect.succeed(chunk), unavailable(place, method)))
  )

type Common = Pick<SessionDriver, "write" | "takeBack" | "read" | "lookup" | "publish">

// What a session and its driver have in common.
const passCommon = (gate: FaultGate, place: Place, inner: Common): Common => ({
  write: (batch) => gate.pass("session.write", inner.write(batch), () => Effect.fail(writeFailed(place, "import"))),
  takeBack: (batch, part) =>
    gate.pass("session.takeBack", inner.takeBack(batch, part), () => Effect.fail(writeFailed(place, "undo"))),
  read: passStream(gate, place, "session.read", inner.read),
  lookup: (records) => gate.pass("session.lookup", inner.lookup(records), unavailable(place, "session.lookup")),
  publish: gate.pass("session.publish", inner.publish, (kind) =>
    Effect.fail(kind === "fail" ? writeFailed(place, "publish") : unknown(place))
  )
})

const faultySession = (gate: FaultGate, place: Place, session: WriteSession): WriteSession => ({
  ...session,
  ...passCommon(gate, place, session),
  undo: gate.pass("session.undo", session.undo, () =>
    Effect.succeed<SessionOutcome>({ _tag: "Incomplete", left: [], cause: writeFailed(place, "undo") })
  )
})

/**
 * The driver with faults: they strike below the session's states, as those of an engine do. Errors as of
 * {@link faulty}; an `undo` fails with `WriteFailed`.
 */
export const faultyDriver = (driver: SessionDriver, gate: FaultGate): SessionDriver => {
  const place = { kind: driver.backend, location: driver.location }
  return {
    ...driver,
    ...passCommon(gate, place, driver),
    undo: gate.pass("session.undo", driver.undo, () => Effect.fail(writeFailed(place, "undo")))
  }
}

/**
 * The backend with faults. Reads, lookups and `openSession` fail with `StoreUnavailable` (`went-away`), `write`,
 * `takeBack` and a `publish` that did nothing with `WriteFailed` (`went-away`), a `publish` whose reply is lost with
 * `UndoIncomplete` (`unknown`): a run then asks the session, which knows that it was published, and succeeds. An `undo`
 * ends as `Incomplete`.
 */
export const faulty = (backend: GraphBackend, gate: FaultGate): GraphBackend => ({
  ...backend,
  health: gate.pass("health", backend.health, unavailable(backend, "health")),
  statistics: gate.pass("statistics", backend.statistics, unavailable(backend, "statistics")),
  dangling: gate.pass("dangling", backend.dangling, unavailable(backend, "dangling")),
  read: (selection) => passStream(gate, backend, "read", backend.read(selection)),
  lookup: (records) => gate.pass("lookup", backend.lookup(records), unavailable(backend, "lookup")),
  openSession: (options) =>
    gate
      .pass("openSession", backend.openSession(options), unavailable(backend, "openSession"))
      .pipe(Effect.map((session) => faultySession(gate, backend, session)))
})
