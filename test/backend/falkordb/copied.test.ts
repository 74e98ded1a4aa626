/** What a server passes on: to its replicas, and to the log of commands that it is restored from. */
import { describe, expect, it } from "vitest"
import * as Effect from "effect/Effect"
import * as FalkorDB from "../../../src/backend/falkordb/FalkorDBBackend.ts"
import { engineAvailable, startFalkorDB } from "../../support/falkordb.ts"
import { startServer } from "./restartable.ts"
import { eventually, lines, linesOf, link, memory, publish, run } from "./support.ts"

const all = [memory("a"), memory("b"), link("l", "a", "b")]
const connect = (port: number) => FalkorDB.make({ kind: "falkordb", host: "127.0.0.1", port, graph: "passed on" })

describe.skipIf(engineAvailable !== undefined)(`a new graph is passed on whole ${engineAvailable ?? ""}`, () => {
  it("to the log of commands: it is there after a kill", async () => {
    const server = await startServer(["--appendonly", "yes", "--appendfsync", "always"])
    try {
      await run(Effect.flatMap(connect(server.port), (backend) => publish(backend, all)))
      server.kill()
      await server.start()
      expect(await run(Effect.flatMap(connect(server.port), linesOf))).toEqual(lines(all))
    } finally {
      await server.stop()
    }
  })

  it("to a replica", async () => {
    const primary = await startFalkorDB()
    const replica = await startFalkorDB({ args: ["--replicaof", "127.0.0.1", String(primary.port)] })
    try {
      await eventually(
        async () => String(await primary.raw("INFO", "replication")).includes("state=online"),
        "the replica is there"
      )
      await run(Effect.flatMap(connect(primary.port), (backend) => publish(backend, all)))
      await eventually(
        async () => String(await replica.raw("EXISTS", "passed on")) === "1",
        "the replica has the graph"
      )
      expect(await run(Effect.flatMap(connect(replica.port), linesOf))).toEqual(lines(all))
    } finally {
      await replica.stop()
      await primary.stop()
    }
  })
})
