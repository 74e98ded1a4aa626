import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Redacted from "effect/Redacted"
import { execFileSync, spawnSync } from "node:child_process"
import * as crypto from "node:crypto"
import * as fs from "node:fs"
import * as net from "node:net"
import * as os from "node:os"
import * as path from "node:path"
import * as tls from "node:tls"
import * as FalkorDB from "../../../src/backend/falkordb/FalkorDBBackend.ts"
import type { FalkorDBConfig } from "../../../src/backend/StoreConfig.ts"
import type { GraphRecord } from "../../../src/domain/Graph.ts"
import { relationship } from "../../../src/domain/Graph.ts"
import { engineAvailable, startFalkorDB, type TestServer } from "../../support/falkordb.ts"
import {
  eventually,
  kill,
  lines,
  linesOf,
  link,
  memory,
  openSession,
  publish,
  run,
  sessionProcess,
  write
} from "./support.ts"
import { tracesOf } from "./serverHarness.ts"

const two: ReadonlyArray<GraphRecord> = [memory("new-1"), memory("new-2"), link("new-3", "new-1", "new-2")]

const configOf = (server: TestServer, more: Partial<FalkorDBConfig> = {}): FalkorDBConfig => ({
  kind: "falkordb",
  host: server.host,
  port: server.port,
  ...more
})

const failureOf = (config: FalkorDBConfig) => run(Effect.flip(FalkorDB.make(config)))

describe.skipIf(engineAvailable !== undefined)(`connecting to FalkorDB ${engineAvailable ?? ""}`, () => {
  it("tells apart why a server cannot be used, and leaves no connection open", async () => {
    const server = await startFalkorDB({ password: "right" })
    try {
      expect(await failureOf(configOf(server))).toMatchObject({ _tag: "StoreUnavailable", reason: "authentication" })
      const wrong = await failureOf(configOf(server, { password: Redacted.make("wrong-secret") }))
      expect(wrong).toMatchObject({ reason: "authentication" })
      expect(JSON.stringify(wrong)).not.toContain("wrong-secret")
      const right = await run(FalkorDB.make(configOf(server, { password: Redacted.make("right") })))
      expect(right.location).toBe(`falkordb://127.0.0.1:${server.port}/memorygraph`)
      // Refused logins must not leave sockets behind that keep a process alive.
      const open = () =>
        execFileSync("sh", ["-c", `cat /proc/${process.pid}/net/tcp`], { encoding: "utf8" })
          .split("\n")
          .filter((line) => line.includes(`:${server.port.toString(16).toUpperCase().padStart(4, "0")} 01`)).length
      if (fs.existsSync("/proc/self/net/tcp")) await eventually(() => open() === 0, "no connection is open")
    } finally {
      await server.stop()
    }
    expect(await failureOf(configOf(server))).toMatchObject({ reason: "unreachable" })
    expect(await failureOf({ kind: "falkordb", host: "host.invalid", port: 1 })).toMatchObject({
      reason: "unreachable"
    })
  })

  it("tells a plain redis and another kind of key from a graph", async () => {
    const plain = await startFalkorDB({ module: false })
    const server = await startFalkorDB()
    try {
      expect(await failureOf(configOf(plain))).toMatchObject({ reason: "not-this-kind" })
      await server.raw("SET", "memorygraph", "text")
      expect(await failureOf(configOf(server))).toMatchObject({
        reason: "not-this-kind",
        message: expect.stringContaining("string")
      })
      // A server that answers something else altogether.
      const web = net.createServer((socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"))
      await new Promise<void>((resolve) => web.listen(0, "127.0.0.1", resolve))
      const address = web.address()
      const port = typeof address === "object" && address !== null ? address.port : 0
      expect(await failureOf({ kind: "falkordb", host: "127.0.0.1", port })).toMatchObject({ _tag: "StoreUnavailable" })
      web.close()
    } finally {
      await plain.stop()
      await server.stop()
    }
  })

  it("refuses to write to a replica, and reads it", async () => {
    const primary = await startFalkorDB()
    const replica = await startFalkorDB({ args: ["--replicaof", "127.0.0.1", String(primary.port)] })
    try {
      await primary.raw("GRAPH.QUERY", "memorygraph", "CREATE (:Memory {id: 'a'})")
      await eventually(
        async () => String(await replica.raw("EXISTS", "memorygraph")) === "1",
        "the replica has the graph"
      )
      const backend = FalkorDB.make(configOf(replica))
      expect(await run(Effect.flatMap(backend, ({ health }) => health))).toMatchObject({ writable: false })
      expect(await run(Effect.flatMap(backend, linesOf))).toHaveLength(1)
      expect(await run(Effect.flip(Effect.flatMap(backend, openSession)))).toMatchObject({ reason: "read-only" })
    } finally {
      await replica.stop()
      await primary.stop()
    }
  })

  it("speaks TLS, and checks the certificate unless told to trust it", async (context) => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "mg-test-tls-"))
    const [key, cert] = [path.join(folder, "key.pem"), path.join(folder, "cert.pem")]
    const subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    const ask = [
      "req",
      "-x509",
      "-newkey",
      "rsa:2048",
      "-nodes",
      "-days",
      "2",
      "-keyout",
      key,
      "-out",
      cert,
      ...subject
    ]
    if (spawnSync("openssl", ask).status !== 0) return context.skip("not run: no openssl on this machine")
    const server = await startFalkorDB()
    // The engine is built without TLS: what ends it stands before it, as in many installations.
    const gate = tls.createServer({ key: fs.readFileSync(key), cert: fs.readFileSync(cert) }, (socket) => {
      const behind = net.connect(server.port, server.host)
      socket.on("error", () => behind.destroy()).pipe(behind)
      behind.on("error", () => socket.destroy()).pipe(socket)
    })
    gate.on("tlsClientError", () => {})
    await new Promise<void>((resolve) => gate.listen(0, "127.0.0.1", resolve))
    try {
      const address = gate.address()
      const port = typeof address === "object" && address !== null ? address.port : 0
      const base: FalkorDBConfig = { kind: "falkordb", host: "127.0.0.1", port }
      await run(Effect.flatMap(FalkorDB.make({ ...base, tls: "verify", caFile: cert }), ({ statistics }) => statistics))
      await run(Effect.flatMap(FalkorDB.make({ ...base, caFile: cert }), ({ statistics }) => statistics))
      await run(Effect.flatMap(FalkorDB.make({ ...base, tls: "trust" }), ({ statistics }) => statistics))
      expect(await failureOf({ ...base, tls: "verify" })).toMatchObject({
        _tag: "StoreUnavailable",
        reason: "authentication"
      })
      expect(await failureOf({ ...base, tls: "verify", caFile: path.join(folder, "none") })).toMatchObject({
        reason: "permission"
      })
      expect(await failureOf(base)).toMatchObject({ _tag: "StoreUnavailable" })
    } finally {
      gate.close()
      await server.stop()
      fs.rmSync(folder, { recursive: true, force: true })
    }
  })
})

describe.skipIf(engineAvailable !== undefined)(`a graph on a FalkorDB server ${engineAvailable ?? ""}`, () => {
  let server: TestServer
  let graph: string
  beforeAll(async () => {
    server = await startFalkorDB()
  })
  afterAll(() => server.stop())
  beforeEach(() => {
    graph = `g-${crypto.randomUUID()}`
  })
  afterEach(() => server.raw("GRAPH.DELETE", graph).catch(() => undefined))

  const connect = () => FalkorDB.make(configOf(server, { graph }))
  const cypher = (query: string) => server.raw("GRAPH.QUERY", graph, query)
  const traces = () => tracesOf(server, graph)

  it("that is new is staged, seen by nobody, and there at once; no other key stays", async () => {
    await run(
      Effect.gen(function* () {
        const backend = yield* connect()
        const session = yield* openSession(backend)
        expect(session).toMatchObject({ fresh: true, exposed: false })
        yield* write(session, two)
        expect(yield* linesOf(session)).toEqual(lines(two))
        expect((yield* backend.statistics).nodes).toBe(0)
        expect(yield* backend.lookup(two)).toEqual([])
        expect((yield* Effect.promise(traces)).filter((key) => key === graph)).toEqual([])
        yield* session.publish
        expect(yield* linesOf(backend)).toEqual(lines(two))
        expect(yield* backend.lookup(two)).toHaveLength(3)
      })
    )
    // The engine writes its telemetry a little later.
    await new Promise((resolve) => setTimeout(resolve, 1500))
    await server.raw("GRAPH.RO_QUERY", graph, "RETURN 1")
    expect((await traces()).map((trace) => trace.replace(/ .*/, ""))).toEqual([graph, "indexes"])
  })

  it("that somebody makes meanwhile is left alone", async () => {
    const outcome = await run(
      Effect.gen(function* () {
        const session = yield* openSession(yield* connect())
        yield* write(session, two)
        yield* Effect.promise(() => cypher("CREATE (:Theirs {id: 'x'})"))
        const exit = yield* Effect.exit(session.publish)
        return [exit, yield* session.undo] as const
      })
    )
    expect(Exit.isFailure(outcome[0]) && JSON.stringify(outcome[0])).toContain("store-changed")
    expect(outcome[1]).toEqual({ _tag: "Undone" })
    expect((await traces()).filter((key) => key.includes(".mg-"))).toEqual([])
    expect((await run(Effect.flatMap(connect(), ({ statistics }) => statistics))).labels).toEqual({ Theirs: 1 })
  })

  it("that is new has its staging key swept after a kill, and only that of the dead", async () => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "mg-test-journal-"))
    const config = configOf(server, { graph })
    const child = await sessionProcess("FalkorDBBackend", config, path.join(folder, "journal.db"))
    // Not ours to judge: another host's, and one without an owner.
    await server.raw("GRAPH.QUERY", `${graph}.mg-other`, "RETURN 1")
    await server.raw("SET", `${graph}.mg-other.owner`, "00000000-00000000-1")
    await server.raw("GRAPH.QUERY", `${graph}.mg-nobody`, "RETURN 1")
    const staging = async () => (await traces()).filter((key) => key.includes(".mg-") && !key.startsWith("telemetry"))
    const others = [`${graph}.mg-nobody`, `${graph}.mg-other`, `${graph}.mg-other.owner`]
    const killed = [`${graph}.mg-killed-1`, `${graph}.mg-killed-1.owner`]
    // While it lives, it is let be.
    await run(Effect.flatMap(connect(), (backend) => Effect.flatMap(openSession(backend), ({ undo }) => undo)))
    expect(await staging()).toEqual([...others, ...killed].sort())
    await kill(child)
    await run(Effect.flatMap(connect(), (backend) => publish(backend, two)))
    expect(await staging()).toEqual(others)
    for (const key of others) await server.raw("DEL", key)
    fs.rmSync(folder, { recursive: true })
  })

  it("that is in use gets what is new beside what is there", async () => {
    await cypher(
      "CREATE (a:Memory {id: 'a', x: 0.1})-[:T {id: 'r'}]->(:Entity {id: 'b'}), (:X {id: 'c', d: date('2020-02-03')})"
    )
    const before = await run(Effect.flatMap(connect(), linesOf))
    const hub = [...two, link("to-theirs", "new-1", "a", "KNOWS"), relationship(null, "b", "MENTIONS", "new-2", {})]
    await run(Effect.flatMap(connect(), (backend) => publish(backend, hub)))
    expect(await run(Effect.flatMap(connect(), linesOf))).toEqual([...before, ...lines(hub)].sort())
    expect(JSON.stringify(await cypher("MATCH (f:_MgRun) RETURN count(f)"))).toContain("[[0]]")
    // No index was made in a graph that had none.
    expect((await traces()).at(-1)).toBe("indexes []")
  })

  it("that is in use holds the fence while a session writes; it is never counted or read", async () => {
    await cypher("CREATE (:Memory {id: 'a'})")
    await run(
      Effect.gen(function* () {
        const backend = yield* connect()
        const session = yield* openSession(backend, "first")
        expect(session).toMatchObject({ fresh: false, exposed: true })
        const second = yield* Effect.flip(openSession(backend, "second"))
        expect(second).toMatchObject({
          _tag: "Refused",
          reason: "locked",
          message: expect.stringContaining("Run first is")
        })
        expect(yield* linesOf(backend)).toHaveLength(1)
        expect(yield* linesOf(session)).toHaveLength(1)
        expect(yield* backend.statistics).toMatchObject({ nodes: 1, labels: { Memory: 1 } })
        expect(yield* session.undo).toEqual({ _tag: "Undone" })
        yield* openSession(backend, "third")
      })
    )
  })

  it("that is in use: what others did meanwhile stays, and the rest is undone", async () => {
    await cypher(
      "CREATE (:Memory {id: 'mine', title: 'old', x: 0.1, l: [1, 1.0]})-[:T {id: 'r', n: 1}]->(:Memory {id: 'b'})"
    )
    const outcome = await run(
      Effect.gen(function* () {
        const backend = yield* connect()
        const session = yield* openSession(backend)
        const [mine] = yield* backend.lookup([memory("mine")])
        yield* write(session, [
          ...two,
          memory("linked"),
          memory("changed"),
          relationship(null, "new-1", "M", "new-2", { n: 1n })
        ])
        if (mine?._tag === "Node") {
          yield* session.write({
            create: [],
            overwrite: [{ before: mine, after: { ...mine, labels: ["Memory", "More"], properties: { id: "mine" } } }]
          })
        }
        yield* Effect.promise(async () => {
          await cypher("MATCH (n {id: 'linked'}) CREATE (n)-[:THEIRS]->(:Foreign {id: 'f'})")
          await cypher("MATCH (n {id: 'changed'}) SET n.title = 'theirs'")
          await cypher("MATCH (a {id: 'new-1'}), (b {id: 'new-2'}) CREATE (a)-[:M {n: 1.0}]->(b)")
        })
        return yield* session.undo
      })
    )
    expect(outcome).toMatchObject({ _tag: "Incomplete" })
    const left = outcome._tag === "Incomplete" ? outcome.left.map(({ what }) => what).sort() : []
    expect(left).toEqual(["node changed", "node linked", "node new-1", "node new-2"])
    const seen = await run(Effect.flatMap(connect(), linesOf))
    expect(seen.filter((line) => line.includes('"THEIRS"') || line.includes('"Foreign"'))).toHaveLength(2)
    expect(seen.filter((line) => line.includes('"type":"M"'))).toEqual([expect.stringContaining('"n":1.0')])
    // The record that was replaced is as it was, label and floats included.
    expect(seen.find((line) => line.startsWith('{"node":"mine"'))).toBe(
      '{"node":"mine","labels":["Memory"],"properties":{"id":"mine","l":[1,1.0],"title":"old","x":0.1}}'
    )
    expect(JSON.stringify(await cypher("MATCH (f:_MgRun) RETURN count(f)"))).toContain("[[0]]")
  })

  it("that is in use: a replaced record that others changed is not brought back over their change", async () => {
    await cypher("CREATE (:Memory {id: 'mine', title: 'old'})")
    const outcome = await run(
      Effect.gen(function* () {
        const backend = yield* connect()
        const session = yield* openSession(backend)
        const [mine] = yield* backend.lookup([memory("mine")])
        if (mine?._tag === "Node") {
          yield* session.write({
            create: [],
            overwrite: [{ before: mine, after: { ...mine, properties: { id: "mine", title: "ours" } } }]
          })
        }
        yield* Effect.promise(() => cypher("MATCH (n {id: 'mine'}) SET n.title = 'theirs'"))
        return yield* session.undo
      })
    )
    expect(outcome).toMatchObject({ _tag: "Incomplete", left: [{ what: "the state before of node mine" }] })
    expect(await run(Effect.flatMap(connect(), linesOf))).toEqual([expect.stringContaining("theirs")])
  })

  it("that is in use: a node that took the place of an end is not linked to", async () => {
    await cypher("CREATE (:Memory {id: 'a'}), (:Memory {id: 'b'})")
    const outcome = await run(
      Effect.gen(function* () {
        const session = yield* openSession(yield* connect())
        // The engine gives the id of a deleted node to the next one.
        yield* Effect.promise(async () => {
          await cypher("MATCH (n {id: 'b'}) DELETE n")
          await cypher("CREATE (:Foreign {id: 'other'})")
        })
        const exit = yield* Effect.exit(session.write({ create: [link("l", "a", "b")], overwrite: [] }))
        return [exit, yield* session.undo] as const
      })
    )
    expect(Exit.isFailure(outcome[0]) && JSON.stringify(outcome[0])).toContain("store-changed")
    expect(outcome[1]).toEqual({ _tag: "Undone" })
    expect((await run(Effect.flatMap(connect(), ({ statistics }) => statistics))).relationships).toBe(0)
  })

  it("that is in use: a session without its fence writes nothing more", async () => {
    await cypher("CREATE (:Memory {id: 'a'})")
    const exit = await run(
      Effect.gen(function* () {
        const session = yield* openSession(yield* connect(), "mine")
        yield* Effect.promise(() => cypher("MATCH (f:_MgRun) SET f.epoch = 7"))
        return yield* Effect.exit(session.write({ create: [memory("late")], overwrite: [] }))
      })
    )
    expect(Exit.isFailure(exit) && JSON.stringify(exit)).toContain('"locked"')
    expect(await run(Effect.flatMap(connect(), ({ statistics }) => statistics))).toMatchObject({ nodes: 1 })
  })

  it("that is in use: a killed run leaves its fence, which names it", async () => {
    await cypher("CREATE (:Memory {id: 'a'})")
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "mg-test-journal-"))
    await kill(await sessionProcess("FalkorDBBackend", configOf(server, { graph }), path.join(folder, "journal.db")))
    const refused = await run(Effect.flip(Effect.flatMap(connect(), (backend) => openSession(backend, "next"))))
    expect(refused).toMatchObject({
      _tag: "Refused",
      reason: "unfinished-run",
      message: expect.stringContaining("memorygraph runs rollback killed")
    })
    // The same run, taken up again with its journal, can undo what it wrote.
    const { make } = await import("../../../src/backend/Journal.ts")
    const outcome = await run(
      Effect.gen(function* () {
        const backend = yield* connect()
        const session = yield* backend.openSession({
          run: "killed",
          journal: yield* make(path.join(folder, "journal.db"))
        })
        return yield* session.undo
      })
    )
    expect(outcome).toEqual({ _tag: "Undone" })
    expect(await run(Effect.flatMap(connect(), linesOf))).toHaveLength(1)
    fs.rmSync(folder, { recursive: true })
  })

  it("is read whole where the server cuts results, and says so", async () => {
    await cypher("UNWIND range(1, 30) AS i CREATE (:Memory {id: toString(i)})")
    await cypher("MATCH (a {id: '1'}), (b) CREATE (a)-[:T]->(b)")
    await server.raw("GRAPH.CONFIG", "SET", "RESULTSET_SIZE", "3")
    try {
      await run(
        Effect.gen(function* () {
          const backend = yield* connect()
          const all = yield* linesOf(backend)
          expect(all).toHaveLength(60)
          expect(yield* backend.lookup([...Array(30).keys()].map((i) => memory(String(i + 1))))).toHaveLength(30)
          expect((yield* backend.health).notes.join()).toContain("RESULTSET_SIZE is 3")
          yield* publish(backend, two)
          expect(yield* linesOf(backend)).toHaveLength(63)
        })
      )
    } finally {
      await server.raw("GRAPH.CONFIG", "SET", "RESULTSET_SIZE", "-1")
    }
  })

  it("pages through a node with more relationships than a page", async () => {
    await cypher("CREATE (:Hub {id: 'hub'}) WITH 1 AS one UNWIND range(1, 50) AS i CREATE (:Memory {id: toString(i)})")
    await cypher(
      "MATCH (h:Hub), (m:Memory) UNWIND range(1, 130) AS i CREATE (h)-[:T {id: m.id + '-' + toString(i), f: 0.1 * i}]->(m)"
    )
    await cypher("MATCH (h:Hub), (m:Memory) CREATE (m)-[:BACK]->(h)")
    const all = await run(Effect.flatMap(connect(), linesOf))
    expect(new Set(all).size).toBe(51 + 6500 + 50)
    expect(all).toHaveLength(51 + 6500 + 50)
  })

  it("comes back after the connection was lost, for the undo", async () => {
    await cypher("CREATE (:Memory {id: 'a'})")
    const outcome = await run(
      Effect.gen(function* () {
        const session = yield* openSession(yield* connect())
        yield* write(session, two)
        yield* Effect.promise(() => server.raw("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"))
        return yield* session.undo
      })
    )
    expect(outcome).toEqual({ _tag: "Undone" })
    expect(await run(Effect.flatMap(connect(), linesOf))).toHaveLength(1)
  })

  it("is a failure, not a crash, when the server goes away", async () => {
    const other = await startFalkorDB()
    const result = await run(
      Effect.gen(function* () {
        const backend = yield* FalkorDB.make(configOf(other))
        const session = yield* openSession(backend, "gone", { patience: 600 })
        yield* session.write({ create: [memory("a")], overwrite: [] })
        yield* Effect.promise(() => other.stop())
        const wrote = yield* Effect.exit(session.write({ create: [memory("b")], overwrite: [] }))
        return { wrote: JSON.stringify(wrote), read: yield* Effect.flip(backend.statistics), undo: yield* session.undo }
      })
    )
    expect(result.wrote).toContain("went-away")
    expect(["went-away", "unreachable"]).toContain(result.read._tag === "StoreUnavailable" && result.read.reason)
    expect(result.undo).toMatchObject({ _tag: "Incomplete" })
  })
})
