import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import { describe, expect, it } from "vitest"
import { conformance, run } from "../../src/testing/conformance/index.ts"
import { broken } from "./broken.ts"

// What the suite is worth: it fails on every backend that is known to be broken, and says where.
describe("the conformance suite", () => {
  it.each(broken)("catches a backend that $harness.name", async ({ caughtBy, harness }) => {
    const cases = conformance.filter((one) => caughtBy.includes(one.name))
    expect(cases.map((one) => one.name).sort()).toEqual([...caughtBy].sort())
    const results = await Effect.runPromise(run(harness, cases))
    expect(results.map(({ result }) => result)).toEqual(cases.map(() => "failed"))
    // A mismatch that the suite has found, or an error of the backend: never a defect of the suite itself.
    const defects = results.flatMap((one) =>
      one.result === "failed" && Cause.isDie(one.cause) ? Cause.pretty(one.cause) : []
    )
    expect(defects).toEqual([])
  })
})
