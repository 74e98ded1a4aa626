/** The runs that the state folder knows: what became of each, and which of them stand in the way of a new one. */
import * as fs from "node:fs"
import * as path from "node:path"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { LEASE } from "../backend/Fence.ts"
import type { GraphBackend } from "../backend/GraphBackend.ts"
import { type Glance, glance } from "../backend/journalFile.ts"
import { EXPOSED, PUBLISHED } from "../backend/WriteSession.ts"
import { type FileFailed, Refused, UsageError } from "../domain/Errors.ts"
import { codeOf } from "../files/errorCode.ts"
import { isOrphan } from "../files/ownedFiles.ts"
import { type Manifest, manifestText, NOTES, readManifest, worker } from "./manifest.ts"
import type { RunStatus, RunSummary } from "./runSummary.ts"
import { FILES, files, folderOf, openFolder, type RunFolder, runsFolder } from "./RunFolder.ts"

/** A run that was looked at without being taken up. */
export interface KnownRun {
  readonly summary: RunSummary
  readonly manifest: Manifest
  /** The state of its session, as its journal has it; undefined where no session was opened. */
  readonly state: string | undefined
  /** Whether others saw its batches before publication; undefined where no session was opened. */
  readonly exposed: boolean | undefined
  /** True where somebody has begun to take it back after its publication. */
  readonly rollingBack: boolean
}

/** The journal's note of a published run that is being rolled back. */
export const ROLLING_BACK = "rolling-back"
/** The note that the rolling back has ended. */
export const ROLLED_BACK = "rolled-back"

const isAlive = (folder: string, { lease, owner }: Manifest): boolean => {
  if (isOrphan(owner)) return false
  const seen = fs.statSync(path.join(folder, FILES.alive), { throwIfNoEntry: false })
  return seen !== undefined && Date.now() - seen.mtimeMs <= lease
}

const UNDECIDED = new Set(["publishing", "unknown", "undoing", "incomplete"])

const statusOf = (alive: boolean, seen: Glance, exposed: boolean | undefined): RunStatus => {
  if (alive) return "running"
  // An undo that has ended, though it may have left what somebody else had changed.
  if (seen.note(ROLLED_BACK) !== undefined || (exposed === true && seen.state === "undone")) return "rolled-back"
  if (exposed === true && seen.note(ROLLING_BACK) !== undefined) return "unfinished"
  if (seen.note(PUBLISHED) !== undefined) return "published"
  if (exposed === undefined) return "broken-off"
  return exposed || UNDECIDED.has(seen.state ?? "") ? "unfinished" : "broken-off"
}

/** Looks at a run; undefined where there is none that could be gone on with. */
export const look = (stateFolder: string, run: string): Effect.Effect<KnownRun | undefined, FileFailed> =>
  Effect.gen(function* () {
    const folder = folderOf(stateFolder, run)
    const file = path.join(folder, FILES.journal)
    if (!fs.existsSync(file)) return undefined
    const seen = yield* glance(file)
    const text = seen.note(NOTES.manifest)
    if (text === undefined) return undefined
    const manifest = yield* readManifest(file, text)
    const note = seen.note(EXPOSED)
    const exposed = note === undefined ? undefined : note === "true"
    const { command, host, pid, source, started, target } = manifest
    return {
      manifest,
      state: seen.state,
      exposed,
      rollingBack: seen.note(ROLLING_BACK) !== undefined,
      summary: {
        run,
        status: statusOf(isAlive(folder, manifest), seen, exposed),
        command,
        started,
        source: source.location,
        target: target.location,
        host,
        pid,
        batches: seen.batches
      }
    }
  })

/** A run that cannot be understood: its id, and why, as a sentence. */
export interface Unreadable {
  readonly run: string
  readonly why: string
}

/**
 * All runs, the latest first, and the folders that could not be understood. Changes nothing; none where there is no
 * such folder.
 */
export const list = (
  stateFolder: string
): Effect.Effect<
  { readonly runs: ReadonlyArray<KnownRun>; readonly unreadable: ReadonlyArray<Unreadable> },
  FileFailed
> =>
  Effect.gen(function* () {
    const folder = runsFolder(stateFolder)
    const names = yield* files(folder, "read", () => (fs.existsSync(folder) ? fs.readdirSync(folder) : []))
    const runs: Array<KnownRun> = []
    const unreadable: Array<Unreadable> = []
    for (const run of names.toSorted()) {
      const found = yield* Effect.either(look(stateFolder, run))
      if (found._tag === "Left") unreadable.push({ run, why: found.left.message })
      else if (found.right !== undefined) runs.push(found.right)
    }
    // An id may be older than its run: that of a plan that was carried out later.
    return { runs: runs.toSorted((a, b) => orderOf(b).localeCompare(orderOf(a))), unreadable }
  })

const orderOf = ({ summary }: KnownRun): string => `${summary.started} ${summary.run}`

/** The run of that id, or the only one whose id begins so; `UsageError` where there is none, or several. */
export const find = (stateFolder: string, id: string): Effect.Effect<KnownRun, UsageError | FileFailed> =>
  Effect.gen(function* () {
    const exact = /^[\w-]+$/.test(id) ? yield* look(stateFolder, id) : undefined
    if (exact !== undefined) return exact
    const { runs } = yield* list(stateFolder)
    const [first, second] = runs.filter(({ summary }) => summary.run.startsWith(id))
    if (first !== undefined && second === undefined) return first
    return yield* new UsageError({
      message:
        first === undefined
          ? `There is no run ${id}. "memorygraph runs" lists the runs.`
          : `Several runs begin with ${id}: ${first.summary.run}, ${second?.summary.run}. Give more of the id.`
    })
  })

/**
 * Opens the folder of a run that rests: this process works on it now. A process that was paused in the middle of a write
 * of the journal still has it locked: nobody can take its run over while it lives.
 */
export const takeUp = (
  stateFolder: string,
  { manifest, summary }: KnownRun,
  lease: number = LEASE
): Effect.Effect<RunFolder, Refused | FileFailed, Scope.Scope> =>
  Effect.gen(function* () {
    const folder = yield* Effect.catchIf(
      openFolder(stateFolder, summary.run, lease),
      ({ cause }) => codeOf(cause).startsWith("SQLITE_BUSY"),
      () =>
        new Refused({
          reason: "locked",
          message: `Process ${summary.pid} on ${summary.host} gives no sign of life, but still holds the journal of run ${summary.run}. Nothing was changed. End that process, then try again.`
        })
    )
    yield* folder.journal.setNote(NOTES.manifest, manifestText({ ...manifest, ...worker(lease) }))
    return folder
  })

/** Fails while another process works on a run. */
export const mustRest = ({ summary }: KnownRun): Effect.Effect<void, Refused> =>
  summary.status === "running"
    ? new Refused({
        reason: "locked",
        message: `Run ${summary.run} is being worked on by process ${summary.pid} on ${summary.host}. Nothing was changed. Wait for its end, or end it: it then undoes itself.`
      })
    : Effect.void

/** Fails where a run was rolled back already. */
export const refuseRolledBack = ({ summary: { run, status } }: KnownRun): Effect.Effect<void, Refused> =>
  status === "rolled-back"
    ? new Refused({
        reason: "unfinished-run",
        message: `Run ${run} was rolled back already. Nothing was changed.`
      })
    : Effect.void

/** The runs whose work may be in a store unpublished: those at work, and those broken off in the middle. */
export const unpublishedIn = (
  runs: ReadonlyArray<KnownRun>,
  store: { readonly backend: string; readonly location: string }
): ReadonlyArray<KnownRun> =>
  runs.filter(
    ({ manifest: { target }, summary: { status } }) =>
      target.backend === store.backend &&
      target.location === store.location &&
      (status === "running" || status === "unfinished")
  )

/** Fails where the target belongs to another run: one that is under way, or one whose work is in it unfinished. */
export const refuseUnfinished = (
  stateFolder: string,
  target: Pick<GraphBackend, "kind" | "location">,
  run: string
): Effect.Effect<void, Refused | FileFailed> =>
  Effect.gen(function* () {
    const { runs } = yield* list(stateFolder)
    const theirs = unpublishedIn(runs, { backend: target.kind, location: target.location })
    const other = theirs.find(({ summary }) => summary.run !== run)
    if (other === undefined) return
    yield* mustRest(other)
    const { summary } = other
    return yield* new Refused({
      reason: "unfinished-run",
      message:
        `Run ${summary.run} of ${summary.started} was broken off, and its work is in ${target.location} unfinished, or may be. Nothing was changed. ` +
        `Finish it with "memorygraph runs resume ${summary.run}" or take it back with "memorygraph runs rollback ${summary.run}", then run again.`
    })
  })

/**
 * Fails where a source may hold what a run has written into it and not published: half a graph would be taken for one.
 * A store that shows nothing before it is published is never in that state. `during` is the run that may read it.
 */
export const refuseHalfWritten = (
  stateFolder: string,
  source: Pick<GraphBackend, "capabilities" | "kind" | "location">,
  during: string
): Effect.Effect<void, Refused | FileFailed> =>
  source.capabilities.isolated ? Effect.void : refuseUnfinished(stateFolder, source, during)

/** How long a run is kept after its last sign of life, in milliseconds: 30 days. */
export const KEPT = 30 * 24 * 60 * 60 * 1000

/**
 * Deletes the folder of a run that is done with: it can then be neither resumed nor rolled back. One that is running
 * (`locked`) or unfinished (`unfinished-run`) is refused, and stays.
 */
export const prune = (stateFolder: string, known: KnownRun): Effect.Effect<void, Refused | FileFailed> =>
  Effect.gen(function* () {
    const { run, status, target } = known.summary
    yield* mustRest(known)
    if (status === "unfinished") {
      return yield* new Refused({
        reason: "unfinished-run",
        message: `Run ${run} is unfinished: without its journal nobody could tell any more what of it is in ${target}. Nothing was deleted. Resume it or roll it back first: "memorygraph runs rollback ${run}".`
      })
    }
    const folder = folderOf(stateFolder, run)
    yield* files(folder, "removed", () => fs.rmSync(folder, { recursive: true, force: true }))
  })

const lastSign = (stateFolder: string, run: string): number =>
  Math.max(
    ...["", FILES.alive, FILES.journal, FILES.spool, FILES.report].map(
      (file) => fs.statSync(path.join(folderOf(stateFolder, run), file), { throwIfNoEntry: false })?.mtimeMs ?? 0
    )
  )

/**
 * Deletes what is older than {@link KEPT} and done with, and what dead processes left that nobody can go on with;
 * returns the ids. Every run that writes begins with it.
 */
export const sweep = (stateFolder: string): Effect.Effect<ReadonlyArray<string>, FileFailed> =>
  Effect.gen(function* () {
    const folder = runsFolder(stateFolder)
    const names = yield* files(folder, "read", () => (fs.existsSync(folder) ? fs.readdirSync(folder) : []))
    const swept: Array<string> = []
    for (const run of names) {
      const age = Date.now() - lastSign(stateFolder, run)
      if (age <= LEASE) continue
      const known = yield* Effect.option(look(stateFolder, run))
      // What cannot be understood is kept: another release may.
      if (known._tag === "None") continue
      const done =
        known.value === undefined || (age > KEPT && !["running", "unfinished"].includes(known.value.summary.status))
      if (!done) continue
      yield* files(folder, "removed", () => fs.rmSync(folderOf(stateFolder, run), { recursive: true, force: true }))
      swept.push(run)
    }
    return swept
  })
