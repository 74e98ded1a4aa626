/**
 * The journal of a run: one SQLite file (synchronous = FULL) that knows, before the target does, what is created and
 * what was there before, also of what is removed. A store in use is undone from it, and a published run can be rolled back from it until it is
 * pruned.
 *
 * Created records are kept a batch a row (keys and the hashes of what we wrote), so that a load of a million records
 * costs a thousand rows.
 */
import Database from "better-sqlite3"
import * as fs from "node:fs"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { FileFailed } from "../domain/Errors.ts"
import { canonicalLine } from "../domain/Canonical.ts"
import { lineHash } from "../domain/Fingerprint.ts"
import type { GraphRecord } from "../domain/Graph.ts"
import { decodeRow, entry, journalAttempt, type JournalRow } from "./journalFile.ts"
import type { Overwrite, SessionState, WriteBatch } from "./WriteSession.ts"

/** A record that the run created: how to find it again, and the hash of the line that was written. */
export interface CreatedRecord {
  readonly tag: GraphRecord["_tag"]
  readonly key: string | null
  /** Ends and type, for relationships. */
  readonly from?: string | undefined
  readonly type?: string | undefined
  readonly to?: string | undefined
  /** SHA-256 of the canonical line, 32 bytes. */
  readonly hash: Buffer
}

/**
 * An open journal. Methods that write are durable when they return. Opening it claims it: whoever had it open before can
 * write nothing more into it (`FileFailed`, reason `superseded`), so that a process that was taken for dead and wakes up
 * finds out before it publishes or undoes anything.
 */
export interface Journal {
  readonly path: string
  /** Counts the claims, this one included: from 1. */
  readonly epoch: number
  /** Fails with `superseded` where somebody else has claimed the journal since. */
  readonly check: Effect.Effect<void, FileFailed>
  /** Notes the state of the session. */
  readonly setState: (state: SessionState) => Effect.Effect<void, FileFailed>
  /** The state that was noted last, by any process; undefined where there is none. */
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
  /**
   * Runs a publication while nobody else can claim the journal; fails with `superseded`, having run nothing, where
   * somebody has.
   */
  readonly exclusively: <A, E>(publication: Effect.Effect<A, E>) => Effect.Effect<A, E | FileFailed>
  /** Forgets all batches: those of a session whose work vanished with it. */
  readonly clear: Effect.Effect<void, FileFailed>
  /** Keeps records that the run rejects, with the reason. */
  readonly reject: (stage: RejectStage, records: ReadonlyArray<Reject>) => Effect.Effect<void, FileFailed>
  /** Forgets what was rejected at a stage that is begun anew. */
  readonly dropRejects: (stage: RejectStage) => Effect.Effect<void, FileFailed>
  /** What was rejected, nodes first; to be read when the run has ended. */
  readonly rejects: Stream.Stream<Reject, FileFailed>
  /** The batches, the one that was noted last first: the order in which they are taken back. */
  readonly batches: Stream.Stream<JournalBatch, FileFailed>
}

/** Where a record was rejected: on its way out of the source, or by the target that was to take it. */
export type RejectStage = "source" | "target"

/** A record that a run rejects. `line` is its canonical line. */
export interface Reject {
  readonly tag: GraphRecord["_tag"]
  readonly line: string
  /** Why, as a sentence part. */
  readonly why: string
}

/** What of a batch is taken back at a time: images, created relationships, created nodes, removed records. */
export type BatchPart = "overwritten" | "Relationship" | "Node" | "removed"

/**
 * The order within a batch, the batches coming latest first: each step of the undo finds the store as its own step of
 * the run left it, so that a key is free again, and an end there again, when it is needed. Images first: a record that a
 * batch created and then replaced is only then what its creation wrote. Removed records last, as they went first.
 */
export const UNDO_ORDER: ReadonlyArray<BatchPart> = ["overwritten", "Relationship", "Node", "removed"]

/** One noted batch. */
export interface JournalBatch {
  readonly number: number
  /** False where the target's answer never came: whether it holds the batch is not known. */
  readonly acknowledged: boolean
  readonly created: ReadonlyArray<CreatedRecord>
  readonly overwritten: ReadonlyArray<Overwrite>
  readonly removed: ReadonlyArray<GraphRecord>
}

const SCHEMA = `
CREATE TABLE note (name TEXT PRIMARY KEY, text TEXT NOT NULL) WITHOUT ROWID;
-- Numbers are never given twice, also after a batch was withdrawn: notes name them.
CREATE TABLE batch (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  acknowledged INTEGER NOT NULL DEFAULT 0,
  created TEXT NOT NULL,
  hashes BLOB NOT NULL,
  overwritten TEXT NOT NULL,
  removed TEXT NOT NULL DEFAULT '[]'
);
CREATE TABLE reject (
  number INTEGER PRIMARY KEY,
  stage TEXT NOT NULL,
  tag TEXT NOT NULL,
  line TEXT NOT NULL,
  why TEXT NOT NULL
);
`

const superseded = (path: string): FileFailed =>
  new FileFailed({
    path,
    reason: "superseded",
    message: `Another process has taken over this run (its journal is ${path}): this one writes nothing more. "memorygraph runs" shows what became of it.`
  })

const EPOCH = "epoch"

/** Batches of a session that nobody else sees, in one transaction of the journal. */
const MOST_PENDING = 50

const claim = (db: Database.Database): number =>
  db
    .transaction(() => {
      const before = db.prepare("SELECT text FROM note WHERE name = ?").pluck().get(EPOCH)
      const epoch = Number(before ?? 0) + 1
      db.prepare("INSERT INTO note VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET text = excluded.text").run(
        EPOCH,
        String(epoch)
      )
      return epoch
    })
    .immediate()

// Journals of releases that removed nothing have no column for it.
const prepareSchema = (db: Database.Database): void => {
  const columns = db.prepare("SELECT name FROM pragma_table_info('batch')").pluck().all()
  if (columns.length === 0) db.exec(SCHEMA)
  else if (!columns.includes("removed")) db.exec("ALTER TABLE batch ADD COLUMN removed TEXT NOT NULL DEFAULT '[]'")
}

/**
 * Opens and claims the journal at `path` and creates it (0600) where it is not there yet; closed with the scope. Its
 * folder must be there: `FileFailed` (`io`) otherwise.
 */
export const make = (path: string): Effect.Effect<Journal, FileFailed, Scope.Scope> =>
  Effect.gen(function* () {
    const db = yield* Effect.acquireRelease(
      journalAttempt(path, "opened", () => {
        // Our files are 0600, whatever the umask says.
        fs.closeSync(fs.openSync(path, "a", 0o600))
        const opened = new Database(path)
        opened.pragma("journal_mode = DELETE")
        opened.pragma("synchronous = FULL")
        prepareSchema(opened)
        return opened
      }),
      (opened) => Effect.sync(() => opened.close())
    )
    const epoch = yield* journalAttempt(path, "claimed", () => claim(db))
    const setNote = db.prepare("INSERT INTO note VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET text = excluded.text")
    const getNote = db.prepare("SELECT text FROM note WHERE name = ?").pluck()
    const addBatch = db.prepare("INSERT INTO batch (created, hashes, overwritten, removed) VALUES (?, ?, ?, ?)")
    const acknowledge = db.prepare("UPDATE batch SET acknowledged = 1 WHERE number = ?")
    const withdraw = db.prepare("DELETE FROM batch WHERE number = ?")
    const clear = db.prepare("DELETE FROM batch")
    const addReject = db.prepare("INSERT INTO reject (stage, tag, line, why) VALUES (?, ?, ?, ?)")
    const dropRejects = db.prepare("DELETE FROM reject WHERE stage = ?")
    const nextRejects = db.prepare<[string, number], Reject & { readonly number: number }>(
      "SELECT number, tag, line, why FROM reject WHERE tag = ? AND number > ? ORDER BY number LIMIT 500"
    )
    const latest = db.prepare<[number], JournalRow>("SELECT * FROM batch WHERE number < ? ORDER BY number DESC LIMIT 1")

    let open = false
    let pending = 0
    const settle = () => {
      // A full disk may have ended it already.
      if (open && db.inTransaction) db.exec("COMMIT")
      open = false
    }
    const mustHold = () => {
      if (Number(getNote.get(EPOCH)) !== epoch) throw superseded(path)
    }
    // An open transaction has the file's lock: nobody can claim it meanwhile.
    const durably = (run: () => void) => {
      settle()
      db.transaction(() => {
        mustHold()
        run()
      }).immediate()
    }
    yield* Effect.addFinalizer(() =>
      Effect.catchAll(journalAttempt(path, "written", settle), (error) => Effect.logWarning(error.message))
    )

    const note = (name: string) =>
      journalAttempt(path, "read", () => {
        const text = getNote.get(name)
        return typeof text === "string" ? text : undefined
      })
    const write = (name: string, text: string) =>
      journalAttempt(path, "written", () =>
        durably(() => {
          setNote.run(name, text)
        })
      )

    const rejectsOf = (tag: Reject["tag"]): Stream.Stream<Reject, FileFailed> =>
      Stream.paginateChunkEffect(0, (after) =>
        journalAttempt(path, "read", () => {
          const rows = nextRejects.all(tag, after)
          const last = rows.at(-1)?.number
          return [Chunk.unsafeFromArray(rows), last === undefined ? Option.none() : Option.some(last)] as const
        })
      )
    // Within an open transaction, or by itself.
    const change = (run: () => unknown) =>
      journalAttempt(path, "written", () => {
        if (open) run()
        else durably(run)
      })

    return {
      path,
      epoch,
      check: journalAttempt(path, "read", () => {
        if (!open) mustHold()
      }),
      setState: (state) => write("state", state),
      state: note("state"),
      setNote: write,
      note,
      intend: (batch, options) =>
        journalAttempt(path, "written", () => {
          const hashes = Buffer.concat(batch.create.map((record) => lineHash(canonicalLine(record))))
          const images = batch.overwrite.map(({ before, after }) => [canonicalLine(before), canonicalLine(after)])
          const removed = JSON.stringify((batch.remove ?? []).map(canonicalLine))
          let number = 0
          const add = () => {
            const added = addBatch.run(JSON.stringify(batch.create.map(entry)), hashes, JSON.stringify(images), removed)
            number = Number(added.lastInsertRowid)
          }
          if (options?.durable !== false) {
            durably(add)
            return number
          }
          // A longer transaction would lock readers out.
          if (open && ++pending > MOST_PENDING) settle()
          if (!open) {
            pending = 0
            db.exec("BEGIN IMMEDIATE")
            open = true
            // Behind the lock: before it, somebody could claim the journal in between.
            try {
              mustHold()
            } catch (cause) {
              db.exec("ROLLBACK")
              open = false
              throw cause
            }
          }
          add()
          return number
        }),
      withdraw: (number) => change(() => withdraw.run(number)),
      acknowledge: (number) => change(() => acknowledge.run(number)),
      clear: change(() => clear.run()),
      exclusively: (publication) =>
        Effect.zipRight(
          journalAttempt(path, "written", () => {
            settle()
            db.exec("BEGIN IMMEDIATE")
            open = true
            if (Number(getNote.get(EPOCH)) === epoch) return
            db.exec("ROLLBACK")
            open = false
            throw superseded(path)
          }),
          publication
        ),
      reject: (stage, records) =>
        change(() => {
          for (const { line, tag, why } of records) addReject.run(stage, tag, line, why)
        }),
      dropRejects: (stage) => change(() => dropRejects.run(stage)),
      rejects: Stream.concat(rejectsOf("Node"), rejectsOf("Relationship")),
      batches: Stream.unfoldEffect(Number.MAX_SAFE_INTEGER, (before) =>
        journalAttempt(path, "read", () => {
          settle()
          const row = latest.get(before)
          return row === undefined ? Option.none() : Option.some([decodeRow(row), row.number] as const)
        })
      )
    }
  })
