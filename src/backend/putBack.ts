/** Creates again what a batch of a journaled session removed: the last step of taking it back. */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { canonicalLine } from "../domain/Canonical.ts"
import type { Left, WriteFailed } from "../domain/Errors.ts"
import { describe, type GraphRecord } from "../domain/Graph.ts"
import type { Fence } from "./Fence.ts"
import type { CreatedRecord, Journal, JournalBatch } from "./Journal.ts"
import type { JournaledEngine } from "./JournaledEngine.ts"
import { journalFailed, unreadable } from "./journaledFailures.ts"

/**
 * What tells which of equal relationships without a key were removed: the marks as they stand under the fence; `assumed`
 * where the run is known to have removed the whole batch, and its marks went with its fence; `lost` where nobody can tell.
 */
export type Marks = "standing" | "assumed" | "lost"

/** What is put back, and by whom. */
export interface PutBack {
  readonly engine: JournaledEngine
  readonly journal: Journal
  readonly fence: Fence
  readonly batch: JournalBatch
  readonly marks: Marks
}

const putBackNote = (batch: number): string => `put-back-${batch}`

const UNTOLD =
  "the store has lost the mark that tells whether this run removed it, and an equal one is there; it stands in the run's journal"

/** Puts back what is not there; returns what cannot come back, or of which nobody can tell whether it is gone. */
export const putBack = (options: PutBack): Effect.Effect<ReadonlyArray<Left>, WriteFailed> =>
  Effect.gen(function* () {
    const { batch, engine, fence, journal, marks } = options
    const keyed = batch.removed.filter(({ key }) => key !== null)
    const left: Array<Left> = keyed.length === 0 ? [] : [...(yield* halving(engine, keyed, fence))]
    const unkeyed = batch.removed.filter(({ key }) => key === null)
    if (unkeyed.length === 0) return left
    // Once: equal ones of others cannot be told from those that have come back.
    const note = putBackNote(batch.number)
    if ((yield* Effect.mapError(journal.note(note), journalFailed(engine))) !== undefined) return left
    const standing = marks === "lost" ? yield* standingLines(engine, unkeyed) : new Set<string>()
    const untold = unkeyed.filter((record) => standing.has(canonicalLine(record)))
    left.push(...untold.map((record) => ({ what: `relationship ${describe(record)}`, why: UNTOLD })))
    // Where no equal one is left, it is gone whatever has become of the marks.
    const told = untold.length === 0 ? unkeyed : unkeyed.filter((record) => !standing.has(canonicalLine(record)))
    if (told.length > 0) {
      if (marks !== "standing") yield* engine.assumeRemoved(batch.number, told, fence)
      left.push(...(yield* engine.putBack(told, fence)))
    }
    // A full disk must not keep the undo from going on: while the fence stands, its marks say the same.
    yield* Effect.catchAll(journal.setNote(note, "true"), (error) => Effect.logWarning(error.message))
    return left
  })

// A record that the store refuses by a rule of its owner's must not keep the others away.
const halving = (
  engine: JournaledEngine,
  records: ReadonlyArray<GraphRecord>,
  fence: Fence
): Effect.Effect<ReadonlyArray<Left>, WriteFailed> =>
  Effect.catchIf(
    engine.putBack(records, fence),
    ({ reason }) => reason === "refused-record",
    (refused) => {
      const [first] = records
      if (records.length === 1 && first !== undefined) return Effect.succeed([refusedLeft(first, refused)])
      const middle = records.length >> 1
      return Effect.zipWith(
        halving(engine, records.slice(0, middle), fence),
        Effect.suspend(() => halving(engine, records.slice(middle), fence)),
        (a, b) => [...a, ...b]
      )
    }
  )

const refusedLeft = (record: GraphRecord, { message }: WriteFailed): Left => ({
  what: removedName(record),
  why: `the store refuses to take it again (${message})`
})

/** How a removed record is called in what an undo had to leave. */
export const removedName = (record: GraphRecord): string =>
  `the removed ${record._tag === "Node" ? "node" : "relationship"} ${describe(record)}`

/** Why a removed record does not come back. */
export const TAKEN = "something else stands under its key by now"
export const NO_END = "a node that it led to is not there any more"

const named = ({ key }: { readonly key: string | null }, tag: GraphRecord["_tag"]): string => `${tag} ${key}`

/**
 * The created records without those whose key was another record's before: one that the run had removed, and that is back
 * already. An undo that is gone on with meets it where the created one stood.
 */
export const withoutThoseBack = (
  engine: JournaledEngine,
  journal: Journal,
  records: ReadonlyArray<CreatedRecord>
): Effect.Effect<ReadonlyArray<CreatedRecord>, WriteFailed> =>
  Effect.gen(function* () {
    const names = new Set(records.map((record) => named(record, record.tag)))
    const images = yield* Stream.runFold(journal.batches, new Array<GraphRecord>(), (found, { removed }) => [
      ...found,
      ...removed.filter((record) => names.has(named(record, record._tag)))
    ]).pipe(Effect.mapError(journalFailed(engine)))
    if (images.length === 0) return records
    const standing = yield* standingLines(engine, images)
    const back = new Set(
      images.filter((image) => standing.has(canonicalLine(image))).map((image) => named(image, image._tag))
    )
    return records.filter((record) => !back.has(named(record, record.tag)))
  })

const standingLines = (
  engine: JournaledEngine,
  records: ReadonlyArray<GraphRecord>
): Effect.Effect<ReadonlySet<string>, WriteFailed> =>
  Effect.mapError(
    Effect.map(engine.lookup(records), (stored) => new Set(stored.map(canonicalLine))),
    unreadable(engine)
  )
