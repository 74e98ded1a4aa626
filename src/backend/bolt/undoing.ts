/**
 * Taking back what a batch created: each record only while it is still what was written, in a transaction that holds
 * its lock. Nodes go by a plain delete, and only without relationships; what somebody else has changed or attached to
 * stays and is reported.
 */
import * as Effect from "effect/Effect"
import { type Left, WriteFailed, type WriteReason } from "../../domain/Errors.ts"
import { describe } from "../../domain/Graph.ts"
import type { CreatedRecord } from "../Journal.ts"
import type { Fence } from "../Fence.ts"
import type { Overwrite } from "../WriteSession.ts"
import { CHANGED, deleteNodes, deleteRelationships } from "./deleting.ts"
import * as fence from "./fence.ts"
import { batchName, unmark } from "./marks.ts"
import { replaceNodes, replaceRelationships } from "./replacing.ts"
import type { Writer } from "./writing.ts"

const RECORDS_AT_ONCE = 2000

/** The engine's `remove` (see `JournaledEngine`): `records` are what one batch created, of one kind. */
export const remove = (
  writer: Writer,
  records: ReadonlyArray<CreatedRecord>,
  held: Fence
): Effect.Effect<ReadonlyArray<Left>, WriteFailed> => {
  const { connection } = writer.reader
  const nodes = records.filter((record) => record.tag === "Node")
  const relationships = records.filter((record) => record.tag === "Relationship")
  return undoing(
    writer,
    Effect.gen(function* () {
      const left: Array<Left> = []
      for (let at = 0; at < nodes.length; at += RECORDS_AT_ONCE) {
        const slice = nodes.slice(at, at + RECORDS_AT_ONCE)
        const more = yield* connection.transact(
          (transaction) =>
            Effect.zipRight(
              fence.take(writer.reader, transaction, held, "undo"),
              deleteNodes(writer, transaction, slice)
            ),
          "patient"
        )
        left.push(...more.left)
      }
      if (relationships.length > 0) {
        const more = yield* connection.transact(
          (transaction) =>
            Effect.gen(function* () {
              yield* fence.take(writer.reader, transaction, held, "undo")
              // Without its mark the batch was never written, or is undone already: an equal one is somebody else's.
              const unkeyed = relationships.some((record) => record.key === null)
              const name = batchName(relationships.map(({ hash }) => hash))
              const marked = unkeyed && (yield* unmark(transaction, held.run, name))
              const ours = marked ? relationships : relationships.filter(({ key }) => key !== null)
              return yield* deleteRelationships(writer, transaction, ours)
            }),
          "patient"
        )
        left.push(...more.left)
      }
      return left
    })
  )
}

/** The engine's `restore` (see `JournaledEngine`). */
export const restore = (
  writer: Writer,
  overwrites: ReadonlyArray<Overwrite>,
  held: Fence
): Effect.Effect<ReadonlyArray<Left>, WriteFailed> =>
  undoing(
    writer,
    writer.reader.connection.transact(
      (transaction) =>
        Effect.gen(function* () {
          yield* fence.take(writer.reader, transaction, held, "undo")
          const refused = [
            ...(yield* replaceNodes(writer, transaction, overwrites, "after")),
            ...(yield* replaceRelationships(writer, transaction, overwrites, "after"))
          ]
          return refused.map(({ before }): Left => {
            const kind = before._tag === "Node" ? "node" : "relationship"
            return { what: `the state before of ${kind} ${describe(before)}`, why: CHANGED }
          })
        }),
      "patient"
    )
  )

type UndoError = Effect.Effect.Error<ReturnType<typeof deleteNodes>> | WriteFailed

/** The failures of an undo. */
export const undoing = <A>(writer: Writer, effect: Effect.Effect<A, UndoError>): Effect.Effect<A, WriteFailed> => {
  const { connection } = writer.reader
  const { kind, location } = connection.server
  const unreadable = (reason: WriteReason) => (error: { readonly message: string }) =>
    Effect.fail(
      new WriteFailed({
        backend: kind,
        location,
        phase: "undo",
        reason,
        message: `${error.message} The undo stopped there; the run's journal is kept.`,
        cause: error
      })
    )
  return effect.pipe(
    Effect.catchTag("DriverFailure", fence.failWriting(connection, "undo")),
    Effect.catchTags({ StoreUnavailable: unreadable("went-away"), SourceDataInvalid: unreadable("store-changed") })
  )
}
