/** Values, names and injection on a real Neo4j: written by us and looked at by the driver, and the other way round. */
import * as Effect from "effect/Effect"
import * as fc from "fast-check"
import type { Driver } from "neo4j-driver"
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest"
import type { GraphBackend } from "../../../src/backend/GraphBackend.ts"
import { make } from "../../../src/backend/bolt/Neo4jBackend.ts"
import { canonicalLine } from "../../../src/domain/Canonical.ts"
import { type GraphRecord, node, relationship } from "../../../src/domain/Graph.ts"
import { Point, type PropertyValue, Temporal, Vector } from "../../../src/domain/PropertyValue.ts"
import { missingAfterFetch, type Neo4jServer, START_TIMEOUT, startNeo4j } from "../../support/neo4j.ts"
import { graphs, temporals } from "./arbitraries.ts"
import { create, dump, failure, lines, openSession, query, readAll, run, wipe } from "./support.ts"

const why = missingAfterFetch()
let server: Neo4jServer
let driver: Driver

beforeAll(async () => {
  if (why !== undefined) return
  server = await startNeo4j()
  driver = server.driver()
}, START_TIMEOUT)
afterAll(async () => {
  if (why !== undefined) return
  await driver.close()
  await server.stop()
})
beforeEach(async (context) => {
  if (why !== undefined) return context.skip(why)
  await wipe(driver)
})

const connected = () => make({ kind: "neo4j", host: server.host, port: server.port })

/** Writes and publishes. */
const publish = (backend: GraphBackend, records: ReadonlyArray<GraphRecord>) =>
  Effect.gen(function* () {
    const session = yield* openSession(backend)
    yield* create(session, records)
    yield* session.publish
  })

const NATIVE: ReadonlyArray<readonly [valueType: string, PropertyValue]> = [
  ["STRING", "text with NUL \0, quote ' and `"],
  ["STRING", ""],
  ["BOOLEAN", true],
  ["INTEGER", 2n ** 63n - 1n],
  ["INTEGER", -(2n ** 63n)],
  ["FLOAT", 1],
  ["FLOAT", -0],
  ["FLOAT", 0.30000000000000004],
  ["FLOAT", 5e-324],
  ["FLOAT", NaN],
  ["FLOAT", -Infinity],
  ["DATE", new Temporal("date", "-0044-03-15")],
  ["LOCAL TIME", new Temporal("localTime", "12:50:35.000000001")],
  ["ZONED TIME", new Temporal("time", "12:50:35-00:53:28")],
  ["LOCAL DATETIME", new Temporal("localDateTime", "+123456-06-24T00:00:00")],
  ["ZONED DATETIME", new Temporal("dateTime", "2022-10-30T02:30:00+01:00[Europe/Berlin]")],
  ["ZONED DATETIME", new Temporal("dateTime", "2015-06-24T12:50:35.5+05:45")],
  ["DURATION", new Temporal("duration", "P-1Y-2M3DT-0.3S")],
  ["POINT", new Point(4326, 180, -90)],
  ["POINT", new Point(9157, -0, 1e308, 5e-324)],
  ["LIST<STRING NOT NULL>", ["a", "", "ünï"]],
  ["LIST<INTEGER NOT NULL>", [1n, 2n ** 62n]],
  ["LIST<FLOAT NOT NULL>", [1, 2.5, NaN]],
  ["LIST<BOOLEAN NOT NULL>", [true, false]],
  ["LIST<DATE NOT NULL>", [new Temporal("date", "2024-02-29")]],
  ["LIST<POINT NOT NULL>", [new Point(7203, 1, 2), new Point(7203, 3, 4)]],
  ["LIST<NOTHING>", []]
]

const ENCODED: ReadonlyArray<readonly [kind: string, PropertyValue]> = [
  ["text with a lone surrogate", "x\ud800"],
  ["integer beyond 64 bits", 2n ** 63n],
  ["duration value", new Temporal("duration", "P14M")],
  ["dateTime value", new Temporal("dateTime", "2025-01-01T00:00:00+00:00")],
  ["point or vector", new Point(4326, 1000, 20)],
  ["point or vector", new Point(7203, NaN, 1)],
  ["point or vector", new Vector(new Float32Array([0.1, 2]))],
  ["list the engine cannot hold", [1n, 0.5]],
  ["list the engine cannot hold", [null]],
  ["list the engine cannot hold", [[1n]]],
  ["list the engine cannot hold", [new Point(7203, 1, 2), new Point(4326, 1, 2)]],
  ["list the engine cannot hold", ["\ud800"]],
  ["map value", { k: [null, 1n, 1], $date: "x" }],
  ["map value", {}]
]

describe("one value", () => {
  it("of a native kind is stored as itself", async () => {
    const records = NATIVE.map(([, value], i) => node(`n${i}`, ["T"], { id: `n${i}`, value }))
    await run(
      Effect.gen(function* () {
        const backend = yield* connected()
        expect(records.flatMap(backend.fit)).toEqual([])
        yield* publish(backend, records)
        expect(yield* readAll(backend)).toEqual(lines(records))
      })
    )
    const stored = await query(driver, "MATCH (n) RETURN n.id AS id, valueType(n.value) AS kind, keys(n) AS keys")
    const kinds = new Map(stored.map((row) => [row["id"], row["kind"]]))
    // Neo4j gives an empty list a kind of its own choosing.
    NATIVE.forEach(([kind], i) => {
      if (kind !== "LIST<NOTHING>") expect(String(kinds.get(`n${i}`)).replace(/ NOT NULL$/, "")).toBe(kind)
    })
    expect(stored.every((row) => JSON.stringify([...(row["keys"] as string[])].sort()) === '["id","value"]')).toBe(true)
    const [zero] = await query(driver, "MATCH (n {id: 'n6'}) RETURN n.value AS value")
    expect(Object.is(zero?.["value"], -0)).toBe(true)
  })

  it("of bytes is stored as bytes", async () => {
    const record = node("b", ["T"], { id: "b", bytes: new Uint8Array([0, 1, 127, 128, 255]), none: new Uint8Array() })
    await run(Effect.flatMap(connected(), (backend) => publish(backend, [record])))
    const [row] = await query(driver, "MATCH (n) RETURN n.bytes AS bytes, n.none AS none")
    expect(row?.["bytes"]).toEqual(new Int8Array([0, 1, 127, -128, -1]))
    expect(row?.["none"]).toEqual(new Int8Array())
    expect(await run(Effect.flatMap(connected(), readAll))).toEqual([canonicalLine(record)])
  })

  it("of another kind is encoded, and the plan says so", async () => {
    const records = ENCODED.map(([, value], i) => node(`e${i}`, ["T"], { id: `e${i}`, value }))
    await run(
      Effect.gen(function* () {
        const backend = yield* connected()
        records.forEach((record, i) =>
          expect(backend.fit(record)).toEqual([{ level: "encoded", kind: ENCODED[i]?.[0] }])
        )
        yield* publish(backend, records)
        expect(yield* readAll(backend)).toEqual(lines(records))
      })
    )
  })
})

it("our text of temporal values is the server's", async () => {
  const sample = fc.sample(temporals, { seed: 77, numRuns: 500 })
  const records = sample.map((value, i) => node(`t${i}`, ["T"], { id: `t${i}`, value }))
  await run(Effect.flatMap(connected(), (backend) => publish(backend, records)))
  const rows = await query(driver, "MATCH (n) RETURN n.id AS id, toString(n.value) AS text")
  const texts = new Map(rows.map((row) => [row["id"], row["text"]]))
  sample.forEach((value, i) => expect(texts.get(`t${i}`)).toBe(value.text))
})

it("any graph comes back as it was, in order of nothing", async () => {
  await run(
    Effect.gen(function* () {
      const backend = yield* connected()
      const check = fc.asyncProperty(graphs, async (records) => {
        await wipe(driver)
        for (const record of records) {
          expect(backend.fit(record).filter((misfit) => misfit.level === "impossible")).toEqual([])
        }
        await run(publish(backend, records))
        expect(await run(readAll(backend))).toEqual(lines(records))
        const found = await run(backend.lookup(records))
        expect(lines(found)).toEqual(lines(records))
        const counted = await run(backend.statistics)
        expect(counted.nodes + counted.relationships).toBe(records.length)
      })
      yield* Effect.promise(() => fc.assert(check, { seed: 4711, numRuns: 120 }))
    })
  )
}, 300_000)

it("what others have stored is read exactly, odd zones and names included", async () => {
  await query(
    driver,
    "CREATE (n:Odd {id: 'odd', old: datetime({year: 2020, timezone: 'SystemV/PST8PDT'}), " +
      "far: datetime({year: 300000, timezone: 'Europe/Berlin'}), plain: 1, `__proto__`: 'kept', f: 1.0, " +
      "many: [datetime({year: 300000, timezone: 'Europe/Berlin'}), datetime('2020-01-01T00:00:00+02:00')]}) " +
      "CREATE (n)-[:AT {id: 'r', when: datetime({year: 300000, timezone: 'Asia/Kathmandu'}), offset: datetime('2020-01-01T00:00:00+02:00')}]->(n)"
  )
  const found = await run(Effect.flatMap(connected(), readAll))
  const far = '{"$dateTime":"+300000-01-01T00:00:00+01:00[Europe/Berlin]"}'
  expect(found).toEqual([
    `{"node":"odd","labels":["Odd"],"properties":{"__proto__":"kept","f":1.0,"far":${far},"id":"odd","many":[${far},{"$dateTime":"2020-01-01T00:00:00+02:00"}],"old":{"$dateTime":"2020-01-01T00:00:00-08:00[SystemV/PST8PDT]"},"plain":1}}`,
    '{"relationship":"r","type":"AT","from":"odd","to":"odd","properties":{"id":"r","offset":{"$dateTime":"2020-01-01T00:00:00+02:00"},"when":{"$dateTime":"+300000-01-01T00:00:00+05:45[Asia/Kathmandu]"}}}'
  ])
})

const HOSTILE = [
  "A`) DETACH DELETE n //",
  "A\\u0060) DETACH DELETE n //",
  "`",
  "``",
  "\\u0060",
  "\\",
  "$(1)",
  "a:b|c",
  "' OR 1=1 //",
  "}) MATCH (x) DETACH DELETE x //",
  "row.properties",
  "é 😀\n"
]

it("labels, types, names, keys and values are never taken for Cypher", async () => {
  await query(driver, "CREATE (:Bystander {id: 'bystander'})")
  const nodes = HOSTILE.map((text, i) => node(text, [text, "L"], { id: text, [text]: text, n: BigInt(i) }))
  const relationships = HOSTILE.map((text) =>
    relationship(text, HOSTILE[0] ?? "", text, text, { id: text, [text]: text })
  )
  await run(
    Effect.gen(function* () {
      const backend = yield* connected()
      expect([...nodes, ...relationships].flatMap(backend.fit)).toEqual([])
      yield* publish(backend, [...nodes, ...relationships])
      expect(lines(yield* backend.lookup([...nodes, ...relationships]))).toEqual(lines([...nodes, ...relationships]))
      const counted = yield* backend.statistics
      for (const text of HOSTILE) expect([counted.labels[text], counted.types[text]]).toEqual([1, 1])
    })
  )
  expect(await query(driver, "MATCH (n:Bystander) RETURN count(n) AS total")).toEqual([{ total: 1n }])
  const rows = await query(driver, "MATCH (n:L) RETURN n.id AS id, [l IN labels(n) WHERE l <> 'L'][0] AS label")
  expect(rows.map((row) => row["id"]).sort()).toEqual([...HOSTILE].sort())
  expect(rows.every((row) => row["id"] === row["label"])).toBe(true)
})

describe("keys", () => {
  it("are the ids where they are unique texts, else the engine's", async () => {
    await query(driver, "CREATE (:P {id: 'one'}), (:P {id: 'twice'}), (:Q {id: 'twice'}), (:P {id: 7}), ({x: 1})")
    const found = await run(Effect.flatMap(connected(), readAll))
    const keys = found.map((line) => String(JSON.parse(line).node)).sort()
    expect(keys).toHaveLength(5)
    expect(keys.filter((key) => /^neo4j:4:[0-9a-f-]+:\d+$/.test(key))).toHaveLength(4)
    expect(keys).toContain("one")
    expect(await run(Effect.flatMap(connected(), readAll))).toEqual(found)
  })

  it("of relationships are none where ids are repeated", async () => {
    await query(
      driver,
      "CREATE (a:P {id: 'a'}) CREATE (a)-[:R {id: 'x'}]->(a), (a)-[:S {id: 'x'}]->(a), (a)-[:S {id: 'y'}]->(a)"
    )
    const found = await run(Effect.flatMap(connected(), readAll))
    const keys = found.filter((line) => line.startsWith('{"rel')).map((line) => JSON.parse(line).relationship)
    expect(keys.sort()).toEqual([null, null, "y"])
  })

  it("go to another Neo4j and back and still find their nodes", async () => {
    await query(driver, "CREATE (:P {id: 7})-[:R]->(:P {id: 7})")
    await run(
      Effect.gen(function* () {
        const backend = yield* connected()
        const nodes = yield* readAll({ read: () => backend.read({ only: "nodes" }) })
        const records = nodes.map((line) => node(String(JSON.parse(line).node), ["P"], { id: 7n }))
        expect(lines(yield* backend.lookup(records))).toEqual(nodes)
      })
    )
  })

  it("that UTF-8 cannot say, and reserved names, are impossible", async () => {
    await run(
      Effect.gen(function* () {
        const { fit } = yield* connected()
        const kinds = (record: GraphRecord) => fit(record).map((misfit) => `${misfit.level} ${misfit.kind}`)
        expect(kinds(node("\ud800", [], {}))).toEqual(["impossible key with a lone surrogate"])
        expect(kinds(node("k", ["_MgRun"], {}))).toEqual(["impossible reserved label _MgRun"])
        expect(kinds(node("k", [], { _mg_x: 1n }))).toEqual(["impossible reserved property name _mg_x"])
      })
    )
  })
})

describe("index keys", () => {
  const wide = "w".repeat(8164)
  const records = [
    node(wide, ["Memory"], { id: wide }),
    node(`${wide}+`, ["Memory"], { id: `${wide}+` }),
    node("tags", ["Memory"], { id: "tags", tags: Array.from({ length: 2722 }, () => "t") }),
    node("twin-1", ["Memory"], { id: "same" }),
    node("twin-2", ["Memory"], { id: "same" }),
    node("other", ["Other"], { id: `${wide}+++` })
  ]

  it("of any length are kept, the too long ones aside", async () => {
    await run(
      Effect.gen(function* () {
        const backend = yield* connected()
        const tooLarge = { level: "encoded", kind: "value too large for the store's index" }
        const notUnique = { level: "encoded", kind: "id under a uniqueness constraint that is not the key" }
        expect(records.map(backend.fit)).toEqual([[], [tooLarge], [tooLarge], [notUnique], [notUnique], []])
        yield* publish(backend, records)
        expect(yield* readAll(backend)).toEqual(lines(records))
        expect(lines(yield* backend.lookup(records))).toEqual(lines(records))
      })
    )
  })

  it("that a server refuses all the same fail typed, and leave nothing", async () => {
    await query(driver, "CREATE INDEX late IF NOT EXISTS FOR (n:Late) ON (n.x)")
    const before = await dump(driver)
    await run(
      Effect.gen(function* () {
        const backend = yield* connected()
        // Not known to us: made after we connected.
        yield* Effect.promise(() => query(driver, "CREATE INDEX later IF NOT EXISTS FOR (n:Later) ON (n.x)"))
        const session = yield* openSession(backend)
        const error = yield* Effect.flip(create(session, [node("l", ["Later"], { id: "l", x: "x".repeat(9000) })]))
        expect(error).toMatchObject({ _tag: "WriteFailed", reason: "refused-record" })
        expect(yield* session.undo).toEqual({ _tag: "Undone" })
      })
    )
    await query(driver, "DROP INDEX later")
    expect(await dump(driver)).toEqual(before)
    await query(driver, "DROP INDEX late")
  })
})

it("a wrong store name fails at once", async () => {
  const started = Date.now()
  const error = await failure(make({ kind: "neo4j", host: "127.0.0.1", port: 9 }))
  expect(error).toMatchObject({ _tag: "StoreUnavailable", reason: "unreachable" })
  expect(Date.now() - started).toBeLessThan(3000)
})
