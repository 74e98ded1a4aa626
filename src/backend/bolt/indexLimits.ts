/**
 * Values that an index or a uniqueness constraint would refuse. The property moves into `_mg_enc` then, which no index
 * covers: nothing is lost, though searches by that property do not find the record.
 */
import { type GraphRecord, isGeneratedKey, property } from "../../domain/Graph.ts"
import { isList, Point, type PropertyValue, Temporal } from "../../domain/PropertyValue.ts"
import type { CatalogEntry } from "./Dialect.ts"

/** Why a property of a record is moved. */
export const TOO_LARGE = "value too large for the store's index"
export const NOT_UNIQUE = "id under a uniqueness constraint that is not the key"

/** Names of properties to move, each with its reason. */
export type Moves = ReadonlyMap<string, typeof TOO_LARGE | typeof NOT_UNIQUE>

/** What the indexes of a store ask of a record. */
export interface IndexLimits {
  /** Undefined where the record may keep all its properties in place. */
  readonly moves: (record: GraphRecord) => Moves | undefined
}

// Measured on Neo4j 5.26: a string in a range key takes 3 bytes besides its own, an item of a list 2; the rest is
// rounded up.
const keySize = (value: PropertyValue | null): number => {
  if (typeof value === "string") return Buffer.byteLength(value) + 3
  if (typeof value === "boolean") return 2
  if (typeof value !== "object" || value === null) return 9
  if (value instanceof Uint8Array) return value.byteLength + 5
  if (isList(value)) return value.reduce((sum: number, item) => sum + Math.max(1, keySize(item) - 1), 5)
  if (value instanceof Temporal || value instanceof Point) return 29
  return 9
}

interface Indexed {
  readonly text: boolean
  readonly unique: boolean
  readonly properties: ReadonlyArray<string>
}

/** The largest of the properties, where all of them are there and together beyond the index's limit. */
const tooLarge = (record: GraphRecord, { text, properties }: Indexed, limit: KeyBytes): string | undefined => {
  let sum = 0
  let largest: string | undefined
  let size = -1
  for (const name of properties) {
    const value = property(record.properties, name)
    // A text index holds texts only; an index over several properties only records that have all of them.
    if (value === undefined || (text && typeof value !== "string")) return undefined
    const bytes = keySize(value)
    sum += bytes
    if (bytes > size) [largest, size] = [name, bytes]
  }
  return (text ? sum - 3 > limit.text : sum > limit.range) ? largest : undefined
}

type KeyBytes = { readonly range: number; readonly text: number }

/** Reads the catalog once; what it returns is asked for every record. */
export const indexLimits = (
  catalog: ReadonlyArray<Omit<CatalogEntry, "name" | "online">>,
  keyBytes: KeyBytes | undefined
): IndexLimits => {
  const indexed = { node: new Map<string, Array<Indexed>>(), relationship: new Map<string, Array<Indexed>>() }
  for (const { entity, kind, names, properties } of catalog) {
    if (kind !== "range" && kind !== "unique" && kind !== "text") continue
    for (const name of names) {
      const entry = { text: kind === "text", unique: kind === "unique", properties }
      indexed[entity].set(name, [...(indexed[entity].get(name) ?? []), entry])
    }
  }
  const add = (
    moves: Map<string, typeof TOO_LARGE | typeof NOT_UNIQUE> | undefined,
    record: GraphRecord,
    entry: Indexed
  ) => {
    const sole = entry.unique && entry.properties.length === 1 && entry.properties[0] === "id"
    const clash = sole && Object.hasOwn(record.properties, "id") && (record.key === null || isGeneratedKey(record))
    const name = clash ? "id" : keyBytes === undefined ? undefined : tooLarge(record, entry, keyBytes)
    return name === undefined ? moves : (moves ?? new Map()).set(name, clash ? NOT_UNIQUE : TOO_LARGE)
  }
  return {
    moves: (record) => {
      let moves: Map<string, typeof TOO_LARGE | typeof NOT_UNIQUE> | undefined
      const names = record._tag === "Node" ? record.labels : [record.type]
      const entries = record._tag === "Node" ? indexed.node : indexed.relationship
      if (entries.size === 0) return undefined
      for (const name of names) for (const entry of entries.get(name) ?? []) moves = add(moves, record, entry)
      return moves
    }
  }
}
