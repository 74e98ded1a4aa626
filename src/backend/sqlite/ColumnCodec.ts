/**
 * The column layout: one table of memories and one of relationships, a column a property, as the TypeScript port keeps
 * them. Nothing fits in it but memories with just these properties; what would not come back as it was is impossible
 * there, and {@link Codec.fit} says so.
 */
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
import type { PropertyValue } from "../../domain/PropertyValue.ts"
import { reservedMisfits } from "../Encoding.ts"
import type { Misfit } from "../GraphBackend.ts"
import { cannot, type Codec, type Columns, type Row, type SqlValue, textCell } from "./codec.ts"
import {
  cellMisfit,
  columnMisfit,
  contextMisfit,
  decodeTags,
  keyMisfit,
  labelMisfit,
  tagsMisfit,
  TEXT
} from "./columnFit.ts"
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

const decodeCell = (cell: unknown, name: string): PropertyValue =>
  typeof cell === "string" || typeof cell === "bigint" || typeof cell === "number" ? cell : textCell(cell, name)

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

  const impossible = (record: GraphRecord): string | undefined => {
    const { properties } = record
    const reserved = reservedMisfits(record)[0]
    if (reserved !== undefined) return reserved.kind
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
    impossible,
    fit: (record): ReadonlyArray<Misfit> => {
      const kind = impossible(record)
      return kind === undefined ? [] : cannot(kind)
    }
  }
}
