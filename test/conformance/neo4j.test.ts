import { afterAll, beforeAll, beforeEach, describe } from "vitest"
import { register } from "../../src/testing/conformance/index.ts"
import { missing, type Neo4jServer, START_TIMEOUT, startNeo4j } from "../support/neo4j.ts"
import { sampledIt } from "../testing/sampledIt.ts"
import { neo4jHarness } from "./neo4jHarness.ts"

const why = missing()
let server: Neo4jServer | undefined

describe("Neo4j", { timeout: 300_000 }, () => {
  beforeAll(async () => {
    if (why === undefined) server = await startNeo4j()
  }, START_TIMEOUT)
  afterAll(() => server?.stop())
  beforeEach((context) => {
    if (why !== undefined) context.skip(why)
  })
  const started = () => {
    if (server === undefined) throw new Error("the server was not started")
    return server
  }
  register(sampledIt(8), neo4jHarness(started, { runs: 8 }))
})
