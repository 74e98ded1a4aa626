/** Batches as sessions write them: whole, or, where the store refuses one of its records, not at all. */
import * as Effect from "effect/Effect"
import type { ReadError, WriteFailed } from "../../domain/Errors.ts"
import type { GraphRecord } from "../../domain/Graph.ts"
import type { CreatedRecord, Journal } from "../Journal.ts"
import type { WriteBatch } from "../WriteSession.ts"
import type { Hold } from "./fence.ts"
import { putBack, removalName } from "./removing.ts"
import { remove, restore } from "./undoing.ts"
import { batchName, failure, hashesOf, type Progress, writeBatch, type Writer } from "./writing.ts"

/** True where a failure promises that nothing of the batch took effect. */
const isRefusal = (error: WriteFailed | ReadError): error is WriteFailed =>
  error._tag === "WriteFailed" && (error.reason === "refused-record" || error.reason === "store-changed")

const createdOf = (records: ReadonlyArray<GraphRecord>): ReadonlyArray<CreatedRecord> => {
  const hashes = hashesOf(records)
  return records.map((record, i): CreatedRecord => {
    const hash = hashes[i] ?? Buffer.alloc(0)
    if (record._tag === "Node") return { tag: "Node", key: record.key, hash }
    const { from, key, to, type } = record
    return { tag: "Relationship", key, from, type, to, hash }
  })
}

/**
 * Writes a batch, which may take several queries, completely or fails. Where it fails with `refused-record` or
 * `store-changed`, its earlier queries have been taken back; where that cannot be done, it fails with another reason.
 */
export const writeWhole = (
  writer: Writer,
  batch: WriteBatch,
  hold: Hold | undefined
): Effect.Effect<void, WriteFailed | ReadError> =>
  Effect.suspend(() => {
    const progress: Progress = { created: [], replaced: [], removed: [] }
    const { connection } = writer.graph
    const takeBack = Effect.gen(function* () {
      const images = progress.replaced.length === 0 ? [] : yield* restore(writer, progress.replaced, hold)
      const name = batchName(hashesOf(batch.create))
      const records = createdOf(progress.created)
      const left = records.length === 0 ? images : [...images, ...(yield* remove(writer, records, hold, name))]
      if (progress.removed.length === 0) return left
      const removal = removalName((batch.remove ?? []).filter(({ key }) => key === null))
      return [...left, ...(yield* putBack(writer, progress.removed, hold, removal))]
    })
    return Effect.catchIf(writeBatch(writer, batch, hold, progress), isRefusal, (refused) =>
      Effect.gen(function* () {
        const left = yield* Effect.mapError(takeBack, (error) =>
          isRefusal(error) ? failure(connection, "driver", error.message) : error
        )
        if (left.length === 0) return yield* refused
        const [first] = left
        return yield* failure(
          connection,
          "driver",
          `${refused.message} Of what the batch had written before, ${left.length} thing(s) could not be taken back: ${first?.what} (${first?.why}).`
        )
      })
    )
  })

/** Writes a batch into a graph that nobody else sees, and notes it in the journal. */
export const writeNoted = (writer: Writer, journal: Journal, batch: WriteBatch) =>
  Effect.gen(function* () {
    const number = yield* journal.intend(batch, { durable: false })
    yield* Effect.tapError(writeWhole(writer, batch, undefined), (error) =>
      isRefusal(error) ? journal.withdraw(number) : Effect.void
    )
    yield* journal.acknowledge(number)
  })
