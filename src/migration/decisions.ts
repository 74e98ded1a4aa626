/** What was decided for all records of a run: what a plan found, and what the load that carries it out must find again. */
import { canonicalLine } from "../domain/Canonical.ts"
import * as Fingerprint from "../domain/Fingerprint.ts"
import type { Classified } from "./classify.ts"

/** How many records are new, the same, or in conflict; and the target's records that the conflicts are with. */
export interface Decisions {
  readonly new: number
  readonly same: number
  readonly conflicts: number
  readonly standing: Fingerprint.Fingerprint
}

/** Adds decisions up, batch by batch. */
export class DecisionTally {
  private created = 0
  private same = 0
  private conflicts = 0
  private readonly standing = new Fingerprint.Builder()

  add({ conflicts, create, same }: Classified): void {
    this.created += create.length
    this.same += same.length
    this.conflicts += conflicts.length
    for (const { before } of conflicts) this.standing.addLine(before._tag, canonicalLine(before))
  }

  finish(): Decisions {
    return { new: this.created, same: this.same, conflicts: this.conflicts, standing: this.standing.finish() }
  }
}

/** True where the same was decided, about the same records of the target. */
export const agree = (a: Decisions, b: Decisions): boolean =>
  a.new === b.new && a.same === b.same && a.conflicts === b.conflicts && Fingerprint.equals(a.standing, b.standing)
