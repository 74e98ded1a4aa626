/** Arbitrary graphs with everything that breaks careless stores. Deterministic: the seed is fixed. */
import fc from "fast-check"
import { type GraphRecord, type MutableProperties, node, relationship, setProperty } from "../../../src/domain/Graph.ts"
import { Point, type PropertyValue, Temporal, Vector } from "../../../src/domain/PropertyValue.ts"

export const SEED = 20_260_105

/** Any Unicode text, NUL and noncharacters included. */
export const text = fc.oneof(
  fc.string({ unit: "binary", maxLength: 20 }),
  fc.constantFrom(
    "",
    "\0",
    "a\0b",
    "\ufffd",
    "\ufeff",
    "\u007f",
    "\u2028",
    "😀",
    "e\u0301",
    '"\\/',
    "line\r\n",
    "'; DROP TABLE nodes; --",
    "null",
    "NaN",
    "2024",
    "1e5",
    " 12 ",
    "0x10",
    "[]",
    "{}",
    '{"$float":"NaN"}'
  )
)

/** Any JavaScript string, lone surrogates included. */
export const anyText = fc.oneof(text, fc.constantFrom("\ud800", "x\udfff", "\udc00\ud800", "\ud800\ud800\udc00"))

export const name = fc
  .oneof(
    anyText,
    fc.constantFrom(
      "__proto__",
      "constructor",
      "toString",
      "$float",
      "$map",
      "id",
      "valid_from",
      "created_at",
      "1",
      "-1",
      "a b",
      "`",
      '"',
      "context_x"
    )
  )
  .filter((one) => !one.startsWith("_mg_"))

export const integer = fc.oneof(
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.constantFrom(0n, 1n, -1n, 2n ** 53n, 2n ** 53n + 1n, -(2n ** 63n), 2n ** 63n - 1n)
)
export const hugeInteger = fc.constantFrom(2n ** 63n, -(2n ** 63n) - 1n, 10n ** 40n)
export const float = fc.oneof(
  fc.double(),
  fc.constantFrom(0, -0, 1, -1, 1e16, 1e21, 5e-324, 0.1, 2 ** 53, 1e-7, Number.NaN, Infinity, -Infinity)
)

const json = (depth: number): fc.Arbitrary<PropertyValue> => {
  const scalar = fc.oneof(anyText, integer, hugeInteger, float, fc.boolean())
  if (depth === 0) return scalar
  const inner = fc.oneof(json(depth - 1), fc.constant(null))
  const map = fc.array(fc.tuple(name, inner), { maxLength: 3 }).map((members) => {
    const object: { [key: string]: PropertyValue | null } = {}
    for (const [key, value] of members) setProperty(object, key, value)
    return object
  })
  return fc.oneof(scalar, fc.array(inner, { maxLength: 3 }), map)
}

const special: fc.Arbitrary<PropertyValue> = fc.constantFrom<Array<PropertyValue>>(
  new Temporal("date", "2024-02-29"),
  new Temporal("dateTime", "2026-01-05T10:07:06.123456789+05:30[Asia/Kolkata]"),
  new Temporal("localDateTime", "2026-01-05T10:07:06"),
  new Temporal("duration", "P1M2DT3.5S"),
  new Point(4326, 1.5, -0, undefined),
  new Point(9157, 1, 2, Number.NaN),
  new Vector(Float32Array.from([0.1, -0, 3])),
  new Uint8Array([0, 255, 128]),
  [new Temporal("time", "10:00:00Z"), null],
  { $map: new Uint8Array([1]), plain: [new Temporal("date", "2024-01-01")] }
)

export const value = fc.oneof({ weight: 5, arbitrary: json(2) }, { weight: 1, arbitrary: special })

export const properties = (names: fc.Arbitrary<string> = name, values: fc.Arbitrary<PropertyValue> = value) =>
  fc.array(fc.tuple(names, values), { maxLength: 5 }).map((members) => {
    const object: MutableProperties = {}
    for (const [key, item] of members) setProperty(object, key, item)
    return object
  })

/** Names and values that meet the special columns of a relationship. */
const times = fc.tuple(
  fc.constantFrom("valid_from", "valid_until", "recorded_at", "invalidated_by", "created_at"),
  fc.oneof(value, fc.constantFrom("2026-01-05T10:07:06.002565+00:00", "2024", "", "not a time"))
)
const relationshipProperties = fc.tuple(properties(), fc.array(times, { maxLength: 4 })).map(([object, more]) => {
  const all: MutableProperties = { ...object }
  for (const [key, item] of more) setProperty(all, key, item)
  return all
})

const labels = fc.oneof(
  fc.constantFrom(["Memory"], [], [""], ["Entity"], ["B", "A"], ["Z", "Memory"], ["é", "\uffee", "😀"]),
  fc.uniqueArray(text, { maxLength: 3 })
)

/** A graph: unique keys, relationships between its nodes, parallel ones, self loops and unkeyed ones among them. */
export const graph: fc.Arbitrary<ReadonlyArray<GraphRecord>> = fc
  .tuple(
    fc.uniqueArray(text, { minLength: 1, maxLength: 6 }),
    fc.uniqueArray(text, { maxLength: 6 }),
    fc.infiniteStream(fc.tuple(labels, properties(), fc.boolean())),
    fc.infiniteStream(fc.tuple(fc.nat(), fc.nat(), text, relationshipProperties, fc.nat(3)))
  )
  .map(([nodeKeys, relationshipKeys, nodeStream, relationshipStream]) => {
    const records: Array<GraphRecord> = []
    for (const key of nodeKeys) {
      const [some, object, withId] = nodeStream.next().value
      records.push(node(key, some, withId ? { ...object, id: key } : object))
    }
    const end = (n: number): string => nodeKeys[n % nodeKeys.length] ?? ""
    for (const key of relationshipKeys) {
      const [from, to, type, object, repeated] = relationshipStream.next().value
      records.push(relationship(key, end(from), type, end(to), object))
      for (let i = 0; i < repeated; i++) records.push(relationship(null, end(from), type, end(to), object))
    }
    return records
  })
