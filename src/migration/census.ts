/**
 * What a graph holds, gathered while its records pass by once: counts, ends that are missing, keys that repeat, how
 * the records fit the target, enum values that MemoryGraph does not know.
 */
import type { GraphBackend, Misfit } from "../backend/GraphBackend.ts"
import type { Keys } from "../domain/Errors.ts"
import { describe, type GraphRecord, isGeneratedKey } from "../domain/Graph.ts"
import { unknownEnums } from "../domain/Memory.ts"
import { KeyCounter } from "./KeyCounter.ts"
import type { MisfitCount } from "./report.ts"

/** How many keys of each kind are named. */
const NAMED = 20

/** Collects the first keys and counts all. */
export class KeyList {
  readonly first: Array<string> = []
  total = 0

  add(key: string): void {
    this.total++
    if (this.first.length < NAMED) this.first.push(key)
  }

  toKeys(): Keys {
    return { first: this.first, total: this.total }
  }
}

/** What the records so far come to. */
export interface CensusResult {
  readonly nodes: number
  readonly relationships: number
  /** Nodes per label, one without under the empty string. */
  readonly labels: { readonly [label: string]: number }
  readonly types: { readonly [type: string]: number }
  /** Relationships with an end that did not come before them. */
  readonly dangling: Keys
  /** Keys that came more than once; those of relationships only for a document. */
  readonly duplicates: Keys
  /** Nodes whose key is not their own `id`. */
  readonly generatedKeys: number
  /** Records that fit the target as they are; all of them where there is no target. */
  readonly native: number
  readonly encoded: ReadonlyArray<MisfitCount>
  readonly impossible: ReadonlyArray<MisfitCount>
  /** Values that MemoryGraph's programs do not know, one sentence for each kind. */
  readonly warnings: ReadonlyArray<string>
}

/** Takes every record of a graph, nodes first. */
export class Census {
  private nodes = 0
  private relationships = 0
  private generatedKeys = 0
  private misfitRecords = 0
  private readonly labels = new Map<string, number>()
  private readonly types = new Map<string, number>()
  private readonly nodeKeys = new KeyCounter()
  private readonly relationshipKeys: KeyCounter | undefined
  private readonly dangling = new KeyList()
  private readonly duplicates = new KeyList()
  private readonly misfits = new Map<string, { readonly level: Misfit["level"]; readonly keys: KeyList }>()
  private readonly unknown = new Map<string, KeyList>()
  private readonly fit: GraphBackend["fit"] | undefined

  /**
   * `fit` is the target's, where there is one. Relationship keys are checked for repetition only where
   * `checkRelationshipKeys`: a store guarantees them, a document does not.
   */
  constructor(options: { readonly fit?: GraphBackend["fit"] | undefined; readonly checkRelationshipKeys: boolean }) {
    this.fit = options.fit
    this.relationshipKeys = options.checkRelationshipKeys ? new KeyCounter() : undefined
  }

  /** Takes one record. */
  add(record: GraphRecord): void {
    if (record._tag === "Node") {
      this.nodes++
      if (this.nodeKeys.add(record.key) > 0) this.duplicates.add(record.key)
      if (isGeneratedKey(record)) this.generatedKeys++
      if (record.labels.length === 0) count(this.labels, "")
      for (const label of record.labels) count(this.labels, label)
    } else {
      this.relationships++
      count(this.types, record.type)
      if (this.nodeKeys.get(record.from) === 0 || this.nodeKeys.get(record.to) === 0)
        this.dangling.add(describe(record))
      if (record.key !== null && this.relationshipKeys !== undefined && this.relationshipKeys.add(record.key) > 0) {
        this.duplicates.add(record.key)
      }
    }
    for (const warning of unknownEnums(record)) named(this.unknown, warning).add(describe(record))
    if (this.fit === undefined) return
    const misfits = this.fit(record)
    if (misfits.length === 0) return
    this.misfitRecords++
    for (const { kind, level } of misfits) {
      let entry = this.misfits.get(kind)
      if (entry === undefined) this.misfits.set(kind, (entry = { level, keys: new KeyList() }))
      entry.keys.add(describe(record))
    }
  }

  /** True where a node with this key was taken. */
  hasNode(key: string): boolean {
    return this.nodeKeys.get(key) > 0
  }

  /** What it came to. */
  finish(): CensusResult {
    const at = (level: Misfit["level"]): ReadonlyArray<MisfitCount> =>
      [...this.misfits]
        .filter(([, misfit]) => misfit.level === level)
        .map(([kind, { keys }]) => ({ kind, count: keys.total, ids: keys.first }))
    return {
      nodes: this.nodes,
      relationships: this.relationships,
      labels: Object.fromEntries(this.labels),
      types: Object.fromEntries(this.types),
      dangling: this.dangling.toKeys(),
      duplicates: this.duplicates.toKeys(),
      generatedKeys: this.generatedKeys,
      native: this.nodes + this.relationships - this.misfitRecords,
      encoded: at("encoded"),
      impossible: at("impossible"),
      warnings: [...this.unknown].map(
        ([warning, keys]) => `${warning}: ${keys.total} record(s), first ${keys.first.slice(0, 3).join(", ")}`
      )
    }
  }

  /** Frees what it holds. */
  close(): void {
    this.nodeKeys.close()
    this.relationshipKeys?.close()
  }
}

const count = (counts: Map<string, number>, name: string): void => {
  counts.set(name, (counts.get(name) ?? 0) + 1)
}

const named = (lists: Map<string, KeyList>, name: string): KeyList => {
  let list = lists.get(name)
  if (list === undefined) lists.set(name, (list = new KeyList()))
  return list
}
