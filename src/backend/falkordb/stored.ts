/**
 * Records as FalkorDB stores them, and back: which labels, which type, which side properties (`_mg_id`, `_mg_labels`,
 * `_mg_enc`). Pure.
 *
 * Labels that cannot be written are left out and all labels then stand in `_mg_labels`; a type that cannot be written
 * is replaced by {@link STAND_IN_TYPE} and stands in the note.
 */
import {
  type GraphRecord,
  isGeneratedKey,
  type MutableProperties,
  type Node,
  node,
  type Properties,
  property,
  type Relationship,
  relationship
} from "../../domain/Graph.ts"
import type { PropertyValue } from "../../domain/PropertyValue.ts"
import {
  decodeProperties,
  encodedMisfits,
  encodeProperties,
  ENCODING_PROPERTY,
  type EncodingNote,
  ID_PROPERTY,
  isEmptyNote,
  LABELS_PROPERTY,
  noteText,
  parseNote,
  reservedMisfits
} from "../Encoding.ts"
import type { Misfit } from "../GraphBackend.ts"
import { isNativeName, isNativeText, profile } from "./literals.ts"

/** The label of the fence node; never a record's. */
export const FENCE_LABEL = "_MgRun"

/** The type that stands for one that cannot be written. */
export const STAND_IN_TYPE = "_MgType"

/**
 * Where keys come from in one graph. `nodes`: `id` where every node has a unique string one, else only `_mg_id` counts
 * and the rest get `prefix` and the engine's id. `relationships`: `id` where those are unique strings, else none.
 */
export interface KeyRule {
  readonly nodes: "id" | "generated"
  readonly prefix: string
  readonly relationships: "id" | "none"
}

/** The rule of a graph without records. */
export const EMPTY_RULE: KeyRule = { nodes: "id", prefix: "n", relationships: "id" }

/** A node as stored. */
export interface StoredNode {
  readonly labels: ReadonlyArray<string>
  readonly properties: Properties
}

/** A relationship as stored. */
export interface StoredRelationship {
  readonly type: string
  readonly properties: Properties
}

const withSideProperties = (properties: Properties, side: ReadonlyArray<readonly [string, string]>): Properties => {
  if (side.length === 0) return properties
  const all: MutableProperties = { ...properties }
  for (const [name, value] of side) all[name] = value
  return all
}

const noteEntry = (note: EncodingNote): ReadonlyArray<readonly [string, string]> =>
  isEmptyNote(note) ? [] : [[ENCODING_PROPERTY, noteText(note)]]

// JSON in ASCII, like the note: labels with anything in them.
const labelsText = (labels: ReadonlyArray<string>): string =>
  JSON.stringify(labels).replace(/[\u007f-\uffff]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`)

/** A node as it is to be stored in a graph that follows the rule. */
export const storeNode = (record: Node, rule: KeyRule): StoredNode => {
  const { note, properties } = encodeProperties(record.properties, profile)
  const held = record.labels.filter(isNativeName)
  const side: Array<readonly [string, string]> = [...noteEntry(note)]
  if (isGeneratedKey(record) || rule.nodes === "generated") side.push([ID_PROPERTY, record.key])
  if (held.length < record.labels.length) side.push([LABELS_PROPERTY, labelsText(record.labels)])
  return { labels: held, properties: withSideProperties(properties, side) }
}

/** A relationship as it is to be stored in a graph that follows the rule. */
export const storeRelationship = (record: Relationship, rule: KeyRule): StoredRelationship => {
  const encoded = encodeProperties(record.properties, profile)
  const held = isNativeName(record.type)
  // An `id` that is not this relationship's key would be taken for it where all others are unique.
  const unkeyed = record.key === null && typeof property(encoded.properties, "id") === "string"
  const note: EncodingNote = {
    ...encoded.note,
    ...(!held && { type: record.type }),
    ...(unkeyed && { unkeyed: true as const })
  }
  const side: Array<readonly [string, string]> = [...noteEntry(note)]
  if (record.key !== null && (isGeneratedKey(record) || rule.relationships === "none"))
    side.push([ID_PROPERTY, record.key])
  return { type: held ? record.type : STAND_IN_TYPE, properties: withSideProperties(encoded.properties, side) }
}

const take = (properties: MutableProperties, name: string): PropertyValue | undefined => {
  const value = property(properties, name)
  if (value !== undefined) delete properties[name]
  return value
}

/** Reads `_mg_labels`; undefined where it is not a list of ours. */
export const parseLabels = (text: PropertyValue | undefined): ReadonlyArray<string> | undefined => {
  if (typeof text !== "string") return undefined
  try {
    const labels: unknown = JSON.parse(text)
    return Array.isArray(labels) && labels.every((label) => typeof label === "string") ? labels : undefined
  } catch {
    return undefined
  }
}

const text = (value: PropertyValue | undefined): string | undefined => (typeof value === "string" ? value : undefined)

/** The key that a node has under the rule, from its stored `_mg_id` and `id` and the engine's own id. */
export const nodeKey = (kept: string | undefined, id: string | undefined, engineId: number, rule: KeyRule): string =>
  kept ?? (rule.nodes === "id" ? id : undefined) ?? `${rule.prefix}${engineId}`

/** Brings a stored node back; takes the side properties away from `properties`. */
export const restoreNode = (
  engineId: number,
  labels: ReadonlyArray<string>,
  properties: MutableProperties,
  rule: KeyRule
): Node => {
  const kept = text(take(properties, ID_PROPERTY))
  const note = parseNote(take(properties, ENCODING_PROPERTY))
  const all = parseLabels(take(properties, LABELS_PROPERTY)) ?? labels
  // Before decoding: the rule looks at what is stored.
  const key = nodeKey(kept, text(property(properties, "id")), engineId, rule)
  if (note !== undefined) decodeProperties(properties, note)
  return node(key, all, properties)
}

/** The key that a relationship has under the rule, from its stored `_mg_id`, `id` and `_mg_enc`. */
export const relationshipKey = (
  kept: string | undefined,
  id: string | undefined,
  note: string | undefined,
  rule: KeyRule
): string | null => {
  if (kept !== undefined) return kept
  if (id === undefined || rule.relationships === "none") return null
  return note !== undefined && parseNote(note)?.unkeyed === true ? null : id
}

/** Brings a stored relationship back; takes the side properties away from `properties`. */
export const restoreRelationship = (
  from: string,
  type: string,
  to: string,
  properties: MutableProperties,
  rule: KeyRule
): Relationship => {
  const kept = text(take(properties, ID_PROPERTY))
  const noted = text(take(properties, ENCODING_PROPERTY))
  const note = parseNote(noted)
  const key = relationshipKey(kept, text(property(properties, "id")), noted, rule)
  if (note !== undefined) decodeProperties(properties, note)
  return relationship(key, from, note?.type ?? type, to, properties)
}

const textMisfit = (value: string, what: string): Misfit | undefined =>
  isNativeText(value)
    ? undefined
    : { level: "impossible", kind: value.includes("\0") ? `${what} with NUL` : `${what} with a lone surrogate` }

const IMPOSSIBLE_LABEL: Misfit = { level: "impossible", kind: `reserved label ${FENCE_LABEL}` }
const IMPOSSIBLE_TYPE: Misfit = { level: "impossible", kind: `reserved relationship type ${STAND_IN_TYPE}` }
const ENCODED_LABEL: Misfit = { level: "encoded", kind: "label the engine cannot hold" }
const ENCODED_TYPE: Misfit = { level: "encoded", kind: "relationship type the engine cannot hold" }

/** How a record fits; the empty list for the great majority that is native. */
export const fit = (record: GraphRecord): ReadonlyArray<Misfit> => {
  const misfits: Array<Misfit> = []
  const add = (misfit: Misfit | undefined) => {
    if (misfit !== undefined) misfits.push(misfit)
  }
  if (record.key !== null) add(textMisfit(record.key, "key"))
  if (record._tag === "Node") {
    if (record.labels.includes(FENCE_LABEL)) add(IMPOSSIBLE_LABEL)
    if (!record.labels.every(isNativeName)) add(ENCODED_LABEL)
  } else {
    if (record.type === STAND_IN_TYPE) add(IMPOSSIBLE_TYPE)
    if (!isNativeName(record.type)) add(ENCODED_TYPE)
  }
  return [...misfits, ...reservedMisfits(record), ...encodedMisfits(record.properties, profile)]
}
