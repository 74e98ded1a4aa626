/**
 * The part of a run that writes: load, verification and publication in a session, or its undo. A new run and one that is
 * taken up again go through the same steps.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type { GraphBackend } from "../backend/GraphBackend.ts"
import * as WriteSession from "../backend/WriteSession.ts"
import { type MigrationError, Refused, VerificationFailed } from "../domain/Errors.ts"
import type { ConflictPolicy } from "./classify.ts"
import type { Decisions } from "./decisions.ts"
import * as Load from "./load.ts"
import { EXIT } from "./outcome.ts"
import * as Plan from "./plan.ts"
import { examine } from "./preflight.ts"
import * as Rejects from "./rejects.ts"
import type { ErrorPolicy } from "./rejecting.ts"
import { Records, type RunReport, type Stats, Verification } from "./report.ts"
import { phase, type Recorder } from "./Run.ts"
import type { RunFolder } from "./RunFolder.ts"
import type { Since } from "./since.ts"
import type * as Spool from "./spool.ts"
import { removeSurplus } from "./surplus.ts"
import { verify } from "./verify.ts"

/** How to write. */
export interface PerformOptions {
  readonly onConflict: ConflictPolicy
  readonly onError: ErrorPolicy
  readonly verify: boolean
  /** True where the target is to hold nothing but the spool. */
  readonly replace?: boolean | undefined
  readonly lease?: number | undefined
  readonly patience?: number | undefined
  /** See `LoadOptions`. */
  readonly since?: Since | undefined
  /** What exactly is to be done: see `LoadOptions`. */
  readonly planned?: Decisions | undefined
}

/** What is written, and where. `targetIsEmpty` as the plan found it. */
export interface Performance {
  readonly recorder: Recorder
  readonly spool: Spool.Spool
  /** The target's records that are removed first. */
  readonly surplus?: Spool.Spool | undefined
  readonly target: GraphBackend
  readonly targetIsEmpty: boolean
  readonly folder: RunFolder
  readonly options: PerformOptions
  /** True where the journal holds batches of a session whose work has vanished with its process. */
  readonly hasVanished?: boolean | undefined
}

/** Writes, verifies and publishes. The report says `done`, or the effect fails and the target is as it was. */
export const perform = (performance: Performance): Effect.Effect<RunReport, MigrationError> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.zipRight(writeAndPublish(performance, restore), afterPublication(performance))
  )

/** The journal's note of what was loaded and verified, made before the publication. */
const Loaded = Schema.parseJson(Schema.Struct({ records: Records, verification: Verification }))
const LOADED = "loaded"
const encodeLoaded = Schema.encodeSync(Loaded)
const decodeLoaded = Schema.decodeUnknownOption(Loaded)

const notVerified = (spool: Spool.Spool): Verification => ({
  mode: "none",
  checked: 0,
  differences: [],
  differencesTotal: 0,
  sourceFingerprint: spool.summary.fingerprint.text,
  targetFingerprint: null
})

/**
 * Published is published: whatever fails from here on, and an interruption, must not make it look otherwise. To be run
 * uninterruptibly.
 */
export const afterPublication = ({
  folder,
  options,
  recorder,
  target,
  targetIsEmpty
}: Pick<Performance, "folder" | "recorder" | "target" | "targetIsEmpty"> & {
  readonly options?: Pick<PerformOptions, "replace"> | undefined
}): Effect.Effect<RunReport> =>
  Effect.gen(function* () {
    const tolerant = <A>(effect: Effect.Effect<A, MigrationError>) =>
      Effect.catchAll(effect, (error) => Effect.as(Effect.logWarning(error.message), null))
    const noted = yield* tolerant(folder.journal.note(LOADED))
    const loaded = decodeLoaded(noted)
    if (loaded._tag === "Some") {
      recorder.records = loaded.value.records
      recorder.verification = loaded.value.verification
    }
    if (recorder.records.rejected > 0) recorder.rejects = yield* tolerant(Rejects.write(folder, recorder))
    yield* phase(recorder, "cleanup", undefined, () => tolerant(folder.dropSpool))
    const isWhole = targetIsEmpty || options?.replace === true
    const fingerprint = isWhole ? (recorder.verification?.targetFingerprint ?? null) : null
    recorder.after = yield* countAgain(target, fingerprint)
    const report = recorder.report({
      outcome: "done",
      exitCode: recorder.records.rejected > 0 ? EXIT.rejects : EXIT.done,
      error: null
    })
    yield* tolerant(folder.keep(report))
    recorder.finished = report
    return report
  })

const COUNTING = "30 seconds"

// Only a look: a store that does not answer, or somebody who does not want to wait, ends it.
const countAgain = (target: GraphBackend, fingerprint: string | null): Effect.Effect<Stats | null> =>
  Effect.gen(function* () {
    const exit = yield* Effect.exit(Effect.interruptible(Effect.timeout(examine(target), COUNTING)))
    if (Exit.isSuccess(exit)) return { ...exit.value.stats, fingerprint }
    const why = Cause.squash(exit.cause)
    yield* Effect.logWarning(
      `Published, but not counted afterwards: ${Cause.isInterruptedOnly(exit.cause) || !(why instanceof Error) ? "that was broken off" : why.message}`
    )
    return null
  })

// The session: load, verify, then publish or undo. How it ended is noted even where the run is interrupted. To be run
// uninterruptibly; `restore` lets the load and the verification be interrupted.
const writeAndPublish = (
  { folder, hasVanished, options, recorder, spool, surplus, target }: Performance,
  restore: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
): Effect.Effect<void, MigrationError> =>
  Effect.scoped(
    Effect.gen(function* () {
      const { lease, onConflict, onError, patience } = options
      const { journal } = folder
      const session = timed(
        recorder,
        yield* restore(openSession(target, { run: recorder.run, journal, lease, patience })).pipe(
          Effect.tapError((error) => (error._tag === "UndoIncomplete" ? folder.retain : Effect.void))
        )
      )
      // Only now: whoever was paused over its publication has the store locked, and is not to be forgotten.
      if (hasVanished === true) yield* journal.clear
      const program = Effect.gen(function* () {
        // First: what comes may need the keys, or whatever else the store's owner lets stand once alone.
        const removed =
          surplus === undefined
            ? 0
            : yield* phase(recorder, "remove", Plan.sizeOf(surplus), (meter) =>
                removeSurplus({ surplus, session, journal, meter })
              )
        const { kept, records, rejected, unkeyed } = yield* phase(recorder, "import", Plan.sizeOf(spool), (meter) =>
          Load.load({
            spool,
            session,
            journal,
            onConflict,
            onError,
            planned: options.planned,
            since: options.since,
            meter
          })
        )
        const sifted = spool.rejected.nodes + spool.rejected.relationships
        recorder.records = { ...records, read: records.read + sifted, rejected: records.rejected + sifted, removed }
        recorder.verification = options.verify
          ? yield* phase(recorder, "verify", Plan.sizeOf(spool), (meter) =>
              verify({ spool, session, kept, unkeyed, rejected, whole: options.replace, meter })
            ).pipe(
              Effect.tapError((error) =>
                Effect.sync(() => {
                  if (error instanceof VerificationFailed) recorder.verification = failedVerification(spool, error)
                })
              )
            )
          : notVerified(spool)
        yield* journal.setNote(LOADED, encodeLoaded({ records: recorder.records, verification: recorder.verification }))
      })
      const { exit, outcome } = yield* WriteSession.use(session, restore(program))
      if (outcome._tag === "Published") return yield* folder.retain
      // A run that was undone in full leaves nothing, its folder included.
      yield* outcome._tag === "Undone" ? folder.discard : folder.retain
      recorder.rollback = {
        outcome: outcome._tag === "Undone" ? "undone" : outcome._tag === "Unknown" ? "unknown" : "incomplete",
        left: outcome._tag === "Incomplete" ? outcome.left : []
      }
      const incomplete = WriteSession.outcomeError(session, outcome, exit)
      if (incomplete !== undefined) return yield* incomplete
      if (Exit.isFailure(exit)) return yield* Effect.failCause(exit.cause)
    })
  )

/** Opens a session; a store that another program holds is a refusal: nothing of the run is in it. */
export const openSession = (
  target: GraphBackend,
  options: WriteSession.SessionOptions
): Effect.Effect<WriteSession.WriteSession, MigrationError, Scope.Scope> =>
  Effect.catchTag(target.openSession(options), "StoreUnavailable", (error) =>
    Effect.fail(error.reason === "locked" ? new Refused({ reason: "locked", message: error.message }) : error)
  )

/** The session with its end as phases of the run. */
export const timed = (recorder: Recorder, session: WriteSession.WriteSession): WriteSession.WriteSession => ({
  ...session,
  publish: phase(recorder, "publish", undefined, () => session.publish),
  undo: phase(recorder, "undo", undefined, () => session.undo)
})

const failedVerification = (spool: Spool.Spool, error: VerificationFailed): Verification => ({
  mode: "full",
  checked: Plan.sizeOf(spool),
  differences: error.differences,
  differencesTotal: error.total,
  sourceFingerprint: spool.summary.fingerprint.text,
  targetFingerprint: null
})
