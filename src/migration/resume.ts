/** Going on with a run whose process has died. */
import * as Effect from "effect/Effect"
import type { GraphBackend } from "../backend/GraphBackend.ts"
import { EXPOSED } from "../backend/WriteSession.ts"
import { type MigrationError, Refused, UsageError } from "../domain/Errors.ts"
import { arrivalOf } from "./arrival.ts"
import { backUpFirst } from "./backup.ts"
import { clear } from "./clear.ts"
import { NOTES, readPrepared } from "./manifest.ts"
import { importRecords, migrate, type WriteOptions } from "./migrate.ts"
import type { DocumentSource } from "./origin.ts"
import { perform } from "./perform.ts"
import type { RunReport } from "./report.ts"
import { phase, Recorder } from "./Run.ts"
import type { RunFolder } from "./RunFolder.ts"
import { find, type KnownRun, mustRest, takeUp } from "./runs.ts"
import * as Sketch from "./sketch.ts"
import { parseSince } from "./since.ts"
import * as Spool from "./spool.ts"
import { reopen as reopenSurplus } from "./surplus.ts"
import { makeCensus } from "./validate.ts"
import { inSpan } from "./spans.ts"

/** How to go on with a run. */
export interface ResumeOptions {
  /** The state folder that the run was begun with. */
  readonly stateFolder: string
  /** The run's id, or as much of it as tells it from the others. */
  readonly run: string
  /**
   * Where the records come from, for a run that was broken off before they rested in its spool: it is then begun anew.
   * Asked for only then.
   */
  readonly source?: Effect.Effect<GraphBackend | DocumentSource, MigrationError> | undefined
  /** Asked by a run that begins anew, as by any other: see `WriteOptions`. */
  readonly confirm?: WriteOptions["confirm"]
  /** Gathers the report; its `run` becomes that of the run. */
  readonly recorder?: Recorder | undefined
  /** How long a sign of life of this process counts, in milliseconds; default a minute. */
  readonly lease?: number | undefined
  /** How long a server that went away is waited for, in milliseconds; default a minute. */
  readonly patience?: number | undefined
}

/** Fails where the target is not the one that the run was begun with. */
export const mustBeTarget = (known: KnownRun, target: GraphBackend): Effect.Effect<void, UsageError> => {
  const { backend, location } = known.manifest.target
  return backend === target.kind && location === target.location
    ? Effect.void
    : new UsageError({
        message: `Run ${known.summary.run} writes to ${location}, not to ${target.location}. Name that store.`
      })
}

/**
 * Goes on with a run: what it had written is looked up in the target, the rest is written from its spool, everything is
 * verified and published. The report is that of the whole run.
 *
 * Fails with `UsageError` where there is no such run or the target is another one, and with `Refused` where the run is
 * being worked on (`locked`), is published, rolled back or on its way back, or has no whole spool and no `source` is
 * given (`unfinished-run`): nothing is changed then. Otherwise as `migrate`: what it had written before goes with the
 * undo.
 *
 * @example
 * ```ts
 * const { runs } = yield* Runs.list("state")
 * const broken = runs.find(({ summary }) => summary.status === "unfinished")
 * if (broken !== undefined) yield* resume(target, { stateFolder: "state", run: broken.summary.run })
 * ```
 */
export const resume = (target: GraphBackend, options: ResumeOptions): Effect.Effect<RunReport, MigrationError> =>
  Effect.scoped(
    Effect.gen(function* () {
      const { stateFolder } = options
      const known = yield* find(stateFolder, options.run)
      const { run, status } = known.summary
      const recorder = options.recorder ?? new Recorder({ run, command: "resume" })
      recorder.run = run
      yield* mustRest(known)
      yield* mustBeTarget(known, target)
      if (status === "published" || status === "rolled-back") {
        return yield* new Refused({
          reason: "unfinished-run",
          message: `Run ${run} needs no resuming: it was ${status === "published" ? "published" : "rolled back"}. Nothing was changed.`
        })
      }
      if (known.state === "undoing" || known.state === "incomplete" || known.rollingBack) {
        return yield* new Refused({
          reason: "unfinished-run",
          message: `Run ${run} is on its way back: it had failed and was being undone. Nothing was changed. Finish that with "memorygraph runs rollback ${run}", then migrate again.`
        })
      }
      const folder = yield* takeUp(stateFolder, known, options.lease)
      const text = yield* folder.journal.note(NOTES.prepared)
      return text === undefined
        ? yield* restart(target, known, folder, recorder, options)
        : yield* goOn(target, known, folder, recorder, text, options)
    })
  ).pipe(inSpan("resume", { target }))

// Nothing of it is in the target, and its spool is not whole.
const restart = (
  target: GraphBackend,
  { manifest, summary }: KnownRun,
  folder: RunFolder,
  recorder: Recorder,
  { confirm, lease, patience, source, stateFolder }: ResumeOptions
): Effect.Effect<RunReport, MigrationError> =>
  Effect.gen(function* () {
    if (source === undefined && manifest.command !== "clear") {
      return yield* new Refused({
        reason: "unfinished-run",
        message: `Run ${summary.run} was broken off before it had read ${summary.source} to the end; nothing of it is in ${summary.target}. Run the migration again instead.`
      })
    }
    const { store: fromStore } = manifest.source
    const { store: toStore } = manifest.target
    const settings = {
      ...manifest.options,
      stateFolder,
      recorder,
      lease,
      patience,
      confirm,
      beforeWrite:
        manifest.options.backup === true ? backUpFirst({ stateFolder, recorder, store: toStore }) : undefined,
      names: { source: fromStore, target: toStore },
      folder
    }
    if (manifest.command === "clear" || source === undefined) return yield* clear(target, settings)
    const from = yield* source
    return yield* "kind" in from ? migrate(from, target, settings) : importRecords(from, target, settings)
  })

const goOn = (
  target: GraphBackend,
  { manifest, state }: KnownRun,
  folder: RunFolder,
  recorder: Recorder,
  preparedText: string,
  { lease, patience }: ResumeOptions
): Effect.Effect<RunReport, MigrationError> =>
  Effect.gen(function* () {
    const { journal } = folder
    const { backup, before, plan, rejected, source } = yield* readPrepared(journal.path, preparedText)
    recorder.source = manifest.command === "clear" ? null : source
    recorder.before = before
    recorder.plan = plan
    recorder.backup = backup ?? null
    const targetIsEmpty = before.nodes === 0 && before.relationships === 0
    const isExposed = (yield* journal.note(EXPOSED)) === "true"
    const isEnding = state === "publishing" || state === "unknown"
    // Published or not: it is verified like any other. What it had written otherwise has vanished with its process.
    const hasArrived = !isExposed && isEnding && (yield* arrivalOf(target, journal)) === "arrived"
    const census = yield* makeCensus({ isDocument: source.backend === "document" }, target)
    const spool = yield* phase(recorder, "validate", undefined, () =>
      Effect.tap(Spool.reopen(folder.spool, census, rejected), (found) =>
        Sketch.ofSpool(recorder, found, plan.conflictIds)
      )
    )
    const { onConflict, onError, replace, since: time, verify } = manifest.options
    const since = time === undefined ? undefined : yield* parseSince(time)
    return yield* perform({
      recorder,
      spool,
      surplus: replace === true && !targetIsEmpty ? yield* reopenSurplus(folder, target) : undefined,
      target,
      targetIsEmpty,
      folder,
      hasVanished: !isExposed && !hasArrived,
      options: { onConflict, onError, verify, replace, since, lease, patience }
    })
  }).pipe(Effect.scoped)
