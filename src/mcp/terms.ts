/** What a person agrees to with a plan, one sentence each: what the options mean for this graph. */
import type { Noted } from "../backend/journalFile.ts"
import type { DocumentFormat } from "../document/formats.ts"
import type { Plan, RunReport } from "../migration/report.ts"
import type { RunSummary } from "../migration/runSummary.ts"
import { count, plural } from "../report/words.ts"
import type { ImportArguments } from "./schemas.ts"

type Writing = Pick<ImportArguments, "backup" | "on_error" | "on_unkeyed" | "verify">

const backup = ({ backup: isWanted }: Writing, targetIsEmpty: boolean): string => {
  if (targetIsEmpty) return "The target holds nothing, so no backup of it is made."
  return isWanted === true ? "The target is backed up first." : "No backup of the target is made."
}

const conflicts = ({ conflicts: number, overwrites }: Plan): string => {
  if (number === 0) return "No record that the target holds is changed."
  const one = number === 1
  const records = `${plural(number, "record")} that the target holds with another content`
  return overwrites > 0
    ? `${records} ${one ? "is" : "are"} overwritten by the source's.`
    : `${records} ${one ? "stays" : "stay"} as the target has ${one ? "it" : "them"}.`
}

const errors = ({ on_error: policy }: Writing, rejected: number | undefined): string => {
  if (policy !== "reject") return "A record that cannot go ends the run, and all of it is undone."
  const known = rejected === undefined ? "" : ` (known now: ${count(rejected)})`
  return `Records that cannot go are left out and kept as rejects${known}; the others go.`
}

/** Of a run that writes into a store; `rejected` counts what is known to be left out. */
export const writingTerms = (
  given: Writing,
  { plan, target }: RunReport,
  rejected: number | undefined
): ReadonlyArray<string> => {
  if (plan === null) return []
  const before = target?.before
  return [
    backup(given, before === null || before === undefined || before.nodes + before.relationships === 0),
    conflicts(plan),
    errors(given, rejected),
    ...(given.on_unkeyed === "add" && plan.unkeyed > 0
      ? [`Nodes without an id are added (${count(plan.unkeyed)}); another run would add them again.`]
      : []),
    given.verify === false
      ? "Nothing is read back: nothing of it will be verified."
      : "Everything is read back and compared before it is published; else it is undone."
  ]
}

/** What is to be exported where. */
export interface Exporting {
  /** The real path. */
  readonly path: string
  readonly format: DocumentFormat
  readonly cypherFor: string | undefined
  readonly since: string | undefined
  readonly isThere: boolean
  /** How many the graph has. */
  readonly relationships: number
}

const COUNTED = "What it lacks is counted when it is written."

const lacking = ({ cypherFor = "neo4j", format, relationships, since }: Exporting): ReadonlyArray<string> => {
  if (since !== undefined) {
    return [`It holds no more than what is new or changed since ${since}: it is no backup of this graph.`]
  }
  if (format === "mcp-memory") {
    return [
      `memory.jsonl holds names, types, texts and links only: it is no backup of this graph. All labels of a node but one, the properties of the ${plural(relationships, "relationship")}, and all but one of several of a type between the same nodes are left out; other properties become texts. ${COUNTED}`
    ]
  }
  if (format === "cypher") {
    return [
      `A Cypher script cannot hold everything, and no tool imports it: it is no backup of this graph. Names that ${cypherFor} does not take are left out, values that it does not take become text, and a key that is not the record's id is not written. ${COUNTED}`
    ]
  }
  return []
}

/** Of an export. */
export const exportTerms = (exporting: Exporting): ReadonlyArray<string> => {
  const { format, isThere, path } = exporting
  return [
    `Writes ${format} into ${path}${isThere ? ", in the place of what is there, which is gone then" : ""}.`,
    ...lacking(exporting)
  ]
}

const LEFT = "what somebody has changed since stays, and is listed."

const changes = ({ status }: RunSummary, { created, overwritten, removed }: Noted): ReadonlyArray<string> => {
  if (status === "broken-off") {
    return ["Nothing of it is in the target, and nothing there is changed: what it has left behind is cleared away."]
  }
  const counts = `wrote ${count(created)}, overwrote ${count(overwritten)} and removed ${count(removed)} records`
  return [
    status === "published"
      ? `It ${counts}.`
      : `By its journal it ${counts}, or was about to; how much of that is there is found out on the way.`,
    `What it wrote goes, what it overwrote or removed comes back; ${LEFT}`
  ]
}

/** Of taking a run back; `noted` is what its journal counts. */
export const rollbackTerms = (run: RunSummary, noted: Noted): ReadonlyArray<string> => [
  `Takes back run ${run.run} (${run.command} of ${run.started}, ${run.status}): ${run.source} into ${run.target}.`,
  ...changes(run, noted)
]
