/**
 * Records between the domain and what the engine stores: labels and types that it cannot hold stand aside, values that
 * it cannot hold are encoded, the key goes into `_mg_id` where it is not the `id`.
 */
import {
  type GraphRecord,
  isGeneratedKey,
  type MutableProperties,
  node,
  type Node,
  property,
  relationship,
  type Relationship
} from "../../domain/Graph.ts"
import { parseJson } from "../../domain/Json.ts"
import {
  decodeProperties,
  encodedMisfits,
  encodeProperties,
  ENCODING_PROPERTY,
  type EncodingNote,
  type EncodingProfile,
  ID_PROPERTY,
  isEmptyNote,
  isWellFormed,
  LABELS_PROPERTY,
  noteText,
  parseNote,
  reservedMisfits
} from "../Encoding.ts"
import type { Misfit } from "../GraphBackend.ts"
import { FENCE_LABEL, STAND_IN_TYPE } from "./Dialect.ts"
import type { IndexLimits, Moves } from "./indexLimits.ts"
import { rawKey, type StoredNode, type StoredRelationship } from "./stored.ts"
import { isNativeToken, toDriver } from "./values.ts"

/** What decides how records are stored. */
export interface Storing {
  readonly profile: EncodingProfile
  readonly limits: IndexLimits
}

/** A record as parameters of a statement; `names` are the labels, or the one type. */
export interface Encoded {
  readonly names: ReadonlyArray<string>
  readonly properties: { readonly [name: string]: unknown }
}

/** For a record that takes the place of a stored one: whether its key needs no side property, and what stood aside. */
export interface Replaced {
  /** The key is the engine's own id, and no property of the node. */
  readonly engineKey: boolean
  /** Names of properties that stand in the stored record's note. */
  readonly moved: ReadonlySet<string>
}

/** The type as stored. */
export const storedType = (type: string): string => (isNativeToken(type) ? type : STAND_IN_TYPE)

const movesOf = (record: GraphRecord, storing: Storing, replaced: Replaced | undefined): ReadonlySet<string> => {
  const moves: Moves | undefined = storing.limits.moves(record)
  if (replaced === undefined) return new Set(moves?.keys())
  // A record that keeps its place keeps its form: what is not unique there is left where it is.
  return new Set([...(moves?.keys() ?? [])].filter((name) => name !== "id" || replaced.moved.has(name)))
}

const encode = (record: GraphRecord, names: ReadonlyArray<string>, storing: Storing, replaced?: Replaced): Encoded => {
  const moves = movesOf(record, storing, replaced)
  const profile: EncodingProfile =
    moves.size === 0
      ? storing.profile
      : { ...storing.profile, nativeName: (name) => !moves.has(name) && storing.profile.nativeName(name) }
  const encoded = encodeProperties(record.properties, profile)
  const properties: { [name: string]: unknown } = {}
  for (const name of Object.keys(encoded.properties)) {
    const value = encoded.properties[name]
    if (value !== undefined) properties[name] = toDriver(value)
  }
  const keyed = replaced?.engineKey !== true && record.key !== null
  if (keyed && (isGeneratedKey(record) || moves.has("id"))) properties[ID_PROPERTY] = record.key
  const note: EncodingNote = { ...encoded.note, ...standIns(record) }
  if (!isEmptyNote(note)) properties[ENCODING_PROPERTY] = noteText(note)
  if (record._tag === "Node" && names.length < record.labels.length) {
    properties[LABELS_PROPERTY] = JSON.stringify(record.labels)
  }
  return { names, properties }
}

const standIns = (record: GraphRecord): EncodingNote => {
  if (record._tag === "Node") return {}
  const unkeyed = record.key === null && typeof property(record.properties, "id") === "string"
  return { ...(!isNativeToken(record.type) && { type: record.type }), ...(unkeyed && { unkeyed: true as const }) }
}

/** A node as the engine is to store it. */
export const encodeNode = (record: Node, storing: Storing, replaced?: Replaced): Encoded =>
  encode(record, record.labels.filter(isNativeToken), storing, replaced)

/** A relationship as the engine is to store it. */
export const encodeRelationship = (record: Relationship, storing: Storing, replaced?: Replaced): Encoded =>
  encode(record, [storedType(record.type)], storing, replaced)

// Side properties that are not in our form are somebody else's: they stay, and the plan refuses them by name.
const takeNote = (properties: MutableProperties): EncodingNote => {
  const note = parseNote(property(properties, ENCODING_PROPERTY))
  if (note !== undefined) delete properties[ENCODING_PROPERTY]
  if (typeof properties[ID_PROPERTY] === "string") delete properties[ID_PROPERTY]
  if (note !== undefined) decodeProperties(properties, note)
  return note ?? {}
}

const takeLabels = (stored: StoredNode, properties: MutableProperties): ReadonlyArray<string> => {
  const text = property(properties, LABELS_PROPERTY)
  if (typeof text !== "string") return stored.labels
  const aside = parseLabels(text)
  if (aside === undefined) return stored.labels
  delete properties[LABELS_PROPERTY]
  return [...stored.labels, ...aside.filter((label) => !isNativeToken(label))]
}

/** The text of `_mg_labels` as labels; undefined where it is not ours. */
export const parseLabels = (text: string): ReadonlyArray<string> | undefined => {
  try {
    const labels = parseJson(text)
    return Array.isArray(labels) && labels.every((label) => typeof label === "string") ? labels : undefined
  } catch {
    return undefined
  }
}

/** The node under the given key. */
export const decodeNode = (stored: StoredNode, key: string): Node => {
  const properties = { ...stored.properties }
  const labels = takeLabels(stored, properties)
  takeNote(properties)
  return node(key, labels, properties)
}

/**
 * The relationship between the given keys. `keyOf` decides about the text that would be its key; what the store says of
 * itself (no key, though there is an `id`) comes first.
 */
export const decodeRelationship = (
  stored: StoredRelationship,
  from: string,
  to: string,
  keyOf: (raw: string) => string | null
): Relationship => {
  const properties = { ...stored.properties }
  const raw = rawKey(properties)
  const note = takeNote(properties)
  const key = raw === undefined || note.unkeyed === true ? null : keyOf(raw)
  return relationship(key, from, note.type ?? stored.type, to, properties)
}

/** Names that stand in the note of a stored record. */
export const movedNames = (properties: MutableProperties): ReadonlySet<string> =>
  new Set(Object.keys(parseNote(property(properties, ENCODING_PROPERTY))?.moved ?? {}))

/** The port's `fit`. */
export const fit =
  (storing: Storing) =>
  (record: GraphRecord): ReadonlyArray<Misfit> => {
    const values = encodedMisfits(record.properties, storing.profile)
    const moves = storing.limits.moves(record)
    const reserved = reservedMisfits(record)
    const names = record._tag === "Node" ? record.labels : [record.type]
    const strange = names.some((name) => !isNativeToken(name) || name === FENCE_LABEL)
    const keyed = record.key === null || isWellFormed(record.key)
    if (moves === undefined && reserved.length === 0 && !strange && keyed) return values
    const misfits: Array<Misfit> = [...values, ...reserved]
    for (const kind of new Set(moves?.values())) misfits.push({ level: "encoded", kind })
    if (!keyed) misfits.push({ level: "impossible", kind: "key with a lone surrogate" })
    if (record._tag === "Node" && names.includes(FENCE_LABEL)) {
      misfits.push({ level: "impossible", kind: `reserved label ${FENCE_LABEL}` })
    }
    if (names.some((name) => !isNativeToken(name))) {
      misfits.push({ level: "encoded", kind: `${record._tag === "Node" ? "label" : "type"} the engine cannot hold` })
    }
    return misfits
  }
