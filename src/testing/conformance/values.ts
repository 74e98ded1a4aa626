/** Cases: values, names, keys, labels and types come back as they were, native or encoded. */
import * as Effect from "effect/Effect"
import { node, relationship, setProperty } from "../../domain/Graph.ts"
import { Point, type PropertyValue, Vector } from "../../domain/PropertyValue.ts"
import type { Graph } from "../arbitraries/graphs.ts"
import { ODD_TEMPORALS } from "../arbitraries/temporals.ts"
import { ODD_KEYS, ODD_LABELS, ODD_NAMES, ODD_TEXTS } from "../arbitraries/text.ts"
import { fromPairs, HUGE_INTEGERS, ODD_FLOATS, ODD_INTEGERS } from "../arbitraries/values.ts"
import type { Feature } from "../features.ts"
import { keyOf, link, memory } from "../samples.ts"
import { type ConformanceCase, makeCase } from "./Harness.ts"
import { check, expectHolds, fill, storable } from "./support.ts"
import { recordsOf } from "../arbitraries/graphs.ts"

const TEXTS: ReadonlyArray<PropertyValue> = [...ODD_TEXTS, [...ODD_TEXTS], []]
const INTEGERS: ReadonlyArray<PropertyValue> = [
  ...ODD_INTEGERS,
  [...ODD_INTEGERS],
  ...HUGE_INTEGERS,
  [...HUGE_INTEGERS]
]
const FLOATS: ReadonlyArray<PropertyValue> = [...ODD_FLOATS, [...ODD_FLOATS], [1, 2, 3], [0.1]]
const TEMPORALS: ReadonlyArray<PropertyValue> = [
  ...ODD_TEMPORALS,
  ODD_TEMPORALS.filter((temporal) => temporal.kind === "date"),
  ODD_TEMPORALS.filter((temporal) => temporal.kind === "duration"),
  [...ODD_TEMPORALS]
]
const SPATIAL: ReadonlyArray<PropertyValue> = [
  new Point(4326, 12.78, 56.7),
  new Point(4326, -180, -90),
  new Point(4979, 0.1, 0.2, 0.30000000000000004),
  new Point(7203, -0, 1e300),
  new Point(7203, 5e-324, 123456789.12345679),
  new Point(9157, 1, 2, 3),
  [new Point(7203, 1, 2), new Point(7203, 3, 4)],
  new Vector(Float32Array.of(0.1, -0, 1, 3.4028234663852886e38, 1.401298464324817e-45)),
  [new Vector(Float32Array.of(1, 2))]
]
const BYTES: ReadonlyArray<PropertyValue> = [
  new Uint8Array(),
  Uint8Array.of(0),
  Uint8Array.of(0, 255, 128, 10, 13),
  Uint8Array.from({ length: 256 }, (_, i) => i),
  [Uint8Array.of(1), Uint8Array.of()]
]
const NESTED: ReadonlyArray<PropertyValue> = [
  [null],
  [1n, null, "x"],
  [1n, 1, "1", true],
  [1n, 0.5],
  [[]],
  [[1n], [2n, [3n]]],
  {},
  { a: null },
  { a: { b: [{ c: null }] } },
  { $date: "2024-02-29" },
  { $map: {} },
  { id: "x", "": 1n, "a.b": 1, "back`tick": -0 },
  fromPairs<PropertyValue>([
    ["__proto__", 1n],
    ["constructor", [Number.NaN]]
  ]),
  [{ a: 1n }, { a: 2n }],
  ["\0", "\ud800"],
  [Number.NaN, Number.POSITIVE_INFINITY],
  [2n ** 64n],
  [true, false],
  Array.from({ length: 3000 }, (_, i) => BigInt(i))
]

/** Every value of the fixed lists. */
export const VALUES: ReadonlyArray<PropertyValue> = [
  true,
  false,
  ...TEXTS,
  ...INTEGERS,
  ...FLOATS,
  ...TEMPORALS,
  ...SPATIAL,
  ...BYTES,
  ...NESTED
]

const HUB = keyOf("hub", 0)

// One node and one relationship for each value.
const carrying = (values: ReadonlyArray<PropertyValue>): Graph => ({
  nodes: [
    memory(HUB, 0),
    ...values.map((value, n) => memory(keyOf("val", n), n, { value })),
    ...values.map((value, n) => node(keyOf("ent", n), ["Entity"], { id: keyOf("ent", n), value, "other value": value }))
  ],
  relationships: values.map((value, n) => link(keyOf("vlr", n), HUB, keyOf("val", n), n, { value }))
})

const exact = (
  name: string,
  obligation: string,
  needs: ReadonlyArray<Feature>,
  graph: (without: ReadonlyArray<Feature>) => Graph
): ConformanceCase =>
  makeCase(
    name,
    obligation,
    (harness) =>
      Effect.gen(function* () {
        const place = yield* harness.place
        const possible = yield* Effect.scoped(
          Effect.map(place.connect, (backend) => storable(backend, graph(harness.without ?? [])))
        )
        yield* check(possible.nodes.length > 1, "nothing of it is possible")
        yield* fill(place, possible)
        yield* expectHolds("read back", place, recordsOf(possible))
      }),
    needs
  )

const values = (what: string, list: ReadonlyArray<PropertyValue>) =>
  exact(
    `${what} come back as they were`,
    "fit: native or encoded, a value comes back as it was",
    ["properties", "labels"],
    () => carrying(list)
  )

export const carryingValues = [
  exact(
    "the fields of memories come back as they were",
    "fit: native or encoded, a value comes back as it was",
    [],
    (without) => {
      const texts = ODD_TEXTS.map((text, n) =>
        memory(keyOf("txt", n), n, { title: text, content: text, summary: text, updated_by: text, tags: [text, text] })
      )
      const floats = ODD_FLOATS.filter(Number.isFinite).map((float, n) =>
        memory(keyOf("flt", n), n, { importance: float, confidence: float, effectiveness: float })
      )
      const integers = ODD_INTEGERS.map((integer, n) =>
        memory(keyOf("int", n), n, { usage_count: integer, version: integer })
      )
      const times = ["2026-01-05T09:00:00.000Z", "2026-01-05T09:00:00+05:30", "2026-01-05 09:00:00", "0", ""].map(
        (time, n) => memory(keyOf("tim", n), n, { created_at: time, updated_at: time, last_accessed: time })
      )
      const links = ODD_TEXTS.map((text, n) =>
        link(keyOf("lnk", n), keyOf("flt", 0), keyOf("flt", 1), n, {
          context: text,
          strength: ODD_FLOATS.filter(Number.isFinite)[n] ?? 0,
          evidence_count: ODD_INTEGERS[n] ?? 0n,
          valid_until: "2026-01-07T09:00:00.000123+00:00"
        })
      )
      const relationships = without.includes("parallel") ? links.slice(0, 1) : links
      return { nodes: [...texts, ...floats, ...integers, ...times], relationships }
    }
  ),
  exact("large records come back as they were", "write: completely, however large one record is", [], () => {
    const text = 'A long line with \u00fc, \u{1f600}, "quotes" and \\.\n'
    return {
      nodes: [
        memory(HUB, 0, { content: text.repeat(60_000) }),
        ...Array.from({ length: 40 }, (_, n) => memory(keyOf("lrg", n), n, { content: text.repeat(2000 + n) })),
        memory(keyOf("tag", 0), 1, { tags: Array.from({ length: 5000 }, (_, n) => `tag ${n}`) })
      ],
      relationships: Array.from({ length: 10 }, (_, n) =>
        link(keyOf("lgr", n), HUB, keyOf("lrg", n), n, { context: text.repeat(n === 0 ? 20_000 : 500) })
      )
    }
  }),
  values("texts", TEXTS),
  values("integers", INTEGERS),
  values("floats", FLOATS),
  values("booleans", [true, false, [true, false]]),
  values("temporal values", TEMPORALS),
  values("points and vectors", SPATIAL),
  values("bytes", BYTES),
  values("lists and maps", NESTED),
  exact(
    "values under the names of fields come back as they were",
    "fit: native or encoded, a value comes back as it was, also where a layout has a column of that name",
    ["properties", "labels"],
    () => {
      const names = ["label", "type", "properties", "from_id", "to_id", "rel_type", "title", "tags", "context"]
      const times = ["created_at", "updated_at", "valid_from", "valid_until", "recorded_at", "invalidated_by"]
      const odd: ReadonlyArray<PropertyValue> = [1n, 0.5, true, "", "text", ["a"], { a: null }, "2026-01-05T09:00:00Z"]
      const all = [...names, ...times].flatMap((name) => odd.map((value) => ({ [name]: value })))
      return {
        nodes: [memory(HUB, 0), ...all.map((own, n) => memory(keyOf("col", n), n, own))],
        relationships: all.map((own, n) => {
          const key = keyOf("clr", n)
          // Half of them have nothing else: no field that a column could be derived from.
          return n % 2 === 0
            ? link(key, HUB, keyOf("col", n), n, own)
            : relationship(key, HUB, "SOLVES", keyOf("col", n), { id: key, ...own })
        })
      }
    }
  ),
  exact(
    "property names come back as they were",
    "fit: native or encoded, a property comes back under its name",
    ["properties", "labels"],
    () => {
      const all = fromPairs<PropertyValue>(ODD_NAMES.map((name, n) => [name, BigInt(n)]))
      const named = ODD_NAMES.map((name, n) => {
        const key = keyOf("nam", n)
        const properties: { [name: string]: PropertyValue } = { id: key }
        setProperty(properties, name, { inside: 1n })
        return node(key, ["Entity"], properties)
      })
      return {
        nodes: [memory(HUB, 0), node(keyOf("all", 0), ["Entity"], { ...all, id: keyOf("all", 0) }), ...named],
        relationships: ODD_NAMES.map((name, n) => {
          const key = keyOf("nmr", n)
          const properties: { [name: string]: PropertyValue } = { id: key }
          setProperty(properties, name, `value ${n}`)
          return relationship(key, HUB, "SOLVES", keyOf("nam", n), properties)
        })
      }
    }
  ),
  exact("keys come back as they were", "read: nodes and relationships under their keys", ["odd-keys"], () => ({
    nodes: [memory(HUB, 0), ...ODD_KEYS.map((key, n) => memory(key, n))],
    relationships: ODD_KEYS.map((key, n) => link(key, key, ODD_KEYS[n + 1] ?? HUB, n))
  })),
  exact("labels come back as they were", "read: every label of every node", ["labels"], () => ({
    nodes: [
      node(HUB, [...ODD_LABELS.slice(0, 5), "Memory"], { id: HUB }),
      ...ODD_LABELS.map((label, n) => node(keyOf("lab", n), [label], { id: keyOf("lab", n) })),
      ...ODD_LABELS.map((label, n) => node(keyOf("lam", n), ["Memory", label], { id: keyOf("lam", n) })),
      node(keyOf("non", 0), [], { id: keyOf("non", 0) })
    ],
    relationships: ODD_LABELS.map((_, n) => link(keyOf("lbr", n), keyOf("lab", n), keyOf("non", 0), n))
  })),
  exact("relationship types come back as they were", "read: every relationship with its type", ["types"], () => ({
    nodes: [memory(HUB, 0), memory(keyOf("end", 0), 1)],
    relationships: ODD_LABELS.map((type, n) => link(keyOf("typ", n), HUB, keyOf("end", 0), n, {}, type))
  }))
]
