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
  readonly bytes: number
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

/** Writes a stream of records into the spool and takes their census on the way. */
export const write = <E, R>(options: {
  readonly path: string
  readonly header: Jsonl.JsonlHeader
  readonly records: Stream.Stream<GraphRecord, E, R>
  readonly census: Census
  readonly meter: Meter
}): Effect.Effect<Spool, E | FileFailed, R> =>
  Effect.scoped(
    Effect.gen(function* () {
      const { census, meter, path } = options
      const fd = yield* Effect.acquireRelease(
        Effect.try({ try: () => fs.openSync(path, "wx", 0o600), catch: failed(path) }),
        (open) => Effect.sync(() => fs.closeSync(open))
      )
      const encoder = new Jsonl.JsonlEncoder()
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
          Effect.suspend(() => {
            const records = Chunk.toReadonlyArray(chunk)
            for (const record of records) census.add(record)
            const before = bytes
            return append(encoder.records(records)).pipe(
              Effect.tap(() => Effect.sync(() => meter.tick(records.length, bytes - before))),
              // Let signals through: drivers and this write are synchronous.
              Effect.zipLeft(Effect.yieldNow())
            )
          })
        )
      )
      const footer = encoder.footer()
      yield* append(footer.text)
      return { path, summary: footer.summary, census: census.finish(), bytes }
    })
  )

/** A batch of spooled records of one kind, with their canonical lines. */
export interface SpoolBatch {
  readonly tag: GraphRecord["_tag"]
  readonly records: ReadonlyArray<GraphRecord>
  readonly lines: ReadonlyArray<string>
}

const BATCH_RECORDS = 1000
const BATCH_CHARACTERS = 4_000_000

/** The spool's records in batches of one kind, bounded by number and by size. Fails where its bytes were changed. */
export const batches = (spool: Spool): Stream.Stream<SpoolBatch, DocumentInvalid | FileFailed> =>
  Jsonl.read(spool.path).pipe(
    Stream.chunks,
    Stream.concat(Stream.succeed(undefined)),
    Stream.mapAccum(newPending(), (pending, chunk) => {
      const full: Array<SpoolBatch> = []
      let current = pending
      const flush = () => {
        if (current.records.length > 0) full.push({ tag: current.tag, records: current.records, lines: current.lines })
        current = newPending()
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
  tag: GraphRecord["_tag"]
  characters: number
  records: Array<GraphRecord>
  lines: Array<string>
}

const newPending = (): Pending => ({ tag: "Node", characters: 0, records: [], lines: [] })
