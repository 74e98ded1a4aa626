/** Connecting to a real Neo4j with authentication and TLS, and losing it: each failure typed, with a way on. */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import { execFileSync } from "node:child_process"
import * as fs from "node:fs"
import * as net from "node:net"
import * as os from "node:os"
import * as path from "node:path"
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest"
import * as MemgraphBackend from "../../../src/backend/bolt/MemgraphBackend.ts"
import { make } from "../../../src/backend/bolt/Neo4jBackend.ts"
import type { Neo4jConfig } from "../../../src/backend/StoreConfig.ts"
import { use } from "../../../src/backend/WriteSession.ts"
import { node, relationship } from "../../../src/domain/Graph.ts"
import { missingAfterFetch, type Neo4jServer, START_TIMEOUT, startNeo4j } from "../../support/neo4j.ts"
import { create, failure, openSession, query, readAll, run, temporaryFolder } from "./support.ts"

const PASSWORD = "correct horse battery staple"
const why = missingAfterFetch()
let server: Neo4jServer
let certificates: string

const certify = (folder: string) =>
  execFileSync(
    "openssl",
    "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout private.key -out public.crt".split(
      " "
    ),
    { cwd: folder, stdio: "pipe" }
  )

beforeAll(async () => {
  if (why !== undefined) return
  certificates = fs.mkdtempSync(path.join(os.tmpdir(), "mg-tls-"))
  certify(certificates)
  server = await startNeo4j({
    password: PASSWORD,
    config: [
      "server.bolt.tls_level=OPTIONAL",
      "dbms.ssl.policy.bolt.enabled=true",
      `dbms.ssl.policy.bolt.base_directory=${certificates}`,
      "dbms.ssl.policy.bolt.private_key=private.key",
      "dbms.ssl.policy.bolt.public_certificate=public.crt",
      "dbms.ssl.policy.bolt.client_auth=NONE"
    ]
  })
}, START_TIMEOUT)

afterAll(async () => {
  if (why !== undefined) return
  await server.stop()
  fs.rmSync(certificates, { recursive: true, force: true })
})

beforeEach((context) => {
  if (why !== undefined) context.skip(why)
})

const config = (more: Partial<Neo4jConfig> = {}): Neo4jConfig => ({
  kind: "neo4j",
  host: "127.0.0.1",
  port: server.port,
  user: "neo4j",
  password: Redacted.make(PASSWORD),
  ...more
})

const refusal = async (more: Partial<Neo4jConfig>) => {
  const started = Date.now()
  const error = await failure(make(config(more)))
  expect(error._tag).toBe("StoreUnavailable")
  expect(error.message).not.toContain(PASSWORD)
  expect(JSON.stringify(error)).not.toContain(PASSWORD)
  return { error, millis: Date.now() - started }
}

describe("connecting", () => {
  it("works with the right credentials, by scheme, and finds the same store under any address", async () => {
    const identities = await run(
      Effect.forEach([{}, { host: "localhost" }, { routing: true }, { database: "neo4j" }], (more) =>
        Effect.map(make(config(more)), (backend) => [backend.identity, backend.location] as const)
      )
    )
    expect(new Set(identities.map(([identity]) => identity)).size).toBe(1)
    expect(identities[2]?.[1]).toBe(`neo4j://127.0.0.1:${server.port}`)
  })

  it("fails on a wrong password, and on none", async () => {
    const wrong = await refusal({ password: Redacted.make("wrong") })
    expect(wrong.error).toMatchObject({
      reason: "authentication",
      message: expect.stringContaining("Check the user name and the password.")
    })
    expect((await refusal({ user: undefined, password: undefined })).error).toMatchObject({ reason: "authentication" })
  })

  it("fails on a database that is not there", async () => {
    const { error } = await refusal({ database: "nowhere" })
    expect(error).toMatchObject({ reason: "missing-database", message: expect.stringContaining("--database") })
  })

  it("fails fast where nobody listens, and where somebody listens and says nothing", async () => {
    const closed = await refusal({ port: 9 })
    expect(closed.error).toMatchObject({ reason: "unreachable" })
    expect(closed.millis).toBeLessThan(2500)
    const silent = net.createServer((socket) => socket.resume())
    await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve))
    const address = silent.address()
    const mute = await refusal({ port: typeof address === "object" && address !== null ? address.port : 0 })
    expect(mute.error).toMatchObject({ reason: "timeout" })
    expect(mute.millis).toBeLessThan(5000)
    // No socket of ours is left: the server can end.
    await new Promise((resolve) => silent.close(resolve))
  })

  it("tells Neo4j from Memgraph", async () => {
    const error = await failure(MemgraphBackend.make({ ...config(), kind: "memgraph" }))
    expect(error).toMatchObject({
      reason: "not-this-kind",
      message: expect.stringContaining(`Name it as bolt://127.0.0.1:${server.port}.`)
    })
  })
})

describe("TLS", () => {
  it("is taken as it is with trust, and checked with a certificate file", async () => {
    const caFile = path.join(certificates, "public.crt")
    const seen = await run(
      Effect.forEach([{ tls: "trust" as const }, { caFile }, { tls: "verify" as const, caFile }], (more) =>
        make(config(more))
      )
    )
    expect(seen).toHaveLength(3)
  })

  it("is refused where the certificate is not known", async () => {
    const { error, millis } = await refusal({ tls: "verify" })
    expect(error).toMatchObject({ message: expect.stringContaining("--ca-file") })
    expect(millis).toBeLessThan(5000)
    expect((await refusal({ caFile: "/nowhere/ca.pem" })).error).toMatchObject({
      message: expect.stringContaining("/nowhere/ca.pem")
    })
  })
})

const COUNT = 3000
const nodes = Array.from({ length: COUNT }, (_, i) => node(`n${i}`, ["Memory"], { id: `n${i}` }))
const relationships = Array.from({ length: COUNT }, (_, i) =>
  relationship(null, `n${i}`, "NEXT", `n${(i + 1) % COUNT}`, {})
)

it("a server that is killed in the middle fails the load, and a later run takes it back", async () => {
  await run(
    Effect.gen(function* () {
      const at = `${yield* temporaryFolder}/journal.db`
      const result = yield* Effect.scoped(
        Effect.gen(function* () {
          const backend = yield* make(config())
          const session = yield* openSession(backend, { run: "killed", journal: at, patience: 1000 })
          const load = Effect.gen(function* () {
            yield* create(session, nodes)
            yield* create(session, relationships)
            yield* Effect.promise(() => server.kill())
            yield* create(session, [node("after", [], {})])
          })
          return yield* use(session, load)
        })
      )
      expect(Exit.isFailure(result.exit)).toBe(true)
      expect(JSON.stringify(result.exit)).toMatch(/"reason":"went-away"/)
      // Nobody could be reached to undo it: the outcome says so, and the journal is kept.
      expect(result.outcome._tag).toBe("Incomplete")

      server = yield* Effect.promise(() => startNeo4j({ again: server }))
      const backend = yield* make(config())
      expect((yield* backend.health).notes.join()).toContain("Run killed on")
      expect((yield* backend.statistics).nodes).toBe(COUNT)
      const again = yield* openSession(backend, { run: "killed", journal: at })
      expect(yield* again.undo).toEqual({ _tag: "Undone" })
      expect(yield* readAll(backend)).toEqual([])
      const driver = server.driver()
      const left = yield* Effect.promise(() =>
        query(driver, "SHOW INDEXES YIELD type WHERE type <> 'LOOKUP' RETURN type")
      )
      expect(left).toEqual([])
      yield* Effect.promise(() => driver.close())
    })
  )
}, 400_000)

it("a read that loses its server fails typed", async () => {
  await run(
    Effect.gen(function* () {
      const driver = server.driver()
      yield* Effect.promise(() =>
        query(
          driver,
          "UNWIND range(1, 50000) AS i CREATE (:P {id: 'p' + toString(i), text: 'some text to fill the buffers with'})"
        )
      )
      yield* Effect.promise(() => driver.close())
      const backend = yield* make(config())
      let chunks = 0
      const error = yield* backend.read().pipe(
        Stream.rechunk(1000),
        Stream.runForEachChunk(() => (++chunks === 3 ? Effect.promise(() => server.kill()) : Effect.void)),
        Effect.flip
      )
      expect(error).toMatchObject({ _tag: "StoreUnavailable", reason: "went-away" })
    })
  )
})

it("a read-only database can be read, and is refused as a target", async () => {
  fs.appendFileSync(path.join(server.home, "conf", "neo4j.conf"), "server.databases.default_to_read_only=true\n")
  server = await startNeo4j({ again: server })
  await run(
    Effect.gen(function* () {
      const backend = yield* make(config())
      const health = yield* backend.health
      expect(health.writable).toBe(false)
      expect((yield* backend.statistics).nodes).toBe(50_000)
      const error = yield* Effect.flip(openSession(backend))
      expect(error).toMatchObject({ _tag: "StoreUnavailable", reason: "read-only" })
    })
  )
}, 400_000)
