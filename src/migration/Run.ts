/** A run: its id, and the recorder that gathers the report while it goes on, so that a failed one has a report too. */
import * as crypto from "node:crypto"
import * as Effect from "effect/Effect"
import { Progress, type Phase } from "./Progress.ts"
import type { PlanBasis } from "./planHash.ts"
import {
  noRecords,
  type PhaseTiming,
  type Plan,
  type Records,
  type RunReport,
  type Stats,
  type Verification
} from "./report.ts"
import type { Sketch } from "./sketch.ts"

/** A new run id: the time (UTC), to be read by people, and six random hex digits: `20261122T101500-3fa9c1`. */
export const makeRunId = (now: Date): string =>
  `${now.toISOString().slice(0, 19).replaceAll(/[-:]/g, "")}-${crypto.randomBytes(3).toString("hex")}`

/**
 * Gathers what the report will say. Plain fields: one run writes it, from one fiber at a time. Give a new one to each
 * run; `command` and `dryRun` stand in the report as they were given here, whatever the run's options say.
 *
 * @example
 * ```ts
 * const recorder = new Recorder({ run: makeRunId(new Date()), command: "migrate" })
 * recorder.wantsSketch = true
 * const report = yield* migrate(source, target, { stateFolder: "state", recorder })
 * const page = renderReport(report, { format: "html", sketch: recorder.sketch })
 * ```
 */
export class Recorder {
  /** The run's id; that of an earlier run where one is taken up. */
  run: string
  readonly command: string
  readonly dryRun: boolean
  source: Stats | null = null
  /** The target before the first write. */
  before: Stats | null = null
  /** The target after the publication. */
  after: Stats | null = null
  plan: Plan | null = null
  /** What the plan's hash is of, where it was asked for. */
  basis: PlanBasis | null = null
  records: Records = noRecords
  verification: Verification | null = null
  rejects: RunReport["rejects"] = null
  backup: RunReport["backup"] = null
  /** The report of a run that has ended well, whatever happens to its fiber afterwards. */
  finished: RunReport | null = null
  rollback: RunReport["rollback"] = null
  health: RunReport["health"] = null
  readonly phases: Array<PhaseTiming> = []
  /** Set by whoever wants a {@link Sketch} of the graph for a drawing. */
  wantsSketch = false
  sketch: Sketch | null = null
  private readonly began = performance.now()

  constructor(options: { readonly run: string; readonly command: string; readonly dryRun?: boolean | undefined }) {
    this.run = options.run
    this.command = options.command
    this.dryRun = options.dryRun ?? false
  }

  /** Notes a phase that began at that time (of `performance.now`) and ends now. */
  addPhase(phase: Pick<PhaseTiming, "name" | "records" | "bytes">, began: number): void {
    const { bytes, name, records } = phase
    this.phases.push({
      name,
      start: seconds(began - this.began),
      seconds: seconds(performance.now() - began),
      records,
      bytes
    })
  }

  /** Takes over the phases of a run that was a part of this one. */
  addPhasesOf(part: Recorder): void {
    const later = part.began - this.began
    for (const phase of part.phases) this.phases.push({ ...phase, start: phase.start + seconds(later) })
  }

  /** How long a phase took that has ended; 0 where there was none. */
  secondsOf(name: Phase): number {
    return this.phases.findLast((timing) => timing.name === name)?.seconds ?? 0
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
      rejects: this.rejects,
      backup: this.backup,
      rollback: this.rollback,
      health: this.health,
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
          recorder.addPhase({ name, records, bytes }, began)
          sink.emit({ phase: name, done: records, total, state: "ended" })
        })
      ),
      Effect.ensuring(
        Effect.suspend(() => Effect.annotateCurrentSpan({ "memorygraph.records": records, "memorygraph.bytes": bytes }))
      )
    )
  }).pipe(Effect.withSpan(`memorygraph.phase.${name}`, { attributes: { "memorygraph.run": recorder.run } }))
