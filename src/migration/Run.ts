/**
 * A run: its id, its folder under the state folder, and the recorder that gathers the report while the run goes on, so
 * that a failed or interrupted run has a report too.
 */
import * as crypto from "node:crypto"
import * as fs from "node:fs"
import * as path from "node:path"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Journal from "../backend/Journal.ts"
import { FileFailed } from "../domain/Errors.ts"
import { Progress, type Phase } from "./Progress.ts"
import {
  noRecords,
  type PhaseTiming,
  type Plan,
  type Records,
  type RunReport,
  type Stats,
  type Verification
} from "./report.ts"

/** A new run id: the time, to be read by people, and six random hex digits. */
export const makeRunId = (now: Date): string =>
  `${now.toISOString().slice(0, 19).replaceAll(/[-:]/g, "")}-${crypto.randomBytes(3).toString("hex")}`

/** Gathers what the report will say. Plain fields: one run writes it, from one fiber at a time. */
export class Recorder {
  readonly run: string
  readonly command: string
  readonly dryRun: boolean
  source: Stats | null = null
  before: Stats | null = null
  after: Stats | null = null
  plan: Plan | null = null
  records: Records = noRecords
  verification: Verification | null = null
  rollback: RunReport["rollback"] = null
  readonly phases: Array<PhaseTiming> = []
  private readonly began = performance.now()

  constructor(options: { readonly run: string; readonly command: string; readonly dryRun?: boolean | undefined }) {
    this.run = options.run
    this.command = options.command
    this.dryRun = options.dryRun ?? false
  }

  /** The report as things stand. */
  report(end: Pick<RunReport, "outcome" | "exitCode" | "error">): RunReport {
    return {
      run: this.run,
      command: this.command,
      outcome: end.outcome,
      exitCode: end.exitCode,
      dryRun: this.dryRun,
      source: this.source,
      target: this.before === null ? null : { before: this.before, after: this.after },
      plan: this.plan,
      records: this.records,
      verification: this.verification,
      rollback: this.rollback,
      phases: this.phases,
      durationSeconds: seconds(performance.now() - this.began),
      error: end.error
    }
  }
}

const seconds = (milliseconds: number): number => Math.round(milliseconds) / 1000

/** Counts what goes through a phase and tells the progress sink. */
export interface Meter {
  /** Adds records (and bytes) that are done. */
  readonly tick: (records: number, bytes?: number) => void
}

/** Runs a phase: it is timed, counted, reported to the progress sink, and named in the trace. */
export const phase = <A, E, R>(
  recorder: Recorder,
  name: Phase,
  total: number | undefined,
  body: (meter: Meter) => Effect.Effect<A, E, R>
): Effect.Effect<A, E, R> =>
  Effect.gen(function* () {
    const sink = yield* Progress
    const began = performance.now()
    let records = 0
    let bytes = 0
    sink.emit({ phase: name, done: 0, total, state: "started" })
    const meter: Meter = {
      tick: (more, moreBytes = 0) => {
        records += more
        bytes += moreBytes
        sink.emit({ phase: name, done: records, total, state: "running" })
      }
    }
    return yield* Effect.suspend(() => body(meter)).pipe(
      Effect.ensuring(
        Effect.sync(() => {
          recorder.phases.push({ name, seconds: seconds(performance.now() - began), records, bytes })
          sink.emit({ phase: name, done: records, total, state: "ended" })
        })
      )
    )
  }).pipe(Effect.withSpan(`memorygraph.${name}`))

/** The folder of a run and the files in it. */
export interface RunFolder {
  readonly folder: string
  readonly spool: string
  readonly journal: Journal.Journal
  /** Deletes the spool: the graph has arrived, or never will. */
  readonly dropSpool: Effect.Effect<void, FileFailed>
  /** Writes the report beside the journal, so that the run can be looked up. */
  readonly keep: (report: RunReport) => Effect.Effect<void, FileFailed>
  /** From now on the folder outlives the scope; until then closing it removes everything. */
  readonly retain: Effect.Effect<void>
}

const files = <A>(target: string, what: string, run: () => A): Effect.Effect<A, FileFailed> =>
  Effect.try({
    try: run,
    catch: (cause) => {
      const code = cause instanceof Error && "code" in cause ? cause.code : undefined
      const reason =
        code === "ENOSPC" || code === "EDQUOT"
          ? "no-space"
          : code === "EACCES" || code === "EPERM" || code === "EROFS"
            ? "permission"
            : "io"
      return new FileFailed({
        path: target,
        reason,
        message: `${target} could not be ${what}: ${cause instanceof Error ? cause.message : String(cause)}. Set MEMORYGRAPH_STATE_DIR to a folder that can be written.`,
        cause
      })
    }
  })

/**
 * Makes the folder of a run (0700) with its journal. Closing the scope removes it, unless {@link RunFolder.retain} was
 * called: a run that changed nothing leaves nothing.
 */
export const openFolder = (stateFolder: string, run: string): Effect.Effect<RunFolder, FileFailed, Scope.Scope> =>
  Effect.gen(function* () {
    const folder = path.join(stateFolder, "runs", run)
    let retained = false
    yield* Effect.acquireRelease(
      files(folder, "made", () => fs.mkdirSync(folder, { recursive: true, mode: 0o700 })),
      () => Effect.sync(() => (retained ? undefined : fs.rmSync(folder, { recursive: true, force: true })))
    )
    const spool = path.join(folder, "spool.jsonl")
    const journal = yield* Journal.make(path.join(folder, "journal.db"))
    return {
      folder,
      spool,
      journal,
      dropSpool: files(spool, "removed", () => fs.rmSync(spool, { force: true })),
      keep: (report) =>
        files(path.join(folder, "report.json"), "written", () =>
          fs.writeFileSync(path.join(folder, "report.json"), `${JSON.stringify(report, null, 2)}\n`, { mode: 0o600 })
        ),
      retain: Effect.sync(() => {
        retained = true
      })
    }
  })

/** Bytes free for us on the file system of a folder (or its nearest existing parent). */
export const freeSpace = (folder: string): Effect.Effect<number, FileFailed> =>
  files(folder, "measured", () => {
    let at = path.resolve(folder)
    while (!fs.existsSync(at) && path.dirname(at) !== at) at = path.dirname(at)
    const { bavail, bsize } = fs.statfsSync(at)
    return bavail * bsize
  })
