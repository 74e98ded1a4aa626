/** Values through the real engine: exactly back, by our own query and by raw replies; nothing of them is executed. */
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as fc from "fast-check"
import * as Connection from "../../../src/backend/falkordb/Connection.ts"
import { type Graph, keyRule, statistics, writeQuery } from "../../../src/backend/falkordb/graph.ts"
import { literal, mapLiteral, profile, quoteName, quoteText } from "../../../src/backend/falkordb/literals.ts"
import { read } from "../../../src/backend/falkordb/reading.ts"
import { canonicalValue } from "../../../src/domain/Canonical.ts"
import type { GraphRecord, Properties } from "../../../src/domain/Graph.ts"
import { Point, type PropertyValue, Temporal, Vector } from "../../../src/domain/PropertyValue.ts"
import { engineAvailable, startFalkorDB, type TestServer } from "../../support/falkordb.ts"

const SEED = 20260117

let server: TestServer
let connection: Connection.Connection
let scope: Scope.CloseableScope
let number = 0
const freshGraph = (): Graph => ({ connection, key: `values-${number++}` })

const run = <A, E>(effect: Effect.Effect<A, E>): Promise<A> => Effect.runPromise(effect)
const readAll = (graph: Graph): Promise<ReadonlyArray<GraphRecord>> =>
  run(Effect.map(Stream.runCollect(read(graph)), Chunk.toReadonlyArray))
const nodesOf = async (graph: Graph): Promise<ReadonlyArray<Properties>> =>
  (await readAll(graph)).filter(({ _tag }) => _tag === "Node").map(({ properties }) => properties)
const create = (graph: Graph, rows: ReadonlyArray<Properties>) =>
  run(writeQuery(graph, `UNWIND [${rows.map(mapLiteral).join(",")}] AS p CREATE (n) SET n = p`))

beforeAll(async () => {
  if (engineAvailable !== undefined) return
  server = await startFalkorDB()
  scope = Effect.runSync(Scope.make())
  connection = await run(
    Scope.extend(
      Connection.make({
        backend: "test",
        location: "test",
        reconnect: true,
        driver: { socket: { host: server.host, port: server.port } }
      }),
      scope
    )
  )
})
afterAll(async () => {
  if (engineAvailable !== undefined) return
  await run(Scope.close(scope, Exit.void))
  await server.stop()
})

// Every bit pattern that is a finite number: all exponents alike, denormals among them.
const bits = new DataView(new ArrayBuffer(8))
const anyDouble = fc
  .bigInt({ min: 0n, max: 2n ** 64n - 1n })
  .map((pattern) => {
    bits.setBigUint64(0, pattern)
    return bits.getFloat64(0)
  })
  .filter(Number.isFinite)
const humanDouble = fc.oneof(
  fc.double({ min: 0, max: 1, noNaN: true }),
  fc.integer({ min: -1000, max: 1000 }).map((n) => n / 100),
  fc.integer().map(Number)
)
const EDGES = [
  0,
  -0,
  1,
  -1,
  0.1 + 0.2,
  5e-324,
  -5e-324,
  2.2250738585072014e-308,
  2.225073858507201e-308,
  Number.MAX_VALUE,
  -Number.MAX_VALUE,
  1.797693134862315e308,
  1e290,
  1e291,
  9.99e289,
  2 ** 53,
  2 ** 53 + 2,
  2 ** 996,
  2 ** 1000,
  1e21,
  1e22,
  1e-7,
  9007199254740993,
  4.35,
  0.000001,
  123456789012345680,
  1 / 3,
  2 ** -1074 * 3,
  1.5e-310
]

const same = (actual: unknown, expected: number) => typeof actual === "number" && Object.is(actual, expected)

describe.skipIf(engineAvailable !== undefined)(`values ${engineAvailable ?? ""}`, () => {
  it("floats come back bit by bit, alone and in lists, near and far", async () => {
    const sample = (size: number) =>
      fc.sample(fc.oneof(anyDouble, anyDouble, humanDouble), { numRuns: size, seed: SEED + size })
    const doubles = [...EDGES, ...sample(6000)]
    const graph = freshGraph()
    for (let at = 0; at < doubles.length; at += 500) {
      const some = doubles.slice(at, at + 500)
      await create(
        graph,
        some.map((x, i) => ({ at: BigInt(at + i), x, list: [x, "a", x], deep: [1n, [x], [x, x]], y: x }))
      )
    }
    const seen = await nodesOf(graph)
    expect(seen).toHaveLength(doubles.length)
    const wrong = seen.filter(({ at, deep, list, x, y }) => {
      const expected = doubles[Number(at)] ?? Number.NaN
      return (
        !same(x, expected) ||
        !same(y, expected) ||
        canonicalValue(list ?? "") !== canonicalValue([expected, "a", expected]) ||
        canonicalValue(deep ?? "") !== canonicalValue([1n, [expected], [expected, expected]])
      )
    })
    expect(wrong.map(({ at }) => doubles[Number(at)])).toEqual([])
  })

  it("floats of relationships come back bit by bit", async () => {
    const doubles = [...EDGES, ...fc.sample(anyDouble, { numRuns: 500, seed: SEED })]
    const graph = freshGraph()
    const rows = doubles.map((x, at) => mapLiteral({ at: BigInt(at), x, deep: [[x]] })).join(",")
    await run(writeQuery(graph, `CREATE (a), (b) WITH a, b UNWIND [${rows}] AS p CREATE (a)-[r:T]->(b) SET r = p`))
    const links = (await readAll(graph)).filter(({ _tag }) => _tag === "Relationship")
    expect(links).toHaveLength(doubles.length)
    const wrong = links.filter(({ properties: { at, deep, x } }) => {
      const expected = doubles[Number(at)] ?? Number.NaN
      return !same(x, expected) || canonicalValue(deep ?? "") !== canonicalValue([[expected]])
    })
    expect(wrong).toEqual([])
  })

  it("integers of 64 bits come back, and stay apart from whole floats", async () => {
    const integers = [0n, 1n, -1n, 2n ** 53n, 2n ** 53n + 1n, 2n ** 63n - 1n, -(2n ** 63n), 12345678901234567n]
    const graph = freshGraph()
    await create(
      graph,
      integers.map((i, at) => ({ at: BigInt(at), i, f: Number(i), list: [i, Number(i)] }))
    )
    const seen = await nodesOf(graph)
    expect(seen.map(canonical)).toEqual(
      integers.map((i, at) => canonical({ at: BigInt(at), i, f: Number(i), list: [i, Number(i)] }))
    )
  })

  const canonical = (properties: Properties) =>
    Object.keys(properties)
      .sort()
      .map((name) => `${name}=${canonicalValue(properties[name] ?? "")}`)
      .join(" ")

  it("what the profile calls native is native, and comes back", async () => {
    const values: ReadonlyArray<PropertyValue> = [
      "",
      'it\'s \\ "quoted" `so`\n\r\t\u0001\u2028\u{1f600}',
      "\\'",
      "\\\\",
      "\\u0041",
      "a\\",
      "'",
      "''",
      true,
      false,
      0n,
      0.5,
      [],
      [""],
      [1n, 0.5, "a", true],
      [[], [1n, [0.5]]].slice(0, 1),
      [[1n], [0.5, "b"]],
      new Point(4326, 12.5, -45.25),
      new Point(4326, Math.fround(13.4), Math.fround(52.52)),
      [new Point(4326, 1, 2), new Vector(Float32Array.of(1.5))],
      new Vector(Float32Array.of(0.1, -0, 1e-45, 3.4028234663852886e38)),
      new Vector(new Float32Array(0)),
      new Temporal("date", "2026-02-28"),
      new Temporal("date", "1000-01-01"),
      new Temporal("date", "9999-12-31"),
      new Temporal("localTime", "23:59:59"),
      new Temporal("localTime", "00:00:00"),
      new Temporal("localDateTime", "1888-08-08T08:08:08"),
      new Temporal("localDateTime", "2026-02-28T00:00:00"),
      new Temporal("duration", "PT0S"),
      new Temporal("duration", "P40DT1H"),
      new Temporal("duration", "P-1DT-2H-3M-4S"),
      new Temporal("duration", "P1000000DT23H59M59S"),
      [new Temporal("date", "2026-02-28"), new Temporal("duration", "PT5M")]
    ]
    expect(values.filter((value) => !profile.nativeValue(value))).toEqual([])
    const graph = freshGraph()
    await create(
      graph,
      values.map((value, at) => ({ at: BigInt(at), value }))
    )
    const seen = await nodesOf(graph)
    expect(seen.map(canonical)).toEqual(values.map((value, at) => canonical({ at: BigInt(at), value })))
  })

  it("what the engine would change is not called native", () => {
    const values: ReadonlyArray<PropertyValue> = [
      "a\0b",
      "\ud800",
      "x\udc00",
      2n ** 63n,
      Number.NaN,
      Number.POSITIVE_INFINITY,
      [1n, null],
      [[[1n]]],
      { a: 1n },
      [{ a: 1n }],
      new Uint8Array([1]),
      new Point(7203, 1, 2),
      new Point(4979, 1, 2, 3),
      new Point(4326, 0.1, 2),
      new Point(4326, 181, 0),
      new Vector(Float32Array.of(Number.NaN)),
      new Temporal("date", "0999-01-01"),
      new Temporal("date", "2026-02-30"),
      new Temporal("localTime", "23:59:60"),
      new Temporal("localTime", "01:02:03.5"),
      new Temporal("time", "01:02:03Z"),
      new Temporal("dateTime", "2026-01-01T00:00:00Z"),
      new Temporal("localDateTime", "2026-01-01T00:00:00.000000001"),
      new Temporal("duration", "P1M"),
      new Temporal("duration", "P1DT24H"),
      new Temporal("duration", "PT1.5S"),
      new Temporal("duration", "P1DT-1H"),
      new Temporal("duration", "P9999999D")
    ]
    expect(values.filter(profile.nativeValue)).toEqual([])
    for (const value of values)
      if (typeof value !== "string") expect(() => literal(value), canonicalValue(value)).toThrow()
    for (const text of ["a\0b", "\ud800"]) expect(() => quoteText(text)).toThrow()
    for (const name of ["a`b", "`", "a\0b", "\ud800"]) expect(() => quoteName(name)).toThrow()
  })

  it("what only the engine can hold is read as it is", async () => {
    const graph = freshGraph()
    await server.raw(
      "GRAPH.QUERY",
      graph.key,
      "CREATE (n {inf: 1.0/0.0, ninf: -1.0/0.0, nan: 0.0/0.0, l: [1.0/0.0, 0.0/0.0, 0.1], deep: [[[[0.1, 1e300]]]], " +
        "d: date({year: 5, month: 1, day: 2}), t: localdatetime('2020-02-03T10:11:12.9'), u: duration({months: 1})})"
    )
    const [seen] = await nodesOf(graph)
    expect(canonical(seen ?? {})).toBe(
      canonical({
        inf: Number.POSITIVE_INFINITY,
        ninf: Number.NEGATIVE_INFINITY,
        nan: Number.NaN,
        l: [Number.POSITIVE_INFINITY, Number.NaN, 0.1],
        deep: [[[[0.1, 1e300]]]],
        d: new Temporal("date", "0005-01-02"),
        t: new Temporal("localDateTime", "2020-02-03T10:11:12"),
        u: new Temporal("duration", "P31D")
      })
    )
  })

  it("nothing of a value or a name is executed", async () => {
    const attempts = [
      "'}) CREATE (:Owned) //",
      "\\'}) CREATE (:Owned) //",
      "\\\\'}) CREATE (:Owned) //",
      '"}) CREATE (:Owned) //',
      "x: 1}) CREATE (:Owned) WITH 1 AS y",
      "a b",
      "$p",
      "CYPHER x=1 RETURN 1",
      "*/ CREATE (:Owned) /*",
      "{a: 1}",
      "]",
      "\n"
    ]
    const graph = freshGraph()
    const rows = attempts.map((text, at): Properties => ({ at: BigInt(at), text, [text]: text, list: [text, [text]] }))
    await create(graph, rows)
    for (const text of attempts) {
      await run(
        writeQuery(graph, `CREATE (a:${quoteName(text)})-[r:${quoteName(text)} ${mapLiteral({ [text]: text })}]->(a)`)
      )
    }
    const records = await readAll(graph)
    const nodes = records.filter(({ _tag }) => _tag === "Node")
    expect(
      nodes
        .filter(({ properties }) => Object.keys(properties).length > 0)
        .map(({ properties }) => canonical(properties))
    ).toEqual(rows.map(canonical))
    const counted = await run(statistics(graph))
    expect(counted.labels["Owned"]).toBeUndefined()
    expect(Object.keys(counted.types).sort()).toEqual([...attempts].sort())
    expect(records).toHaveLength(attempts.length * 3)
    expect(canonical(records.at(-1)?.properties ?? {})).toContain("\\n")
  })

  it("every character of text and of names comes back", async () => {
    const graph = freshGraph()
    const texts: Array<string> = []
    for (let start = 1; start < 0x110000; start += 0x1000) {
      let text = ""
      for (let code = start; code < Math.min(start + 0x1000, 0x110000); code++)
        if (code < 0xd800 || code > 0xdfff) text += String.fromCodePoint(code)
      if (text !== "") texts.push(text)
    }
    await create(
      graph,
      texts.map((text) => ({ text, [text.replaceAll("`", "")]: 1n }))
    )
    const seen = await nodesOf(graph)
    expect(seen.every(({ text }, at) => text === texts[at])).toBe(true)
    expect(seen.every((one, at) => Object.hasOwn(one, (texts[at] ?? "").replaceAll("`", "")))).toBe(true)
  })

  it("names that a JavaScript object treats as its own come back", async () => {
    const graph = freshGraph()
    const given: Properties = JSON.parse(
      '{"__proto__":"a","constructor":"b","":"c","toString":"d","hasOwnProperty":"e"}'
    )
    await create(graph, [given])
    const [seen] = await nodesOf(graph)
    expect(Object.entries(seen ?? {}).sort()).toEqual(Object.entries(given).sort())
  })

  it("names with a back-quote, which only other programs make, are read", async () => {
    const graph = freshGraph()
    // GRAPH.BULK takes names as bytes: one node, label and property with a back-quote, value 7.
    const token = Buffer.concat([
      Buffer.from("a`b\0"),
      Buffer.from([1, 0, 0, 0]),
      Buffer.from("x`y\0"),
      Buffer.from([4, 7, 0, 0, 0, 0, 0, 0, 0])
    ])
    const { sendBytes } = await import("./liteHarness.ts")
    const parts = ["GRAPH.BULK", graph.key, "BEGIN", "1", "0", "1", "0"].map((part) => Buffer.from(part))
    await run(sendBytes({ host: server.host, port: server.port }, [...parts, token]))
    expect(await readAll(graph)).toEqual([{ _tag: "Node", key: "n0", labels: ["a`b"], properties: { "x`y": 7n } }])
    expect((await run(statistics(graph))).labels).toEqual({ "a`b": 1 })
  })

  it("text that is not UTF-8 is a failure, not a replacement character", async () => {
    const graph = freshGraph()
    const { spoilGraph } = await import("./liteHarness.ts")
    await create(graph, [{ id: "\ufffd is a character, too" }])
    expect(await nodesOf(graph)).toEqual([{ id: "\ufffd is a character, too" }])
    await run(spoilGraph({ host: server.host, port: server.port }, graph.key))
    const error = await run(Effect.flip(Stream.runDrain(read(graph))))
    expect(error).toMatchObject({ _tag: "SourceDataInvalid", reason: "undecodable" })
  })

  it("keys are found out by asking the engine", async () => {
    const ruleOf = async (...queries: ReadonlyArray<string>) => {
      const graph = freshGraph()
      for (const query of queries) await server.raw("GRAPH.QUERY", graph.key, query)
      return { rule: await run(keyRule(graph)), keys: (await readAll(graph)).map(({ key }) => key).sort() }
    }
    expect(await ruleOf("CREATE ({id: 'a'})-[:T {id: 'r'}]->({id: 'b'})-[:T]->({id: 'c'})")).toEqual({
      rule: { nodes: "id", prefix: "n", relationships: "id" },
      keys: ["a", "b", "c", null, "r"]
    })
    expect((await ruleOf("CREATE (:A {id: 'a'}), (:B {id: 'a'})")).keys).toEqual(["n0", "n1"])
    expect((await ruleOf("CREATE ({id: 'a'}), ({id: 7}), ()")).keys).toEqual(["a", "n1", "n2"])
    expect((await ruleOf("CREATE ({id: 'a'}), ({_mg_id: 'n0'})")).keys).toEqual(["a", "n0"])
    expect((await ruleOf("CREATE ({id: 7}), ({_mg_id: 'n0', id: 7})")).keys).toEqual(["n0", "nn0"])
    expect(
      (
        await ruleOf(
          "CREATE (a {id: 'a'}), (a)-[:T {id: 'x'}]->(a), (a)-[:T {id: 'x'}]->(a), (a)-[:T {_mg_id: 'y'}]->(a)"
        )
      ).keys
    ).toEqual(["a", null, null, "y"])
    // The fence is no record.
    expect((await ruleOf("CREATE ({id: 'a'}), (:_MgRun {run: 'r', id: 5})")).keys).toEqual(["a"])
  })
})
