/**
 * The composition: preflight, export to the spool, validation, plan, load in a write session, full verification,
 * publication, clean-up. Whatever goes wrong before the publication leaves the target exactly as it was.
 */
import * as Effect from "effect/Effect"
import { LEASE } from "../backend/Fence.ts"
import type { GraphBackend } from "../backend/GraphBackend.ts"
import { type MigrationError, Refused, UsageError } from "../domain/Errors.ts"
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
import { refuseHalfWritten, refuseUnfinished, sweep } from "./runs.ts"
import { selectSince } from "./selectSince.ts"
import { parseSince, type Since } from "./since.ts"
import { inSpan } from "./spans.ts"
import * as Surplus from "./surplus.ts"
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
  /** Plans and writes nothing, and leaves nothing in the state folder: outcome `dry-run`. Default false. */
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
  /**
   * Whether the target is to hold nothing else afterwards: what the source does not have is removed first, conflicts are
   * overwritten, and the target is then compared with the source as a whole. Default false. Asked about like a migration.
   */
  readonly replace?: boolean | undefined
  /**
   * Only what is new or changed since this time (ISO 8601; UTC without an offset), the relationships of such nodes, and
   * the ends that these need; see `since.ts`. For migrations: a document says its own.
   */
  readonly since?: string | undefined
  /** Default true. Without it the report's verification mode is `none`, and nothing is called verified. */
  readonly verify?: boolean | undefined
  /**
   * Asked before the first write, with the plan; false declines. A migration asks always, an import where the target
   * holds data, and neither where nothing is to be written. Default: yes.
   */
  readonly confirm?: ((question: Question) => Effect.Effect<boolean, MigrationError>) | undefined
  /** Done to a target that holds data, once the plan was accepted and before the first write: see `backUpFirst`. */
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
  /** Gathers the report; give one, new for each run, to have a report of a failed or interrupted run too. */
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

/**
 * Moves the whole graph of one store into another; the report's outcome is `done`. Whatever it fails with, and where it
 * is interrupted, the target is as it was, except with `UndoIncomplete`. `UsageError`, `Refused` and what is wrong with
 * the source come before the first write; `WriteFailed` and `VerificationFailed` when all is undone; `StoreUnavailable`
 * and `FileFailed` at any time. See docs/library.md.
 *
 * @example
 * ```ts
 * const source = yield* SqliteBackend.make({ path: "memories.db" })
 * const target = yield* FalkorDBLiteBackend.make({ path: "graph.fdb" })
 * const report = yield* migrate(source, target, { stateFolder: "state", onConflict: "fail" })
 * ```
 */
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
        yield* refuseHalfWritten(options.stateFolder, source, recorder.run)
        const from = yield* examineSource(source, options.onError)
        recorder.source = from.stats
        return { origin: storeOrigin(source, from), to: yield* examineTarget(target, source) }
      })
    ),
    target,
    options
  ).pipe(inSpan("migrate", { source, target }))
}

/**
 * Brings a document's graph into a store. `records` is the document's stream, which fails where it is damaged: it is
 * read to its end before the first write, and `DocumentInvalid` leaves the target untouched. Otherwise as
 * {@link migrate}.
 */
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

// Where something is removed it is kept too, twice like all else: in the run's folder and in its journal.
const roomOf = (origin: Origin, replaced: Examined | undefined) => {
  const there = replaced === undefined ? 0 : replaced.statistics.nodes + replaced.statistics.relationships
  const bytes = replaced === undefined ? 0 : replaced.health.bytes
  return {
    records: (origin.total ?? 0) + there,
    sourceBytes: origin.bytes === undefined || bytes === undefined ? undefined : origin.bytes + bytes
  }
}

const REPLACING = { replace: true, onConflict: "overwrite", onUnkeyed: "add" } as const

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
      ...(origin.since !== undefined && { since: origin.since.text }),
      ...(options.beforeWrite !== undefined && { backup: true }),
      ...(options.replace === true && REPLACING)
    }
  }
}

const sinceOf = (time: string | undefined): Effect.Effect<Since | undefined, UsageError> =>
  time === undefined ? Effect.succeed(undefined) : parseSince(time)

/** A run from its preflight to its report: what {@link migrate}, {@link importRecords} and `clear` have in common. */
export const run = (
  command: Manifest["command"],
  recorder: Recorder,
  preflight: Effect.Effect<{ readonly origin: Origin; readonly to: Examined }, MigrationError>,
  target: GraphBackend,
  options: WriteOptions
): Effect.Effect<RunReport, MigrationError> =>
  Effect.scoped(
    Effect.gen(function* () {
      // A record that is left behind would be missed in the target, or its old state removed.
      if (options.replace === true && options.onError === "reject") {
        return yield* new UsageError({
          message:
            "A store cannot be replaced by a graph of which some is left behind: leave out --on-error reject, or --replace."
        })
      }
      const given = yield* sinceOf(options.since)
      yield* refuseUnfinished(options.stateFolder, target, recorder.run)
      // Litter is no reason to fail.
      if (options.dryRun !== true)
        yield* Effect.catchAll(sweep(options.stateFolder), (error) => Effect.logDebug(error.message))
      const { origin: whole, to } = yield* preflight
      const isHashed = options.hashPlan === true || options.expectPlan !== undefined
      const read = fingerprinted(whole.records)
      const all = isHashed ? { ...whole, records: read.records } : whole
      recorder.before = to.stats
      const targetIsEmpty = to.statistics.nodes === 0 && to.statistics.relationships === 0
      if (command === "clear" && targetIsEmpty)
        return recorder.report({ outcome: "nothing-to-do", exitCode: 0, error: null })
      const isReplacing = options.replace === true && !targetIsEmpty
      const space = yield* checkSpace({
        stateFolder: options.stateFolder,
        ...roomOf(whole, isReplacing ? to : undefined),
        target: to.health
      })
      const since = whole.isDocument ? yield* sinceOf(whole.partSince) : given
      if (since !== undefined && options.replace === true) {
        return yield* new UsageError({
          message: `A store cannot be replaced by a part of a graph, and ${whole.location} is read since ${since.text} only. Nothing was changed.`
        })
      }
      const narrowed = since && (yield* selectSince(all, since, targetIsEmpty ? undefined : target))
      const origin = narrowed?.origin ?? all
      const folder = options.folder ?? (yield* openFolder(options.stateFolder, recorder.run, options.lease ?? LEASE))
      const manifest = manifestOf(command, recorder, origin, target, options)
      if (options.dryRun !== true) yield* folder.journal.setNote(NOTES.manifest, manifestText(manifest))
      const { onConflict, onError, onUnkeyed, verify } = manifest.options
      const spool = yield* spoolAndValidate(recorder, origin, folder, { target, onError })
      const { stats: source, warnings } = yield* origin.settle(spool)
      recorder.source = command === "clear" ? null : source
      const surplus = isReplacing ? yield* Surplus.find({ recorder, spool, target, folder }) : undefined

      const { basis, decisions, plan } = yield* planRun({
        recorder,
        origin,
        spool,
        target,
        to,
        targetIsEmpty,
        surplus: surplus === undefined ? 0 : Plan.sizeOf(surplus),
        options: manifest.options,
        space,
        warnings,
        selection: narrowed && (yield* narrowed.selection),
        read: isHashed ? read.fingerprint : undefined
      })
      recorder.plan = plan
      recorder.basis = basis ?? null
      if (basis !== undefined && options.expectPlan !== undefined)
        yield* checkExpected(options.expectPlan, basis, target.location)
      yield* Plan.check(plan, { target, targetIsEmpty, onConflict, onUnkeyed })
      if (options.dryRun === true) return recorder.report({ outcome: "dry-run", exitCode: 0, error: null })
      const asks = writesOf(plan) > 0 && (command !== "import" || !targetIsEmpty)
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
      const { lease, patience, replace } = options
      return yield* perform({
        recorder,
        spool,
        surplus,
        target,
        targetIsEmpty,
        folder,
        options: {
          onConflict,
          onError,
          verify,
          replace,
          since,
          lease,
          patience,
          planned: options.expectPlan === undefined ? undefined : decisions
        }
      })
    })
  )
