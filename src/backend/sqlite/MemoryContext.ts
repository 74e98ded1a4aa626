/**
 * The `context` column of the column layout and the `context_*` properties that all other stores keep in its place, as
 * MemoryGraph itself flattens a context: a field with text or a number is a property, so is a list of such; empty lists,
 * lists of lists and objects become JSON text as Python writes it; an absent field is no property.
 *
 * Both directions are exact or not taken: a text that composing would not give back byte for byte stays whole.
 */
import { canonicalFloat } from "../../domain/Canonical.ts"
import { type MutableProperties, type Properties, property } from "../../domain/Graph.ts"
import { isJsonObject, JsonSyntaxError, type JsonValue, parseJson } from "../../domain/Json.ts"
import { isInt64, isList, isMap, type PropertyValue } from "../../domain/PropertyValue.ts"
import { pythonJson } from "./pythonJson.ts"

/** The fields of a context in the order in which the column holds them. */
const FIELDS = [
  "project_path",
  "files_involved",
  "languages",
  "frameworks",
  "technologies",
  "git_commit",
  "git_branch",
  "working_directory",
  "timestamp",
  "session_id",
  "user_id",
  "additional_metadata",
  "tenant_id",
  "team_id",
  "visibility",
  "created_by"
] as const

const PREFIX = "context_"
const KNOWN: ReadonlySet<string> = new Set(FIELDS)
const PROPERTY_NAMES: ReadonlySet<string> = new Set(FIELDS.map((field) => PREFIX + field))

/** True for the name of a property that is part of a flattened context. */
export const isContextProperty = (name: string): boolean => PROPERTY_NAMES.has(name)

const parse = (text: string): JsonValue | undefined => {
  try {
    return parseJson(text)
  } catch (cause) {
    if (cause instanceof JsonSyntaxError) return undefined
    throw cause
  }
}

const flattenField = (value: JsonValue): PropertyValue | undefined => {
  if (value === null) return undefined
  if (typeof value !== "object") return value
  const plain = Array.isArray(value) && value.length > 0 && value.every((item) => typeof item !== "object")
  return plain ? value : pythonJson(value)
}

// JSON as JSON.stringify writes it; undefined where it has no form for the value.
const compact = (value: PropertyValue | null): string | undefined => {
  switch (typeof value) {
    case "string":
      return JSON.stringify(value)
    case "boolean":
      return value ? "true" : "false"
    case "bigint":
      return isInt64(value) ? value.toString() : undefined
    case "number":
      return Number.isFinite(value) ? canonicalFloat(value) : undefined
    default:
      if (value === null) return "null"
      if (isList(value)) return joined("[", value.map(compact), "]")
      if (!isMap(value)) return undefined
      return joined(
        "{",
        Object.keys(value).map((name) => member(name, value[name] ?? null)),
        "}"
      )
  }
}

const joined = (open: string, parts: ReadonlyArray<string | undefined>, close: string): string | undefined =>
  parts.includes(undefined) ? undefined : open + parts.join(",") + close

const member = (name: string, value: PropertyValue | null): string | undefined => {
  const text = compact(value)
  return text === undefined ? undefined : `${JSON.stringify(name)}:${text}`
}

// Text that flattening made of a list or an object goes back as that; other text is text.
const unflatten = (value: PropertyValue): PropertyValue => {
  if (typeof value !== "string" || !(value.startsWith("[") || value.startsWith("{"))) return value
  const parsed = parse(value)
  return parsed !== undefined && parsed !== null && flattenField(parsed) === value ? parsed : value
}

/** The column's text for flattened properties; undefined where one of them has no form there. */
export const composeContext = (properties: Properties): string | undefined => {
  const members: Array<string | undefined> = []
  for (const field of FIELDS) {
    const value = property(properties, PREFIX + field)
    if (value !== undefined) members.push(member(field, unflatten(value)))
  }
  return joined("{", members, "}")
}

/** The properties of a column's text; undefined where composing them would not give that very text. */
export const flattenContext = (text: string): Properties | undefined => {
  const context = parse(text)
  if (!isJsonObject(context)) return undefined
  const properties: MutableProperties = {}
  const fields = Object.keys(context)
  for (const field of fields) {
    const value = flattenField(context[field] ?? null)
    if (value === undefined || !KNOWN.has(field)) return undefined
    properties[PREFIX + field] = value
  }
  return fields.length > 0 && composeContext(properties) === text ? properties : undefined
}
