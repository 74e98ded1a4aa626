/**
 * What an engine cannot store natively is encoded: the value stands as text in its place and `_mg_enc`, one JSON string
 * beside it, says what it was; reading takes both away again. What even that cannot carry is impossible, and the plan
 * says so before anything is written.
 *
 * `_mg_enc` = `{"values":{NAME:KIND},"moved":{NAME:VALUE},"type":TYPE,"unkeyed":true,"columns":{...}}`, every member
 * optional:
 * - `values`: the property NAME holds text that stands for a value of KIND (see {@link encodeValue});
 * - `moved`: properties whose very name the engine cannot hold, whole, as canonical values;
 * - `type`: the relationship's real type, where a stand-in is stored;
 * - `unkeyed`: the relationship has no key, though the store had to give it one;
 * - `columns`: used by the SQLite seed layout, see there.
 */
import * as Either from "effect/Either"
import { canonicalValue, parseValue } from "../domain/Canonical.ts"
import { type GraphRecord, type MutableProperties, type Properties, setProperty } from "../domain/Graph.ts"
import { isJsonObject, parseJson, type JsonObject } from "../domain/Json.ts"
import { isList, isMap, type PropertyValue, Temporal, type TemporalKind } from "../domain/PropertyValue.ts"
import type { Misfit } from "./GraphBackend.ts"

/** Keeps a key that is not the record's `id` property. */
export const ID_PROPERTY = "_mg_id"
/** Keeps all labels, where a store holds one. */
export const LABELS_PROPERTY = "_mg_labels"
/** Keeps what was encoded and how. */
export const ENCODING_PROPERTY = "_mg_enc"

const RESERVED = /^_mg_/

/** The user's own properties with a reserved name: they are refused, never overwritten. */
export const reservedMisfits = (record: GraphRecord): ReadonlyArray<Misfit> => {
  for (const name in record.properties) {
    if (name.charCodeAt(0) === 0x5f && RESERVED.test(name)) {
      return [{ level: "impossible", kind: `reserved property name ${name}` }]
    }
  }
  return []
}

/** What an engine stores as it is. Everything else is encoded. */
export interface EncodingProfile {
  /** True where the value (never null) can be a property's value natively. */
  readonly nativeValue: (value: PropertyValue) => boolean
  /** True where a property can have this name. */
  readonly nativeName: (name: string) => boolean
}

/** The members of `_mg_enc`. */
export interface EncodingNote {
  readonly values?: { readonly [name: string]: string }
  readonly moved?: { readonly [name: string]: string }
  readonly type?: string
  readonly unkeyed?: true
  readonly columns?: { readonly [name: string]: string }
}

const TEMPORAL_KINDS: ReadonlyMap<string, TemporalKind> = new Map(
  (["date", "time", "localTime", "dateTime", "localDateTime", "duration"] as const).map((kind) => [kind, kind])
)

/** A value as text and the kind that brings it back: temporals keep their ISO text, all else is canonical JSON. */
export const encodeValue = (value: PropertyValue): { readonly text: string; readonly kind: string } =>
  value instanceof Temporal ? { text: value.text, kind: value.kind } : { text: canonicalValue(value), kind: "json" }

/** Brings an encoded value back; undefined where the text is not what the kind says (somebody has changed it). */
export const decodeValue = (text: string, kind: string): PropertyValue | undefined => {
  const temporal = TEMPORAL_KINDS.get(kind)
  if (temporal !== undefined) return new Temporal(temporal, text)
  if (kind !== "json") return undefined
  return Either.getOrUndefined(parseValue(text)) ?? undefined
}

/** Properties as an engine stores them, and the note that goes with them (empty where all is native). */
export interface Encoded {
  readonly properties: Properties
  readonly note: EncodingNote
}

const NOTHING: EncodingNote = {}

/** Encodes what the profile does not store natively. Returns the given properties where all of them are native. */
export const encodeProperties = (properties: Properties, profile: EncodingProfile): Encoded => {
  let stored: MutableProperties | undefined
  let values: { [name: string]: string } | undefined
  let moved: { [name: string]: string } | undefined
  for (const name of Object.keys(properties)) {
    const value = properties[name]
    if (value === undefined) continue
    const named = profile.nativeName(name)
    if (named && profile.nativeValue(value)) continue
    stored ??= { ...properties }
    if (!named) {
      delete stored[name]
      setProperty((moved ??= {}), name, canonicalValue(value))
    } else {
      const encoded = encodeValue(value)
      setProperty(stored, name, encoded.text)
      setProperty((values ??= {}), name, encoded.kind)
    }
  }
  if (stored === undefined) return { properties, note: NOTHING }
  return { properties: stored, note: { ...(values && { values }), ...(moved && { moved }) } }
}

/** True for a note that says nothing: then no `_mg_enc` is stored. */
export const isEmptyNote = (note: EncodingNote): boolean => Object.keys(note).length === 0

// ASCII only: a note may hold any name, and engines differ in what text they hold.
const ascii = (json: string): string =>
  json.replace(/[\u007f-\uffff]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`)

/** The text of `_mg_enc`: ASCII JSON. */
export const noteText = (note: EncodingNote): string => ascii(JSON.stringify(note))

const stringMembers = (value: JsonObject): { [name: string]: string } => {
  const members: { [name: string]: string } = {}
  for (const name of Object.keys(value)) {
    const member = value[name]
    if (typeof member === "string") setProperty(members, name, member)
  }
  return members
}

/** Reads `_mg_enc`; undefined where it is not a note of ours. */
export const parseNote = (text: PropertyValue | undefined): EncodingNote | undefined => {
  if (typeof text !== "string") return undefined
  try {
    const note = parseJson(text)
    if (!isJsonObject(note)) return undefined
    const { values, moved, type, columns } = note
    return {
      ...(isJsonObject(values) && { values: stringMembers(values) }),
      ...(isJsonObject(moved) && { moved: stringMembers(moved) }),
      ...(typeof type === "string" && { type }),
      ...(note["unkeyed"] === true && { unkeyed: true as const }),
      ...(isJsonObject(columns) && { columns: stringMembers(columns) })
    }
  } catch {
    return undefined
  }
}

/** Undoes {@link encodeProperties} in place, on properties from which the `_mg_*` ones were taken away already. */
export const decodeProperties = (properties: MutableProperties, note: EncodingNote): void => {
  for (const name of Object.keys(note.values ?? {})) {
    const text = Object.hasOwn(properties, name) ? properties[name] : undefined
    const kind = note.values?.[name]
    if (typeof text !== "string" || kind === undefined) continue
    const value = decodeValue(text, kind)
    if (value !== undefined) setProperty(properties, name, value)
  }
  for (const name of Object.keys(note.moved ?? {})) {
    const value = Either.getOrUndefined(parseValue(note.moved?.[name] ?? ""))
    if (value !== undefined && value !== null) setProperty(properties, name, value)
  }
}

/** The misfits of properties under a profile: one a kind of value that is encoded, or a name that is moved. */
export const encodedMisfits = (properties: Properties, profile: EncodingProfile): ReadonlyArray<Misfit> => {
  let misfits: Array<Misfit> | undefined
  for (const name of Object.keys(properties)) {
    const value = properties[name]
    if (value === undefined) continue
    const kind = !profile.nativeName(name)
      ? "property name the engine cannot hold"
      : profile.nativeValue(value)
        ? undefined
        : describeMisfit(value)
    if (kind === undefined || misfits?.some((misfit) => misfit.kind === kind) === true) continue
    ;(misfits ??= []).push({ level: "encoded", kind })
  }
  return misfits ?? []
}

const describeMisfit = (value: PropertyValue): string => {
  if (typeof value === "string") return value.includes("\0") ? "text with NUL" : "text with a lone surrogate"
  if (typeof value === "bigint") return "integer beyond 64 bits"
  if (typeof value === "number") return "NaN or infinity"
  if (value instanceof Temporal) return `${value.kind} value`
  if (isList(value)) return "list the engine cannot hold"
  if (isMap(value)) return "map value"
  return value instanceof Uint8Array ? "bytes" : "point or vector"
}

/** True for text without lone surrogates: what UTF-8 can say. */
export const isWellFormed = (text: string): boolean => text.isWellFormed()
