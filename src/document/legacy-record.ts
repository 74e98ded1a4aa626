/**
 * Memories and relationships of the formats 1.x and 2.0: the fields that 2.1 has too, and others, which become
 * properties of their names. A record gets the properties that stand in the file and no others.
 */
import {
  describe,
  type MutableProperties,
  type Node,
  property,
  type Relationship,
  setProperty
} from "../domain/Graph.ts"
import { isJsonObject, type JsonObject, type JsonValue } from "../domain/Json.ts"
import { CONTEXT_PREFIX, Memory, MemoryContext, MemoryRelationship, RelationshipProperties } from "../domain/Memory.ts"
import { decodeMemory, decodeRelationship, RecordProblem } from "./json-record.ts"
import type { Losses } from "./losses.ts"
import { fromPlainJson } from "./plain-json.ts"

const MEMORY = new Set(Object.keys(Memory.fields))
const CONTEXT = new Set(Object.keys(MemoryContext.fields))
const RELATIONSHIP = new Set(Object.keys(MemoryRelationship.fields))
const LINK = new Set(Object.keys(RelationshipProperties.fields))

// Of 2.1, where they outrank the fields: a document that has them is none of the formats read here.
const NEWER = new Set(["labels", "extra_properties"])

const UNKNOWN = "fields that the format does not know, kept as properties"

/** Timestamps that a memory has in its store. */
const MEMORY_TIMES = ["created_at", "updated_at"]
/** Timestamps that a relationship has in its store. */
const LINK_TIMES = ["created_at", "valid_from", "recorded_at"]

/** The members that `known` names; the others become properties in `others`. */
const known = (
  json: JsonObject,
  names: ReadonlySet<string>,
  others: MutableProperties,
  prefix = "",
  key?: string
): JsonObject => {
  const members: { [name: string]: JsonValue } = {}
  for (const name of Object.keys(json)) {
    const value = json[name] ?? null
    if (names.has(name)) setProperty(members, name, value)
    else if (NEWER.has(name)) {
      throw new RecordProblem(`the field ${JSON.stringify(name)} does not belong to this format`, key)
    } else {
      const other = fromPlainJson(value)
      if (other !== null) setProperty(others, `${prefix}${name}`, other)
    }
  }
  return members
}

const withOthers = <A extends Node | Relationship>(record: A, others: MutableProperties): A => {
  const names = Object.keys(others)
  if (names.length === 0) return record
  const properties: MutableProperties = {}
  for (const name of Object.keys(record.properties)) setProperty(properties, name, record.properties[name] ?? "")
  for (const name of names) {
    if (property(properties, name) !== undefined) {
      throw new RecordProblem(`two fields stand for the property ${JSON.stringify(name)}`, record.key ?? undefined)
    }
    setProperty(properties, name, others[name] ?? "")
  }
  return { ...record, properties }
}

const keyOf = (json: JsonObject): string | undefined => (typeof json["id"] === "string" ? json["id"] : undefined)

/** Reads an element of `memories`. Throws {@link RecordProblem}. */
export const readLegacyMemory = (json: JsonObject, losses: Losses): Node => {
  const others: MutableProperties = {}
  const key = keyOf(json)
  const fields = known(json, MEMORY, others, "", key)
  const context = json["context"]
  const memory = withOthers(
    decodeMemory(
      isJsonObject(context) ? { ...fields, context: known(context, CONTEXT, others, CONTEXT_PREFIX, key) } : fields
    ),
    others
  )
  for (const name of Object.keys(others)) losses.addName(UNKNOWN, name)
  countAbsent(memory, "memory", MEMORY_TIMES, losses)
  return memory
}

/** Reads an element of `relationships`. Throws {@link RecordProblem}. */
export const readLegacyRelationship = (json: JsonObject, losses: Losses): Relationship => {
  const others: MutableProperties = {}
  const fields = known(json, RELATIONSHIP, others)
  const inner = json["properties"]
  const link = withOthers(
    decodeRelationship(isJsonObject(inner) ? { ...fields, properties: known(inner, LINK, others) } : fields),
    others
  )
  const name = describe(link)
  for (const other of Object.keys(others)) losses.addName(UNKNOWN, other)
  if (link.key === null) losses.add("relationship without an id", name)
  countAbsent(link, "relationship", LINK_TIMES, losses)
  return link
}

const countAbsent = (record: Node | Relationship, kind: string, names: ReadonlyArray<string>, losses: Losses): void => {
  const absent = names.filter((name) => property(record.properties, name) === undefined)
  if (absent.length === 0) return
  losses.add(`${kind} without ${absent.join(", ")}`, describe(record))
}
