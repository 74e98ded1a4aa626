/**
 * Memgraph's dialect: the statements that are made, and what is native. With `MEMGRAPH_TEST_URI` (for example
 * `bolt://127.0.0.1:7688`, an empty server without users) also the real thing.
 */
import * as Effect from "effect/Effect"
import * as fc from "fast-check"
import neo4jDriver, { type Driver } from "neo4j-driver"
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest"
import type { Connection } from "../../../src/backend/bolt/connection.ts"
import { FENCE_LABEL, isPresent } from "../../../src/backend/bolt/Dialect.ts"
import * as fence from "../../../src/backend/bolt/fence.ts"
import { indexLimits } from "../../../src/backend/bolt/indexLimits.ts"
import { engineKeys } from "../../../src/backend/bolt/keys.ts"
import { assumeWritten } from "../../../src/backend/bolt/marks.ts"
import { memgraph } from "../../../src/backend/bolt/memgraph.ts"
import { make } from "../../../src/backend/bolt/MemgraphBackend.ts"
import { fit } from "../../../src/backend/bolt/records.ts"
import { hasMemoryIndex } from "../../../src/backend/bolt/session.ts"
import { memgraphProfile } from "../../../src/backend/bolt/values.ts"
import { node, relationship } from "../../../src/domain/Graph.ts"
import { Point, type PropertyValue, Temporal, type TemporalKind } from "../../../src/domain/PropertyValue.ts"
import { graphs } from "./arbitraries.ts"
import { create, lines, openSession, overwrite, publish, query, readAll, run, wipe } from "./support.ts"

const temporal = (kind: TemporalKind, text: string) => new Temporal(kind, text)

describe("what Memgraph stores as it is", () => {
  const native: ReadonlyArray<PropertyValue> = [
    "text",
    true,
    2n ** 63n - 1n,
    0.1,
    -0,
    [1n, 0.5, "x", null],
    [[1n], []],
    { k: { n: null, l: [1n] } },
    new Point(4326, 1, 2),
    temporal("date", "2024-02-29"),
    temporal("localTime", "12:00:00.000001"),
    temporal("localDateTime", "2024-02-29T12:00:00"),
    temporal("dateTime", "2025-01-01T00:00:00.5+01:00[Europe/Berlin]"),
    temporal("duration", "P2DT3H4M5.000006S")
  ]
  const encoded: ReadonlyArray<PropertyValue> = [
    "a\0b",
    "\ud800",
    2n ** 63n,
    NaN,
    Infinity,
    new Uint8Array([1]),
    new Point(4326, 1000, 2),
    { "\ud800": 1n },
    temporal("time", "12:00:00+01:00"),
    temporal("time", "12:00:00Z"),
    temporal("localTime", "12:00:00.0000001"),
    temporal("date", "+12024-02-29"),
    temporal("date", "-0001-01-01"),
    temporal("dateTime", "2025-01-01T00:00:00+01:00:30"),
    temporal("duration", "P1M"),
    temporal("duration", "PT25H"),
    temporal("duration", "PT-1S"),
    [temporal("duration", "P1Y")]
  ]
  it.each(native)("%o", (value) => expect(memgraphProfile.nativeValue(value)).toBe(true))
  it.each(encoded)("not %o", (value) => expect(memgraphProfile.nativeValue(value)).toBe(false))
})

const NEO4J_ONLY = /elementId|\$\(|IS ::|IF (NOT )?EXISTS|REQUIRE|CALL|COUNT \{|FULLTEXT/

describe("the statements", () => {
  const made = [
    memgraph.id("n"),
    memgraph.text("n.id"),
    memgraph.returning("n", []),
    memgraph.returning("r", ["at"]),
    memgraph.createNodes(true),
    memgraph.createNodes(false),
    memgraph.between,
    memgraph.createRelationship,
    memgraph.addLabels,
    memgraph.removeLabels,
    memgraph.now,
    memgraph.degree,
    ...memgraph.schema.flatMap((item) => [item.create, item.drop])
  ]

  it("hold nothing that only Neo4j knows", () => {
    for (const text of made) expect(text).not.toMatch(NEO4J_ONLY)
  })

  it("are Memgraph's", () => {
    expect(memgraph.createNodes(true)).toBe(
      "UNWIND $rows AS row CREATE (n) SET n = row.properties SET n:row.labels RETURN row.at AS at, id(n) AS id"
    )
    expect(memgraph.createNodes(false)).not.toContain("labels")
    expect(memgraph.createRelationship).toBe("CREATE (a)-[r:row.type]->(b)")
    expect(memgraph.schema.map((item) => item.create)).toEqual([
      "CREATE CONSTRAINT ON (m:Memory) ASSERT m.id IS UNIQUE",
      ...["id", "type", "created_at", "tags", "importance", "confidence"].map(
        (name) => `CREATE INDEX ON :Memory(${name})`
      )
    ])
    expect(memgraph.idParameter("17")).toBe(17n)
  })
})

describe("the fence", () => {
  const claim = { run: "r", epoch: 1_000_000, owner: "o", host: "h", lease: 60_000 }
  const held = { run: "r", epoch: 1_000_000 }

  /** Answers every statement with the rows, and tells what was asked. */
  const asking = (rows: ReadonlyArray<Record<string, unknown>>) => {
    const asked: Array<string> = []
    const run = (text: string) => {
      asked.push(text)
      return Effect.succeed(rows.map((row) => ({ get: (column: string) => row[column] ?? null })))
    }
    const connection: Connection = { ...server({}), run, transact: (body) => body({ run }) }
    return { asked, place: { connection, dialect: memgraph } }
  }

  it("speaks Memgraph: microseconds, no locks, nothing that only Neo4j knows", async () => {
    const free = asking([])
    await Effect.runPromise(fence.raise(free.place, claim))
    await Effect.runPromise(fence.raiseEpoch(free.place, held, claim))
    await Effect.runPromise(Effect.flip(fence.beat(free.place, held, true)))
    await Effect.runPromise(fence.drop(free.place, held))
    await Effect.runPromise(Effect.flip(assumeWritten(free.place, 1, [], held)))
    const standing = asking([
      { run: "r", epoch: 1_000_000n, owner: "o", host: "h", lease: 60_000n, heartbeat: 1n, now: 2n }
    ])
    await Effect.runPromise(fence.raise(standing.place, claim))
    await Effect.runPromise(assumeWritten(standing.place, 1, [], held))
    const all = [...free.asked, ...standing.asked]
    for (const text of all) expect(text).not.toMatch(NEO4J_ONLY)
    expect(
      all.filter((text) => text.includes("timestamp()")).every((text) => text.includes("(timestamp() / 1000)"))
    ).toBe(true)
    // Every transaction that decides writes to the fence first: that is what conflicts with whoever else does.
    expect(all.some((text) => text.includes("SET f += {}"))).toBe(false)
    expect(free.asked.filter((text) => /SET f\.heartbeat = \(timestamp/.test(text)).length).toBeGreaterThanOrEqual(4)
  })
})

/** Answers as a Memgraph 3.6 does. */
const server = (answers: { readonly [text: string]: ReadonlyArray<Record<string, unknown>> }): Connection => ({
  server: { kind: "memgraph", title: "Memgraph", location: "memgraph://h:7687" },
  agent: "Neo4j/v5.11.0 compatible graph database server - Memgraph",
  run: (text) => Effect.succeed((answers[text] ?? []).map((row) => ({ get: (column) => row[column] }))),
  reading: Effect.dieMessage("not here"),
  transact: () => Effect.dieMessage("not here"),
  bookmark: Effect.succeed(undefined)
})

const storage = (mode: string) => [
  { "storage info": "storage_mode", value: mode },
  { "storage info": "vertex_count", value: 3n }
]

describe("the catalog", () => {
  const connection = server({
    "SHOW INDEX INFO": [
      { "index type": "label", label: "Memory", property: null, count: 1n },
      { "index type": "label+property", label: "Memory", property: ["type"], count: 1n }
    ],
    "SHOW CONSTRAINT INFO": [
      { "constraint type": "unique", label: "Memory", properties: ["id"] },
      { "constraint type": "exists", label: "Memory", properties: "title" }
    ]
  })

  it("tells what is there: a unique constraint is no index", async () => {
    const catalog = await Effect.runPromise(memgraph.catalog(connection))
    const missing = memgraph.schema.filter((item) => !isPresent(catalog, item)).map((item) => item.what)
    expect(missing).toEqual(
      ["id", "created_at", "tags", "importance", "confidence"].map((name) => `index Memory(${name})`)
    )
    expect(hasMemoryIndex(catalog)).toBe(false)
  })

  it("keeps ids that a unique constraint would refuse aside, and takes keys of any length", async () => {
    const catalog = await Effect.runPromise(memgraph.catalog(connection))
    const check = fit({ profile: memgraphProfile, limits: indexLimits(catalog, memgraph.keyBytes) })
    expect(check(node("k", ["Memory"], { id: 5n }))).toEqual([
      { level: "encoded", kind: "id under a uniqueness constraint that is not the key" }
    ])
    expect(check(node("w".repeat(9000), ["Memory"], { id: "w".repeat(9000) }))).toEqual([])
  })
})

describe("what it says of itself", () => {
  it("is a reason not to write in analytical mode", async () => {
    const described = await Effect.runPromise(
      memgraph.describe(
        server({ "SHOW STORAGE INFO": storage("IN_MEMORY_ANALYTICAL"), "SHOW VERSION": [{ version: "3.6.2" }] })
      )
    )
    expect(described).toMatchObject({
      version: "Memgraph 3.6.2, IN_MEMORY_ANALYTICAL",
      unwritable: { reason: "unsupported" }
    })
  })

  it("is a reason not to write on a replica", async () => {
    const answers = {
      "SHOW STORAGE INFO": storage("IN_MEMORY_TRANSACTIONAL"),
      "SHOW REPLICATION ROLE": [{ "replication role": "replica" }]
    }
    expect(await Effect.runPromise(memgraph.describe(server(answers)))).toMatchObject({
      unwritable: { reason: "read-only" }
    })
  })
})

it("its keys name the store, since its ids are small numbers", () => {
  const [one, other] = [engineKeys(memgraph, "aaaa"), engineKeys(memgraph, "bbbb")]
  expect(one.make("17")).toBe("memgraph:aaaa:17")
  expect(one.idOf("memgraph:aaaa:17")).toBe("17")
  expect(other.idOf("memgraph:aaaa:17")).toBeUndefined()
  expect(one.idOf("memgraph:aaaa:1; DROP")).toBeUndefined()
})

const uri = process.env["MEMGRAPH_TEST_URI"]
const why = uri === undefined ? "not run: no Memgraph (MEMGRAPH_TEST_URI is not set)" : undefined

describe("a real Memgraph", () => {
  let driver: Driver
  const at = new URL((uri ?? "bolt://127.0.0.1:7688").replace(/^\w+:/, "http:"))
  const connected = make({ kind: "memgraph", host: at.hostname, port: Number(at.port) })

  const state = async () => {
    const nodes = await query(driver, "MATCH (n) RETURN id(n) AS id, labels(n) AS labels, properties(n) AS properties")
    const relationships = await query(
      driver,
      "MATCH (a)-[r]->(b) RETURN id(a) AS a, id(b) AS b, type(r) AS type, properties(r) AS properties"
    )
    const show = (_: string, value: unknown) => (typeof value === "bigint" ? `${value}n` : value)
    return [...nodes, ...relationships].map((row) => JSON.stringify(row, show)).sort()
  }

  beforeAll(() => {
    if (uri !== undefined) driver = neo4jDriver.driver(uri, undefined, { useBigInt: true })
  })
  afterAll(async () => {
    if (uri !== undefined) await driver.close()
  })
  beforeEach(async (context) => {
    if (why !== undefined) return context.skip(why)
    await wipe(driver)
  })

  it("gives any graph back as it was", async () => {
    await run(
      Effect.gen(function* () {
        const backend = yield* connected
        const check = fc.asyncProperty(graphs, async (records) => {
          await wipe(driver)
          await run(publish(backend, records))
          expect(await run(readAll(backend))).toEqual(lines(records))
          expect(lines(await run(backend.lookup(records)))).toEqual(lines(records))
        })
        yield* Effect.promise(() => fc.assert(check, { seed: 4712, numRuns: 60 }))
      })
    )
  }, 300_000)

  it("is as it was after an undo, and gets overwritten records back", async () => {
    await query(
      driver,
      "CREATE (a:Memory {id: 'old', n: 1})-[:R {id: 'k'}]->(b:Person {id: 7}), (a)-[:R]->(b), (a)-[:R]->(b)"
    )
    const before = await state()
    await run(
      Effect.gen(function* () {
        const backend = yield* connected
        const [memory] = yield* backend.lookup([node("old", ["Memory"], {})])
        if (memory === undefined) throw new Error("not found")
        const session = yield* openSession(backend)
        yield* create(session, [
          node("m", ["Memory"], { id: "m" }),
          relationship(null, "m", "R", "old", {}),
          relationship(null, "m", "R", "old", {})
        ])
        yield* overwrite(session, [
          { before: memory, after: node("old", ["Memory", "New"], { id: "old", m: { a: 1n } }) }
        ])
        expect(yield* session.undo).toEqual({ _tag: "Undone" })
      })
    )
    expect(await state()).toEqual(before)
  })

  it("lets one run in at a time", async () => {
    await run(
      Effect.gen(function* () {
        yield* openSession(yield* connected, { run: "first" })
        expect(yield* Effect.flip(openSession(yield* connected, { run: "second" }))).toMatchObject({
          _tag: "Refused",
          reason: "locked"
        })
      })
    )
    expect(await query(driver, `MATCH (n:${FENCE_LABEL}) RETURN count(n) AS total`)).toEqual([{ total: 0n }])
  })
})
