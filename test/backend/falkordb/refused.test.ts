/** Batches that a store refuses because of a constraint that its users have made: nothing of them takes effect. */
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import * as Effect from "effect/Effect"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import * as FalkorDB from "../../../src/backend/falkordb/FalkorDBBackend.ts"
import * as FalkorDBLite from "../../../src/backend/falkordb/FalkorDBLiteBackend.ts"
import type { GraphBackend } from "../../../src/backend/GraphBackend.ts"
import * as Journal from "../../../src/backend/Journal.ts"
import { type GraphRecord, node, relationship } from "../../../src/domain/Graph.ts"
import * as Stream from "effect/Stream"
import { engineAvailable, startFalkorDB, type TestServer } from "../../support/falkordb.ts"
import { raw } from "../../support/rawRedis.ts"
import { changeFile } from "./liteHarness.ts"
import { eventually, link, linesOf, memory, run } from "./support.ts"

// More than go into one query.
const MANY = 1500
const many = Array.from({ length: MANY }, (_, i) => memory(`m-${i}`))
const links = Array.from({ length: MANY }, (_, i) =>
  relationship(i % 3 === 0 ? `l-${i}` : null, `m-${i}`, "WEIGHS", `m-${(i + 1) % MANY}`, {
    ...(i % 3 === 0 && { id: `l-${i}` }),
    w: BigInt(i % 2)
  })
)
const bad = relationship(null, "m-0", "WEIGHS", "m-1", { other: 1n })
const twin: GraphRecord = node("twin", ["Memory"], { id: "twin", title: "theirs" })

const constrain = async (send: (...args: ReadonlyArray<string>) => Promise<unknown>, graph: string) => {
  await send("GRAPH.QUERY", graph, "CREATE (:Memory {id: 'a', title: 'theirs'})-[:WEIGHS {w: 7}]->(:Memory {id: 'b'})")
  await send("GRAPH.QUERY", graph, "CREATE INDEX FOR (m:Memory) ON (m.title)")
  await send("GRAPH.CONSTRAINT", "CREATE", graph, "UNIQUE", "NODE", "Memory", "PROPERTIES", "1", "title")
  await send("GRAPH.CONSTRAINT", "CREATE", graph, "MANDATORY", "NODE", "Memory", "PROPERTIES", "2", "id", "title")
  await send("GRAPH.CONSTRAINT", "CREATE", graph, "MANDATORY", "RELATIONSHIP", "WEIGHS", "PROPERTIES", "1", "w")
  await eventually(
    async () => !JSON.stringify(await send("GRAPH.QUERY", graph, "CALL db.constraints()")).includes("CONSTRUCTION"),
    "the constraints are there"
  )
}

const refuses = (backend: GraphBackend, folder: string) =>
  Effect.gen(function* () {
    const journal = yield* Journal.make(path.join(folder, "journal.db"))
    const before = yield* linesOf(backend)
    const session = yield* backend.openSession({ run: "refused", journal })
    const refused = (batch: Parameters<typeof session.write>[0]) =>
      Effect.gen(function* () {
        const there = yield* linesOf(session)
        expect(yield* Effect.flip(session.write(batch))).toMatchObject({
          _tag: "WriteFailed",
          reason: "refused-record"
        })
        expect(yield* linesOf(session)).toEqual(there)
      })
    const noted = Effect.map(Stream.runCount(journal.batches), Number)
    // In the last query of the batch; then halved, as the caller does.
    yield* refused({ create: [...many, twin], overwrite: [] })
    expect(yield* noted).toBe(0)
    const half = Math.ceil(many.length / 2)
    yield* session.write({ create: many.slice(0, half), overwrite: [] })
    yield* refused({ create: [...many.slice(half), twin], overwrite: [] })
    yield* session.write({ create: many.slice(half), overwrite: [] })
    // With replacements, and with relationships that have no key and equal ones beside them.
    const [a] = yield* session.lookup([memory("a")])
    if (a?._tag !== "Node") throw new Error("the node a is not there")
    const overwrite = [{ before: a, after: { ...a, properties: { ...a.properties, title: "mine" } } }]
    yield* session.write({ create: links, overwrite: [] })
    yield* refused({
      create: [...links.map((one) => ({ ...one, key: null, properties: { w: 1n } })), bad],
      overwrite: []
    })
    yield* refused({ create: [node("other", ["Memory"], { id: "other", title: "m-3" })], overwrite })
    expect(yield* linesOf(session)).toHaveLength(before.length + many.length + links.length)
    expect(yield* noted).toBe(3)
    return { session, before }
  })

describe.skipIf(engineAvailable !== undefined)(`a refused batch ${engineAvailable ?? ""}`, () => {
  let server: TestServer
  let folder: string
  beforeAll(async () => {
    server = await startFalkorDB()
    folder = fs.mkdtempSync(path.join(os.tmpdir(), "mg-test-refused-"))
  })
  afterAll(async () => {
    await server.stop()
    fs.rmSync(folder, { recursive: true })
  })

  it("leaves nothing in a graph in use, and what was written besides can be undone", async () => {
    await constrain(server.raw, "used")
    const connect = FalkorDB.make({ kind: "falkordb", host: server.host, port: server.port, graph: "used" })
    const before = await run(
      Effect.gen(function* () {
        const { before: there, session } = yield* refuses(yield* connect, fs.mkdtempSync(path.join(folder, "j-")))
        expect(yield* session.undo).toEqual({ _tag: "Undone" })
        return there
      })
    )
    expect(await run(Effect.flatMap(connect, linesOf))).toEqual(before)
  }, 120_000)

  it("leaves nothing in a file, whose constraints hold although bulk loading ignores them", async () => {
    const file = path.join(folder, "store.fdb")
    await run(
      changeFile(file, (socket) =>
        Effect.promise(() => constrain((...args) => raw({ path: socket }, ...args), "memorygraph"))
      )
    )
    const connect = FalkorDBLite.make({ kind: "falkordblite", path: file })
    await run(
      Effect.gen(function* () {
        const { session } = yield* refuses(yield* connect, fs.mkdtempSync(path.join(folder, "j-")))
        yield* session.publish
      })
    )
    expect(await run(Effect.flatMap(connect, linesOf))).toHaveLength(3 + many.length + links.length)
  }, 120_000)

  it("that was split by a foreign change is taken back as well", async () => {
    const graph = "foreign"
    await server.raw("GRAPH.QUERY", graph, "CREATE (:Memory {id: 'a'})-[:T]->(:Memory {id: 'b'}), (:Memory {id: 'c'})")
    await run(
      Effect.gen(function* () {
        const backend = yield* FalkorDB.make({ kind: "falkordb", host: server.host, port: server.port, graph })
        const journal = yield* Journal.make(path.join(folder, "foreign.db"))
        const session = yield* backend.openSession({ run: "foreign", journal })
        const before = yield* linesOf(backend)
        const [a] = yield* backend.lookup([memory("a")])
        if (a?._tag !== "Node") throw new Error("the node a is not there")
        yield* Effect.promise(() => server.raw("GRAPH.QUERY", graph, "MATCH (n {id: 'c'}) DELETE n"))
        const there = before.filter((line) => !line.includes('"c"'))
        // Types of their own: one group of the query finds its ends, the next one does not.
        const create = [
          relationship(null, "a", "ONE", "b", { n: 1n }),
          relationship(null, "a", "TWO", "c", {}),
          link("k", "a", "b", "THREE")
        ]
        const after = { ...a, properties: { ...a.properties, title: "mine" } }
        const failed = yield* Effect.flip(session.write({ create, overwrite: [{ before: a, after }] }))
        expect(failed).toMatchObject({ reason: "store-changed" })
        expect(yield* linesOf(backend)).toEqual(there)
        expect(yield* Stream.runCount(journal.batches)).toBe(0)
        expect(yield* session.undo).toEqual({ _tag: "Undone" })
        expect(yield* linesOf(backend)).toEqual(there)
      })
    )
  })
})
