import * as Schema from "effect/Schema"
import * as fs from "node:fs"
import { describe, expect, it } from "vitest"
import { node, relationship } from "../../src/domain/Graph.ts"
import { Memory, MEMORY_TYPES, MemoryContext, RELATIONSHIP_TYPES, unknownEnums } from "../../src/domain/Memory.ts"

const exported: unknown = JSON.parse(
  fs.readFileSync(new URL("../fixtures/python-export-small.json", import.meta.url), "utf8")
)
const { memories, relationships } = exported as {
  readonly memories: ReadonlyArray<{ readonly type: string; readonly context?: object }>
  readonly relationships: ReadonlyArray<{ readonly type: string }>
}

describe("the types", () => {
  it("are thirteen and thirty-five, each once", () => {
    expect(new Set(MEMORY_TYPES).size).toBe(13)
    expect(new Set(RELATIONSHIP_TYPES).size).toBe(35)
    expect(MEMORY_TYPES).toHaveLength(13)
    expect(RELATIONSHIP_TYPES).toHaveLength(35)
  })

  it("are those of a real export", () => {
    expect(new Set(memories.map(({ type }) => type))).toEqual(new Set(MEMORY_TYPES))
    for (const { type } of relationships) expect(RELATIONSHIP_TYPES).toContain(type)
  })
})

describe("the view of a memory", () => {
  it("has every field of a real export", () => {
    for (const { context, ...memory } of memories) {
      for (const name of Object.keys(memory)) expect(Memory.fields).toHaveProperty(name)
      for (const name of Object.keys(context ?? {})) expect(MemoryContext.fields).toHaveProperty(name)
    }
  })

  it("is a schema that takes any type of memory, for unknown ones are no errors", () => {
    const decode = Schema.decodeUnknownSync(Memory, { onExcessProperty: "error" })
    const memory = {
      id: "a",
      type: "insight",
      title: "t",
      content: "c",
      usage_count: 2 ** 60,
      context: { visibility: "team" }
    }
    expect(decode(memory)).toEqual(memory)
    expect(() => decode({ ...memory, usage_count: 1.5 })).toThrow(/usage_count/)
    expect(() => decode({ ...memory, title: null })).toThrow(/title/)
  })
})

describe("unknownEnums", () => {
  const memory = (properties: Parameters<typeof node>[2]) => node("a", ["Memory"], properties)
  const link = (type: string) => relationship(null, "a", type, "b", {})

  it("is silent about everything that MemoryGraph knows", () => {
    for (const type of MEMORY_TYPES) expect(unknownEnums(memory({ type, context_visibility: "team" }))).toEqual([])
    for (const type of RELATIONSHIP_TYPES) expect(unknownEnums(link(type))).toEqual([])
    expect(unknownEnums(node("a", ["Entity"], { type: "person" }))).toEqual([])
  })

  it("names what it does not know, the same phrase for the same cause", () => {
    expect(unknownEnums(memory({ type: "insight" }))).toEqual(['unknown memory type "insight"'])
    expect(unknownEnums(memory({ type: "Task" }))).toEqual(['unknown memory type "Task"'])
    expect(unknownEnums(node("a", ["Entity", "Memory"], { type: "x" }))).toEqual(['unknown memory type "x"'])
    expect(unknownEnums(memory({}))).toEqual(["memory without a type"])
    expect(unknownEnums(memory({ type: 1n }))).toEqual(["memory type that is not text"])
    expect(unknownEnums(memory({ type: "task", context_visibility: "all" }))).toEqual(['unknown visibility "all"'])
    expect(unknownEnums(link("MENTIONS"))).toEqual(['unknown relationship type "MENTIONS"'])
    expect(unknownEnums(link("solves"))).toEqual(['unknown relationship type "solves"'])
  })

  it("takes nothing inherited for a known type, and shows long names short", () => {
    expect(unknownEnums(memory({ type: "constructor" }))).toEqual(['unknown memory type "constructor"'])
    expect(unknownEnums(link("X".repeat(10_000)))[0]?.length).toBeLessThan(120)
  })
})
