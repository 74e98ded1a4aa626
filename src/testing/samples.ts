/** Fixed records and graphs that every backend can hold, also one with fixed columns for memories. */
import * as crypto from "node:crypto"
import { node, type Node, type Properties, relationship, type Relationship } from "../domain/Graph.ts"
import type { Graph } from "./arbitraries/graphs.ts"
import type { Feature } from "./features.ts"

const pad = (value: number, width: number): string => String(value).padStart(width, "0")

const TYPES = ["task", "problem", "solution", "general"] as const
const LINKS = ["SOLVES", "CAUSES", "REQUIRES", "RELATED_TO"] as const

/** A UUID that is the same for the same name and number. */
export const keyOf = (name: string, n: number): string => {
  return `${crypto.hash("sha256", name).slice(0, 8)}-0000-4000-8000-${pad(n, 12)}`
}

/** A memory with every field that the known layouts require; `changes` replace some. */
export const memory = (key: string, n: number, changes?: Properties): Node =>
  node(key, ["Memory"], {
    id: key,
    type: TYPES[n % TYPES.length] ?? "task",
    title: `Memory ${n}`,
    content: `Content of memory ${n}, with a line\nbreak and an \u00fc.`,
    tags: ["sample", `n${n}`],
    importance: (n % 11) / 10,
    confidence: 0.8,
    usage_count: BigInt(n),
    version: 1n,
    created_at: `2026-01-05T09:${pad(n % 60, 2)}:00.000123+00:00`,
    updated_at: `2026-01-06T09:${pad(n % 60, 2)}:00.000123+00:00`,
    ...changes
  })

/** A relationship between memories with every field that the known layouts require; `changes` replace some. */
export const link = (
  key: string | null,
  from: string,
  to: string,
  n: number,
  changes?: Properties,
  type?: string
): Relationship =>
  relationship(key, from, type ?? LINKS[n % LINKS.length] ?? "SOLVES", to, {
    ...(key !== null && { id: key }),
    strength: (n % 7) / 6,
    confidence: 0.8,
    evidence_count: BigInt(n % 5),
    validation_count: 0n,
    counter_evidence_count: 0n,
    created_at: `2026-01-05T10:${pad(n % 60, 2)}:04.002491+00:00`,
    last_validated: `2026-01-05T11:${pad(n % 60, 2)}:04.002491+00:00`,
    valid_from: `2026-01-05T12:${pad(n % 60, 2)}:04.002491+00:00`,
    recorded_at: `2026-01-05T13:${pad(n % 60, 2)}:04.002491+00:00`,
    ...changes
  })

/**
 * A graph of `size` memories in two rings, always the same for the same name. Where the store can: a self loop,
 * parallel relationships, two equal ones without a key, nodes with several labels and with none.
 */
export const sampleGraph = (name: string, size: number, without: ReadonlyArray<Feature> = []): Graph => {
  const has = (feature: Feature) => !without.includes(feature)
  const key = (n: number) => keyOf(name, n % size)
  const nodes = Array.from({ length: size }, (_, n) => memory(keyOf(name, n), n))
  const relationships = Array.from({ length: size > 1 ? size : 0 }, (_, n) =>
    link(keyOf(`${name}r`, n), key(n), key(n + 1), n)
  )
  if (size < 4) return { nodes, relationships }
  relationships.push(...nodes.map((_, n) => link(keyOf(`${name}s`, n), key(n), key(n + 2), n)))
  if (has("self-loops")) relationships.push(link(keyOf(`${name}l`, 0), key(0), key(0), 1))
  if (has("parallel")) {
    relationships.push(link(keyOf(`${name}p`, 0), key(0), key(1), 0), link(keyOf(`${name}p`, 1), key(0), key(1), 4))
  }
  if (has("unkeyed")) relationships.push(link(null, key(1), key(2), 3), link(null, key(1), key(2), 3))
  if (has("labels")) {
    const entity = keyOf(`${name}e`, 0)
    const bare = keyOf(`${name}b`, 0)
    nodes.push(node(entity, ["Entity", "Person"], { id: entity, name: "Ada" }), node(bare, [], { id: bare }))
    relationships.push(link(keyOf(`${name}m`, 0), key(0), entity, 0, {}, has("types") ? "MENTIONS" : "RELATED_TO"))
  }
  return { nodes, relationships }
}
