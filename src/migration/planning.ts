/** Planning a run: what it will do, about how long that takes, and the hash of it where somebody is to hold on to it. */
import * as Effect from "effect/Effect"
import type { GraphBackend } from "../backend/GraphBackend.ts"
import type { MigrationError } from "../domain/Errors.ts"
import * as Fingerprint from "../domain/Fingerprint.ts"
import type { Decisions } from "./decisions.ts"
import { estimate } from "./estimate.ts"
import type { Manifest } from "./manifest.ts"
import type { Origin } from "./origin.ts"
import * as Plan from "./plan.ts"
import { fingerprintOf, hashOf, makeBasis, type PlanBasis } from "./planHash.ts"
import type { Examined } from "./preflight.ts"
import { type Plan as PlanReport, type SinceSelection, type Space, writesOf } from "./report.ts"
import { phase, type Recorder } from "./Run.ts"
import { sinceWarnings } from "./selectSince.ts"
import * as Sketch from "./sketch.ts"
import type { Spool } from "./spool.ts"

/** What a plan is made from. */
export interface Planning {
  readonly recorder: Recorder
  readonly origin: Origin
  readonly spool: Spool
  readonly target: GraphBackend
  readonly to: Examined
  readonly targetIsEmpty: boolean
  /** How many records of the target are to be removed. */
  readonly surplus: number
  readonly options: Manifest["options"]
  readonly space: ReadonlyArray<Space>
  /** What the origin left to say. */
  readonly warnings: ReadonlyArray<string>
  /** The fingerprint of all that was read from the origin, where the plan is to have a hash. */
  readonly read: Effect.Effect<Fingerprint.Fingerprint> | undefined
  /** What was selected, where the origin is narrowed. */
  readonly selection: SinceSelection | undefined
}

/** A plan; `basis` is what its hash is of, where it has one. */
export interface Planned {
  readonly plan: PlanReport
  readonly basis: PlanBasis | undefined
  readonly decisions: Decisions
}

const basisOf = (
  { options, origin, read, spool, target, targetIsEmpty }: Planning,
  plan: PlanReport,
  tick: (records: number) => void
): Effect.Effect<PlanBasis | undefined, MigrationError> =>
  Effect.gen(function* () {
    if (read === undefined) return undefined
    const { onConflict, onError, onUnkeyed, verify } = options
    return makeBasis({
      source: { ...origin, fingerprint: yield* read },
      // After the plan was made: what that has found is of no later state than this.
      target: {
        backend: target.kind,
        identity: target.identity,
        fingerprint: targetIsEmpty ? Fingerprint.empty : yield* fingerprintOf(target.read(), tick)
      },
      options: {
        onConflict,
        onUnkeyed,
        onError,
        verify,
        backup: options.backup === true,
        since: origin.since?.text ?? null,
        ...(options.replace === true && { replace: true })
      },
      plan,
      rejected: spool.rejected.nodes + spool.rejected.relationships
    })
  })

/** Makes the plan, as the phase `plan`. Nothing is refused yet: see {@link Plan.check}. */
export const planRun = (planning: Planning): Effect.Effect<Planned, MigrationError> => {
  const { options, origin, read, recorder, selection, space, spool, surplus, target, targetIsEmpty, to, warnings } =
    planning
  const size = Plan.sizeOf(spool)
  const sizeOfSource = (recorder.source?.nodes ?? 0) + (recorder.source?.relationships ?? 0)
  const alsoRead = read === undefined || targetIsEmpty ? 0 : to.stats.nodes + to.stats.relationships
  return phase(recorder, "plan", size + alsoRead, (meter) =>
    Effect.gen(function* () {
      const began = performance.now()
      const { onConflict, replace } = options
      const planned = yield* Plan.make({ spool, target, targetIsEmpty, onConflict, replace, meter })
      const { decisions } = planned
      const made = { ...planned.plan, removes: surplus }
      const lookupSeconds = targetIsEmpty ? undefined : (performance.now() - began) / 1000
      yield* Sketch.ofSpool(recorder, spool, made.conflictIds)
      const basis = yield* basisOf(planning, made, meter.tick)
      const plan = {
        ...made,
        space,
        estimate: estimate({
          // Whoever selects reads everything twice.
          read: { records: selection === undefined ? size : 2 * sizeOfSource, seconds: recorder.secondsOf("export") },
          lookupSeconds,
          writes: writesOf(made),
          verifies: options.verify ? size : 0
        }),
        hash: basis === undefined ? null : hashOf(basis),
        since: selection ?? null,
        warnings: [
          ...warnings,
          ...(selection === undefined ? [] : sinceWarnings(origin.location, selection)),
          ...made.warnings,
          ...Plan.featureDifferences(origin.capabilities, target),
          ...to.health.notes
        ]
      }
      return { plan, basis, decisions }
    })
  )
}
