import { describe, expect, it } from "vitest"
import { KeySet } from "../../src/document/key-set.ts"
import { ODD_KEYS, ODD_TEXTS } from "../../src/testing/arbitraries/text.ts"

describe("a key set", () => {
  it("knows what was added and nothing else, through every growth", () => {
    const keys = new KeySet()
    const count = 20_000
    for (let i = 0; i < count; i++) expect(keys.add(`key ${i}`)).toBe(true)
    for (let i = 0; i < count; i++) {
      if (!keys.has(`key ${i}`) || keys.add(`key ${i}`)) throw new Error(`key ${i} was forgotten`)
      if (keys.has(`other ${i}`)) throw new Error(`other ${i} was never added`)
    }
    expect(keys.size).toBe(count)
  })

  it("tells apart keys that only look alike, lone surrogates among them", () => {
    const odd = new Set([...ODD_KEYS, ...ODD_TEXTS, "\ud800", "\ud801", "\udc00", "\ufffd", "a\ud800", "a\ud801"])
    const keys = new KeySet()
    for (const key of odd) expect([key, keys.add(key)]).toEqual([key, true])
    for (const key of odd) expect([key, keys.add(key)]).toEqual([key, false])
    expect(keys.size).toBe(odd.size)
  })

  it("is empty at first", () => {
    expect(new KeySet().has("")).toBe(false)
  })
})
