import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { describe, expect, it } from "vitest"
import { canonicalLine } from "../../src/domain/Canonical.ts"
import { type GraphRecord, node, relationship } from "../../src/domain/Graph.ts"
import { compare } from "../../src/migration/differences.ts"

const found = (expected: ReadonlyArray<GraphRecord>, actual: ReadonlyArray<GraphRecord>, limit?: number) =>
  Effect.runPromise(compare(Stream.make({ lines: expected.map(canonicalLine) }), Stream.fromIterable(actual), limit))

const a = node("a", ["Memory"], { id: "a", title: "t", importance: 1 })
const link = relationship(null, "a", "MENTIONS", "b", {})

describe("compare", () => {
  it("finds nothing in equal graphs, whatever their order", async () => {
    expect((await found([a, link, link], [link, a, link])).total).toBe(0)
  })

  it("names property, labels, ends and type", async () => {
    expect((await found([a], [node("a", ["Memory"], { id: "a", title: "t", importance: 1n })])).shown).toEqual([
      { kind: "changed", record: "node", key: "a", property: "importance", expected: "1.0", actual: "1" }
    ])
    expect((await found([a], [node("a", ["Memory"], { id: "a", importance: 1 })])).shown).toEqual([
      { kind: "changed", record: "node", key: "a", property: "title", expected: '"t"', actual: "absent" }
    ])
    expect((await found([a], [node("a", ["Entity"], a.properties)])).shown[0]).toMatchObject({
      property: "labels",
      actual: "Entity"
    })
    const r = relationship("r", "a", "SOLVES", "b", { id: "r" })
    expect((await found([r], [relationship("r", "b", "SOLVES", "a", { id: "r" })])).shown[0]).toMatchObject({
      property: "from",
      expected: "a",
      actual: "b"
    })
  })

  it("counts equal relationships without a key", async () => {
    expect((await found([link, link], [link])).shown).toEqual([
      { kind: "missing", record: "relationship", key: "(a)-[MENTIONS]->(b)" }
    ])
    expect((await found([link], [link, link])).shown[0]).toMatchObject({ kind: "extra" })
  })

  it("counts all where it shows some", async () => {
    const many = Array.from({ length: 30 }, (_, i) => node(`n${i}`, [], {}))
    const list = await found(many, [], 5)
    expect([list.shown.length, list.total]).toEqual([5, 30])
  })
})
