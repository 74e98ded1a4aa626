/** Taking a run back: one that was broken off, one whose undo could not finish, or one that was published. */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { GraphBackend } from "../backend/GraphBackend.ts"
import { UNDO_ORDER } from "../backend/Journal.ts"
import * as WriteSession from "../backend/WriteSession.ts"
import { type Left, type MigrationError, UndoIncomplete } from "../domain/Errors.ts"
import { arrivalOf } from "./arrival.ts"
import { openSession } from "./perform.ts"
import { NOTES } from "./manifest.ts"
import { examine } from "./preflight.ts"
import type { RunReport } from "./report.ts"
import { mustBeTarget } from "./resume.ts"
import { phase, Recorder } from "./Run.ts"
import type { RunFolder } from "./RunFolder.ts"
import { find, type KnownRun, mustRest, refuseRolledBack, ROLLED_BACK, ROLLING_BACK, takeUp } from "./runs.ts"
import { inSpan } from "./spans.ts"

/** How to take a run back. */
export interface RollbackOptions {
  /** The state folder that the run was begun with. */
  readonly stateFolder: string
  /** The run's id, or as much of it as tells it from the others. */
  readonly run: string
  /** Gathers the report; its `run` becomes that of the run. */
  readonly recorder?: Recorder | undefined
  /** How long a sign of life of this process counts, in milliseconds; default a minute. */
  readonly lease?: number | undefined
  /** How long a server that went away is waited for, in milliseconds; default a minute. */
  readonly patience?: number | undefined
}

/**
 * Takes a run back: what it created goes, what it replaced is again as it was, as far as nobody has changed it since.
 * Fails with `UndoIncomplete` (exit 7) where something had to stay, which is then listed; to be called again for a run
 * whose store went away meanwhile. A store that the run made stays, without its records: other programs may have it open.
 * The report's outcome is `undone`.
 *
 * Fails with `UsageError` where there is no such run or the target is another one, and with `Refused` where the run is
 * being worked on (`locked`) or was rolled back already (`unfinished-run`): nothing is changed then.
 *
 * @example
 * ```ts
 * yield* rollback(target, { stateFolder: "state", run: report.run }).pipe(
 *   Effect.catchTag("UndoIncomplete", ({ left }) => Effect.logWarning("left", left))
 * )
 * ```
 */
export const rollback = (target: GraphBackend, options: RollbackOptions): Effect.Effect<RunReport, MigrationError> =>
  Effect.scoped(
    Effect.gen(function* () {
      const known = yield* find(options.stateFolder, options.run)
      const { run } = known.summary
      const recorder = options.recorder ?? new Recorder({ run, command: "rollback" })
      recorder.run = run
      yield* mustRest(known)
      yield* mustBeTarget(known, target)
      yield* refuseRolledBack(known)
      const folder = yield* takeUp(options.stateFolder, known, options.lease)
      recorder.before = (yield* examine(target)).stats
      const left = yield* phase(recorder, "undo", undefined, () =>
        Effect.uninterruptibleMask((restore) => takeBack(target, known, folder, options, restore))
      )
      recorder.rollback = { outcome: left.length === 0 ? "undone" : "incomplete", left }
      recorder.after = (yield* examine(target)).stats
      if (left.length > 0) return yield* incomplete(known, left)
      const report = recorder.report({ outcome: "undone", exitCode: 0, error: null })
      yield* folder.keep(report)
      return report
    })
  ).pipe(inSpan("rollback", { target }))

const incomplete = ({ manifest, summary }: KnownRun, left: ReadonlyArray<Left>): UndoIncomplete =>
  new UndoIncomplete({
    backend: manifest.target.backend,
    location: summary.target,
    outcome: "incomplete",
    left,
    message: `Run ${summary.run} was taken back out of ${summary.target}, but for ${left.length} thing(s) that somebody has changed or attached to since: ${left
      .slice(0, 5)
      .map(({ what, why }) => `${what} (${why})`)
      .join("; ")}${left.length > 5 ? " and more" : ""}. They were left as they are.`
  })

const undecided = ({ manifest, summary }: KnownRun): UndoIncomplete =>
  new UndoIncomplete({
    backend: manifest.target.backend,
    location: summary.target,
    outcome: "unknown",
    left: [],
    message: `Run ${summary.run} wrote nothing but relationships without an id, and was broken off while it was published: whether they are in ${summary.target} cannot be told from equal ones of others. Nothing was changed. "memorygraph runs resume ${summary.run}" completes it, whichever is so; then it can be rolled back.`
  })

const takeBack = (
  target: GraphBackend,
  known: KnownRun,
  folder: RunFolder,
  { lease, patience }: RollbackOptions,
  restore: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
): Effect.Effect<ReadonlyArray<Left>, MigrationError> =>
  Effect.scoped(
    Effect.gen(function* () {
      const { journal } = folder
      const { exposed, rollingBack, state, summary } = known
      // A session was about to be opened, if it had come to that: it may have left something beside the store.
      if (exposed === undefined && (yield* journal.note(NOTES.prepared)) === undefined) {
        yield* folder.discard
        return []
      }
      let published = (yield* journal.note(WriteSession.PUBLISHED)) !== undefined
      const isEnding = state === "publishing" || state === "unknown"
      const mustAsk = !exposed && ((isEnding && (!published || rollingBack)) || (rollingBack && state === "published"))
      const arrival = mustAsk ? yield* arrivalOf(target, journal) : undefined
      if (!published && arrival === "unknown") return yield* undecided(known)
      if (!published && arrival === "arrived") {
        yield* journal.setNote(WriteSession.PUBLISHED, new Date().toISOString())
        published = true
      }
      const done = journal.setNote(ROLLED_BACK, new Date().toISOString())
      const session = yield* restore(openSession(target, { run: summary.run, journal, lease, patience }))
      if (!published) {
        // Batches of a session that others saw nothing of have vanished with its process; what it has left beside the
        // store is swept with this one.
        if (!exposed) yield* journal.clear
        const outcome = yield* session.undo
        if (outcome._tag === "Undone") {
          yield* folder.discard
          return []
        }
        if (outcome._tag === "Incomplete" && outcome.cause === undefined) return yield* Effect.as(done, outcome.left)
        const error = WriteSession.outcomeError(session, outcome, undefined)
        return error === undefined ? [] : yield* error
      }
      // Broken off between its commit and the note of it: a second time it would take what is not the run's.
      if (rollingBack && arrival !== undefined && arrival !== "arrived") return yield* Effect.as(done, [])
      yield* journal.setNote(ROLLING_BACK, new Date().toISOString())
      const left: Array<Left> = []
      const program = Stream.runForEach(journal.batches, (batch) =>
        Effect.forEach(
          UNDO_ORDER,
          (part) =>
            Effect.map(session.takeBack(batch, part), (stayed) => {
              left.push(...stayed)
            }),
          { discard: true }
        )
      )
      // Not to be interrupted: where others see it, its undo is the same work.
      const { exit, outcome } = yield* WriteSession.use(session, program)
      if (outcome._tag === "Published") return yield* Effect.as(done, left)
      if (session.exposed && outcome._tag === "Undone") return yield* Effect.as(done, [])
      if (session.exposed && outcome._tag === "Incomplete" && outcome.cause === undefined)
        return yield* Effect.as(done, outcome.left)
      const error = WriteSession.outcomeError(session, outcome, exit)
      if (error !== undefined) return yield* error
      return exit._tag === "Failure" ? yield* Effect.failCause(exit.cause) : left
    })
  )
