/** What a person agrees to with a plan, one sentence each: what the options mean for this graph. */
import type { DocumentFormat } from "../document/formats.ts"
import type { RunReport } from "../migration/report.ts"
import type { RunSummary } from "../migration/runSummary.ts"
import { count, plural } from "../report/words.ts"
import type { ImportArguments } from "./schemas.ts"

/** Of a run that writes into a store. */
export const writingTerms = (
  given: Pick<ImportArguments, "backup" | "on_conflict" | "on_error" | "on_unkeyed" | "verify">,
  { plan }: RunReport
): ReadonlyArray<string> => [
  ...(given.backup === true ? ["A target that holds data is backed up first."] : []),
  ...(plan === null || plan.conflicts === 0
    ? []
    : [
        given.on_conflict === "overwrite"
          ? `${plural(plan.conflicts, "record")} that the target holds with another content are overwritten by the source's.`
          : `${plural(plan.conflicts, "record")} that the target holds with another content stay as the target has them.`
      ]),
  ...(given.on_error === "reject" ? ["Records that cannot go are left out and kept as rejects; the others go."] : []),
  ...(given.on_unkeyed === "add" ? ["Nodes without an id are added; another run would add them again."] : []),
  given.verify === false
    ? "Nothing is read back: nothing of it will be verified."
    : "Everything is read back and compared before it is published; else it is undone."
]

const LOSSY: ReadonlySet<DocumentFormat> = new Set(["mcp-memory", "cypher"])

/** Of an export. */
export const exportTerms = (output: string, format: DocumentFormat, isThere: boolean): ReadonlyArray<string> => [
  `Writes ${format} into ${output}${isThere ? ", in the place of what is there, which is gone then" : ""}.`,
  ...(LOSSY.has(format)
    ? [`${format} cannot hold everything: it is no backup of this graph. What it lacks is counted when it is written.`]
    : [])
]

/** Of taking a run back; `done` is the run's own report, where it was kept. */
export const rollbackTerms = (run: RunSummary, done: RunReport | undefined): ReadonlyArray<string> => {
  const { records } = done ?? {}
  return [
    `Takes back run ${run.run} (${run.command} of ${run.started}, ${run.status}): ${run.source} into ${run.target}.`,
    ...(records === undefined
      ? []
      : [
          `It wrote ${count(records.written)}, overwrote ${count(records.overwritten)} and removed ${count(records.removed)} records.`
        ]),
    "What it wrote goes, what it overwrote or removed comes back; what somebody has changed since stays, and is listed."
  ]
}
