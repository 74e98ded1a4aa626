import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as fs from "node:fs"
import * as zlib from "node:zlib"
import { describe, expect, it } from "vitest"
import { type Line, readBytes, readLines } from "../../src/document/file.ts"
import { wellFormedText } from "../../src/testing/arbitraries/text.ts"
import { collect, fileOf, freshPath, refusal, SEED } from "./support.ts"

const textsOf = async (content: string | Uint8Array) =>
  (await collect(readLines(fileOf(content)))).map(({ text }) => text)

describe("readLines", () => {
  it("numbers lines from 1, and needs no line end at the last", async () => {
    const expected: ReadonlyArray<Line> = [
      { number: 1, text: "a" },
      { number: 2, text: "" },
      { number: 3, text: "c" }
    ]
    expect(await collect(readLines(fileOf("a\n\nc\n")))).toEqual(expected)
    expect(await collect(readLines(fileOf("a\n\nc")))).toEqual(expected.with(2, { number: 3, text: "c", isOpen: true }))
    expect(await textsOf("")).toEqual([])
    expect(await textsOf("\n")).toEqual([""])
  })

  it("drops a byte order mark at the beginning and nowhere else, and takes CRLF for a line end", async () => {
    expect(await textsOf("\ufeffa\r\n\ufeffb\r\nc\rd\r\n")).toEqual(["a", "\ufeffb", "c\rd"])
    expect(await textsOf("\u2028\u2029\u0085\v\f\n")).toEqual(["\u2028\u2029\u0085\v\f"])
  })

  it("gives any text back, wherever the pieces of the file end, packed or not", async () => {
    await FastCheck.assert(
      FastCheck.asyncProperty(
        FastCheck.array(wellFormedText, { maxLength: 20 }),
        FastCheck.integer({ min: 0, max: 300_000 }),
        FastCheck.boolean(),
        async (texts, filler, packed) => {
          const lines = ["ü".repeat(filler), ...texts.map((text) => text.replace(/[\r\n\ufeff]/g, ""))]
          const bytes = Buffer.from(`${lines.join("\n")}\n`)
          expect(await textsOf(packed ? zlib.gzipSync(bytes) : bytes)).toEqual(lines)
        }
      ),
      { seed: SEED, numRuns: 60 }
    )
  })

  it("finds the line that is not UTF-8, wherever it is", async () => {
    const filler = `${"x".repeat(99)}\n`.repeat(10_000)
    for (const bad of [[0xff], [0xc3], [0xed, 0xa0, 0x80], [0xc0, 0x80], [0xf4, 0x90, 0x80, 0x80]]) {
      for (const rest of ["\nmore\n", "\n", ""]) {
        const error = await refusal(
          readLines(fileOf(Buffer.concat([Buffer.from(`${filler}good ü\n`), Buffer.from(bad), Buffer.from(rest)])))
        )
        expect(error).toMatchObject({ reason: "not-utf8", line: 10_002 })
      }
    }
  })

  it("bounds the length of a line, whether it ends or not", async () => {
    for (const content of [`ok\n${"ü".repeat(51)}\nok\n`, `ok\n${"ü".repeat(51)}`]) {
      expect(await refusal(readLines(fileOf(content), { maxLine: 100 }))).toMatchObject({
        reason: "too-large",
        line: 2
      })
    }
    const endless = `ok\n${"x".repeat(3_000_000)}`
    expect(await refusal(readLines(fileOf(endless), { maxLine: 1_000_000 }))).toMatchObject({
      reason: "too-large",
      line: 2
    })
    expect(await collect(readLines(fileOf(`${"ü".repeat(50)}\n`), { maxLine: 100 }))).toHaveLength(1)
  })
})

describe("gzip", () => {
  const bytes = Buffer.from(Array.from({ length: 20_000 }, (_, i) => `line ${i} ${Math.sin(i)}\n`).join(""))
  const packed = zlib.gzipSync(bytes)

  it("is told by its magic number, also in several members", async () => {
    expect(bytes.equals(Buffer.concat(await collect(readBytes(fileOf(packed, "no-gz-in-its-name.json")))))).toBe(true)
    const twice = Buffer.concat([zlib.gzipSync("a\n"), zlib.gzipSync("b\n")])
    expect(await textsOf(twice)).toEqual(["a", "b"])
  })

  it("that breaks off is truncated, wherever", async () => {
    for (const length of [2, 5, 10, 11, 1000, packed.length - 9, packed.length - 8, packed.length - 1]) {
      expect(await refusal(readLines(fileOf(packed.subarray(0, length))))).toMatchObject({ reason: "truncated" })
    }
  })

  it("that is damaged is refused", async () => {
    const crc = Buffer.from(packed)
    crc.writeUInt8(crc.readUInt8(crc.length - 6) ^ 1, crc.length - 6)
    expect(await refusal(readLines(fileOf(crc)))).toMatchObject({ reason: "digest" })
    const middle = Buffer.from(packed)
    middle.fill(0x55, 1000, 1040)
    expect(["digest", "not-utf8"]).toContain((await refusal(readLines(fileOf(middle)))).reason)
  })
})

describe("a file that cannot be read", () => {
  it("is said so", async () => {
    expect(await refusal(readLines(freshPath("absent")))).toMatchObject({ reason: "not-found" })
    expect(await refusal(readLines(`${fileOf("x")}/y`))).toMatchObject({ reason: "not-found" })
    const folder = freshPath("folder")
    fs.mkdirSync(folder)
    expect(await refusal(readLines(folder))).toMatchObject({ reason: "unknown-format" })
  })

  it("for want of permission is said so", async (context) => {
    if (process.getuid?.() === 0) return context.skip("root may read everything")
    const path = fileOf("x")
    fs.chmodSync(path, 0o000)
    expect(await refusal(readLines(path))).toMatchObject({ reason: "permission" })
  })
})

describe("a reader that stops", () => {
  const openFiles = () => fs.readdirSync("/proc/self/fd").length

  it("closes the file: early, by interruption, by an error", async (context) => {
    if (!fs.existsSync("/proc/self/fd")) return context.skip("open files are counted in /proc")
    const plain = fileOf(`${"x".repeat(1000)}\n`.repeat(5000))
    const packed = fileOf(zlib.gzipSync(fs.readFileSync(plain)))
    await collect(readLines(plain))
    const before = openFiles()
    for (const path of [plain, packed]) {
      expect(await collect(Stream.take(readLines(path), 1))).toHaveLength(1)
      await refusal(readLines(path, { maxLine: 10 }))
      const fiber = Effect.runFork(Stream.runForEach(readLines(path), () => Effect.sleep("1 minute")))
      await Effect.runPromise(Effect.sleep("20 millis"))
      await Effect.runPromise(Fiber.interrupt(fiber))
    }
    expect(openFiles()).toBe(before)
  })
})
