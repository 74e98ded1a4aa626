/** What `health` tells of a graph on a server beside its counts. */
import { describe, expect, it } from "vitest"
import * as Effect from "effect/Effect"
import * as FalkorDB from "../../../src/backend/falkordb/FalkorDBBackend.ts"
import { engineAvailable, startFalkorDB } from "../../support/falkordb.ts"
import { eventually, run } from "./support.ts"

describe.skipIf(engineAvailable !== undefined)(`a diagnosis ${engineAvailable ?? ""}`, () => {
  it("names limits of the server, index states, and ids that several nodes have, however few rows a result may have", async () => {
    const server = await startFalkorDB({ moduleArgs: ["RESULTSET_SIZE", "5"] })
    const connected = FalkorDB.make({ kind: "falkordb", host: "127.0.0.1", port: server.port, graph: "g" })
    const diagnosis = Effect.flatMap(connected, ({ diagnose }) => diagnose ?? Effect.die("none"))
    try {
      expect(await run(diagnosis)).toMatchObject({ indexes: [], duplicates: { first: [], total: 0 } })
      const cypher = (text: string) => server.raw("GRAPH.QUERY", "g", text)
      await cypher(
        "UNWIND range(1, 30) AS i CREATE (:Memory {id: 'k' + i}), (:Other {id: 'k' + i}), (:Other {id: 'o' + i})"
      )
      await cypher("CREATE (:Other {id: 7}), (:Another {id: 7})")
      await cypher("CREATE INDEX FOR (m:Memory) ON (m.id)")
      await eventually(
        async () =>
          JSON.stringify(await cypher("CALL db.indexes() YIELD status RETURN status")).includes("OPERATIONAL"),
        "the index is there"
      )
      const { duplicates, facts, indexes } = await run(diagnosis)
      expect(duplicates.total).toBe(30)
      expect(duplicates.first).toHaveLength(20)
      expect(indexes).toEqual([{ name: "index Memory(id)", state: "online" }])
      expect(facts).toContainEqual({ name: "RESULTSET_SIZE", value: "5" })
      expect(facts.map(({ name }) => name)).toContain("maxmemory")
    } finally {
      await server.stop()
    }
  })
})
