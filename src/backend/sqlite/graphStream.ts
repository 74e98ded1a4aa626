/** What reading and writing through a connection have in common. */
import type Database from "better-sqlite3"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { type ReadError, SourceDataInvalid } from "../../domain/Errors.ts"
import type { GraphRecord } from "../../domain/Graph.ts"
import { readFailed } from "./errors.ts"
import { pages, type StoredGraph } from "./StoredGraph.ts"

/** Where a store is: for people, and for the file system. */
export interface Place {
  readonly location: string
  readonly file: string
}

/**
 * Lets the event loop turn once between two synchronous calls, so that signals get through. Effect's own yield stays in
 * the microtask queue.
 */
export const breathe: Effect.Effect<void> = Effect.async<void>((resume) => {
  const handle = setImmediate(() => resume(Effect.void))
  return Effect.sync(() => clearImmediate(handle))
})

/** What reading through a connection can fail with. */
export const readError = (place: Place, cause: unknown): ReadError =>
  cause instanceof SourceDataInvalid ? cause : readFailed(place.location, place.file, cause)

/** The graph as a stream, a page a chunk; the snapshot is the caller's transaction. */
export const stream = (
  graph: StoredGraph,
  place: Place,
  only?: "nodes" | "relationships"
): Stream.Stream<GraphRecord, ReadError> =>
  Stream.suspend(() => {
    const iterator = pages(graph, only)
    const pull = Effect.suspend((): Effect.Effect<Chunk.Chunk<GraphRecord>, Option.Option<ReadError>> => {
      try {
        const next = iterator.next()
        return next.done === true ? Effect.fail(Option.none()) : Effect.succeed(Chunk.unsafeFromArray(next.value))
      } catch (cause) {
        return Effect.fail(Option.some(readError(place, cause)))
      }
    })
    return Stream.repeatEffectChunkOption(Effect.zipRight(breathe, pull))
  })

/**
 * Prepares a connection for writing: foreign keys must be off before a transaction begins (an upsert must never cascade,
 * and `invalidated_by` may lead nowhere). A larger page cache than 8 MB was no faster with 2.4 million records: the
 * operating system keeps the file anyway.
 */
export const setUp = (db: Database.Database): void => {
  db.pragma("foreign_keys = OFF")
  db.pragma("cache_size = -8192")
}
