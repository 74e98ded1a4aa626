import { describe, expect, it } from "vitest"
import { JsonScanner, ScanProblem } from "../../src/document/json-scan.ts"

type Found = ReadonlyArray<string | number>

/** Everything a scan finds, the text fed in pieces of the given size; members named `list*` are wanted by elements. */
const scan = (text: string | Buffer, size: number, maxBytes = 1_000_000): ReadonlyArray<Found> => {
  const found: Array<Found> = []
  const scanner = new JsonScanner(
    {
      member: (name, line) => {
        found.push(["member", name, line])
        return name.startsWith("list") ? "elements" : name.startsWith("skip") ? "skip" : "value"
      },
      value: (name, value, line) => found.push(["value", name, value, line]),
      element: (name, element, line) => found.push(["element", name, element, line]),
      end: (name) => found.push(["end", name])
    },
    maxBytes
  )
  const bytes = Buffer.from(text)
  for (let at = 0; at < bytes.length; at += size) scanner.push(bytes.subarray(at, at + size))
  scanner.end()
  return found
}

const problemOf = (text: string | Buffer, size: number, maxBytes?: number): readonly [string, number] => {
  try {
    scan(text, size, maxBytes)
  } catch (cause) {
    if (cause instanceof ScanProblem) return [cause.reason, cause.line]
    throw cause
  }
  throw new Error("it was accepted")
}

const SIZES = [1, 2, 3, 5, 7, 1000]

const document = `{
  "n": 1,
  "s" : "a, b] } \\" \\\\",
  "list": [ {"a": [1, "]"],
     "b": {}}, 2 ,"x,", null,[ [ ] ]
  ],
  "list of nothing": [
  ], "skip": {"a": [1, {"b": "}"}]},
  "ü\\u00e9": true
}
`

describe("the scanner", () => {
  it("finds members, elements and lines, wherever the pieces end", () => {
    for (const size of SIZES) {
      expect(scan(document, size)).toEqual([
        ["member", "n", 2],
        ["value", "n", "1", 2],
        ["member", "s", 3],
        ["value", "s", '"a, b] } \\" \\\\"', 3],
        ["member", "list", 4],
        ["element", "list", '{"a": [1, "]"],\n     "b": {}}', 4],
        ["element", "list", "2", 5],
        ["element", "list", '"x,"', 5],
        ["element", "list", "null", 5],
        ["element", "list", "[ [ ] ]", 5],
        ["end", "list"],
        ["member", "list of nothing", 7],
        ["end", "list of nothing"],
        ["member", "skip", 8],
        ["member", "üé", 9],
        ["value", "üé", "true", 9]
      ])
    }
  })

  it("takes a document without any white space, an empty one, and a byte order mark", () => {
    const found = scan('{"list":[1,2],"a":"b"}', 1000)
    expect(found).toEqual([
      ["member", "list", 1],
      ["element", "list", "1", 1],
      ["element", "list", "2", 1],
      ["end", "list"],
      ["member", "a", 1],
      ["value", "a", '"b"', 1]
    ])
    expect(scan("{}", 1)).toEqual([])
    expect(scan("\ufeff{}\r\n", 1000)).toEqual([])
  })

  it("knows every document that breaks off", () => {
    const whole = document.trimEnd()
    for (let length = 0; length < whole.length; length++) {
      expect(problemOf(whole.slice(0, length), 1000)[0]).toBe("truncated")
    }
  })

  it.each([
    ["[1]", 1],
    ["1", 1],
    ['{"a" 1}', 1],
    ['{\n"a":1 "b":2}', 2],
    ['{"list":[1\n2]}', 2],
    ['{"list":[1,]}', 1],
    ['{"list":[,1]}', 1],
    ['{"list":[1}', 1],
    ['{"a":1,}', 1],
    ["{,}", 1],
    ['{"a":}', 1],
    ['{"a":]}', 1],
    ["{a:1}", 1],
    ['{"a":1}\n{"b":2}', 2],
    ['{"a":1}]', 1],
    ['{"\\x":1}', 1]
  ])("says where %j is not JSON", (text, line) => {
    for (const size of SIZES) expect(problemOf(text, size)).toEqual(["syntax", line])
  })

  it("refuses what should be a list and is none", () => {
    expect(problemOf('{"a":1,\n"list": {"a":[1]}}', 3)).toEqual(["schema", 2])
  })

  it("refuses a value that is too long, but may skip one", () => {
    const long = `"${"x".repeat(100)}"`
    for (const size of SIZES) {
      expect(problemOf(`{"a":1,\n"b":${long}}`, size, 50)).toEqual(["too-large", 2])
      expect(problemOf(`{"list":[1,\n${long}]}`, size, 50)).toEqual(["too-large", 2])
      expect(problemOf(`{${long}:1}`, size, 50)).toEqual(["too-large", 1])
      expect(scan(`{"skip":${long}}`, size, 50)).toHaveLength(1)
    }
  })

  it("refuses bytes that are not UTF-8 where they are wanted", () => {
    const bad = Buffer.concat([Buffer.from('{"list":[1,\n"a'), Buffer.from([0xc3]), Buffer.from('"]}')])
    for (const size of SIZES) expect(problemOf(bad, size)).toEqual(["not-utf8", 2])
  })
})
