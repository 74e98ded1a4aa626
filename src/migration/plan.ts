/** The plan: what a run will do to a target, computed on the spooled data and on what the target holds. */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { Capabilities, GraphBackend } from "../backend/GraphBackend.ts"
import type { Overwrite } from "../backend/WriteSession.ts"
import { type DocumentInvalid, type FileFailed, type ReadError, Refused, showKeys } from "../domain/Errors.ts"
import * as Fingerprint from "../domain/Fingerprint.ts"
import { describe, isGeneratedKey } from "../domain/Graph.ts"
import { KeyList } from "./census.ts"
import { type Classified, classify, type ConflictPolicy } from "./classify.ts"
import { type Decisions, DecisionTally } from "./decisions.ts"
import { KeyCounter } from "./KeyCounter.ts"
import { emptyPlan, type Plan as PlanReport } from "./report.ts"
import type { Meter } from "./Run.ts"
import { batches, type Spool } from "./spool.ts"

/** How many records a spool holds. */
export const sizeOf = ({ summary: { fingerprint } }: Spool): number =>
  fingerprint.nodes.count + fingerprint.relationships.count

/** A plan, and what was decided about the records in detail. */
export interface Made {
  readonly plan: PlanReport
  readonly decisions: Decisions
}

/** Computes the plan. A target that holds nothing is not asked record by record. */
export const make = (options: {
  readonly spool: Spool
  readonly target: GraphBackend
  readonly targetIsEmpty: boolean
  readonly onConflict: ConflictPolicy
  /** True where a relationship of the same key between other nodes is removed, and not in conflict. */
  readonly replace?: boolean | undefined
  readonly meter: Meter
}): Effect.Effect<Made, ReadError | DocumentInvalid | FileFailed> =>
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
    if (options.targetIsEmpty) {
      const size = sizeOf(spool)
      return {
        plan: { ...base, new: size, unkeyed: census.generatedKeys },
        decisions: { new: size, same: 0, conflicts: 0, standing: Fingerprint.empty }
      }
    }
    const tally = { met: new KeyCounter(), created: undefined }
    const conflictKeys = new KeyList()
    const decided = new DecisionTally()
    let unkeyed = 0
    yield* batches(spool).pipe(
      Stream.runForEach(({ records }) =>
        target.lookup(records).pipe(
          Effect.map((existing) => {
            const found = classify(records, existing, tally)
            const classified = options.replace === true ? movedAside(found) : found
            decided.add(classified)
            for (const record of classified.create) if (record._tag === "Node" && isGeneratedKey(record)) unkeyed++
            for (const { after } of classified.conflicts) conflictKeys.add(describe(after))
            meter.tick(records.length)
          })
        )
      ),
      Effect.ensuring(Effect.sync(() => tally.met.close()))
    )
    const decisions = decided.finish()
    const { conflicts, same } = decisions
    const overwrites = options.onConflict === "overwrite" ? conflicts : 0
    const plan = { ...base, new: decisions.new, same, conflicts, conflictIds: conflictKeys.first, overwrites, unkeyed }
    return { plan, decisions }
  })

const isMoved = ({ after, before }: Overwrite): boolean =>
  after._tag === "Relationship" &&
  before._tag === "Relationship" &&
  (after.from !== before.from || after.to !== before.to || after.type !== before.type)

// One that stands between other nodes is removed, and the one that comes is new.
const movedAside = (decided: Classified): Classified => ({
  ...decided,
  create: [...decided.create, ...decided.conflicts.filter(isMoved).map(({ after }) => after)],
  conflicts: decided.conflicts.filter((one) => !isMoved(one))
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
