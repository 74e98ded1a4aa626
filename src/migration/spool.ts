/**
 * The spool: the whole graph in a checked file between leaving one store and entering another. Everything that is
 * written to a target comes from here, and everything that is verified is compared with it.
 */
import * as fs from "node:fs"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as Jsonl from "../document/jsonl.ts"
import { type DocumentInvalid, FileFailed } from "../domain/Errors.ts"
import type { GraphRecord } from "../domain/Graph.ts"
import type { Census, CensusResult } from "./census.ts"
import type { Meter } from "./Run.ts"

/** A written spool. */
export interface Spool {
  readonly path: string
  readonly summary: Jsonl.JsonlSummary
  readonly census: CensusResult
  /** The size of the file. */
  readonly bytes: number
  /** Records of the source that were rejected, and are not in the spool. */
  readonly rejected: { readonly nodes: number; readonly relationships: number }
}

const failed = (path: string) => (cause: unknown) => {
  const code = cause instanceof Error && "code" in cause ? cause.code : undefined
  return new FileFailed({
    path,
    reason: code === "ENOSPC" || code === "EDQUOT" ? "no-space" : "io",
    message: `The spool ${path} could not be written: ${cause instanceof Error ? cause.message : String(cause)}. The target is untouched. Free space there or set MEMORYGRAPH_STATE_DIR.`,
    cause
  })
}

/** Writes a stream of records into the spool. */
export const write = <E, R>(options: {
  readonly path: string
  readonly header: Jsonl.JsonlHeader
  readonly records: Stream.Stream<GraphRecord, E, R>
  /** What {@link sift} counts. */
  readonly census: Census
  readonly meter: Meter
  /** Returns the records that are taken, their census being taken; the others are rejected. */
  readonly sift: (records: ReadonlyArray<GraphRecord>) => Effect.Effect<ReadonlyArray<GraphRecord>, FileFailed>
}): Effect.Effect<Spool, E | FileFailed, R> =>
  Effect.scoped(
    Effect.gen(function* () {
      const { census, meter, path, sift } = options
      const fd = yield* Effect.acquireRelease(
        Effect.try({ try: () => fs.openSync(path, "wx", 0o600), catch: failed(path) }),
        (open) => Effect.sync(() => fs.closeSync(open))
      )
      const encoder = new Jsonl.JsonlEncoder()
      const rejected = { nodes: 0, relationships: 0 }
      let bytes = 0
      const append = (text: string) =>
        Effect.try({
          try: () => {
            const length = Buffer.byteLength(text)
            let at = fs.writeSync(fd, text)
            // A disk that is nearly full takes a part of it; the rest says why.
            if (at < length) for (const rest = Buffer.from(text); at < length;) at += fs.writeSync(fd, rest, at)
            bytes += length
          },
          catch: failed(path)
        })
      yield* append(encoder.header(options.header))
      yield* options.records.pipe(
        Stream.chunks,
        Stream.runForEach((chunk) =>
          Effect.gen(function* () {
            const all = Chunk.toReadonlyArray(chunk)
            const records = yield* sift(all)
            if (records.length < all.length) {
              const left = new Set(records)
              for (const record of all)
                if (!left.has(record)) rejected[record._tag === "Node" ? "nodes" : "relationships"]++
            }
            const before = bytes
            yield* append(encoder.records(records))
            meter.tick(all.length, bytes - before)
            // Let signals through: drivers and this write are synchronous.
            yield* Effect.yieldNow()
          })
        )
      )
      const footer = encoder.footer()
      yield* append(footer.text)
      return { path, summary: footer.summary, census: census.finish(), bytes, rejected }
    })
  )

/**
 * Takes up a spool that was written before: its bytes are checked, and its census is taken anew. `rejected` is what was
 * left out of it.
 */
export const reopen = (
  path: string,
  census: Census,
  rejected: Spool["rejected"]
): Effect.Effect<Spool, DocumentInvalid | FileFailed> =>
  Effect.gen(function* () {
    yield* Jsonl.read(path).pipe(
      Stream.chunks,
      Stream.runForEach((chunk) =>
        Effect.suspend(() => {
          for (const { record } of chunk) census.add(record)
          return Effect.yieldNow()
        })
      )
    )
    const summary = yield* Jsonl.check(path)
    return { path, summary, census: census.finish(), bytes: fs.statSync(path).size, rejected }
  })

/** A batch of spooled records of one kind, with their canonical lines. */
export interface SpoolBatch {
  /** The number of its first record in the spool, from 0. */
  readonly first: number
  readonly tag: GraphRecord["_tag"]
  readonly records: ReadonlyArray<GraphRecord>
  readonly lines: ReadonlyArray<string>
}

const BATCH_RECORDS = 1000
const BATCH_CHARACTERS = 4_000_000

/**
 * The spool's records in batches of one kind, bounded by number and by size; without the records of some numbers, where
 * they are given. Fails where its bytes were changed.
 */
export const batches = (
  spool: Spool,
  without?: ReadonlySet<number>
): Stream.Stream<SpoolBatch, DocumentInvalid | FileFailed> =>
  without === undefined || without.size === 0
    ? allBatches(spool)
    : Stream.map(allBatches(spool), (batch) => {
        const stays = (_: unknown, i: number) => !without.has(batch.first + i)
        return { ...batch, records: batch.records.filter(stays), lines: batch.lines.filter(stays) }
      })

const allBatches = (spool: Spool): Stream.Stream<SpoolBatch, DocumentInvalid | FileFailed> =>
  Jsonl.read(spool.path).pipe(
    Stream.chunks,
    Stream.concat(Stream.succeed(undefined)),
    Stream.mapAccum(newPending(0), (pending, chunk) => {
      const full: Array<SpoolBatch> = []
      let current = pending
      const flush = () => {
        const { first, lines, records, tag } = current
        if (records.length > 0) full.push({ first, tag, records, lines })
        current = newPending(first + records.length)
      }
      if (chunk === undefined) {
        flush()
        return [current, full] as const
      }
      for (const { record, text } of chunk) {
        if (
          current.records.length >= BATCH_RECORDS ||
          current.characters >= BATCH_CHARACTERS ||
          (current.records.length > 0 && current.tag !== record._tag)
        ) {
          flush()
        }
        current.tag = record._tag
        current.characters += text.length
        current.records.push(record)
        current.lines.push(text)
      }
      return [current, full] as const
    }),
    Stream.mapConcat((full) => full)
  )

interface Pending {
  first: number
  tag: GraphRecord["_tag"]
  characters: number
  records: Array<GraphRecord>
  lines: Array<string>
}

const newPending = (first: number): Pending => ({ first, tag: "Node", characters: 0, records: [], lines: [] })
