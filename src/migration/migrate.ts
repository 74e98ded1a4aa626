/**
 * The composition: preflight, export to the spool, validation, plan, load in a write session, full verification,
 * publication, clean-up. Whatever goes wrong before the publication leaves the target exactly as it was.
 */
import * as Effect from "effect/Effect"
import { LEASE } from "../backend/Fence.ts"
import type { GraphBackend } from "../backend/GraphBackend.ts"
import { type MigrationError, Refused } from "../domain/Errors.ts"
import type { ConflictPolicy } from "./classify.ts"
import { type Manifest, manifestText, NOTES, preparedText, type StoreName, worker } from "./manifest.ts"
import { type DocumentSource, documentOrigin, type Origin, storeOrigin } from "./origin.ts"
import { perform } from "./perform.ts"
import * as Plan from "./plan.ts"
import { checkExpected, fingerprinted, type PlanBasis } from "./planHash.ts"
import { planRun } from "./planning.ts"
import { checkSpace, type Examined, examineSource, examineTarget } from "./preflight.ts"
import type { ErrorPolicy } from "./rejecting.ts"
import { type Plan as PlanReport, type RunReport, type Stats, writesOf } from "./report.ts"
import { makeRunId, phase, Recorder } from "./Run.ts"
import { openFolder, type RunFolder } from "./RunFolder.ts"
import { refuseUnfinished, sweep } from "./runs.ts"
import { inSpan } from "./spans.ts"
import { spoolAndValidate } from "./validate.ts"

/** What a person (or a policy) is asked before the first write. */
export interface Question {
  readonly source: Stats
  readonly target: Stats
  readonly plan: PlanReport
}

/** How to migrate or import. */
export interface WriteOptions {
  /** The state folder: `runs/<id>` is made in it (contract: MEMORYGRAPH_STATE_DIR). */
  readonly stateFolder: string
  readonly dryRun?: boolean | undefined
  /** What happens to records that the target holds with another content; default `skip`: the target's stay. */
  readonly onConflict?: ConflictPolicy | undefined
  /** Whether nodes without an id of their own may be added to a store that holds data; default `fail`. */
  readonly onUnkeyed?: "fail" | "add" | undefined
  /**
   * Whether records that cannot go (the target refuses them or cannot hold them, an end is missing) are left behind in
   * the run's `rejects.jsonl`, and the rest goes on. Default `stop`: the first one ends the run.
   */
  readonly onError?: ErrorPolicy | undefined
  /** Default true. Without it the report's verification mode is `none`, and nothing is called verified. */
  readonly verify?: boolean | undefined
  /**
   * Asked before the first write, with the plan; false declines. A migration asks always, an import where the target
   * holds data, and neither where nothing is to be written. Default: yes.
   */
  readonly confirm?: ((question: Question) => Effect.Effect<boolean, MigrationError>) | undefined
  /** Done to a target that holds data, once the plan was accepted and before the first write: a backup of it. */
  readonly beforeWrite?: ((target: GraphBackend) => Effect.Effect<void, MigrationError>) | undefined
  /**
   * Whether `report.plan.hash` is computed: SHA-256 over both graphs (identity and fingerprint), the options and what
   * the plan comes to (see `planHash.ts`). Stable across calls while nothing changes. The target is read in full for
   * it. Default false: the hash is then null, unless {@link expectPlan} asks for it.
   */
  readonly hashPlan?: boolean | undefined
  /**
   * Only this plan may be carried out: its hash, or its basis, of which a refusal can say more. The run makes its own
   * plan and is refused with `stale-plan`, before the first write, where that is another one.
   */
  readonly expectPlan?: string | PlanBasis | undefined
  /** Gathers the report; give one to have a report of a failed or interrupted run too. */
  readonly recorder?: Recorder | undefined
  /** How the stores were named, kept (without secrets) for whoever goes on with the run after this process has died. */
  readonly names?: { readonly source?: StoreName | undefined; readonly target?: StoreName | undefined } | undefined
  /** How long a sign of life of this process counts, in milliseconds; default a minute. */
  readonly lease?: number | undefined
  /** How long a server that went away is waited for, in milliseconds; default a minute. */
  readonly patience?: number | undefined
  /** The run's folder, where it is there already: a run that is begun anew. */
  readonly folder?: RunFolder | undefined
}

/** Moves the whole graph of one store into another. */
export const migrate = (
  source: GraphBackend,
  target: GraphBackend,
  options: WriteOptions
): Effect.Effect<RunReport, MigrationError> => {
  const recorder =
    options.recorder ?? new Recorder({ run: makeRunId(new Date()), command: "migrate", dryRun: options.dryRun })
  return run(
    "migrate",
    recorder,
    phase(recorder, "preflight", undefined, () =>
      Effect.gen(function* () {
        const from = yield* examineSource(source, options.onError)
        recorder.source = from.stats
        return { origin: storeOrigin(source, from), to: yield* examineTarget(target, source) }
      })
    ),
    target,
    options
  ).pipe(inSpan("migrate", { source, target }))
}

/** Brings a document's graph into a store. `records` is the document's stream, which fails where it is damaged. */
export const importRecords = (
  document: DocumentSource,
  target: GraphBackend,
  options: WriteOptions
): Effect.Effect<RunReport, MigrationError> => {
  const recorder =
    options.recorder ?? new Recorder({ run: makeRunId(new Date()), command: "import", dryRun: options.dryRun })
  return run(
    "import",
    recorder,
    phase(recorder, "preflight", undefined, () =>
      Effect.map(examineTarget(target, undefined), (to) => ({ origin: documentOrigin(document), to }))
    ),
    target,
    options
  ).pipe(inSpan("import", { source: { kind: "document", location: document.path }, target }))
}

const manifestOf = (
  command: Manifest["command"],
  recorder: Recorder,
  origin: Origin,
  target: GraphBackend,
  options: WriteOptions
): Manifest => {
  const { names } = options
  return {
    run: recorder.run,
    command,
    started: new Date().toISOString(),
    ...worker(options.lease ?? LEASE),
    source: {
      backend: origin.backend,
      location: origin.location,
      ...(names?.source !== undefined && { store: names.source })
    },
    target: {
      backend: target.kind,
      location: target.location,
      ...(names?.target !== undefined && { store: names.target })
    },
    options: {
      onConflict: options.onConflict ?? "skip",
      onUnkeyed: options.onUnkeyed ?? "fail",
      onError: options.onError ?? "stop",
      verify: options.verify ?? true,
      ...(options.beforeWrite !== undefined && { backup: true })
    }
  }
}

const run = (
  command: Manifest["command"],
  recorder: Recorder,
  preflight: Effect.Effect<{ readonly origin: Origin; readonly to: Examined }, MigrationError>,
  target: GraphBackend,
  options: WriteOptions
): Effect.Effect<RunReport, MigrationError> =>
  Effect.scoped(
    Effect.gen(function* () {
      yield* refuseUnfinished(options.stateFolder, target, recorder.run)
      // Litter is no reason to fail.
      if (options.dryRun !== true)
        yield* Effect.catchAll(sweep(options.stateFolder), (error) => Effect.logDebug(error.message))
      const { origin: whole, to } = yield* preflight
      const isHashed = options.hashPlan === true || options.expectPlan !== undefined
      const read = fingerprinted(whole.records)
      const origin = isHashed ? { ...whole, records: read.records } : whole
      recorder.before = to.stats
      const targetIsEmpty = to.statistics.nodes === 0 && to.statistics.relationships === 0
      const space = yield* checkSpace({
        stateFolder: options.stateFolder,
        records: origin.total ?? 0,
        sourceBytes: origin.bytes,
        target: to.health
      })
      const folder = options.folder ?? (yield* openFolder(options.stateFolder, recorder.run, options.lease ?? LEASE))
      const manifest = manifestOf(command, recorder, origin, target, options)
      if (options.dryRun !== true) yield* folder.journal.setNote(NOTES.manifest, manifestText(manifest))
      const { onConflict, onError, onUnkeyed, verify } = manifest.options
      const spool = yield* spoolAndValidate(recorder, origin, folder, { target, onError })
      const { stats: source, warnings } = yield* origin.settle(spool)
      recorder.source = source

      const { basis, decisions, plan } = yield* planRun({
        recorder,
        origin,
        spool,
        target,
        to,
        targetIsEmpty,
        options: manifest.options,
        space,
        warnings,
        read: isHashed ? read.fingerprint : undefined
      })
      recorder.plan = plan
      recorder.basis = basis ?? null
      if (basis !== undefined && options.expectPlan !== undefined)
        yield* checkExpected(options.expectPlan, basis, target.location)
      yield* Plan.check(plan, { target, targetIsEmpty, onConflict, onUnkeyed })
      if (options.dryRun === true) return recorder.report({ outcome: "dry-run", exitCode: 0, error: null })
      const asks = writesOf(plan) > 0 && (command === "migrate" || !targetIsEmpty)
      if (asks && options.confirm !== undefined) {
        const yes = yield* options.confirm({ source, target: to.stats, plan })
        if (!yes) {
          return yield* new Refused({
            reason: "declined",
            message: `Declined: ${target.location} is untouched.`
          })
        }
      }
      if (!targetIsEmpty && options.beforeWrite !== undefined) yield* options.beforeWrite(target)
      const prepared = {
        source,
        before: to.stats,
        plan,
        rejected: spool.rejected,
        backup: recorder.backup
      }
      yield* folder.journal.setNote(NOTES.prepared, preparedText(prepared))
      const { lease, patience } = options
      return yield* perform({
        recorder,
        spool,
        target,
        targetIsEmpty,
        folder,
        options: {
          onConflict,
          onError,
          verify,
          lease,
          patience,
          planned: options.expectPlan === undefined ? undefined : decisions
        }
      })
    })
  )
