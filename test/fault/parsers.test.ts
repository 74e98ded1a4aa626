/**
 * Every parser of documents on input that nobody means well with: damaged, spliced, hostile by hand, random. Each input
 * is either read or refused with an error of the document that says so, quickly, and nothing else happens.
 */
import * as fs from "node:fs"
import * as path from "node:path"
import * as zlib from "node:zlib"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Stream from "effect/Stream"
import { describe, expect, it } from "vitest"
import { exportTo, fixture, pythonSmall } from "../document/support.ts"
import { JsonlEncoder } from "../../src/document/jsonl.ts"
import { writeMarkdown } from "../../src/document/markdown-write.ts"
import { writeMcpMemory } from "../../src/document/mcp-memory.ts"
import { openDocument, READ_FORMATS, type ReadFormat, type ReadOptions } from "../../src/document/read.ts"
import { DocumentInvalid } from "../../src/domain/Errors.ts"
import { tempFolder } from "../support/migrating.ts"
import { FUZZ_SECONDS, points, random, SEED } from "./sweep.ts"

const folder = tempFolder()
/** How long one small input may take; 1 s on a quiet machine is already far too long. */
const SLOW = 5000

type Format = ReadFormat | "auto"

/** What is wrong with how an input is taken, if anything. */
const faultOf = async (file: string, format: Format, options: ReadOptions = {}): Promise<string | undefined> => {
  const began = performance.now()
  const program = Effect.flatMap(openDocument(file, format, options), ({ losses, records }) =>
    Effect.zipRight(Stream.runDrain(records), losses)
  )
  const exit = await Effect.runPromiseExit(
    program.pipe(Effect.timeoutFail({ duration: "60 seconds", onTimeout: () => new Error("it hangs") }))
  )
  const milliseconds = performance.now() - began
  if (milliseconds > SLOW) return `it took ${Math.round(milliseconds)} ms`
  if (Object.hasOwn(Object.prototype, "polluted")) return "it reached the prototype of all objects"
  if (Exit.isSuccess(exit)) return undefined
  const error = Cause.squash(exit.cause)
  if (!(error instanceof DocumentInvalid)) return `it fails with ${String(error)}`
  if (!error.message.includes("Nothing was written")) return `its message lacks the consequence: ${error.message}`
  return error.message.length > 3000 ? "its message is too long" : undefined
}

const RECORDS = pythonSmall().slice(0, 6)

const whole = async (): Promise<{ readonly [name: string]: Buffer }> => {
  const json = path.join(folder, "seed.json")
  await exportTo(json, RECORDS)
  const encoder = new JsonlEncoder()
  const header = encoder.header({ created: "2026-11-22T12:00:00.000Z", generator: "test", backend: "sqlite" })
  const records = Stream.fromIterable(RECORDS)
  const memory = path.join(folder, "memory.jsonl")
  await Effect.runPromise(writeMcpMemory({ output: { path: memory }, records }))
  const tar = path.join(folder, "seed.tar")
  await Effect.runPromise(
    writeMarkdown({ output: { path: tar }, backend: "sqlite", exportedAt: "2026-11-22T12:00:00.000Z", records })
  )
  const legacy = path.join(fixture("python-export-md"), "Full_context__updated__8091baaf.md")
  return {
    "2.1.json": fs.readFileSync(json),
    "2.0.json": fs.readFileSync(fixture("ts-export-small.json")).subarray(0, 20_000),
    "graph.jsonl": Buffer.from(header + encoder.records(RECORDS) + encoder.footer().text),
    "memory.jsonl": fs.readFileSync(memory),
    "pages.tar": fs.readFileSync(tar),
    "pages.tar.gz": zlib.gzipSync(fs.readFileSync(tar)),
    "legacy.md": fs.readFileSync(legacy)
  }
}
const SEEDS = await whole()

/** Pieces that mean something to one of the parsers. */
const PIECES = [
  '{"',
  '":',
  "[[",
  "]]",
  "{{",
  "}}",
  ",,",
  "\\u0000",
  "\\ud800",
  "NaN",
  "-Infinity",
  "1e999",
  "-0",
  "1.",
  "01",
  "9".repeat(400),
  '"__proto__":{"polluted":1},',
  '"constructor":1,',
  '"$map":',
  '"$bytes":"="',
  '{"$float":"x"}',
  "\n---\n",
  "---\n",
  "|-\n",
  "&a ",
  "*a",
  "!!js ",
  "<<: ",
  "? ",
  "...\n",
  "%YAML 1.1\n",
  "\r\n",
  "\r",
  "\u2028",
  "\ufeff",
  "<!-- content -->",
  "\n## Relationships\n\n",
  "- **X** → [",
  '"format_version":"2.0",',
  '"type":"entity",',
  "\0".repeat(512),
  "ustar",
  "0000777\0",
  "../",
  "CON",
  "\u{1f680}",
  "\x1f\x8b\x08"
].map((piece) => Buffer.from(piece))

/** An input made of a seed by some splices, cuts and repetitions. */
const mutated = (next: () => number, seeds: ReadonlyArray<Buffer>): Buffer => {
  const below = (limit: number) => Math.floor(next() * limit)
  const pick = <A>(list: ReadonlyArray<A>): A | undefined => list[below(list.length)]
  let bytes = pick(seeds) ?? Buffer.alloc(0)
  for (let steps = 1 + below(4); steps > 0; steps--) {
    const at = below(bytes.length + 1)
    const to = Math.min(bytes.length, at + below(200))
    const other = pick(seeds) ?? bytes
    const from = below(other.length)
    const middle = [
      pick(PIECES) ?? Buffer.alloc(0),
      other.subarray(from, from + below(300)),
      Buffer.from(Array.from({ length: below(20) }, () => below(256))),
      Buffer.concat(Array.from({ length: below(50) }, () => bytes.subarray(at, to))),
      Buffer.alloc(0)
    ][below(5)]
    bytes = Buffer.concat([bytes.subarray(0, at), middle ?? Buffer.alloc(0), bytes.subarray(next() < 0.5 ? at : to)])
  }
  return bytes
}

describe(`parsers of documents (seed ${SEED})`, () => {
  it.each(Object.keys(SEEDS))("damaged and spliced: %s", { timeout: 3_600_000 }, async (name) => {
    const next = random(`parsers ${name}`)
    const seeds = [SEEDS[name] ?? Buffer.alloc(0), ...Object.values(SEEDS)]
    const faults: Array<string> = []
    const place = fs.mkdtempSync(path.join(folder, "fuzz-"))
    // Every other one of the format itself, the rest of any; text is read as Markdown in a folder.
    const began = performance.now()
    const goesOn = (n: number): boolean =>
      FUZZ_SECONDS === undefined ? n < points(150, 5000) : performance.now() - began < FUZZ_SECONDS * 1000
    for (let n = 0; goesOn(n); n++) {
      const bytes = mutated(next, n % 2 === 0 ? seeds.slice(0, 1) : seeds)
      const asPage = name === "legacy.md" || n % 7 === 0
      const file = asPage ? path.join(place, `folder${n}`) : path.join(place, name)
      if (asPage) {
        fs.mkdirSync(file)
        fs.writeFileSync(path.join(file, "page.md"), bytes)
      } else fs.writeFileSync(file, bytes)
      const format: Format = n % 3 === 0 || asPage ? "auto" : (READ_FORMATS[n % READ_FORMATS.length] ?? "auto")
      const fault = await faultOf(file, format, { preferBody: n % 2 === 0 })
      if (fault !== undefined) faults.push(`input ${n} as ${format}: ${fault}`)
      fs.rmSync(file, { recursive: true })
    }
    expect(faults.slice(0, 10), `${faults.length} faults`).toEqual([])
  })

  const deep = 100_000
  const memories = (element: string) => `{"format_version":"2.0","memories":[${element}],"relationships":[]}`
  const page = (fields: string) => `---\nmemorygraph: node\nversion: 1\n${fields}\n---\n`
  const jsonl = (line: string) => `{"memorygraph":"jsonl","version":1}\n${line}\n`
  const node = (value: string) => `{"node":"a","labels":[],"properties":{"x":${value}}}`
  const hostile: { readonly [what: string]: string | Buffer } = {
    "deep lists in a memory": memories(`{"x":${"[".repeat(deep)}${"]".repeat(deep)}}`),
    "deep objects in a memory": memories('{"x":'.repeat(deep) + "1" + "}".repeat(deep)),
    "deep lists outside": "[".repeat(deep),
    "a member of deep objects": `{"format_version":"2.1","integrity":${'{"a":'.repeat(deep)}`,
    "a deep record": jsonl(node(`${"[".repeat(deep)}${"]".repeat(deep)}`)),
    "a deep map behind $map": jsonl(node('{"$map":'.repeat(deep) + "{}" + "}".repeat(deep))),
    "an integer of many digits": jsonl(node("9".repeat(200_000))),
    "a float of many digits": jsonl(node(`0.${"1".repeat(1_000_000)}`)),
    "many keys": memories(`{${Array.from({ length: 50_000 }, (_, n) => `"k${n}":1`).join(",")}}`),
    "one key many times": memories(`{${'"k":1,'.repeat(50_000)}"k":1}`),
    "a prototype": memories('{"id":"a","type":"t","title":"t","content":"c","__proto__":{"polluted":1}}'),
    "a prototype in a record": jsonl(node('{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}')),
    "a prototype in an entity":
      '{"type":"entity","name":"a","entityType":"x","observations":[],"__proto__":{"polluted":1}}',
    "an entity called __proto__": '{"type":"entity","name":"__proto__","entityType":"__proto__","observations":["x"]}',
    "blanks without end": " ".repeat(2_000_000),
    "line ends without end": "\n".repeat(1_000_000),
    "colons and blanks": `{"a":${" ".repeat(1_000_000)}`,
    "quotes without end": `{"${"\\".repeat(1_000_001)}`,
    "deep YAML": page(`x: ${"[".repeat(10_000)}`),
    "much YAML": page("x: 1\n".repeat(100_000)),
    "many YAML keys": page(Array.from({ length: 20_000 }, (_, n) => `k${n}: 1`).join("\n")),
    "very deep YAML": page(`x: ${"[".repeat(1_000_000)}`),
    "many anchors": page(Array.from({ length: 500 }, (_, n) => `k${n}: &a${n} [*a${n - 1}, *a${n - 1}]`).join("\n")),
    "a block without end": `---\nmemorygraph: node\nrecord: |-\n${"  x\n".repeat(200_000)}`,
    "titles without end": `---\ntitle: ${"\ntitle: ".repeat(100_000)}`,
    "headings without end": `---\ntitle: a\n---\n\n## Content\n\n${"\n\n## Relationships\n\n".repeat(50_000)}`,
    "markers without end": page(`record: |-\n  ${node("1")}\nbody: x`) + "\n# a\n<!-- content -->".repeat(50_000),
    "a tar of zeros": Buffer.concat([Buffer.alloc(257), Buffer.from("ustar"), Buffer.alloc(1_000_000)]),
    "gzip in gzip": zlib.gzipSync(zlib.gzipSync("x")),
    "gzip of nothing": zlib.gzipSync(""),
    "two gzip members": Buffer.concat([zlib.gzipSync(jsonl("")), zlib.gzipSync("{}")])
  }

  it.each(Object.keys(hostile))("hostile by hand: %s", { timeout: 120_000 }, async (what) => {
    const place = fs.mkdtempSync(path.join(folder, "hostile-"))
    const file = path.join(place, "input")
    fs.writeFileSync(file, hostile[what] ?? "")
    const inFolder = path.join(place, "folder")
    fs.mkdirSync(inFolder)
    fs.writeFileSync(path.join(inFolder, "a.md"), hostile[what] ?? "")
    const faults: Array<string> = []
    for (const format of ["auto" as const, ...READ_FORMATS]) {
      const fault = await faultOf(file, format, { preferBody: true })
      if (fault !== undefined) faults.push(`${format}: ${fault}`)
    }
    const fault = await faultOf(inFolder, "auto", { preferBody: true })
    if (fault !== undefined) faults.push(`folder: ${fault}`)
    expect(faults).toEqual([])
  })

  it("a gzip bomb is stopped at --max-size, whatever it is taken for", async () => {
    const file = path.join(folder, "bomb.gz")
    // 1 GiB of blanks in 1 MB, and the same as lines.
    const gib = zlib.gzipSync(Buffer.alloc(64 * 1024 * 1024, "x\n"))
    fs.writeFileSync(file, Buffer.concat(Array.from({ length: 16 }, () => gib)))
    for (const format of ["auto" as const, ...READ_FORMATS]) {
      const began = performance.now()
      const exit = await Effect.runPromiseExit(
        Effect.flatMap(openDocument(file, format, { maxSize: 1_000_000 }), ({ records }) => Stream.runDrain(records))
      )
      const error = Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined
      expect(error).toBeInstanceOf(DocumentInvalid)
      expect(performance.now() - began).toBeLessThan(SLOW)
    }
    const blanks = path.join(folder, "blanks.gz")
    fs.writeFileSync(blanks, zlib.gzipSync(Buffer.alloc(64 * 1024 * 1024, "\n")))
    const limited = await Effect.runPromiseExit(
      Effect.flatMap(openDocument(blanks, "mcp-memory", { maxSize: 1_000_000 }), ({ records }) =>
        Stream.runDrain(records)
      )
    )
    const error = Exit.isFailure(limited) ? Cause.squash(limited.cause) : undefined
    expect(error).toMatchObject({ reason: "too-large", message: expect.stringContaining("--max-size") })
  })

  it("a plain file larger than --max-size is refused, and one as large is not", async () => {
    const file = path.join(folder, "plain.jsonl")
    const bytes = SEEDS["memory.jsonl"] ?? Buffer.alloc(0)
    fs.writeFileSync(file, bytes)
    expect(await faultOf(file, "auto", { maxSize: bytes.length })).toBeUndefined()
    const read = (maxSize: number) =>
      Effect.runPromiseExit(
        Effect.flatMap(openDocument(file, "auto", { maxSize }), ({ records }) => Stream.runDrain(records))
      )
    expect(Exit.isSuccess(await read(bytes.length))).toBe(true)
    expect(Exit.isFailure(await read(bytes.length - 1))).toBe(true)
  })

  it("a folder whose files together are larger than --max-size is refused", async () => {
    const read = (maxSize: number) =>
      Effect.runPromiseExit(
        Effect.flatMap(openDocument(fixture("ts-export-md"), "auto", { maxSize }), ({ records }) =>
          Stream.runDrain(records)
        )
      )
    expect(Exit.isSuccess(await read(1_000_000))).toBe(true)
    const exit = await read(20_000)
    const error = Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined
    expect(error).toMatchObject({ reason: "too-large" })
  })

  it.each([
    ["2.0.json", '{"format_version":"2.0","memories":[{"x":"', "\n"],
    ["graph.jsonl", '{"memorygraph":"jsonl","version":1}\n{"node":"', "x"],
    ["memory.jsonl", '{"type":"entity","name":"', "x"]
  ])("a line of 100 MB is refused: %s", async (name, begin, filler) => {
    const file = path.join(folder, name)
    const out = fs.openSync(file, "w")
    fs.writeSync(out, begin)
    const megabyte = Buffer.alloc(1_000_000, filler)
    for (let n = 0; n < 100; n++) fs.writeSync(out, megabyte)
    fs.closeSync(out)
    const exit = await Effect.runPromiseExit(
      Effect.flatMap(openDocument(file, "auto"), ({ records }) => Stream.runDrain(records))
    )
    fs.rmSync(file)
    const error = Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined
    expect(error).toMatchObject({ reason: "too-large", message: expect.stringContaining("Nothing was written") })
  })
})
