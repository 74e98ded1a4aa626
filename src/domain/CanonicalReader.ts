/** Reading canonical lines and values: the way back of Canonical.ts, strict about everything it does not know. */
import * as Either from "effect/Either"
import { type GraphRecord, type MutableProperties, node, type Properties, relationship, setProperty } from "./Graph.ts"
import { isJsonObject, jsonKind, type JsonObject, type JsonValue, JsonSyntaxError, parseJson } from "./Json.ts"
import { Point, type PropertyMap, type PropertyValue, Temporal, type TemporalKind, Vector } from "./PropertyValue.ts"

/** What is wrong with a line: `syntax` (not JSON), `duplicate-key`, or `schema` (JSON, but not a record). */
export interface LineProblem {
  readonly reason: "syntax" | "duplicate-key" | "schema"
  readonly message: string
  /** The record's key, as far as it could be read: only with `schema`. */
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
  if (!isJsonObject(value)) return value.map(decodeValue)
  const names = Object.keys(value)
  const tag = names[0]
  if (!names.some((name) => name.startsWith("$"))) return decodeMap(value)
  if (names.length !== 1 || tag === undefined)
    throw new SchemaProblem(`a tagged value has one key, found ${names.join(", ")}`)
  const inner = value[tag] ?? null
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
