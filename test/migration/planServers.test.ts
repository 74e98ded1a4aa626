/** Plans, dry runs and `--since` on servers: FalkorDB, and Neo4j where all tests are run. */
import * as path from "node:path"
import * as fs from "node:fs"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import type { StoreConfig } from "../../src/backend/StoreConfig.ts"
import { edit, copyOf, run, tempFolder } from "../support/migrating.ts"
import { engineAvailable, startFalkorDB, type TestServer } from "../support/falkordb.ts"
import { missing, type Neo4jServer, START_TIMEOUT, startNeo4j } from "../support/neo4j.ts"

const full = process.env["MEMORYGRAPH_TEST_FULL"] !== undefined || process.env["CI"] === undefined
const noNeo4j = missing() ?? (full ? undefined : "not run: in npm run test:full only")

interface Place {
  readonly config: StoreConfig
  /** Changes one property of one node that no plan is about. */
  readonly change: () => Promise<unknown>
}

let falkordb: TestServer | undefined
let neo4j: Neo4jServer | undefined

const onFalkorDB = (): Place => {
  const server = falkordb
  if (server === undefined) throw new Error("no server")
  return {
    config: { kind: "falkordb", host: server.host, port: server.port, graph: "planned" },
    change: () =>
      server.raw("GRAPH.QUERY", "planned", "MERGE (o:Other {id: 'theirs'}) SET o.title = coalesce(o.title, '') + 'x'")
  }
}

const onNeo4j = (): Place => {
  const server = neo4j
  if (server === undefined) throw new Error("no server")
  return {
    config: { kind: "neo4j", host: server.host, port: server.port },
    change: async () => {
      const driver = server.driver()
      await driver.executeQuery("MERGE (o:Other {id: 'theirs'}) SET o.title = coalesce(o.title, '') + 'x'")
      await driver.close()
    }
  }
}

const CASES = [
  { name: "FalkorDB", place: onFalkorDB, why: engineAvailable },
  { name: "Neo4j", place: onNeo4j, why: noNeo4j }
]

beforeAll(async () => {
  if (engineAvailable === undefined) falkordb = await startFalkorDB()
  if (noNeo4j === undefined) neo4j = await startNeo4j()
}, START_TIMEOUT)

afterAll(async () => {
  await falkordb?.stop()
  await neo4j?.stop()
})

describe.each(CASES)("on $name", ({ place, why }) => {
  it("a dry run leaves nothing, a changed target makes the plan stale, and what is new arrives", async (ctx) => {
    if (why !== undefined) return ctx.skip(why)
    const { change, config } = place()
    const from = copyOf("python-small.db")
    const source = { kind: "sqlite", path: from } as const
    const stateFolder = path.join(tempFolder(), "state")

    const dry = await run(source, config, { dryRun: true, hashPlan: true, stateFolder })
    expect(dry.plan).toMatchObject({ new: 90, same: 0 })
    expect(fs.existsSync(stateFolder)).toBe(false)
    if (config.kind === "falkordb") expect(await falkordb?.raw("GRAPH.LIST")).toEqual([])
    await run(source, config, { expectPlan: dry.plan?.hash ?? "" })

    await change()
    edit(
      from,
      "UPDATE nodes SET properties = json_set(properties, '$.title', 'later', '$.updated_at', '2027-01-01T00:00:00+00:00') WHERE id = (SELECT min(id) FROM nodes)"
    )
    const since = { since: "2026-12-31T23:00:00-01:00", onConflict: "overwrite" } as const
    const planned = await run(source, config, { ...since, dryRun: true, hashPlan: true })
    expect(planned.plan).toMatchObject({ new: 0, conflicts: 1, since: { nodes: 1, ends: 0 } })
    const again = await run(source, config, { ...since, dryRun: true, hashPlan: true })
    expect(again.plan?.hash).toBe(planned.plan?.hash)
    const expected = { ...since, expectPlan: planned.plan?.hash ?? "" }
    // Equal counts, another property of a node that the plan is not about.
    await change()
    await expect(run(source, config, expected)).rejects.toThrow(/The plan is stale/)
    const fresh = await run(source, config, { ...since, dryRun: true, hashPlan: true })
    const done = await run(source, config, { ...since, expectPlan: fresh.plan?.hash ?? "" })
    expect(done).toMatchObject({ outcome: "done", records: { overwritten: 1, written: 0 } })
    expect(done.verification).toMatchObject({ mode: "full", differencesTotal: 0 })

    // The same selection, read from the server: what of it is new comes with the ends that it needs.
    const into = (name: string) => ({ kind: "sqlite", path: path.join(tempFolder(), name) }) as const
    const here = await run(source, into("here.db"), { since: since.since })
    const there = await run(config, into("there.db"), { since: since.since })
    expect(there.plan?.since).toEqual({
      ...here.plan?.since,
      untimed: [{ kind: "Other", count: 1, ids: ["theirs"] }]
    })
    expect(there.verification?.targetFingerprint).toBe(here.verification?.targetFingerprint)
  }, 300_000)
})
