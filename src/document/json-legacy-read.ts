/**
 * Reading the JSON exports of the other MemoryGraph programs, formats 1.x and 2.0. They hold less than the stores they
 * come from and cannot prove that they are whole: what they lack is counted, and no value is made up for it.
 */
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { DocumentInvalid, FileFailed } from "../domain/Errors.ts"
import { describe, type GraphRecord } from "../domain/Graph.ts"
import { isJsonObject, parseJson } from "../domain/Json.ts"
import { MAX_LINE_BYTES, readBytes } from "./file-read.ts"
import { DocumentProblem, readScalar } from "./json-element.ts"
import { JsonScanner, type ScanHandler } from "./json-scan.ts"
import { type PassReader, readPasses } from "./json-passes.ts"
import { KeySet } from "./key-set.ts"
import { readLegacyMemory, readLegacyRelationship } from "./legacy-record.ts"
import { Losses } from "./losses.ts"
import { documentInvalid, problemOf } from "./problems.ts"

const LISTS: ReadonlySet<string> = new Set(["memories", "relationships"])
const SCALARS: ReadonlySet<string> = new Set([
  "format_version",
  "export_version",
  "export_date",
  "backend_type",
  "memory_count",
  "relationship_count"
])

const isLegacy = (version: unknown): boolean => typeof version === "string" && /^(1(\.\d+)*|2\.0)$/.test(version)

/** The version that a document claims, as far as it was read. */
class VersionReader implements ScanHandler {
  format: unknown
  export: unknown
  member(name: string): "value" | "skip" {
    return name === "format_version" || name === "export_version" ? "value" : "skip"
  }
  value(name: string, text: string, line: number): void {
    if (name === "format_version") this.format = readScalar(text, line)
    else this.export = readScalar(text, line)
  }
  element(): void {}
  end(): void {}
}

/**
 * True where a JSON document is of format 1.x or 2.0. Reads up to the member that says so, or the whole document where
 * none does. A document that is no JSON is false here: its reader says what is wrong with it.
 */
export const isLegacyJson = (path: string): Effect.Effect<boolean, DocumentInvalid | FileFailed> =>
  Effect.suspend(() => {
    const reader = new VersionReader()
    const scanner = new JsonScanner(reader, MAX_LINE_BYTES)
    let broken = false
    return readBytes(path).pipe(
      Stream.takeWhile(() => reader.format === undefined && !broken),
      Stream.runForEach((bytes) =>
        Effect.try({ try: () => scanner.push(bytes), catch: (cause) => documentInvalid(path, cause) }).pipe(
          Effect.catchAll(() => Effect.sync(() => (broken = true)))
        )
      ),
      Effect.map(() => !broken && isLegacy(reader.format ?? reader.export))
    )
  })

class LegacyReader implements PassReader {
  private readonly losses: Losses
  private readonly scalars: { [name: string]: unknown } = {}
  private readonly keys = new KeySet()
  private readonly finished = new Set<string>()
  private seen = new Map<string, number>()
  private putOff = false
  private memories = 0
  private relationships = 0
  private records: Array<GraphRecord> = []

  constructor(losses: Losses) {
    this.losses = losses
  }

  take(): Chunk.Chunk<GraphRecord> {
    const taken = this.records
    this.records = []
    return Chunk.unsafeFromArray(taken)
  }

  member(name: string, line: number): "value" | "elements" | "skip" {
    if (this.seen.has(name)) throw new DocumentProblem("duplicate-key", `${JSON.stringify(name)} stands twice`, line)
    this.seen.set(name, line)
    if (SCALARS.has(name)) return "value"
    if (!LISTS.has(name)) {
      const message = `${JSON.stringify(name)} does not belong to a document of format 1 or 2.0`
      throw new DocumentProblem("schema", message, line)
    }
    if (this.finished.has(name)) return "skip"
    if (name === "memories" || this.finished.has("memories")) return "elements"
    this.putOff = true
    return "skip"
  }

  value(name: string, text: string, line: number): void {
    this.scalars[name] = readScalar(text, line)
  }

  element(name: string, text: string, line: number): void {
    try {
      this.read(name, text)
    } catch (cause) {
      const problem = problemOf(cause)
      if (problem === undefined) throw cause
      throw new DocumentProblem(problem.reason, `${problem.message} (in "${name}")`, line, problem.key)
    }
  }

  private read(name: string, text: string): void {
    const json = parseJson(text, { strict: true })
    if (!isJsonObject(json)) throw new DocumentProblem("schema", "an element of the list is not an object")
    if (name === "memories") {
      const memory = readLegacyMemory(json, this.losses)
      if (!this.keys.add(memory.key)) {
        throw new DocumentProblem("duplicate-record", "a memory of this id stands there before", undefined, memory.key)
      }
      this.memories++
      this.records.push(memory)
      return
    }
    this.relationships++
    const link = readLegacyRelationship(json, this.losses)
    if (this.keys.has(link.from) && this.keys.has(link.to)) this.records.push(link)
    else this.losses.add("relationship whose memory the document does not hold, left out", describe(link))
  }

  end(name: string): void {
    this.finished.add(name)
  }

  /** Ends a pass; true where another one is needed. */
  endPass(): boolean {
    const { putOff, seen } = this
    this.seen = new Map()
    this.putOff = false
    for (const name of LISTS) {
      if (!seen.has(name)) throw new DocumentProblem("schema", `${JSON.stringify(name)} is missing`)
    }
    if (!putOff) this.check(seen)
    return putOff
  }

  private check(lines: ReadonlyMap<string, number>): void {
    const counts = [
      ["memory_count", this.memories],
      ["relationship_count", this.relationships]
    ] as const
    for (const [name, there] of counts) {
      const said = this.scalars[name]
      if (said === undefined || said === null || said === there) continue
      const message = `${name} says ${JSON.stringify(said)}, but there are ${there}`
      throw new DocumentProblem("counts", message, lines.get(name))
    }
  }
}

/** A reading of a document: its records, and what it lacks once they have ended. */
export interface LegacyJson {
  readonly records: Stream.Stream<GraphRecord, DocumentInvalid | FileFailed>
  readonly losses: Effect.Effect<ReadonlyArray<string>>
}

/** Reads a document that {@link isLegacyJson}; all nodes before all relationships. */
export const readLegacyJson = (path: string): LegacyJson => {
  let losses = new Losses()
  const records = Stream.suspend(() => {
    losses = new Losses()
    losses.note(
      "its format cannot hold invalidated relationships, several relationships of one type between the same memories, nor any other property than those it shows: how much of that there was, it does not tell, and the Python program writes tags in lower case"
    )
    const reader = new LegacyReader(losses)
    return readPasses(path, reader, (cause) => documentInvalid(path, cause))
  })
  return { records, losses: Effect.sync(() => losses.sentences()) }
}
