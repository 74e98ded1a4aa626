/** Whole graphs: unique keys, ends that exist, and everything that makes a graph hard to move. */
import * as FastCheck from "effect/FastCheck"
import type { Arbitrary } from "effect/FastCheck"
import {
  type GraphRecord,
  node,
  type Node,
  type Properties,
  relationship,
  type Relationship
} from "../../domain/Graph.ts"
import type { PropertyValue } from "../../domain/PropertyValue.ts"
import type { Feature } from "../features.ts"
import { linkProperties, memoryProperties } from "./memories.ts"
import { key, label, memoryType, plainKey, relationshipType } from "./text.ts"
import { int64, properties } from "./values.ts"

/** A graph in memory. */
export interface Graph {
  readonly nodes: ReadonlyArray<Node>
  readonly relationships: ReadonlyArray<Relationship>
}

/** The graph without records. */
export const emptyGraph: Graph = { nodes: [], relationships: [] }

/** All records of a graph, nodes first. */
export const recordsOf = (graph: Graph): ReadonlyArray<GraphRecord> => [...graph.nodes, ...graph.relationships]

/** How large graphs become, and what they do without. */
export interface GraphOptions {
  /** What the graphs do not hold; nothing is left out unless given. */
  readonly without?: ReadonlyArray<Feature> | undefined
  /** 8 unless given. */
  readonly maxNodes?: number | undefined
  /** 12 unless given (parallel ones come on top). */
  readonly maxRelationships?: number | undefined
  /** Put before every key: graphs with different prefixes have no key in common. */
  readonly prefix?: string | undefined
}

interface NodeDraft {
  readonly key: string
  readonly labels: ReadonlyArray<string>
  readonly properties: Properties
  /** The `id` property: the key itself, or something else that is not it (then the key is a generated one). */
  readonly id: "key" | { readonly value: PropertyValue | undefined }
}

interface RelationshipDraft {
  readonly from: number
  readonly to: number
  readonly loop: boolean
  readonly type: string
  readonly key: string | null
  readonly properties: Properties
  /** How many more of the same ends and type: equal ones where unkeyed, otherwise with keys of their own. */
  readonly copies: number
}

const withId = (others: Properties, id: PropertyValue | undefined): Properties =>
  id === undefined ? others : { ...others, id }

const nodeDraft = (has: (feature: Feature) => boolean): Arbitrary<NodeDraft> => {
  const labels: Arbitrary<ReadonlyArray<string>> = has("labels")
    ? FastCheck.oneof(
        { weight: 3, arbitrary: FastCheck.constant(["Memory"]) },
        { weight: 3, arbitrary: FastCheck.uniqueArray(label, { minLength: 0, maxLength: 4 }) }
      )
    : FastCheck.constant(["Memory"])
  const other: Arbitrary<NodeDraft["id"]> = FastCheck.oneof(
    FastCheck.constant(undefined),
    int64,
    FastCheck.constantFrom("same", "")
  ).map((value) => ({ value }))
  return FastCheck.record({
    key: has("odd-keys") ? key : plainKey,
    labels,
    properties: has("properties") ? FastCheck.oneof(memoryProperties, properties) : memoryProperties,
    id: has("generated-keys")
      ? FastCheck.oneof(
          { weight: 4, arbitrary: FastCheck.constant<NodeDraft["id"]>("key") },
          { weight: 1, arbitrary: other }
        )
      : FastCheck.constant<NodeDraft["id"]>("key")
  })
}

const relationshipDraft = (has: (feature: Feature) => boolean): Arbitrary<RelationshipDraft> =>
  FastCheck.record({
    from: FastCheck.nat(1000),
    to: FastCheck.nat(1000),
    loop: has("self-loops")
      ? FastCheck.oneof({ weight: 5, arbitrary: FastCheck.constant(false) }, FastCheck.constant(true))
      : FastCheck.constant(false),
    type: has("types") ? relationshipType : memoryType,
    key: has("unkeyed")
      ? FastCheck.oneof({ weight: 2, arbitrary: plainKey }, { weight: 1, arbitrary: FastCheck.constant(null) })
      : plainKey,
    properties: has("properties") ? FastCheck.oneof(linkProperties, properties) : linkProperties,
    copies: has("parallel")
      ? FastCheck.oneof({ weight: 5, arbitrary: FastCheck.constant(0) }, FastCheck.integer({ min: 1, max: 2 }))
      : FastCheck.constant(0)
  })

const buildNode = (draft: NodeDraft, prefix: string): Node => {
  const name = prefix + draft.key
  if (draft.id === "key") return node(name, draft.labels, withId(draft.properties, name))
  // Stores keep the `id` of memories unique, so that only other nodes may have one that is not their key.
  const id = draft.labels.includes("Memory") || draft.id.value === name ? undefined : draft.id.value
  return node(name, draft.labels, withId(draft.properties, id))
}

const buildGraph = (
  drafts: ReadonlyArray<NodeDraft>,
  links: ReadonlyArray<RelationshipDraft>,
  prefix: string,
  has: (feature: Feature) => boolean
): Graph => {
  const nodes = drafts.map((draft) => buildNode(draft, prefix))
  const relationships: Array<Relationship> = []
  const taken = new Set<string>()
  for (const [i, link] of links.entries()) {
    const from = nodes[link.from % nodes.length]
    const other = nodes[link.to % nodes.length]
    const to = link.loop ? from : other
    if (from === undefined || to === undefined || (from === to && !has("self-loops"))) continue
    const ends = JSON.stringify([from.key, link.type, to.key])
    if (taken.has(ends) && !has("parallel")) continue
    taken.add(ends)
    for (let copy = 0; copy <= link.copies; copy++) {
      const name = link.key === null ? null : `${prefix}${link.key}-${i}-${copy}`
      const own = name === null ? link.properties : withId(link.properties, name)
      relationships.push(relationship(name, from.key, link.type, to.key, own))
    }
  }
  return { nodes, relationships }
}

/**
 * A graph: unique keys, parallel relationships, self loops, relationships without a key (some of them equal), nodes
 * whose key is not their `id`, memories and other nodes. `without` leaves features out.
 *
 * @example
 * ```ts
 * const property = FastCheck.asyncProperty(Arbitraries.graph({ maxNodes: 4 }), (graph) => arrives(graph))
 * await FastCheck.assert(property, { numRuns: 100 })
 * ```
 */
export const graph = (options?: GraphOptions): Arbitrary<Graph> => {
  const without = options?.without ?? []
  const has = (feature: Feature) => !without.includes(feature)
  const prefix = options?.prefix ?? ""
  return FastCheck.tuple(
    FastCheck.uniqueArray(nodeDraft(has), { maxLength: options?.maxNodes ?? 8, selector: (draft) => draft.key }),
    FastCheck.array(relationshipDraft(has), { maxLength: options?.maxRelationships ?? 12 })
  ).map(([drafts, links]) => buildGraph(drafts, links, prefix, has))
}

/** A single node; the numbers of the options mean nothing here. */
export const anyNode = (options?: GraphOptions): Arbitrary<Node> => {
  const without = options?.without ?? []
  return nodeDraft((feature) => !without.includes(feature)).map((draft) => buildNode(draft, options?.prefix ?? ""))
}
