/**
 * The column layout: one table of memories and one of relationships, a column a property, as the TypeScript port keeps
 * them. Nothing fits in it but memories with just these properties; what would not come back as it was is impossible
 * there, and {@link Codec.fit} says so.
 */
import { canonicalProperties } from "../../domain/Canonical.ts"
import {
  type GraphRecord,
  type MutableProperties,
  node,
  type Node,
  type Properties,
  property,
  relationship,
  type Relationship
} from "../../domain/Graph.ts"
import { JsonSyntaxError, parseJson } from "../../domain/Json.ts"
import { isInt64, type PropertyValue } from "../../domain/PropertyValue.ts"
import { reservedMisfits } from "../Encoding.ts"
import type { Misfit } from "../GraphBackend.ts"
import {
  becomesNumber,
  cannot,
  type Codec,
  type ColumnInfo,
  type Columns,
  type Row,
  type SqlValue,
  textCell
} from "./codec.ts"
import { composeContext, flattenContext, isContextProperty } from "./MemoryContext.ts"

/** All columns of the layout's tables, and those that every file of it has. */
export const COLUMN_COLUMNS = {
  nodes: [
    "id",
    "type",
    "title",
    "content",
    "summary",
    "tags",
    "importance",
    "confidence",
    "effectiveness",
    "usage_count",
    "created_at",
    "updated_at",
    "last_accessed",
    "version",
    "updated_by",
    "context"
  ],
  relationships: [
    "id",
    "from_id",
    "to_id",
    "rel_type",
    "strength",
    "confidence",
    "context",
    "evidence_count",
    "success_rate",
    "created_at",
    "last_validated",
    "validation_count",
    "counter_evidence_count",
    "valid_from",
    "valid_until",
    "recorded_at",
    "invalidated_by"
  ],
  required: {
    nodes: ["id", "type", "title", "content"],
    relationships: ["id", "from_id", "to_id", "rel_type", "strength"]
  }
} as const

const FIRST_RELATIONSHIP_PROPERTY = 4

// A list of strings where the text is the very form that JSON.stringify gives it, else the text itself.
const decodeTags = (text: string): PropertyValue => {
  if (!text.startsWith("[")) return text
  try {
    const list = parseJson(text)
    return Array.isArray(list) && list.every((tag) => typeof tag === "string") && JSON.stringify(list) === text ? list : text
  } catch (cause) {
    if (cause instanceof JsonSyntaxError) return text
    throw cause
  }
}

const decodeCell = (cell: unknown, name: string): PropertyValue =>
  typeof cell === "string" || typeof cell === "bigint" || typeof cell === "number" ? cell : textCell(cell, name)

const EXPECTED: { readonly [A in ColumnInfo["affinity"]]: string } = {
  text: "a string",
  integer: "an integer",
  numeric: "an integer",
  real: "a float",
  none: "a string or a number"
}

/** Why a value would not come back from its column as it was; undefined where it does. */
const cellMisfit = (value: PropertyValue, name: string, { affinity }: ColumnInfo): string | undefined => {
  switch (typeof value) {
    case "string":
      if (!value.isWellFormed()) return `lone surrogate in ${name}`
      return affinity === "text" || affinity === "none" || !becomesNumber(value) ? undefined : `${name} is text that reads as a number`
    case "bigint":
      if (!isInt64(value)) return "integer beyond 64 bits"
      return affinity === "text" || affinity === "real" ? `${name} is not ${EXPECTED[affinity]}` : undefined
    case "number":
      if (Number.isNaN(value)) return "NaN"
      if (affinity === "none") return undefined
      // SQLite keeps a float without a fraction as an integer, and so has no negative zero.
      if (affinity === "real") return Object.is(value, -0) ? "negative zero" : undefined
      return affinity === "text" || Number.isInteger(value) ? `${name} is not ${EXPECTED[affinity]}` : undefined
    default:
      return `${name} is not ${EXPECTED[affinity]}`
  }
}

const TEXT: ColumnInfo = { affinity: "text", notNull: true }

const keyMisfit = (record: GraphRecord): string | undefined => {
  if (record.key === null) return "relationship without id"
  if (!record.key.isWellFormed()) return "lone surrogate in a key"
  return property(record.properties, "id") === record.key ? undefined : "key that is not its id property"
}

const labelMisfit = (labels: ReadonlyArray<string>): string | undefined => {
  if (labels.length === 0) return "no label"
  if (labels.length > 1) return "several labels"
  return labels[0] === "Memory" ? undefined : `label ${labels[0]}`
}

// The properties against the columns, one by one; context and tags are the caller's.
const columnMisfit = (
  properties: Properties,
  names: ReadonlyArray<string>,
  columns: Columns,
  special: (name: string, value: PropertyValue) => string | undefined | false
): string | undefined => {
  for (const name of Object.keys(properties)) {
    const value = properties[name]
    if (name === "id" || value === undefined) continue
    const own = special(name, value)
    if (own === false) {
      const column = columns.get(name)
      const misfit =
        column === undefined || !names.includes(name) ? `property ${name} has no column` : cellMisfit(value, name, column)
      if (misfit !== undefined) return misfit
    } else if (own !== undefined) return own
  }
  for (const name of names) {
    if (columns.get(name)?.notNull === true && property(properties, name) === undefined) return `no ${name}`
  }
  return undefined
}

// Whether the context_* properties (or a context kept whole) come back from the column's text.
const contextMisfit = (properties: Properties): string | undefined => {
  const flat: MutableProperties = {}
  let some = false
  for (const name of Object.keys(properties)) {
    const value = properties[name]
    if (value === undefined || !isContextProperty(name)) continue
    flat[name] = value
    some = true
  }
  const whole = property(properties, "context")
  if (whole !== undefined) {
    if (some) return "context beside context_ properties"
    return typeof whole === "string" && flattenContext(whole) !== undefined ? "context text that reads as fields" : undefined
  }
  if (!some) return undefined
  const text = composeContext(flat)
  const back = text === undefined ? undefined : flattenContext(text)
  return back !== undefined && canonicalProperties(back) === canonicalProperties(flat)
    ? undefined
    : "context_ property the column cannot hold"
}

const tagsMisfit = (value: PropertyValue): string | undefined => {
  if (Array.isArray(value)) return value.every((tag) => typeof tag === "string") ? undefined : "tags is not a list of strings"
  if (typeof value !== "string") return "tags is not a list of strings"
  if (!value.isWellFormed()) return "lone surrogate in tags"
  return typeof decodeTags(value) === "string" ? undefined : "tags text that reads as a list"
}

const cellValue = (value: PropertyValue | undefined): SqlValue =>
  typeof value === "string" || typeof value === "bigint" || typeof value === "number" ? value : null

/** Makes the codec for the columns that the store has; `columns` of a table that is not there yet are the layout's. */
export const make = (
  has: { readonly nodes: Columns; readonly relationships: Columns },
  columns: { readonly nodes: Columns; readonly relationships: Columns }
): Codec => {
  const nodeColumns = COLUMN_COLUMNS.nodes.filter((name) => has.nodes.has(name))
  const relationshipColumns = COLUMN_COLUMNS.relationships.filter((name) => has.relationships.has(name))
  const nodeProperties = COLUMN_COLUMNS.nodes.filter((name) => name !== "id" && columns.nodes.has(name))
  const relationshipProperties = COLUMN_COLUMNS.relationships
    .slice(FIRST_RELATIONSHIP_PROPERTY)
    .filter((name) => columns.relationships.has(name))
  const withContext = columns.nodes.has("context")

  const special = (name: string, value: PropertyValue) => {
    if (name === "tags" && columns.nodes.has("tags")) return tagsMisfit(value)
    return withContext && isContextProperty(name) ? undefined : false
  }
  const none = (): false => false

  const misfit = (record: GraphRecord): string | undefined => {
    const { properties } = record
    if (record._tag === "Node") {
      return (
        labelMisfit(record.labels) ??
        keyMisfit(record) ??
        columnMisfit(properties, nodeProperties, columns.nodes, special) ??
        contextMisfit(properties)
      )
    }
    return (
      keyMisfit(record) ??
      cellMisfit(record.type, "a type", TEXT) ??
      cellMisfit(record.from, "a key", TEXT) ??
      cellMisfit(record.to, "a key", TEXT) ??
      columnMisfit(properties, relationshipProperties, columns.relationships, none)
    )
  }

  const nodeCell = (properties: Properties, name: string): SqlValue => {
    const value = property(properties, name)
    if (name === "tags" && Array.isArray(value)) return JSON.stringify(value)
    if (name !== "context" || value !== undefined) return cellValue(value)
    const text = composeContext(properties)
    return text === undefined || text === "{}" ? null : text
  }

  return {
    layout: "column",
    nodeTable: "memories",
    nodeColumns,
    relationshipColumns,
    decodeNode: (row: Row): Node => {
      const id = textCell(row[1], "id")
      const properties: MutableProperties = { id }
      for (let i = 1; i < nodeColumns.length; i++) {
        const cell = row[i + 1]
        const name = nodeColumns[i] ?? ""
        if (cell === null) continue
        if (name === "tags" && typeof cell === "string") properties[name] = decodeTags(cell)
        else if (name === "context" && typeof cell === "string") {
          const flat = flattenContext(cell)
          if (flat === undefined) properties[name] = cell
          else Object.assign(properties, flat)
        } else properties[name] = decodeCell(cell, name)
      }
      return node(id, ["Memory"], properties)
    },
    decodeRelationship: (row: Row): Relationship => {
      const id = textCell(row[1], "id")
      const properties: MutableProperties = { id }
      for (let i = FIRST_RELATIONSHIP_PROPERTY; i < relationshipColumns.length; i++) {
        const cell = row[i + 1]
        const name = relationshipColumns[i] ?? ""
        if (cell !== null) properties[name] = decodeCell(cell, name)
      }
      return relationship(
        id,
        textCell(row[2], "from_id"),
        textCell(row[4], "rel_type"),
        textCell(row[3], "to_id"),
        properties
      )
    },
    writtenNodeColumns: ["id", ...nodeProperties],
    writtenRelationshipColumns: ["id", "from_id", "to_id", "rel_type", ...relationshipProperties],
    nodeValues: ({ key, properties }) => {
      const values: Array<SqlValue> = [key]
      for (const name of nodeProperties) values.push(nodeCell(properties, name))
      return values
    },
    relationshipValues: ({ from, to, type, properties }, id) => {
      const values: Array<SqlValue> = [id, from, to, type]
      for (const name of relationshipProperties) values.push(cellValue(property(properties, name)))
      return values
    },
    fit: (record): ReadonlyArray<Misfit> => {
      const reserved = reservedMisfits(record)
      if (reserved.length > 0) return reserved
      const kind = misfit(record)
      return kind === undefined ? [] : cannot(kind)
    }
  }
}
