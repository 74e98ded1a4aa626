/**
 * The composition: preflight, export to the spool, validation, plan, load in a write session, full verification,
 * publication, clean-up. Whatever goes wrong before the publication leaves the target exactly as it was.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { GraphBackend } from "../backend/GraphBackend.ts"
import * as WriteSession from "../backend/WriteSession.ts"
import { type MigrationError, Refused, VerificationFailed } from "../domain/Errors.ts"
import type { ConflictPolicy } from "./classify.ts"
import * as Load from "./load.ts"
import { type DocumentSource, documentOrigin, type Origin, storeOrigin } from "./origin.ts"
import * as Plan from "./plan.ts"
import { checkSpace, type Examined, examine, examineSource, examineTarget } from "./preflight.ts"
import type { Plan as PlanReport, RunReport, Stats, Verification } from "./report.ts"
import { makeRunId, openFolder, phase, Recorder, type RunFolder } from "./Run.ts"
import type * as Spool from "./spool.ts"
import { spoolAndValidate } from "./validate.ts"
import { verify } from "./verify.ts"

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
  /** Default true. Without it the report's verification mode is `none`, and nothing is called verified. */
  readonly verify?: boolean | undefined
  /** Asked where the target holds data; false declines. Default: yes. */
  readonly confirm?: ((question: Question) => Effect.Effect<boolean, MigrationError>) | undefined
  /** Gathers the report; give one to have a report of a failed or interrupted run too. */
  readonly recorder?: Recorder | undefined
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
    recorder,
    phase(recorder, "preflight", undefined, () =>
      Effect.gen(function* () {
        const from = yield* examineSource(source)
        recorder.source = from.stats
        return { origin: storeOrigin(source, from), to: yield* examineTarget(target, source) }
      })
    ),
    target,
    options
  )
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
    recorder,
    phase(recorder, "preflight", undefined, () =>
      Effect.map(examineTarget(target, undefined), (to) => ({ origin: documentOrigin(document), to }))
    ),
    target,
    options
  )
}

const run = (
  recorder: Recorder,
  preflight: Effect.Effect<{ readonly origin: Origin; readonly to: Examined }, MigrationError>,
  target: GraphBackend,
  options: WriteOptions
): Effect.Effect<RunReport, MigrationError> =>
  Effect.scoped(
    Effect.gen(function* () {
      const { origin, to } = yield* preflight
      recorder.before = to.stats
      const targetIsEmpty = to.statistics.nodes === 0 && to.statistics.relationships === 0
      yield* checkSpace({
        stateFolder: options.stateFolder,
        records: origin.total ?? 0,
        sourceBytes: origin.bytes,
        target: to.health
      })
      const folder = yield* openFolder(options.stateFolder, recorder.run)
      const spool = yield* spoolAndValidate(recorder, origin, folder, target.fit)
      const source = yield* origin.settle(spool)
      recorder.source = source

      const plan = yield* phase(recorder, "plan", source.nodes + source.relationships, (meter) =>
        Plan.make({ spool, target, targetIsEmpty, meter })
      )
      recorder.plan = {
        ...plan,
        warnings: [...plan.warnings, ...Plan.featureDifferences(origin.capabilities, target), ...to.health.notes]
      }
      yield* Plan.check(plan, {
        target,
        targetIsEmpty,
        onConflict: options.onConflict ?? "skip",
        onUnkeyed: options.onUnkeyed ?? "fail"
      })
      if (options.dryRun === true) return recorder.report({ outcome: "dry-run", exitCode: 0, error: null })
      if (!targetIsEmpty && options.confirm !== undefined) {
        const yes = yield* options.confirm({ source, target: to.stats, plan: recorder.plan })
        if (!yes) {
          return yield* new Refused({
            reason: "declined",
            message: `Declined: ${target.location} is untouched.`
          })
        }
      }
      return yield* Effect.uninterruptibleMask((restore) =>
        Effect.zipRight(
          writeAndPublish(recorder, spool, target, folder, options, restore),
          afterPublication(recorder, target, folder, targetIsEmpty)
        )
      )
    })
  )

const notVerified = (spool: Spool.Spool): Verification => ({
  mode: "none",
  checked: 0,
  differences: [],
  differencesTotal: 0,
  sourceFingerprint: spool.summary.fingerprint.text,
  targetFingerprint: null
})

// Published is published: whatever fails from here on, and an interruption, must not make it look otherwise.
const afterPublication = (recorder: Recorder, target: GraphBackend, folder: RunFolder, targetIsEmpty: boolean) =>
  Effect.gen(function* () {
    yield* phase(recorder, "cleanup", undefined, () => folder.dropSpool).pipe(
      Effect.catchAll((error) => Effect.logWarning(error.message))
    )
    const fingerprint = targetIsEmpty ? (recorder.verification?.targetFingerprint ?? null) : null
    recorder.after = yield* examine(target).pipe(
      Effect.map((after) => ({ ...after.stats, fingerprint })),
      Effect.catchAll((error) =>
        Effect.as(Effect.logWarning(`Published, but not counted afterwards: ${error.message}`), null)
      )
    )
    const report = recorder.report({ outcome: "done", exitCode: 0, error: null })
    yield* folder.keep(report).pipe(Effect.catchAll((error) => Effect.logWarning(error.message)))
    return report
  })

// The session: load, verify, then publish or undo. How it ended is noted even where the run is interrupted. To be run
// uninterruptibly; `restore` lets the load and the verification be interrupted.
const writeAndPublish = (
  recorder: Recorder,
  spool: Spool.Spool,
  target: GraphBackend,
  folder: RunFolder,
  options: WriteOptions,
  restore: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
): Effect.Effect<void, MigrationError> =>
  Effect.scoped(
    Effect.gen(function* () {
      const total = spool.summary.fingerprint.nodes.count + spool.summary.fingerprint.relationships.count
      const session = yield* restore(target.openSession({ run: recorder.run, journal: folder.journal }))
      const program = Effect.gen(function* () {
        const { kept, records } = yield* phase(recorder, "import", total, (meter) =>
          Load.load({ spool, session, onConflict: options.onConflict ?? "skip", meter })
        )
        recorder.records = records
        if (options.verify === false) {
          recorder.verification = notVerified(spool)
          return
        }
        recorder.verification = yield* phase(recorder, "verify", total, (meter) =>
          verify({ spool, session, kept, meter })
        ).pipe(
          Effect.tapError((error) =>
            Effect.sync(() => {
              if (error instanceof VerificationFailed) recorder.verification = failedVerification(spool, error)
            })
          )
        )
      })
      const { exit, outcome } = yield* WriteSession.use(session, restore(program))
      // A run that was undone in full leaves nothing, its folder included.
      if (outcome._tag !== "Undone") yield* folder.retain
      if (outcome._tag === "Published") return
      recorder.rollback = {
        outcome: outcome._tag === "Undone" ? "undone" : outcome._tag === "Unknown" ? "unknown" : "incomplete",
        left: outcome._tag === "Incomplete" ? outcome.left : []
      }
      const incomplete = WriteSession.outcomeError(session, outcome, exit)
      if (incomplete !== undefined) return yield* incomplete
      if (Exit.isFailure(exit)) return yield* Effect.failCause(exit.cause)
    })
  )

const failedVerification = (spool: Spool.Spool, error: VerificationFailed): Verification => ({
  mode: "full",
  checked: spool.summary.fingerprint.nodes.count + spool.summary.fingerprint.relationships.count,
  differences: error.differences,
  differencesTotal: error.total,
  sourceFingerprint: spool.summary.fingerprint.text,
  targetFingerprint: null
})
