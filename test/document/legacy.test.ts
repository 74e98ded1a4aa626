/** The exports of the other MemoryGraph programs: the fixtures, which they wrote, and what can be wrong with them. */
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as fs from "node:fs"
import * as nodePath from "node:path"
import * as zlib from "node:zlib"
import { describe, expect, it } from "vitest"
import { canonicalLine, canonicalValue } from "../../src/domain/Canonical.ts"
import type { GraphRecord, Node } from "../../src/domain/Graph.ts"
import { openDocument } from "../../src/document/read.ts"
import { fileOf, fixture, fingerprintOf, freshPath, pythonSmall, refusal } from "./support.ts"

const read = (path: string) =>
  Effect.runPromise(
    Effect.gen(function* () {
      const document = yield* openDocument(path, "auto")
      const records = Chunk.toReadonlyArray(yield* Stream.runCollect(document.records))
      return { ...document, records, losses: yield* document.losses }
    })
  )

const refused = async (path: string) =>
  refusal(Stream.unwrap(Effect.map(openDocument(path, "auto"), ({ records }) => records)))

const nodes = (records: ReadonlyArray<GraphRecord>) =>
  records.filter((record): record is Node => record._tag === "Node")
const lossOf = (losses: ReadonlyArray<string>, what: string) => losses.find((sentence) => sentence.startsWith(what))

describe("JSON 2.0", () => {
  it("of the Python program gives what stands in it, with the store's very values", async () => {
    const { losses, records } = await read(fixture("python-export-small.json"))
    const store = new Map(pythonSmall().map((record) => [record.key, record]))
    expect(nodes(records)).toHaveLength(30)
    expect(records).toHaveLength(85)
    for (const memory of nodes(records)) {
      for (const [name, value] of Object.entries(memory.properties)) {
        const stored = store.get(memory.key)?.properties[name]
        // The program writes tags in lower case, which the report says.
        const shown = stored === undefined ? undefined : canonicalValue(stored)
        expect([memory.key, name, canonicalValue(value)]).toEqual([
          memory.key,
          name,
          name === "tags" ? shown?.toLowerCase() : shown
        ])
      }
    }
    expect(losses[0]).toContain("tags in lower case")
    expect(losses[0]).toContain("cannot hold invalidated relationships")
    expect(lossOf(losses, "relationship without an id")).toContain(": 55 record(s), first (")
    expect(lossOf(losses, "relationship without created_at, valid_from, recorded_at")).toContain(": 55 record(s)")
    expect(losses).toHaveLength(3)
  })

  it("makes up no value: a record has the properties that stand in the file and its id", async () => {
    const memory = '{"id":"a","type":"task","title":"t","content":"c","summary":null,"importance":1}'
    const link = '{"from_memory_id":"a","to_memory_id":"a","type":"SOLVES","properties":{"context":null}}'
    const { losses, records } = await read(
      fileOf(`{"format_version":"2.0","memories":[${memory}],"relationships":[${link}]}`)
    )
    expect(records.map(canonicalLine)).toEqual([
      '{"node":"a","labels":["Memory"],"properties":{"content":"c","id":"a","importance":1,"title":"t","type":"task"}}',
      '{"relationship":null,"type":"SOLVES","from":"a","to":"a","properties":{}}'
    ])
    expect(losses.slice(1)).toEqual([
      "memory without created_at, updated_at: 1 record(s), first a",
      "relationship without an id: 1 record(s), first (a)-[SOLVES]->(a)",
      "relationship without created_at, valid_from, recorded_at: 1 record(s), first (a)-[SOLVES]->(a)"
    ])
  })

  it("of the TypeScript port, packed, read twice: the same, and the losses are not counted twice", async () => {
    const packed = fileOf(zlib.gzipSync(fs.readFileSync(fixture("ts-export-small.json"))), "export.json.gz")
    const document = await Effect.runPromise(openDocument(packed, "auto"))
    const once = async () => {
      const records = Chunk.toReadonlyArray(await Effect.runPromise(Stream.runCollect(document.records)))
      return { fingerprint: fingerprintOf(records), losses: await Effect.runPromise(document.losses) }
    }
    const first = await once()
    expect(first.fingerprint.nodes.count).toBe(30)
    expect(first.fingerprint.relationships.count).toBe(40)
    expect(await once()).toEqual(first)
  })

  it("of format 1, which has no format_version, in any order, with fields that nobody knows", async () => {
    const link = '{"from_memory_id":"a","to_memory_id":"b","type":"SOLVES","properties":{"weight":1.0}}'
    const lost = '{"from_memory_id":"a","to_memory_id":"gone","type":"SOLVES","properties":{}}'
    const memory = (id: string, more = "") => `{"id":"${id}","type":"task","title":"t","content":"c"${more}}`
    const { losses, records } = await read(
      fileOf(
        `\ufeff{"relationships":[${link},${lost}],\r\n"memories":[${memory("a", ',"mood":{"$x":[1,null]},"context":{"environment":"prod"}')},${memory("b")}],"export_version":"1.0"}`
      )
    )
    expect(records.map(canonicalLine)).toEqual([
      '{"node":"a","labels":["Memory"],"properties":{"content":"c","context_environment":"prod","id":"a","mood":{"$map":{"$x":[1,null]}},"title":"t","type":"task"}}',
      '{"node":"b","labels":["Memory"],"properties":{"content":"c","id":"b","title":"t","type":"task"}}',
      '{"relationship":null,"type":"SOLVES","from":"a","to":"b","properties":{"weight":1.0}}'
    ])
    expect(losses).toContain(
      "relationship whose memory the document does not hold, left out: 1 record(s), first (a)-[SOLVES]->(gone)"
    )
    expect(losses).toContainEqual(
      expect.stringMatching(/^fields that the format does not know, kept as properties: .*mood 1/)
    )
  })

  const small = (change: (text: string) => string) =>
    fileOf(
      change(
        '{\n"format_version":"2.0",\n"memory_count":1,\n"relationship_count":0,\n"memories":[\n{"id":"a","type":"task","title":"t","content":"c"}],\n"relationships":[]\n}'
      )
    )

  it.each([
    ["a count that is not its", (text: string) => text.replace(':1,\n"rel', ':2,\n"rel'), "counts", 3],
    ["a list that is missing", (text: string) => text.replace(',\n"relationships":[]', ""), "schema", undefined],
    ["a member of 2.1", (text: string) => text.replace(',\n"mem', ',\n"nodes":[],"mem'), "schema", 3],
    ["a field of 2.1", (text: string) => text.replace(',"title"', ',"extra_properties":{},"title"'), "schema", 6],
    ["a memory without content", (text: string) => text.replace(',"content":"c"', ""), "schema", 6],
    ["a title that is a number", (text: string) => text.replace('"title":"t"', '"title":1'), "schema", 6],
    ["a key that stands twice", (text: string) => text.replace('"id":"a"', '"id":"a","id":"b"'), "duplicate-key", 6],
    [
      "a memory that stands twice",
      (text: string) => text.replace("[\n{", '[\n{"id":"a","type":"task","title":"t","content":"c"},{'),
      "duplicate-record",
      6
    ],
    ["a bare NaN in the header", (text: string) => text.replace(':1,\n"rel', ':NaN,\n"rel'), "syntax", 3],
    ["a float out of range", (text: string) => text.replace('"content"', '"importance":1e999,"content"'), "syntax", 6],
    ["an end that is missing", (text: string) => text.slice(0, -3), "truncated", undefined],
    [
      "two fields for one property",
      (text: string) => text.replace('"content"', '"context_visibility":"x","context":{"visibility":"y"},"content"'),
      "schema",
      6
    ]
  ])("is refused with %s", async (_what, change, reason, line) => {
    const error = await refused(small(change))
    expect(error.reason).toBe(reason)
    if (line !== undefined) expect(error).toMatchObject({ line, message: expect.stringContaining(`line ${line}`) })
    expect(error.message).toContain("Nothing was written.")
  })

  it("keeps __proto__ as any other name", async () => {
    const { records } = await read(small((text) => text.replace('"content"', '"__proto__":{"x":1},"content"')))
    expect(canonicalLine(records[0] as Node)).toContain('"__proto__":{"x":1}')
    expect(Object.getPrototypeOf(records[0]?.properties)).toBe(Object.prototype)
  })

  it("is not what a 2.1 document becomes by a changed digit", async () => {
    const path = freshPath()
    const { exportTo } = await import("./support.ts")
    await exportTo(path, pythonSmall())
    const text = fs.readFileSync(path, "utf8")
    const changed = fileOf(text.replace('"format_version":"2.1"', '"format_version":"2.0"'))
    expect((await refused(changed)).reason).toBe("schema")
  })
})

describe("Markdown of the other programs", () => {
  it.each([
    ["python", 28, 106],
    ["ts", 29, 77]
  ])("%s: the memories are those of the JSON export, as far as the files show them", async (name, count, lines) => {
    const json = new Map(
      (await read(fixture(`${name}-export-small.json`))).records.map((record) => [record.key, record])
    )
    const { format, losses, records } = await read(fixture(`${name}-export-md`))
    expect([format, records.length, nodes(records).length]).toEqual(["markdown", count, count])
    for (const { key, properties } of nodes(records)) {
      const expected = json.get(key)?.properties ?? {}
      for (const [property, value] of Object.entries(properties)) {
        expect([key, property, canonicalValue(value)]).toEqual([
          key,
          property,
          canonicalValue(expected[property] ?? null)
        ])
      }
      const hidden = Object.keys(expected).filter((property) => !Object.hasOwn(properties, property))
      expect(hidden.filter((property) => !property.startsWith("context_"))).toEqual([])
    }
    expect(losses[0]).toContain("neither relationships")
    expect(lossOf(losses, "line about a relationship")).toContain(`: ${lines} record(s)`)
  })

  const folderOf = (files: { readonly [name: string]: string | Uint8Array }) => {
    const folder = freshPath("folder")
    fs.mkdirSync(folder)
    for (const [name, content] of Object.entries(files)) fs.writeFileSync(nodePath.join(folder, name), content)
    return folder
  }
  const hostile = fs.readFileSync(
    nodePath.join(fixture("python-export-md"), "Markdown-hostile___link__x___b__---__h_12bca918.md"),
    "utf8"
  )

  it("takes a byte order mark and CRLF, and says that the content's line ends changed with them", async () => {
    const { losses, records } = await read(folderOf({ "a.md": `\ufeff${hostile.replaceAll("\n", "\r\n")}` }))
    const { records: plain } = await read(folderOf({ "a.md": hostile }))
    expect(records.map(canonicalLine)).toEqual(plain.map(canonicalLine))
    expect(lossOf(losses, "file whose line ends were changed")).toBeDefined()
  })

  it("counts files that are no memories, and passes over those whose names begin with a dot", async () => {
    const { losses, records } = await read(folderOf({ "a.md": hostile, "b.png": "x", ".DS_Store": "x" }))
    expect(records).toHaveLength(1)
    expect(losses).toContain("file that is no memory, left out: 1 record(s), first b.png")
  })

  it.each([
    ["a field missing", { "a.md": hostile.replace(/\nconfidence: .*/, "") }, "schema"],
    ["a number that is none", { "a.md": hostile.replace("importance: 0.5", "importance: high") }, "schema"],
    ["front matter that does not end", { "a.md": hostile.slice(0, 150) }, "schema"],
    ["no content", { "a.md": hostile.slice(0, hostile.indexOf("## Content")) }, "schema"],
    ["bytes that are not UTF-8", { "a.md": Buffer.concat([Buffer.from(hostile), Buffer.of(0xff)]) }, "not-utf8"],
    ["two files of one memory", { "a.md": hostile, "b.md": hostile }, "duplicate-record"],
    ["another Markdown file among them", { "a.md": hostile, "README.md": "# Read me\n" }, "schema"],
    ["nothing of ours", { "README.md": "# Read me\n" }, "unknown-format"]
  ])("is refused with %s", async (_what, files, reason) => {
    const error = await refused(folderOf(files))
    expect(error.reason).toBe(reason)
    expect(error.message).toContain("Nothing was written.")
  })

  it.skipIf(process.platform === "win32")("is refused with a symbolic link or a folder in it", async () => {
    const folder = folderOf({ "a.md": hostile })
    fs.symlinkSync("/etc/passwd", nodePath.join(folder, "b.md"))
    expect((await refused(folder)).message).toContain("b.md: it is a symbolic link")
    fs.rmSync(nodePath.join(folder, "b.md"))
    fs.mkdirSync(nodePath.join(folder, "b.md"))
    expect((await refused(folder)).message).toContain("b.md: it is no file")
  })
})
