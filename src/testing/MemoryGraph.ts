/** A graph in memory that can be written in batches: what the in-memory backend holds, and a model for tests. */
import { describe, type GraphRecord, type Node, property, type Relationship, setProperty } from "../domain/Graph.ts"
import type { Statistics } from "../backend/GraphBackend.ts"
import type { BatchPart, CreatedRecord, JournalBatch } from "../backend/Journal.ts"
import type { Overwrite, WriteBatch } from "../backend/WriteSession.ts"
import { canonicalLine } from "../domain/Canonical.ts"
import type { Left } from "../domain/Errors.ts"
import { recordHash } from "../domain/Fingerprint.ts"

const slot = (relationship: Relationship): string =>
  JSON.stringify([relationship.from, relationship.type, relationship.to])

const CHANGED = "it is not what this run wrote any more"

const refill = <A>(mine: Map<string, A>, theirs: ReadonlyMap<string, A>): void => {
  mine.clear()
  for (const [key, value] of theirs) mine.set(key, value)
}

/** Why a batch cannot be written; the graph is then as it was. */
export class BatchRefused extends Error {}

/** A record that was to be removed is not there as the batch says, or has something attached. */
export class RemovalRefused extends BatchRefused {}

/** A property graph with referential integrity: keys are unique, ends exist, unkeyed relationships may repeat. */
export class MemoryGraph {
  private readonly nodes = new Map<string, Node>()
  // By ends and type, as `lookup` asks for them.
  private readonly slots = new Map<string, ReadonlyArray<Relationship>>()
  private readonly slotOfKey = new Map<string, string>()

  /** A graph with the same records; changing one leaves the other alone. */
  copy(): MemoryGraph {
    const graph = new MemoryGraph()
    for (const [key, node] of this.nodes) graph.nodes.set(key, node)
    for (const [name, relationships] of this.slots) graph.slots.set(name, relationships)
    for (const [key, name] of this.slotOfKey) graph.slotOfKey.set(key, name)
    return graph
  }

  /** True where it has no nodes, and so no relationships. */
  get isEmpty(): boolean {
    return this.nodes.size === 0
  }

  /** All records of a kind, as they are now. */
  records(kind: "nodes" | "relationships"): ReadonlyArray<GraphRecord> {
    return kind === "nodes" ? [...this.nodes.values()] : [...this.slots.values()].flat()
  }

  /** The counterparts of records, as {@link GraphBackend.lookup} returns them. */
  lookup(records: ReadonlyArray<GraphRecord>): ReadonlyArray<GraphRecord> {
    const nodes = new Set<string>()
    const slots = new Set<string>()
    const keys = new Map<string, string>()
    for (const record of records) {
      if (record._tag === "Node") nodes.add(record.key)
      else {
        slots.add(slot(record))
        const byKey = record.key === null ? undefined : this.slotOfKey.get(record.key)
        if (byKey !== undefined) keys.set(record.key ?? "", byKey)
      }
    }
    const found: Array<GraphRecord> = []
    for (const key of nodes) {
      const node = this.nodes.get(key)
      if (node !== undefined) found.push(node)
    }
    for (const name of slots) found.push(...(this.slots.get(name) ?? []))
    // By key, whatever their ends: those that were not found by their ends already.
    for (const [key, name] of keys) {
      if (!slots.has(name)) found.push(...(this.slots.get(name) ?? []).filter((one) => one.key === key))
    }
    return found
  }

  /** Counts, kept apart from the way records are read. */
  statistics(): Statistics {
    const labels: { [label: string]: number } = {}
    const types: { [type: string]: number } = {}
    const count = (counts: { [name: string]: number }, name: string, by: number) =>
      setProperty(counts, name, (Object.hasOwn(counts, name) ? (counts[name] ?? 0) : 0) + by)
    let newest: string | undefined
    for (const { labels: own, properties } of this.nodes.values()) {
      for (const label of own.length === 0 ? [""] : new Set(own)) count(labels, label, 1)
      if (!own.includes("Memory")) continue
      for (const time of [property(properties, "created_at"), property(properties, "updated_at")])
        if (typeof time === "string" && (newest === undefined || time > newest)) newest = time
    }
    let relationships = 0
    for (const list of this.slots.values()) {
      relationships += list.length
      const first = list[0]
      if (first !== undefined) count(types, first.type, list.length)
    }
    return { nodes: this.nodes.size, relationships, labels, types, newest }
  }

  /** Writes a batch completely, or throws {@link BatchRefused} and has changed nothing. */
  apply(batch: WriteBatch): void {
    const { remove = [] } = batch
    if (remove.length === 0) this.check(batch)
    else {
      const before = this.copy()
      try {
        this.removeExactly(remove)
        this.check(batch)
      } catch (cause) {
        this.become(before)
        throw cause
      }
    }
    for (const record of batch.create) {
      if (record._tag === "Node") this.nodes.set(record.key, record)
      else this.add(record)
    }
    for (const { before, after } of batch.overwrite) {
      if (after._tag === "Node") this.nodes.set(after.key, after)
      else if (before._tag === "Relationship") {
        this.remove(before)
        this.add(after)
      }
    }
  }

  /** Takes back one part of a batch, as a driver's `takeBack`; returns what had to stay. */
  takeBack(batch: JournalBatch, part: BatchPart): ReadonlyArray<Left> {
    if (part === "overwritten") return batch.overwritten.toReversed().flatMap((one) => this.restore(one))
    if (part === "removed") return batch.removed.flatMap((one) => this.putBack(one))
    const degrees = new Map<string, number>()
    for (const one of part === "Node" ? [...this.slots.values()].flat() : [])
      for (const end of new Set([one.from, one.to])) degrees.set(end, (degrees.get(end) ?? 0) + 1)
    return batch.created.filter(({ tag }) => tag === part).flatMap((one) => this.takeAway(one, degrees))
  }

  private takeAway(
    { from = "", hash, key, tag, to = "", type = "" }: CreatedRecord,
    degrees: ReadonlyMap<string, number>
  ): ReadonlyArray<Left> {
    const written = hash.toString("hex")
    if (tag === "Node") {
      const node = this.nodes.get(key ?? "")
      if (node === undefined) return []
      const what = `node ${describe(node)}`
      if (recordHash(node) !== written) return [{ what, why: CHANGED }]
      const ends = degrees.get(node.key)
      if (ends !== undefined) return [{ what, why: `${ends} relationship(s) still end at it` }]
      this.nodes.delete(node.key)
      return []
    }
    const name = key === null ? JSON.stringify([from, type, to]) : this.slotOfKey.get(key)
    const standing = (this.slots.get(name ?? "") ?? []).filter((one) => one.key === key)
    const ours = standing.find((one) => recordHash(one) === written)
    if (ours !== undefined) this.remove(ours)
    // What stands there instead is ours, changed, or of those without a key may be.
    return ours !== undefined
      ? []
      : standing.slice(0, 1).map((one) => ({ what: `relationship ${describe(one)}`, why: CHANGED }))
  }

  // Of those without a key as many come back as went: who calls this knows that it is the first time.
  private putBack(record: GraphRecord): ReadonlyArray<Left> {
    const what = `the removed ${record._tag === "Node" ? "node" : "relationship"} ${describe(record)}`
    const known = record._tag === "Node" ? this.nodes.get(record.key) : this.keyed(record.key)
    if (known !== undefined)
      return canonicalLine(known) === canonicalLine(record)
        ? []
        : [{ what, why: "something else stands under its key by now" }]
    try {
      this.apply({ create: [record], overwrite: [] })
      return []
    } catch (cause) {
      if (cause instanceof BatchRefused) return [{ what, why: cause.message }]
      throw cause
    }
  }

  private keyed(key: string | null): Relationship | undefined {
    const name = key === null ? undefined : this.slotOfKey.get(key)
    return name === undefined ? undefined : this.slots.get(name)?.find((one) => one.key === key)
  }

  private removeExactly(records: ReadonlyArray<GraphRecord>): void {
    const attached = new Set<string>()
    if (records[0]?._tag === "Node")
      for (const { from, to } of [...this.slots.values()].flat()) attached.add(from).add(to)
    for (const record of records) {
      const line = canonicalLine(record)
      if (!this.lookup([record]).some((stored) => canonicalLine(stored) === line))
        throw new RemovalRefused(`${describe(record)} is no longer as it was read`)
      if (record._tag === "Relationship") this.remove(record)
      else if (attached.has(record.key)) throw new RemovalRefused(`${describe(record)} has relationships left`)
      else this.nodes.delete(record.key)
    }
  }

  private become(other: MemoryGraph): void {
    refill(this.nodes, other.nodes)
    refill(this.slots, other.slots)
    refill(this.slotOfKey, other.slotOfKey)
  }

  private restore({ after, before }: Overwrite): ReadonlyArray<Left> {
    const [asAfter, asBefore] = [canonicalLine(after), canonicalLine(before)]
    const standing = this.lookup([after]).filter((one) => one.key === after.key)
    const lines = standing.map(canonicalLine)
    const left = (why: string) => [
      { what: `the state before of ${after._tag === "Node" ? "node" : "relationship"} ${describe(before)}`, why }
    ]
    if (!lines.includes(asAfter)) return lines.length === 0 || lines.includes(asBefore) ? [] : left(CHANGED)
    try {
      this.apply({ create: [], overwrite: [{ before: after, after: before }] })
      return []
    } catch (cause) {
      if (cause instanceof BatchRefused) return left(cause.message)
      throw cause
    }
  }

  private add(relationship: Relationship): void {
    const name = slot(relationship)
    this.slots.set(name, [...(this.slots.get(name) ?? []), relationship])
    if (relationship.key !== null) this.slotOfKey.set(relationship.key, name)
  }

  private remove(relationship: Relationship): void {
    const name = slot(relationship)
    const line = canonicalLine(relationship)
    const list = this.slots.get(name) ?? []
    const at = list.findIndex((other) => canonicalLine(other) === line)
    this.slots.set(name, list.toSpliced(at, 1))
    if (relationship.key !== null) this.slotOfKey.delete(relationship.key)
  }

  private check(batch: WriteBatch): void {
    const taken = new Set<string>()
    for (const record of batch.create) {
      const known = record._tag === "Node" ? this.nodes : this.slotOfKey
      if (record.key !== null && (known.has(record.key) || taken.has(record.key))) {
        throw new BatchRefused(`${describe(record)} is there already`)
      }
      if (record.key !== null) taken.add(record.key)
      this.checkEnds(record)
    }
    for (const { before, after } of batch.overwrite) {
      const line = canonicalLine(before)
      if (!this.lookup([before]).some((stored) => canonicalLine(stored) === line)) {
        throw new BatchRefused(`${describe(before)} is no longer as it was read`)
      }
      if (before._tag !== after._tag || before.key !== after.key) {
        throw new BatchRefused(`${describe(before)} cannot be replaced by ${describe(after)}`)
      }
      this.checkEnds(after)
    }
  }

  private checkEnds(record: GraphRecord): void {
    if (record._tag === "Node") return
    for (const end of [record.from, record.to]) {
      if (!this.nodes.has(end)) throw new BatchRefused(`${describe(record)} ends at ${end}, which is not there`)
    }
  }
}
