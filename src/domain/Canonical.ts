/**
 * The canonical line of a record: the same bytes for the same record everywhere, in the spool, in JSONL documents, in
 * hashes and in comparisons. The rules stand in docs/format.md; `test/domain/Canonical.test.ts` holds the golden lines.
 */
import type { GraphRecord, Properties } from "./Graph.ts"
import { isInt64, isList, Point, type PropertyMap, type PropertyValue, Temporal, Vector } from "./PropertyValue.ts"

export { type LineProblem, parseLine, parseValue, valueFromJson } from "./CanonicalReader.ts"

const ABOVE_SURROGATES = /[\ud800-\uffff]/

/** Compares by Unicode code point; JavaScript's own order is by UTF-16 unit and differs from U+D800 on. */
export const compareCodePoints = (a: string, b: string): number => {
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length;) {
    const x = a.codePointAt(i) ?? 0
    const y = b.codePointAt(i) ?? 0
    if (x !== y) return x - y
    i += x > 0xffff ? 2 : 1
  }
  return a.length - b.length
}

const sorted = (names: Array<string>): Array<string> => {
  let ordered = true
  let plain = true
  for (let i = 0; i < names.length; i++) {
    const name = names[i] ?? ""
    if (i > 0 && (names[i - 1] ?? "") > name) ordered = false
    if (ABOVE_SURROGATES.test(name)) plain = false
  }
  if (!plain) return names.sort(compareCodePoints)
  return ordered ? names : names.sort()
}

/** Sorts labels (or any names) by code point, without changing the given list. */
export const sortNames = (names: ReadonlyArray<string>): ReadonlyArray<string> =>
  names.length < 2 ? names : sorted([...names])

// Property names repeat from record to record: a bounded number of name lists is kept, sorted and quoted.
interface Shape {
  readonly names: ReadonlyArray<string>
  readonly quoted: ReadonlyArray<string>
}
const shapes = new Map<string, Shape>()
const MAX_SHAPES = 1000
const SEPARATOR = "\u0000"

const shapeOf = (object: object): Shape => {
  const names = Object.keys(object)
  // A name may hold the separator itself: the number of names keeps such a list from being taken for another.
  const id = `${names.length}${SEPARATOR}${names.join(SEPARATOR)}`
  const known = shapes.get(id)
  if (known !== undefined) return known
  const ordered = sorted(names)
  const shape = {
    names: ordered,
    quoted: ordered.map((name, i) => `${i === 0 ? "" : ","}${JSON.stringify(name)}:`)
  }
  if (shapes.size < MAX_SHAPES && !ordered.some((name) => name.includes(SEPARATOR))) shapes.set(id, shape)
  return shape
}

/** A float64 in canonical form: `1.0`, `-0.0`, `1e+21`; NaN and infinities are tagged. */
export const canonicalFloat = (value: number): string => {
  if (!Number.isFinite(value)) {
    return `{"$float":"${Number.isNaN(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity"}"}`
  }
  if (Object.is(value, -0)) return "-0.0"
  const text = String(value)
  return text.includes(".") || text.includes("e") ? text : `${text}.0`
}

const canonicalMap = (map: PropertyMap): string => {
  const { names, quoted } = shapeOf(map)
  let text = "{"
  for (let i = 0; i < names.length; i++) text += (quoted[i] ?? "") + canonicalValue(map[names[i] ?? ""] ?? null)
  text += "}"
  return names.some((name) => name.startsWith("$")) ? `{"$map":${text}}` : text
}

/** A property value in canonical form. */
export const canonicalValue = (value: PropertyValue | null): string => {
  switch (typeof value) {
    case "string":
      return JSON.stringify(value)
    case "bigint":
      return isInt64(value) ? value.toString() : `{"$integer":"${value}"}`
    case "number":
      return canonicalFloat(value)
    case "boolean":
      return value ? "true" : "false"
    default:
      if (value === null) return "null"
      if (isList(value)) return `[${value.map(canonicalValue).join(",")}]`
      if (value instanceof Temporal) return `{"$${value.kind}":${JSON.stringify(value.text)}}`
      if (value instanceof Point) {
        const z = value.z === undefined ? "" : `,"z":${canonicalFloat(value.z)}`
        return `{"$point":{"srid":${value.srid},"x":${canonicalFloat(value.x)},"y":${canonicalFloat(value.y)}${z}}}`
      }
      if (value instanceof Uint8Array) return `{"$bytes":"${Buffer.from(value).toString("base64")}"}`
      if (value instanceof Vector) return `{"$vector":[${Array.from(value.values, canonicalFloat).join(",")}]}`
      return canonicalMap(value)
  }
}

/** Properties in canonical form: sorted by name. */
export const canonicalProperties = (properties: Properties): string => {
  const { names, quoted } = shapeOf(properties)
  let text = "{"
  for (let i = 0; i < names.length; i++) text += (quoted[i] ?? "") + canonicalValue(properties[names[i] ?? ""] ?? null)
  return `${text}}`
}

/** The canonical line of a record, without its line end. */
export const canonicalLine = (record: GraphRecord): string => {
  if (record._tag === "Node") {
    const labels = sortNames(record.labels)
    const list =
      labels.length === 1 ? JSON.stringify(labels[0]) : labels.map((label) => JSON.stringify(label)).join(",")
    return `{"node":${JSON.stringify(record.key)},"labels":[${list}],"properties":${canonicalProperties(record.properties)}}`
  }
  const key = record.key === null ? "null" : JSON.stringify(record.key)
  return `{"relationship":${key},"type":${JSON.stringify(record.type)},"from":${JSON.stringify(record.from)},"to":${JSON.stringify(record.to)},"properties":${canonicalProperties(record.properties)}}`
}
