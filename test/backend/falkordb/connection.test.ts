/** A connection that is lost, and a server that does not answer. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest"
import * as Effect from "effect/Effect"
import * as net from "node:net"
import * as Connection from "../../../src/backend/falkordb/Connection.ts"
import * as FalkorDB from "../../../src/backend/falkordb/FalkorDBBackend.ts"
import { type Proxy, startProxy } from "../../fault/proxy.ts"
import { engineAvailable, startFalkorDB, type TestServer } from "../../support/falkordb.ts"
import { startServer } from "./restartable.ts"
import { openSession, run } from "./support.ts"

describe.skipIf(engineAvailable !== undefined)(`a connection to FalkorDB ${engineAvailable ?? ""}`, () => {
  let server: TestServer
  let proxy: Proxy
  beforeAll(async () => {
    server = await startFalkorDB()
  })
  afterAll(() => server.stop())
  beforeEach(async () => {
    proxy = await startProxy(server)
  })
  afterEach(async () => {
    await proxy.close()
    await server.raw("FLUSHALL")
  })

  const connect = (port: number, timeLimit?: number) =>
    Connection.make({
      backend: "test",
      location: "test",
      driver: { socket: { host: "127.0.0.1", port } },
      reconnect: true,
      timeLimit
    })

  it("gives an answer up after its time limit, and then nothing late takes effect", async () => {
    const write = (id: string) => ["GRAPH.QUERY", "late", `CREATE (:X {id: '${id}'}) RETURN 1`]
    await run(
      Effect.gen(function* () {
        const connection = yield* connect(proxy.port, 300)
        yield* connection.command(...write("first"))
        // It arrives after it was given up, if nobody ends its connection.
        proxy.setRule((direction, _, chunk) =>
          direction === "up" && chunk.includes("second") ? { delay: 1500 } : "pass"
        )
        const failed = yield* Effect.flip(connection.command(...write("second")))
        expect(failed).toMatchObject({ reason: "went-away", answered: false })
        expect(failed.message).toContain("no answer within 300 ms")
        yield* connection.command(...write("third"))
        yield* Effect.sleep("1600 millis")
      })
    )
    const found = await server.raw("GRAPH.RO_QUERY", "late", "MATCH (n) RETURN n.id")
    expect(JSON.stringify(found)).toContain('[["first"],["third"]]')
  })

  it("gives up to connect to a server that takes the connection and says nothing", async () => {
    proxy.setRule((direction) => (direction === "down" ? "drop" : "pass"))
    const failed = await run(Effect.flip(connect(proxy.port, 300)))
    expect(failed).toMatchObject({ reason: "unreachable" })
  })

  it("is made anew once, however many wait for it", async () => {
    await run(
      Effect.gen(function* () {
        const connection = yield* connect(proxy.port)
        proxy.cut()
        expect(yield* Effect.flip(connection.command("PING"))).toMatchObject({ answered: expect.any(Boolean) })
        proxy.restore()
        const before = proxy.connections()
        const all = yield* Effect.all(
          Array.from({ length: 20 }, () => connection.command("PING")),
          { concurrency: "unbounded" }
        )
        expect(new Set(all)).toEqual(new Set(["PONG"]))
        expect(proxy.connections()).toBe(before + 1)
      })
    )
  })

  it("that is pinned goes on after a cut, and not after a restart", async () => {
    const restarting = await startServer()
    const { port } = restarting
    try {
      await run(
        Effect.gen(function* () {
          const connection = yield* connect(port)
          const { pinned } = connection
          yield* Effect.promise(() => restarting.raw("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"))
          yield* Effect.exit(pinned.command("PING"))
          expect(yield* pinned.command("PING")).toBe("PONG")
          restarting.kill()
          yield* Effect.promise(() => restarting.start())
          yield* Effect.exit(connection.command("PING"))
          expect(yield* connection.command("PING")).toBe("PONG")
          expect(yield* Effect.flip(pinned.command("PING"))).toMatchObject({ reason: "went-away", answered: true })
          expect(yield* connection.pinned.command("PING")).toBe("PONG")
        })
      )
    } finally {
      await restarting.stop()
    }
  })

  it.each(["LOADING Redis is loading the dataset in memory", "MASTERDOWN Link with MASTER is down"])(
    "to a server that says it is not ready is worth waiting for: %s",
    async (said) => {
      await run(
        Effect.gen(function* () {
          const failing = net.createServer((socket) => socket.on("data", () => socket.write(`-${said}\r\n`)))
          const port = yield* Effect.promise(
            () =>
              new Promise<number>((resolve) =>
                failing.listen(0, "127.0.0.1", () => {
                  const address = failing.address()
                  resolve(typeof address === "object" && address !== null ? address.port : 0)
                })
              )
          )
          const failed = yield* Effect.flip(connect(port, 1000))
          expect(Connection.writeFailed({ backend: "test", location: "test" }, "import")(failed)).toMatchObject({
            reason: "went-away"
          })
          failing.close()
        })
      )
    }
  )

  it("shows a new session the newest time of memories, and none where there is none", async () => {
    const graph = "newest"
    const newest = run(
      Effect.flatMap(FalkorDB.make({ kind: "falkordb", host: server.host, port: server.port, graph }), (backend) =>
        Effect.gen(function* () {
          const send = (cypher: string) => Effect.promise(() => server.raw("GRAPH.QUERY", graph, cypher))
          const seen = [(yield* backend.statistics).newest]
          yield* send("CREATE (:Memory {id: 'a', created_at: 7}), (:Other {id: 'b', updated_at: '2027'})")
          seen.push((yield* backend.statistics).newest)
          yield* send("CREATE (:Memory {id: 'c', created_at: '2026-03'}), (:Memory {id: 'd', updated_at: '2026-02'})")
          seen.push((yield* backend.statistics).newest)
          yield* send("MATCH (n {id: 'd'}) SET n.updated_at = '2026-04'")
          seen.push((yield* backend.statistics).newest)
          yield* openSession(backend)
          return seen
        })
      )
    )
    expect(await newest).toEqual([undefined, undefined, "2026-03", "2026-04"])
  })
})
