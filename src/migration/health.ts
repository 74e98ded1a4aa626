/** The health of stores: each is looked at by itself, and one that fails does not hide the others. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Scope from "effect/Scope"
import type { GraphBackend } from "../backend/GraphBackend.ts"
import { type FileFailed, type MigrationError, StoreUnavailable } from "../domain/Errors.ts"
import { endingOf } from "./outcome.ts"
import { examine } from "./preflight.ts"
import type { StoreHealth } from "./report.ts"
import { list, unpublishedIn } from "./runs.ts"

/** Seconds that a store is waited for, where it is looked at beside others. */
export const PATIENCE = 60

/** A store to look at. */
export interface Candidate {
  /** Its name in the config file; null where it has none. */
  readonly name: string | null
  /** True for the store that is meant where none is named; comes back in the result. */
  readonly inUse: boolean
  /** Its kind, as long as it has not answered. */
  readonly backend: string
  /** Where it is, for people, as long as it has not answered. */
  readonly location: string
  readonly connect: Effect.Effect<GraphBackend, MigrationError, Scope.Scope>
}

/**
 * The closest look at a store; may take as long as a scan of all nodes, and changes nothing. Fails with
 * `StoreUnavailable` where it cannot be used, and waits for it without a limit of its own.
 */
export const healthOf = (candidate: Candidate): Effect.Effect<StoreHealth, MigrationError> =>
  Effect.scoped(
    Effect.gen(function* () {
      const began = performance.now()
      const store = yield* candidate.connect
      const { health, statistics } = yield* examine(store)
      const dangling = yield* store.dangling
      const diagnosis = store.diagnose === undefined ? undefined : yield* store.diagnose
      return {
        name: candidate.name,
        inUse: candidate.inUse,
        backend: store.kind,
        location: store.location,
        reachable: true,
        version: health.version,
        writable: health.writable,
        nodes: statistics.nodes,
        relationships: statistics.relationships,
        labels: statistics.labels,
        types: statistics.types,
        newest: statistics.newest ?? null,
        bytes: health.bytes ?? null,
        dangling,
        duplicates: diagnosis?.duplicates ?? null,
        indexes: diagnosis?.indexes ?? [],
        facts: diagnosis?.facts ?? [],
        notes: health.notes,
        error: null,
        seconds: secondsSince(began)
      }
    })
  )

const secondsSince = (began: number): number => Math.round(performance.now() - began) / 1000

const failed = (candidate: Candidate, cause: Cause.Cause<MigrationError>, seconds: number): StoreHealth => ({
  name: candidate.name,
  inUse: candidate.inUse,
  backend: candidate.backend,
  location: candidate.location,
  reachable: false,
  version: null,
  writable: null,
  nodes: null,
  relationships: null,
  labels: {},
  types: {},
  newest: null,
  bytes: null,
  dangling: null,
  duplicates: null,
  indexes: [],
  facts: [],
  notes: [],
  error: endingOf(cause).error,
  seconds
})

const tooLong = ({ backend, location }: Candidate) =>
  new StoreUnavailable({
    backend,
    location,
    reason: "timeout",
    message: `${location} did not answer within ${PATIENCE} seconds. Look at it alone with "memorygraph health STORE", which waits longer.`
  })

/**
 * Looks at every store, four at a time and a minute each. Never fails: what is wrong with one stands in its entry, as
 * `reachable: false` and `error`.
 */
export const healthOfAll = (candidates: ReadonlyArray<Candidate>): Effect.Effect<ReadonlyArray<StoreHealth>> =>
  Effect.forEach(
    candidates,
    (candidate) =>
      Effect.suspend(() => {
        const began = performance.now()
        return healthOf(candidate).pipe(
          Effect.timeoutFail({ duration: `${PATIENCE} seconds`, onTimeout: () => tooLong(candidate) }),
          Effect.exit,
          Effect.flatMap((exit) => {
            if (Exit.isSuccess(exit)) return Effect.succeed(exit.value)
            return Cause.isInterruptedOnly(exit.cause)
              ? Effect.interrupt
              : Effect.succeed(failed(candidate, exit.cause, secondsSince(began)))
          })
        )
      }),
    { concurrency: 4 }
  )

/** Adds to each store's notes the run whose work may be in it unpublished. */
export const noteUnfinished = (
  stateFolder: string,
  health: ReadonlyArray<StoreHealth>
): Effect.Effect<ReadonlyArray<StoreHealth>, FileFailed> =>
  Effect.map(list(stateFolder), ({ runs }) =>
    health.map((store) => {
      const notes = unpublishedIn(runs, store).map(({ summary: { run, status } }) =>
        status === "running"
          ? `run ${run} is at work here: what it holds is not what it will hold`
          : `run ${run} was broken off, and its work may be here: resume it, or roll it back`
      )
      return { ...store, notes: [...store.notes, ...notes] }
    })
  )
