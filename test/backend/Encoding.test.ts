import * as FastCheck from "effect/FastCheck"
import { describe, expect, it } from "vitest"
import * as Encoding from "../../src/backend/Encoding.ts"
import { canonicalProperties } from "../../src/domain/Canonical.ts"
import { node, setProperty, type MutableProperties } from "../../src/domain/Graph.ts"
import { properties } from "../../src/testing/arbitraries.ts"

const SEED = 20261122

// An engine that holds next to nothing: short ASCII text, and names without a backtick.
const poor: Encoding.EncodingProfile = {
  nativeValue: (value) => typeof value === "string" && /^[ -~]{0,10}$/.test(value),
  nativeName: (name) => name !== "" && !name.includes("`") && name.isWellFormed()
}

const store = (given: MutableProperties): MutableProperties => {
  const { note, properties: stored } = Encoding.encodeProperties(given, poor)
  const row: MutableProperties = { ...stored }
  if (!Encoding.isEmptyNote(note)) setProperty(row, Encoding.ENCODING_PROPERTY, Encoding.noteText(note))
  return row
}

const load = (row: MutableProperties): MutableProperties => {
  const { [Encoding.ENCODING_PROPERTY]: note, ...stored } = row
  const properties: MutableProperties = { ...stored }
  Encoding.decodeProperties(properties, Encoding.parseNote(note) ?? {})
  return properties
}

describe("encoding", () => {
  it("brings every value and every name back through an engine that holds only short text", () => {
    FastCheck.assert(
      FastCheck.property(properties, (given) => {
        const row = store(given)
        for (const name of Object.keys(row)) {
          expect(poor.nativeName(name)).toBe(true)
          expect(typeof row[name]).toBe("string")
        }
        expect(row[Encoding.ENCODING_PROPERTY] ?? "").toMatch(/^[ -~]*$/)
        expect(canonicalProperties(load(row))).toBe(canonicalProperties(given))
      }),
      { seed: SEED, numRuns: 500 }
    )
  })

  it("stores nothing extra where all is native", () => {
    const given = { a: "text" }
    expect(Encoding.encodeProperties(given, poor)).toEqual({ properties: given, note: {} })
  })

  it("leaves text alone that somebody wrote over an encoded value", () => {
    const row = store({ when: 5n })
    setProperty(row, "when", "{not a value")
    expect(load(row)).toEqual({ when: "{not a value" })
  })

  it("refuses the names that it needs itself", () => {
    expect(Encoding.reservedMisfits(node("a", [], { _mg_own: "x" }))).toEqual([
      { level: "impossible", kind: "reserved property name _mg_own" }
    ])
    expect(Encoding.reservedMisfits(node("a", [], { _mgx: "x", mg_id: "y" }))).toEqual([])
  })
})
