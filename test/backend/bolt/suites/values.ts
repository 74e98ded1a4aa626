/** Values, names and injection: written by us and looked at by the driver, and the other way round. */
import * as Effect from "effect/Effect"
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { canonicalLine } from "../../../../src/domain/Canonical.ts"
import { node, relationship } from "../../../../src/domain/Graph.ts"
import { Point, type PropertyValue, Temporal, Vector } from "../../../../src/domain/PropertyValue.ts"
import { graphs, temporals } from "../arbitraries.ts"
import { lines, publish, query, readAll, run, type Store, wipe } from "../support.ts"

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

/** To be called in a test file, for Neo4j. */
export const valuesSuite = (store: Store) => {
  describe("one value", () => {
    it("of a native kind is stored as itself", async () => {
      const records = NATIVE.map(([, value], i) => node(`n${i}`, ["T"], { id: `n${i}`, value }))
      await run(
        Effect.gen(function* () {
          const backend = yield* store.connected
          expect(records.flatMap(backend.fit)).toEqual([])
          yield* publish(backend, records)
          expect(yield* readAll(backend)).toEqual(lines(records))
        })
      )
      const stored = await query(
        store.driver(),
        "MATCH (n) RETURN n.id AS id, valueType(n.value) AS kind, keys(n) AS keys"
      )
      const kinds = new Map(stored.map((row) => [row["id"], row["kind"]]))
      // Neo4j gives an empty list a kind of its own choosing.
      NATIVE.forEach(([kind], i) => {
        if (kind !== "LIST<NOTHING>") expect(String(kinds.get(`n${i}`)).replace(/ NOT NULL$/, "")).toBe(kind)
      })
      expect(stored.every((row) => JSON.stringify([...(row["keys"] as string[])].sort()) === '["id","value"]')).toBe(
        true
      )
      const [zero] = await query(store.driver(), "MATCH (n {id: 'n6'}) RETURN n.value AS value")
      expect(Object.is(zero?.["value"], -0)).toBe(true)
    })

    it("of bytes is stored as bytes", async () => {
      const record = node("b", ["T"], { id: "b", bytes: new Uint8Array([0, 1, 127, 128, 255]), none: new Uint8Array() })
      await run(Effect.flatMap(store.connected, (backend) => publish(backend, [record])))
      const [row] = await query(store.driver(), "MATCH (n) RETURN n.bytes AS bytes, n.none AS none")
      expect(row?.["bytes"]).toEqual(new Int8Array([0, 1, 127, -128, -1]))
      expect(row?.["none"]).toEqual(new Int8Array())
      expect(await run(Effect.flatMap(store.connected, readAll))).toEqual([canonicalLine(record)])
    })

    it("of another kind is encoded, and the plan says so", async () => {
      const records = ENCODED.map(([, value], i) => node(`e${i}`, ["T"], { id: `e${i}`, value }))
      await run(
        Effect.gen(function* () {
          const backend = yield* store.connected
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
    await run(Effect.flatMap(store.connected, (backend) => publish(backend, records)))
    const rows = await query(store.driver(), "MATCH (n) RETURN n.id AS id, toString(n.value) AS text")
    const texts = new Map(rows.map((row) => [row["id"], row["text"]]))
    sample.forEach((value, i) => expect(texts.get(`t${i}`)).toBe(value.text))
  })

  it("any graph comes back as it was, in order of nothing", async () => {
    await run(
      Effect.gen(function* () {
        const backend = yield* store.connected
        const check = fc.asyncProperty(graphs, async (records) => {
          await wipe(store.driver())
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
        yield* Effect.promise(() => fc.assert(check, { seed: 4711, numRuns: 60 }))
      })
    )
  }, 300_000)

  it("what others have stored is read exactly, odd zones and names included", async () => {
    await query(
      store.driver(),
      "CREATE (n:Odd {id: 'odd', old: datetime({year: 2020, timezone: 'SystemV/PST8PDT'}), " +
        "far: datetime({year: 300000, timezone: 'Europe/Berlin'}), plain: 1, `__proto__`: 'kept', f: 1.0, " +
        "many: [datetime({year: 300000, timezone: 'Europe/Berlin'}), datetime('2020-01-01T00:00:00+02:00')]}) " +
        "CREATE (n)-[:AT {id: 'r', when: datetime({year: 300000, timezone: 'Asia/Kathmandu'}), offset: datetime('2020-01-01T00:00:00+02:00')}]->(n)"
    )
    const found = await run(Effect.flatMap(store.connected, readAll))
    const far = '{"$dateTime":"+300000-01-01T00:00:00+01:00[Europe/Berlin]"}'
    expect(found).toEqual([
      `{"node":"odd","labels":["Odd"],"properties":{"__proto__":"kept","f":1.0,"far":${far},"id":"odd","many":[${far},{"$dateTime":"2020-01-01T00:00:00+02:00"}],"old":{"$dateTime":"2020-01-01T00:00:00-08:00[SystemV/PST8PDT]"},"plain":1}}`,
      '{"relationship":"r","type":"AT","from":"odd","to":"odd","properties":{"id":"r","offset":{"$dateTime":"2020-01-01T00:00:00+02:00"},"when":{"$dateTime":"+300000-01-01T00:00:00+05:45[Asia/Kathmandu]"}}}'
    ])
  })

  it("labels, types, names, keys and values are never taken for Cypher", async () => {
    await query(store.driver(), "CREATE (:Bystander {id: 'bystander'})")
    const nodes = HOSTILE.map((text, i) => node(text, [text, "L"], { id: text, [text]: text, n: BigInt(i) }))
    const relationships = HOSTILE.map((text) =>
      relationship(text, HOSTILE[0] ?? "", text, text, { id: text, [text]: text })
    )
    await run(
      Effect.gen(function* () {
        const backend = yield* store.connected
        expect([...nodes, ...relationships].flatMap(backend.fit)).toEqual([])
        yield* publish(backend, [...nodes, ...relationships])
        expect(lines(yield* backend.lookup([...nodes, ...relationships]))).toEqual(lines([...nodes, ...relationships]))
        const counted = yield* backend.statistics
        for (const text of HOSTILE) expect([counted.labels[text], counted.types[text]]).toEqual([1, 1])
      })
    )
    expect(await query(store.driver(), "MATCH (n:Bystander) RETURN count(n) AS total")).toEqual([{ total: 1n }])
    const rows = await query(
      store.driver(),
      "MATCH (n:L) RETURN n.id AS id, [l IN labels(n) WHERE l <> 'L'][0] AS label"
    )
    expect(rows.map((row) => row["id"]).sort()).toEqual([...HOSTILE].sort())
    expect(rows.every((row) => row["id"] === row["label"])).toBe(true)
  })
}
