import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { engineAvailable, startFalkorDB, type TestServer } from "../../support/falkordb.ts"
import { fixture, run } from "../../support/migrating.ts"
import { rows } from "../../support/rawRedis.ts"

describe.skipIf(engineAvailable !== undefined)(engineAvailable ?? "a graph with nodes that have no id", () => {
  let server: TestServer
  beforeAll(async () => {
    server = await startFalkorDB()
  })
  afterAll(() => server?.stop())

  it("still knows its memories by theirs: a second run finds them all, and doubles nothing", async () => {
    const address = { host: server.host, port: server.port }
    const source = { kind: "sqlite", path: fixture("python-small.db") } as const
    const target = { kind: "falkordb", ...address, graph: "mixed" } as const
    expect((await run(source, target)).records.written).toBe(90)
    await rows(address, "mixed", "CREATE (:Other {name: 'x'}), (:Other {id: 7}) RETURN 1", "GRAPH.QUERY")
    const again = await run(source, target, { onConflict: "overwrite" })
    expect(again.records).toMatchObject({ read: 90, same: 90, written: 0, overwritten: 0 })
    expect(await rows(address, "mixed", "MATCH (n) RETURN count(n)")).toEqual([[32]])
  })
})
