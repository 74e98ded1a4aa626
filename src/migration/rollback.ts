/** Taking a run back: one that was broken off, one whose undo could not finish, or one that was published. */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { GraphBackend } from "../backend/GraphBackend.ts"
import { type JournalBatch, UNDO_ORDER } from "../backend/Journal.ts"
import * as WriteSession from "../backend/WriteSession.ts"
import { type Left, type MigrationError, Refused, UndoIncomplete } from "../domain/Errors.ts"
import { hasArrived } from "./arrival.ts"
import { openSession } from "./perform.ts"
import { examine } from "./preflight.ts"
import type { RunReport } from "./report.ts"
import { mustBeTarget } from "./resume.ts"
import { phase, Recorder } from "./Run.ts"
import type { RunFolder } from "./RunFolder.ts"
import { find, type KnownRun, mustRest, ROLLED_BACK, ROLLING_BACK, takeUp } from "./runs.ts"

/** How to take a run back. */
export interface RollbackOptions {
  readonly stateFolder: string
  /** The run's id. */
  readonly run: string
  readonly recorder?: Recorder | undefined
  readonly lease?: number | undefined
  readonly patience?: number | undefined
}

/**
 * Takes a run back: what it created goes, what it replaced is again as it was, as far as nobody has changed it since.
 * Fails with `UndoIncomplete` (exit 7) where something had to stay, which is then listed; to be called again for a run
 * whose store went away meanwhile. A store that the run made stays, without its records: other programs may have it open.
 */
export const rollback = (target: GraphBackend, options: RollbackOptions): Effect.Effect<RunReport, MigrationError> =>
  Effect.scoped(
    Effect.gen(function* () {
      const known = yield* find(options.stateFolder, options.run)
      const { run, status } = known.summary
      const recorder = options.recorder ?? new Recorder({ run, command: "rollback" })
      recorder.run = run
      yield* mustRest(known)
      yield* mustBeTarget(known, target)
      if (status === "rolled-back") {
        return yield* new Refused({
          reason: "unfinished-run",
          message: `Run ${run} was rolled back already. Nothing was changed.`
        })
      }
      recorder.before = (yield* examine(target)).stats
      const folder = yield* takeUp(options.stateFolder, known, options.lease)
      const left = yield* phase(recorder, "undo", known.summary.batches, () =>
        Effect.uninterruptibleMask((restore) => takeBack(target, known, folder, options, restore))
      )
      recorder.rollback = { outcome: left.length === 0 ? "undone" : "incomplete", left }
      recorder.after = (yield* examine(target)).stats
      if (left.length > 0) return yield* incomplete(known, left)
      const report = recorder.report({ outcome: "undone", exitCode: 0, error: null })
      yield* folder.keep(report)
      return report
    })
  )

const incomplete = ({ summary }: KnownRun, left: ReadonlyArray<Left>): UndoIncomplete =>
  new UndoIncomplete({
    backend: summary.target,
    location: summary.target,
    outcome: "incomplete",
    left,
    message: `Run ${summary.run} was taken back out of ${summary.target}, but for ${left.length} thing(s) that somebody has changed or attached to since: ${left
      .slice(0, 5)
      .map(({ what, why }) => `${what} (${why})`)
      .join("; ")}${left.length > 5 ? " and more" : ""}. They were left as they are.`
  })

const UNKEYED_TAKEN = "unkeyed-taken-back"

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
      const { exposed, state, summary } = known
      let published = (yield* journal.note(WriteSession.PUBLISHED)) !== undefined
      if (!published && exposed === false && (state === "publishing" || state === "unknown")) {
        published = yield* hasArrived(target, journal)
        if (published) yield* journal.setNote(WriteSession.PUBLISHED, new Date().toISOString())
      }
      if (exposed === undefined) {
        yield* folder.discard
        return []
      }
      const done = journal.setNote(ROLLED_BACK, new Date().toISOString())
      if (published && !exposed) {
        // Broken off between its commit and the note of it: a second time it would take what is not the run's.
        const begun = (yield* journal.note(ROLLING_BACK)) !== undefined
        if (begun && !(yield* hasArrived(target, journal))) return yield* Effect.as(done, [])
        yield* journal.setNote(ROLLING_BACK, new Date().toISOString())
      }
      // Batches of a session that others saw nothing of have vanished with its process.
      if (!published && !exposed) yield* journal.clear
      const session = yield* restore(openSession(target, { run: summary.run, journal, lease, patience }))
      if (!published) {
        // Opened to be undone: what a dead process has left beside the store is swept with it.
        const outcome = yield* session.undo
        if (outcome._tag === "Undone") {
          yield* folder.discard
          return []
        }
        const error = WriteSession.outcomeError(session, outcome, undefined)
        return outcome._tag === "Incomplete" && outcome.left.length > 0
          ? outcome.left
          : error === undefined
            ? []
            : yield* error
      }
      const left: Array<Left> = []
      // A first rollback that had to leave something has taken those without a key already.
      const again = (yield* journal.note(UNKEYED_TAKEN)) !== undefined
      const rest = (batch: JournalBatch): JournalBatch =>
        again ? { ...batch, created: batch.created.filter(({ key }) => key !== null) } : batch
      const program = Effect.forEach(
        UNDO_ORDER,
        (part) =>
          Stream.runForEach(journal.batches, (batch) =>
            Effect.map(session.takeBack(rest(batch), part), (stayed) => {
              left.push(...stayed)
            })
          ),
        { discard: true }
      )
      const { exit, outcome } = yield* WriteSession.use(session, restore(program))
      const error = WriteSession.outcomeError(session, outcome, exit)
      if (error !== undefined) return yield* error
      if (exit._tag === "Failure") return yield* Effect.failCause(exit.cause)
      yield* left.length === 0 ? done : journal.setNote(UNKEYED_TAKEN, "true")
      return left
    })
  )
