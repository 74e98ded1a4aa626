/**
 * The seed layout: `nodes` and `relationships` with the properties as JSON text, as the Python MemoryGraph keeps them.
 * A node's label column holds one label; where there are several or none, `_mg_labels` in the JSON holds them all.
 */
import { sortNames } from "../../domain/Canonical.ts"
import { type GraphRecord, node, type Node, property, relationship } from "../../domain/Graph.ts"
import {
  decodeProperties,
  encodedMisfits,
  encodeProperties,
  ENCODING_PROPERTY,
  type EncodingNote,
  isEmptyNote,
  LABELS_PROPERTY,
  noteText,
  reservedMisfits
} from "../Encoding.ts"
import type { Misfit } from "../GraphBackend.ts"
import { cannot, type Codec, type Columns, type Row, RowProblem, type SqlValue, textCell } from "./codec.ts"
import { addColumns, mergeColumns, OUTRANKING } from "./outrankingColumns.ts"
import { pythonObject } from "./pythonJson.ts"
import { isTooDeep, MAX_VALUE_DEPTH, readProperties, SEED_PROFILE } from "./seedProperties.ts"
import { timestampColumn } from "./timestamps.ts"

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
  required: {
    nodes: ["id", "label", "properties"],
    relationships: ["id", "from_id", "to_id", "rel_type", "properties"]
  }
} as const

/** In a row: after the paging key and the five columns that every file has. */
const FIRST_OUTRANKING = 6

/** The label that stands in the column: Memory if it is among them, else the first in order. */
const standIn = (labels: ReadonlyArray<string>): string =>
  labels.length === 1 ? (labels[0] ?? "") : labels.includes("Memory") ? "Memory" : (sortNames(labels)[0] ?? "")

const decodeNode = (row: Row): Node => {
  const key = textCell(row[1], "id")
  const label = textCell(row[2], "label")
  const { properties, labels, note } = readProperties(textCell(row[3], "properties"))
  if (note !== undefined) decodeProperties(properties, note)
  if (labels === undefined) return node(key, label === "" ? [] : [label], properties)
  if (standIn(labels) !== label) {
    throw new RowProblem(
      `its label column says ${JSON.stringify(label)}, its property ${LABELS_PROPERTY} something else`
    )
  }
  return node(key, labels, properties)
}

const impossible = (record: GraphRecord): string | undefined => {
  const reserved = reservedMisfits(record)[0]
  if (reserved !== undefined) return reserved.kind
  if (record._tag === "Node") {
    if (!record.key.isWellFormed()) return "lone surrogate in a key"
    for (const label of record.labels) if (!label.isWellFormed()) return "lone surrogate in a label"
  } else {
    if (record.key?.isWellFormed() === false || !record.from.isWellFormed() || !record.to.isWellFormed()) {
      return "lone surrogate in a key"
    }
    if (!record.type.isWellFormed()) return "lone surrogate in a type"
  }
  const { properties } = record
  for (const name of Object.keys(properties)) {
    const value = properties[name]
    if (typeof value === "object" && isTooDeep(value)) return `value nested deeper than ${MAX_VALUE_DEPTH} levels`
  }
  return undefined
}

const fit = (record: GraphRecord): ReadonlyArray<Misfit> => {
  const kind = impossible(record)
  return kind === undefined ? encodedMisfits(record.properties, SEED_PROFILE) : cannot(kind)
}

/** Makes the codec for the optional columns that the store's `relationships` has. */
export const make = (has: { readonly nodes: Columns; readonly relationships: Columns }): Codec => {
  const nodeColumns = has.nodes.size === 0 ? [] : SEED_COLUMNS.required.nodes
  const outranking = OUTRANKING.filter((name) => has.relationships.has(name))
  const relationshipColumns =
    has.relationships.size === 0 ? [] : [...SEED_COLUMNS.required.relationships, ...outranking]
  const written = {
    nodes: SEED_COLUMNS.nodes.filter((name) => has.nodes.size === 0 || has.nodes.has(name)),
    relationships: SEED_COLUMNS.relationships.filter(
      (name) => has.relationships.size === 0 || has.relationships.has(name)
    )
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
      const { properties, note } = readProperties(textCell(row[5], "properties"))
      const merged = mergeColumns(row, FIRST_OUTRANKING, outranking, properties, note)
      return relationship(note?.unkeyed === true ? null : id, from, type, to, merged)
    },
    writtenNodeColumns: written.nodes,
    writtenRelationshipColumns: written.relationships,
    nodeValues: ({ key, labels, properties }) => {
      const encoded = encodeProperties(properties, SEED_PROFILE)
      const label = standIn(labels)
      let stored = encoded.properties
      if (label === "" || labels.length !== 1) stored = { ...stored, [LABELS_PROPERTY]: labels }
      if (!isEmptyNote(encoded.note)) stored = { ...stored, [ENCODING_PROPERTY]: noteText(encoded.note) }
      const values: Array<SqlValue> = [key, label, pythonObject(stored)]
      for (const name of nodeTimes) values.push(timestampColumn(property(properties, name)))
      return values
    },
    relationshipValues: ({ key, from, to, type, properties }, id) => {
      const encoded = encodeProperties(properties, SEED_PROFILE)
      const values: Array<SqlValue> = [id, from, to, type, ""]
      if (withCreatedAt) values.push(timestampColumn(property(properties, "created_at")))
      const columns = addColumns(values, writtenOutranking, properties)
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
    impossible,
    fit
  }
}
