import * as fs from "node:fs"
import * as zlib from "node:zlib"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { expect, it } from "vitest"
import { JsonlEncoder } from "../../src/document/jsonl.ts"
import { writeMarkdown } from "../../src/document/markdown-write.ts"
import { statedTotal } from "../../src/document/stated-total.ts"
import { node } from "../../src/domain/Graph.ts"
import { exportTo, fileOf, fixture, freshPath, pythonSmall } from "./support.ts"

const RECORDS = [...pythonSmall(), node("e", ["Entity"], { id: "e" })]

const written = async (name: string): Promise<string> => {
  const path = freshPath(name)
  const [nodes, links] = [RECORDS.filter(({ _tag }) => _tag === "Node"), RECORDS.filter(({ _tag }) => _tag !== "Node")]
  const records = [...nodes, ...links]
  if (name.endsWith(".json")) await exportTo(path, records)
  else if (name.endsWith(".jsonl")) {
    const encoder = new JsonlEncoder()
    const header = encoder.header({ created: "2026-11-29T12:00:00.000Z", generator: "test", backend: "sqlite" })
    fs.writeFileSync(path, header + encoder.records(records) + encoder.footer().text)
  } else {
    const options = { backend: "sqlite", exportedAt: "2026-11-29T12:00:00.000Z", records: Stream.fromIterable(records) }
    await Effect.runPromise(writeMarkdown({ output: { path }, ...options }))
  }
  return path
}

it.each(["graph.json", "graph.jsonl", "folder", "pages.tar"])("%s says how many records it holds", async (name) => {
  expect(await Effect.runPromise(statedTotal(await written(name)))).toBe(91)
})

it("an export of the Python program says it too", async () => {
  const { memories, relationships } = JSON.parse(fs.readFileSync(fixture("python-export-small.json"), "utf8"))
  const total = await Effect.runPromise(statedTotal(fixture("python-export-small.json")))
  expect(total).toBe(memories.length + relationships.length)
})

it("what says nothing, is packed or is not there has no total, and is no error", async () => {
  const files = [
    fileOf(""),
    fileOf("{}"),
    fileOf(zlib.gzipSync('{"memory_count":1,"relationship_count":2}')),
    "/no/where"
  ]
  for (const file of files) expect(await Effect.runPromise(statedTotal(file))).toBeUndefined()
})
