/** `list_runs`, `migration_status` and `rollback_run`: what became of runs, and taking one back. */
import * as fs from "node:fs"
import * as path from "node:path"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { Noted } from "../../backend/journalFile.ts"
import { connect } from "../../backend/registry.ts"
import { type MigrationError, Refused, UsageError } from "../../domain/Errors.ts"
import type { Recorder } from "../../migration/Run.ts"
import type { RunSummary } from "../../migration/runSummary.ts"
import { twoSteps } from "../call.ts"
import { checkPlan, hashOf } from "../planHash.ts"
import { type Answer, answer, planText, reportLines, workAnswer, workLines } from "../results.ts"
import { Known, ListRunsArguments, RollbackArguments, RunsResult, StatusArguments, Work } from "../schemas.ts"
import type { Task } from "../tasks.ts"
import { rollbackTerms } from "../terms.ts"
import { wholeId } from "../runNames.ts"
import { define, type ToolContext } from "../tool.ts"

const modules = Effect.promise(() => import("../../migration/runs.ts"))

const DEFAULT_LIMIT = 50

const runLine = ({ command, run, source, started, status, target }: RunSummary): string =>
  `${run} ${status}: ${command} of ${started}, ${source} into ${target}`

export const listRuns = define({
  name: "list_runs",
  title: "List runs",
  description:
    "Lists the runs that this machine's state folder knows, the latest first: running, published, rolled back, unfinished or broken off.",
  annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  input: ListRunsArguments,
  output: RunsResult,
  run: ({ limit = DEFAULT_LIMIT }, { stateFolder }) =>
    Effect.gen(function* () {
      const found = yield* (yield* modules).list(stateFolder)
      const runs = found.runs.map(({ summary }) => summary)
      const shown = runs.slice(0, limit)
      return answer({ runs: shown, unreadable: found.unreadable, total: runs.length }, [
        runs.length === 0 ? "There are no runs." : `${runs.length} run(s).`,
        ...shown.map(runLine),
        ...found.unreadable.map(({ run, why }) => `${run}: ${why}`)
      ])
    })
})

/** The report that a run has left in the state folder. */
const reportOf = (stateFolder: string, run: string) =>
  Effect.gen(function* () {
    const { decodeReport } = yield* Effect.promise(() => import("../../migration/report.ts"))
    const { FILES, folderOf } = yield* Effect.promise(() => import("../../migration/RunFolder.ts"))
    const file = path.join(folderOf(stateFolder, run), FILES.report)
    return fs.existsSync(file) ? decodeReport(fs.readFileSync(file, "utf8")) : undefined
  })

/** False where a run has ended here and something became of it since: it was taken back, or somebody is at that. */
const stillHolds = ({ status }: Work, since: RunSummary["status"]): boolean => {
  if (status === "done") return since === "published"
  return status !== "failed" || (since !== "published" && since !== "rolled-back")
}

export const migrationStatus = define({
  name: "migration_status",
  title: "Status of a run",
  description:
    "Tells how a run goes: its phase, counts and rate while it runs, its outcome and report once it has ended. Knows the runs of this server, and those that the state folder keeps.",
  annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  input: StatusArguments,
  output: Schema.Union(Work, Known),
  run: (given, context) =>
    Effect.gen(function* () {
      const { stateFolder, tasks } = context
      const { find, look } = yield* modules
      const run = yield* wholeId(given.run, context, () => true)
      const work = tasks.find(run)?.work()
      if (work !== undefined) {
        const since = (yield* look(stateFolder, run))?.summary.status
        if (since === undefined || stillHolds(work, since)) return answer(work, workLines(work))
      }
      const { summary } = yield* find(stateFolder, run)
      const report = yield* reportOf(stateFolder, summary.run)
      return answer({ known: summary, report: report ?? null }, [
        runLine(summary),
        ...(report === undefined ? [] : reportLines(report))
      ])
    })
})

/** How many records the journal of a run notes. */
const notedOf = (stateFolder: string, run: string) =>
  Effect.gen(function* () {
    const { countNoted } = yield* Effect.promise(() => import("../../backend/journalFile.ts"))
    const { FILES, folderOf } = yield* Effect.promise(() => import("../../migration/RunFolder.ts"))
    return yield* countNoted(path.join(folderOf(stateFolder, run), FILES.journal))
  })

/** Fails where a run is in its target, and has changed nothing there. */
const mustHaveChanged = ({ run, status }: RunSummary, noted: Noted): Effect.Effect<void, Refused> =>
  status === "published" && noted.created + noted.overwritten + noted.removed === 0
    ? new Refused({
        reason: "unfinished-run",
        message: `Run ${run} has created, overwritten and removed nothing: there is nothing to take back. Nothing was changed.`
      })
    : Effect.void

/** A run as it would be taken back now, and the hash over all that a person agrees to. */
const prepareRollback = (id: string, { stateFolder, stores }: ToolContext, recorder: Recorder) =>
  Effect.gen(function* () {
    const { find, mustRest, refuseRolledBack } = yield* modules
    const known = yield* find(stateFolder, id)
    const { manifest, state, summary } = known
    const { run } = summary
    recorder.run = run
    yield* mustRest(known)
    yield* refuseRolledBack(known)
    const noted = yield* notedOf(stateFolder, run)
    yield* mustHaveChanged(summary, noted)
    if (manifest.target.store === undefined) {
      return yield* new UsageError({
        message: `Run ${run} was begun by a program that did not say how its target is reached. Nothing was changed. Roll it back from that program.`
      })
    }
    const target = yield* connect(yield* stores.ofRun(manifest.target.store))
    const { examine } = yield* Effect.promise(() => import("../../migration/preflight.ts"))
    const { statistics, stats } = yield* examine(target)
    recorder.before = stats
    const hash = hashOf("rollback_run", { run, status: summary.status, state, target: target.identity, statistics })
    return { run, target, hash, terms: rollbackTerms(summary, noted) }
  })

/** A run that is under way is cancelled: it undoes itself, and nothing of it is kept. */
const cancel = (task: Task): Effect.Effect<Answer> =>
  Effect.map(task.cancel, () => {
    const work = task.work()
    if (work.error?.tag === "Interrupted") {
      return answer(work, [
        `Run ${work.run} was cancelled: what it had begun is undone, the target is as it was before.`
      ])
    }
    return work.status === "done"
      ? answer(work, [
          `Too late to cancel: run ${work.run} has ended. Call rollback_run again to plan taking it back.`,
          ...workLines(work)
        ])
      : workAnswer(work)
  })

const takeBack = (given: RollbackArguments, context: ToolContext): Effect.Effect<Answer, MigrationError> =>
  Effect.map(
    twoSteps(context, {
      tool: "rollback_run",
      command: "rollback",
      arguments: given,
      plan: (recorder) =>
        Effect.map(prepareRollback(given.run, context, recorder), ({ hash, terms }) => ({
          report: recorder.report({ outcome: "dry-run", exitCode: 0, error: null }),
          planHash: hash,
          terms
        })),
      act: (recorder, expected) =>
        Effect.gen(function* () {
          const { hash, run, target } = yield* prepareRollback(given.run, context, recorder)
          yield* checkPlan(expected, hash, target.location)
          const { rollback } = yield* Effect.promise(() => import("../../migration/rollback.ts"))
          return yield* rollback(target, { stateFolder: context.stateFolder, run, recorder })
        }),
      question: (work) => [`Take back run ${work.report?.run ?? given.run}?`, ...planText(work)].join("\n")
    }),
    workAnswer
  )

export const rollbackRun = define({
  name: "rollback_run",
  title: "Take a run back",
  description:
    "Takes a run back: what it created goes, what it replaced is as it was; what somebody has changed since stays and is listed. The first call only plans and returns a plan_hash; a second call with that plan_hash acts. A run that this server is working on is cancelled at once instead, which undoes it.",
  annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: true, openWorldHint: false },
  input: RollbackArguments,
  output: Work,
  run: (given, context) => {
    // Nothing stands between this and the cancelling: a part of an id may be meant for an earlier run.
    const task = context.tasks.find(given.run)
    if (task?.work().status === "running") return cancel(task)
    return Effect.gen(function* () {
      const isRunning = ({ work }: Task) => work().status === "running"
      const run = yield* wholeId(given.run, context, isRunning)
      const meant = context.tasks.find(run)
      return meant !== undefined && isRunning(meant)
        ? yield* new UsageError({
            message: `${given.run} means run ${run}, which goes on. Nothing was changed. Give the whole id to cancel it.`
          })
        : yield* takeBack({ ...given, run }, context)
    })
  }
})
