import * as Either from "effect/Either"
import * as FastCheck from "effect/FastCheck"
import { describe, expect, it } from "vitest"
import { canonicalLine, canonicalValue, parseLine, parseValue } from "../../src/domain/Canonical.ts"
import { isGeneratedKey } from "../../src/domain/Graph.ts"
import { isInt64, isList, isMap, kindOf, Point, type PropertyValue, Temporal } from "../../src/domain/PropertyValue.ts"
import * as Arbitraries from "../../src/testing/arbitraries.ts"
import { MEMORIES_ONLY } from "../../src/testing/features.ts"

const sample = <A>(arbitrary: FastCheck.Arbitrary<A>, numRuns = 1000) =>
  FastCheck.sample(arbitrary, { seed: 7, numRuns })

/** Every one of these must be found in the sample: an arbitrary that stops making something proves nothing of it. */
const occurs = <A>(values: ReadonlyArray<A>, wanted: { readonly [what: string]: (value: A) => boolean }) =>
  expect(Object.keys(wanted).filter((what) => !values.some((value) => wanted[what]?.(value)))).toEqual([])

describe("values", () => {
  const values = sample(Arbitraries.value, 6000)

  it("come back from their canonical text", () => {
    for (const value of values) {
      const text = canonicalValue(value)
      expect(canonicalValue(Either.getOrThrow(parseValue(text)))).toBe(text)
    }
  })

  it("are of every kind", () => {
    const kinds = new Set(values.map(kindOf))
    expect([...kinds].sort()).toEqual([
      "boolean",
      "bytes",
      "date",
      "dateTime",
      "duration",
      "float",
      "integer",
      "list",
      "localDateTime",
      "localTime",
      "map",
      "point",
      "string",
      "time",
      "vector"
    ])
  })

  it("hold what stores are known to change", () => {
    const text = (test: (text: string) => boolean) => (value: PropertyValue) => typeof value === "string" && test(value)
    const float = (test: (float: number) => boolean) => (value: PropertyValue) =>
      typeof value === "number" && test(value)
    const integer = (test: (integer: bigint) => boolean) => (value: PropertyValue) =>
      typeof value === "bigint" && test(value)
    const temporal = (kind: string, pattern: RegExp) => (value: PropertyValue) =>
      value instanceof Temporal && value.kind === kind && pattern.test(value.text)
    occurs(values, {
      "empty text": text((t) => t === ""),
      NUL: text((t) => t.includes("\0")),
      "a lone surrogate": text((t) => !t.isWellFormed()),
      "a line separator": text((t) => t.includes("\u2028")),
      "a combining mark": text((t) => /\p{M}/u.test(t)),
      "a character beyond the first plane": text((t) => t.isWellFormed() && /[\u{10000}-\u{10ffff}]/u.test(t)),
      "int64 at its bounds": integer((n) => n === 2n ** 63n - 1n || n === -(2n ** 63n)),
      "an integer beyond 53 bits": integer((n) => isInt64(n) && n > 2n ** 54n),
      "an integer beyond 64 bits": integer((n) => !isInt64(n)),
      NaN: float(Number.isNaN),
      infinity: float((x) => x === Number.POSITIVE_INFINITY),
      "negative infinity": float((x) => x === Number.NEGATIVE_INFINITY),
      "negative zero": float((x) => Object.is(x, -0)),
      "an integral float": float((x) => Number.isInteger(x) && x !== 0),
      "a subnormal float": float((x) => x !== 0 && Math.abs(x) < 2.3e-308),
      "a huge float": float((x) => Number.isFinite(x) && Math.abs(x) > 1e300),
      "a float of 17 digits": float((x) => Number(x.toPrecision(15)) !== x),
      nanoseconds: temporal("dateTime", /\.\d{9}/),
      "a named zone": temporal("dateTime", /\[\w+\/\w+\]$/),
      "an offset": temporal("time", /[+-]\d\d:\d\d$/),
      UTC: temporal("dateTime", /Z$/),
      "a negative duration": temporal("duration", /-/),
      "an empty list": (value) => isList(value) && value.length === 0,
      "a list with null": (value) => isList(value) && value.includes(null),
      "a list in a list": (value) => isList(value) && value.some((item) => item !== null && isList(item)),
      "a map in a list": (value) => isList(value) && value.some((item) => item !== null && isMap(item)),
      "an empty map": (value) => isMap(value) && Object.keys(value).length === 0,
      "a map with null": (value) => isMap(value) && Object.values(value).includes(null),
      "a map with a $ key": (value) => isMap(value) && Object.keys(value).some((name) => name.startsWith("$")),
      "a map with __proto__": (value) => isMap(value) && Object.hasOwn(value, "__proto__"),
      ...Object.fromEntries(
        [4326, 4979, 7203, 9157].map((srid) => [
          `a point in ${srid}`,
          (value: PropertyValue) => value instanceof Point && value.srid === srid
        ])
      )
    })
  })
})

describe("graphs", () => {
  const graphs = sample(Arbitraries.graph())
  const all = graphs.flatMap((graph) => graph.relationships.map((relationship) => ({ graph, relationship })))

  it("come back from their canonical lines", () => {
    for (const record of graphs.slice(0, 500).flatMap(Arbitraries.recordsOf)) {
      const line = canonicalLine(record)
      expect(canonicalLine(Either.getOrThrow(parseLine(line, { strict: true })))).toBe(line)
    }
  })

  it("have unique keys, ends that exist, and no reserved name", () => {
    for (const graph of graphs) {
      const keys = graph.nodes.map((node) => node.key)
      expect(new Set(keys).size).toBe(keys.length)
      const named = graph.relationships.flatMap((relationship) => relationship.key ?? [])
      expect(new Set(named).size).toBe(named.length)
      for (const { from, to } of graph.relationships) expect(keys).toEqual(expect.arrayContaining([from, to]))
      for (const record of Arbitraries.recordsOf(graph)) {
        expect(Object.keys(record.properties).filter((name) => name.startsWith("_mg_"))).toEqual([])
      }
    }
  })

  it("hold everything that makes a graph hard to move", () => {
    const has = (name: string) => (graph: Arbitraries.Graph) =>
      Arbitraries.recordsOf(graph).some((record) => Object.hasOwn(record.properties, name))
    occurs(graphs, {
      "no record": (graph) => graph.nodes.length === 0,
      "no relationship": (graph) => graph.nodes.length > 0 && graph.relationships.length === 0,
      "a memory": (graph) => graph.nodes.some((node) => node.labels.join() === "Memory"),
      "several labels": (graph) => graph.nodes.some((node) => node.labels.length > 2),
      "no label": (graph) => graph.nodes.some((node) => node.labels.length === 0),
      "a generated key": (graph) => graph.nodes.some(isGeneratedKey),
      "another id": (graph) => graph.nodes.some((node) => isGeneratedKey(node) && Object.hasOwn(node.properties, "id")),
      "an empty property name": has(""),
      ["__proto__"]: has("__proto__"),
      constructor: has("constructor"),
      "a backtick": has("`"),
      "a quote": has('"'),
      "a dot": has("a.b"),
      "a long name": has("x".repeat(300))
    })
    occurs(all, {
      "a self loop": ({ relationship }) => relationship.from === relationship.to,
      "no key": ({ relationship }) => relationship.key === null,
      parallel: ({ graph, relationship }) =>
        graph.relationships.some(
          (other) =>
            other !== relationship &&
            other.from === relationship.from &&
            other.to === relationship.to &&
            other.type === relationship.type
        ),
      "equal ones without a key": ({ graph, relationship }) =>
        relationship.key === null &&
        graph.relationships.some(
          (other) => other !== relationship && canonicalLine(other) === canonicalLine(relationship)
        ),
      "a type that needs quoting": ({ relationship }) => relationship.type.includes("`")
    })
  })

  it("keep to what they may hold", () => {
    for (const graph of sample(
      Arbitraries.graph({ without: [...MEMORIES_ONLY, "odd-keys", "parallel", "self-loops"] })
    )) {
      for (const node of graph.nodes) {
        expect(node.labels).toEqual(["Memory"])
        expect(isGeneratedKey(node)).toBe(false)
        expect(node.properties).toHaveProperty("title")
      }
      const slots = graph.relationships.map(({ from, to, type }) => JSON.stringify([from, type, to]))
      expect(new Set(slots).size).toBe(slots.length)
      for (const relationship of graph.relationships) {
        expect(relationship.key).not.toBeNull()
        expect(relationship.from).not.toBe(relationship.to)
        expect(relationship.properties).toHaveProperty("valid_from")
      }
    }
  })

  it("have no key in common under different prefixes", () => {
    const keys = (prefix: string) => {
      return sample(Arbitraries.graph({ prefix }), 200).flatMap((graph) => graph.nodes.map((node) => node.key))
    }
    const b = new Set(keys("b:"))
    expect(keys("a:").filter((key) => b.has(key))).toEqual([])
  })
})
