/** The report as GitHub-flavoured Markdown: the same facts as on the page, without the drawing. */
import type { MisfitCount, RunReport } from "../migration/report.ts"
import { GENERATOR } from "../version.ts"
import { markdown as text, markdownCode as code } from "./escape.ts"
import {
  balanceOf,
  beganAt,
  comparisonOf,
  countTables,
  phasesOf,
  planRows,
  sharesOf,
  sidesOf,
  timeOf
} from "./facts.ts"
import { nextSteps, verdictOf } from "./verdict.ts"
import { count, duration, graphSize, plural } from "./words.ts"

const SHOWN_DIFFERENCES = 200

/** The first line of every report, by which it is known again. */
export const MARKDOWN_MARK = "<!-- memorygraph-migrate report -->"

type Cells = ReadonlyArray<string>

/** A table; `right` are the columns of numbers. Cells are escaped already. */
const table = (head: Cells, rows: ReadonlyArray<Cells>, right: ReadonlyArray<number> = []): ReadonlyArray<string> => [
  `| ${head.join(" | ")} |`,
  `| ${head.map((_, i) => (right.includes(i) ? "---:" : "---")).join(" | ")} |`,
  ...rows.map((cells) => `| ${cells.join(" | ")} |`),
  ""
]

const section = (title: string, lines: ReadonlyArray<string>): ReadonlyArray<string> =>
  lines.length === 0 ? [] : [`## ${title}`, "", ...lines, ...(lines.at(-1) === "" ? [] : [""])]

const number = (value: number | undefined): string => (value === undefined ? "–" : count(value))

const sides = (report: RunReport): ReadonlyArray<string> => {
  const both = sidesOf(report)
  if (both.length === 0) return []
  const row = (name: string, cell: (side: (typeof both)[number]) => string) => [name, ...both.map(cell)]
  const comparison = comparisonOf(report)
  const balance = balanceOf(report)
  return [
    ...table(
      ["", ...both.map(({ role }) => role)],
      [
        row("Fingerprint", ({ fingerprint }) => (fingerprint === null ? "not computed" : code(fingerprint))),
        row("Store", ({ backend, version }) => text(version === "" ? backend : `${backend} (${version})`)),
        row("Place", ({ location }) => code(location)),
        row("Nodes", ({ nodes }) => count(nodes)),
        row("Relationships", ({ relationships }) => count(relationships)),
        ...(both.some(({ before }) => before !== null)
          ? [row("Before", ({ before }) => (before === null ? "" : graphSize(before)))]
          : [])
      ]
    ),
    ...(comparison === undefined ? [] : [comparison.text, ""]),
    ...(balance === undefined ? [] : [balance, ""])
  ]
}

const next = (report: RunReport): ReadonlyArray<string> =>
  nextSteps(report).map(({ command, meaning }) => `- ${code(command)} ${meaning}`)

const trouble = (report: RunReport): ReadonlyArray<string> => {
  const { error, exitCode, rollback } = report
  if (error === null) return []
  const left = rollback?.left ?? []
  const steps = next(report)
  return section("What happened", [
    text(error.message),
    "",
    `${code(error.tag)}, exit code ${exitCode}.`,
    ...(left.length === 0
      ? []
      : ["", "Left behind:", "", ...left.map(({ what, why }) => `- ${code(what)}: ${text(why)}`)]),
    ...(steps.length === 0 ? [] : ["", ...steps])
  ])
}

const differences = ({ verification }: RunReport): ReadonlyArray<string> => {
  if (verification === null || verification.differencesTotal === 0) return []
  const shown = verification.differences.slice(0, SHOWN_DIFFERENCES)
  const more = verification.differencesTotal - shown.length
  return section("Differences", [
    `${plural(verification.differencesTotal, "difference")}.`,
    "",
    ...table(
      ["What", "Where", "Property", "Expected", "Found"],
      shown.map(({ actual, expected, key, kind, property, record }) => [
        `${kind} ${record}`,
        ...[key, property, expected, actual].map((value) => (value === undefined ? "" : code(value)))
      ])
    ),
    ...(more > 0 ? [`and ${count(more)} more`] : [])
  ])
}

const some = (ids: ReadonlyArray<string>, total: number): string =>
  ids.map(code).join(", ") + (total > ids.length ? ` and ${count(total - ids.length)} more` : "")

const misfits = (what: string, list: ReadonlyArray<MisfitCount>): ReadonlyArray<string> =>
  list.map(({ count: total, ids, kind }) => `- ${what} ${text(kind)}: ${count(total)} (${some(ids, total)})`)

const fit = ({ plan }: RunReport): ReadonlyArray<string> =>
  plan === null
    ? []
    : section("Conflicts, encodings, notes", [
        ...(plan.conflicts > 0
          ? [`- In conflict: ${count(plan.conflicts)} (${some(plan.conflictIds, plan.conflicts)})`]
          : []),
        ...misfits("Impossible,", plan.impossible),
        ...misfits("Encoded,", plan.encoded),
        ...(plan.unkeyed > 0 ? [`- Without an id: ${count(plan.unkeyed)}`] : []),
        ...plan.warnings.map((warning) => `- ${text(warning)}`)
      ])

const planned = ({ outcome, plan }: RunReport): ReadonlyArray<string> =>
  plan === null || outcome !== "dry-run"
    ? []
    : section(
        "The plan",
        table(
          ["What", "How much", "Meaning"],
          planRows(plan).map(([name, value, meaning]) => [name, value, text(meaning)]),
          [1]
        )
      )

const ways = (report: RunReport): ReadonlyArray<string> => {
  const shares = sharesOf(report)
  return shares.length < 2
    ? []
    : section(
        "Where the records went",
        table(
          ["Way", "Records", "Meaning"],
          shares.map(({ meaning, name, records }) => [name, count(records), text(meaning)]),
          [1]
        )
      )
}

const counts = (report: RunReport): ReadonlyArray<string> =>
  countTables(report).flatMap(({ columns, rows, what }) =>
    section(
      what === "label" ? "Nodes per label" : "Relationships per type",
      table(
        [what === "label" ? "Label" : "Type", ...columns.map(({ heading }) => heading)],
        rows.map((row) => [
          row.name === "" ? "(no label)" : code(row.name),
          ...columns.map(({ of }) => number(row[of]))
        ]),
        columns.map((_, i) => i + 1)
      )
    )
  )

const kept = ({ backup, rejects }: RunReport): ReadonlyArray<string> =>
  section("Kept for you", [
    ...(backup === null ? [] : [`- Backup ${code(backup.id)}, in ${code(backup.folder)}`]),
    ...(rejects === null ? [] : [`- ${plural(rejects.count, "record")} that could not go, in ${code(rejects.path)}`])
  ])

const phases = (report: RunReport): ReadonlyArray<string> =>
  report.phases.length === 0
    ? []
    : section(
        "Phases",
        table(
          ["Phase", "After", "Time", "Records", "Records/s"],
          phasesOf(report).map(({ name, rate, records, seconds, start }) => [
            name,
            duration(start),
            duration(seconds),
            records === 0 ? "–" : count(records),
            number(rate)
          ]),
          [1, 2, 3, 4]
        )
      )

/** The report as Markdown. */
export const markdownOf = (report: RunReport): string => {
  const { sentences, word } = verdictOf(report)
  const began = beganAt(report.run)
  const lines = [
    MARKDOWN_MARK,
    "",
    `# ${word}: memorygraph ${text(report.command)}`,
    "",
    ...sentences.flatMap((sentence) => [text(sentence), ""]),
    ...sides(report),
    ...trouble(report),
    ...differences(report),
    ...planned(report),
    ...ways(report),
    ...counts(report),
    ...fit(report),
    ...kept(report),
    ...phases(report),
    ...(report.error === null ? section("What can be run next", next(report)) : []),
    `Run ${code(report.run)}${began === undefined ? "" : ` of ${began}`}, ${timeOf(report)}, exit code ${report.exitCode}. Written by ${text(GENERATOR)}.`,
    ""
  ]
  return lines.join("\n")
}
