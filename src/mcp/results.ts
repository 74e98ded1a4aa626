/** What a tool answers: structured content, and the same for whoever reads. */
import type { Cause } from "effect/Cause"
import type { RunReport, Stats } from "../migration/report.ts"
import { endingOf } from "../migration/outcome.ts"
import { count, duration, graphSize, plural } from "../report/words.ts"
import { sentence } from "./progress.ts"
import type { Failure, ToolError, Work } from "./schemas.ts"
import { toolWords } from "./toolWords.ts"

/** The answer to a call. */
export interface Answer {
  readonly structured: object
  readonly text: string
  readonly isError: boolean
}

export const answer = (structured: object, lines: ReadonlyArray<string>): Answer => ({
  structured,
  text: lines.join("\n"),
  isError: false
})

const SHOWN = 5

const some = (list: ReadonlyArray<string>, total = list.length): string =>
  list.slice(0, SHOWN).join(", ") + (total > SHOWN ? ` and ${count(total - SHOWN)} more` : "")

const side = (what: string, stats: Stats | null | undefined): ReadonlyArray<string> =>
  stats === null || stats === undefined ? [] : [`${what}: ${stats.location} (${stats.backend}), ${graphSize(stats)}`]

const planLines = ({ plan }: RunReport): ReadonlyArray<string> => {
  if (plan === null) return []
  const misfits = (word: string, list: typeof plan.encoded) =>
    list.map(({ count: number, ids, kind }) => `${word}: ${kind}, ${plural(number, "record")} (${some(ids, number)})`)
  return [
    `plan: ${count(plan.new)} new, ${count(plan.same)} there already, ${count(plan.conflicts)} in conflict`,
    ...(plan.conflicts > 0 ? [`in conflict: ${some(plan.conflictIds, plan.conflicts)}`] : []),
    ...misfits("encoded", plan.encoded),
    ...misfits("impossible", plan.impossible)
  ]
}

const recordLines = ({ records, rejects }: RunReport): ReadonlyArray<string> =>
  records.read === 0
    ? []
    : [
        `records: ${count(records.read)} read, ${count(records.written)} written, ${count(records.same)} there already, ${count(records.kept)} kept as the target had them, ${count(records.overwritten)} overwritten, ${count(records.rejected)} rejected${rejects === null ? "" : ` (kept in ${rejects.path})`}`
      ]

const verificationLines = ({ command, source, verification }: RunReport): ReadonlyArray<string> => {
  if (verification === null) return source?.fingerprint == null ? [] : [`fingerprint: ${source.fingerprint}`]
  const { checked, differences, differencesTotal, mode, sourceFingerprint, targetFingerprint } = verification
  if (mode === "none") return ["not verified, as was asked"]
  if (differencesTotal > 0) {
    const keys = differences.map(({ key, kind, record }) => `${kind} ${record} ${key}`)
    return [`${plural(differencesTotal, "difference")}: ${some(keys, differencesTotal)}`]
  }
  const both = `source ${sourceFingerprint}, target ${targetFingerprint}`
  return [
    command === "verify"
      ? `equal: ${count(checked)} records compared, ${both}`
      : `verified: ${count(checked)} records read back and compared, ${both}`
  ]
}

/** A report in a few lines. */
export const reportLines = (report: RunReport): ReadonlyArray<string> => [
  ...side("source", report.source),
  ...side("target", report.target?.after ?? report.target?.before),
  ...planLines(report),
  ...recordLines(report),
  ...verificationLines(report),
  ...(report.backup === null ? [] : [`backup of the target as it was before: ${report.backup.id}`]),
  ...(report.plan?.warnings ?? []).map((warning) => `note: ${warning}`)
]

const HEADLINES: { readonly [O in RunReport["outcome"]]?: string } = {
  done: "Done",
  "dry-run": "Planned",
  equal: "Equal: both hold the same graph",
  different: "Different",
  undone: "Taken back: the target is as it was before the run",
  interrupted: "Cancelled"
}

const failureLines = ({ error, report }: Pick<Failure, "error" | "report">): ReadonlyArray<string> => [
  `Error (${error.tag}, exit code ${error.exitCode}): ${error.message}`,
  ...(report?.rollback?.outcome === "undone"
    ? ["What had been written was undone: the target is as it was before."]
    : []),
  ...(report?.rollback?.left ?? []).slice(0, SHOWN).map(({ what, why }) => `left behind: ${what}: ${why}`)
]

/** What is asked of a person before anything is written, and what stands in a plan. */
export const planText = ({ report, terms }: Pick<Work, "report" | "terms">): ReadonlyArray<string> => [
  ...terms,
  ...(report === null ? [] : reportLines(report))
]

/** The work of a run, as it stands. */
export const workLines = (work: Work): ReadonlyArray<string> => {
  const { error, next, progress, report, run, status, tool } = work
  switch (status) {
    case "running":
      return [`Run ${run} (${tool}) goes on${progress === null ? "" : `. ${sentence(progress)}`}.`, next]
    case "planned":
      return [`Run ${run} (${tool}) is planned; nothing was written.`, ...planText(work), next]
    case "done":
      return report === null
        ? [next]
        : [
            `${HEADLINES[report.outcome] ?? report.outcome} (run ${report.run}, ${duration(report.durationSeconds)}).`,
            ...reportLines(report),
            next
          ]
    case "failed":
      return error === null ? [next] : failureLines({ error, report })
  }
}

/** An error in the words of the tools. */
export const inTools = (error: ToolError): ToolError => ({ ...error, message: toolWords(error.message) })

/** The answer of a tool that works on a run: a failed run is a failed call. */
export const workAnswer = (work: Work): Answer => {
  const { error, report, run, status } = work
  if (status !== "failed" || error === null) return answer(work, workLines(work))
  const failure: Failure = { error, run, report }
  return { structured: failure, text: failureLines(failure).join("\n"), isError: true }
}

/** The answer to a call that failed before any work began; a defect is one, too. */
export const failureAnswer = (cause: Cause<unknown>): Answer => {
  const { error, exitCode } = endingOf(cause)
  const failure: Failure = {
    error: inTools({ ...(error ?? { tag: "Defect", message: "unknown" }), exitCode }),
    run: null,
    report: null
  }
  return { structured: failure, text: failureLines(failure).join("\n"), isError: true }
}
