import { describe, expect, it } from "vitest"
import { node, relationship } from "../../src/domain/Graph.ts"
import { classify } from "../../src/migration/classify.ts"
import { KeyCounter } from "../../src/migration/KeyCounter.ts"

const tally = () => ({ met: new KeyCounter(), created: new KeyCounter() })
const mentions = relationship(null, "a", "MENTIONS", "b", {})

describe("classify", () => {
  it("creates, leaves and reports conflicts by key", () => {
    const batch = [
      node("a", ["Memory"], { id: "a" }),
      node("b", ["Memory"], { id: "b" }),
      node("c", ["Memory"], { id: "c" })
    ]
    const stored = [node("b", ["Memory"], { id: "b" }), node("c", ["Other"], { id: "c" })]
    const { conflicts, create, same } = classify(batch, stored, tally())
    expect(create.map((record) => record.key)).toEqual(["a"])
    expect(same.map((record) => record.key)).toEqual(["b"])
    expect(conflicts).toEqual([{ before: stored[1], after: batch[2] }])
  })

  it("does not mistake a relationship's key for a node's", () => {
    const { create } = classify([relationship("a", "x", "T", "y", {})], [node("a", [], {})], tally())
    expect(create).toHaveLength(1)
  })

  it("takes relationships without a key as a multiset, over several batches", () => {
    const carried = tally()
    // The target holds one; three come, in batches of one and two.
    const first = classify([mentions], [mentions], carried)
    expect([first.same.length, first.create.length]).toEqual([1, 0])
    const second = classify([mentions, mentions], [mentions], carried)
    expect([second.same.length, second.create.length]).toEqual([0, 2])
    // What we created is among the stored ones now, and was not there before us.
    const third = classify([mentions], [mentions, mentions, mentions], carried)
    expect([third.same.length, third.create.length]).toEqual([0, 1])
  })

  it("finds nothing to do on a second run", () => {
    const carried = tally()
    const stored = [mentions, mentions]
    expect(classify([mentions], stored, carried).create).toHaveLength(0)
    expect(classify([mentions], stored, carried).create).toHaveLength(0)
    expect(classify([mentions], stored, carried).create).toHaveLength(1)
  })
})

describe("KeyCounter", () => {
  it("counts the same in memory and on disk, also keys that are no UTF-8", () => {
    const memory = new KeyCounter()
    const disk = new KeyCounter(2)
    const keys = ["a", "b", "c", "\ud800", "\ud801", "\ufffd", "a", "a\0b", "a", "\ud800", ""]
    for (const key of keys) expect(disk.add(key)).toBe(memory.add(key))
    for (const key of keys) expect(disk.get(key)).toBe(memory.get(key))
    expect(disk.get("never")).toBe(0)
    disk.close()
  })
})
