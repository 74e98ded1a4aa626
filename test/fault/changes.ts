/** The smallest changes that a value can suffer, each one another value by its canonical form. */
import { canonicalValue } from "../../src/domain/Canonical.ts"
import { setProperty } from "../../src/domain/Graph.ts"
import { isList, isMap, Point, type PropertyValue, Temporal, Vector } from "../../src/domain/PropertyValue.ts"

type Value = PropertyValue | null
type Draw = () => number

/** One of a list. */
export const pick = <A>(next: Draw, list: ReadonlyArray<A>): A => {
  const found = list[Math.floor(next() * list.length)]
  if (found === undefined) throw new Error("there is nothing to pick from")
  return found
}

/** A float with its last bit flipped. */
const neighbour = (value: number): number => {
  const view = new DataView(new ArrayBuffer(8))
  view.setFloat64(0, value)
  view.setUint8(7, view.getUint8(7) ^ 1)
  return view.getFloat64(0)
}

const neighbour32 = (value: number): number => {
  const view = new DataView(new ArrayBuffer(4))
  view.setFloat32(0, value)
  view.setUint8(3, view.getUint8(3) ^ 1)
  return view.getFloat32(0)
}

const floatChanges = (value: number): ReadonlyArray<Value> => [
  neighbour(value),
  -value,
  String(value),
  ...(Number.isSafeInteger(value) ? [BigInt(value)] : [])
]

const integerChanges = (value: bigint): ReadonlyArray<Value> => [
  value + 1n,
  value - 1n,
  -value,
  value.toString(),
  Number(value),
  value === 0n || value === 1n ? value === 1n : 0n
]

const textChanges = (next: Draw, value: string): ReadonlyArray<string> => {
  const at = Math.floor(next() * value.length)
  const code = value.charCodeAt(at)
  const [head, tail] = [value.slice(0, at), value.slice(at + 1)]
  return [
    `${value} `,
    `${value.slice(0, at)}e${value.slice(at)}`,
    head + tail,
    ...(value.length > 0 ? [head + String.fromCharCode(code ^ 1) + tail] : []),
    value.normalize("NFD"),
    value.toUpperCase(),
    value.trim()
  ]
}

const listChanges = (next: Draw, list: ReadonlyArray<Value>): ReadonlyArray<Value> => {
  const at = Math.floor(next() * list.length)
  const item = smallestChange(next, list[at] ?? null)
  return [
    [...list, null],
    ...(list.length > 0 ? [list.toSpliced(at, 1), list.with(at, item), list.toReversed(), list.slice(0, -1)] : []),
    ...(list.length === 1 ? [list[0] ?? null] : [])
  ]
}

const mapChanges = (next: Draw, map: { readonly [name: string]: Value }): ReadonlyArray<Value> => {
  const names = Object.keys(map)
  const changed = (name: string, value: Value): Value => {
    const other: { [name: string]: Value } = {}
    for (const known of names) setProperty(other, known, map[known] ?? null)
    setProperty(other, name, value)
    return other
  }
  const added = changed(`${names[0] ?? ""}x`, null)
  return names.length === 0
    ? [added]
    : [added, ...names.map((name) => changed(name, smallestChange(next, map[name] ?? null)))]
}

const taggedChanges = (value: Temporal | Point | Vector | Uint8Array): ReadonlyArray<Value> => {
  if (value instanceof Temporal) {
    const at = Math.max(0, value.text.search(/\d/))
    const digit = value.text[at] === "1" ? "2" : "1"
    const text = value.text.slice(0, at) + digit + value.text.slice(at + 1)
    return [
      new Temporal(value.kind, text),
      new Temporal(value.kind === "date" ? "duration" : "date", value.text),
      value.text
    ]
  }
  if (value instanceof Point) {
    const { srid, x, y, z } = value
    return [
      new Point(srid, neighbour(x), y, z),
      new Point(srid, x, neighbour(y), z),
      new Point(srid === 4326 ? 7203 : 4326, x, y, z),
      new Point(srid, x, y, z === undefined ? 0 : undefined)
    ]
  }
  if (value instanceof Vector) {
    const first = neighbour32(value.values[0] ?? 0)
    return [
      new Vector(Float32Array.from([first, ...value.values.slice(1)])),
      new Vector(Float32Array.from([...value.values, 0]))
    ]
  }
  return [Uint8Array.from([...value, 0]), Uint8Array.from([(value[0] ?? 0) ^ 1, ...value.slice(1)])]
}

const changesOf = (next: Draw, value: Value): ReadonlyArray<Value> => {
  switch (typeof value) {
    case "number":
      return floatChanges(value)
    case "bigint":
      return integerChanges(value)
    case "boolean":
      return [!value, String(value), value ? 1n : 0n]
    case "string":
      return textChanges(next, value)
    default:
      if (value === null) return [false, "", 0n]
      if (isList(value)) return listChanges(next, value)
      return isMap(value) ? mapChanges(next, value) : taggedChanges(value)
  }
}

/** Another value, as near as one of its kind (or of a neighbouring kind) can be. */
export const smallestChange = (next: Draw, value: Value): PropertyValue => {
  const before = canonicalValue(value)
  const others = changesOf(next, value).filter((other) => other !== null && canonicalValue(other) !== before)
  return pick(next, others.length > 0 ? others : ["other"]) ?? "other"
}
