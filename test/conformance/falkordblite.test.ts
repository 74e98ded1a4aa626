/** FalkorDBLite files, with a real engine, through the conformance suite. */
import * as fs from "node:fs"
import * as path from "node:path"
import * as Effect from "effect/Effect"
import { beforeEach, describe } from "vitest"
import * as FalkorDBLiteBackend from "../../src/backend/falkordb/FalkorDBLiteBackend.ts"
import { type Harness, type Place, register } from "../../src/testing/conformance/index.ts"
import { temporaryFolder } from "../../src/testing/conformance/support.ts"
import { vitestIt } from "../testing/vitestIt.ts"
import { engineProblem } from "../support/rawEngine.ts"

const problem = engineProblem()

const harness: Harness = {
  name: "FalkorDBLite",
  without: ["spoil"],
  runs: 6,
  place: Effect.map(temporaryFolder, (folder): Place => {
    const file = path.join(folder, "graph.fdb")
    return {
      connect: FalkorDBLiteBackend.make({ kind: "falkordblite", path: file }),
      traces: Effect.sync(() => fs.readdirSync(folder).sort())
    }
  })
}

describe("FalkorDBLite, a new file", () => {
  beforeEach((ctx) => {
    if (problem !== undefined) ctx.skip(problem)
  })
  register(vitestIt, harness)
})
