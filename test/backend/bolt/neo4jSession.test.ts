/** The write session on a real Neo4j: publishing, undoing, the fence, and strangers that write meanwhile. */
import * as Effect from "effect/Effect"
import type { Driver } from "neo4j-driver"
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest"
import { make } from "../../../src/backend/bolt/Neo4jBackend.ts"
import { type GraphRecord, node, relationship } from "../../../src/domain/Graph.ts"
import { missingAfterFetch, type Neo4jServer, START_TIMEOUT, startNeo4j } from "../../support/neo4j.ts"
import {
  create,
  dump,
  failure,
  journal,
  lines,
  openSession,
  overwrite,
  query,
  readAll,
  run,
  temporaryFolder,
  wipe
} from "./support.ts"

const why = missingAfterFetch()
let server: Neo4jServer
let driver: Driver
let empty: ReadonlyArray<string>

beforeAll(async () => {
  if (why !== undefined) return
  server = await startNeo4j()
  driver = server.driver()
  empty = await dump(driver)
}, START_TIMEOUT)
afterAll(async () => {
  if (why !== undefined) return
  await driver.close()
  await server.stop()
})
beforeEach(async (context) => {
  if (why !== undefined) return context.skip(why)
  await wipe(driver)
  for (const row of await query(driver, "SHOW CONSTRAINTS YIELD name"))
    await query(driver, `DROP CONSTRAINT \`${String(row["name"])}\``)
  const indexes = await query(driver, "SHOW INDEXES YIELD name, type WHERE type <> 'LOOKUP' RETURN name")
  for (const row of indexes) await query(driver, `DROP INDEX \`${String(row["name"])}\``)
})

const connected = () => make({ kind: "neo4j", host: server.host, port: server.port })

const OURS: ReadonlyArray<GraphRecord> = [
  node("m1", ["Memory"], { id: "m1", title: "one" }),
  node("m2", ["Memory", "Draft"], { id: "m2", tags: ["a"] }),
  node("gen-1", [], { id: 5n }),
  relationship("r1", "m1", "SOLVES", "m2", { id: "r1" }),
  relationship(null, "m1", "LIKES", "gen-1", {}),
  relationship(null, "m1", "LIKES", "gen-1", {}),
  relationship(null, "gen-1", "SELF", "gen-1", { w: 1 })
]

/** A store in use: memories, other nodes, unkeyed ones, parallel relationships, a schema of its own. */
const occupy = async () => {
  await query(driver, "CREATE INDEX theirs FOR (p:Person) ON (p.name)")
  await query(
    driver,
    "CREATE (a:Memory {id: 'old-1', title: 'theirs', when: datetime('2020-01-01T00:00:00+02:00')}), (b:Person {id: 7, name: 'p'}), ({x: 1.5}) " +
      "CREATE (a)-[:KNOWS {id: 'k', since: date('2020-02-29')}]->(b), (a)-[:KNOWS]->(b), (a)-[:KNOWS]->(b), (b)-[:SELF]->(b)"
  )
  return dump(driver)
}

describe("on an empty store", () => {
  it("publishes exactly the records, with MemoryGraph's schema and without the fence", async () => {
    await run(
      Effect.gen(function* () {
        const backend = yield* connected()
        const session = yield* openSession(backend)
        expect([session.fresh, session.exposed]).toEqual([true, true])
        yield* create(session, OURS)
        expect(yield* readAll(session)).toEqual(lines(OURS))
        yield* session.publish
        expect(yield* readAll(backend)).toEqual(lines(OURS))
        expect((yield* backend.health).notes).toEqual([])
      })
    )
    expect(await query(driver, "MATCH (n:_MgRun) RETURN count(n) AS total")).toEqual([{ total: 0n }])
    const names = (
      await query(
        driver,
        "SHOW INDEXES YIELD name, state, type WHERE type <> 'LOOKUP' RETURN name + ' ' + state AS name"
      )
    ).map((row) => row["name"])
    expect(names.sort()).toEqual(
      ["confidence", "content", "created_at", "importance", "project_path", "tags", "type"]
        .map((name) => `memory_${name}_index ONLINE`)
        .concat("memory_id_unique ONLINE", "relationship_id_unique ONLINE")
        .sort()
    )
  })

  it("is empty again after an undo, schema included", async () => {
    await run(
      Effect.gen(function* () {
        const session = yield* Effect.flatMap(connected(), openSession)
        yield* create(session, OURS)
        expect(yield* session.undo).toEqual({ _tag: "Undone" })
        expect(yield* session.undo).toEqual({ _tag: "Undone" })
      })
    )
    expect(await dump(driver)).toEqual(empty)
  })

  it("is empty again when the scope closes on an open session", async () => {
    await run(Effect.flatMap(Effect.flatMap(connected(), openSession), (session) => create(session, OURS)))
    expect(await dump(driver)).toEqual(empty)
  })

  it("keeps an index that was there", async () => {
    await query(driver, "CREATE INDEX memory_type_index FOR (m:Memory) ON (m.type)")
    const before = await dump(driver)
    await run(Effect.flatMap(Effect.flatMap(connected(), openSession), (session) => create(session, OURS)))
    expect(await dump(driver)).toEqual(before)
  })
})

describe("on a store in use", () => {
  it("adds its records and nothing else", async () => {
    const before = await occupy()
    await run(
      Effect.gen(function* () {
        const backend = yield* connected()
        const session = yield* openSession(backend)
        expect(session.fresh).toBe(false)
        yield* create(session, OURS)
        yield* create(session, [relationship("r9", "m1", "ABOUT", "old-1", { id: "r9" })])
        expect(lines(yield* session.lookup(OURS))).toEqual(lines(OURS))
        yield* session.publish
      })
    )
    const after = new Set(await dump(driver))
    expect(before.filter((line) => !after.has(line))).toEqual([])
    expect(after.size).toBe(before.length + OURS.length + 1)
  })

  it("is as it was after an undo, engine ids included", async () => {
    const before = await occupy()
    await run(
      Effect.gen(function* () {
        const session = yield* Effect.flatMap(connected(), openSession)
        yield* create(session, OURS)
        // Twins of what is there, which only the count tells apart.
        yield* create(session, [relationship(null, "m1", "LIKES", "gen-1", {})])
        expect(yield* session.undo).toEqual({ _tag: "Undone" })
      })
    )
    expect(await dump(driver)).toEqual(before)
  })

  it("gets its overwritten records back", async () => {
    const before = await occupy()
    await run(
      Effect.gen(function* () {
        const backend = yield* connected()
        const [memory] = yield* backend.lookup([node("old-1", ["Memory"], {})])
        const all = yield* readAll({ read: () => backend.read({ only: "nodes" }) })
        const person = all.find((line) => line.includes('"Person"')) ?? ""
        const key = String(JSON.parse(person).node)
        const [known] = yield* backend.lookup([node(key, [], {})])
        const [knows] = (yield* backend.lookup([relationship(null, "old-1", "KNOWS", key, {})])).filter(
          (found) => found.key === "k"
        )
        if (memory?._tag !== "Node" || known?._tag !== "Node" || knows?._tag !== "Relationship")
          throw new Error("not found")
        const session = yield* openSession(backend)
        const pairs = [
          { before: memory, after: node("old-1", ["Memory", "New"], { id: "old-1", m: { a: 1n } }) },
          { before: known, after: node(key, [], { id: 8n, name: "q" }) }
        ]
        yield* overwrite(session, pairs)
        const changed = relationship("k", "old-1", "KNOWS", key, { id: "k", since: 2n ** 70n })
        yield* overwrite(session, [{ before: knows, after: changed }])
        expect(lines(yield* session.lookup(pairs.map((pair) => pair.after)))).toEqual(
          lines(pairs.map((pair) => pair.after))
        )
        expect(lines(yield* session.lookup([changed]))).toContain(lines([changed])[0])
        expect(yield* session.undo).toEqual({ _tag: "Undone" })
      })
    )
    expect(await dump(driver)).toEqual(before)
  })

  it("refuses to overwrite what has changed since", async () => {
    await occupy()
    await run(
      Effect.gen(function* () {
        const backend = yield* connected()
        const [memory] = yield* backend.lookup([node("old-1", ["Memory"], {})])
        if (memory === undefined) throw new Error("not found")
        const session = yield* openSession(backend)
        yield* Effect.promise(() => query(driver, "MATCH (m:Memory {id: 'old-1'}) SET m.title = 'meanwhile'"))
        const error = yield* Effect.flip(
          overwrite(session, [{ before: memory, after: node("old-1", ["Memory"], { id: "old-1" }) }])
        )
        expect(error).toMatchObject({
          _tag: "WriteFailed",
          reason: "store-changed",
          message: expect.stringContaining("old-1")
        })
      })
    )
    expect(await query(driver, "MATCH (m:Memory) RETURN m.title AS title")).toEqual([{ title: "meanwhile" }])
  })
})

describe("strangers that write meanwhile", () => {
  it("keep what they attached and changed, and it is reported", async () => {
    const left = await run(
      Effect.gen(function* () {
        const session = yield* Effect.flatMap(connected(), openSession)
        yield* create(session, OURS)
        yield* Effect.promise(() =>
          query(driver, "MATCH (m:Memory {id: 'm1'}) CREATE (m)<-[:NOTES]-(:Stranger {id: 's'})")
        )
        yield* Effect.promise(() => query(driver, "MATCH (m:Memory {id: 'm2'}) SET m.title = 'mine now'"))
        const outcome = yield* session.undo
        return outcome._tag === "Incomplete" ? outcome.left : []
      })
    )
    expect(left.map(({ what, why: reason }) => `${what}: ${reason}`).sort()).toEqual([
      "node m1: somebody else attached 1 relationship(s) to it",
      "node m2: it is not what this run wrote any more"
    ])
    const rows = await query(
      driver,
      "MATCH (n) OPTIONAL MATCH (n)-[r]->() RETURN coalesce(n.id, '') AS id, type(r) AS type ORDER BY id"
    )
    expect(rows).toEqual([
      { id: "m1", type: null },
      { id: "m2", type: null },
      { id: "s", type: "NOTES" }
    ])
  })

  it("keep relationships equal to ours", async () => {
    await query(driver, "CREATE (a:P {id: 'a'})-[:R]->(b:P {id: 'b'})")
    const before = await dump(driver)
    await run(
      Effect.gen(function* () {
        const session = yield* Effect.flatMap(connected(), openSession)
        yield* create(session, [relationship(null, "a", "R", "b", {}), relationship(null, "a", "R", "b", {})])
        expect(yield* session.undo).toEqual({ _tag: "Undone" })
      })
    )
    expect((await dump(driver)).length).toBe(before.length)
  })

  it("keep relationships equal to ours also where ours were noted but never written", async () => {
    await query(driver, "CREATE (a:P {id: 'a'})-[:R]->(b:P {id: 'b'})")
    const before = await dump(driver)
    await run(
      Effect.gen(function* () {
        const at = `${yield* temporaryFolder}/journal.db`
        const records = [relationship(null, "a", "R", "b", {})]
        yield* (yield* journal(at)).intend({ create: records, overwrite: [] })
        const session = yield* Effect.flatMap(connected(), (backend) => openSession(backend, { journal: at }))
        expect(yield* session.undo).toEqual({ _tag: "Undone" })
      })
    )
    expect(await dump(driver)).toEqual(before)
  })

  it("change what is read, and that is noticed", async () => {
    await query(driver, "UNWIND range(1, 3000) AS i CREATE (:P {id: 'p' + toString(i)})")
    const error = await failure(
      Effect.gen(function* () {
        const backend = yield* connected()
        const { Stream } = yield* Effect.promise(() => import("effect"))
        let done = false
        yield* backend.read().pipe(
          Stream.rechunk(100),
          Stream.runForEachChunk(() =>
            done
              ? Effect.void
              : Effect.promise(async () => {
                  done = true
                  await query(driver, "MATCH (p:P) WHERE toInteger(substring(p.id, 1)) > 1500 DELETE p")
                  await query(driver, "UNWIND range(1, 2000) AS i CREATE (:Q)")
                })
          )
        )
        return yield* Effect.fail("nothing noticed" as const)
      })
    )
    // Whether rows were prefetched is the server's affair: either it saw a state in between, or the counts fit.
    expect(["nothing noticed", "SourceDataInvalid"]).toContain(typeof error === "string" ? error : error._tag)
  })
})

describe("the fence", () => {
  it("lets one run in, and names it to the next", async () => {
    await run(
      Effect.gen(function* () {
        const backend = yield* connected()
        yield* openSession(backend, { run: "first" })
        const error = yield* Effect.flip(openSession(yield* connected(), { run: "second" }))
        expect(error).toMatchObject({
          _tag: "Refused",
          reason: "locked",
          message: expect.stringContaining("runs rollback first")
        })
        expect((yield* backend.health).notes.join()).toContain("first")
        expect((yield* backend.statistics).nodes).toBe(0)
        expect(yield* readAll(backend)).toEqual([])
      })
    )
    expect(await query(driver, "MATCH (n:_MgRun) RETURN count(n) AS total")).toEqual([{ total: 0n }])
  })

  it("lets at most one of many in that come at once", async () => {
    await run(
      Effect.gen(function* () {
        const tries = Array.from({ length: 6 }, (_, i) =>
          Effect.flatMap(connected(), (backend) => Effect.exit(openSession(backend, { run: `run-${i}` })))
        )
        const exits = yield* Effect.all(tries, { concurrency: "unbounded" })
        expect(exits.filter((exit) => exit._tag === "Success").length).toBeLessThanOrEqual(1)
        const held = yield* Effect.promise(() => query(driver, "MATCH (n:_MgRun) RETURN n.run AS run"))
        expect(held.length).toBe(exits.filter((exit) => exit._tag === "Success").length)
      })
    )
  })

  it("stops a session of an older epoch from writing", async () => {
    await run(
      Effect.gen(function* () {
        const at = `${yield* temporaryFolder}/journal.db`
        const old = yield* Effect.flatMap(connected(), (backend) => openSession(backend, { run: "same", journal: at }))
        yield* create(old, OURS.slice(0, 2))
        const next = yield* Effect.flatMap(connected(), (backend) => openSession(backend, { run: "same", journal: at }))
        const error = yield* Effect.flip(create(old, [node("late", [], {})]))
        expect(error).toMatchObject({
          _tag: "WriteFailed",
          reason: "store-changed",
          message: expect.stringContaining("epoch 2, not 1")
        })
        expect(yield* next.undo).toEqual({ _tag: "Undone" })
      })
    )
    expect(await query(driver, "MATCH (n) RETURN count(n) AS total")).toEqual([{ total: 0n }])
  })

  it("is not passed by a batch that is under way when the epoch rises", async () => {
    await run(
      Effect.gen(function* () {
        const session = yield* Effect.flatMap(connected(), openSession)
        const many = Array.from({ length: 4000 }, (_, i) => node(`n${i}`, ["T"], { id: `n${i}` }))
        const writing = yield* Effect.fork(session.write({ create: many, overwrite: [] }))
        yield* Effect.sleep("60 millis")
        yield* Effect.raceFirst(Effect.void, writing)
        yield* Effect.sync(() => writing.unsafeInterruptAsFork(writing.id()))
        expect(yield* session.undo).toEqual({ _tag: "Undone" })
      })
    )
    expect(await dump(driver)).toEqual(empty)
  })
})
