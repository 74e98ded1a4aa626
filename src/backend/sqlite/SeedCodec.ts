/**
 * The seed layout: `nodes` and `relationships` with the properties as JSON text, as the Python MemoryGraph keeps them.
 *
 * Four columns of a relationship outrank its JSON, because the Python program writes an invalidation only there: a
 * value in the column is the property's value, NULL means that there is none. What such a column cannot hold (SQLite
 * would turn the text `2024` into a number, NOT NULL refuses an absent value, a date-time value is not text) stands in
 * the JSON alone: the column gets a derived text, and `columns` in `_mg_enc` keeps that text (the empty one for NULL).
 * While the column still says so, the JSON outranks it; once somebody has changed the column, the column wins.
 */
import { sortNames } from "../../domain/Canonical.ts"
import {
  type GraphRecord,
  type MutableProperties,
  node,
  type Node,
  type Properties,
  property,
  relationship,
  setProperty
} from "../../domain/Graph.ts"
import { isJsonObject, type JsonObject, jsonKind, JsonSyntaxError, type JsonValue, parseJson } from "../../domain/Json.ts"
import { isList, isMap, type PropertyValue } from "../../domain/PropertyValue.ts"
import {
  decodeProperties,
  encodedMisfits,
  encodeProperties,
  ENCODING_PROPERTY,
  type EncodingNote,
  type EncodingProfile,
  ID_PROPERTY,
  isEmptyNote,
  LABELS_PROPERTY,
  noteText,
  parseNote,
  reservedMisfits
} from "../Encoding.ts"
import type { Misfit } from "../GraphBackend.ts"
import { becomesNumber, cannot, type Codec, type Columns, type Row, RowProblem, type SqlValue, textCell } from "./codec.ts"
import { pythonObject } from "./pythonJson.ts"
import { isoColumn, NO_ISO_TIME, timestampColumn } from "./timestamps.ts"

/** All columns of the layout's tables, and those that every file of it has. */
export const SEED_COLUMNS = {
  nodes: ["id", "label", "properties", "created_at", "updated_at"],
  relationships: [
    "id",
    "from_id",
    "to_id",
    "rel_type",
    "properties",
    "created_at",
    "valid_from",
    "valid_until",
    "recorded_at",
    "invalidated_by"
  ],
  required: { nodes: ["id", "label", "properties"], relationships: ["id", "from_id", "to_id", "rel_type", "properties"] }
} as const

/** The columns that outrank the JSON; the first and the third are NOT NULL. */
const OUTRANKING = ["valid_from", "valid_until", "recorded_at", "invalidated_by"] as const
const NOT_NULL: ReadonlySet<string> = new Set(["valid_from", "recorded_at"])
/** In a note: the column holds NULL. */
const NULL_NOTE = ""

/** parseJson refuses what is nested deeper than 512 levels; the properties themselves are the first. */
const MAX_VALUE_DEPTH = 500
const isTooDeep = (value: PropertyValue | null, depth: number): boolean => {
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

const profile: EncodingProfile = { nativeValue: isJsonValue, nativeName: () => true }

const isReserved = (name: string): boolean => name.charCodeAt(0) === 0x5f && name.startsWith("_mg_")

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

interface Parsed {
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

// Takes nulls and side properties out of the JSON. The parsed object is fresh: where nothing is to be taken out, it
// is used as it is.
const takeApart = (json: JsonObject): Parsed => {
  const names = Object.keys(json)
  let whole = true
  for (const name of names) {
    if (json[name] === null || isReserved(name)) {
      whole = false
      break
    }
  }
  if (whole) return { properties: json as MutableProperties, labels: undefined, note: undefined }
  const properties: MutableProperties = {}
  let labels: ReadonlyArray<string> | undefined
  let note: EncodingNote | undefined
  for (const name of names) {
    const value = json[name] ?? null
    if (value === null) continue
    if (!isReserved(name)) setProperty(properties, name, value)
    else if (name === LABELS_PROPERTY) labels = parseLabels(value)
    else if (name === ENCODING_PROPERTY) {
      note = parseNote(value)
      if (note === undefined) throw new RowProblem(`its property ${ENCODING_PROPERTY} is not a note of this product`)
    } else if (name !== ID_PROPERTY) setProperty(properties, name, value)
  }
  return { properties, labels, note }
}

/** The label that stands in the column: Memory if it is among them, else the first in order. */
const standIn = (labels: ReadonlyArray<string>): string =>
  labels.length === 1 ? (labels[0] ?? "") : labels.includes("Memory") ? "Memory" : (sortNames(labels)[0] ?? "")

const decodeNode = (row: Row): Node => {
  const key = textCell(row[1], "id")
  const label = textCell(row[2], "label")
  const { properties, labels, note } = takeApart(parseProperties(textCell(row[3], "properties")))
  if (note !== undefined) decodeProperties(properties, note)
  if (labels === undefined) return node(key, label === "" ? [] : [label], properties)
  if (standIn(labels) !== label) {
    throw new RowProblem(`its label column says ${JSON.stringify(label)}, its property ${LABELS_PROPERTY} something else`)
  }
  return node(key, labels, properties)
}

const without = (properties: MutableProperties, name: string): MutableProperties => {
  const rest: MutableProperties = {}
  for (const other of Object.keys(properties)) {
    const value = properties[other]
    if (other !== name && value !== undefined) setProperty(rest, other, value)
  }
  return rest
}

// True where the column is just what SQLite's numeric affinity made of the JSON's text.
const isAffinityOf = (cell: unknown, value: PropertyValue | undefined): boolean =>
  typeof value === "string" &&
  (typeof cell === "bigint" || typeof cell === "number") &&
  becomesNumber(value) &&
  Number(value) === Number(cell)

const applyColumns = (
  row: Row,
  columns: ReadonlyArray<string>,
  properties: MutableProperties,
  note: EncodingNote | undefined
): MutableProperties => {
  const noted = note?.columns
  let values: { [name: string]: string } | undefined
  let result = properties
  for (let i = 5; i < columns.length; i++) {
    const name = columns[i] ?? ""
    const cell = row[i + 1]
    const derived = noted?.[name]
    if (derived !== undefined) {
      if (derived === NULL_NOTE ? cell === null : cell === derived) continue
      // The column was changed since: whatever the JSON had there, and however it was encoded, is out of date.
      values ??= { ...note?.values }
      delete values[name]
    }
    const value = property(result, name)
    if (cell === value) continue
    if (cell === null) {
      if (value !== undefined) result = without(result, name)
    } else if (typeof cell === "string" || typeof cell === "bigint" || typeof cell === "number") {
      if (!isAffinityOf(cell, value)) result[name] = cell
    } else {
      textCell(cell, name)
    }
  }
  if (note !== undefined) decodeProperties(result, values === undefined ? note : { ...note, values })
  return result
}

interface NoteColumns {
  [name: string]: string
}

// A value that the column cannot hold as it is: the derived text, and the note that says so.
const derivedCell = (name: string, properties: Properties, notes: NoteColumns): SqlValue => {
  const derived =
    isoColumn(property(properties, name)) ??
    (NOT_NULL.has(name) ? (isoColumn(property(properties, "created_at")) ?? NO_ISO_TIME) : null)
  notes[name] = derived ?? NULL_NOTE
  return derived
}

const impossibleText = (...texts: ReadonlyArray<string>): boolean => {
  for (const text of texts) if (!text.isWellFormed()) return true
  return false
}

const fit = (record: GraphRecord): ReadonlyArray<Misfit> => {
  const reserved = reservedMisfits(record)
  if (reserved.length > 0) return reserved
  if (record._tag === "Node") {
    if (impossibleText(record.key)) return cannot("lone surrogate in a key")
    if (impossibleText(...record.labels)) return cannot("lone surrogate in a label")
  } else {
    if (impossibleText(record.key ?? "", record.from, record.to)) return cannot("lone surrogate in a key")
    if (impossibleText(record.type)) return cannot("lone surrogate in a type")
  }
  for (const name of Object.keys(record.properties)) {
    if (isTooDeep(record.properties[name] ?? null, 1)) return cannot(`value nested deeper than ${MAX_VALUE_DEPTH} levels`)
  }
  return encodedMisfits(record.properties, profile)
}

/** Makes the codec for the optional columns that the store's `relationships` has. */
export const make = (has: { readonly nodes: Columns; readonly relationships: Columns }): Codec => {
  const nodeColumns = has.nodes.size === 0 ? [] : SEED_COLUMNS.required.nodes
  const outranking = OUTRANKING.filter((name) => has.relationships.has(name))
  const relationshipColumns = has.relationships.size === 0 ? [] : [...SEED_COLUMNS.required.relationships, ...outranking]
  const written = {
    nodes: SEED_COLUMNS.nodes.filter((name) => has.nodes.size === 0 || has.nodes.has(name)),
    relationships: SEED_COLUMNS.relationships.filter((name) => has.relationships.size === 0 || has.relationships.has(name))
  }
  const writtenOutranking = OUTRANKING.filter((name) => written.relationships.includes(name))
  const withCreatedAt = written.relationships.includes("created_at")
  const nodeTimes = written.nodes.slice(3)

  return {
    layout: "seed",
    nodeTable: "nodes",
    nodeColumns,
    relationshipColumns,
    decodeNode,
    decodeRelationship: (row) => {
      const id = textCell(row[1], "id")
      const from = textCell(row[2], "from_id")
      const to = textCell(row[3], "to_id")
      const type = textCell(row[4], "rel_type")
      const { properties, note } = takeApart(parseProperties(textCell(row[5], "properties")))
      const merged = applyColumns(row, relationshipColumns, properties, note)
      return relationship(note?.unkeyed === true ? null : id, from, type, to, merged)
    },
    writtenNodeColumns: written.nodes,
    writtenRelationshipColumns: written.relationships,
    nodeValues: ({ key, labels, properties }) => {
      const encoded = encodeProperties(properties, profile)
      const label = standIn(labels)
      let stored = encoded.properties
      if (label === "" || labels.length !== 1) stored = { ...stored, [LABELS_PROPERTY]: labels }
      if (!isEmptyNote(encoded.note)) stored = { ...stored, [ENCODING_PROPERTY]: noteText(encoded.note) }
      const values: Array<SqlValue> = [key, label, pythonObject(stored)]
      for (const name of nodeTimes) values.push(timestampColumn(property(properties, name)))
      return values
    },
    relationshipValues: ({ key, from, to, type, properties }, id) => {
      const encoded = encodeProperties(properties, profile)
      const values: Array<SqlValue> = [id, from, to, type, ""]
      if (withCreatedAt) values.push(timestampColumn(property(properties, "created_at")))
      let columns: NoteColumns | undefined
      for (const name of writtenOutranking) {
        const value = property(properties, name)
        if (typeof value === "string" && value.isWellFormed() && !becomesNumber(value)) values.push(value)
        else if (value === undefined && !NOT_NULL.has(name)) values.push(null)
        else values.push(derivedCell(name, properties, (columns ??= {})))
      }
      let stored = encoded.properties
      if (columns !== undefined || key === null || !isEmptyNote(encoded.note)) {
        const note: EncodingNote = {
          ...encoded.note,
          ...(key === null && { unkeyed: true as const }),
          ...(columns !== undefined && { columns })
        }
        stored = { ...stored, [ENCODING_PROPERTY]: noteText(note) }
      }
      values[4] = pythonObject(stored)
      return values
    },
    fit
  }
}
