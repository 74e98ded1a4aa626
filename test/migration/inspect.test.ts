import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { describe, expect, it } from "vitest"
import { canonicalLine } from "../../src/domain/Canonical.ts"
import { Builder } from "../../src/domain/Fingerprint.ts"
import { type GraphRecord, node, relationship } from "../../src/domain/Graph.ts"
import { Temporal } from "../../src/domain/PropertyValue.ts"
import { inspect } from "../../src/migration/inspect.ts"
import type { Inspection } from "../../src/migration/inspection.ts"
import { Recorder } from "../../src/migration/Run.ts"

const inspecting = (records: ReadonlyArray<GraphRecord>): Inspection =>
  Effect.runSync(
    inspect(
      { backend: "test", location: "here", version: "1", total: records.length, records: Stream.fromIterable(records) },
      new Recorder({ run: "r", command: "inspect" })
    )
  )

const memory = (id: string, more: object = {}) => node(id, ["Memory"], { id, ...more })

const GRAPH: ReadonlyArray<GraphRecord> = [
  memory("a", { size: 1n, created_at: "2026-01-01 10:00:00", updated_at: "2026-03-01T10:00:00" }),
  memory("b", { size: 1.5, created_at: "2026-01-01T09:00:00" }),
  memory("c", { size: 2n, text: "x".repeat(500) }),
  node("d", ["Entity", "Person"], { id: "d", created_at: new Temporal("date", "2025-05-05") }),
  node("mg:1", [], {}),
  memory("b", { size: 3n }),
  relationship("r1", "a", "KNOWS", "b", { id: "r1", weight: 1 }),
  relationship(null, "a", "KNOWS", "d", {}),
  relationship(null, "a", "SELF", "a", {}),
  relationship(null, "a", "KNOWS", "nobody", {})
]

describe("inspect", () => {
  it("counts what is there", () => {
    const found = inspecting(GRAPH)
    expect(found).toMatchObject({
      nodes: 6,
      relationships: 4,
      withoutId: 1,
      duplicates: { first: ["b"], total: 1 },
      dangling: { total: 1 },
      newest: { key: "a", at: "2026-03-01T10:00:00" },
      oldest: { key: "d", at: "2025-05-05" },
      // c and the node without an id; b is there twice.
      degrees: { isolated: 2, selfLoops: 1, average: 1.33 },
      cut: false
    })
    expect(found.bytes).toBe(GRAPH.reduce((sum, record) => sum + Buffer.byteLength(canonicalLine(record)) + 1, 0))
    const builder = new Builder()
    for (const record of GRAPH) builder.addLine(record._tag, canonicalLine(record))
    expect(found.fingerprint).toBe(builder.finish().text)
  })

  it("tells labels, types and their properties", () => {
    const { labels, types } = inspecting(GRAPH)
    expect(labels.map(({ count, name }) => [name, count])).toEqual([
      ["Memory", 4],
      ["", 1],
      ["Entity", 1],
      ["Person", 1]
    ])
    expect(labels[0]?.properties.find(({ name }) => name === "size")).toEqual({
      name: "size",
      count: 4,
      kinds: { integer: 3, float: 1 }
    })
    expect(types.map(({ count, name }) => [name, count])).toEqual([
      ["KNOWS", 3],
      ["SELF", 1]
    ])
  })

  it("tells which labels are related to which, who has most, and what is large", () => {
    const { degrees, largest, patterns } = inspecting(GRAPH)
    expect(patterns).toContainEqual({ from: "Memory", type: "KNOWS", to: "Memory", count: 1 })
    expect(patterns).toContainEqual({ from: "Memory", type: "KNOWS", to: "Entity:Person", count: 1 })
    expect(patterns).toContainEqual({ from: "Memory", type: "KNOWS", to: "(missing)", count: 1 })
    expect(degrees.most[0]).toEqual({ key: "a", degree: 5 })
    expect(largest[0]?.record).toBe("node c")
  })

  it("finds the busiest of many, whenever they come", () => {
    const keys = Array.from({ length: 200 }, (_, i) => `n${i}`)
    const links = keys.flatMap((key, i) =>
      Array.from({ length: i % 50 === 0 ? 30 + i : 2 }, () =>
        relationship(null, key, "T", key === "n7" ? "n8" : "n7", {})
      )
    )
    const { degrees } = inspecting([...keys.map((key) => memory(key)), ...links])
    expect(degrees.most.slice(0, 5).map(({ key }) => key)).toEqual(["n7", "n150", "n100", "n50", "n0"])
  })

  it("stays bounded where names do not end", () => {
    const found = inspecting(
      Array.from({ length: 3000 }, (_, i) => node(`k${i}`, [`L${i}`], { id: `k${i}`, [`p${i}`]: 1 }))
    )
    expect(found.cut).toBe(true)
    expect(found.labels.length).toBeLessThan(1002)
    expect(found.labels.reduce((sum, { count }) => sum + count, 0)).toBe(3000)
    expect(found.labels.some(({ name }) => name === "(more)")).toBe(true)
  })

  it("is nothing for an empty graph", () => {
    expect(inspecting([])).toMatchObject({ nodes: 0, labels: [], newest: null, degrees: { average: 0, most: [] } })
  })
})
