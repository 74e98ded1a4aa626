import * as path from "node:path"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { describe, expect, it } from "vitest"
import { type GraphRecord, node, relationship } from "../../src/domain/Graph.ts"
import { migrateStores, fixture, tempFolder } from "../support/migrating.ts"
import { Recorder } from "../../src/migration/Run.ts"
import { ofRecords, type Sketch, SKETCH_NODES, SKETCH_RELATIONSHIPS } from "../../src/migration/sketch.ts"

const memory = (key: string): GraphRecord => node(key, ["Memory"], { id: key, type: "task", title: `Title of ${key}` })

const take = async (records: ReadonlyArray<GraphRecord>, seeds: ReadonlyArray<string> = []): Promise<Sketch> => {
  const noting: { readonly wantsSketch: boolean; sketch: Sketch | null } = { wantsSketch: true, sketch: null }
  const nodes = records.filter(({ _tag }) => _tag === "Node").length
  await Effect.runPromise(ofRecords(noting, Stream.fromIterable(records), { nodes, seeds }))
  if (noting.sketch === null) throw new Error("no sketch was taken")
  return noting.sketch
}

/** How many parts the drawing falls into. */
const parts = ({ nodes, relationships }: Sketch): number => {
  const group = nodes.map((_, i) => i)
  const head = (i: number): number => (group[i] === i || group[i] === undefined ? i : head(group[i]))
  for (const { from, to } of relationships) group[head(from)] = head(to)
  return new Set(nodes.map((_, i) => head(i))).size
}

const ring = (name: string, count: number): ReadonlyArray<GraphRecord> => [
  ...Array.from({ length: count }, (_, i) => memory(`${name}${i}`)),
  ...Array.from({ length: count * 3 }, (_, i) =>
    relationship(null, `${name}${(i * 7) % count}`, "NEXT", `${name}${(i * 7 + 1 + (i % 5)) % count}`, {})
  )
]

describe("a sketch", () => {
  it("of a small graph is the whole graph", async () => {
    const sketch = await take(ring("m", 40))
    expect(sketch).toMatchObject({ totalNodes: 40, totalRelationships: 120 })
    expect(sketch.nodes).toHaveLength(40)
    expect(sketch.relationships).toHaveLength(120)
    expect(sketch.nodes[3]).toEqual({ key: "m3", label: "Memory", kind: "task", title: "Title of m3" })
  })

  it("of a large graph is one neighbourhood, within bounds", async () => {
    const sketch = await take(ring("m", 5000))
    expect(sketch.totalNodes).toBe(5000)
    expect(sketch.nodes).toHaveLength(SKETCH_NODES)
    expect(sketch.relationships.length).toBeLessThanOrEqual(SKETCH_RELATIONSHIPS)
    expect(parts(sketch)).toBe(1)
  })

  it("of a hub is no star alone", async () => {
    const around = Array.from({ length: 2000 }, (_, i) => i)
    const sketch = await take([
      memory("hub"),
      ...around.map((i) => memory(`m${i}`)),
      ...around.map((i) => relationship(null, "hub", "TO", `m${i}`, {})),
      ...around.map((i) => relationship(null, `m${i}`, "NEXT", `m${(i + 1) % 2000}`, {}))
    ])
    const ofHub = sketch.relationships.filter(({ type }) => type === "TO").length
    expect(sketch.nodes).toHaveLength(SKETCH_NODES)
    expect(sketch.relationships.length - ofHub).toBeGreaterThan(50)
  })

  it("takes in pairs where there is nothing larger, and nodes without relationships", async () => {
    const pairs = Array.from({ length: 400 }, (_, i) => memory(`m${i}`))
    const links = Array.from({ length: 40 }, (_, i) => relationship(null, `m${2 * i}`, "TO", `m${2 * i + 1}`, {}))
    const sketch = await take([...pairs, ...links])
    expect(sketch.nodes).toHaveLength(SKETCH_NODES)
    expect(sketch.relationships).toHaveLength(40)
  })

  it("shows the nodes that it is asked for, as far as they are there", async () => {
    const sketch = await take([memory("alone"), ...ring("m", 500)], ["m321", "alone", "not there"])
    const keys = sketch.nodes.map(({ key }) => key)
    expect(keys).toEqual(expect.arrayContaining(["m321", "alone"]))
    expect(keys).not.toContain("not there")
  })

  it("cuts long texts, and takes keys that JSON must escape", async () => {
    const key = '"\\\u2028\ud800'
    const long = node(key, ["A"], { id: key, name: "😀".repeat(500) })
    const sketch = await take([long, relationship(null, key, "SELF", key, {})])
    expect(sketch.nodes[0]?.key).toBe(key)
    expect(Array.from(sketch.nodes[0]?.title ?? "")).toHaveLength(120)
    expect(sketch.relationships).toEqual([{ from: 0, to: 0, type: "SELF" }])
  })
})

describe("a run", () => {
  const from = { kind: "sqlite", path: fixture("python-small.db") } as const

  it("takes a sketch of its spool, where one is wanted", async () => {
    const recorder = new Recorder({ run: "20261129T201500-abcdef", command: "migrate" })
    recorder.wantsSketch = true
    await Effect.runPromise(
      migrateStores(from, { kind: "sqlite", path: path.join(tempFolder(), "b.db") }, { recorder })
    )
    expect(recorder.sketch).toMatchObject({ totalNodes: 30, totalRelationships: 60 })
    expect(recorder.sketch?.nodes.every(({ kind, title }) => kind !== undefined && title !== undefined)).toBe(true)
  })

  it("takes none otherwise", async () => {
    const recorder = new Recorder({ run: "20261129T201500-abcdef", command: "migrate" })
    await Effect.runPromise(
      migrateStores(from, { kind: "sqlite", path: path.join(tempFolder(), "b.db") }, { recorder })
    )
    expect(recorder.sketch).toBeNull()
  })
})
