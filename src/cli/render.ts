/** A report for people: what was done, the counts, both fingerprints, the time; or what went wrong and what to do. */
import { healthLines } from "./healthLines.ts"
import type { Difference } from "../domain/Errors.ts"
import type { RunReport, SinceSelection, Stats } from "../migration/report.ts"
import type { RunSummary } from "../migration/runSummary.ts"
import { targetAfterBreak, WRITES } from "../report/verdict.ts"
import { count, duration, graphSize, plural, rate } from "../report/words.ts"
import { planLines } from "./renderPlan.ts"
import { row, statsRows } from "./rows.ts"

export { graphSize } from "../report/words.ts"

/** How many differences are shown before it is said how many more there are. */
const SHOWN_DIFFERENCES = 20

/** One difference on a line. */
export const differenceLine = ({ actual, expected, key, kind, property, record }: Difference): string => {
  const where = property === undefined ? "" : `, ${property}`
  const values = expected === undefined ? "" : `: expected ${expected}, found ${actual ?? "nothing"}`
  return `  ${kind.padEnd(8)}${record} ${key}${where}${values}`
}

const differenceLines = (differences: ReadonlyArray<Difference>, total: number): ReadonlyArray<string> => {
  const shown = differences.slice(0, SHOWN_DIFFERENCES)
  return [...shown.map(differenceLine), ...(total > shown.length ? [`  and ${count(total - shown.length)} more`] : [])]
}

const recordRows = ({ command, records, rejects }: RunReport): ReadonlyArray<string> => [
  ...(command === "clear" ? [] : [row("read", count(records.read)), row("written", count(records.written))]),
  ...(records.same > 0 ? [row("there already", count(records.same))] : []),
  ...(records.kept > 0 ? [row("kept", `${count(records.kept)} that differ stay as the target had them`)] : []),
  ...(records.overwritten > 0 ? [row("overwritten", count(records.overwritten))] : []),
  ...(records.removed > 0 ? [row("removed", count(records.removed))] : []),
  ...(records.rejected > 0
    ? [row("rejected", `${count(records.rejected)}, kept in ${rejects?.path ?? "the run's journal"}`)]
    : [])
]

const SIDES: { readonly [command: string]: readonly [string, string] } = {
  verify: ["first", "second"],
  clear: ["empty graph", "read back"],
  "backup verify": ["backup", "read back"]
}

const verificationRows = (report: RunReport): ReadonlyArray<string> => {
  const { command, source, verification } = report
  if (verification === null) return source?.fingerprint == null ? [] : [row("fingerprint", source.fingerprint)]
  const { checked, differencesTotal, mode, sourceFingerprint, targetFingerprint } = verification
  const [first, second] = SIDES[command] ?? [report.plan?.since == null ? "source" : "selected", "target"]
  const rows = [row(first, sourceFingerprint ?? "not computed")]
  if (mode === "none") return [...rows, row("target", "not verified, as --no-verify asked")]
  const verdict =
    targetFingerprint === null || (differencesTotal > 0 && command !== "verify")
      ? "  not what was written"
      : sourceFingerprint === targetFingerprint
        ? `  equal: ${count(checked)} records ${command === "verify" ? "compared" : "read back and compared"}`
        : command === "verify"
          ? ""
          : "  of the same records, with those that were kept as they are"
  return [...rows, row(second, `${targetFingerprint ?? "not computed"}${verdict}`)]
}

const timeRow = (report: RunReport): string => {
  const perSecond = rate(report.records.read, report.durationSeconds)
  return row(
    "time",
    duration(report.durationSeconds) + (perSecond === undefined ? "" : `, ${count(perSecond)} records/s`)
  )
}

const phaseRows = (report: RunReport): ReadonlyArray<string> =>
  report.phases.map(({ name, records, seconds }) => {
    const perSecond = rate(records, seconds)
    return row(
      `  ${name}`,
      `${duration(seconds)}${records > 0 ? `, ${plural(records, "record")}` : ""}${perSecond === undefined ? "" : `, ${count(perSecond)}/s`}`
    )
  })

const target = (report: RunReport): Stats | null => report.target?.after ?? report.target?.before ?? null

const DONE: { readonly [command: string]: string } = { import: "Imported", "backup restore": "Restored" }

const wholeBackup = ({ backup, source, target: read }: RunReport): string =>
  `Backup ${backup?.id} is undamaged${read?.after?.backend === "document" ? "" : ", and was restored and compared"}: ${source === null ? "" : graphSize(source)}.`

/** The backup of the target, where the run made one; elsewhere the headline names it. */
const backupRows = ({ backup, command }: RunReport): ReadonlyArray<string> =>
  backup === null || command === "backup verify"
    ? []
    : [row("backup", command === "backup create" ? backup.folder : `${backup.id}, of the target as it was before`)]

const clearedLine = ({ outcome, records, run, target: stats }: RunReport): string =>
  outcome === "nothing-to-do"
    ? `Nothing to do: ${stats?.before?.location} holds nothing.`
    : `Cleared ${stats?.before?.location}: ${plural(records.removed, "record")} removed. "memorygraph runs rollback ${run}" brings them back.`

/** What a run with `--since` took, of a source that holds more. */
const part = ({ ends, nodes, relationships, time }: SinceSelection): string =>
  `${graphSize({ nodes: nodes + ends, relationships })}, new or changed since ${time} or needed by that,`

/** No more than what was done: the lines below say what became of the others. */
const partOf = (written: number, { read }: RunReport["records"]): string =>
  `${count(written)} of ${plural(read, "record")}`

const headline = (report: RunReport): string => {
  const { command, outcome, plan, records, source, verification } = report
  const since = plan?.since ?? null
  const size = since !== null ? part(since) : source === null ? "" : graphSize(source)
  const to = target(report)
  const written = records.written + records.overwritten
  switch (outcome) {
    case "dry-run":
      return "Dry run: nothing was written."
    case "equal":
      if (command === "backup verify") return wholeBackup(report)
      return `Equal: ${source?.location} and ${to?.location} hold the same ${source === null ? "graph" : graphSize(source)}.`
    case "different":
      return `Different: ${source?.location} and ${to?.location}, ${plural(verification?.differencesTotal ?? 0, "difference")}.`
    case "undone":
      return `Taken back: ${to?.location} holds ${to === null ? "nothing" : graphSize(to)} again, and nothing of run ${report.run}.`
    default:
      if (command === "backup create")
        return `Backed up ${source === null ? "" : graphSize(source)} of ${source?.location} as ${report.backup?.id}.`
      if (command === "export")
        return `Exported ${records.written < records.read ? partOf(records.written, records) : size} from ${source?.location}.`
      if (command === "clear") return clearedLine(report)
      return written + records.removed === 0
        ? `Nothing to do: ${to?.location} holds ${since === null ? `every record of ${source?.location}` : `all of ${source?.location} that is new or changed since ${since.time}`} already.`
        : `${DONE[command] ?? "Moved"} ${written < records.read ? partOf(written, records) : size} from ${source?.location} into ${to?.location}.`
  }
}

const TIME = 16

/** Cells in columns. */
export const table = (rows: ReadonlyArray<ReadonlyArray<string>>): ReadonlyArray<string> => {
  const widths = rows.reduce<ReadonlyArray<number>>(
    (widest, cells) => cells.map((cell, i) => Math.max(widest[i] ?? 0, cell.length)),
    []
  )
  return rows.map((cells) =>
    cells
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join("  ")
      .trimEnd()
  )
}

/** The runs as a table, the latest first. */
export const runsTable = (runs: ReadonlyArray<RunSummary>): ReadonlyArray<string> => {
  if (runs.length === 0) return ["There are no runs."]
  const rows = runs.map(({ command, run, source, started, status, target: to }) => [
    run,
    status,
    started.slice(0, TIME).replace("T", " "),
    command,
    `${source} -> ${to}`
  ])
  return table(rows)
}

const NEXT: { readonly [S in RunSummary["status"]]: (run: string) => string } = {
  running: () => "its process is at work",
  published: (run) => `"memorygraph runs rollback ${run}" takes it back, until it is pruned`,
  "rolled-back": (run) => `"memorygraph runs prune ${run}" forgets it`,
  unfinished: (run) => `"memorygraph runs resume ${run}" finishes it, "memorygraph runs rollback ${run}" takes it back`,
  "broken-off": (run) =>
    `nothing of it is in the target: "memorygraph runs resume ${run}" goes on with it, "memorygraph runs prune ${run}" forgets it`
}

/** One run, and what can be done with it. */
export const runLines = (summary: RunSummary): ReadonlyArray<string> => [
  `Run ${summary.run}`,
  row("status", summary.status),
  row("command", summary.command),
  row("from", summary.source),
  row("to", summary.target),
  row("started", `${summary.started} by process ${summary.pid} on ${summary.host}`),
  row("next", NEXT[summary.status](summary.run))
]

/** The lines of a report that ended well (or with differences). */
export const reportLines = (report: RunReport, options: { readonly verbose: boolean }): ReadonlyArray<string> => {
  if (report.health !== null) return [...healthLines(report, options.verbose, table), timeRow(report)]
  const { outcome, plan, source, verification } = report
  const lines: Array<string> = [headline(report)]
  const before = report.target?.before ?? null
  if (outcome === "dry-run" && plan !== null && before !== null)
    lines.push(...planLines({ plan, source, target: before }))
  if (outcome === "done") lines.push(...recordRows(report))
  if (source !== null && outcome !== "dry-run") lines.push(...statsRows(source))
  if (outcome === "different" && verification !== null) {
    lines.push(...differenceLines(verification.differences, verification.differencesTotal))
  }
  lines.push(...verificationRows(report), ...backupRows(report), timeRow(report))
  if (options.verbose) lines.push(...phaseRows(report))
  if (outcome === "done") for (const warning of plan?.warnings ?? []) lines.push(row("note", warning))
  return lines
}

/** Where help is, after a wrong call. */
export const helpHint = (command: string): string =>
  `"memorygraph ${command === "" ? "" : `${command} `}--help" shows what can be given.`

/** What is true of the target after a run that did not end well, where the message does not say it. */
const consequence = (report: RunReport): string | undefined =>
  WRITES.has(report.command) && (report.outcome === "interrupted" || report.error?.tag === "Defect")
    ? targetAfterBreak(report)
    : undefined

/** The command of reports that are named after an action of it. */
const COMMAND_OF: { readonly [action: string]: string } = { resume: "runs", rollback: "runs" }

/** The lines of a report that ended badly. */
export const errorLines = (report: RunReport): ReadonlyArray<string> => {
  const { error, rollback, verification } = report
  if (error === null) return []
  const after = consequence(report)
  const lines = [`${error.message}${after === undefined ? "" : ` ${after}`}`]
  if (error.tag === "VerificationFailed" && verification !== null) {
    lines.push(...differenceLines(verification.differences, verification.differencesTotal))
  }
  if (rollback !== null && rollback.left.length > 0) {
    lines.push("Left behind:", ...rollback.left.map(({ what, why }) => `  ${what}: ${why}`))
  }
  if (rollback?.outcome === "undone" && error.tag !== "Interrupted") {
    lines.push("What had been written was undone: the target is as it was before.")
  }
  if (report.backup !== null && report.command !== "backup verify")
    lines.push(`Backup ${report.backup.id} holds the target as it was before.`)
  if (error.tag === "UsageError") lines.push(helpHint(COMMAND_OF[report.command] ?? report.command.split(" ")[0] ?? ""))
  return lines
}
