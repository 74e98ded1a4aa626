/**
 * Damaged documents. Every damage is either refused, with an error that says what and where, and leaves the target
 * untouched; or it is harmless: what was read is the very graph that was exported.
 */
import * as fs from "node:fs"
import * as path from "node:path"
import * as zlib from "node:zlib"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FastCheck from "effect/FastCheck"
import * as Stream from "effect/Stream"
import { describe, expect, it } from "vitest"
import { openDocument } from "../../src/document/read.ts"
import { JsonlEncoder } from "../../src/document/jsonl.ts"
import { writeDocument } from "../../src/document/write.ts"
import { canonicalLine } from "../../src/domain/Canonical.ts"
import { DocumentInvalid } from "../../src/domain/Errors.ts"
import type { GraphRecord } from "../../src/domain/Graph.ts"
import { importRecords } from "../../src/migration/migrate.ts"
import { memory } from "../../src/testing/samples.ts"
import * as MemoryBackend from "../../src/testing/MemoryBackend.ts"
import { fingerprintOf, pythonSmall, wildGraph } from "../document/support.ts"
import { tempFolder } from "../support/migrating.ts"
import { type Damage, lineDamages, byteDamages, truncations } from "./damage.ts"
import { points, SEED } from "./sweep.ts"

const GRAPHS: { readonly [name: string]: () => ReadonlyArray<GraphRecord> } = {
  "a real graph": pythonSmall,
  // The largest of some: every kind of record, value and name stands in it.
  "a random graph": () =>
    FastCheck.sample(wildGraph, { numRuns: 40, seed: SEED }).toSorted((a, b) => b.length - a.length)[0] ?? []
}
const FILES = ["document.jsonl", "document.jsonl.gz", "rejects.jsonl", "document.json"] as const

const folder = tempFolder()
const stateFolder = path.join(folder, "state")

const exported = async (graph: ReadonlyArray<GraphRecord>, name: (typeof FILES)[number]): Promise<Buffer> => {
  const encoder = new JsonlEncoder()
  const head = { created: "2026-11-22T12:00:00.000Z", generator: "test", backend: "sqlite" }
  if (name === "rejects.jsonl") {
    const rejects = graph.map((record) => ({ tag: record._tag, line: canonicalLine(record), why: "a test" }))
    const header = encoder.header({ ...head, rejects: "a-run" })
    return Buffer.from(header + encoder.rejects(rejects) + encoder.footer().text)
  }
  const spool = path.join(folder, "spool.jsonl")
  fs.writeFileSync(spool, encoder.header(head) + encoder.records(graph) + encoder.footer().text)
  const output = path.join(fs.mkdtempSync(path.join(folder, "export-")), name)
  const format = name.endsWith(".json") ? "json" : "jsonl"
  const exportedAt = "2026-11-22T12:00:00.000Z"
  await Effect.runPromise(writeDocument({ format, output: { path: output }, spool, backend: "sqlite", exportedAt }))
  return fs.readFileSync(output)
}

const own = memory("own", 1)

const storeWith = (records: ReadonlyArray<GraphRecord>) => {
  const store = new MemoryBackend.MemoryStore("target")
  store.graph.apply({ create: records, overwrite: [] })
  return store
}

const contentOf = (store: MemoryBackend.MemoryStore) => [
  ...store.graph.records("nodes"),
  ...store.graph.records("relationships")
]

const inTime = <A, E>(program: Effect.Effect<A, E>) =>
  Effect.runPromiseExit(
    program.pipe(Effect.timeoutFail({ duration: "60 seconds", onTimeout: () => new Error("it hangs") }))
  )

/** What became of a file: what it failed with, or the records that were taken from it; and of its target. */
interface Taken {
  readonly exit: Exit.Exit<unknown, unknown>
  readonly records: ReadonlyArray<GraphRecord>
  readonly fault: string | undefined
}

/** Reads a file to its end, as an import does before it opens its target. */
const read = async (file: string): Promise<Taken> => {
  const records: Array<GraphRecord> = []
  const exit = await inTime(
    Effect.flatMap(openDocument(file, "auto"), (document) =>
      Stream.runForEachChunk(document.records, (chunk) => Effect.sync(() => records.push(...chunk)))
    )
  )
  return { exit, records, fault: undefined }
}

/** Imports a file into a target that holds some records. */
const imported = async (file: string, before: ReadonlyArray<GraphRecord>): Promise<Taken> => {
  const store = storeWith(before)
  const exit = await inTime(
    Effect.gen(function* () {
      const backend = yield* MemoryBackend.make({ store })
      const { records } = yield* openDocument(file, "auto")
      return yield* importRecords({ path: file, records }, backend, { stateFolder, onUnkeyed: "add" })
    })
  )
  const content = contentOf(store)
  const runs = path.join(stateFolder, "runs")
  const left = fs.existsSync(runs) ? fs.readdirSync(runs) : []
  for (const run of left) fs.rmSync(path.join(runs, run), { recursive: true })
  if (Exit.isSuccess(exit)) {
    const kept = new Set(before.map(canonicalLine))
    const records = content.filter((record) => !kept.has(canonicalLine(record)))
    return { exit, records, fault: records.length === content.length - before.length ? undefined : "its own are gone" }
  }
  const untouched = content.map(canonicalLine).join() === before.map(canonicalLine).join() && store.run === undefined
  const fault = untouched ? undefined : "refused, but the target is not as it was"
  return { exit, records: [], fault: fault ?? (left.length > 0 ? "refused, and the run's folder was left" : undefined) }
}

/** What every refusal's message holds. */
const messageFault = (error: DocumentInvalid, file: string, damage: Damage): string | undefined => {
  const { line, message, reason } = error
  if (!message.startsWith(file)) return "the message does not begin with the file's name"
  if (!message.includes("Nothing was written.") || message.length > 2000) return "the message lacks its consequence"
  if (line !== undefined && !message.includes(`line ${line}`)) return "the message lacks the line"
  if (line === undefined && LOCATED.has(reason) && !message.includes("is missing")) return "the error has no line"
  // A document is read from its beginning: a fault shows where it is, or where what it swallowed begins.
  if (line !== undefined && damage.line !== undefined && Math.abs(line - damage.line) > 1)
    return "it names another line"
  return undefined
}
const LOCATED = new Set(["syntax", "not-utf8", "schema", "duplicate-key", "order"])

/** How a damage ended, and what is wrong with that, if anything. */
const outcomeOf = (
  { exit, fault, records }: Taken,
  damage: Damage,
  file: string,
  graph: ReadonlyArray<GraphRecord>
): { readonly outcome: string; readonly fault: string | undefined } => {
  if (Exit.isSuccess(exit)) {
    const same = fingerprintOf(records).text === fingerprintOf(graph).text
    return { outcome: "harmless", fault: fault ?? (same ? undefined : "accepted, but it is another graph") }
  }
  const error = Cause.squash(exit.cause)
  if (!(error instanceof DocumentInvalid)) return { outcome: "another error", fault: String(error) }
  const wrong = fault ?? messageFault(error, file, damage)
  return { outcome: error.reason, fault: wrong === undefined ? undefined : `${wrong}: ${error.message}` }
}

const MISTAKEN = [
  ['"format_version":"2.1"', '"format_version":"2.0"'],
  ['"format_version":"2.1"', '"format_version":"1.1"'],
  ['"format_version"', '"format_versions"'],
  ['"integrity"', '"integritx"'],
  ['"version":1', '"version":0'],
  ['"memorygraph"', '"memorygrap"'],
  ['"footer"', '"foote"'],
  ['"rejects"', '"reject"'],
  ['{"rejected":', '{ "rejected":']
] as const

const DOCUMENTS = Object.keys(GRAPHS).flatMap((graph) => FILES.map((file) => ({ graph, file })))
const each = (share: number, full: number) => Math.ceil(points(share, full) / DOCUMENTS.length)

describe.each(DOCUMENTS)(`damaged documents (seed ${SEED}): $graph as $file`, ({ file, graph }) => {
  const records = GRAPHS[graph]?.() ?? []

  const sweep = async (make: (whole: Buffer) => ReadonlyArray<Damage>): Promise<ReadonlyArray<string>> => {
    const damages = make(await exported(records, file))
    const target = path.join(fs.mkdtempSync(path.join(folder, "damaged-")), file)
    const outcomes: { [outcome: string]: number } = {}
    const faults: Array<string> = []
    for (const [i, damage] of damages.entries()) {
      fs.writeFileSync(target, damage.bytes)
      // Every fifth goes all the way, into an empty target and into one in use in turn.
      const taken = i % 5 === 0 ? await imported(target, i % 2 === 0 ? [] : [own]) : await read(target)
      const { fault, outcome } = outcomeOf(taken, damage, target, records)
      outcomes[outcome] = (outcomes[outcome] ?? 0) + 1
      if (fault !== undefined) faults.push(`${damage.what}: ${fault} (${outcome})`)
    }
    expect(faults, `${faults.length} of ${damages.length}: ${faults.slice(0, 10).join("\n")}`).toEqual([])
    expect(damages.length).toBeGreaterThan(0)
    return Object.keys(outcomes)
  }

  it("whole, it is read and imported", async () => {
    const whole = path.join(folder, file)
    fs.writeFileSync(whole, await exported(records, file))
    const damage = { what: "none", bytes: Buffer.alloc(0), line: undefined }
    for (const taken of [await read(whole), await imported(whole, []), await imported(whole, [own])]) {
      expect(outcomeOf(taken, damage, whole, records)).toEqual({ outcome: "harmless", fault: undefined })
    }
    expect(records.length).toBeGreaterThan(8)
  })

  it("single bytes changed, inserted and deleted", { timeout: 3_600_000 }, () =>
    sweep((whole) => byteDamages(`${graph} ${file}`, whole, each(300, 10_000)))
  )

  // One bit makes 2.0 of 2.1: the format of other programs, which proves nothing of its content.
  it("taken for another format or version", () =>
    sweep((whole) => {
      const text = (file.endsWith(".gz") ? zlib.gunzipSync(whole) : whole).toString("latin1")
      return MISTAKEN.filter(([was]) => text.includes(was)).map(([was, is]) => ({
        what: `${was} changed to ${is}`,
        bytes: Buffer.from(text.replace(was, is), "latin1"),
        line: undefined
      }))
    }))

  it("broken off", { timeout: 3_600_000 }, async () => {
    const outcomes = await sweep((whole) => truncations(`${graph} ${file}`, whole, each(80, 1_000)))
    // Too short to be recognised, broken off in a character, or only the last line end is missing.
    const possible = ["truncated", "unknown-format", "not-utf8", "harmless"]
    expect(outcomes.filter((outcome) => !possible.includes(outcome))).toEqual([])
  })

  it("lines swapped, doubled and dropped", { timeout: 3_600_000 }, () =>
    sweep((whole) => {
      const packed = file.endsWith(".gz")
      const damages = lineDamages(`${graph} ${file}`, packed ? zlib.gunzipSync(whole) : whole, each(120, 1_000))
      return packed ? damages.map((damage) => ({ ...damage, bytes: zlib.gzipSync(damage.bytes) })) : damages
    })
  )
})
