import { describe, expect, it } from "vitest"
import { node, relationship } from "../../src/domain/Graph.ts"
import { differences, showDifferences } from "../../src/testing/compare.ts"

const a = node("a", ["Memory"], { id: "a", n: 1n })
const r = relationship(null, "a", "KNOWS", "a", {})

describe("differences", () => {
  it("are none between equal graphs in any order", () => expect(differences([a, r], [r, a])).toEqual([]))

  it("name missing, extra and changed records", () => {
    const changed = node("a", ["Memory", "Idea"], { id: "a", n: 1 })
    expect(differences([a, r], [changed, node("b", [], {})])).toEqual([
      {
        kind: "changed",
        record: "node",
        key: "a",
        property: "labels",
        expected: '["Memory"]',
        actual: '["Idea","Memory"]'
      },
      { kind: "changed", record: "node", key: "a", property: "n", expected: "1", actual: "1.0" },
      { kind: "missing", record: "relationship", key: "(a)-[KNOWS]->(a)" },
      { kind: "extra", record: "node", key: "b" }
    ])
  })

  it("count equal records", () => {
    expect(differences([r, r, r], [r])).toHaveLength(2)
    expect(differences([r], [r, r])).toEqual([{ kind: "extra", record: "relationship", key: "(a)-[KNOWS]->(a)" }])
  })

  it("tell a key from none", () => {
    const named = (key: string | null) => relationship(key, "a", "KNOWS", "a", { id: "x" })
    expect(differences([named(null)], [named("(a)-[KNOWS]->(a)")])).toEqual([
      { kind: "changed", record: "relationship", key: "(a)-[KNOWS]->(a)" }
    ])
  })

  it("see an absent property and one called __proto__", () => {
    const odd = node("a", [], JSON.parse('{"__proto__":"x"}'))
    expect(differences([odd], [node("a", [], {})])).toEqual([
      { kind: "changed", record: "node", key: "a", property: "__proto__", expected: '"x"' }
    ])
  })

  it("are shown in words, the first five", () => {
    const many = Array.from({ length: 7 }, (_, n) => node(`n${n}`, [], {}))
    expect(showDifferences(differences(many, []))).toBe(
      'node "n0" is missing; node "n1" is missing; node "n2" is missing; node "n3" is missing; node "n4" is missing; and 2 more'
    )
  })
})
