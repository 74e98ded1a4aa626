import { afterAll, beforeAll, describe } from "vitest"
import { register } from "../../../src/testing/conformance/index.ts"
import { engineAvailable, startFalkorDB, type TestServer } from "../../support/falkordb.ts"
import { sampledIt } from "../../testing/sampledIt.ts"
import { liteHarness } from "./liteHarness.ts"
import { serverHarness } from "./serverHarness.ts"

const skipped = engineAvailable === undefined ? "" : ` (${engineAvailable})`

describe.skipIf(engineAvailable !== undefined)(`FalkorDBLite files${skipped}`, () =>
  register(sampledIt(3), liteHarness("FalkorDBLite", { runs: 8 }))
)

describe.skipIf(engineAvailable !== undefined)(`FalkorDB servers${skipped}`, () => {
  let server: TestServer
  beforeAll(async () => {
    server = await startFalkorDB()
  })
  afterAll(() => server.stop())

  describe("a graph key that is not there", () =>
    register(
      sampledIt(2),
      serverHarness("FalkorDB, new", () => server)
    ))

  describe("an empty graph that is there", () =>
    register(
      sampledIt(2),
      serverHarness("FalkorDB, empty", () => server, {
        prepare: (running, graph) => running.raw("GRAPH.QUERY", graph, "RETURN 1"),
        runs: 15
      })
    ))
})
