/** A Neo4j server as the conformance suite takes it: one database, wiped for each place. */
import * as Effect from "effect/Effect"
import type { Driver } from "neo4j-driver"
import * as Neo4jBackend from "../../src/backend/bolt/Neo4jBackend.ts"
import { StoreUnavailable } from "../../src/domain/Errors.ts"
import type { Harness, Place } from "../../src/testing/conformance/index.ts"
import type { Neo4jServer } from "../support/neo4j.ts"

const rows = async (driver: Driver, query: string): Promise<ReadonlyArray<{ readonly [column: string]: unknown }>> => {
  const session = driver.session()
  try {
    const result = await session.run(query)
    return result.records.map((record) => record.toObject())
  } finally {
    await session.close()
  }
}

const NAMED = "YIELD name, type, labelsOrTypes, properties RETURN name, type, labelsOrTypes, properties ORDER BY name"

const wipe = async (driver: Driver): Promise<void> => {
  await rows(driver, "MATCH (n) CALL (n) { DETACH DELETE n } IN TRANSACTIONS OF 5000 ROWS")
  for (const { name } of await rows(driver, `SHOW CONSTRAINTS ${NAMED}`))
    await rows(driver, `DROP CONSTRAINT \`${String(name)}\``)
  for (const { name, type } of await rows(driver, `SHOW INDEXES ${NAMED}`)) {
    if (type !== "LOOKUP") await rows(driver, `DROP INDEX \`${String(name)}\``)
  }
}

const traces = async (driver: Driver): Promise<ReadonlyArray<string>> => {
  const schema = [
    ...(await rows(driver, `SHOW CONSTRAINTS ${NAMED}`)),
    ...(await rows(driver, `SHOW INDEXES ${NAMED}`))
  ]
  const marks = await rows(
    driver,
    "MATCH (n) WHERE any(label IN labels(n) WHERE label STARTS WITH '_Mg') RETURN labels(n) AS labels"
  )
  return [...schema, ...marks].map((row) => JSON.stringify(row))
}

/** The server is started, and stopped, by the test file. */
export const neo4jHarness = (server: () => Neo4jServer, options: Pick<Harness, "runs"> = {}): Harness => {
  const withDriver = <A>(use: (driver: Driver) => Promise<A>): Effect.Effect<A, StoreUnavailable> =>
    Effect.tryPromise({
      try: async () => {
        const driver = server().driver()
        try {
          return await use(driver)
        } finally {
          await driver.close()
        }
      },
      catch: (cause) =>
        new StoreUnavailable({ backend: "neo4j", location: "test", reason: "driver", message: String(cause), cause })
    })
  return {
    name: "Neo4j",
    ...options,
    // One database in a Community server. What cannot be decoded is a damaged note, which people do not make by accident.
    without: ["several-places", "spoil", "refuse"],
    place: Effect.map(withDriver(wipe), (): Place => ({
      connect: Effect.suspend(() => Neo4jBackend.make({ kind: "neo4j", host: server().host, port: server().port })),
      traces: withDriver(traces)
    }))
  }
}
