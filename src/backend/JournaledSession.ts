/**
 * The write session for stores in use that have no transaction to hide in: journaled batches under a fence (see
 * `Fence.ts`).
 *
 * Every batch is written together with a check of the fence's epoch; an undo raises the epoch first, so that no late
 * write can land behind it. Before a batch is written the journal knows what it creates and what it replaces. A batch
 * whose answer was lost is looked up behind a raised epoch, taken back and written again, never guessed about.
 *
 * Undo: batch by batch, the latest first: the before-images, then our relationships, then a plain delete of those of our
 * nodes that have no relationship left, each as one atomic compare-and-set against what we wrote; then what the batch
 * removed is created again (see `putBack.ts`). What somebody else has changed or attached stays and is reported.
 */
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Left, MigrationError, UndoIncomplete, WriteFailed } from "../domain/Errors.ts"
import {
  isEnding,
  isRefusal,
  journalFailed,
  standingOf,
  undecided,
  undoFailed,
  unreadable,
  wentAway
} from "./journaledFailures.ts"
import type { JournaledEngine, Made } from "./JournaledEngine.ts"
import { beatEvery, type Fence, makeClaim } from "./Fence.ts"
import { type BatchPart, type JournalBatch, UNDO_ORDER } from "./Journal.ts"
import { putBack, withoutThoseBack } from "./putBack.ts"
import {
  EXPOSED,
  PATIENCE,
  PUBLISHED,
  type SessionDriver,
  type SessionOptions,
  type WriteBatch
} from "./WriteSession.ts"

export type { JournaledEngine, Made } from "./JournaledEngine.ts"

const MADE = "made"
// The batches of the run are known to have been written whole: their marks are made anew.
const WHOLE = "whole"
// The number of the latest batch whose marks were lost with the fence.
const MARKS_LOST = "marks-lost"
const takenBackNote = (batch: number): string => `taken-back-${batch}`

/** How often a batch is tried whose answer is lost. */
const ATTEMPTS = 3

/**
 * Opens the journaled session: fence, then schema; a journal with batches in it is taken up. Fails with nothing left
 * behind, or, taken up, with everything as it was.
 */
export const open = (
  engine: JournaledEngine,
  options: SessionOptions
): Effect.Effect<SessionDriver, MigrationError, Scope.Scope> =>
  Effect.gen(function* () {
    const { journal, run, lease, patience = PATIENCE } = options
    const claim = makeClaim(run, journal.epoch, lease)
    // A run that is taken up again knows what it made before.
    const noted = yield* journal.note(MADE)
    const made: Array<Made> = noted === undefined ? [] : JSON.parse(noted)
    const published = (yield* journal.note(PUBLISHED)) !== undefined
    const earlier = yield* Stream.runHead(journal.batches).pipe(Effect.mapError(journalFailed(engine)))
    const takenUp = earlier._tag === "Some"
    const latest = takenUp ? earlier.value.number : 0
    const state = yield* journal.state
    // Before the fence: one that stands without a word of it in the journal would be nobody's.
    yield* journal.setNote(EXPOSED, "true")
    const raised = yield* Effect.uninterruptible(engine.raiseFence(claim))
    let fence: Fence = raised
    // Where the fence is gone its marks are gone with it. The run was published, if it had come to that: then the batches
    // that were answered for were written whole.
    const isFenceLost = takenUp && !raised.stood
    const isWhole = published || (isFenceLost && isEnding(state)) || (yield* journal.note(WHOLE)) !== undefined
    if (isWhole) yield* journal.setNote(WHOLE, "true")
    // Otherwise nobody can tell any more which of equal relationships without a key are this run's.
    else if (isFenceLost) yield* journal.setNote(MARKS_LOST, String(latest))
    const lost = Number((yield* journal.note(MARKS_LOST)) ?? 0)
    // Since this session was opened.
    let hasLostFence = false
    const isTakenUp = takenUp || made.length > 0

    const awaited = <A, E extends { readonly _tag: string }>(effect: Effect.Effect<A, E>): Effect.Effect<A, E> =>
      Effect.retry(effect, {
        schedule: Schedule.intersect(Schedule.spaced("500 millis"), Schedule.upTo(Schedule.forever, patience)),
        while: wentAway
      })
    const note = (thing: Made) =>
      Effect.gen(function* () {
        made.push(thing)
        yield* journal.setNote(MADE, JSON.stringify(made))
        yield* engine.beat(fence, true)
      })

    const takeBack = (batch: JournalBatch, part: BatchPart): Effect.Effect<ReadonlyArray<Left>, WriteFailed> =>
      Effect.gen(function* () {
        if (part === "overwritten")
          return batch.overwritten.length === 0 ? [] : yield* engine.restore(batch.overwritten, fence)
        if (part === "removed") {
          const isLost = batch.acknowledged && (batch.number <= lost || hasLostFence)
          return yield* putBack({
            engine,
            journal,
            fence,
            batch,
            marks: isWhole && batch.acknowledged ? "assumed" : isLost ? "lost" : "standing"
          })
        }
        const records = batch.created.filter(({ tag }) => tag === part)
        if (records.length === 0) return []
        const keyed = records.filter(({ key }) => key !== null)
        if (keyed.length === records.length) {
          const left = yield* engine.remove(records, fence)
          if (left.length === 0) return left
          const rest = yield* withoutThoseBack(engine, journal, records)
          return rest.length === records.length ? left : yield* engine.remove(rest, fence)
        }
        // Records without a key cannot be told from equal ones of others: never twice, and never by guessing.
        const takenBack = takenBackNote(batch.number)
        const isDone = (yield* Effect.mapError(journal.note(takenBack), journalFailed(engine))) !== undefined
        if (isDone || (batch.acknowledged && batch.number <= lost)) {
          const standing = isDone ? [] : yield* standingOf(engine, records)
          return [...standing, ...(keyed.length === 0 ? [] : yield* engine.remove(keyed, fence))]
        }
        if (isWhole && batch.acknowledged) yield* engine.assumeWritten(batch.number, records, fence)
        const left = yield* engine.remove(records, fence)
        // A full disk must not keep the undo from going on: while the fence stands, its marks say the same.
        yield* Effect.catchAll(journal.setNote(takenBack, "true"), (error) => Effect.logWarning(error.message))
        return left
      })
    // Behind a raised epoch it can be found out what became of a batch that nobody has answered for.
    const settle = (batch: JournalBatch) =>
      Effect.gen(function* () {
        const left: Array<Left> = []
        for (const part of UNDO_ORDER) left.push(...(yield* takeBack(batch, part)))
        // What somebody has changed since is still ours to report when the run is undone.
        yield* left.length === 0 ? journal.withdraw(batch.number) : journal.acknowledge(batch.number)
        return left.length === 0
      })
    // Only the latest can be without acknowledgement: batches are written one after the other.
    const settleLatest = journal.batches.pipe(
      Stream.take(1),
      Stream.runFoldEffect(true, (_, batch) => (batch.acknowledged ? Effect.succeed(true) : settle(batch))),
      Effect.mapError(journalFailed(engine))
    )
    const raise = Effect.gen(function* () {
      const again = yield* engine.raiseEpoch(fence, claim)
      fence = again
      if (!again.stood) hasLostFence = true
      // It may have been put back behind somebody who has taken over and has ended meanwhile: then it goes again.
      yield* journal.check.pipe(
        Effect.tapError(({ reason }) =>
          reason === "superseded" && !again.stood ? engine.dropFence(again) : Effect.void
        ),
        Effect.mapError(journalFailed(engine))
      )
    })

    const undo: SessionDriver["undo"] = Effect.gen(function* () {
      yield* awaited(raise)
      const left: Array<Left> = []
      const retrace = (batch: JournalBatch) =>
        Effect.forEach(
          UNDO_ORDER,
          (part) =>
            Effect.map(awaited(takeBack(batch, part)), (stayed) => {
              left.push(...stayed)
            }),
          { discard: true }
        )
      yield* Effect.mapError(Stream.runForEach(journal.batches, retrace), journalFailed(engine))
      if (!published || (yield* isEmptyNow)) yield* dismantle
      yield* awaited(engine.dropFence(fence))
      return left
    })
    // Once it was published, others may rely on what it made.
    const isEmptyNow = Effect.mapError(engine.isEmpty, unreadable(engine))
    const dismantle = Effect.suspend(() =>
      Effect.forEach([...made].reverse(), (thing) => awaited(engine.dismantle(thing)), { discard: true })
    )

    const attempt = (batch: WriteBatch, attempts: number): Effect.Effect<void, MigrationError> =>
      Effect.gen(function* () {
        const number = yield* journal.intend(batch)
        const failure = yield* engine.write(batch, fence).pipe(
          Effect.as(undefined),
          Effect.catchAll((error) => Effect.succeed(error))
        )
        if (failure === undefined) return yield* journal.acknowledge(number)
        if (isRefusal(failure)) yield* journal.withdraw(number)
        if (!wentAway(failure) || attempts <= 1) return yield* failure
        yield* awaited(raise)
        // What somebody has changed of it since cannot be written again: the run is undone around it.
        if (!(yield* awaited(settleLatest))) return yield* failure
        yield* attempt(batch, attempts - 1)
      })

    const begin = Effect.gen(function* () {
      if (isTakenUp) yield* engine.beat(fence, true)
      if (takenUp) return yield* Effect.as(published ? Effect.void : settleLatest, false)
      const empty = yield* engine.isEmpty
      yield* engine.prepare(note)
      return empty
    })
    const fresh = yield* Effect.uninterruptibleMask((restore) =>
      Effect.gen(function* () {
        const exit = yield* Effect.exit(restore(begin))
        if (exit._tag === "Success") return exit.value
        if (!takenUp) yield* Effect.mapError(undo, undoFailed(engine, run))
        return yield* Effect.failCause(exit.cause)
      })
    )

    // A sign of life also while nothing is written. Why one fails is found out by the next write.
    yield* Effect.suspend(() => engine.beat(fence, false)).pipe(
      Effect.catchAll((error) => Effect.logDebug(error.message)),
      Effect.schedule(Schedule.spaced(beatEvery(claim.lease))),
      Effect.interruptible,
      Effect.forkScoped
    )

    const publish: Effect.Effect<void, WriteFailed | UndoIncomplete> = Effect.gen(function* () {
      // The session of a rollback publishes what it has taken back.
      if (published && (yield* isEmptyNow)) yield* dismantle
      yield* Effect.catchIf(awaited(engine.dropFence(fence)), wentAway, (error) =>
        Effect.fail(undecided(engine, run, error))
      )
      yield* Effect.mapError(journal.check, journalFailed(engine))
    })

    return {
      backend: engine.backend,
      location: engine.location,
      fresh,
      exposed: true,
      write: (batch) => attempt(batch, ATTEMPTS),
      takeBack: (batch, part) => awaited(takeBack(batch, part)),
      read: engine.read,
      lookup: (records) => awaited(engine.lookup(records)),
      publish,
      undo
    }
  })
