/** A report for people: what was done, the counts, both fingerprints, the time; or what went wrong and what to do. */
import type { Difference } from "../domain/Errors.ts"
import type { MisfitCount, Plan, RunReport, Stats } from "../migration/report.ts"
import { count, duration, rate } from "./progress.ts"

/** How many labels, types, keys or differences a line or list shows before it says how many more there are. */
const SHOWN = 8
const SHOWN_DIFFERENCES = 20

const plural = (number: number, word: string): string => `${count(number)} ${word}${number === 1 ? "" : "s"}`

const graphSize = (stats: { readonly nodes: number; readonly relationships: number }): string =>
  `${plural(stats.nodes, "node")} and ${plural(stats.relationships, "relationship")}`

/** Name and value in two columns. */
const row = (name: string, value: string): string => `  ${name.padEnd(14)}${value}`

const counts = (numbers: { readonly [name: string]: number }): string => {
  const entries = Object.entries(numbers).toSorted(([a, x], [b, y]) => y - x || (a < b ? -1 : 1))
  const shown = entries.slice(0, SHOWN).map(([name, number]) => `${name === "" ? "(no label)" : name} ${count(number)}`)
  const more = entries.length - shown.length
  return shown.join(", ") + (more > 0 ? ` and ${more} more` : "")
}

const statsRows = (stats: Stats): ReadonlyArray<string> => [
  ...(Object.keys(stats.labels).length > 0 ? [row("labels", counts(stats.labels))] : []),
  ...(Object.keys(stats.types).length > 0 ? [row("types", counts(stats.types))] : [])
]

const misfits = (list: ReadonlyArray<MisfitCount>): ReadonlyArray<string> =>
  list.map(({ count: number, ids, kind }) => {
    const more = number - Math.min(ids.length, SHOWN)
    return row(
      "",
      `${kind}: ${count(number)} (${ids.slice(0, SHOWN).join(", ")}${more > 0 ? ` and ${count(more)} more` : ""})`
    )
  })

const sumOf = (list: ReadonlyArray<MisfitCount>): number => list.reduce((sum, { count: number }) => sum + number, 0)

/** The plan for a target. */
export const planLines = (plan: Plan, target: Stats): ReadonlyArray<string> => [
  `Plan for ${target.location}, which holds ${graphSize(target)}:`,
  row("new", count(plan.new)),
  row("same", count(plan.same)),
  row(
    "in conflict",
    count(plan.conflicts) + (plan.conflicts > 0 ? ` (${plan.conflictIds.slice(0, SHOWN).join(", ")})` : "")
  ),
  ...(plan.unkeyed > 0 ? [row("without id", count(plan.unkeyed))] : []),
  row("native", count(plan.native)),
  ...(plan.encoded.length > 0 ? [row("encoded", count(sumOf(plan.encoded))), ...misfits(plan.encoded)] : []),
  ...(plan.impossible.length > 0
    ? [row("impossible", count(sumOf(plan.impossible))), ...misfits(plan.impossible)]
    : []),
  ...plan.warnings.map((warning) => row("note", warning))
]

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

const recordRows = ({ records }: RunReport): ReadonlyArray<string> => [
  row("read", count(records.read)),
  row("written", count(records.written)),
  ...(records.same > 0 ? [row("there already", count(records.same))] : []),
  ...(records.kept > 0 ? [row("kept", `${count(records.kept)} that differ stay as the target had them`)] : []),
  ...(records.overwritten > 0 ? [row("overwritten", count(records.overwritten))] : []),
  ...(records.rejected > 0 ? [row("rejected", count(records.rejected))] : [])
]

const verificationRows = ({ command, source, verification }: RunReport): ReadonlyArray<string> => {
  if (verification === null) return source?.fingerprint == null ? [] : [row("fingerprint", source.fingerprint)]
  const { checked, mode, sourceFingerprint, targetFingerprint } = verification
  const [first, second] = command === "verify" ? ["first", "second"] : ["source", "target"]
  const rows = [row(first ?? "", sourceFingerprint ?? "not computed")]
  if (mode === "none") return [...rows, row("target", "not verified, as --no-verify asked")]
  const verdict =
    sourceFingerprint === targetFingerprint
      ? `  equal: ${count(checked)} records ${command === "verify" ? "compared" : "read back and compared"}`
      : command === "verify"
        ? ""
        : "  of the same records, with those that were kept as they are"
  return [...rows, row(second ?? "", `${targetFingerprint ?? "not computed"}${verdict}`)]
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

const headline = (report: RunReport): string => {
  const { command, outcome, records, source, verification } = report
  const to = target(report)
  switch (outcome) {
    case "dry-run":
      return "Dry run: nothing was written."
    case "equal":
      return `Equal: ${source?.location} and ${to?.location} hold the same ${source === null ? "graph" : graphSize(source)}.`
    case "different":
      return `Different: ${source?.location} and ${to?.location}, ${plural(verification?.differencesTotal ?? 0, "difference")}.`
    default:
      if (command === "health") return `${source?.location} is reachable.`
      if (command === "export") return `Exported ${source === null ? "" : graphSize(source)} from ${source?.location}.`
      return records.written + records.overwritten === 0
        ? `Nothing to do: ${to?.location} holds every record of ${source?.location} already.`
        : `${command === "import" ? "Imported" : "Moved"} ${source === null ? "" : graphSize(source)} from ${source?.location} into ${to?.location}.`
  }
}

/** The lines of a report that ended well (or with differences). */
export const reportLines = (report: RunReport, options: { readonly verbose: boolean }): ReadonlyArray<string> => {
  const { outcome, plan, source, verification } = report
  const lines: Array<string> = [headline(report)]
  const before = report.target?.before ?? null
  if (outcome === "dry-run" && plan !== null && before !== null) lines.push(...planLines(plan, before))
  if (report.command === "health" && source !== null) {
    lines.push(row("kind", source.backend), row("version", source.version), row("holds", graphSize(source)))
  }
  if (outcome === "done" && report.command !== "health") lines.push(...recordRows(report))
  if (source !== null) lines.push(...statsRows(source))
  if (outcome === "different" && verification !== null) {
    lines.push(...differenceLines(verification.differences, verification.differencesTotal))
  }
  lines.push(...verificationRows(report), timeRow(report))
  if (options.verbose) lines.push(...phaseRows(report))
  if (outcome === "done") for (const warning of plan?.warnings ?? []) lines.push(row("note", warning))
  return lines
}

/** Where help is, after a wrong call. */
export const helpHint = (command: string): string =>
  `"memorygraph ${command === "" ? "" : `${command} `}--help" shows what can be given.`

/** What is true of the target after a run that did not end well, where the message does not say it. */
const consequence = ({ command, error, outcome, phases, rollback, target: stats }: RunReport): string | undefined => {
  if (outcome !== "interrupted" && error?.tag !== "Defect") return undefined
  if (command !== "migrate" && command !== "import") return undefined
  if (stats?.before == null) return "Nothing was written."
  const { location } = stats.before
  if (rollback !== null) return rollback.outcome === "undone" ? `${location} is as it was before.` : undefined
  // A session that was not undone was published: all that came after it is a look back.
  return phases.some(({ name }) => name === "import")
    ? `The run had been published already: ${location} holds it.`
    : `${location} is untouched.`
}

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
  if (error.tag === "UsageError") lines.push(helpHint(report.command))
  return lines
}
