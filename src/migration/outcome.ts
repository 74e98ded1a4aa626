/** From an exit to an exit code and a report: the one table of how runs end. */
import * as Cause from "effect/Cause"
import * as Option from "effect/Option"
import { isMigrationError, type MigrationError } from "../domain/Errors.ts"
import type { Outcome, RunReport } from "./report.ts"
import type { Recorder } from "./Run.ts"

/** What each error means to the caller of a process, and how the report names it. */
const ENDINGS: { readonly [Tag in MigrationError["_tag"]]: { readonly exitCode: number; readonly outcome: Outcome } } =
  {
    UsageError: { exitCode: 2, outcome: "refused" },
    StoreUnavailable: { exitCode: 3, outcome: "refused" },
    DocumentInvalid: { exitCode: 4, outcome: "refused" },
    SourceDataInvalid: { exitCode: 4, outcome: "refused" },
    FileFailed: { exitCode: 5, outcome: "failed" },
    WriteFailed: { exitCode: 5, outcome: "undone" },
    VerificationFailed: { exitCode: 6, outcome: "undone" },
    UndoIncomplete: { exitCode: 7, outcome: "incomplete" },
    Refused: { exitCode: 9, outcome: "refused" }
  }

/** Exit codes that no error carries. */
export const EXIT = { done: 0, defect: 1, usage: 2, differences: 8, rejects: 10, interrupted: 130 } as const

/** The exit code of an error. */
export const exitCodeOf = (error: MigrationError): number => ENDINGS[error._tag].exitCode

/** How a failed run ended: its exit code, its outcome, and the error as data. */
export const endingOf = (
  cause: Cause.Cause<unknown>
): { readonly exitCode: number; readonly outcome: Outcome; readonly error: RunReport["error"] } => {
  const failure = Option.getOrUndefined(Cause.failureOption(cause))
  if (isMigrationError(failure)) {
    // The fields that say where and which; the cause behind it is for --verbose, not for a document.
    const fields = Object.entries(failure).filter(([name]) => !["_tag", "cause", "name", "stack"].includes(name))
    return {
      ...ENDINGS[failure._tag],
      error: { ...Object.fromEntries(fields), tag: failure._tag, message: failure.message }
    }
  }
  if (Cause.isInterruptedOnly(cause)) {
    return {
      exitCode: EXIT.interrupted,
      outcome: "interrupted",
      error: { tag: "Interrupted", message: "Interrupted." }
    }
  }
  const defect = Cause.squash(cause)
  const message = defect instanceof Error ? defect.message : String(defect)
  return { exitCode: EXIT.defect, outcome: "failed", error: { tag: "Defect", message } }
}

/** Errors that mostly come before the first write, and may come after it. */
const LATE = new Set(["StoreUnavailable", "FileFailed", "DocumentInvalid", "SourceDataInvalid"])

/** The report of a run that did not succeed. */
export const failedReport = (recorder: Recorder, cause: Cause.Cause<unknown>): RunReport => {
  const ending = endingOf(cause)
  // What ends a run once writing has begun (a store, a disk, a spool that was changed): not refused, but undone.
  const isUndone = recorder.rollback?.outcome === "undone" && LATE.has(ending.error?.tag ?? "")
  return recorder.report(isUndone ? { ...ending, ...ENDINGS.WriteFailed } : ending)
}
