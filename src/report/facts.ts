/** A report, arranged for showing: what the page and the Markdown say alike. */
import type { PhaseTiming, Plan, RunReport, Stats } from "../migration/report.ts"
import { count, duration, rate } from "./words.ts"

/** One of the two graphs of a run. */
export interface Side {
  readonly role: string
  readonly backend: string
  readonly location: string
  readonly version: string
  readonly nodes: number
  readonly relationships: number
  readonly fingerprint: string | null
  /** What it held before the run, where the run may have changed that. */
  readonly before: { readonly nodes: number; readonly relationships: number } | null
}

const ROLES: { readonly [command: string]: readonly [string, string] } = {
  verify: ["First", "Second"],
  "backup verify": ["Backup of", "Read back from"],
  "backup create": ["Store", "Backup"]
}

const sideOf = (role: string, stats: Stats, fingerprint: string | null, before: Stats | null): Side => ({
  ...stats,
  role,
  fingerprint,
  before
})

/** The two graphs, the first of them where there is no second; a fingerprint is null where it was not computed. */
export const sidesOf = ({ command, plan, source, target, verification }: RunReport): ReadonlyArray<Side> => {
  const [first, second] = ROLES[command] ?? ["Source", "Target"]
  const to = target?.after ?? target?.before ?? null
  // Of a part: the store's own was not computed.
  const fingerprint =
    (plan?.since ?? null) === null ? (verification?.sourceFingerprint ?? source?.fingerprint ?? null) : null
  const isWritten = ROLES[command] === undefined && target?.after !== null
  return [
    ...(source === null ? [] : [sideOf(first, source, fingerprint, null)]),
    ...(to === null
      ? []
      : [sideOf(second, to, verification?.targetFingerprint ?? null, isWritten ? (target?.before ?? null) : null)])
  ]
}

/** What the two fingerprints say, in a sentence; undefined where there is nothing to compare. */
export const comparisonOf = (report: RunReport): { readonly equal: boolean; readonly text: string } | undefined => {
  const { plan, records, verification } = report
  // A part that arrived says nothing of the two stores.
  if ((plan?.since ?? null) !== null) return undefined
  if (verification === null || verification.sourceFingerprint === null || verification.targetFingerprint === null)
    return undefined
  if (verification.sourceFingerprint === verification.targetFingerprint)
    return { equal: true, text: "The fingerprints are equal." }
  return {
    equal: false,
    text:
      report.outcome === "done" && records.kept + records.rejected > 0
        ? `The fingerprints differ by the records that were ${records.kept === 0 ? "rejected" : records.rejected === 0 ? "kept as they are" : "kept as they are or rejected"}.`
        : "The fingerprints are not equal."
  }
}

/** How many records have a label or a type; undefined where that was not counted. */
export interface CountRow {
  readonly name: string
  readonly source: number | undefined
  readonly before: number | undefined
  readonly after: number | undefined
}

/** The columns of {@link CountRow} that say something, with their headings. */
export interface CountTable {
  readonly what: "label" | "type"
  readonly columns: ReadonlyArray<{ readonly of: "source" | "before" | "after"; readonly heading: string }>
  readonly rows: ReadonlyArray<CountRow>
}

const size = (stats: Stats | null | undefined): number =>
  stats === null || stats === undefined ? 0 : stats.nodes + stats.relationships

const tableOf = (what: CountTable["what"], { command, source, target }: RunReport): CountTable => {
  const pick = (stats: Stats | null | undefined) =>
    stats === null || stats === undefined ? undefined : what === "label" ? stats.labels : stats.types
  const [of, before, after] = [pick(source), pick(target?.before), pick(target?.after)]
  const [first, second] = ROLES[command] ?? ["Source", "Target"]
  const isCompared = ROLES[command] !== undefined
  const columns = [
    ...(of === undefined ? [] : [{ of: "source" as const, heading: first }]),
    ...(before === undefined || isCompared || size(target?.before) === 0
      ? []
      : [{ of: "before" as const, heading: `${second} before` }]),
    ...(after === undefined
      ? []
      : [{ of: "after" as const, heading: isCompared || size(target?.before) === 0 ? second : `${second} after` }])
  ]
  const names = new Set([of, before, after].flatMap((counts) => Object.keys(counts ?? {})))
  const value = (counts: { readonly [name: string]: number } | undefined, name: string) =>
    counts === undefined ? undefined : Object.hasOwn(counts, name) ? counts[name] : 0
  const rows = [...names].map((name) => ({
    name,
    source: value(of, name),
    before: value(before, name),
    after: value(after, name)
  }))
  const largest = ({ after: a = 0, before: b = 0, source: s = 0 }: CountRow) => Math.max(a, b, s)
  return { what, columns, rows: rows.toSorted((a, b) => largest(b) - largest(a) || (a.name < b.name ? -1 : 1)) }
}

/** Counts per label and per type, the largest first; without the ones that have no rows. */
export const countTables = (report: RunReport): ReadonlyArray<CountTable> =>
  [tableOf("label", report), tableOf("type", report)].filter(({ rows }) => rows.length > 0)

/** A phase with its place on the time line. */
export interface PhaseRow extends PhaseTiming {
  readonly rate: number | undefined
}

/** The phases; reports of earlier releases, which do not say when they began, get them end to end. */
export const phasesOf = ({ phases }: RunReport): ReadonlyArray<PhaseRow> => {
  const isTold = phases.some(({ start }) => start > 0)
  let end = 0
  return phases.map((phase) => {
    const start = isTold ? phase.start : end
    end = start + phase.seconds
    return { ...phase, start, rate: rate(phase.records, phase.seconds) }
  })
}

/** What a plan says a run would do: name, number or size, meaning. */
export const planRows = (plan: Plan): ReadonlyArray<readonly [string, string, string]> => [
  ["new", count(plan.new), "would be written"],
  ["same", count(plan.same), "there already, with the same content"],
  [
    "in conflict",
    count(plan.conflicts),
    `there with another content${plan.conflicts === 0 ? "" : plan.overwrites > 0 ? ", and would be replaced" : ", and would stay"}`
  ],
  ...(plan.removes > 0 ? [["removed", count(plan.removes), "of the target, would be removed first"] as const] : []),
  ...(plan.estimate === null
    ? []
    : [["time", `about ${duration(plan.estimate.seconds)}`, `by ${plan.estimate.basis}`] as const]),
  ...plan.space.map(
    ({ folder, free, needed }) =>
      ["space", megabytes(needed), `needed in ${folder}, where ${megabytes(free)} are free`] as const
  )
]

const megabytes = (bytes: number): string => `${count(Math.ceil(bytes / 1_000_000))} MB`

/** What became of a part of the records. */
export interface Share {
  readonly name: string
  readonly records: number
  readonly meaning: string
}

/** What became of the records: they add up to those that were read. Of a run that was taken back nothing is said. */
export const sharesOf = ({ command, error, records, rejects }: RunReport): ReadonlyArray<Share> =>
  error !== null || command === "export" || command === "backup create"
    ? []
    : [
        { name: "written", records: records.written, meaning: "new in the target" },
        { name: "same", records: records.same, meaning: "there already, with the same content" },
        { name: "overwritten", records: records.overwritten, meaning: "there with another content, and replaced" },
        { name: "kept", records: records.kept, meaning: "there with another content, and left as they were" },
        {
          name: "rejected",
          records: records.rejected,
          meaning: rejects === null ? "left behind" : `left behind, in ${rejects.path}`
        }
      ].filter((share) => share.records > 0)

const BECAME: { readonly [name: string]: string } = {
  written: "written",
  same: "there already",
  overwritten: "overwritten",
  kept: "kept as the target had them",
  rejected: "rejected"
}

/** What became of the records, in a sentence; undefined where there is nothing to say. */
export const balanceOf = (report: RunReport): string | undefined => {
  const shares = sharesOf(report)
  const [first] = shares
  if (first === undefined) return undefined
  const read = `${count(report.records.read)} records that were read`
  return shares.length === 1
    ? `All ${read} were ${BECAME[first.name]}.`
    : `Of ${read}, ${shares.map(({ name, records }) => `${count(records)} were ${BECAME[name]}`).join(", ")}.`
}

const RUN_TIME = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)-/

/** When the run began, as its id says: `2026-11-22 10:15 UTC`; undefined where it does not. */
export const beganAt = (run: string): string | undefined => {
  const [, year, month, day, hour, minute] = RUN_TIME.exec(run) ?? []
  return year === undefined ? undefined : `${year}-${month}-${day} ${hour}:${minute} UTC`
}

/** How long the run took, and how many records a second that was. */
export const timeOf = ({ durationSeconds, records }: RunReport): string => {
  const perSecond = rate(records.read, durationSeconds)
  return duration(durationSeconds) + (perSecond === undefined ? "" : `, ${count(perSecond)} records a second`)
}
