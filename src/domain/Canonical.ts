/**
 * The canonical line of a record: the same bytes for the same record everywhere, in the spool, in JSONL documents, in
 * hashes and in comparisons. The rules stand in docs/format.md; `test/domain/Canonical.test.ts` holds the golden lines.
 */
import * as Either from "effect/Either"
import { type GraphRecord, type MutableProperties, node, type Properties, relationship, setProperty } from "./Graph.ts"
import { isJsonObject, jsonKind, type JsonObject, type JsonValue, JsonSyntaxError, parseJson } from "./Json.ts"
import {
  isInt64,
  Point,
  type PropertyMap,
  type PropertyValue,
  Temporal,
  type TemporalKind,
  Vector
} from "./PropertyValue.ts"

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
      if (Array.isArray(value)) return `[${value.map(canonicalValue).join(",")}]`
      if (value instanceof Temporal) return `{"$${value.kind}":${JSON.stringify(value.text)}}`
      if (value instanceof Point) {
        const z = value.z === undefined ? "" : `,"z":${canonicalFloat(value.z)}`
        return `{"$point":{"srid":${value.srid},"x":${canonicalFloat(value.x)},"y":${canonicalFloat(value.y)}${z}}}`
      }
      if (value instanceof Uint8Array) return `{"$bytes":"${Buffer.from(value).toString("base64")}"}`
      if (value instanceof Vector) return `{"$vector":[${Array.from(value.values, canonicalFloat).join(",")}]}`
      // The tagged kinds are done: what is left of the union is a map.
      return canonicalMap(value as PropertyMap)
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

/** What is wrong with a line: `syntax` (not JSON), `duplicate-key`, or `schema` (JSON, but not a record). */
export interface LineProblem {
  readonly reason: "syntax" | "duplicate-key" | "schema"
  readonly message: string
  readonly key: string | undefined
}

class SchemaProblem extends Error {}

const TEMPORAL_TAGS: ReadonlyMap<string, TemporalKind> = new Map([
  ["$date", "date"],
  ["$time", "time"],
  ["$localTime", "localTime"],
  ["$dateTime", "dateTime"],
  ["$localDateTime", "localDateTime"],
  ["$duration", "duration"]
])

const text = (value: JsonValue | undefined, what: string): string => {
  if (typeof value !== "string") throw new SchemaProblem(`${what} must be a string, found ${jsonKind(value)}`)
  return value
}

const float = (value: JsonValue | undefined, what: string): number => {
  if (typeof value === "number") return value
  if (isJsonObject(value) && typeof value["$float"] === "string") return taggedFloat(value["$float"])
  throw new SchemaProblem(`${what} must be a float, found ${jsonKind(value)}`)
}

const taggedFloat = (name: string): number => {
  switch (name) {
    case "NaN":
      return Number.NaN
    case "Infinity":
      return Number.POSITIVE_INFINITY
    case "-Infinity":
      return Number.NEGATIVE_INFINITY
    default:
      throw new SchemaProblem(`$float must be NaN, Infinity or -Infinity, found ${name}`)
  }
}

const decodeTagged = (tag: string, value: JsonValue): PropertyValue => {
  const temporal = TEMPORAL_TAGS.get(tag)
  if (temporal !== undefined) return new Temporal(temporal, text(value, tag))
  switch (tag) {
    case "$float":
      return taggedFloat(text(value, tag))
    case "$integer": {
      const digits = text(value, tag)
      if (!/^-?[1-9]\d*$/.test(digits)) throw new SchemaProblem(`$integer must be decimal digits, found ${digits}`)
      return BigInt(digits)
    }
    case "$point": {
      if (!isJsonObject(value) || typeof value["srid"] !== "bigint")
        throw new SchemaProblem("$point must hold srid, x and y")
      const z = value["z"]
      const x = float(value["x"], "x of $point")
      const y = float(value["y"], "y of $point")
      return new Point(Number(value["srid"]), x, y, z === undefined ? undefined : float(z, "z of $point"))
    }
    case "$bytes": {
      const base64 = text(value, tag)
      const bytes = Buffer.from(base64, "base64")
      if (bytes.toString("base64") !== base64) throw new SchemaProblem("$bytes is not base64")
      return new Uint8Array(bytes)
    }
    case "$vector": {
      if (!Array.isArray(value)) throw new SchemaProblem(`$vector must be a list, found ${jsonKind(value)}`)
      return new Vector(Float32Array.from(value, (item: JsonValue) => float(item, "an item of $vector")))
    }
    default:
      throw new SchemaProblem(`the tag ${tag} is unknown`)
  }
}

const decodeMap = (object: JsonObject): PropertyMap => {
  const map: { [name: string]: PropertyValue | null } = {}
  for (const name of Object.keys(object)) setProperty(map, name, decodeValue(object[name] ?? null))
  return map
}

// Throws SchemaProblem. The scalar cases first: they are nearly all.
const decodeValue = (value: JsonValue): PropertyValue | null => {
  if (value === null || typeof value !== "object") return value
  if (Array.isArray(value)) return value.map(decodeValue)
  const object = value as JsonObject
  const names = Object.keys(object)
  const tag = names[0]
  if (!names.some((name) => name.startsWith("$"))) return decodeMap(object)
  if (names.length !== 1 || tag === undefined)
    throw new SchemaProblem(`a tagged value has one key, found ${names.join(", ")}`)
  const inner = object[tag] ?? null
  if (tag !== "$map") return decodeTagged(tag, inner)
  if (!isJsonObject(inner)) throw new SchemaProblem(`$map must be an object, found ${jsonKind(inner)}`)
  return decodeMap(inner)
}

const decodeProperties = (value: JsonValue | undefined): Properties => {
  if (!isJsonObject(value)) throw new SchemaProblem(`properties must be an object, found ${jsonKind(value)}`)
  const properties: MutableProperties = {}
  for (const name of Object.keys(value)) {
    const item = value[name] ?? null
    const decoded = typeof item === "object" ? decodeValue(item) : item
    if (decoded !== null) setProperty(properties, name, decoded)
  }
  return properties
}

const NODE_FIELDS = new Set(["node", "labels", "properties"])
const RELATIONSHIP_FIELDS = new Set(["relationship", "type", "from", "to", "properties"])

const onlyFields = (object: JsonObject, fields: ReadonlySet<string>): void => {
  for (const name of Object.keys(object)) {
    if (!fields.has(name)) throw new SchemaProblem(`the field ${JSON.stringify(name)} does not belong to a record`)
  }
}

const decodeRecord = (object: JsonValue): GraphRecord => {
  if (!isJsonObject(object)) throw new SchemaProblem(`a record is an object, found ${jsonKind(object)}`)
  if (Object.hasOwn(object, "node")) {
    onlyFields(object, NODE_FIELDS)
    const labels = object["labels"]
    if (!Array.isArray(labels)) throw new SchemaProblem(`labels must be a list, found ${jsonKind(labels)}`)
    return node(
      text(object["node"], "node"),
      labels.map((label: JsonValue) => text(label, "a label")),
      decodeProperties(object["properties"])
    )
  }
  if (!Object.hasOwn(object, "relationship")) throw new SchemaProblem("a record has the field node or relationship")
  onlyFields(object, RELATIONSHIP_FIELDS)
  const key = object["relationship"]
  return relationship(
    key === null ? null : text(key, "relationship"),
    text(object["from"], "from"),
    text(object["type"], "type"),
    text(object["to"], "to"),
    decodeProperties(object["properties"])
  )
}

const problem = (cause: unknown, object: JsonValue | undefined): LineProblem => {
  if (cause instanceof JsonSyntaxError) {
    return {
      reason: cause.duplicateKey === undefined ? "syntax" : "duplicate-key",
      message: cause.message,
      key: undefined
    }
  }
  if (cause instanceof SchemaProblem) {
    const found = isJsonObject(object) ? (object["node"] ?? object["relationship"]) : undefined
    return { reason: "schema", message: cause.message, key: typeof found === "string" ? found : undefined }
  }
  throw cause
}

/**
 * Reads a canonical line (or the same record laid out otherwise). With `strict`, a repeated key is found too: for lines
 * that nobody has checked against a digest.
 */
export const parseLine = (
  line: string,
  options?: { readonly strict?: boolean }
): Either.Either<GraphRecord, LineProblem> => {
  let object: JsonValue | undefined
  try {
    object = parseJson(line, options)
    return Either.right(decodeRecord(object))
  } catch (cause) {
    return Either.left(problem(cause, object))
  }
}

/** Reads a canonical value, as {@link canonicalValue} writes it. */
export const parseValue = (json: string): Either.Either<PropertyValue | null, LineProblem> => {
  try {
    return Either.right(decodeValue(parseJson(json)))
  } catch (cause) {
    return Either.left(problem(cause, undefined))
  }
}

/** Reads a canonical value that was parsed as part of a larger JSON text. */
export const valueFromJson = (json: JsonValue): Either.Either<PropertyValue | null, LineProblem> => {
  try {
    return Either.right(decodeValue(json))
  } catch (cause) {
    return Either.left(problem(cause, undefined))
  }
}
