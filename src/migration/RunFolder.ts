/**
 * The folder of a run, `runs/ID` in the state folder: spool, journal, report, rejects, and the sign of life of the
 * process that works on it. A run that changed nothing leaves nothing; one that was published leaves its journal, so that
 * it can be rolled back until it is pruned.
 */
import * as fs from "node:fs"
import * as path from "node:path"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import { beatEvery } from "../backend/Fence.ts"
import * as Journal from "../backend/Journal.ts"
import { FileFailed } from "../domain/Errors.ts"
import { codeOf } from "../files/errorCode.ts"
import { makeFolder } from "../files/makeFolder.ts"
import { OWNER } from "../files/ownedFiles.ts"
import type { RunReport } from "./report.ts"

/** The files of a run's folder. */
export const FILES = {
  spool: "spool.jsonl",
  surplus: "surplus.jsonl",
  journal: "journal.db",
  report: "report.json",
  rejects: "rejects.jsonl",
  alive: "alive"
} as const

/** The folder of a run and the files in it. */
export interface RunFolder {
  readonly folder: string
  /** The path of the spool, which need not be there; so the others. */
  readonly spool: string
  /** Where the records of the target are kept that the run removes. */
  readonly surplus: string
  readonly rejects: string
  readonly journal: Journal.Journal
  /** Deletes the spool and the surplus: the graph has arrived, or never will. */
  readonly dropSpool: Effect.Effect<void, FileFailed>
  /** Writes the report beside the journal, so that the run can be looked up. */
  readonly keep: (report: RunReport) => Effect.Effect<void, FileFailed>
  /** From now on the folder outlives the scope; until then closing it removes everything. */
  readonly retain: Effect.Effect<void>
  /** Closing the scope removes everything: the run is undone, and nothing of it is left. */
  readonly discard: Effect.Effect<void>
}

/** Runs something on a file of ours; its failure as a {@link FileFailed}. */
export const files = <A>(
  target: string,
  what: string,
  run: () => A,
  advice = "Set MEMORYGRAPH_STATE_DIR to a folder that can be written."
): Effect.Effect<A, FileFailed> =>
  Effect.try({
    try: run,
    catch: (cause) => {
      const code = codeOf(cause)
      const reason =
        code === "ENOSPC" || code === "EDQUOT"
          ? "no-space"
          : code === "EACCES" || code === "EPERM" || code === "EROFS"
            ? "permission"
            : "io"
      return new FileFailed({
        path: target,
        reason,
        message: `${target} could not be ${what}: ${cause instanceof Error ? cause.message : String(cause)}. ${advice}`,
        cause
      })
    }
  })

/** The folders of all runs. */
export const runsFolder = (stateFolder: string): string => path.join(stateFolder, "runs")

/** The folder of a run. */
export const folderOf = (stateFolder: string, run: string): string => path.join(runsFolder(stateFolder), run)

// Others tell by the age of this file whether the process that works on the run still does. It says whose it is: one that
// has lost the run to another must not take that one's sign away.
const signOfLife = (file: string, lease: number): Effect.Effect<void, FileFailed, Scope.Scope> =>
  Effect.gen(function* () {
    const beat = files(file, "written", () => fs.writeFileSync(file, OWNER, { mode: 0o600 }))
    const end = files(file, "removed", () => {
      if (fs.existsSync(file) && fs.readFileSync(file, "utf8") === OWNER) fs.rmSync(file, { force: true })
    })
    yield* Effect.acquireRelease(beat, () => Effect.catchAll(end, (error) => Effect.logDebug(error.message)))
    yield* beat.pipe(
      // A disk that is full, or a folder that was pruned: the run itself will find out.
      Effect.catchAll((error) => Effect.logDebug(error.message)),
      Effect.schedule(Schedule.spaced(beatEvery(lease))),
      Effect.interruptible,
      Effect.forkScoped
    )
  })

// A run that leaves nothing leaves no folders above its own either, where it was the one that made them.
const removeMade = (folder: string, first: string | undefined): void => {
  fs.rmSync(folder, { recursive: true, force: true })
  if (first === undefined) return
  for (let at = path.resolve(folder); at !== path.resolve(first);) {
    at = path.dirname(at)
    try {
      fs.rmdirSync(at)
    } catch (cause) {
      // Somebody else has put something there, or has removed it.
      if (!["ENOTEMPTY", "EEXIST", "ENOENT"].includes(codeOf(cause))) throw cause
      return
    }
  }
}

/**
 * Makes the folder of a run (0700), or takes up the one that is there, with its journal claimed. Closing the scope
 * removes a folder that was made and not retained; one that was taken up stays unless it is discarded.
 */
export const openFolder = (
  stateFolder: string,
  run: string,
  lease: number
): Effect.Effect<RunFolder, FileFailed, Scope.Scope> =>
  Effect.gen(function* () {
    const folder = folderOf(stateFolder, run)
    const journalFile = path.join(folder, FILES.journal)
    let retained = fs.existsSync(journalFile)
    yield* Effect.acquireRelease(
      files(folder, "made", () => makeFolder(folder)),
      (first) => Effect.sync(() => (retained ? undefined : removeMade(folder, first)))
    )
    const journal = yield* Journal.make(journalFile)
    yield* signOfLife(path.join(folder, FILES.alive), lease)
    const spool = path.join(folder, FILES.spool)
    const surplus = path.join(folder, FILES.surplus)
    const report = path.join(folder, FILES.report)
    const retain = (value: boolean) =>
      Effect.sync(() => {
        retained = value
      })
    return {
      folder,
      spool,
      surplus,
      rejects: path.join(folder, FILES.rejects),
      journal,
      dropSpool: files(spool, "removed", () => {
        for (const file of [spool, surplus]) fs.rmSync(file, { force: true })
      }),
      keep: (value) =>
        files(report, "written", () => {
          const half = `${report}.tmp`
          try {
            fs.writeFileSync(half, `${JSON.stringify(value, null, 2)}\n`, { mode: 0o600 })
            fs.renameSync(half, report)
          } catch (cause) {
            fs.rmSync(half, { force: true })
            throw cause
          }
        }),
      retain: retain(true),
      discard: retain(false)
    }
  })

/** Bytes free for us on the disk of a folder (or of its nearest existing parent), and which disk that is. */
export const freeSpace = (
  folder: string
): Effect.Effect<{ readonly free: number; readonly device: number }, FileFailed> =>
  files(folder, "measured", () => {
    let at = path.resolve(folder)
    while (!fs.existsSync(at) && path.dirname(at) !== at) at = path.dirname(at)
    const { bavail, bsize } = fs.statfsSync(at)
    return { free: bavail * bsize, device: fs.statSync(at).dev }
  })
