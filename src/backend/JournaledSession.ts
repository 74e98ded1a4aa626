/**
 * The write session for stores in use that have no transaction to hide in: journaled batches under a fence.
 *
 * The fence is a node labelled `_MgRun {run, epoch, owner, heartbeat}` in the target: lock, mark of partial data, and
 * guard. Every batch is written together with a check of the fence's epoch; an undo raises the epoch first, so that no
 * late write can land behind it. Before a batch is written the journal knows what it creates and what it replaces.
 *
 * Undo: the before-images, then our relationships, then a plain delete of those of our nodes that have no relationship
 * left, each as one atomic compare-and-set against what we wrote. The images come first: a record that a run created and
 * then replaced is only then what its creation wrote. What somebody else has changed or attached stays and is reported.
 */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { type Left, type MigrationError, type ReadError, type UndoIncomplete, WriteFailed } from "../domain/Errors.ts"
import type { GraphRecord } from "../domain/Graph.ts"
import type { CreatedRecord } from "./Journal.ts"
import type { Overwrite, SessionDriver, SessionOptions, WriteBatch } from "./WriteSession.ts"

/** The fence as it stands in the store. */
export interface Fence {
  readonly run: string
  readonly epoch: number
}

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
   * Creates the fence for this run at epoch 1, atomically; fails with `Refused` (`locked`), naming the holder, where
   * another run holds it.
   */
  readonly raiseFence: (run: string) => Effect.Effect<Fence, MigrationError>
  /** Raises the epoch of this run's fence; from then on no write of an older epoch takes effect. */
  readonly raiseEpoch: (fence: Fence) => Effect.Effect<Fence, WriteFailed>
  /** Takes the fence away; right also where it is gone already. */
  readonly dropFence: (run: string) => Effect.Effect<void, WriteFailed>
  /**
   * Makes the indexes and constraints that the load needs and waits until they work. `note` is called before each is
   * made, and only for those that were not there.
   */
  readonly prepare: (note: (made: Made) => Effect.Effect<void, MigrationError>) => Effect.Effect<void, MigrationError>
  /** Takes away what `prepare` made; right also where it is gone already. */
  readonly dismantle: (made: Made) => Effect.Effect<void, WriteFailed>
  /**
   * Makes what only the load needs (an index for labels without one) go away again; called before publication. Nothing
   * to do for engines that do not need it.
   */
  readonly tidy: Effect.Effect<void, WriteFailed>
  /**
   * Writes one batch atomically, only if the fence stands at this epoch and every `before` is still so. Failing with
   * `refused-record` or `store-changed` says that nothing of the batch took effect.
   */
  readonly write: (batch: WriteBatch, fence: Fence) => Effect.Effect<void, WriteFailed>
  /** Deletes those records that are still what we wrote (by hash) and, for nodes, have no relationships left. */
  readonly remove: (
    records: ReadonlyArray<CreatedRecord>,
    fence: Fence
  ) => Effect.Effect<ReadonlyArray<Left>, WriteFailed>
  /** Sets records back to `before` where they still are `after` (or already `before`). */
  readonly restore: (records: ReadonlyArray<Overwrite>, fence: Fence) => Effect.Effect<ReadonlyArray<Left>, WriteFailed>
  readonly read: Stream.Stream<GraphRecord, ReadError>
  readonly lookup: (records: ReadonlyArray<GraphRecord>) => Effect.Effect<ReadonlyArray<GraphRecord>, ReadError>
}

const MADE = "made"

/** Opens the journaled session: fence, then schema. Fails with nothing left behind. */
export const open = (engine: JournaledEngine, options: SessionOptions): Effect.Effect<SessionDriver, MigrationError> =>
  Effect.gen(function* () {
    const { journal, run } = options
    // A run that is taken up again knows what it made before.
    const noted = yield* journal.note(MADE)
    const made: Array<Made> = noted === undefined ? [] : JSON.parse(noted)
    const fresh = yield* engine.isEmpty
    let fence = yield* Effect.uninterruptible(engine.raiseFence(run))
    const note = (thing: Made) =>
      Effect.suspend(() => {
        made.push(thing)
        return journal.setNote(MADE, JSON.stringify(made))
      })

    const undoBatches = (pick: "Relationship" | "Node" | "overwritten") =>
      journal.batches.pipe(
        Stream.mapEffect((batch) => {
          if (pick === "overwritten") {
            return batch.overwritten.length === 0 ? Effect.succeed([]) : engine.restore(batch.overwritten, fence)
          }
          const records = batch.created.filter((record) => record.tag === pick)
          return records.length === 0 ? Effect.succeed([]) : engine.remove(records, fence)
        }),
        Stream.runFold([] as ReadonlyArray<Left>, (left, more) => [...left, ...more]),
        Effect.catchTag("FileFailed", (error) => Effect.fail(journalFailed(engine, "undo", error)))
      )

    const undo: SessionDriver["undo"] = Effect.gen(function* () {
      fence = yield* engine.raiseEpoch(fence)
      // Images first: a record that the run created and then replaced is again what it created, and can go.
      const images = yield* undoBatches("overwritten")
      const relationships = yield* undoBatches("Relationship")
      const nodes = yield* undoBatches("Node")
      yield* engine.tidy
      for (const thing of [...made].reverse()) yield* engine.dismantle(thing)
      yield* engine.dropFence(run)
      return [...images, ...relationships, ...nodes]
    })

    const publish: Effect.Effect<void, WriteFailed | UndoIncomplete> = Effect.gen(function* () {
      yield* engine.tidy
      yield* engine.dropFence(run)
    })

    const driver: SessionDriver = {
      backend: engine.backend,
      location: engine.location,
      fresh,
      exposed: true,
      write: (batch) =>
        Effect.gen(function* () {
          const number = yield* journal.intend(batch)
          yield* engine
            .write(batch, fence)
            .pipe(Effect.tapError((error) => (isRefusal(error) ? journal.withdraw(number) : Effect.void)))
          yield* journal.acknowledge(number)
        }),
      read: engine.read,
      lookup: engine.lookup,
      publish,
      undo
    }
    yield* engine
      .prepare(note)
      .pipe(Effect.onExit((exit) => (exit._tag === "Failure" ? Effect.exit(undo) : Effect.void)))
    return driver
  })

// The store said no to the batch as a whole. Anything else leaves open what took effect, and the undo looks it up.
const isRefusal = (error: WriteFailed): boolean => error.reason === "refused-record" || error.reason === "store-changed"

const journalFailed = (engine: JournaledEngine, phase: string, cause: { readonly message: string }) =>
  new WriteFailed({
    backend: engine.backend,
    location: engine.location,
    phase,
    reason: "journal",
    message: `${cause.message} What the run wrote to ${engine.location} could not be found again from it.`,
    cause
  })
