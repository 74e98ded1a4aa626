/** The plan: what a run will do to a target, computed on the spooled data and on what the target holds. */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { Capabilities, GraphBackend } from "../backend/GraphBackend.ts"
import { type DocumentInvalid, type FileFailed, type ReadError, Refused, showKeys } from "../domain/Errors.ts"
import { describe, isGeneratedKey } from "../domain/Graph.ts"
import { KeyList } from "./census.ts"
import { classify, type ConflictPolicy } from "./classify.ts"
import { KeyCounter } from "./KeyCounter.ts"
import { emptyPlan, type Plan as PlanReport } from "./report.ts"
import type { Meter } from "./Run.ts"
import { batches, type Spool } from "./spool.ts"

/** How many records a spool holds. */
export const sizeOf = ({ summary: { fingerprint } }: Spool): number =>
  fingerprint.nodes.count + fingerprint.relationships.count

/** Computes the plan. A target that holds nothing is not asked record by record. */
export const make = (options: {
  readonly spool: Spool
  readonly target: GraphBackend
  readonly targetIsEmpty: boolean
  readonly onConflict: ConflictPolicy
  readonly meter: Meter
}): Effect.Effect<PlanReport, ReadError | DocumentInvalid | FileFailed> =>
  Effect.gen(function* () {
    const { meter, spool, target } = options
    const { census } = spool
    const base: PlanReport = {
      ...emptyPlan,
      native: census.native,
      encoded: census.encoded,
      impossible: census.impossible,
      warnings: census.warnings
    }
    if (options.targetIsEmpty) return { ...base, new: sizeOf(spool), unkeyed: census.generatedKeys }
    const tally = { met: new KeyCounter(), created: undefined }
    const conflicts = new KeyList()
    let created = 0
    let same = 0
    let unkeyed = 0
    yield* batches(spool).pipe(
      Stream.runForEach(({ records }) =>
        target.lookup(records).pipe(
          Effect.map((existing) => {
            const decided = classify(records, existing, tally)
            created += decided.create.length
            same += decided.same.length
            for (const record of decided.create) if (record._tag === "Node" && isGeneratedKey(record)) unkeyed++
            for (const { after } of decided.conflicts) conflicts.add(describe(after))
            meter.tick(records.length)
          })
        )
      ),
      Effect.ensuring(Effect.sync(() => tally.met.close()))
    )
    const overwrites = options.onConflict === "overwrite" ? conflicts.total : 0
    return {
      ...base,
      new: created,
      same,
      conflicts: conflicts.total,
      conflictIds: conflicts.first,
      overwrites,
      unkeyed
    }
  })

/** What changes for the people and programs that use the store, beside its records. */
export const featureDifferences = (
  source: Capabilities | undefined,
  target: Pick<GraphBackend, "capabilities" | "location">
): ReadonlyArray<string> => {
  const { fulltext, isolated } = target.capabilities
  return [
    ...(source?.fulltext === true && !fulltext
      ? [`the source offers fulltext search over memories and ${target.location} does not`]
      : []),
    ...(isolated
      ? []
      : [`readers of ${target.location} see the records arrive before the run is verified and published`])
  ]
}

const UNTOUCHED = "The target is untouched."

/** Refuses what must not begin: impossible values, conflicts under `fail`, unkeyed nodes into a store in use. */
export const check = (
  plan: PlanReport,
  options: {
    readonly target: GraphBackend
    readonly targetIsEmpty: boolean
    readonly onConflict: ConflictPolicy
    readonly onUnkeyed: "fail" | "add"
  }
): Effect.Effect<void, Refused> => {
  const { location } = options.target
  if (plan.impossible.length > 0) {
    const total = plan.impossible.reduce((sum, { count }) => sum + count, 0)
    const kinds = plan.impossible.map(({ count, ids, kind }) => `${kind} (${showKeys({ first: ids, total: count })})`)
    return new Refused({
      reason: "impossible",
      keys: { first: plan.impossible.flatMap(({ ids }) => ids), total },
      message: `${location} cannot hold everything without change: ${kinds.join("; ")}. ${UNTOUCHED} Choose another target for this graph, or change these records at the source.`
    })
  }
  if (plan.conflicts > 0 && options.onConflict === "fail") {
    return new Refused({
      reason: "conflicts",
      keys: { first: plan.conflictIds, total: plan.conflicts },
      message: `${plan.conflicts} record(s) are in ${location} already with another content: ${showKeys({ first: plan.conflictIds, total: plan.conflicts })}. ${UNTOUCHED} Run again with --on-conflict skip (keeps the target's) or overwrite (takes the source's).`
    })
  }
  if (plan.unkeyed > 0 && !options.targetIsEmpty && options.onUnkeyed === "fail") {
    return new Refused({
      reason: "unkeyed",
      message: `${plan.unkeyed} node(s) have no id of their own, so nobody can tell whether ${location} holds them already. ${UNTOUCHED} Run again with --on-unkeyed add to add them as new nodes.`
    })
  }
  return Effect.void
}
