/**
 * What a graph is made of, learnt from one reading of it: sizes, properties, patterns, degrees, times, repeated ids.
 * Memory does not grow with the graph: names are counted up to a bound, keys beyond some number rest in a private file.
 */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { canonicalLine } from "../domain/Canonical.ts"
import * as Fingerprint from "../domain/Fingerprint.ts"
import {
  describe,
  type GraphRecord,
  isGeneratedKey,
  type Node,
  type Properties,
  property,
  type Relationship
} from "../domain/Graph.ts"
import { kindOf, Temporal } from "../domain/PropertyValue.ts"
import { KeyList } from "./census.ts"
import type { Inspection } from "./inspection.ts"
import { KeyCounter } from "./KeyCounter.ts"
import { phase, type Recorder } from "./Run.ts"

/** How many labels, types, properties and patterns are counted apart. */
const MAX_NAMES = 2000
const TOP = 10
const MORE = "(more)"

/** What is known of a label or a type. */
class Counting {
  count = 0
  bytes = 0
  readonly properties = new Map<string, { count: number; readonly kinds: Map<string, number> }>()
}

/** The biggest few of many. */
class Top {
  readonly items: Array<{ readonly name: string; readonly size: number }> = []

  /** The name is made only where it is among them. */
  add(name: () => string, size: number): void {
    const last = this.items[TOP - 1]
    if (last !== undefined && size <= last.size) return
    this.items.push({ name: name(), size })
    this.items.sort((a, b) => b.size - a.size)
    if (this.items.length > TOP) this.items.length = TOP
  }
}

/** The nodes with the most ends so far, whose numbers only grow. */
class Busiest {
  private readonly degrees = new Map<string, number>()
  private least = 0

  add(key: string, degree: number): void {
    if (degree <= this.least && !this.degrees.has(key)) return
    this.degrees.set(key, degree)
    if (this.degrees.size <= 2 * TOP) return
    const sorted = this.list()
    for (const [other] of [...this.degrees].filter(([name]) => !sorted.some((kept) => kept.key === name)))
      this.degrees.delete(other)
    this.least = sorted.at(-1)?.degree ?? 0
  }

  list(): ReadonlyArray<{ readonly key: string; readonly degree: number }> {
    return [...this.degrees]
      .map(([key, degree]) => ({ key, degree }))
      .toSorted((a, b) => b.degree - a.degree || (a.key < b.key ? -1 : 1))
      .slice(0, TOP)
  }
}

const isString = (value: unknown): value is string => typeof value === "string"

const timesOf = ({ properties }: Node): ReadonlyArray<string> =>
  ["updated_at", "created_at"]
    .map((name) => property(properties, name))
    .map((value) => (value instanceof Temporal ? value.text : value))
    .filter(isString)

// `2026-01-31 10:00` and `2026-01-31T10:00` are the same time.
const ordered = (time: string): string => time.replace(" ", "T")

interface Moment {
  readonly key: string
  readonly at: string
}

class Inspector {
  private readonly labels = new Map<string, Counting>()
  private readonly types = new Map<string, Counting>()
  private readonly patterns = new Map<
    string,
    { readonly from: string; readonly type: string; readonly to: string; count: number }
  >()
  private readonly labelSets: Array<string> = []
  private readonly labelSetOf = new Map<string, number>()
  /** By node key: one more than the place of its labels in `labelSets`. */
  private readonly nodeKeys = new KeyCounter()
  private readonly ends = new KeyCounter()
  private readonly busiest = new Busiest()
  private readonly largest = new Top()
  private readonly fingerprint = new Fingerprint.Builder()
  private readonly duplicates = new KeyList()
  private readonly dangling = new KeyList()
  private names = 0
  private nodes = 0
  private relationships = 0
  private bytes = 0
  private selfLoops = 0
  private related = 0
  private withoutId = 0
  private cut = false
  private newest: Moment | null = null
  private oldest: Moment | null = null

  add(record: GraphRecord): void {
    const line = canonicalLine(record)
    const bytes = Buffer.byteLength(line) + 1
    this.bytes += bytes
    this.fingerprint.addLine(record._tag, line)
    this.largest.add(() => `${record._tag === "Node" ? "node" : "relationship"} ${describe(record)}`, bytes)
    if (record._tag === "Node") this.addNode(record, bytes)
    else this.addRelationship(record, bytes)
  }

  private addNode(node: Node, bytes: number): void {
    this.nodes++
    const labels = node.labels.length === 0 ? [""] : node.labels
    for (const label of labels) this.count(this.labels, label, node.properties, bytes)
    if (isGeneratedKey(node)) this.withoutId++
    if (this.nodeKeys.get(node.key) > 0) this.duplicates.add(node.key)
    else this.nodeKeys.put(node.key, this.labelSet(labels.join(":")) + 1)
    for (const at of timesOf(node)) {
      if (this.newest === null || ordered(at) > ordered(this.newest.at)) this.newest = { key: node.key, at }
      if (this.oldest === null || ordered(at) < ordered(this.oldest.at)) this.oldest = { key: node.key, at }
    }
  }

  private addRelationship(record: Relationship, bytes: number): void {
    const { from, properties, to, type } = record
    this.relationships++
    this.count(this.types, type, properties, bytes)
    const [start, end] = [this.nodeKeys.get(from), this.nodeKeys.get(to)]
    if (start === 0 || end === 0) this.dangling.add(describe(record))
    if (from === to) this.selfLoops++
    for (const [key, place] of [
      [from, start],
      [to, end]
    ] as const) {
      const before = this.ends.add(key)
      if (before === 0 && place > 0) this.related++
      this.busiest.add(key, before + 1)
    }
    this.pattern(this.labelSets[start - 1] ?? "(missing)", type, this.labelSets[end - 1] ?? "(missing)")
  }

  private count(groups: Map<string, Counting>, name: string, properties: Properties, bytes: number): void {
    const group = this.entry(groups, name, () => new Counting())
    group.count++
    group.bytes += bytes
    for (const [key, value] of Object.entries(properties)) {
      const facts = this.entry(group.properties, key, () => ({ count: 0, kinds: new Map<string, number>() }))
      facts.count++
      const kind = kindOf(value)
      facts.kinds.set(kind, (facts.kinds.get(kind) ?? 0) + 1)
    }
  }

  private pattern(from: string, type: string, to: string): void {
    this.entry(this.patterns, JSON.stringify([from, type, to]), (name) =>
      name === MORE ? { from: MORE, type: MORE, to: MORE, count: 0 } : { from, type, to, count: 0 }
    ).count++
  }

  /** The entry of a name, or the one that stands for all names beyond the bound. */
  private entry<A>(entries: Map<string, A>, name: string, make: (name: string) => A): A {
    const known = entries.get(name)
    if (known !== undefined) return known
    const isMore = this.names >= MAX_NAMES
    if (isMore) this.cut = true
    else this.names++
    const as = isMore ? MORE : name
    const entry = entries.get(as) ?? make(as)
    entries.set(as, entry)
    return entry
  }

  private labelSet(name: string): number {
    const known = this.labelSetOf.get(name)
    if (known !== undefined) return known
    const isMore = this.labelSets.length >= MAX_NAMES
    const as = isMore ? MORE : name
    const place = this.labelSetOf.get(as) ?? this.labelSets.push(as) - 1
    this.labelSetOf.set(as, place)
    return place
  }

  finish(): Omit<Inspection, "backend" | "location" | "version"> {
    const { cut, dangling, duplicates, newest, nodes, oldest, relationships, withoutId } = this
    return {
      nodes,
      relationships,
      bytes: this.bytes,
      fingerprint: this.fingerprint.finish().text,
      labels: groupsOf(this.labels),
      types: groupsOf(this.types),
      patterns: [...this.patterns.values()].toSorted(
        (a, b) => b.count - a.count || (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)
      ),
      degrees: {
        isolated: nodes - duplicates.total - this.related,
        selfLoops: this.selfLoops,
        average: nodes === 0 ? 0 : Math.round((200 * relationships) / nodes) / 100,
        most: this.busiest.list()
      },
      largest: this.largest.items.map(({ name, size }) => ({ record: name, bytes: size })),
      newest,
      oldest,
      withoutId,
      duplicates: duplicates.toKeys(),
      dangling: dangling.toKeys(),
      cut
    }
  }

  close(): void {
    this.nodeKeys.close()
    this.ends.close()
  }
}

const groupsOf = (groups: ReadonlyMap<string, Counting>): Inspection["labels"] =>
  [...groups]
    .map(([name, { bytes, count, properties }]) => ({
      name,
      count,
      bytes,
      properties: [...properties]
        .map(([key, facts]) => ({ name: key, count: facts.count, kinds: Object.fromEntries(facts.kinds) }))
        .toSorted((a, b) => b.count - a.count || (a.name < b.name ? -1 : 1))
    }))
    .toSorted((a, b) => b.count - a.count || (a.name < b.name ? -1 : 1))

/** Where the records come from, for people. */
export interface Inspected<E> {
  readonly backend: string
  readonly location: string
  /** Of the engine, or empty. */
  readonly version: string
  /** How many records there are, where that is known. */
  readonly total: number | undefined
  readonly records: Stream.Stream<GraphRecord, E>
}

/**
 * Reads all records once. Loose ends and repeated ids are found and counted, and no failure; it fails as the stream
 * does.
 *
 * @example
 * ```ts
 * const { kind: backend, location } = store
 * const recorder = new Recorder({ run: makeRunId(new Date()), command: "inspect" })
 * const found = yield* inspect({ backend, location, version: "", total: undefined, records: store.read() }, recorder)
 * ```
 */
export const inspect = <E>(source: Inspected<E>, recorder: Recorder): Effect.Effect<Inspection, E> =>
  phase(recorder, "export", source.total, (meter) =>
    Effect.acquireUseRelease(
      Effect.sync(() => new Inspector()),
      (inspector) =>
        source.records.pipe(
          Stream.runForEachChunk((chunk) =>
            Effect.sync(() => {
              for (const record of chunk) inspector.add(record)
              meter.tick(chunk.length)
            })
          ),
          Effect.map(() => ({
            backend: source.backend,
            location: source.location,
            version: source.version,
            ...inspector.finish()
          }))
        ),
      (inspector) => Effect.sync(() => inspector.close())
    )
  )
