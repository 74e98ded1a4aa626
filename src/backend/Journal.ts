/**
 * The journal of a run: one SQLite file (synchronous = FULL) that knows, before the target does, what is created and
 * what was there before. A store in use is undone from it, and a published run can be rolled back from it until it is
 * pruned.
 *
 * Created records are kept a batch a row (keys and the hashes of what we wrote), so that a load of a million records
 * costs a thousand rows.
 */
import Database from "better-sqlite3"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { FileFailed } from "../domain/Errors.ts"
import { canonicalLine, parseLine } from "../domain/Canonical.ts"
import { lineHash } from "../domain/Fingerprint.ts"
import type { GraphRecord } from "../domain/Graph.ts"
import type { Overwrite, SessionState, WriteBatch } from "./WriteSession.ts"

/** A record that the run created: how to find it again, and the hash of the line that was written. */
export interface CreatedRecord {
  readonly tag: GraphRecord["_tag"]
  readonly key: string | null
  /** Ends and type, for relationships. */
  readonly from?: string | undefined
  readonly type?: string | undefined
  readonly to?: string | undefined
  readonly hash: Buffer
}

/** An open journal. Methods that write are durable when they return. */
export interface Journal {
  readonly path: string
  /** Notes the state of the session. */
  readonly setState: (state: SessionState) => Effect.Effect<void, FileFailed>
  readonly state: Effect.Effect<string | undefined, FileFailed>
  /** Keeps a named text: what else the run made (an index, a file), the target's name, an epoch. */
  readonly setNote: (name: string, text: string) => Effect.Effect<void, FileFailed>
  readonly note: (name: string) => Effect.Effect<string | undefined, FileFailed>
  /**
   * Notes a batch before it is written; returns its number. With `durable` false the rows wait for the next durable
   * write: for sessions whose work vanishes by itself in a crash.
   */
  readonly intend: (batch: WriteBatch, options?: { readonly durable?: boolean }) => Effect.Effect<number, FileFailed>
  /** Forgets a batch that the target has refused as a whole: nothing of it is there to be undone. */
  readonly withdraw: (batch: number) => Effect.Effect<void, FileFailed>
  /** Notes that the target has acknowledged the batch. */
  readonly acknowledge: (batch: number) => Effect.Effect<void, FileFailed>
  /** Batches in the order they were noted, latest first: created records and before-images. */
  readonly batches: Stream.Stream<JournalBatch, FileFailed>
}

/** One noted batch. */
export interface JournalBatch {
  readonly number: number
  readonly acknowledged: boolean
  readonly created: ReadonlyArray<CreatedRecord>
  readonly overwritten: ReadonlyArray<Overwrite>
}

const SCHEMA = `
CREATE TABLE note (name TEXT PRIMARY KEY, text TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE batch (
  number INTEGER PRIMARY KEY,
  acknowledged INTEGER NOT NULL DEFAULT 0,
  created TEXT NOT NULL,
  hashes BLOB NOT NULL,
  overwritten TEXT NOT NULL
);
`

const wrap = <A>(path: string, what: string, run: () => A): Effect.Effect<A, FileFailed> =>
  Effect.try({
    try: run,
    catch: (cause) =>
      new FileFailed({
        path,
        reason: cause instanceof Error && "code" in cause && cause.code === "SQLITE_FULL" ? "no-space" : "io",
        message: `The run's journal ${path} could not be ${what}: ${cause instanceof Error ? cause.message : String(cause)}.`,
        cause
      })
  })

const entry = (record: GraphRecord): ReadonlyArray<string | null> =>
  record._tag === "Node" ? [record.key] : [record.key, record.from, record.type, record.to]

/**
 * Opens the journal at `path` and creates it where it is not there yet; closed with the scope. A new one is 0600 by the
 * folder's umask: run folders are 0700.
 */
export const make = (path: string): Effect.Effect<Journal, FileFailed, Scope.Scope> =>
  Effect.gen(function* () {
    const db = yield* Effect.acquireRelease(
      wrap(path, "opened", () => {
        const opened = new Database(path)
        opened.pragma("journal_mode = DELETE")
        opened.pragma("synchronous = FULL")
        if (opened.prepare("SELECT 1 FROM sqlite_master WHERE name = 'batch'").get() === undefined) opened.exec(SCHEMA)
        return opened
      }),
      (opened) => Effect.sync(() => opened.close())
    )
    const setNote = db.prepare("INSERT INTO note VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET text = excluded.text")
    const getNote = db.prepare("SELECT text FROM note WHERE name = ?").pluck()
    const addBatch = db.prepare("INSERT INTO batch (created, hashes, overwritten) VALUES (?, ?, ?)")
    const acknowledge = db.prepare("UPDATE batch SET acknowledged = 1 WHERE number = ?")
    const withdraw = db.prepare("DELETE FROM batch WHERE number = ?")
    const latest = db.prepare<[number], JournalRow>("SELECT * FROM batch WHERE number < ? ORDER BY number DESC LIMIT 1")

    let open = false
    const settle = () => {
      if (open) db.exec("COMMIT")
      open = false
    }
    yield* Effect.addFinalizer(() => Effect.sync(settle))

    const note = (name: string) =>
      wrap(path, "read", () => {
        const text = getNote.get(name)
        return typeof text === "string" ? text : undefined
      })
    const write = (name: string, text: string) =>
      wrap(path, "written", () => {
        settle()
        setNote.run(name, text)
      })

    return {
      path,
      setState: (state) => write("state", state),
      state: note("state"),
      setNote: write,
      note,
      intend: (batch, options) =>
        wrap(path, "written", () => {
          const durable = options?.durable !== false
          if (durable) settle()
          else if (!open) {
            db.exec("BEGIN")
            open = true
          }
          const hashes = Buffer.concat(batch.create.map((record) => lineHash(canonicalLine(record))))
          const images = batch.overwrite.map(({ before, after }) => [canonicalLine(before), canonicalLine(after)])
          const added = addBatch.run(JSON.stringify(batch.create.map(entry)), hashes, JSON.stringify(images))
          return Number(added.lastInsertRowid)
        }),
      withdraw: (number) =>
        wrap(path, "written", () => {
          withdraw.run(number)
        }),
      acknowledge: (number) =>
        wrap(path, "written", () => {
          acknowledge.run(number)
        }),
      batches: Stream.unfoldEffect(Number.MAX_SAFE_INTEGER, (before) =>
        wrap(path, "read", () => {
          settle()
          const row = latest.get(before)
          return row === undefined ? Option.none() : Option.some([decodeRow(row), row.number] as const)
        })
      )
    }
  })

interface JournalRow {
  readonly number: number
  readonly acknowledged: number
  readonly created: string
  readonly hashes: Buffer
  readonly overwritten: string
}

const decodeRow = (row: JournalRow): JournalBatch => {
  const created: ReadonlyArray<ReadonlyArray<string | null>> = JSON.parse(row.created)
  const images: ReadonlyArray<readonly [string, string]> = JSON.parse(row.overwritten)
  return {
    number: row.number,
    acknowledged: row.acknowledged === 1,
    created: created.map((fields, i): CreatedRecord => {
      const hash = row.hashes.subarray(i * 32, i * 32 + 32)
      const key = fields[0] ?? null
      return fields.length === 1
        ? { tag: "Node", key, hash }
        : { tag: "Relationship", key, from: fields[1] ?? "", type: fields[2] ?? "", to: fields[3] ?? "", hash }
    }),
    overwritten: images.map(([before, after]) => ({ before: readImage(before), after: readImage(after) }))
  }
}

// Lines of the journal are our own canonical lines: one that cannot be read is a damaged file.
const readImage = (line: string): GraphRecord =>
  Either.getOrThrowWith(parseLine(line), (problem) => new Error(`a line of the journal is damaged: ${problem.message}`))
