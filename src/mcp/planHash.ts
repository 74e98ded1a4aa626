/** The hash of a plan that is no migration's (those have their own, over both graphs: `migration/planHash.ts`). */
import * as crypto from "node:crypto"
import * as Effect from "effect/Effect"
import { Refused } from "../domain/Errors.ts"
import { VERSION } from "../version.ts"

const sorted = (value: unknown): unknown => {
  if (typeof value !== "object" || value === null) return value
  if (Array.isArray(value)) return value.map(sorted)
  return Object.fromEntries(
    Object.entries(value)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, member]) => [name, sorted(member)])
  )
}

/** SHA-256, 64 hex digits, over the tool and everything that its plan rests on. */
export const hashOf = (tool: string, basis: object): string =>
  crypto.hash("sha256", JSON.stringify(sorted({ release: VERSION, tool, basis })), "hex")

/** Refuses (`stale-plan`) where the plan of now is not the one that was agreed to. */
export const checkPlan = (expected: string, now: string, target: string): Effect.Effect<void, Refused> =>
  expected === now
    ? Effect.void
    : new Refused({
        reason: "stale-plan",
        message: `The plan is stale: what it rests on is not what it was when it was made, or other arguments were given. ${target} is untouched. Make a new plan, look at it, and carry that one out.`
      })
