/**
 * What a reader of the 2.0 format (MemoryGraph's Python program, 0.12) takes of a 2.1 document and what it skips, so
 * that an export can say so. It knows neither `nodes` nor `node_relationships`, and of a record only some fields; what
 * its model refuses it leaves out one by one.
 */
import { type Node, property, type Relationship } from "../domain/Graph.ts"
import { CONTEXT_PREFIX, MEMORY_TYPES, RELATIONSHIP_TYPES, VISIBILITIES } from "../domain/Memory.ts"
import { type PropertyValue, Temporal } from "../domain/PropertyValue.ts"
import { KeySet } from "./key-set.ts"

/**
 * What a 2.0 reader leaves out, or takes and cannot read again. `reasons` counts memories and relationships by why, in
 * words. Measured against memorygraphmcp 0.12.4 with random graphs; texts that look like JSON can still surprise it.
 */
export interface LegacySkips {
  readonly memories: number
  readonly relationships: number
  readonly nodes: number
  readonly nodeRelationships: number
  readonly reasons: { readonly [reason: string]: number }
}

const memoryTypes: ReadonlySet<unknown> = new Set(MEMORY_TYPES)
const relationshipTypes: ReadonlySet<string> = new Set(RELATIONSHIP_TYPES)
const visibilities: ReadonlySet<unknown> = new Set(VISIBILITIES)

// Its checks of length refuse such text; where there are none it passes.
const isIllFormed = (value: PropertyValue | undefined): boolean => typeof value === "string" && !value.isWellFormed()

// The program strips both before it checks them.
const isBlank = (value: PropertyValue | undefined): boolean => typeof value === "string" && value.trim() === ""

const isOutside = (value: PropertyValue | undefined, least: number, most: number): boolean =>
  (typeof value === "number" || typeof value === "bigint") && (value < least || value > most)

// Characters as Python counts them: code points.
const isLonger = (value: PropertyValue | undefined, most: number): boolean =>
  typeof value === "string" && value.length > most && Array.from(value).length > most

const TIMESTAMP =
  /^\d{4}-(0[1-9]|1[0-2])-([0-2]\d|3[01])([T ]([01]\d|2[0-3]):[0-5]\d(:[0-5]\d([.,]\d{1,9})?)?(Z|[+-]\d\d:?\d\d)?)?$/i

const memoryReason = ({ key, properties }: Node): string | undefined => {
  const at = (name: string) => property(properties, name)
  if (!memoryTypes.has(at("type"))) return "unknown memory type"
  if (isBlank(at("title")) || isBlank(at("content"))) return "blank title or content"
  if (isLonger(at("title"), 200)) return "title longer than 200 characters"
  if (isLonger(at("summary"), 500)) return "summary longer than 500 characters"
  if (isOutside(at("importance"), 0, 1) || isOutside(at("confidence"), 0, 1)) return "score outside 0 to 1"
  if ([key, at("title"), at("content"), at("summary")].some(isIllFormed)) return "text with a lone surrogate"
  const visibility = at(`${CONTEXT_PREFIX}visibility`)
  if (typeof visibility === "string" && !visibilities.has(visibility)) return "unknown visibility"
  const timestamp = at(`${CONTEXT_PREFIX}timestamp`)
  const shown = timestamp instanceof Temporal ? timestamp.text.replace(/\[.*\]$/, "") : timestamp
  if (typeof shown === "string" && !TIMESTAMP.test(shown)) return "context timestamp of another form"
  return undefined
}

const linkReason = ({ properties, type }: Relationship): string | undefined => {
  const at = (name: string) => property(properties, name)
  if (!relationshipTypes.has(type)) return "unknown relationship type"
  if (isOutside(at("strength"), 0, 1) || isOutside(at("confidence"), 0, 1)) return "score outside 0 to 1"
  if (isOutside(at("evidence_count"), 0, Number.MAX_VALUE)) return "negative evidence count"
  return undefined
}

/** Counts skips while the records of a document are written. */
export class LegacyCounter {
  private memories = 0
  private relationships = 0
  private readonly reasons = new Map<string, number>()
  private readonly skippedMemories = new KeySet()

  /** Takes an element of `memories`. */
  memory(memory: Node): void {
    const reason = memoryReason(memory)
    if (reason === undefined) return
    this.memories++
    this.count(reason)
    this.skippedMemories.add(memory.key)
  }

  /** Takes an element of `relationships`; after all memories. */
  relationship(relationship: Relationship): void {
    const endSkipped = this.skippedMemories.has(relationship.from) || this.skippedMemories.has(relationship.to)
    const reason = linkReason(relationship) ?? (endSkipped ? "relationship of a skipped memory" : undefined)
    if (reason === undefined) return
    this.relationships++
    this.count(reason)
  }

  private count(reason: string): void {
    this.reasons.set(reason, (this.reasons.get(reason) ?? 0) + 1)
  }

  /** What was counted, beside the sections that a 2.0 reader does not know. */
  finish(sections: { readonly nodes: number; readonly nodeRelationships: number }): LegacySkips {
    const { memories, relationships } = this
    return { memories, relationships, ...sections, reasons: Object.fromEntries(this.reasons) }
  }
}
