import * as fs from "node:fs"
import * as path from "node:path"
import * as zlib from "node:zlib"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as FastCheck from "effect/FastCheck"
import * as Stream from "effect/Stream"
import { describe, expect, it } from "vitest"
import * as Jsonl from "../../src/document/jsonl.ts"
import { openDocument } from "../../src/document/read.ts"
import { canonicalLine } from "../../src/domain/Canonical.ts"
import type { DocumentInvalid, FileFailed } from "../../src/domain/Errors.ts"
import { type GraphRecord, node, relationship } from "../../src/domain/Graph.ts"
import { graph, recordsOf } from "../../src/testing/arbitraries.ts"
import { tempFolder } from "../support/migrating.ts"

const SEED = 20261122
const records = [
  node("a", ["Memory"], { id: "a", title: "Erste" }),
  node("b", ["Memory"], { id: "b", title: "zweite" }),
  relationship("r", "a", "SOLVES", "b", { id: "r" })
]

const encode = (given: ReadonlyArray<GraphRecord>): string => {
  const encoder = new Jsonl.JsonlEncoder()
  const head = encoder.header({ created: "2026-11-22T00:00:00.000Z", generator: "test", backend: "sqlite" })
  return head + encoder.records(given) + encoder.footer().text
}

const fileOf = (content: string | Buffer): string => {
  const file = path.join(tempFolder(), "graph.jsonl")
  fs.writeFileSync(file, content)
  return file
}

const read = (file: string): Promise<Either.Either<ReadonlyArray<GraphRecord>, DocumentInvalid | FileFailed>> =>
  Effect.runPromise(
    Effect.either(
      Effect.flatMap(openDocument(file, "auto"), (document) =>
        Effect.map(Stream.runCollect(document.records), Chunk.toReadonlyArray)
      )
    )
  )

describe("JSONL", () => {
  it("brings random graphs back, to the character", async () => {
    await FastCheck.assert(
      FastCheck.asyncProperty(graph(), async (given) => {
        const found = Either.getOrThrow(await read(fileOf(encode(recordsOf(given)))))
        expect(found.map(canonicalLine)).toEqual(recordsOf(given).map(canonicalLine))
      }),
      { seed: SEED, numRuns: 60 }
    )
  })

  it("reads gzip, a byte order mark, CRLF and lines laid out by hand", async () => {
    const text = encode(records)
    const spaced = text.replace('{"node":"a","labels":["Memory"]', '{ "labels": ["Memory"], "node": "a"')
    for (const content of [zlib.gzipSync(text), `\ufeff${text}`, text.replaceAll("\n", "\r\n")]) {
      expect(Either.getOrThrow(await read(fileOf(content)))).toHaveLength(3)
    }
    // The digest is of the bytes: a document that was edited says so.
    expect(await read(fileOf(spaced))).toMatchObject({ left: { reason: "digest" } })
  })

  const lines = encode(records).split("\n")
  const edited = (edit: (lines: Array<string>) => void): string => {
    const copy = [...lines]
    edit(copy)
    return copy.join("\n")
  }
  interface Expected {
    readonly reason: DocumentInvalid["reason"]
    readonly line?: number
    readonly key?: string
  }
  it.each<readonly [string, string | Buffer, Expected]>([
    ["an empty file", "", { reason: "unknown-format" }],
    ["no header", edited((copy) => copy.shift()), { reason: "unknown-format", line: 1 }],
    [
      "a header of another version",
      edited((copy) => (copy[0] = '{"memorygraph":"jsonl","version":9}')),
      { reason: "unsupported-version", line: 1 }
    ],
    ["no footer", edited((copy) => copy.splice(4, 1)), { reason: "truncated" }],
    ["a line cut in the middle", lines.join("\n").slice(0, 250), { reason: "truncated", line: 3 }],
    ["a line removed", edited((copy) => copy.splice(2, 1)), { reason: "digest" }],
    ["a line doubled", edited((copy) => copy.splice(2, 0, copy[2] ?? "")), { reason: "digest" }],
    ["lines swapped", edited((copy) => copy.splice(1, 2, copy[2] ?? "", copy[1] ?? "")), { reason: "digest" }],
    ["a character changed", lines.join("\n").replace("Erste", "erste"), { reason: "digest" }],
    [
      "a node after a relationship",
      edited((copy) => copy.splice(1, 3, copy[1] ?? "", copy[3] ?? "", copy[2] ?? "")),
      { reason: "order", line: 4, key: "b" }
    ],
    [
      "a repeated key",
      edited((copy) => (copy[1] = '{"node":"a","labels":[],"properties":{"x":1,"x":2}}')),
      { reason: "duplicate-key", line: 2 }
    ],
    [
      "a field that is unknown",
      edited((copy) => (copy[1] = '{"node":"a","labels":[],"properties":{},"more":1}')),
      { reason: "schema", line: 2, key: "a" }
    ],
    [
      "labels that are no list",
      edited((copy) => (copy[2] = '{"node":"b","labels":"Memory","properties":{}}')),
      { reason: "schema", line: 3, key: "b" }
    ],
    [
      "a tag that is unknown",
      edited((copy) => (copy[2] = '{"node":"b","labels":[],"properties":{"p":{"$when":"x"}}}')),
      { reason: "schema", line: 3, key: "b" }
    ],
    ["text after the footer", `${lines.join("\n")}${lines[1]}\n`, { reason: "truncated", line: 6 }],
    [
      "bytes that are no UTF-8",
      Buffer.concat([Buffer.from(lines.slice(0, 2).join("\n")), Buffer.from([0x0a, 0xff, 0x0a])]),
      { reason: "not-utf8", line: 3 }
    ],
    ["gzip that breaks off", zlib.gzipSync(lines.join("\n")).subarray(0, 100), { reason: "truncated" }]
  ])("refuses %s", async (_name, content, expected) => {
    const found = await read(fileOf(content))
    expect(found).toMatchObject({ left: { _tag: "DocumentInvalid", ...expected } })
    if (Either.isLeft(found)) expect(found.left.message).toMatch(/\S+.* .+\./)
  })

  it("every single byte changed is refused or harmless", async () => {
    const text = Buffer.from(encode(records))
    const whole = records.map(canonicalLine)
    for (let at = 0; at < text.length; at += 3) {
      const changed = Buffer.from(text)
      changed[at] = (changed[at] ?? 0) ^ (1 << (at % 7))
      const found = await read(fileOf(changed))
      if (Either.isRight(found)) expect(found.right.map(canonicalLine), `byte ${at}`).toEqual(whole)
    }
  })
})
