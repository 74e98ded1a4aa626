/** What a run with `--on-error reject` does not take along: records that the target cannot hold, and loose ends. */
import * as Effect from "effect/Effect"
import type { GraphBackend } from "../backend/GraphBackend.ts"
import type { Journal, Reject } from "../backend/Journal.ts"
import type { FileFailed } from "../domain/Errors.ts"
import type { GraphRecord } from "../domain/Graph.ts"
import type { Census } from "./census.ts"
import { rejectOf } from "./rejecting.ts"

/** How to sift. */
export interface SiftOptions {
  readonly census: Census
  readonly journal: Journal
  readonly fit?: GraphBackend["fit"] | undefined
  /** Whether a node that does not come along is in the target. */
  readonly isThere?: ((key: string) => boolean) | undefined
}

/** Takes every record's census. Those that can go are returned; the others are kept in the journal, with the reason. */
export const sift = ({ census, fit, isThere, journal }: SiftOptions) => {
  const rejectedNodes = new Set<string>()

  const whyNot = (record: GraphRecord): string | undefined => {
    const misfit = fit?.(record).find(({ level }) => level === "impossible")
    if (misfit !== undefined) return `the target cannot hold it without change: ${misfit.kind}`
    if (record._tag === "Node") return undefined
    const end = [record.from, record.to].find((key) => !census.hasNode(key) && isThere?.(key) !== true)
    if (end === undefined) return undefined
    return `its end ${end} ${rejectedNodes.has(end) ? "was rejected" : "is not in the source"}`
  }

  return (records: ReadonlyArray<GraphRecord>): Effect.Effect<ReadonlyArray<GraphRecord>, FileFailed> =>
    Effect.suspend(() => {
      const taken: Array<GraphRecord> = []
      const rejects: Array<Reject> = []
      for (const record of records) {
        const why = whyNot(record)
        if (why === undefined) {
          census.add(record)
          taken.push(record)
        } else {
          if (record._tag === "Node") rejectedNodes.add(record.key)
          rejects.push(rejectOf(record, why))
        }
      }
      return rejects.length === 0 ? Effect.succeed(taken) : Effect.as(journal.reject("source", rejects), taken)
    })
}

/** Takes every record and its census. */
export const takeAll =
  (census: Census) =>
  (records: ReadonlyArray<GraphRecord>): Effect.Effect<ReadonlyArray<GraphRecord>> =>
    Effect.sync(() => {
      for (const record of records) census.add(record)
      return records
    })
