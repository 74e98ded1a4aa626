/** The properties column of the seed layout: JSON, with this product's side properties among the user's own. */
import { type MutableProperties, setProperty } from "../../domain/Graph.ts"
import {
  isJsonObject,
  type JsonObject,
  jsonKind,
  JsonSyntaxError,
  type JsonValue,
  parseJson
} from "../../domain/Json.ts"
import { isList, isMap, type PropertyValue } from "../../domain/PropertyValue.ts"
import {
  ENCODING_PROPERTY,
  type EncodingNote,
  type EncodingProfile,
  ID_PROPERTY,
  LABELS_PROPERTY,
  parseNote
} from "../Encoding.ts"
import { RowProblem } from "./codec.ts"
import { parsePlainProperties } from "./plainProperties.ts"

/** parseJson refuses what is nested deeper than 512 levels; the properties themselves are the first. */
export const MAX_VALUE_DEPTH = 500
/** True for a value that could not be read again. */
export const isTooDeep = (value: PropertyValue | null, depth = 1): boolean => {
  if (value === null || typeof value !== "object") return false
  if (depth > MAX_VALUE_DEPTH) return true
  if (isList(value)) return value.some((item) => isTooDeep(item, depth + 1))
  return isMap(value) && Object.keys(value).some((name) => isTooDeep(value[name] ?? null, depth + 1))
}

const isJsonValue = (value: PropertyValue | null): boolean => {
  if (value === null || typeof value !== "object") return true
  if (isList(value)) return value.every(isJsonValue)
  return isMap(value) && Object.keys(value).every((name) => isJsonValue(value[name] ?? null))
}

/** JSON holds everything but temporals, points, vectors and bytes, and any name. */
export const SEED_PROFILE: EncodingProfile = { nativeValue: isJsonValue, nativeName: () => true }

const parseProperties = (text: string): JsonObject => {
  let value: JsonValue
  try {
    value = parseJson(text)
  } catch (cause) {
    if (!(cause instanceof JsonSyntaxError)) throw cause
    throw new RowProblem(`its properties are not JSON: ${cause.message}`)
  }
  if (!isJsonObject(value)) throw new RowProblem(`its properties are ${jsonKind(value)} where a JSON object must stand`)
  return value
}

/** What a row's JSON says. */
export interface SeedProperties {
  readonly properties: MutableProperties
  readonly labels: ReadonlyArray<string> | undefined
  readonly note: EncodingNote | undefined
}

const parseLabels = (value: JsonValue): ReadonlyArray<string> => {
  const labels = Array.isArray(value) ? value.filter((label) => typeof label === "string") : []
  if (!Array.isArray(value) || labels.length !== value.length) {
    throw new RowProblem(`its property ${LABELS_PROPERTY} is not a list of labels`)
  }
  return labels
}

/** Reads the column: nulls and side properties are taken out. Throws {@link RowProblem}. */
export const readProperties = (text: string): SeedProperties => {
  const plain = parsePlainProperties(text)
  if (plain !== undefined) return { properties: plain, labels: undefined, note: undefined }
  const json = parseProperties(text)
  const properties: MutableProperties = {}
  let labels: ReadonlyArray<string> | undefined
  let note: EncodingNote | undefined
  for (const name of Object.keys(json)) {
    const value = json[name] ?? null
    if (value === null) continue
    if (name === LABELS_PROPERTY) labels = parseLabels(value)
    else if (name === ENCODING_PROPERTY) {
      note = parseNote(value)
      if (note === undefined) throw new RowProblem(`its property ${ENCODING_PROPERTY} is not a note of this product`)
    } else if (name !== ID_PROPERTY) setProperty(properties, name, value)
  }
  return { properties, labels, note }
}
