/**
 * The write session for stores in use that have no transaction to hide in: journaled batches under a fence (see
 * `Fence.ts`).
 *
 * Every batch is written together with a check of the fence's epoch; an undo raises the epoch first, so that no late
 * write can land behind it. Before a batch is written the journal knows what it creates and what it replaces. A batch
 * whose answer was lost is looked up behind a raised epoch, taken back and written again, never guessed about.
 *
 * Undo: the before-images, then our relationships, then a plain delete of those of our nodes that have no relationship
 * left, each as one atomic compare-and-set against what we wrote. The images come first: a record that a run created and
 * then replaced is only then what its creation wrote. What somebody else has changed or attached stays and is reported.
 */
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import {
  type FileFailed,
  type Left,
  type MigrationError,
  type ReadError,
  UndoIncomplete,
  WriteFailed
} from "../domain/Errors.ts"
import type { GraphRecord } from "../domain/Graph.ts"
import { beatEvery, type Claim, type Fence, makeClaim, type RaisedFence } from "./Fence.ts"
import { type BatchPart, type CreatedRecord, type JournalBatch, UNDO_ORDER } from "./Journal.ts"
import {
  type Overwrite,
  PATIENCE,
  PUBLISHED,
  type SessionDriver,
  type SessionOptions,
  type WriteBatch
} from "./WriteSession.ts"

/** Something that a session made besides records, and how it is called: `index Memory(id)`. */
export interface Made {
  readonly what: string
  /** The engine's own text that takes it away again. */
  readonly undo: string
}

/** What an engine implements for a journaled session. */
export interface JournaledEngine {
  readonly backend: string
  readonly location: string
  /** True where the store holds no record. */
  readonly isEmpty: Effect.Effect<boolean, ReadError>
  /**
   * Takes the fence, atomically: makes it at the claim's epoch where there is none; where one stands, does as `verdict`
   * in `Fence.ts` says. It is clean until the first {@link write}, or until {@link beat} says otherwise; one that is
   * taken up stays dirty if it was.
   */
  readonly raiseFence: (claim: Claim) => Effect.Effect<RaisedFence, MigrationError>
  /** Renews the heartbeat if the fence stands at this epoch (fails with `store-changed` otherwise); notes it as dirty. */
  readonly beat: (fence: Fence, dirty: boolean) => Effect.Effect<void, WriteFailed>
  /**
   * Raises the epoch of this run's fence by one, if it stands at an epoch of this claim; from then on no write of an
   * older epoch takes effect. Puts it back, one above `fence` and dirty, where there is no fence at all. Fails with
   * `locked` where another claim's or another run's stands there: somebody else has taken over.
   */
  readonly raiseEpoch: (fence: Fence, claim: Claim) => Effect.Effect<Fence, WriteFailed>
  /**
   * Takes the fence and its marks away if it stands at this epoch; right also where the run has none any more. Fails with
   * `locked` where the run's fence stands at another epoch.
   */
  readonly dropFence: (fence: Fence) => Effect.Effect<void, WriteFailed>
  /**
   * Makes the indexes and constraints that the load needs and waits until they work. `note` is called before each is
   * made, and only for those that were not there.
   */
  readonly prepare: (note: (made: Made) => Effect.Effect<void, MigrationError>) => Effect.Effect<void, MigrationError>
  /** Takes away what `prepare` made; right also where it is gone already. */
  readonly dismantle: (made: Made) => Effect.Effect<void, WriteFailed>
  /**
   * Writes one batch atomically, only if the fence stands at this epoch and every `before` is still so. Failing with
   * `refused-record` or `store-changed` says that nothing of the batch took effect; failing with `went-away` leaves open
   * what did.
   */
  readonly write: (batch: WriteBatch, fence: Fence) => Effect.Effect<void, WriteFailed>
  /** Deletes those records that are still what we wrote (by hash) and, for nodes, have no relationships left. */
  readonly remove: (
    records: ReadonlyArray<CreatedRecord>,
    fence: Fence
  ) => Effect.Effect<ReadonlyArray<Left>, WriteFailed>
  /** Sets records back to `before` where they still are `after` (or already `before`). */
  readonly restore: (records: ReadonlyArray<Overwrite>, fence: Fence) => Effect.Effect<ReadonlyArray<Left>, WriteFailed>
  /**
   * Marks under the fence that this batch of relationships, some without a key, was written whole (by a run that was
   * published since), so that {@link remove} takes it back. Once for each fence and batch number: again it does nothing,
   * also where {@link remove} has taken the mark away meanwhile.
   */
  readonly assumeWritten: (
    batch: number,
    records: ReadonlyArray<CreatedRecord>,
    fence: Fence
  ) => Effect.Effect<void, WriteFailed>
  readonly read: Stream.Stream<GraphRecord, ReadError>
  readonly lookup: (records: ReadonlyArray<GraphRecord>) => Effect.Effect<ReadonlyArray<GraphRecord>, ReadError>
}

const MADE = "made"
// The batches of the run are known to have been written whole: their marks are made anew.
const WHOLE = "whole"
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
    const raised = yield* Effect.uninterruptible(engine.raiseFence(claim))
    let fence: Fence = raised
    // Where the fence is gone its marks are gone with it: the run was published, or a server has lost its last writes. The
    // batches that were answered for were then written whole, or are not there at all.
    const isWhole = published || (takenUp && !raised.stood) || (yield* journal.note(WHOLE)) !== undefined
    if (isWhole) yield* journal.setNote(WHOLE, "true")
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
        const records = batch.created.filter(({ tag }) => tag === part)
        if (records.length === 0) return []
        const hasMarks = !isWhole || !batch.acknowledged
        if (hasMarks || records.every(({ key }) => key !== null)) return yield* engine.remove(records, fence)
        // Records without a key cannot be told from equal ones of others: never twice.
        const takenBack = takenBackNote(batch.number)
        if ((yield* Effect.mapError(journal.note(takenBack), journalFailed(engine))) !== undefined) {
          const keyed = records.filter(({ key }) => key !== null)
          return keyed.length === 0 ? [] : yield* engine.remove(keyed, fence)
        }
        yield* engine.assumeWritten(batch.number, records, fence)
        const left = yield* engine.remove(records, fence)
        yield* Effect.mapError(journal.setNote(takenBack, "true"), journalFailed(engine))
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
      fence = yield* engine.raiseEpoch(fence, claim)
      // It may have been put back behind somebody who has taken over and has ended meanwhile.
      yield* journal.check.pipe(
        Effect.mapError(journalFailed(engine)),
        Effect.tapError(() => engine.dropFence(fence))
      )
    })

    const undo: SessionDriver["undo"] = Effect.gen(function* () {
      yield* awaited(raise)
      const left: Array<Left> = []
      for (const part of UNDO_ORDER) {
        yield* journal.batches.pipe(
          Stream.runForEach((batch) =>
            Effect.map(awaited(takeBack(batch, part)), (stayed) => {
              left.push(...stayed)
            })
          ),
          Effect.mapError(journalFailed(engine))
        )
      }
      yield* dismantle
      yield* awaited(engine.dropFence(fence))
      return left
    })
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

    const fresh = yield* Effect.gen(function* () {
      if (isTakenUp) yield* engine.beat(fence, true)
      if (takenUp) return yield* Effect.as(published ? Effect.void : settleLatest, false)
      const empty = yield* engine.isEmpty
      yield* engine.prepare(note)
      return empty
    }).pipe(Effect.onExit((exit) => (exit._tag === "Success" || takenUp ? Effect.void : Effect.exit(undo))))

    // A sign of life also while nothing is written. Why one fails is found out by the next write.
    yield* Effect.suspend(() => engine.beat(fence, false)).pipe(
      Effect.catchAll((error) => Effect.logDebug(error.message)),
      Effect.schedule(Schedule.spaced(beatEvery(claim.lease))),
      Effect.interruptible,
      Effect.forkScoped
    )

    const publish: Effect.Effect<void, WriteFailed | UndoIncomplete> = Effect.gen(function* () {
      // The session of a rollback publishes what it has taken back.
      if (published) yield* dismantle
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

const wentAway = (error: { readonly _tag: string; readonly reason?: unknown }): boolean =>
  (error._tag === "WriteFailed" || error._tag === "StoreUnavailable") &&
  (error.reason === "went-away" || error.reason === "unreachable")

const undecided = (engine: JournaledEngine, run: string, cause: unknown): UndoIncomplete =>
  new UndoIncomplete({
    backend: engine.backend,
    location: engine.location,
    outcome: "unknown",
    left: [],
    message: `${engine.location} went away while run ${run} was published: whether it was is not known. Everything of it had been written and verified. When the store is back, "memorygraph runs resume ${run}" settles it, and "memorygraph runs rollback ${run}" takes it back.`,
    cause
  })

// The store said no to the batch as a whole. Anything else leaves open what took effect, and the undo looks it up.
const isRefusal = (error: WriteFailed): boolean => error.reason === "refused-record" || error.reason === "store-changed"

const journalFailed =
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
