/** Clearing a store: a run that removes everything, which can be undone, resumed and rolled back like any other. */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { GraphBackend } from "../backend/GraphBackend.ts"
import type { MigrationError } from "../domain/Errors.ts"
import { run, type WriteOptions } from "./migrate.ts"
import { documentOrigin, type Origin } from "./origin.ts"
import { examineTarget } from "./preflight.ts"
import type { RunReport } from "./report.ts"
import { makeRunId, phase, Recorder } from "./Run.ts"
import { inSpan } from "./spans.ts"

/** How to clear a store: as for a run that writes, see `WriteOptions`. */
export type ClearOptions = Pick<
  WriteOptions,
  | "stateFolder"
  | "dryRun"
  | "confirm"
  | "beforeWrite"
  | "hashPlan"
  | "expectPlan"
  | "recorder"
  | "names"
  | "lease"
  | "patience"
  | "folder"
>

// What takes the place of all that is there. The manifest names the store itself: nothing else is part of the run.
const nothing = ({ kind, location }: GraphBackend): Origin => ({
  ...documentOrigin({ path: location, records: Stream.empty }),
  backend: kind,
  total: 0,
  bytes: 0
})

/**
 * Removes all records of a store: relationships first, each only while it is what the plan has seen, in one session that
 * is published once the store reads and counts as empty. Indexes, constraints and the store itself stay. The report's
 * `source` is null, its `records.removed` counts what went, and its verification compares with the empty graph. A store
 * that holds nothing is left alone: outcome `nothing-to-do`.
 *
 * Fails with `Refused` where another run is at work there, or a record is one that the store could not take again, and
 * with `SourceDataInvalid` (`dangling`) where a relationship has an end that is not there: nothing is removed then.
 * Otherwise as `migrate`.
 *
 * @example
 * ```ts
 * const { records } = yield* clear(store, { stateFolder: "state" })
 * yield* Effect.logInfo(`removed ${records.removed} records`)
 * ```
 */
export const clear = (target: GraphBackend, options: ClearOptions): Effect.Effect<RunReport, MigrationError> => {
  const recorder =
    options.recorder ?? new Recorder({ run: makeRunId(new Date()), command: "clear", dryRun: options.dryRun })
  const preflight = phase(recorder, "preflight", undefined, () =>
    Effect.map(examineTarget(target, undefined), (to) => ({ origin: nothing(target), to }))
  )
  return run("clear", recorder, preflight, target, { ...options, recorder, replace: true }).pipe(
    inSpan("clear", { target })
  )
}
