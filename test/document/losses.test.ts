/** What a document lacks is said where people look: in the plan's warnings, of exports and of imports. */
import * as Effect from "effect/Effect"
import * as fs from "node:fs"
import * as nodePath from "node:path"
import { describe, expect, it } from "vitest"
import { Losses } from "../../src/document/losses.ts"
import { type DocumentFormat, DOCUMENT_FORMATS } from "../../src/document/write.ts"
import { openDocument } from "../../src/document/read.ts"
import { exportStore } from "../../src/migration/exportStore.ts"
import { importRecords } from "../../src/migration/migrate.ts"
import * as MemoryBackend from "../../src/testing/MemoryBackend.ts"
import { fingerprintOf, fixture, freshPath, pythonSmall } from "./support.ts"

const stateFolder = nodePath.dirname(freshPath())

const store = (records: ReturnType<typeof pythonSmall>) => {
  const made = new MemoryBackend.MemoryStore("store")
  for (const tag of ["Node", "Relationship"]) {
    made.graph.apply({ create: records.filter(({ _tag }) => _tag === tag), overwrite: [] })
  }
  return made
}

const exported = async (format: DocumentFormat, name: string) => {
  const path = freshPath(name)
  const report = await Effect.runPromise(
    Effect.scoped(
      Effect.flatMap(MemoryBackend.make({ store: store(pythonSmall()) }), (backend) =>
        exportStore(backend, { stateFolder, format, output: { path } })
      )
    )
  )
  return { path, report }
}

const imported = async (path: string) => {
  const target = store([])
  const report = await Effect.runPromise(
    Effect.scoped(
      Effect.gen(function* () {
        const document = yield* openDocument(path, "auto")
        return yield* importRecords(document, yield* MemoryBackend.make({ store: target }), { stateFolder })
      })
    )
  )
  return { report, records: [...target.graph.records("nodes"), ...target.graph.records("relationships")] }
}

describe("a loss report", () => {
  it("counts everything, and names the first of each", () => {
    const losses = new Losses()
    expect(losses.sentences()).toEqual([])
    for (let n = 0; n < 1000; n++) {
      losses.add("left out", `r${n}`)
      losses.addName("become text", `p${n % 150}`)
    }
    losses.note("A sentence")
    const [first, names, records, ...more] = losses.sentences()
    expect([first, records, more]).toEqual(["A sentence", "left out: 1000 record(s), first r0, r1, r2", []])
    expect(names).toMatch(/^become text: p0 7, p1 7, .*, p99 7 and others 300 record\(s\)$/)
  })
})

describe("an export", () => {
  it.each(["json", "jsonl", "markdown"] as const)("to %s is complete, and says nothing else", async (format) => {
    const { path, report } = await exported(format, `export.${format}`)
    expect(report.plan?.warnings).toEqual([])
    const { records, report: back } = await imported(path)
    expect(fingerprintOf(records)).toEqual(fingerprintOf(pythonSmall()))
    expect(back.plan?.warnings).toEqual([])
    expect(back.verification?.mode).toBe("full")
  })

  it("to memory.jsonl says what that lacks, and is not called verified", async () => {
    const { report } = await exported("mcp-memory", "memory.jsonl")
    expect(report.plan?.warnings[0]).toContain("no backup of this graph")
    expect(report.plan?.warnings).toContainEqual(
      expect.stringMatching(/^properties of relationships, left out: .*strength 58/)
    )
    expect(report.verification).toBeNull()
  })

  it("to Cypher says nothing where nothing is lost", async () => {
    const { path, report } = await exported("cypher", "graph.cypher")
    expect(report.plan?.warnings).toEqual([])
    expect(fs.readFileSync(path, "utf8")).toContain("as Cypher for neo4j")
  })

  it("has tests for every format", () => {
    expect([...DOCUMENT_FORMATS]).toEqual(["json", "jsonl", "markdown", "mcp-memory", "cypher"])
  })
})

describe("an import of another program's file", () => {
  it.each([
    ["python-export-small.json", 85, "relationship without an id: 55"],
    ["ts-export-small.json", 70, "relationship without an id: 40"],
    ["python-export-md", 28, "line about a relationship, which does not tell which way it leads, left out: 106"],
    ["ts-export-md", 29, "line about a relationship, which does not tell which way it leads, left out: 77"]
  ])("%s says what it lacks", async (name, count, warning) => {
    const { records, report } = await imported(fixture(name))
    expect(records).toHaveLength(count)
    expect(report.plan?.warnings).toContainEqual(expect.stringContaining(warning))
  })
})
