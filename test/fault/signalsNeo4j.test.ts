import type { Driver } from "neo4j-driver"
import { afterAll, beforeAll, beforeEach, describe, it } from "vitest"
import { missing, type Neo4jServer, START_TIMEOUT, startNeo4j } from "../support/neo4j.ts"
import { makeSource, type Target, usedNeo4j } from "./migrationTargets.ts"
import { BLOWS, cannot, completeRun, type Moment, PHASES, strike } from "./striking.ts"
import { FULL_SWEEP, random, SEED } from "./sweep.ts"

const source = makeSource({ nodes: 1200, relationships: 300 })
const none = missing()

let server: Neo4jServer | undefined
let driver: Driver | undefined
beforeAll(async () => {
  if (none !== undefined) return
  server = await startNeo4j()
  driver = server.driver()
}, START_TIMEOUT + 10_000)
afterAll(async () => {
  await driver?.close()
  await server?.stop()
})
beforeEach((ctx) => {
  if (none !== undefined) ctx.skip(none)
})

const make = (): Promise<Target> => {
  if (server === undefined || driver === undefined) throw new Error("the server is not there")
  return usedNeo4j(server, driver)()
}

describe(`a migration into a Neo4j in use that is asked to stop (seed ${SEED})`, () => {
  const next = random("signals Neo4j")
  const complete = completeRun(source, make)
  // In CI each phase and each blow once.
  const moments = PHASES.flatMap((phase, column): ReadonlyArray<Moment> => {
    const blows = FULL_SWEEP ? BLOWS : [BLOWS[(column + 2) % BLOWS.length] ?? "SIGINT"]
    return blows.map((blow) => ({ phase, blow, delay: Math.floor(next() * 40) }))
  })
  it.for(moments)("in the phase $phase by $blow, $delay ms into it", async (moment, ctx) => {
    const reason = cannot(moment.blow)
    if (reason !== undefined) return ctx.skip(reason)
    await strike(source, await make(), complete, moment)
  })
})
