import { spawnSync } from "node:child_process"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as FastCheck from "effect/FastCheck"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as fs from "node:fs"
import * as nodePath from "node:path"
import * as zlib from "node:zlib"
import { describe, expect, it } from "vitest"
import { canonicalLine } from "../../src/domain/Canonical.ts"
import { type GraphRecord, node, relationship } from "../../src/domain/Graph.ts"
import { Temporal } from "../../src/domain/PropertyValue.ts"
import { JsonDocument, readJson, writeJson } from "../../src/document/json.ts"
import { jsonSchema } from "../../src/document/json-schema.ts"
import { collect, exportTo, fileOf, fingerprintOf, freshPath, pythonSmall, SEED, wildGraph } from "./support.ts"

const linesOf = (records: Iterable<GraphRecord>) => [...records].map(canonicalLine).sort()

/** What a 2.0 reader finds in a document. */
interface Parsed {
  readonly memory_count: number
  readonly relationship_count: number
  readonly memories: ReadonlyArray<{ readonly [name: string]: unknown }>
  readonly relationships: ReadonlyArray<{ readonly [name: string]: unknown }>
}

const exported = async (records: ReadonlyArray<GraphRecord>) => {
  const path = freshPath()
  const summary = await exportTo(path, records)
  const text = fs.readFileSync(path, "utf8")
  return { path, summary, text, document: JSON.parse(text) as Parsed }
}

/** A memory as the programs write one. */
const memory = (key: string, more: object = {}) =>
  node(key, ["Memory"], { id: key, type: "task", title: "t", content: "c", importance: 0.5, ...more })

/** What is written of a single memory. */
const viewOf = async (more: object) => (await exported([memory("a", more)])).document.memories[0]

describe("a round trip", () => {
  it("is exact for any graph, and valid by the document's schema", async () => {
    const isDocument = Schema.decodeUnknownEither(JsonDocument, { onExcessProperty: "error" })
    await FastCheck.assert(
      FastCheck.asyncProperty(wildGraph, async (records) => {
        const { document, path, summary, text } = await exported(records)
        expect(linesOf(await collect(readJson(path)))).toEqual(linesOf(records))
        expect(summary.fingerprint).toEqual(fingerprintOf(records))
        expect(text.isWellFormed()).toBe(true)
        expect(document.memory_count).toBe(document.memories.length)
        expect(document.relationship_count).toBe(document.relationships.length)
        expect(Either.isRight(isDocument(document))).toBe(true)
        fs.rmSync(path)
      }),
      { seed: SEED, numRuns: 200 }
    )
  })

  it("is exact for a real store, whose properties the fields give back one and all", async () => {
    const records = pythonSmall()
    const { path, summary, text } = await exported(records)
    expect(summary).toMatchObject({ memories: 30, nodes: 0, relationships: 60, nodeRelationships: 0 })
    expect(text).not.toContain("extra_properties")
    expect(linesOf(await collect(readJson(path)))).toEqual(linesOf(records))
  })

  it("is exact for no records at all, and packed", async () => {
    const { path } = await exported([])
    expect(await collect(readJson(path))).toEqual([])
    const packed = freshPath("document.json.gz")
    await exportTo(packed, pythonSmall())
    expect(fs.readFileSync(packed).subarray(0, 2)).toEqual(Buffer.from([0x1f, 0x8b]))
    expect(linesOf(await collect(readJson(packed)))).toEqual(linesOf(pythonSmall()))
  })

  it("survives any layout and any order of members", async () => {
    const records = [...pythonSmall(), node("e", ["Entity"], {}), relationship(null, "e", "MENTIONS", "e", {})]
    const { text } = await exported(records)
    const exact = JSON as unknown as { readonly rawJSON: (text: string) => unknown }
    const keepNumber = (_name: string, value: unknown, context?: { readonly source: string }) =>
      typeof value === "number" && context !== undefined ? exact.rawJSON(context.source) : value
    const document = JSON.parse(text, keepNumber) as object
    const reversed = Object.fromEntries(Object.entries(document).reverse())
    for (const form of [document, reversed]) {
      for (const indent of [0, 2, "\t"]) {
        for (const bom of ["", "\ufeff"]) {
          const back = await collect(
            readJson(fileOf(bom + JSON.stringify(form, null, indent).replaceAll("\n", "\r\n")))
          )
          expect(linesOf(back)).toEqual(linesOf(records))
          const firstLink = back.findIndex((record) => record._tag === "Relationship")
          expect(back.slice(firstLink).every((record) => record._tag === "Relationship")).toBe(true)
        }
      }
    }
  })
})

describe("a document", () => {
  it("begins with its header and has one record a line", async () => {
    const { text } = await exported([
      memory("a"),
      memory("b"),
      node("e", ["Entity"], {}),
      relationship(null, "a", "SOLVES", "b", {})
    ])
    expect(text.split("\n").map((line) => line.slice(0, 30))).toEqual(
      [
        "{",
        '"format_version":"2.1",',
        '"export_version":"1.0",',
        '"export_date":"2026-11-22T12:00',
        '"backend_type":"sqlite",',
        '"memory_count":2,',
        '"relationship_count":1,',
        '"memories":[',
        '{"id":"a","type":"task","title',
        '{"id":"b","type":"task","title',
        "],",
        '"nodes":[',
        '{"node":"e","labels":["Entity"',
        "],",
        '"relationships":[',
        '{"from_memory_id":"a","to_memo',
        "],",
        '"node_relationships":[',
        "],",
        '"integrity":{"nodes":{"count":',
        "}",
        ""
      ].map((line) => line.slice(0, 30))
    )
  })

  it("is private, and leaves nothing beside it", async () => {
    const { path } = await exported(pythonSmall())
    expect(fs.statSync(path).mode & 0o777).toBe(0o600)
    expect(fs.readdirSync(nodePath.dirname(path))).toEqual(["document.json"])
  })

  it("leaves nothing at all where its records fail", async () => {
    const path = freshPath()
    const records = Stream.concat(Stream.make(memory("a")), Stream.fail("no"))
    const run = writeJson({ output: { path }, backend: "sqlite", exportedAt: "", records })
    expect(await Effect.runPromise(Effect.flip(run))).toBe("no")
    expect(fs.readdirSync(nodePath.dirname(path))).toEqual([])
  })

  it("is not even begun where its place is taken", async () => {
    const path = fileOf("mine")
    let asked = false
    const records = Stream.sync((): GraphRecord => {
      asked = true
      return memory("a")
    })
    const run = writeJson({ output: { path }, backend: "sqlite", exportedAt: "", records })
    expect(await Effect.runPromise(Effect.flip(run))).toMatchObject({ _tag: "FileFailed", reason: "exists" })
    expect([asked, fs.readFileSync(path, "utf8")]).toEqual([false, "mine"])
  })

  it("keeps relationships between memories apart from those that touch other nodes", async () => {
    const records = [
      memory("a"),
      node("untitled", ["Memory"], { id: "untitled", type: "task", content: "c" }),
      node("e", ["Entity"], { name: "x" }),
      relationship("1", "a", "SOLVES", "a", { id: "1" }),
      relationship("2", "a", "MENTIONS", "e", { id: "2" }),
      relationship("3", "untitled", "SOLVES", "a", { id: "3" })
    ]
    const { document, summary } = await exported(records)
    expect(summary).toMatchObject({ memories: 1, nodes: 2, relationships: 1, nodeRelationships: 2 })
    expect(document.memories.map(({ id }) => id)).toEqual(["a"])
    expect(document.relationships.map(({ id }) => id)).toEqual(["1"])
  })

  it("shows context as 2.0 did, and properties that no field gives back exactly under extra_properties", async () => {
    expect(await viewOf({})).not.toHaveProperty("context")
    expect(await viewOf({})).not.toHaveProperty("extra_properties")
    const context = {
      context_files_involved: "[]",
      context_languages: ["c"],
      context_frameworks: [],
      context_additional_metadata: '{"a": [1, 2.5, null], "\\u65e5": 1.0}',
      context_timestamp: new Temporal("dateTime", "2025-01-01T00:00:00.5+01:00[Europe/Berlin]"),
      context_function_name: "f"
    }
    expect(await viewOf(context)).toMatchObject({
      context: {
        files_involved: [],
        languages: ["c"],
        frameworks: [],
        additional_metadata: { a: [1, 2.5, null], 日: 1 },
        timestamp: "2025-01-01T00:00:00.5+01:00"
      },
      extra_properties: {
        context_frameworks: [],
        context_timestamp: { $dateTime: "2025-01-01T00:00:00.5+01:00[Europe/Berlin]" },
        context_function_name: "f"
      }
    })
    expect(await viewOf({ importance: Number.NaN, tags: ["a", 1n], usage_count: 2n ** 70n })).toEqual({
      id: "a",
      type: "task",
      title: "t",
      content: "c",
      extra_properties: {
        importance: { $float: "NaN" },
        tags: ["a", 1],
        usage_count: { $integer: String(2n ** 70n) }
      }
    })
  })

  it("has the node's key as a memory's id, whatever its id property is", async () => {
    const generated = (id: object) =>
      node("key", ["Memory", "Extra"], { type: "task", title: "t", content: "c", ...id })
    for (const [id, shown] of [
      [{}, null],
      [{ id: 7n }, 7],
      [{ id: "other" }, "other"]
    ] as const) {
      const { document, path } = await exported([generated(id)])
      expect(document.memories[0]).toMatchObject({
        id: "key",
        labels: ["Extra", "Memory"],
        extra_properties: { id: shown }
      })
      expect(linesOf(await collect(readJson(path)))).toEqual(linesOf([generated(id)]))
    }
  })

  it("can go to a stream", async () => {
    const path = freshPath()
    const writable = fs.createWriteStream(path)
    const records = Stream.fromIterable(pythonSmall())
    await Effect.runPromise(writeJson({ output: { writable }, backend: "sqlite", exportedAt: "", records }))
    expect(linesOf(await collect(readJson(path)))).toEqual(linesOf(pythonSmall()))
  })
})

describe("its JSON Schema", () => {
  it("is 2020-12, closed, and asks for every member", () => {
    expect(jsonSchema.$schema).toBe("https://json-schema.org/draft/2020-12/schema")
    expect(jsonSchema).toMatchObject({
      $defs: {
        JsonDocument: {
          additionalProperties: false,
          required: expect.arrayContaining(["memories", "nodes", "integrity"])
        },
        DocumentMemory: { additionalProperties: false, required: ["id", "type", "title", "content"] }
      }
    })
  })
})

describe("what a 2.0 reader skips", () => {
  it("is counted, with the reasons", async () => {
    const records = [
      memory("a"),
      memory("b", { type: "insight" }),
      memory("c", { title: "😀".repeat(201) }),
      memory("d", { title: "😀".repeat(200) }),
      memory("e", { context_visibility: "all" }),
      memory("f", { importance: 1.5 }),
      node("g", ["Entity"], {}),
      relationship("1", "a", "SOLVES", "d", { id: "1" }),
      relationship("2", "a", "MENTIONS", "d", { id: "2" }),
      relationship("3", "a", "SOLVES", "b", { id: "3" }),
      relationship("4", "a", "SOLVES", "g", { id: "4" })
    ]
    expect((await exported(records)).summary.legacy).toEqual({
      memories: 4,
      relationships: 2,
      nodes: 1,
      nodeRelationships: 1,
      reasons: {
        "unknown memory type": 1,
        "title longer than 200 characters": 1,
        "unknown visibility": 1,
        "score outside 0 to 1": 1,
        "unknown relationship type": 1,
        "relationship of a skipped memory": 1
      }
    })
  })

  // The Python program itself: `pip install 'memorygraphmcp==0.12.4' 'mcp<2'`, its `memorygraph` named by this setting.
  it("is nothing of a real store: the Python program imports all of it", async (context) => {
    const tool = process.env["MEMORYGRAPH_PYTHON_TOOL"]
    if (tool === undefined)
      return context.skip("not run: MEMORYGRAPH_PYTHON_TOOL names no folder of the Python program")
    const program = nodePath.join(tool, "memorygraph")
    const { path, summary } = await exported(pythonSmall())
    expect(summary.legacy).toMatchObject({ memories: 0, relationships: 0 })
    const store = freshPath("imported.db")
    const run = spawnSync(program, ["import", "--format", "json", "--input", path], {
      encoding: "utf8",
      env: {
        HOME: nodePath.dirname(store),
        MEMORY_BACKEND: "sqlite",
        MEMORY_SQLITE_PATH: store,
        MEMORY_ALLOW_CYCLES: "true"
      }
    })
    expect(run.stderr + run.stdout).toContain("Imported: 30 memories, 60 relationships")
    expect(run.stderr + run.stdout).not.toContain("Skipped:")
  })
})

it("reads gzip by its content, not by its name", async () => {
  const { text } = await exported(pythonSmall())
  expect(linesOf(await collect(readJson(fileOf(zlib.gzipSync(text), "plain.json"))))).toEqual(linesOf(pythonSmall()))
})
