import * as Effect from "effect/Effect"
import * as zlib from "node:zlib"
import { describe, expect, it } from "vitest"
import { detectFormat } from "../../src/document/detect.ts"
import { TAR_END, tarHeader } from "../../src/document/tar-write.ts"
import { exportTo, fileOf, fixture, freshPath, pythonSmall } from "./support.ts"

const detect = (path: string) => Effect.runPromise(detectFormat(path))

const jsonl = '{"memorygraph":"jsonl","version":1}\n'

describe("detectFormat", () => {
  it("knows our documents by their content, packed or not, whatever they are called", async () => {
    const path = freshPath("memories.txt")
    await exportTo(path, pythonSmall())
    expect(await detect(path)).toBe("json")
    const packed = freshPath("memories.json.gz")
    await exportTo(packed, pythonSmall())
    expect(await detect(packed)).toBe("json")
    expect(await detect(fileOf(jsonl, "memories.json"))).toBe("jsonl")
    expect(await detect(fileOf(zlib.gzipSync(jsonl)))).toBe("jsonl")
  })

  it("knows the documents of the other programs, re-indented ones, and JSONL that lost its header", async () => {
    expect(await detect(fixture("python-export-small.json"))).toBe("json")
    expect(await detect(fixture("ts-export-small.json"))).toBe("json")
    expect(await detect(fileOf('\ufeff \r\n {\n\t"backend_type" :1}'))).toBe("json")
    expect(await detect(fileOf('{ "node": "a","labels":[],"properties":{}}'))).toBe("jsonl")
  })

  it("knows a folder, a tar archive and the MCP memory server's file", async () => {
    expect(await detect(fixture("python-export-md"))).toBe("markdown")
    const tar = Buffer.concat([tarHeader("memorygraph/index.md", 0, 0), TAR_END])
    expect(await detect(fileOf(tar, "x.json"))).toBe("markdown")
    expect(await detect(fileOf(zlib.gzipSync(tar), "x.json.gz"))).toBe("markdown")
    const entity = '{"type":"entity","name":"a","entityType":"x","observations":[]}'
    expect(await detect(fileOf(`\ufeff\r\n${entity}\n`))).toBe("mcp-memory")
    expect(await detect(fileOf('{"relationType":"x","type": "relation","from":"a","to":"b"}'))).toBe("mcp-memory")
    expect(await detect(fileOf(`{"type":"entity","name":"${"x".repeat(9000)}"}`))).toBe("mcp-memory")
    // The words alone make none.
    expect(await detect(fileOf(`{"memories":[${entity}]}`))).toBe("json")
    expect(await detect(fileOf('{"type":"module","entityType":1}'))).toBe("unknown")
  })

  it("knows what it does not know", async () => {
    expect(await detect(fixture("python-small.db"))).toBe("unknown")
    expect(await detect(fixture("falkordblite-small.fdb"))).toBe("unknown")
    for (const text of [
      "",
      "{}",
      "[]",
      "---\ntitle: x\n---\n",
      '{"name":"package"}',
      '"format_version":',
      "{".repeat(9000)
    ]) {
      expect(await detect(fileOf(text))).toBe("unknown")
    }
  })

  it("fails where there is no file", async () => {
    expect(await Effect.runPromise(Effect.flip(detectFormat(freshPath("absent"))))).toMatchObject({
      reason: "not-found"
    })
  })
})
