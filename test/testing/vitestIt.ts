/** vitest's `it` for the conformance suite: what is skipped says why, as a note that the summary shows. */
import { it } from "vitest"
import type { It, Test } from "../../src/testing/conformance/index.ts"

export const vitestIt: It = Object.assign((name: string, test: Test) => it(name, test), {
  skip: (name: string, test: Test) => it(name, test)
})
