import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { JsonSyntaxError, type JsonValue, MAX_DEPTH, parseJson } from "../../src/domain/Json.ts"

const SEED = 20261122

describe("parseJson", () => {
  it.each<readonly [string, JsonValue]>([
    ["1", 1n],
    ["1.0", 1],
    ["-0", 0n],
    ["-0.0", -0],
    ["0.0", 0],
    ["1e3", 1000],
    ["[1.5,2]", [1.5, 2n]],
    ['{"a":1.0}', { a: 1 }],
    ['{"a": 10.000 }', { a: 10 }],
    ["9007199254740993", 9007199254740993n],
    ['{"n":12345678901234567}', { n: 12345678901234567n }],
    ["123456789012345678901234567890", 123456789012345678901234567890n],
    ["NaN", Number.NaN],
    ["[NaN, Infinity,-Infinity]", [Number.NaN, Infinity, -Infinity]],
    ["5e-324", 5e-324],
    ["0.30000000000000004", 0.30000000000000004],
    ["100000000000000000000.0", 1e20],
    ['"\\ud800"', "\ud800"],
    ['"\\u0000\\/"', "\0/"],
    ['{"a":"1.0 and NaN, 12345678901234567"}', { a: "1.0 and NaN, 12345678901234567" }],
    ['{"a":null,"b":[true,false]}', { a: null, b: [true, false] }]
  ])("%s", (text, value) => {
    expect(parseJson(text)).toEqual(value)
    expect(parseJson(text, { strict: true })).toEqual(value)
  })

  it("keeps a key named __proto__", () => {
    for (const strict of [false, true]) {
      const value = parseJson('{"__proto__":{"x":1},"y":2}', { strict })
      expect(Object.keys(value as object)).toEqual(["__proto__", "y"])
    }
  })

  it.each([
    ["", "ends too early"],
    ["{", "key in double quotes"],
    ['{"a":1,}', "key in double quotes"],
    ["[1,]", "unexpected character"],
    ["01", "unexpected text"],
    ["1 2", "unexpected text"],
    ['"\t"', "control character"],
    ['"\\x"', "unknown escape"],
    ['"\\u12"', "four hex digits"],
    ['"abc', "does not end"],
    ["1e999", "out of the range"],
    ["nul", "unexpected character"],
    ["[".repeat(MAX_DEPTH + 1), "nested deeper"]
  ])("refuses %s", (text, message) => {
    expect(() => parseJson(text)).toThrow(JsonSyntaxError)
    expect(() => parseJson(text)).toThrow(message)
  })

  it("refuses deep nesting that JSON.parse would take", () => {
    const text = "[".repeat(MAX_DEPTH + 2) + "]".repeat(MAX_DEPTH + 2)
    expect(() => parseJson(text)).toThrow("nested deeper")
  })

  it("finds a repeated key when strict", () => {
    expect(() => parseJson('{"a":1,"b":{"c":1,"c":2}}', { strict: true })).toThrow('the key "c" stands twice')
  })

  it("reads what JSON.stringify writes, on both paths alike", () => {
    fc.assert(
      fc.property(fc.json({ noUnicodeString: false }), (text) => {
        expect(parseJson(text)).toEqual(parseJson(text, { strict: true }))
      }),
      { seed: SEED, numRuns: 500 }
    )
  })

  it("brings every double back", () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
        const text =
          Number.isInteger(value) && !String(value).includes("e")
            ? `${Object.is(value, -0) ? "-0" : value}.0`
            : String(value)
        expect(parseJson(text)).toBe(value)
        expect(parseJson(`{"a":${text}}`)).toEqual({ a: value })
      }),
      { seed: SEED, numRuns: 2000 }
    )
  })
})
