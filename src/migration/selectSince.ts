/**
 * The part of an origin that is new or changed since a time: nodes and relationships by their own times, the
 * relationships of those nodes, and the ends that these need. An end that was not selected itself is a guest: it travels
 * only where the target lacks it, so that it is never a conflict there.
 *
 * A store is read twice, in constant memory: which ends are needed is known only after the relationships. A document of
 * such a part holds its ends already, and is read once.
 */
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { GraphBackend } from "../backend/GraphBackend.ts"
import { type MigrationError, SourceDataInvalid } from "../domain/Errors.ts"
import { describe, type GraphRecord, type Node, type Relationship } from "../domain/Graph.ts"
import { KeyList } from "./census.ts"
import { KeyCounter } from "./KeyCounter.ts"
import type { Origin } from "./origin.ts"
import type { SinceSelection } from "./report.ts"
import { judge, type Since } from "./since.ts"

/** Keys that a counter holds in memory before it moves to disk; three of them are in use at once. */
const KEYS_IN_MEMORY = 200_000

/** A part of an origin. */
export interface Selected {
  readonly origin: Origin
  /** What was selected, once the origin's records have ended. */
  readonly selection: Effect.Effect<SinceSelection>
}

/** Follows one reading of an origin. */
class Selection {
  readonly since: Since
  /** How many records the origin holds. */
  seen = { nodes: 0, relationships: 0 }
  private counts = { nodes: 0, relationships: 0, ends: 0, endsThere: 0 }
  private untimed = new Map<string, KeyList>()
  /** Nodes that are selected. */
  private chosen = new KeyCounter(KEYS_IN_MEMORY)
  /** Nodes that are not, but are ends of relationships that are. */
  private readonly needed = new KeyCounter(KEYS_IN_MEMORY)
  /** Guests: those that travel, and those that the target has. */
  private readonly guests = new KeyCounter(KEYS_IN_MEMORY)
  private readonly there = new KeyCounter(KEYS_IN_MEMORY)

  constructor(since: Since) {
    this.since = since
  }

  /** The first reading: which nodes are chosen, and which ends are needed beside them. */
  look(record: GraphRecord): void {
    const isSince = judge(record, this.since) === "since"
    if (record._tag === "Node") {
      if (isSince) this.chosen.add(record.key)
    } else if (isSince || this.touches(record)) {
      for (const end of [record.from, record.to]) if (this.chosen.get(end) === 0) this.needed.add(end)
    }
  }

  /** Begins the reading that counts. */
  begin(): void {
    this.chosen.close()
    this.chosen = new KeyCounter(KEYS_IN_MEMORY)
    this.seen = { nodes: 0, relationships: 0 }
    this.counts = { nodes: 0, relationships: 0, ends: 0, endsThere: 0 }
    this.untimed = new Map()
  }

  /** Takes a node: `guest` where only others may need it, undefined where nobody does. */
  node(node: Node, isOfPart: boolean): "chosen" | "guest" | undefined {
    this.seen.nodes++
    const verdict = judge(node, this.since)
    if (verdict === "since") {
      this.counts.nodes++
      this.chosen.add(node.key)
      return "chosen"
    }
    if (verdict === "untimed" && !isOfPart)
      this.noteUntimed(node.labels.length === 0 ? "" : node.labels.join(":"), node)
    return isOfPart || this.needed.get(node.key) > 0 ? "guest" : undefined
  }

  guest(key: string, isThere: boolean): void {
    if (isThere) {
      this.counts.endsThere++
      this.there.add(key)
    } else {
      this.counts.ends++
      this.guests.add(key)
    }
  }

  /** Takes a relationship; true where it is selected. */
  relationship(relationship: Relationship, isOfPart: boolean): boolean {
    this.seen.relationships++
    const verdict = judge(relationship, this.since)
    const isSelected = isOfPart || verdict === "since" || this.touches(relationship)
    if (isSelected) this.counts.relationships++
    else if (verdict === "untimed") this.noteUntimed(relationship.type, relationship)
    return isSelected
  }

  /** An end of a selected relationship that did not come along, though nobody knew that it would be needed. */
  surprise({ from, to }: Relationship): string | undefined {
    return [from, to].find(
      (end) =>
        this.chosen.get(end) === 0 &&
        this.guests.get(end) === 0 &&
        this.there.get(end) === 0 &&
        this.needed.get(end) === 0
    )
  }

  isThere(key: string): boolean {
    return this.there.get(key) > 0
  }

  finish(): SinceSelection {
    const untimed = [...this.untimed].map(([kind, { first, total }]) => ({ kind, count: total, ids: first }))
    return { time: this.since.text, ...this.counts, untimed }
  }

  close(): void {
    for (const counter of [this.chosen, this.needed, this.guests, this.there]) counter.close()
  }

  private touches({ from, to }: Relationship): boolean {
    return this.chosen.get(from) > 0 || this.chosen.get(to) > 0
  }

  private noteUntimed(kind: string, record: GraphRecord): void {
    const list = this.untimed.get(kind) ?? new KeyList()
    list.add(describe(record))
    this.untimed.set(kind, list)
  }
}

const changed = (origin: Origin, relationship: Relationship, end: string): SourceDataInvalid =>
  new SourceDataInvalid({
    backend: origin.backend,
    location: origin.location,
    reason: "changed-while-read",
    keys: { first: [describe(relationship)], total: 1 },
    message: `${origin.location} was changed while it was read: ${describe(relationship)} leads to ${end}, which was not known to be needed. Nothing was written. Stop what writes to it and run again.`
  })

/**
 * Narrows an origin. `target` is the store that the part goes to, where that holds data: it is asked which of the guests
 * it has. Freed with the scope.
 */
export const selectSince = (
  origin: Origin,
  since: Since,
  target: GraphBackend | undefined
): Effect.Effect<Selected, never, Scope.Scope> =>
  Effect.gen(function* () {
    const selection = yield* Effect.acquireRelease(
      Effect.sync(() => new Selection(since)),
      (open) => Effect.sync(() => open.close())
    )
    const isOfPart = origin.partSince !== undefined

    const look = origin.records.pipe(
      Stream.chunks,
      Stream.runForEach((chunk) =>
        Effect.suspend(() => {
          for (const record of chunk) selection.look(record)
          return Effect.yieldNow()
        })
      )
    )

    const take = (chunk: Chunk.Chunk<GraphRecord>): Effect.Effect<Chunk.Chunk<GraphRecord>, MigrationError> =>
      Effect.gen(function* () {
        const taken: Array<GraphRecord> = []
        const guests: Array<Node> = []
        for (const record of chunk) {
          if (record._tag === "Node") {
            const kind = selection.node(record, isOfPart)
            if (kind === "chosen") taken.push(record)
            else if (kind === "guest") guests.push(record)
          } else if (selection.relationship(record, isOfPart)) {
            const surprise = isOfPart ? undefined : selection.surprise(record)
            if (surprise !== undefined) return yield* changed(origin, record, surprise)
            taken.push(record)
          }
        }
        if (guests.length === 0) return Chunk.unsafeFromArray(taken)
        const stored = target === undefined ? [] : yield* target.lookup(guests)
        const there = new Set(stored.map(({ key }) => key))
        // Behind the others: no order is promised among nodes. Relationships of the same chunk come after all of them.
        const nodes = taken.filter(({ _tag }) => _tag === "Node")
        const rest = taken.filter(({ _tag }) => _tag !== "Node")
        for (const guest of guests) {
          const isThere = there.has(guest.key)
          selection.guest(guest.key, isThere)
          if (!isThere) nodes.push(guest)
        }
        return Chunk.unsafeFromArray([...nodes, ...rest])
      })

    const records = Stream.unwrap(
      Effect.map(isOfPart ? Effect.void : look, () => {
        selection.begin()
        return Stream.mapChunksEffect(origin.records, take)
      })
    )
    return {
      origin: {
        ...origin,
        since,
        records,
        // How many will come is not known.
        total: undefined,
        isPartial: origin.isPartial || target !== undefined,
        isThere: (key) => selection.isThere(key),
        settle: (spool) => origin.settle(spool, selection.seen)
      },
      selection: Effect.sync(() => selection.finish())
    }
  })

/** What a part leaves open, one sentence each. */
export const sinceWarnings = (location: string, { time, untimed }: SinceSelection): ReadonlyArray<string> => [
  `only what is new or changed since ${time} was taken from ${location}; what was deleted there since then is not known`,
  ...untimed.map(({ count, ids, kind }) => {
    const shown = `${ids.slice(0, 3).join(", ")}${count > 3 ? ` and ${count - 3} more` : ""}`
    return `${count} record(s) ${kind === "" ? "without a label" : `of ${kind}`} have no time that can be read, and were not selected: ${shown}`
  })
]
