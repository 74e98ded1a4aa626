/**
 * vitest's `it` for the conformance suite on engines where each case takes seconds: every n-th case, so that a run stays
 * short. `npm run test:full` (MEMORYGRAPH_TEST_FULL=1) runs them all.
 */
import type { It } from "../../src/testing/conformance/index.ts"
import { vitestIt } from "./vitestIt.ts"

export const sampledIt = (every: number): It => {
  if (process.env["MEMORYGRAPH_TEST_FULL"] === "1") return vitestIt
  let index = 0
  const isTaken = () => index++ % every === 0
  return Object.assign((name: string, test: Parameters<It>[1]) => (isTaken() ? vitestIt(name, test) : undefined), {
    skip: (name: string, test: Parameters<It>[1]) => (isTaken() ? vitestIt.skip(name, test) : undefined)
  })
}
