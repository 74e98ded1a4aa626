/**
 * Memories and their relationships as records of a JSON 2.1 document: the fields of the typed view, and under
 * `extra_properties`, in canonical form, every property that the view does not give back exactly (null: there is no such
 * property). Other nodes and relationships stand there as canonical lines.
 */
import { canonicalValue, sortNames, valueFromJson } from "../domain/Canonical.ts"
import {
  type MutableProperties,
  node,
  type Node,
  type Properties,
  property,
  relationship,
  type Relationship,
  setProperty
} from "../domain/Graph.ts"
import { isJsonObject, jsonKind, type JsonObject, type JsonValue } from "../domain/Json.ts"
import {
  CONTEXT_PREFIX,
  Memory,
  MEMORY_LABEL,
  MemoryContext,
  MemoryRelationship,
  RelationshipProperties
} from "../domain/Memory.ts"
import { type Field, fieldsOf } from "./json-fields.ts"

/** What is wrong with a record; `key` is its id where it has one. */
export class RecordProblem extends Error {
  readonly key: string | undefined
  constructor(message: string, key: string | undefined) {
    super(message)
    this.name = "RecordProblem"
    this.key = key
  }
}

/** The fields of one object of a record. A view is one or two of them. */
class View {
  readonly fields: ReadonlyArray<Field>
  private readonly byName: ReadonlyMap<string, Field>

  constructor(fields: ReadonlyArray<Field>) {
    this.fields = fields
    this.byName = new Map(fields.map((field) => [field.name, field]))
  }

  /** The members that show these properties, each behind a comma. */
  show(properties: Properties): string {
    let text = ""
    for (const { codec, property: name, quotedName } of this.fields) {
      const value = property(properties, name)
      const shown = value === undefined ? undefined : codec.show(value)
      if (shown !== undefined) text += `,${quotedName}${shown}`
    }
    return text
  }

  /** Sets the properties that these members stand for, but for the `own` members, which are not of this view. */
  read(json: JsonObject, own: ReadonlySet<string>, into: MutableProperties, key: string | undefined): void {
    for (const name of Object.keys(json)) {
      if (own.has(name)) continue
      const field = this.byName.get(name)
      if (field === undefined) throw new RecordProblem(`the field ${JSON.stringify(name)} does not belong here`, key)
      const value = json[name] ?? null
      if (value === null) continue
      const read = field.codec.read(value)
      if (read === undefined) {
        throw new RecordProblem(
          `${JSON.stringify(name)} must be ${field.codec.expected}, found ${jsonKind(value)}`,
          key
        )
      }
      setProperty(into, field.property, read)
    }
  }
}

const exactness = (...views: ReadonlyArray<View>): ((properties: Properties, name: string) => boolean) => {
  const fields = new Map(views.flatMap((view) => view.fields.map((field) => [field.property, field])))
  return (properties, name) => {
    const value = property(properties, name)
    return value !== undefined && fields.get(name)?.codec.exact(value) === true
  }
}

// The view's `id` is the record's key, which is the property `id` too unless this says otherwise.
const showExtra = (
  properties: Properties,
  key: string | null,
  isExact: (properties: Properties, name: string) => boolean
): string => {
  const id = property(properties, "id")
  const extra = Object.keys(properties).filter((name) => (name === "id" ? id !== key : !isExact(properties, name)))
  if (key !== null && id === undefined) extra.push("id")
  if (extra.length === 0) return ""
  const members = sortNames(extra).map(
    (name) => `${JSON.stringify(name)}:${canonicalValue(property(properties, name) ?? null)}`
  )
  return `,"extra_properties":{${members.join(",")}}`
}

const readExtra = (json: JsonValue | undefined, into: MutableProperties, key: string | undefined): void => {
  if (json === undefined || json === null) return
  if (!isJsonObject(json)) throw new RecordProblem(`"extra_properties" must be an object, found ${jsonKind(json)}`, key)
  for (const name of Object.keys(json)) {
    const value = valueFromJson(json[name] ?? null)
    if (value._tag === "Left") {
      throw new RecordProblem(`${JSON.stringify(name)} in "extra_properties": ${value.left.message}`, key)
    }
    if (value.right === null) delete into[name]
    else setProperty(into, name, value.right)
  }
}

const requiredText = (json: JsonObject, name: string, key?: string): string => {
  const value = json[name]
  if (typeof value === "string") return value
  throw new RecordProblem(`${JSON.stringify(name)} must be a string, found ${jsonKind(value)}`, key)
}

const objectOrAbsent = (json: JsonObject, name: string, key: string | undefined): JsonObject | undefined => {
  const value = json[name] ?? undefined
  if (value === undefined || isJsonObject(value)) return value
  throw new RecordProblem(`${JSON.stringify(name)} must be an object, found ${jsonKind(value)}`, key)
}

const NOTHING: ReadonlySet<string> = new Set()

// --- memories -------------------------------------------------------------------------------------------------------

const memoryView = new View(fieldsOf(Memory.fields, { without: ["id", "context"] }))
const contextView = new View(fieldsOf(MemoryContext.fields, { prefix: CONTEXT_PREFIX }))
const isExactInMemory = exactness(memoryView, contextView)
const MEMORY_OWN = new Set(["id", "context", "labels", "extra_properties"])
const REQUIRED = ["type", "title", "content"] as const

/** True where `memories` can hold the node: a 2.0 reader refuses the whole document over one without these. */
const fitsMemories = ({ labels, properties }: Node): boolean =>
  labels.includes(MEMORY_LABEL) && REQUIRED.every((name) => typeof property(properties, name) === "string")

/** A node as an element of `memories`; undefined where it is none, or has no text as its type, title or content. */
export const encodeMemory = (memory: Node): string | undefined => {
  if (!fitsMemories(memory)) return undefined
  const { key, labels, properties } = memory
  const context = contextView.show(properties)
  return (
    `{"id":${JSON.stringify(key)}${memoryView.show(properties)}` +
    (context === "" ? "" : `,"context":{${context.slice(1)}}`) +
    (labels.length === 1 ? "" : `,"labels":${JSON.stringify(sortNames(labels))}`) +
    `${showExtra(properties, key, isExactInMemory)}}`
  )
}

/** Reads an element of `memories`. Throws {@link RecordProblem}. */
export const decodeMemory = (json: JsonObject): Node => {
  const key = requiredText(json, "id")
  const properties: MutableProperties = { id: key }
  memoryView.read(json, MEMORY_OWN, properties, key)
  const context = objectOrAbsent(json, "context", key)
  if (context !== undefined) contextView.read(context, NOTHING, properties, key)
  readExtra(json["extra_properties"], properties, key)
  const memory = node(key, labelsOf(json["labels"] ?? [MEMORY_LABEL], key), properties)
  if (fitsMemories(memory)) return memory
  throw new RecordProblem(`a memory has the label Memory, and strings as its type, title and content`, key)
}

const labelsOf = (json: JsonValue, key: string): ReadonlyArray<string> => {
  if (!Array.isArray(json)) throw new RecordProblem(`"labels" must be a list, found ${jsonKind(json)}`, key)
  return json.map((label: JsonValue) => {
    if (typeof label === "string") return label
    throw new RecordProblem(`a label must be a string, found ${jsonKind(label)}`, key)
  })
}

// --- relationships between memories ---------------------------------------------------------------------------------

const ENDS = ["id", "from_memory_id", "to_memory_id", "type", "properties"]
const linkView = new View(fieldsOf(RelationshipProperties.fields))
const outerView = new View(fieldsOf(MemoryRelationship.fields, { without: ENDS }))
const isExactInLink = exactness(linkView, outerView)
const LINK_OWN = new Set([...ENDS, "extra_properties"])

/** A relationship between memories as an element of `relationships`. */
export const encodeRelationship = ({ from, key, properties, to, type }: Relationship): string =>
  `{${key === null ? "" : `"id":${JSON.stringify(key)},`}` +
  `"from_memory_id":${JSON.stringify(from)},"to_memory_id":${JSON.stringify(to)},"type":${JSON.stringify(type)}` +
  `,"properties":{${linkView.show(properties).slice(1)}}${outerView.show(properties)}` +
  `${showExtra(properties, key, isExactInLink)}}`

/** Reads an element of `relationships`. Throws {@link RecordProblem}. */
export const decodeRelationship = (json: JsonObject): Relationship => {
  const key = (json["id"] ?? null) === null ? null : requiredText(json, "id")
  const known = key ?? undefined
  const properties: MutableProperties = key === null ? {} : { id: key }
  const inner = objectOrAbsent(json, "properties", known)
  if (inner !== undefined) linkView.read(inner, NOTHING, properties, known)
  outerView.read(json, LINK_OWN, properties, known)
  readExtra(json["extra_properties"], properties, known)
  return relationship(
    key,
    requiredText(json, "from_memory_id", known),
    requiredText(json, "type", known),
    requiredText(json, "to_memory_id", known),
    properties
  )
}

// --- the same thing said twice --------------------------------------------------------------------------------------

const same = (a: JsonValue, b: JsonValue): boolean => {
  if (Object.is(a, b)) return true
  if (Array.isArray(a))
    return Array.isArray(b) && a.length === b.length && a.every((item, i) => same(item, b[i] ?? null))
  if (!isJsonObject(a) || !isJsonObject(b)) return false
  const names = Object.keys(a)
  return (
    names.length === Object.keys(b).length &&
    names.every((name) => Object.hasOwn(b, name) && same(a[name] ?? null, b[name] ?? null))
  )
}

/**
 * The first field that says something else than the record read from it, because `extra_properties` overrules it (an
 * edit that would have no effect); `written` is the record as this product writes it.
 */
export const contradiction = (json: JsonObject, written: JsonObject): string | undefined => {
  for (const name of Object.keys(json)) {
    const value = json[name] ?? null
    if (value === null || name === "labels" || name === "extra_properties") continue
    const own = written[name] ?? null
    if ((name === "context" || name === "properties") && isJsonObject(value)) {
      const inner = contradiction(value, isJsonObject(own) ? own : {})
      if (inner !== undefined) return `${name}.${inner}`
    } else if (!same(value, own)) return name
  }
  return undefined
}
