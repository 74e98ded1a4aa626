/** The journal's file: its rows as batches, its failures, and a look into one that another process may have open. */
import Database from "better-sqlite3"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { FileFailed } from "../domain/Errors.ts"
import { parseLine } from "../domain/Canonical.ts"
import type { GraphRecord } from "../domain/Graph.ts"
import type { CreatedRecord, JournalBatch } from "./Journal.ts"

/** Runs something on the journal at `path`; its failure as a {@link FileFailed}. */
export const journalAttempt = <A>(path: string, what: string, run: () => A): Effect.Effect<A, FileFailed> =>
  Effect.try({
    try: run,
    catch: (cause) =>
      cause instanceof FileFailed
        ? cause
        : new FileFailed({
            path,
            reason: cause instanceof Error && "code" in cause && cause.code === "SQLITE_FULL" ? "no-space" : "io",
            message: `The run's journal ${path} could not be ${what}: ${cause instanceof Error ? cause.message : String(cause)}. Free space there, or set MEMORYGRAPH_STATE_DIR to a folder that can be written.`,
            cause
          })
  })

/** What finds a created record again, as it stands in the journal. */
export const entry = (record: GraphRecord): ReadonlyArray<string | null> =>
  record._tag === "Node" ? [record.key] : [record.key, record.from, record.type, record.to]

/** A batch as a row of the journal. */
export interface JournalRow {
  readonly number: number
  readonly acknowledged: number
  readonly created: string
  readonly hashes: Buffer
  readonly overwritten: string
  readonly removed: string
}

/** A row as the batch that it stands for. */
export const decodeRow = (row: JournalRow): JournalBatch => {
  const created: ReadonlyArray<ReadonlyArray<string | null>> = JSON.parse(row.created)
  const images: ReadonlyArray<readonly [string, string]> = JSON.parse(row.overwritten)
  const removed: ReadonlyArray<string> = JSON.parse(row.removed)
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
    overwritten: images.map(([before, after]) => ({ before: readImage(before), after: readImage(after) })),
    removed: removed.map(readImage)
  }
}

// Lines of the journal are our own canonical lines: one that cannot be read is a damaged file.
const readImage = (line: string): GraphRecord =>
  Either.getOrThrowWith(parseLine(line), (problem) => new Error(`a line of the journal is damaged: ${problem.message}`))

/** What a journal says without being claimed. */
export interface Glance {
  readonly state: string | undefined
  readonly note: (name: string) => string | undefined
  /** How many batches it knows of. */
  readonly batches: number
}

/** How many records of each kind a journal notes. */
export interface Noted {
  readonly created: number
  readonly overwritten: number
  readonly removed: number
}

/** Counts what a journal notes, without claiming it. */
export const countNoted = (path: string): Effect.Effect<Noted, FileFailed> =>
  journalAttempt(path, "read", () => {
    const db = new Database(path, { fileMustExist: true })
    try {
      const columns = db.prepare<[], string>("SELECT name FROM pragma_table_info('batch')").pluck().all()
      const total = (column: keyof Noted): number =>
        columns.includes(column)
          ? (db.prepare<[], number>(`SELECT total(json_array_length(${column})) FROM batch`).pluck().get() ?? 0)
          : 0
      return { created: total("created"), overwritten: total("overwritten"), removed: total("removed") }
    } finally {
      db.close()
    }
  })

/** Looks into a journal without claiming it, also while another process works with it. */
export const glance = (path: string): Effect.Effect<Glance, FileFailed> =>
  journalAttempt(path, "read", () => {
    // Not read-only: what a killed process left half written is put right by opening it.
    const db = new Database(path, { fileMustExist: true })
    try {
      const notes = new Map(
        db
          .prepare<[], readonly [string, string]>("SELECT name, text FROM note")
          .raw()
          .all()
          .map(([name, text]) => [name, text] as const)
      )
      const batches = db.prepare<[], number>("SELECT count(*) FROM batch").pluck().get() ?? 0
      return { state: notes.get("state"), note: (name: string) => notes.get(name), batches }
    } finally {
      db.close()
    }
  })
