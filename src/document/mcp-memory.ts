/**
 * `memory.jsonl` of the MCP reference memory server: a line for each entity and each relation. It holds names, types,
 * texts and links, and no more: whoever writes one is told what it lacks.
 *
 * ```
 * {"type":"entity","name":"...","entityType":"...","observations":["..."]}
 * {"type":"relation","from":"...","to":"...","relationType":"..."}
 * ```
 * An entity is a node: its name is the key, its type the label, its observations a list.
 */
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { canonicalValue, sortNames } from "../domain/Canonical.ts"
import type { DocumentInvalid, FileFailed } from "../domain/Errors.ts"
import {
  describe,
  type GraphRecord,
  type MutableProperties,
  node,
  type Node,
  property,
  relationship,
  type Relationship,
  setProperty
} from "../domain/Graph.ts"
import { isJsonObject, jsonKind, type JsonObject, parseJson } from "../domain/Json.ts"
import { MEMORY_LABEL } from "../domain/Memory.ts"
import { isList, type PropertyValue } from "../domain/PropertyValue.ts"
import { type Line, readLines } from "./file-read.ts"
import { type Output, writeOutput } from "./file-write.ts"
import { DocumentProblem } from "./json-element.ts"
import { KeySet } from "./key-set.ts"
import { Losses, type WrittenDocument } from "./losses.ts"
import { fromPlainJson } from "./plain-json.ts"
import { documentInvalid, problemOf } from "./problems.ts"

const OBSERVATIONS = "observations"

const areTexts = (value: PropertyValue | undefined): value is ReadonlyArray<string> =>
  value !== undefined && isList(value) && value.every((item) => typeof item === "string")

// --- writing --------------------------------------------------------------------------------------------------------

const shown = (value: PropertyValue): string => (typeof value === "string" ? value : canonicalValue(value))

const entityLine = ({ key, labels, properties }: Node, losses: Losses): string => {
  const sorted = sortNames(labels)
  const entityType = (sorted.includes(MEMORY_LABEL) ? MEMORY_LABEL : sorted[0]) ?? ""
  if (sorted.length > 1) losses.add("node with more labels than one, which are left out", key)
  const list = property(properties, OBSERVATIONS)
  const observations: Array<string> = areTexts(list) ? [...list] : []
  for (const name of sortNames(Object.keys(properties))) {
    const value = property(properties, name)
    // The name says it already, and says it again to whoever reads the line.
    if (value === undefined || ((name === "id" || name === "name") && value === key)) continue
    if (name === OBSERVATIONS && areTexts(list)) continue
    observations.push(`${name}: ${shown(value)}`)
    losses.addName("properties that become texts of observations", name)
  }
  return JSON.stringify({ type: "entity", name: key, entityType, observations })
}

const relationLine = (link: Relationship, written: KeySet, losses: Losses): string | undefined => {
  const { from, properties, to, type } = link
  if (!written.add(JSON.stringify([from, type, to]))) {
    losses.leave("relationship beside another of its type between the same nodes", describe(link))
    return undefined
  }
  for (const name of sortNames(Object.keys(properties))) {
    losses.addName("properties of relationships, left out", name)
  }
  return JSON.stringify({ type: "relation", from, to, relationType: type })
}

/** Writes a graph, all nodes before all relationships; returns what the file lacks of it. */
export const writeMcpMemory = <E>(options: {
  readonly output: Output
  readonly records: Stream.Stream<GraphRecord, E>
}): Effect.Effect<WrittenDocument, E | FileFailed> =>
  Effect.suspend(() => {
    const losses = new Losses()
    losses.note(
      "memory.jsonl holds names, types, texts and links only: it is no backup of this graph, and nobody can verify it"
    )
    const written = new KeySet()
    const text = (records: Chunk.Chunk<GraphRecord>): Chunk.Chunk<string> => {
      let lines = ""
      for (const record of records) {
        const line = record._tag === "Node" ? entityLine(record, losses) : relationLine(record, written, losses)
        if (line !== undefined) lines += `${line}\n`
      }
      return lines === "" ? Chunk.empty() : Chunk.of(lines)
    }
    return Effect.map(writeOutput(options.output, Stream.mapChunks(options.records, text)), () => losses.finish())
  })

// --- reading --------------------------------------------------------------------------------------------------------

const textAt = (object: JsonObject, name: string): string => {
  const value = object[name]
  if (typeof value === "string") return value
  throw new DocumentProblem("schema", `${JSON.stringify(name)} must be a string, found ${jsonKind(value)}`)
}

// Relatives of the server write more fields than it does: they become properties of their names.
const others = (object: JsonObject, own: ReadonlySet<string>, into: MutableProperties, losses: Losses, of: string) => {
  for (const name of Object.keys(object)) {
    if (own.has(name)) continue
    const value = fromPlainJson(object[name] ?? null)
    if (value === null) continue
    if (property(into, name) !== undefined) {
      throw new DocumentProblem("schema", `two fields stand for the property ${JSON.stringify(name)}`, undefined, of)
    }
    setProperty(into, name, value)
    losses.addName("fields that the format does not know, kept as properties", name)
  }
}

const ENTITY = new Set(["type", "name", "entityType", OBSERVATIONS])
const RELATION = new Set(["type", "from", "to", "relationType"])

const entityOf = (object: JsonObject, losses: Losses): Node => {
  const name = textAt(object, "name")
  const entityType = textAt(object, "entityType")
  const observations = fromPlainJson(object[OBSERVATIONS] ?? null) ?? undefined
  if (!areTexts(observations)) {
    throw new DocumentProblem("schema", `"${OBSERVATIONS}" must be a list of strings`, undefined, name)
  }
  const properties: MutableProperties = { id: name, name, observations }
  others(object, ENTITY, properties, losses, name)
  return node(name, entityType === "" ? [] : [entityType], properties)
}

const relationOf = (object: JsonObject, losses: Losses): Relationship => {
  const from = textAt(object, "from")
  const to = textAt(object, "to")
  const type = textAt(object, "relationType")
  const properties: MutableProperties = {}
  others(object, RELATION, properties, losses, describe(relationship(null, from, type, to, {})))
  return relationship(null, from, type, to, properties)
}

/** One reading of a file, which passes over it twice: entities first, wherever they stand. */
class Reading {
  private readonly losses: Losses
  private readonly names = new KeySet()
  private readonly lines = new KeySet()

  constructor(losses: Losses) {
    this.losses = losses
  }

  /** The records of one kind among these lines. Throws {@link DocumentProblem}. */
  take(lines: Iterable<Line>, kind: "entity" | "relation"): Array<GraphRecord> {
    const records: Array<GraphRecord> = []
    for (const { number, text } of lines) {
      if (text.trim() === "") continue
      try {
        const record = this.read(text, kind)
        if (record !== undefined) records.push(record)
      } catch (cause) {
        const problem = problemOf(cause)
        if (problem === undefined) throw cause
        throw new DocumentProblem(problem.reason, problem.message, number, problem.key)
      }
    }
    return records
  }

  private read(text: string, kind: "entity" | "relation"): GraphRecord | undefined {
    const object = parseJson(text, { strict: true })
    if (!isJsonObject(object)) throw new DocumentProblem("schema", "it is not an object")
    const type = object["type"]
    if (type !== "entity" && type !== "relation") {
      throw new DocumentProblem("schema", `"type" must be "entity" or "relation"`)
    }
    if (type !== kind) return undefined
    return kind === "entity" ? this.entity(object, text) : this.relation(object)
  }

  private entity(object: JsonObject, text: string): Node | undefined {
    const entity = entityOf(object, this.losses)
    const repeated = !this.lines.add(text)
    if (this.names.add(entity.key)) return entity
    if (!repeated) throw new DocumentProblem("duplicate-record", "another entity has this name", undefined, entity.key)
    this.losses.add("entity that stands there again word by word, taken once", entity.key)
    return undefined
  }

  private relation(object: JsonObject): Relationship | undefined {
    const relation = relationOf(object, this.losses)
    if (this.names.has(relation.from) && this.names.has(relation.to)) return relation
    this.losses.add("relation of an entity that the file does not hold, left out", describe(relation))
    return undefined
  }
}

/** A reading of a file: its graph, and what is to be said of it once the records have ended. */
export interface McpMemory {
  readonly records: Stream.Stream<GraphRecord, DocumentInvalid | FileFailed>
  readonly losses: Effect.Effect<ReadonlyArray<string>>
}

/** Reads a file, entities before relations. What the server would skip is refused here. */
export const readMcpMemory = (path: string): McpMemory => {
  let losses = new Losses()
  const records = Stream.suspend(() => {
    losses = new Losses()
    const reading = new Reading(losses)
    const pass = (kind: "entity" | "relation") =>
      readLines(path).pipe(
        Stream.mapChunksEffect((lines) =>
          Effect.try({
            try: () => Chunk.unsafeFromArray(reading.take(lines, kind)),
            catch: (cause) => documentInvalid(path, cause)
          })
        )
      )
    return Stream.concat(pass("entity"), pass("relation"))
  })
  return { records, losses: Effect.sync(() => losses.sentences()) }
}
