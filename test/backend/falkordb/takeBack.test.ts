/** Taking a published run back: out of a graph in use, and out of a file. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as crypto from "node:crypto"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import * as FalkorDB from "../../../src/backend/falkordb/FalkorDBBackend.ts"
import * as FalkorDBLite from "../../../src/backend/falkordb/FalkorDBLiteBackend.ts"
import type { GraphBackend } from "../../../src/backend/GraphBackend.ts"
import * as Journal from "../../../src/backend/Journal.ts"
import type { WriteSession } from "../../../src/backend/WriteSession.ts"
import type { Left } from "../../../src/domain/Errors.ts"
import { relationship } from "../../../src/domain/Graph.ts"
import { engineAvailable, startFalkorDB, type TestServer } from "../../support/falkordb.ts"
import { raw } from "../../support/rawRedis.ts"
import { changeFile } from "./liteHarness.ts"
import { lines, linesOf, link, memory, run } from "./support.ts"

const BEFORE =
  "CREATE (a:Memory {id: 'a', title: 'old', x: 0.1})-[:T {id: 'r', n: 1}]->(b:Memory {id: 'b'}), (a)-[:M {n: 1}]->(b)"

const created = [memory("new-1"), memory("new-2"), memory("new-3")]
const equal = relationship(null, "a", "M", "b", { n: 1n })
const links = [
  link("l-1", "new-1", "new-2"),
  link("l-2", "new-1", "a", "KNOWS"),
  // One stands there already, equal.
  equal,
  equal,
  relationship(null, "new-1", "M", "new-2", { n: 2n })
]

// Two batches are equal; one record is created and then replaced.
const load = (session: WriteSession) =>
  Effect.gen(function* () {
    const [a] = yield* session.lookup([memory("a")])
    const [r] = yield* session.lookup([relationship("r", "a", "T", "b", {})])
    if (a?._tag !== "Node" || r?._tag !== "Relationship") throw new Error("not there")
    yield* session.write({
      create: created,
      overwrite: [{ before: a, after: { ...a, labels: ["Memory", "More"], properties: { id: "a", title: "mine" } } }]
    })
    const again = memory("new-1", "again")
    yield* session.write({ create: [], overwrite: [{ before: created[0] ?? again, after: again }] })
    yield* session.write({
      create: links,
      overwrite: [{ before: r, after: { ...r, properties: { id: "r", n: 2n } } }]
    })
    yield* session.write({ create: [equal], overwrite: [] })
    yield* session.write({ create: [equal], overwrite: [] })
  })

const takeBackAll = (session: WriteSession, journal: Journal.Journal, stop = Number.POSITIVE_INFINITY) => {
  let done = 0
  return Effect.map(
    Effect.forEach(Journal.UNDO_ORDER, (part) =>
      Stream.runCollect(
        Stream.mapEffect(journal.batches, (batch) =>
          done++ < stop ? session.takeBack(batch, part) : Effect.succeed<ReadonlyArray<Left>>([])
        )
      )
    ),
    (all) => all.flatMap((one) => [...one].flat())
  )
}

const publishOn = (connect: ReturnType<typeof FalkorDB.make>, file: string) =>
  run(
    Effect.gen(function* () {
      const journal = yield* Journal.make(file)
      const session = yield* (yield* connect).openSession({ run: "published", journal })
      yield* load(session)
      yield* session.publish
    })
  )

const rollback = (connect: ReturnType<typeof FalkorDB.make>, file: string, stop?: number) =>
  run(
    Effect.gen(function* () {
      const journal = yield* Journal.make(file)
      const backend: GraphBackend = yield* connect
      const session = yield* backend.openSession({ run: "published", journal })
      const left = yield* takeBackAll(session, journal, stop)
      // Broken off: nobody has a chance to undo or to publish, and the next one takes over.
      if (stop !== undefined) yield* Journal.make(file)
      else yield* session.publish
      return left
    })
  )

describe.skipIf(engineAvailable !== undefined)(`taking a published run back ${engineAvailable ?? ""}`, () => {
  let server: TestServer
  let graph: string
  let folder: string
  let file: string
  let journal: string
  beforeAll(async () => {
    server = await startFalkorDB()
  })
  afterAll(() => server.stop())
  beforeEach(() => {
    graph = `g-${crypto.randomUUID()}`
    folder = fs.mkdtempSync(path.join(os.tmpdir(), "mg-test-back-"))
    file = path.join(folder, "store.fdb")
    journal = path.join(folder, "journal.db")
  })
  afterEach(async () => {
    fs.rmSync(folder, { recursive: true })
    await server.raw("GRAPH.DELETE", graph).catch(() => undefined)
  })

  const places = {
    server: {
      connect: () => FalkorDB.make({ kind: "falkordb", host: server.host, port: server.port, graph }),
      cypher: (queries: ReadonlyArray<string>) =>
        Promise.all(queries.map((query) => server.raw("GRAPH.QUERY", graph, query)))
    },
    file: {
      connect: () => FalkorDBLite.make({ kind: "falkordblite", path: file }),
      cypher: (queries: ReadonlyArray<string>) =>
        run(
          changeFile(file, (socket) =>
            Effect.promise(async () => {
              for (const query of queries) await raw({ path: socket }, "GRAPH.QUERY", "memorygraph", query)
            })
          )
        )
    }
  }
  const kinds = ["server", "file"] as const
  const now = (kind: (typeof kinds)[number]) => run(Effect.flatMap(places[kind].connect(), linesOf))

  it.each(kinds)("brings everything back, a second time nothing is left to do (%s)", async (kind) => {
    const { connect, cypher } = places[kind]
    await cypher([BEFORE])
    const before = await now(kind)
    await publishOn(connect(), journal)
    expect(await now(kind)).toHaveLength(before.length + created.length + links.length + 2)
    expect(await rollback(connect(), journal)).toEqual([])
    expect(await now(kind)).toEqual(before)
  })

  it.each(kinds)("leaves what others have changed or linked to, and says so (%s)", async (kind) => {
    const { connect, cypher } = places[kind]
    await cypher([BEFORE])
    await publishOn(connect(), journal)
    await cypher([
      "MATCH (n {id: 'new-2'}) SET n.title = 'theirs'",
      "MATCH (n {id: 'new-3'}) CREATE (n)-[:THEIRS]->(:Foreign {id: 'f'})",
      "MATCH (n {id: 'a'}) SET n.title = 'theirs'",
      "MATCH ()-[r {id: 'l-1'}]->() SET r.strength = 0.8",
      "MATCH ()-[r:M {n: 2}]->() SET r.n = 3"
    ])
    const left = await rollback(connect(), journal)
    expect(left.map(({ what }) => what).sort()).toEqual([
      "node new-1",
      "node new-2",
      "node new-3",
      "relationship (new-1)-[M]->(new-2)",
      "relationship l-1",
      "the state before of node a"
    ])
    const after = await now(kind)
    expect(after.filter((line) => line.includes('"theirs"') || line.includes("THEIRS"))).toHaveLength(3)
    expect(after.filter((line) => line.includes('"type":"M","from":"a"'))).toEqual(lines([equal]))
    expect(after.find((line) => line.includes('"relationship":"r"'))).toContain('"n":1')
  })

  it.each(kinds)("does not report what is gone (%s)", async (kind) => {
    const { connect, cypher } = places[kind]
    await cypher([BEFORE])
    const before = await now(kind)
    await publishOn(connect(), journal)
    await cypher(["MATCH (n {id: 'new-1'}) DETACH DELETE n", "MATCH ()-[r {id: 'r'}]->() SET r.n = 1"])
    expect(await rollback(connect(), journal)).toEqual([])
    expect(await now(kind)).toEqual(before)
  })

  it.each([1, 4, 6, 8, 11, 14])("goes on where it was broken off in a graph in use (after %i parts)", async (stop) => {
    const { connect, cypher } = places.server
    await cypher([BEFORE])
    const before = await now("server")
    await publishOn(connect(), journal)
    expect(await rollback(connect(), journal, stop)).toEqual([])
    expect(await rollback(connect(), journal)).toEqual([])
    expect(await now("server")).toEqual(before)
    const fences = await server.raw("GRAPH.QUERY", graph, "MATCH (f:_MgRun) RETURN count(f)")
    expect(JSON.stringify(fences)).toContain("[[0]]")
  })

  it("twice in one session takes as much as once (graph in use)", async () => {
    const { connect, cypher } = places.server
    await cypher([BEFORE])
    const before = await now("server")
    await publishOn(connect(), journal)
    await run(
      Effect.gen(function* () {
        const open = yield* Journal.make(journal)
        const session = yield* (yield* connect()).openSession({ run: "published", journal: open })
        expect(yield* takeBackAll(session, open)).toEqual([])
        expect((yield* takeBackAll(session, open)).filter(({ why }) => !why.includes("cannot be told"))).toEqual([])
        yield* session.publish
      })
    )
    expect(await now("server")).toEqual(before)
  })

  it("of a graph that is gone makes none", async () => {
    const { connect } = places.server
    await run(
      Effect.gen(function* () {
        const open = yield* Journal.make(journal)
        const session = yield* (yield* connect()).openSession({ run: "published", journal: open })
        yield* session.write({ create: created, overwrite: [] })
        yield* session.publish
      })
    )
    await server.raw("GRAPH.DELETE", graph)
    expect(await rollback(connect(), journal)).toEqual([])
    const keys = await server.raw("KEYS", "*")
    expect((Array.isArray(keys) ? keys : []).filter((key) => String(key).includes(graph))).toEqual([])
  })

  it("of a file that is gone makes none", async () => {
    const { connect } = places.file
    await run(
      Effect.gen(function* () {
        const open = yield* Journal.make(journal)
        const session = yield* (yield* connect()).openSession({ run: "published", journal: open })
        yield* session.write({ create: created, overwrite: [] })
        yield* session.publish
      })
    )
    fs.rmSync(file)
    expect(await rollback(connect(), journal)).toEqual([])
    expect(fs.readdirSync(folder)).toEqual(["journal.db"])
  })

  it("claims on one run do not meet in one staging key", async () => {
    const { connect } = places.server
    await run(
      Effect.gen(function* () {
        const options = { run: "published", journal: yield* Journal.make(journal) }
        const first = yield* (yield* connect()).openSession(options)
        const again = yield* (yield* connect()).openSession({ ...options, journal: yield* Journal.make(journal) })
        expect(yield* Effect.flip(first.write({ create: created, overwrite: [] }))).toMatchObject({
          reason: "superseded"
        })
        expect(yield* Effect.flip(first.publish)).toMatchObject({ _tag: "WriteFailed" })
        yield* first.undo
        yield* again.write({ create: [memory("again")], overwrite: [] })
        yield* again.publish
      })
    )
    expect(await now("server")).toEqual(lines([memory("again")]))
  })
})
