/** What an engine implements for a journaled session (see `JournaledSession.ts`). */
import type * as Effect from "effect/Effect"
import type * as Stream from "effect/Stream"
import type { Left, MigrationError, ReadError, WriteFailed } from "../domain/Errors.ts"
import type { GraphRecord } from "../domain/Graph.ts"
import type { Claim, Fence, RaisedFence } from "./Fence.ts"
import type { CreatedRecord } from "./Journal.ts"
import type { Overwrite, WriteBatch } from "./WriteSession.ts"

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
  readonly raiseEpoch: (fence: Fence, claim: Claim) => Effect.Effect<RaisedFence, WriteFailed>
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
   * Writes one batch atomically, only if the fence stands at this epoch, every `before` is still so, and everything in
   * `remove` is there just so, nodes without relationships. Marks it where relationships without a key are among it. Failing with
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
  /**
   * Creates records again that one batch removed, all of one kind, where they are not there; reports those whose key
   * stands for something else by now, and relationships that have an end no more. Those without a key are all that the
   * batch removed, and come back if they are marked as removed: all of them, once, in one step with their mark. Failing
   * with `refused-record` says that the store refuses one of those that are new, and that nothing took effect.
   */
  readonly putBack: (
    records: ReadonlyArray<GraphRecord>,
    fence: Fence
  ) => Effect.Effect<ReadonlyArray<Left>, WriteFailed>
  /** As {@link assumeWritten}, for relationships without a key that this batch removed. */
  readonly assumeRemoved: (
    batch: number,
    records: ReadonlyArray<GraphRecord>,
    fence: Fence
  ) => Effect.Effect<void, WriteFailed>
  readonly read: Stream.Stream<GraphRecord, ReadError>
  readonly lookup: (records: ReadonlyArray<GraphRecord>) => Effect.Effect<ReadonlyArray<GraphRecord>, ReadError>
}
