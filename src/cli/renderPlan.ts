/** A plan for people: both sides, what will happen to each record, the room and the time that it takes. */
import type { Estimate, MisfitCount, Plan, SinceSelection, Space, Stats } from "../migration/report.ts"
import { count, graphSize, plural } from "../report/words.ts"
import { row, SHOWN, statsRows } from "./rows.ts"

/** A plan and the two graphs that it is about. */
export interface Planned {
  readonly plan: Plan
  readonly source: Stats | null
  readonly target: Stats
}

const first = (keys: ReadonlyArray<string>, total: number): string => {
  const more = total - Math.min(keys.length, SHOWN)
  return `${keys.slice(0, SHOWN).join(", ")}${more > 0 ? ` and ${count(more)} more` : ""}`
}

const misfits = (list: ReadonlyArray<MisfitCount>): ReadonlyArray<string> =>
  list.map(({ count: number, ids, kind }) => row("", `${kind}: ${count(number)} (${first(ids, number)})`))

const sumOf = (list: ReadonlyArray<MisfitCount>): number => list.reduce((sum, { count: number }) => sum + number, 0)

const side = (name: string, stats: Stats): ReadonlyArray<string> => [
  row(name, `${stats.location}: ${graphSize(stats)}${stats.version === "" ? "" : ` (${stats.version})`}`),
  ...statsRows(stats, "  ")
]

const conflicts = ({ conflictIds, conflicts: number, overwrites }: Plan): string =>
  number === 0
    ? "0"
    : `${count(number)} (${first(conflictIds, number)}), ${overwrites > 0 ? "will be overwritten" : "stay as the target has them"}`

const MEGABYTE = 1_000_000

const megabytes = (bytes: number): string => count(Math.ceil(bytes / MEGABYTE))

const room = ({ folder, free, needed }: Space): string =>
  `up to ${megabytes(needed)} MB in ${folder}, which has ${megabytes(free)} MB free`

const MINUTE = 60
const HOUR = 60 * MINUTE
/** Below it an estimate says nothing more exact. */
const FEW_SECONDS = 10

/** About how long, no more exact than it is known. */
export const about = (seconds: number): string => {
  if (seconds < FEW_SECONDS) return "a few seconds"
  if (seconds < 2 * MINUTE) return `about ${Math.round(seconds / FEW_SECONDS) * FEW_SECONDS} s`
  if (seconds < 2 * HOUR) return `about ${Math.round(seconds / MINUTE)} min`
  return `about ${Math.round(seconds / HOUR)} hours`
}

const time = ({ basis, seconds }: Estimate): string => `${about(seconds)}: ${basis}`

const selected = ({ ends, endsThere, nodes, relationships, time: since }: SinceSelection): ReadonlyArray<string> => [
  row("since", `${since}: ${graphSize({ nodes, relationships })}`),
  ...(ends + endsThere > 0
    ? [row("", `and ${plural(ends + endsThere, "other node")} at their ends, ${count(endsThere)} of which are there`)]
    : [])
]

/** The plan for a target. */
export const planLines = (planned: Planned): ReadonlyArray<string> =>
  planned.source === null && planned.plan.removes > 0 ? clearLines(planned) : writeLines(planned)

const clearLines = ({ plan, target }: Planned): ReadonlyArray<string> => [
  `Plan for ${target.location}, which holds ${graphSize(target)}:`,
  ...statsRows(target, "  "),
  row("removed", `all of it: ${count(plan.removes)} records`),
  ...moreLines(plan)
]

const moreLines = (plan: Plan): ReadonlyArray<string> => [
  ...plan.space.map((space, i) => row(i === 0 ? "space" : "", room(space))),
  ...(plan.estimate === null ? [] : [row("time", time(plan.estimate))]),
  ...plan.warnings.map((warning) => row("note", warning))
]

const writeLines = ({ plan, source, target }: Planned): ReadonlyArray<string> => [
  `Plan for ${target.location}, which holds ${target.nodes + target.relationships === 0 ? "nothing" : graphSize(target)}:`,
  ...(source === null ? [] : side("from", source)),
  ...side("into", target),
  ...(plan.since === null ? [] : selected(plan.since)),
  row("new", count(plan.new)),
  row("same", count(plan.same)),
  row("in conflict", conflicts(plan)),
  ...(plan.removes > 0 ? [row("removed", `${count(plan.removes)} that the source does not have`)] : []),
  ...(plan.unkeyed > 0 ? [row("without id", count(plan.unkeyed))] : []),
  row("native", count(plan.native)),
  ...(plan.encoded.length > 0 ? [row("encoded", count(sumOf(plan.encoded))), ...misfits(plan.encoded)] : []),
  ...(plan.impossible.length > 0
    ? [row("impossible", count(sumOf(plan.impossible))), ...misfits(plan.impossible)]
    : []),
  ...moreLines(plan)
]
