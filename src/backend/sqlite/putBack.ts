/** Makes rows again for records that an earlier session of the run has removed. */
import { canonicalLine } from "../../domain/Canonical.ts"
import type { Left } from "../../domain/Errors.ts"
import type { GraphRecord } from "../../domain/Graph.ts"
import { NO_END, removedName, TAKEN } from "../putBack.ts"
import { LIST, rowsOf, type StoredGraph } from "./StoredGraph.ts"

/** Says why a record stays away. */
type Stay = (why: string) => void

/**
 * Puts records of one kind back that are not there; `create` makes a row, or says why not. Returns what cannot come back.
 * Of those without a key all come back: who calls this knows that it is the first time.
 */
export const putBack = (
  graph: StoredGraph,
  records: ReadonlyArray<GraphRecord>,
  create: (record: GraphRecord, stay: Stay) => void
): ReadonlyArray<Left> => {
  const [first] = records
  if (first === undefined) return []
  const left: Array<Left> = []
  const keys = new Set(records.flatMap(({ key }) => (key === null ? [] : [key])))
  const there = new Map(
    rowsOf(graph, first._tag, `id IN ${LIST}`, [keys]).map(({ id, record }) => [
      id,
      record === undefined ? "" : canonicalLine(record)
    ])
  )
  const wantedEnds = new Set(records.flatMap((record) => (record._tag === "Node" ? [] : [record.from, record.to])))
  const ends = new Set(
    wantedEnds.size === 0 ? [] : rowsOf(graph, "Node", `id IN ${LIST}`, [wantedEnds]).map(({ id }) => id)
  )
  for (const record of records) {
    const stay: Stay = (why) => left.push({ what: removedName(record), why })
    const standing = record.key === null ? undefined : there.get(record.key)
    if (standing !== undefined) {
      if (standing !== canonicalLine(record)) stay(TAKEN)
    } else if (record._tag === "Relationship" && !(ends.has(record.from) && ends.has(record.to))) stay(NO_END)
    else create(record, stay)
  }
  return left
}
