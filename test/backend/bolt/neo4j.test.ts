/** Everything that one real Neo4j without authentication can show. */
import * as Effect from "effect/Effect"
import type { Driver } from "neo4j-driver"
import { afterAll, beforeAll, beforeEach, describe } from "vitest"
import { make } from "../../../src/backend/bolt/Neo4jBackend.ts"
import { missingAfterFetch, type Neo4jServer, START_TIMEOUT, startNeo4j } from "../../support/neo4j.ts"
import { diagnosisSuite } from "./suites/diagnosis.ts"
import { faultsSuite } from "./suites/faults.ts"
import { fenceSuite } from "./suites/fence.ts"
import { keysSuite } from "./suites/keys.ts"
import { loadSuite } from "./suites/load.ts"
import { pausedSuite } from "./suites/paused.ts"
import { refusedSuite } from "./suites/refused.ts"
import { sessionSuite } from "./suites/session.ts"
import { statisticsSuite } from "./suites/statistics.ts"
import { strangersSuite } from "./suites/strangers.ts"
import { takeBackSuite } from "./suites/takeBack.ts"
import { valuesSuite } from "./suites/values.ts"
import { dump, query, type Store, wipe } from "./support.ts"

const why = missingAfterFetch()
let server: Neo4jServer
let driver: Driver
let empty: ReadonlyArray<string>

const store: Store = {
  connected: Effect.suspend(() => make({ kind: "neo4j", host: server.host, port: server.port })),
  port: () => server.port,
  driver: () => driver,
  empty: () => empty
}

beforeAll(async () => {
  if (why !== undefined) return
  server = await startNeo4j()
  driver = server.driver()
  empty = await dump(driver)
}, START_TIMEOUT)

afterAll(async () => {
  if (why !== undefined) return
  await driver.close()
  await server.stop()
})

beforeEach(async (context) => {
  if (why !== undefined) return context.skip(why)
  await wipe(driver)
  for (const { name } of await query(driver, "SHOW CONSTRAINTS YIELD name")) {
    await query(driver, `DROP CONSTRAINT \`${String(name)}\``)
  }
  for (const { name } of await query(driver, "SHOW INDEXES YIELD name, type WHERE type <> 'LOOKUP' RETURN name")) {
    await query(driver, `DROP INDEX \`${String(name)}\``)
  }
})

describe("values", () => valuesSuite(store))
describe("keys", () => keysSuite(store))
describe("session", () => sessionSuite(store))
describe("strangers", () => strangersSuite(store))
describe("the fence", () => fenceSuite(store))
describe("a published run that is taken back", () => takeBackSuite(store))
describe("an owner that wakes up", () => pausedSuite(store))
describe("a record that is refused", () => refusedSuite(store))
describe("statistics", () => statisticsSuite(store))
describe("a diagnosis", () => diagnosisSuite(store))
describe("faults", () => faultsSuite(store))
describe("load", () => loadSuite(store))
