/**
 * The write session: one state machine for every backend.
 *
 * ```
 * open -> publishing -> published
 *   \         \-> undoing (nothing of it took effect) | unknown (nobody can tell)
 *    \-> undoing -> undone | incomplete
 * ```
 *
 * An engine supplies a {@link SessionDriver}; {@link make} puts the states, the order of things and the finalizer
 * around it; {@link use} is the exit match that publishes or undoes and returns the outcome as data.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import {
  type FileFailed,
  type Left,
  type MigrationError,
  type ReadError,
  UndoIncomplete,
  WriteFailed
} from "../domain/Errors.ts"
import type { GraphRecord } from "../domain/Graph.ts"
import type { GraphBackend } from "./GraphBackend.ts"
import { refuseImpossible } from "./refuseImpossible.ts"
import { tracedSession } from "./spans.ts"
import type { BatchPart, Journal, JournalBatch } from "./Journal.ts"

/** What a session is opened with. */
export interface SessionOptions {
  /** The run's id: marks everything temporary that the session makes. */
  readonly run: string
  /**
   * The run's journal, open. One that holds batches already is that of a run that is taken up again: stores that show a
   * session's batches before its publication then go on where that session was broken off.
   */
  readonly journal: Journal
  /** How long a sign of life counts, in milliseconds (see `Fence.ts`); a minute unless given. */
  readonly lease?: number | undefined
  /** How long a server that went away is waited for, in milliseconds; a minute unless given. */
  readonly patience?: number | undefined
}

/** How long a server that went away is waited for, in milliseconds, unless a session says otherwise. */
export const PATIENCE = 60_000

/** An existing record that is replaced, with the state it had. */
export interface Overwrite {
  readonly before: GraphRecord
  readonly after: GraphRecord
}

/**
 * One batch: records of one kind only. Everything in `create` is known not to be there, everything in `overwrite` to
 * be there as `before` says, everything in `remove` to be there just so (of equal ones without a key as many as named).
 * What is removed goes first: its keys are free for what the same batch creates.
 */
export interface WriteBatch {
  readonly create: ReadonlyArray<GraphRecord>
  readonly overwrite: ReadonlyArray<Overwrite>
  readonly remove?: ReadonlyArray<GraphRecord> | undefined
}

/** What an engine implements. What changes the store is called by {@link make} alone, one at a time; reading is not. */
export interface SessionDriver {
  readonly backend: string
  readonly location: string
  /** True where the target held no records when the session began: nothing needs to be looked up. */
  readonly fresh: boolean
  /** True where the batches are seen by others (and survive a crash) before publication. */
  readonly exposed: boolean
  /** The port's `fit`, where the driver's own write does not refuse what is impossible: then {@link make} does. */
  readonly fit?: GraphBackend["fit"] | undefined
  /**
   * Writes the batch completely or fails. All nodes come before the first relationship. Failing with `refused-record`
   * says that the store refuses a record of it, that nothing of the batch took effect, and that the session can go on
   * with other batches: the caller may look for that record by halving the batch. So does `store-changed`, where a record
   * to be removed is not there just so, or a node has relationships left. Nothing goes but what was named.
   */
  readonly write: (batch: WriteBatch) => Effect.Effect<void, MigrationError>
  /** Everything the target would hold if the session were published now; constant memory. */
  readonly read: Stream.Stream<GraphRecord, ReadError>
  /** As the port's `lookup`, with the session's own writes. */
  readonly lookup: (records: ReadonlyArray<GraphRecord>) => Effect.Effect<ReadonlyArray<GraphRecord>, ReadError>
  /**
   * Takes back one part of a batch of an earlier, published session of this run: sets overwritten records back to
   * `before` where they still are `after`; deletes created ones that are still what was written (by hash) and, for
   * nodes, have no relationships left; creates again what was removed and is not there. Of relationships without a key as
   * many equal ones go as were created, or come as were removed, once. Returns what had to stay and what cannot come back
   * (its key, or an end, is not there for it any more), and not what is as it was already. To be called latest batch
   * first, for each batch its parts in `UNDO_ORDER`.
   */
  readonly takeBack: (batch: JournalBatch, part: BatchPart) => Effect.Effect<ReadonlyArray<Left>, MigrationError>
  /**
   * Makes everything visible at once. A `WriteFailed` says that nothing took effect (the session is then undone);
   * an `UndoIncomplete` with outcome `unknown` says that it could not be found out.
   */
  readonly publish: Effect.Effect<void, WriteFailed | UndoIncomplete>
  /**
   * Brings the target back to what it was, indexes and files included; idempotent; also right when a write was
   * interrupted. Returns what had to stay.
   */
  readonly undo: Effect.Effect<ReadonlyArray<Left>, WriteFailed>
}

/** The journal's note that says whether the session's batches were seen by others: `true` or `false`. */
export const EXPOSED = "exposed"

/** The journal's note of the moment of publication, ISO 8601. It stays while the run is rolled back. */
export const PUBLISHED = "published"

/** The states of a session. */
export type SessionState = "open" | "publishing" | "published" | "undoing" | "undone" | "incomplete" | "unknown"

/** How a session ended. `cause` tells what an undo itself failed with. */
export type SessionOutcome =
  | { readonly _tag: "Published" }
  | { readonly _tag: "Undone" }
  | { readonly _tag: "Incomplete"; readonly left: ReadonlyArray<Left>; readonly cause: unknown }
  | { readonly _tag: "Unknown"; readonly cause: UndoIncomplete }

/** An open session on a target; `fresh`, `exposed`, `read` and `lookup` are its {@link SessionDriver}'s. */
export interface WriteSession {
  readonly run: string
  readonly backend: string
  readonly location: string
  readonly fresh: boolean
  readonly exposed: boolean
  readonly state: Effect.Effect<SessionState>
  /** Writes one batch (see {@link SessionDriver.write}); fails when the session is not open. */
  readonly write: (batch: WriteBatch) => Effect.Effect<void, MigrationError>
  /** Takes back a part of a batch of the run's earlier session: see {@link SessionDriver.takeBack}. */
  readonly takeBack: SessionDriver["takeBack"]
  readonly read: Stream.Stream<GraphRecord, ReadError>
  readonly lookup: (records: ReadonlyArray<GraphRecord>) => Effect.Effect<ReadonlyArray<GraphRecord>, ReadError>
  /** Publishes; on `WriteFailed` nothing took effect and the session still has to be undone. */
  readonly publish: Effect.Effect<void, WriteFailed | UndoIncomplete>
  /** Undoes; idempotent: a second call returns the first one's outcome. Never fails: the outcome is data. */
  readonly undo: Effect.Effect<SessionOutcome>
}

/**
 * Makes a session from an engine's driver. The finalizer that it adds to the scope undoes a session that is still
 * open, and records it in the journal.
 */
export const make = (driver: SessionDriver, options: SessionOptions): Effect.Effect<WriteSession, never, Scope.Scope> =>
  Effect.gen(function* () {
    let state: SessionState = "open"
    let outcome: SessionOutcome | undefined
    const lock = yield* Effect.makeSemaphore(1)

    const enter = (next: SessionState) =>
      Effect.suspend(() => {
        state = next
        return options.journal.setState(next)
      })

    const notOpen = () =>
      new WriteFailed({
        backend: driver.backend,
        location: driver.location,
        phase: "import",
        reason: "driver",
        message: `The session on ${driver.location} is ${state}: nothing more can be written in it.`
      })

    const journalRefuses = (error: FileFailed) =>
      new WriteFailed({
        backend: driver.backend,
        location: driver.location,
        phase: "publish",
        reason: "journal",
        message: `${error.message} Nothing was published.`,
        cause: error
      })

    const undoNow: Effect.Effect<SessionOutcome> = Effect.suspend(() => {
      if (outcome !== undefined) return Effect.succeed(outcome)
      return enter("undoing").pipe(
        Effect.catchAll((error) =>
          // What others see belongs to whoever has taken this run over; what they do not see is only ours to drop. Any
          // other journal that cannot take the note must not keep the undo from happening.
          error.reason === "superseded" && driver.exposed
            ? Effect.fail(error)
            : Effect.logWarning(`The journal did not take the note of the undo: ${error.message}`)
        ),
        Effect.zipRight(driver.undo),
        Effect.matchCauseEffect({
          onFailure: (cause): Effect.Effect<SessionOutcome> =>
            Effect.succeed({ _tag: "Incomplete", left: [], cause: Cause.squash(cause) }),
          onSuccess: (left): Effect.Effect<SessionOutcome> =>
            Effect.succeed(left.length === 0 ? { _tag: "Undone" } : { _tag: "Incomplete", left, cause: undefined })
        }),
        Effect.tap((ended) => {
          outcome = ended
          // What somebody has changed stays for good: that undo has ended, too.
          const hasEnded = ended._tag === "Undone" || (ended._tag === "Incomplete" && ended.cause === undefined)
          return enter(hasEnded ? "undone" : "incomplete").pipe(
            Effect.catchAll((error) =>
              error.reason === "superseded" ? Effect.void : Effect.logWarning(`After the undo: ${error.message}`)
            )
          )
        })
      )
    })
    const undo = Effect.uninterruptible(lock.withPermits(1)(undoNow))

    const publish = Effect.uninterruptible(
      lock.withPermits(1)(
        Effect.gen(function* () {
          if (state !== "open") return yield* notOpen()
          yield* Effect.mapError(enter("publishing"), journalRefuses)
          // What others do not see can be published late, by a process that was paused: its journal must be its own till then.
          const publication = driver.exposed
            ? driver.publish
            : Effect.catchTag(options.journal.exclusively(driver.publish), "FileFailed", (error) =>
                Effect.fail(journalRefuses(error))
              )
          yield* publication.pipe(
            Effect.tapError((error) => {
              if (error._tag !== "UndoIncomplete") return Effect.void
              outcome = { _tag: "Unknown", cause: error }
              state = "unknown"
              return Effect.void
            })
          )
          outcome = { _tag: "Published" }
          state = "published"
          // Published is published: a journal that misses the note is put right by the next look at the target.
          yield* Effect.zipRight(
            options.journal.setNote(PUBLISHED, new Date().toISOString()),
            options.journal.setState("published")
          ).pipe(Effect.catchAll((error) => Effect.logWarning("the journal did not take the state published", error)))
        })
      )
    )

    yield* options.journal
      .setNote(EXPOSED, String(driver.exposed))
      .pipe(Effect.catchAll((error) => Effect.logWarning(error.message)))
    yield* Effect.addFinalizer(() => Effect.suspend(() => (outcome === undefined ? Effect.asVoid(undo) : Effect.void)))

    return tracedSession({
      run: options.run,
      backend: driver.backend,
      location: driver.location,
      fresh: driver.fresh,
      exposed: driver.exposed,
      state: Effect.sync(() => state),
      write: (batch) =>
        lock.withPermits(1)(
          Effect.suspend((): Effect.Effect<void, MigrationError> => {
            if (state !== "open") return notOpen()
            return refuseImpossible(driver, batch) ?? driver.write(batch)
          })
        ),
      takeBack: (batch, part) =>
        lock.withPermits(1)(Effect.suspend(() => (state === "open" ? driver.takeBack(batch, part) : notOpen()))),
      read: driver.read,
      lookup: driver.lookup,
      publish,
      undo
    })
  })

/** What {@link use} returns: the program's exit, and how the session ended. */
export interface SessionResult<A, E> {
  readonly exit: Exit.Exit<A, E | WriteFailed | UndoIncomplete>
  readonly outcome: SessionOutcome
}

/**
 * Runs a program in a session: success publishes, failure, defect and interruption undo. The result is data and this
 * effect does not fail; the caller decides what exit and outcome mean together.
 */
export const use = <A, E, R>(
  session: WriteSession,
  program: Effect.Effect<A, E, R>
): Effect.Effect<SessionResult<A, E>, never, R> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.gen(function* () {
      const exit = yield* Effect.exit(restore(program))
      if (Exit.isFailure(exit)) return { exit, outcome: yield* session.undo }
      const published = yield* Effect.exit(session.publish)
      if (Exit.isSuccess(published)) return { exit, outcome: { _tag: "Published" as const } }
      return { exit: Exit.failCause(published.cause), outcome: yield* session.undo }
    })
  )

/** The error of a session that could not be brought back in full, with what the run had failed of, if it had. */
export const outcomeError = <A, E>(
  session: WriteSession,
  outcome: SessionOutcome,
  exit: Exit.Exit<A, E> | undefined
): UndoIncomplete | undefined => {
  if (outcome._tag === "Unknown") return outcome.cause
  if (outcome._tag !== "Incomplete") return undefined
  const { backend, location } = session
  const reason = exit !== undefined && Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined
  const why = reason instanceof Error && reason.message !== "" ? `${reason.message} ` : ""
  const what =
    outcome.left.length > 0
      ? `The undo left ${outcome.left.length} thing(s) in ${location}: ${outcome.left.map((left) => `${left.what} (${left.why})`).join("; ")}.`
      : `The undo in ${location} failed: ${(outcome.cause instanceof Error ? outcome.cause.message : String(outcome.cause)).replace(/\.$/, "")}.`
  return new UndoIncomplete({
    backend,
    location,
    outcome: "incomplete",
    left: outcome.left,
    message: `${why}${what} ${
      outcome.left.length > 0
        ? "They stay as they are; everything else is as it was."
        : `The run's journal is kept: "memorygraph runs rollback ${session.run}" tries again to take back the rest.`
    }`,
    cause: reason ?? outcome.cause
  })
}
