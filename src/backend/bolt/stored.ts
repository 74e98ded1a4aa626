/** Nodes and relationships as the engine has them, with our side properties still among the properties. */
import neo4j from "neo4j-driver"
import { type MutableProperties, property, setProperty } from "../../domain/Graph.ts"
import { isList, type PropertyValue } from "../../domain/PropertyValue.ts"
import { ID_PROPERTY } from "../Encoding.ts"
import type { Row } from "./connection.ts"
import * as temporal from "./temporal.ts"
import { fromDriver, Undecodable } from "./values.ts"

/** A node as stored. */
export interface StoredNode {
  /** The engine's own id, as text. */
  readonly id: string
  readonly labels: ReadonlyArray<string>
  readonly properties: MutableProperties
}

/** A relationship as stored. */
export interface StoredRelationship {
  readonly id: string
  readonly type: string
  /** The engine's ids of its ends. */
  readonly from: string
  readonly to: string
  readonly properties: MutableProperties
}

// A null is an absent property; engines give none.
const decodeProperties = (properties: object, where: string): MutableProperties => {
  const decoded: MutableProperties = {}
  for (const name of Object.keys(properties)) {
    const value = decodeValue(Reflect.get(properties, name), name, where)
    if (value !== null) setProperty(decoded, name, value)
  }
  return decoded
}

// What the driver could not decode is an object that throws its error when it is looked at.
const decodeValue = (value: unknown, name: string, where: string): PropertyValue | null => {
  try {
    return fromDriver(value)
  } catch (cause) {
    throw new Undecodable(`${where}, property ${name}: ${cause instanceof Error ? cause.message : String(cause)}`)
  }
}

/** The `parts` of a row: `[id, labels or type, ends, [[name, true for a text that stands for a moment, value]]]`. */
const decodeParts = (parts: ReadonlyArray<unknown>) => {
  const [id, names, ends, pairs] = parts
  const properties: MutableProperties = {}
  for (const pair of Array.isArray(pairs) ? pairs : []) {
    const [name, isMoment, value]: ReadonlyArray<unknown> = Array.isArray(pair) ? pair : []
    if (typeof name !== "string") throw new Undecodable(`${String(id)}: a property came without its name`)
    const decoded = decodeValue(value, name, String(id))
    if (decoded !== null) setProperty(properties, name, isMoment === true ? moment(decoded) : decoded)
  }
  return { id: String(id), names: asTexts(names), ends: asTexts(ends), properties }
}

const asTexts = (value: unknown): ReadonlyArray<string> => (Array.isArray(value) ? value.map(String) : [])

const moment = (value: PropertyValue): PropertyValue => {
  if (typeof value === "string") return temporal.fromServerText(value)
  return isList(value) ? value.map((item) => (item === null ? null : moment(item))) : value
}

/** The node of a row that `Dialect.returning` made. */
export const storedNode = (row: Row): StoredNode => {
  const parts = row.get("parts")
  if (Array.isArray(parts)) {
    const { id, names, properties } = decodeParts(parts)
    return { id, labels: names, properties }
  }
  const entity = row.get("entity")
  if (!neo4j.isNode(entity)) throw new Undecodable("a node with a property named __proto__")
  return {
    id: entity.elementId,
    labels: entity.labels,
    properties: decodeProperties(entity.properties, `node ${entity.elementId}`)
  }
}

/** The relationship of a row that `Dialect.returning` made. */
export const storedRelationship = (row: Row): StoredRelationship => {
  const parts = row.get("parts")
  if (Array.isArray(parts)) {
    const { id, names, ends, properties } = decodeParts(parts)
    return { id, type: names[0] ?? "", from: ends[0] ?? "", to: ends[1] ?? "", properties }
  }
  const entity = row.get("entity")
  if (!neo4j.isRelationship(entity)) throw new Undecodable("a relationship with a property named __proto__")
  return {
    id: entity.elementId,
    type: entity.type,
    from: entity.startNodeElementId,
    to: entity.endNodeElementId,
    properties: decodeProperties(entity.properties, `relationship ${entity.elementId}`)
  }
}

/**
 * The text that would be a record's key: `_mg_id`, else the `id` property where it is text. Only whoever has looked at
 * the whole graph knows whether it is unique. `Dialect.text` asks the same of the engine.
 */
export const rawKey = (properties: MutableProperties): string | undefined => {
  const key = property(properties, ID_PROPERTY) ?? property(properties, "id")
  return typeof key === "string" ? key : undefined
}

/** The expression of {@link rawKey} for a variable. */
export const rawKeyOf = (text: (expression: string) => string, variable: string): string =>
  text(`coalesce(${variable}.${ID_PROPERTY}, ${variable}.id)`)
