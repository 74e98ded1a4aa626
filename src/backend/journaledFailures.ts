/** What goes wrong in a journaled session, and what can be said of it. */
import * as Effect from "effect/Effect"
import { type FileFailed, type Left, type ReadError, UndoIncomplete, WriteFailed } from "../domain/Errors.ts"
import { recordHash } from "../domain/Fingerprint.ts"
import { describe, relationship } from "../domain/Graph.ts"
import type { CreatedRecord } from "./Journal.ts"
import type { JournaledEngine } from "./JournaledEngine.ts"

/** True where the store may come back. */
export const wentAway = (error: { readonly _tag: string; readonly reason?: unknown }): boolean =>
  (error._tag === "WriteFailed" || error._tag === "StoreUnavailable") &&
  (error.reason === "went-away" || error.reason === "unreachable")

/** A publication that nobody has answered for. */
export const undecided = (engine: JournaledEngine, run: string, cause: unknown): UndoIncomplete =>
  new UndoIncomplete({
    backend: engine.backend,
    location: engine.location,
    outcome: "unknown",
    left: [],
    message: `${engine.location} went away while run ${run} was published: whether it was is not known. Everything of it had been written and verified. When the store is back, "memorygraph runs resume ${run}" settles it, and "memorygraph runs rollback ${run}" takes it back.`,
    cause
  })

/** The store said no to the batch as a whole. Anything else leaves open what took effect, and the undo looks it up. */
export const isRefusal = (error: WriteFailed): boolean =>
  error.reason === "refused-record" || error.reason === "store-changed"

/** The failure of the journal that an undo needs. */
export const journalFailed =
  (engine: JournaledEngine) =>
  (cause: FileFailed | WriteFailed): WriteFailed =>
    cause._tag === "WriteFailed"
      ? cause
      : new WriteFailed({
          backend: engine.backend,
          location: engine.location,
          phase: "undo",
          reason: "journal",
          message: `${cause.message} What the run wrote to ${engine.location} could not be found again from it.`,
          cause
        })

/** True for the states of a journal from which a run may have been published. */
export const isEnding = (state: string | undefined): boolean => state === "publishing" || state === "unknown"

/** A store that could not be read while something was taken back. */
export const unreadable =
  (engine: JournaledEngine) =>
  (error: ReadError): WriteFailed =>
    new WriteFailed({
      backend: engine.backend,
      location: engine.location,
      phase: "undo",
      reason: wentAway(error) ? "went-away" : "driver",
      message: error.message,
      cause: error
    })

/** A session that could not be opened, and could not take back what it had made by then. */
export const undoFailed =
  (engine: JournaledEngine, run: string) =>
  (cause: WriteFailed): UndoIncomplete =>
    new UndoIncomplete({
      backend: engine.backend,
      location: engine.location,
      outcome: "incomplete",
      left: [],
      message: `${cause.message} What run ${run} had made in ${engine.location} before its first record is still there. "memorygraph runs rollback ${run}" takes it away.`,
      cause
    })

/** Relationships without a key that stand there and may be this run's, where nobody can tell any more. */
export const standingOf = (
  engine: JournaledEngine,
  records: ReadonlyArray<CreatedRecord>
): Effect.Effect<ReadonlyArray<Left>, WriteFailed> =>
  Effect.gen(function* () {
    const unkeyed = records
      .filter(({ key }) => key === null)
      .map(({ from = "", hash, to = "", type = "" }) => ({ hash, stub: relationship(null, from, type, to, {}) }))
    const stored = yield* engine.lookup(unkeyed.map(({ stub }) => stub))
    const lines = new Set(stored.map((record) => recordHash(record)))
    return unkeyed
      .filter(({ hash }) => lines.has(hash.toString("hex")))
      .map(({ stub }) => ({
        what: `relationship ${describe(stub)}`,
        why: "the store has lost the mark that told this run's from an equal one of somebody else's"
      }))
  }).pipe(Effect.mapError(unreadable(engine)))
