/**
 * A sketch of the graph: the few nodes and relationships that a report draws. A small graph is taken whole; of a large
 * one a connected neighbourhood, found by reading the records a few times over with nothing but the sketch in memory.
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Stream from "effect/Stream"
import { readLines } from "../document/file.ts"
import { parseLine } from "../domain/Canonical.ts"
import type { MigrationError } from "../domain/Errors.ts"
import { type GraphRecord, type Node, property } from "../domain/Graph.ts"
import type { Spool } from "./spool.ts"

/** How many nodes a sketch holds at most. */
export const SKETCH_NODES = 150
/** How many relationships a sketch holds at most. */
export const SKETCH_RELATIONSHIPS = 600

const MAX_TEXT = 120
const SEEDS = 12
/** How many records are looked at, about and at most, to let a sketch grow: lines of a spool, records of a store. */
const PATIENCE = { lines: 3_000_000, records: 300_000 } as const
/** How many neighbours a node brings in with each pass: a hub would fill the sketch with a star. */
const FAN = 6
const WIDEST_FAN = 18
/** Of how many nodes it is counted how often they are linked. */
const SCOUTED = 20_000

/** A node to draw. `kind` is the `type` of a memory; texts are cut to 120 characters. */
export interface SketchNode {
  readonly key: string
  /** `Memory`, or the first label; empty where it has none. */
  readonly label: string
  readonly kind: string | undefined
  readonly title: string | undefined
}

/** A relationship to draw; its ends are positions in the list of nodes. */
export interface SketchRelationship {
  readonly from: number
  readonly to: number
  readonly type: string
}

/** What is drawn, and how much there is in the whole graph. */
export interface Sketch {
  readonly nodes: ReadonlyArray<SketchNode>
  readonly relationships: ReadonlyArray<SketchRelationship>
  readonly totalNodes: number
  readonly totalRelationships: number
}

/** A record as far as the choice needs it; the node itself is read where it is chosen. */
type Glance =
  | { readonly key: string; readonly node: () => Node | undefined }
  | { readonly from: string; readonly to: string; readonly type: string }

const cut = (text: string): string => {
  const characters = Array.from(text.slice(0, 2 * MAX_TEXT + 2))
  return characters.length > MAX_TEXT ? `${characters.slice(0, MAX_TEXT - 1).join("")}…` : characters.join("")
}

const textOf = (node: Node, names: ReadonlyArray<string>): string | undefined => {
  for (const name of names) {
    const value = property(node.properties, name)
    if (typeof value === "string" && value !== "") return cut(value)
  }
  return undefined
}

const toSketchNode = (node: Node): SketchNode => ({
  key: node.key,
  label: node.labels.includes("Memory") ? "Memory" : (node.labels[0] ?? ""),
  kind: node.labels.includes("Memory") ? textOf(node, ["type"]) : undefined,
  title: textOf(node, ["title", "name"])
})

/** Chooses the nodes of a sketch, then collects what is drawn of them. */
class Sketcher {
  private readonly chosen = new Map<string, SketchNode | undefined>()
  private readonly brought = new Map<string, number>()
  private readonly relationships: Array<{ readonly from: string; readonly to: string; readonly type: string }> = []
  private readonly links = new Map<string, number>()
  private takesPairs = false
  private totalNodes = 0
  private totalRelationships = 0

  constructor(seeds: Iterable<string>) {
    for (const seed of seeds) {
      if (this.chosen.size === SEEDS) break
      this.chosen.set(seed, undefined)
    }
  }

  get size(): number {
    return this.chosen.size
  }

  get isFull(): boolean {
    return this.chosen.size >= SKETCH_NODES
  }

  /** Counts how often nodes are linked: of the first ones, for the memory's sake. */
  scout(glance: Glance): void {
    if (!("from" in glance) || glance.from === glance.to) return
    for (const key of [glance.from, glance.to]) {
      const links = this.links.get(key)
      if (links !== undefined || this.links.size < SCOUTED) this.links.set(key, (links ?? 0) + 1)
    }
  }

  /** Begins a neighbourhood at the node that is linked most of those that are not in one; false: there is none. */
  begin(): boolean {
    let [best, most] = ["", 1]
    for (const [key, links] of this.links) if (links > most && !this.chosen.has(key)) [best, most] = [key, links]
    if (most > 1) this.chosen.set(best, undefined)
    return most > 1
  }

  /** From now on pairs that touch nothing that was chosen are taken, too. */
  takePairs(): void {
    this.takesPairs = true
  }

  /** Lets the chosen ones bring in a neighbour, up to `fan` each. */
  grow(glance: Glance, fan: number): void {
    if (this.isFull || !("from" in glance)) return
    const { from, to } = glance
    const [hasFrom, hasTo] = [this.chosen.has(from), this.chosen.has(to)]
    if (hasFrom && !hasTo) this.bring(from, to, fan)
    else if (hasTo && !hasFrom) this.bring(to, from, fan)
    else if (!hasFrom && this.takesPairs) {
      this.chosen.set(from, undefined)
      if (!this.isFull) this.chosen.set(to, undefined)
    }
  }

  private bring(by: string, other: string, fan: number): void {
    const already = this.brought.get(by) ?? 0
    if (already >= fan) return
    this.brought.set(by, already + 1)
    this.chosen.set(other, undefined)
  }

  /** Takes what is drawn: nodes come before relationships. Room that is left goes to the first nodes. */
  collect(glance: Glance): void {
    if ("from" in glance) {
      this.totalRelationships++
      if (
        this.relationships.length < SKETCH_RELATIONSHIPS &&
        this.chosen.get(glance.from) !== undefined &&
        this.chosen.get(glance.to) !== undefined
      )
        this.relationships.push(glance)
      return
    }
    this.totalNodes++
    if (!this.chosen.has(glance.key) && this.isFull) return
    const node = glance.node()
    if (node !== undefined) this.chosen.set(glance.key, toSketchNode(node))
  }

  finish(): Sketch {
    const found = [...this.chosen].filter(([, node]) => node !== undefined)
    const places = new Map(found.map(([key], place) => [key, place]))
    return {
      nodes: found.flatMap(([, node]) => (node === undefined ? [] : [node])),
      relationships: this.relationships.map(({ from, to, type }) => ({
        from: places.get(from) ?? 0,
        to: places.get(to) ?? 0,
        type
      })),
      totalNodes: this.totalNodes,
      totalRelationships: this.totalRelationships
    }
  }
}

const sketch = <E>(
  records: Stream.Stream<ReadonlyArray<Glance>, E>,
  options: { readonly nodes: number; readonly seeds: Iterable<string>; readonly patience: number }
): Effect.Effect<Sketch, E> =>
  Effect.gen(function* () {
    const isWhole = options.nodes <= SKETCH_NODES
    const sketcher = new Sketcher(isWhole ? [] : options.seeds)
    let seen = 0
    const pass = (take: (glance: Glance) => void, isEnough: () => boolean) =>
      records.pipe(
        Stream.takeWhile(() => !isEnough()),
        Stream.runForEach((glances) =>
          Effect.suspend(() => {
            seen += glances.length
            for (const glance of glances) take(glance)
            return Effect.yieldNow()
          })
        )
      )
    const isFull = () => sketcher.isFull
    if (!isWhole)
      yield* pass(
        (glance) => sketcher.scout(glance),
        () => false
      )
    let size = 0
    for (let i = 1; !isWhole && seen < options.patience && !sketcher.isFull; i++) {
      // A neighbourhood that is taken as a whole is no reason to stop.
      if (sketcher.size === size && !sketcher.begin()) break
      size = sketcher.size
      yield* pass((glance) => sketcher.grow(glance, Math.min(FAN * i, WIDEST_FAN)), isFull)
    }
    if (!isWhole && !sketcher.isFull) {
      sketcher.takePairs()
      yield* pass((glance) => sketcher.grow(glance, WIDEST_FAN), isFull)
    }
    yield* pass(
      (glance) => sketcher.collect(glance),
      () => false
    )
    return sketcher.finish()
  })

/** What a sketch is noted in. */
interface Noting {
  readonly wantsSketch: boolean
  sketch: Sketch | null
}

// A drawing that fails is no reason for a run to fail.
const noted = <E extends { readonly message: string }>(
  recorder: Noting,
  taking: Effect.Effect<Sketch, E>
): Effect.Effect<void> =>
  Effect.suspend(() =>
    recorder.wantsSketch
      ? taking.pipe(
          Effect.map((found) => {
            recorder.sketch = found
          }),
          Effect.catchAll((error) => Effect.logDebug(error.message))
        )
      : Effect.void
  )

/**
 * Takes a sketch, where one is wanted, of records that can be read more than once. `nodes` is how many there are, and
 * `seeds` are keys of nodes that it should show.
 */
export const ofRecords = (
  recorder: Noting,
  records: Stream.Stream<GraphRecord, MigrationError>,
  options: { readonly nodes: number; readonly seeds: Iterable<string> }
): Effect.Effect<void> =>
  noted(
    recorder,
    sketch(
      Stream.map(Stream.chunks(records), (chunk) =>
        Array.from(chunk, (record): Glance =>
          record._tag === "Node" ? { key: record.key, node: () => record } : record
        )
      ),
      { ...options, patience: PATIENCE.records }
    )
  )

const STRING = String.raw`"[^"\\]*(?:\\.[^"\\]*)*"`
const NODE = new RegExp(`^\\{"node":(${STRING})`)
const RELATIONSHIP = new RegExp(
  `^\\{"relationship":(?:null|${STRING}),"type":(${STRING}),"from":(${STRING}),"to":(${STRING})`
)

const unquote = (quoted: string): string => {
  if (!quoted.includes("\\")) return quoted.slice(1, -1)
  const text: unknown = JSON.parse(quoted)
  return String(text)
}

// Parsing every record would take longer than all the rest.
const glance = (line: string): ReadonlyArray<Glance> => {
  const ends = RELATIONSHIP.exec(line)
  if (ends !== null) {
    const [, type = '""', from = '""', to = '""'] = ends
    return [{ type: unquote(type), from: unquote(from), to: unquote(to) }]
  }
  const [, key] = NODE.exec(line) ?? []
  if (key === undefined) return []
  const node = () => {
    const record = Either.getOrUndefined(parseLine(line))
    return record?._tag === "Node" ? record : undefined
  }
  return [{ key: unquote(key), node }]
}

/** Takes a sketch of a spool, where one is wanted. */
export const ofSpool = (recorder: Noting, spool: Spool, seeds: Iterable<string> = []): Effect.Effect<void> =>
  noted(
    recorder,
    sketch(
      Stream.map(Stream.chunks(readLines(spool.path)), (chunk) =>
        Array.from(chunk).flatMap(({ text }) => glance(text))
      ),
      { nodes: spool.summary.fingerprint.nodes.count, seeds, patience: PATIENCE.lines }
    )
  )
