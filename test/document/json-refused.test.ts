import * as fs from "node:fs"
import * as zlib from "node:zlib"
import { describe, expect, it } from "vitest"
import { type GraphRecord, node, relationship } from "../../src/domain/Graph.ts"
import { readJson } from "../../src/document/json.ts"
import { Temporal } from "../../src/domain/PropertyValue.ts"
import { collect, exportTo, fileOf, fixture, freshPath, refusal } from "./support.ts"

const memory = (key: string, more: object = {}) =>
  node(key, ["Memory"], { id: key, type: "task", title: "t", content: "c", importance: 0.5, ...more })

const RECORDS: ReadonlyArray<GraphRecord> = [
  memory("a", { context_project_path: "/p", created_at: new Temporal("dateTime", "2025-01-01T00:00:00Z") }),
  memory("b"),
  node("e", ["Entity"], { name: "x" }),
  relationship("r", "a", "SOLVES", "b", { id: "r", strength: 0.5 }),
  relationship("s", "a", "MENTIONS", "e", { id: "s" })
]

const path = freshPath()
await exportTo(path, RECORDS)
const text = fs.readFileSync(path, "utf8")

const refused = (changed: string | Uint8Array) => refusal(readJson(fileOf(changed)))

/** The document with one thing changed; fails where there is nothing to change. */
const changed = (from: string, to: string): string => {
  if (!text.includes(from)) throw new Error(`the document does not hold ${from}`)
  return text.replace(from, () => to)
}

it("the unchanged document is accepted", async () => {
  expect(await collect(readJson(path))).toHaveLength(5)
})

describe("a damaged document is refused", () => {
  it("wherever it breaks off", async () => {
    for (let length = 0; length < text.length - 2; length += 7) {
      expect(await refused(text.slice(0, length))).toMatchObject({ reason: "truncated" })
    }
    expect((await refused(text.slice(0, text.length - 2))).reason).toBe("truncated")
  })

  it("packed, wherever it breaks off", async () => {
    const packed = zlib.gzipSync(text)
    for (const length of [10, 50, packed.length - 8, packed.length - 1]) {
      expect((await refused(packed.subarray(0, length))).reason).toBe("truncated")
    }
  })

  it("whichever character of it is changed", async () => {
    // Changed characters in numbers, words and hex digits; what stays a document must not be taken for the old one.
    let tried = 0
    for (let at = 0; at < text.length; at += 3) {
      const c = text[at] ?? ""
      if (!/[0-9a-z]/i.test(c)) continue
      const other = c === "1" ? "2" : c === "a" ? "b" : /[0-9]/.test(c) ? "1" : "a"
      await refused(text.slice(0, at) + other + text.slice(at + 1))
      tried++
    }
    expect(tried).toBeGreaterThan(200)
  })

  it("with bytes that are not UTF-8", async () => {
    const bytes = Buffer.from(text)
    bytes[bytes.indexOf('"title":"t"') + 9] = 0xff
    expect(await refused(bytes)).toMatchObject({ reason: "not-utf8", line: 9 })
  })

  it("with a record missing, doubled or added", async () => {
    const line = text.split("\n").find((candidate) => candidate.startsWith('{"id":"b"')) ?? ""
    const without = text.replace(`,\n${line}`, "")
    expect(await refused(without)).toMatchObject({ reason: "counts" })
    expect(await refused(without.replace('"memory_count":2', '"memory_count":1'))).toMatchObject({ reason: "counts" })
    expect(await refused(changed(line, `${line},\n${line}`))).toMatchObject({
      reason: "duplicate-record",
      line: 11,
      key: "b"
    })
    expect(await refused(changed(line, `${line},\n${line.replace('"b"', '"c"')}`))).toMatchObject({ reason: "counts" })
  })

  it("with a record of the same id in two lists", async () => {
    expect(await refused(changed('"node":"e"', '"node":"a"'))).toMatchObject({
      reason: "duplicate-record",
      line: 13,
      key: "a"
    })
    expect(await refused(changed('"relationship":"s"', '"relationship":"r"'))).toMatchObject({
      reason: "duplicate-record",
      key: "r"
    })
  })

  it("with figures that are not its own", async () => {
    expect((await refused(changed('"memory_count":2', '"memory_count":3'))).reason).toBe("counts")
    expect((await refused(changed('"relationship_count":1', '"relationship_count":0'))).reason).toBe("counts")
    expect((await refused(changed('"count":3', '"count":4'))).reason).toBe("counts")
    expect((await refused(text.replace(/"sum":"[0-9a-f]/, '"sum":"x'))).reason).toBe("schema")
    expect((await refused(text.replace(/"sum":"[0-9a-f]{64}/, `"sum":"${"0".repeat(64)}`))).reason).toBe("fingerprint")
    expect((await refused(text.replace(/mg1:[0-9a-f]{16}/, `mg1:${"0".repeat(16)}`))).reason).toBe("fingerprint")
    expect((await refused(text.replace(/"digest":"[0-9a-f]{64}/, `"digest":"${"0".repeat(64)}`))).reason).toBe("digest")
    expect((await refused(changed('"backend_type":"sqlite"', '"backend_type":"neo4j"'))).reason).toBe("digest")
    expect((await refused(changed("2026-11-22", "2026-11-23"))).reason).toBe("digest")
  })

  it("with a value that was changed", async () => {
    const error = await refused(changed('"title":"t"', '"title":"u"'))
    expect(error.reason).toBe("fingerprint")
    expect(error.message).toContain("export again")
    expect((await refused(changed('"importance":0.5', '"importance":1'))).reason).toBe("fingerprint")
    expect((await refused(changed('"name":"x"', '"name":"y"'))).reason).toBe("fingerprint")
  })

  it("with a change that would have no effect", async () => {
    const error = await refused(changed('"created_at":"2025-01-01T00:00:00Z"', '"created_at":"2026-01-01T00:00:00Z"'))
    expect(error).toMatchObject({ reason: "schema", line: 9, key: "a" })
    expect(error.message).toContain('"created_at"')
  })
})

describe("a document of another form is refused, by line, key and field", () => {
  it.each([
    ["a field of no memory", '"importance":0.5', '"weight":0.5', "schema", 9, "a", "weight"],
    ["a field of no context", '"project_path"', '"project"', "schema", 9, "a", "project"],
    ["text for a number", '"importance":0.5', '"importance":"0.5"', "schema", 9, "a", "importance"],
    ["a number for text", '"title":"t"', '"title":1', "schema", 9, "a", "title"],
    ["no title", '"title":"t",', "", "schema", 9, "a", "title"],
    ["no id", '{"id":"a",', "{", "schema", 9, undefined, "id"],
    ["a context that is no object", '"context":{"project_path":"/p"}', '"context":[]', "schema", 9, "a", "context"],
    ["an unknown tag", '{"$dateTime":', '{"$dateTimes":', "schema", 9, "a", "created_at"],
    ["labels without Memory", '"context":{', '"labels":["X"],"context":{', "schema", 9, "a", "label"],
    ["labels that are no texts", '"context":{', '"labels":["Memory",1],"context":{', "schema", 9, "a", "label"],
    ["a key twice", '"title":"t"', '"title":"t","title":"t"', "duplicate-key", 9, undefined, "title"],
    [
      "a key twice, deep inside",
      '"project_path":"/p"',
      '"project_path":"/p","project_path":"/p"',
      "duplicate-key",
      9,
      undefined,
      "project_path"
    ],
    ["a memory that is none", '{"id":"b"', '1,{"id":"b"', "schema", 10, undefined, "object"],
    ["broken JSON", '"title":"t"', '"title":t', "syntax", 9, undefined, "JSON"],
    ["a comma too many", '"nodes":[', '"nodes":[,', "syntax", 12, undefined, "value"],
    [
      "a relationship among the nodes",
      '{"node":"e","labels":["Entity"],',
      '{"relationship":null,"type":"T","from":"a","to":"b",',
      "schema",
      13,
      "(a)-[T]->(b)",
      "kind"
    ],
    ["a field of no node", '"labels":["Entity"]', '"labels":["Entity"],"x":1', "schema", 13, "e", "x"],
    ["a key twice in a node", '"name":"x"', '"name":"x","name":"x"', "duplicate-key", 13, undefined, "name"],
    ["a field of no relationship", '"strength"', '"strong"', "schema", 16, "r", "strong"],
    ["no end", '"to_memory_id":"b",', "", "schema", 16, "r", "to_memory_id"],
    [
      "properties that are no object",
      '"properties":{"strength":0.5}',
      '"properties":1',
      "schema",
      16,
      "r",
      "properties"
    ],
    ["an unknown member", '"memories":[', '"extras":[],"memories":[', "schema", 8, undefined, "extras"],
    ["a member twice", '"nodes":[', '"nodes":[],"nodes":[', "duplicate-key", 12, undefined, "nodes"],
    ["a list that is none", '"nodes":[', '"nodes":{},"x":[', "schema", 12, undefined, "nodes"],
    ["a count that is none", '"memory_count":2', '"memory_count":"2"', "schema", 6, undefined, "memory_count"],
    [
      "another export_version",
      '"export_version":"1.0"',
      '"export_version":"1.1"',
      "schema",
      3,
      undefined,
      "export_version"
    ],
    ["NaN in the header", '"memory_count":2', '"memory_count":NaN', "syntax", 6, undefined, "NaN"],
    ["text after the end", "}\n}\n", "}\n}\n{}", "syntax", 23, undefined, "after"]
  ] as const)("%s", async (_what, from, to, reason, line, key, named) => {
    const error = await refused(changed(from, to))
    expect([error.reason, error.line, error.key]).toEqual([reason, line, key])
    expect(error.message).toContain(named)
    expect(error.message).toContain("Nothing was written.")
  })

  it.each(["export_date", "memories", "nodes", "node_relationships", "integrity"])("without %s", async (name) => {
    const { [name]: _gone, ...rest } = JSON.parse(text) as { readonly [name: string]: unknown }
    const error = await refused(JSON.stringify(rest))
    expect(error.reason).toBe("schema")
    expect(error.message).toContain(name)
  })

  it("lets null stand for nothing, and fields be left out that extra_properties say", async () => {
    const lenient = changed('"importance":0.5', '"summary":null,"effectiveness":null,"importance":0.5')
      .replace('"created_at":"2025-01-01T00:00:00Z",', "")
      .replace('"id":"b"', '"labels":["Memory"],"id":"b"')
    expect(await collect(readJson(fileOf(lenient)))).toHaveLength(5)
  })
})

describe("a document of another version is refused, with what to do", () => {
  it("2.0, as the other programs write it", async () => {
    for (const name of ["python-export-small.json", "ts-export-small.json"]) {
      const error = await refusal(readJson(fixture(name)))
      expect(error.reason).toBe("unsupported-version")
      expect(error.message).toContain("lack relationships and fields: migrate from the store itself")
    }
  })

  it("1.0, which knew no format_version, and later ones", async () => {
    const first = JSON.stringify({ export_version: "1.0", memories: [], relationships: [] })
    expect((await refused(first)).message).toContain("format 1.0")
    expect((await refused(first)).reason).toBe("unsupported-version")
    for (const version of ['"2.2"', '"3.0"', "2.1"]) {
      const error = await refused(changed('"format_version":"2.1"', `"format_version":${version}`))
      expect(error.reason).toBe("unsupported-version")
      expect(error.message).not.toContain("lack relationships")
    }
  })

  it("anything else", async () => {
    expect((await refused('{"name":"package","version":"1.0"}')).reason).toBe("unknown-format")
    expect((await refused("[]")).reason).toBe("syntax")
    expect((await refused("")).reason).toBe("truncated")
    expect((await refusal(readJson(freshPath("absent")))).reason).toBe("not-found")
  })
})
