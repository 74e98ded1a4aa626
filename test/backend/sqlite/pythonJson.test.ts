import { spawnSync } from "node:child_process"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { parsePlainProperties } from "../../../src/backend/sqlite/plainProperties.ts"
import { pythonFloat, pythonJson, pythonString } from "../../../src/backend/sqlite/pythonJson.ts"
import { isJsonObject, parseJson } from "../../../src/domain/Json.ts"
import { fixture, rows } from "./support.ts"

const seed = 20_260_105

describe("pythonJson", () => {
  it.each([
    [0, "0.0"],
    [-0, "-0.0"],
    [1, "1.0"],
    [0.1, "0.1"],
    [-2.5, "-2.5"],
    [0.0001, "0.0001"],
    [0.00001, "1e-05"],
    [1.5e-7, "1.5e-07"],
    [5e-324, "5e-324"],
    [1e15, "1000000000000000.0"],
    [1e16, "1e+16"],
    [123456789012345680, "1.2345678901234568e+17"],
    [1e21, "1e+21"],
    [1.7976931348623157e308, "1.7976931348623157e+308"],
    [Number.NaN, "NaN"],
    [Number.POSITIVE_INFINITY, "Infinity"],
    [Number.NEGATIVE_INFINITY, "-Infinity"]
  ])("%d is %s", (value, text) => expect(pythonFloat(value)).toBe(text))

  it.each([
    ["plain ~ text", '"plain ~ text"'],
    ['"\\/\b\f\n\r\t\u0000\u001f', '"\\"\\\\/\\b\\f\\n\\r\\t\\u0000\\u001f"'],
    ["\u007fé日🚀", '"\\u007f\\u00e9\\u65e5\\ud83d\\ude80"'],
    ["\ud800x\udc00", '"\\ud800x\\udc00"']
  ])("%j is %s", (value, text) => expect(pythonString(value)).toBe(text))

  it("separates as json.dumps does", () =>
    expect(pythonJson({ a: [1n, 2.5, null, true, []], b: {}, ü: "x" })).toBe(
      '{"a": [1, 2.5, null, true, []], "b": {}, "\\u00fc": "x"}'
    ))

  it("gives back the texts of the Python program", () => {
    for (const { properties } of rows(fixture("python-small.db"), "nodes")) {
      const value = parseJson(String(properties))
      expect(pythonJson(value)).toBe(properties)
    }
  })

  const python = spawnSync("python3", ["--version"]).status === 0
  it.skipIf(!python)("agrees with Python on random floats and texts", () => {
    const values = [
      ...fc.sample(fc.double({ noNaN: true }), { numRuns: 2000, seed }),
      ...fc.sample(fc.string({ unit: "binary" }), { numRuns: 500, seed })
    ]
    const ours = values.map((value) => pythonJson(value)).join("\n")
    const program = "import json,sys\nfor line in sys.stdin: print(json.dumps(json.loads(line)))"
    const theirs = spawnSync("python3", ["-c", program], { input: ours, encoding: "utf8" })
    expect(theirs.stdout.trimEnd()).toBe(ours)
  })
})

describe("parsePlainProperties", () => {
  const exactly = (text: string) => {
    const value = parseJson(text)
    if (!isJsonObject(value)) throw new Error("not an object")
    return Object.fromEntries(Object.entries(value).filter(([, item]) => item !== null))
  }

  it("takes most rows of a real store", () => {
    for (const table of ["nodes", "relationships"]) {
      const texts = rows(fixture("python-small.db"), table).map(({ properties }) => String(properties))
      const plain = texts.filter((text) => parsePlainProperties(text) !== undefined)
      expect(plain.length / texts.length).toBeGreaterThan(0.8)
      for (const text of plain) expect(parsePlainProperties(text)).toEqual(exactly(text))
    }
  })

  it.each([
    ['{"a": 1}', { a: 1n }],
    ['{"a": 1.0}', { a: 1 }],
    ['{"a": 0, "b": 0.0, "c": 0.5}', { a: 0n, b: 0, c: 0.5 }],
    ['{"a": null, "b": ["x"], "c": [], "d": true}', { b: ["x"], c: [], d: true }],
    ['{"x": "\\"a\\": 1,", "a": 1.0}', { x: '"a": 1,', a: 1 }],
    ['{"a": 1.0, "a": 1}', { a: 1n }]
  ])("reads %s", (text, properties) => expect(parsePlainProperties(text)).toStrictEqual(properties))

  it.each([
    '{"a": -0}',
    '{"a": -0.0}',
    '{"a": 1.00}',
    '{"a": 1e2}',
    '{"a": 9007199254740993}',
    '{"a": 1e400}',
    '{"a": NaN}',
    '{"a":1}',
    '{"a": {"b": 1}}',
    '{"a": [1]}',
    '{"_mg_enc": "{}"}',
    '{"__proto__": "x"}',
    '{"b\\"a": 1, "a": 1.0, "c\\"a": 1}',
    "{}",
    "[]",
    "{"
  ])("leaves %s to the exact parser", (text) => expect(parsePlainProperties(text)).toBeUndefined())

  it("never differs from the exact parser", () => {
    const name = fc.constantFrom("a", "b", 'a": 1, "b', 'x"a', "a ", " a", "é")
    const token = fc.oneof(
      fc.constantFrom("1", "1.0", "-1", "-0", "0.0", "1e3", "null", "true", "9007199254740993", "1.5", "[]"),
      fc.constantFrom('"x"', '"\\"a\\": 1"', '["\\"a\\": 1,"]', '{"a": 1}', "[1.0]"),
      fc.string({ unit: "binary" }).map((text) => JSON.stringify(text))
    )
    const text = fc
      .tuple(fc.uniqueArray(fc.tuple(name, token), { selector: ([key]) => key }), fc.constantFrom(", ", ",", " , "))
      .map(([members, comma]) => `{${members.map(([key, value]) => `${JSON.stringify(key)}: ${value}`).join(comma)}}`)
    fc.assert(
      fc.property(text, (json) => {
        const plain = parsePlainProperties(json)
        if (plain !== undefined) expect(plain).toStrictEqual(exactly(json))
      }),
      { numRuns: 3000, seed }
    )
  })
})
