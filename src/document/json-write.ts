/** Writing a JSON 2.1 document: its lists are gathered in private files in one pass, then put together. */
import * as fs from "node:fs/promises"
import * as os from "node:os"
import * as nodePath from "node:path"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { canonicalLine } from "../domain/Canonical.ts"
import type { FileFailed } from "../domain/Errors.ts"
import * as Fingerprint from "../domain/Fingerprint.ts"
import type { GraphRecord } from "../domain/Graph.ts"
import { attempt, type Output, writeOutput } from "./file-write.ts"
import { digestOf, FORMAT_VERSION, type Header, type Integrity, type Section, SECTIONS } from "./json-format.ts"
import { LegacyCounter, type LegacySkips } from "./json-legacy.ts"
import { encodeMemory, encodeRelationship } from "./json-record.ts"
import { KeySet } from "./key-set.ts"

/** What is to be written. */
export interface JsonContent<E> {
  readonly output: Output
  /** The kind of store that the graph comes from: `sqlite`. */
  readonly backend: string
  /** When it was exported, ISO 8601. */
  readonly exportedAt: string
  /** The time since which the records are new or changed, where they are no more than those and their ends. */
  readonly since?: string | undefined
  /** All nodes before all relationships; read once. */
  readonly records: Stream.Stream<GraphRecord, E>
  /** Where the lists are gathered (about as large as the document); beside the file, unless given. */
  readonly scratch?: string | undefined
}

/** What was written: the length of each list, the graph's fingerprint, and what a 2.0 reader will skip. */
export interface JsonSummary {
  readonly memories: number
  readonly nodes: number
  readonly relationships: number
  readonly nodeRelationships: number
  readonly fingerprint: Fingerprint.Fingerprint
  readonly legacy: LegacySkips
}

/** Sorts records into the lists. A relationship is between memories unless one of its ends stands in `nodes`. */
class Sorter {
  readonly counts: { [section in Section]: number } = { memories: 0, nodes: 0, relationships: 0, node_relationships: 0 }
  readonly fingerprint = new Fingerprint.Builder()
  readonly legacy = new LegacyCounter()
  private readonly otherNodes = new KeySet()

  /** The elements that these records make, by section, as text that goes on where the section's text ended. */
  sort(records: Iterable<GraphRecord>): ReadonlyMap<Section, string> {
    const texts = new Map<Section, string>()
    const add = (section: Section, element: string) => {
      const comma = this.counts[section]++ === 0 ? "\n" : ",\n"
      texts.set(section, (texts.get(section) ?? "") + comma + element)
    }
    for (const record of records) {
      const line = canonicalLine(record)
      this.fingerprint.addLine(record._tag, line)
      if (record._tag === "Node") {
        const memory = encodeMemory(record)
        if (memory === undefined) {
          this.otherNodes.add(record.key)
          add("nodes", line)
        } else {
          this.legacy.memory(record)
          add("memories", memory)
        }
      } else if (this.otherNodes.has(record.from) || this.otherNodes.has(record.to)) {
        add("node_relationships", line)
      } else {
        this.legacy.relationship(record)
        add("relationships", encodeRelationship(record))
      }
    }
    return texts
  }

  /** The members before the lists; known once every record was sorted. */
  header(backend: string, exportedAt: string, since: string | undefined): Header {
    return {
      format_version: FORMAT_VERSION,
      export_version: "1.0",
      export_date: exportedAt,
      backend_type: backend,
      memory_count: this.counts.memories,
      relationship_count: this.counts.relationships,
      ...(since !== undefined && { since })
    }
  }

  summary(): JsonSummary {
    const { memories, node_relationships: nodeRelationships, nodes, relationships } = this.counts
    const legacy = this.legacy.finish({ nodes, nodeRelationships })
    return { memories, nodes, relationships, nodeRelationships, fingerprint: this.fingerprint.finish(), legacy }
  }
}

/** A private file that is written once and read once; gone with the scope, and on POSIX even if the process is killed. */
interface ScratchFile {
  readonly append: (text: string) => Effect.Effect<void, FileFailed>
  readonly bytes: Stream.Stream<Uint8Array, FileFailed>
}

const READ_BYTES = 256 * 1024

const makeScratchFile = (folder: string, name: string): Effect.Effect<ScratchFile, FileFailed, Scope.Scope> =>
  Effect.gen(function* () {
    const path = nodePath.join(folder, name)
    const handle = yield* Effect.acquireRelease(
      attempt(path, () => fs.open(path, "wx+", 0o600)),
      (opened) => Effect.promise(() => opened.close())
    )
    // An open file needs no name, except on Windows, where the folder's removal waits for its end.
    if (os.platform() !== "win32") yield* attempt(path, () => fs.unlink(path))
    let end = 0
    const append = (text: string) =>
      attempt(path, async () => {
        const bytes = Buffer.from(text)
        for (let at = 0; at < bytes.length;) {
          const { bytesWritten } = await handle.write(bytes, at, bytes.length - at, end)
          at += bytesWritten
          end += bytesWritten
        }
      })
    const bytes = Stream.unfoldEffect(0, (from) =>
      attempt(path, async () => {
        const { buffer, bytesRead } = await handle.read(Buffer.allocUnsafe(READ_BYTES), 0, READ_BYTES, from)
        return bytesRead === 0 ? Option.none() : Option.some([buffer.subarray(0, bytesRead), from + bytesRead] as const)
      })
    )
    return { append, bytes }
  })

const makeScratch = (parent: string): Effect.Effect<ReadonlyMap<Section, ScratchFile>, FileFailed, Scope.Scope> =>
  Effect.gen(function* () {
    const folder = yield* Effect.acquireRelease(
      attempt(nodePath.join(parent, ".mg-export"), () => fs.mkdtemp(nodePath.join(parent, ".mg-export-"))),
      (made) => Effect.promise(() => fs.rm(made, { recursive: true, force: true }))
    )
    const files = yield* Effect.forEach(SECTIONS, (section) =>
      Effect.map(makeScratchFile(folder, section), (file) => [section, file] as const)
    )
    return new Map(files)
  })

const member = (name: string, value: unknown): string => `${JSON.stringify(name)}:${JSON.stringify(value)}`

const closing = (header: Header, fingerprint: Fingerprint.Fingerprint): string => {
  const { nodes, relationships, text } = fingerprint
  const integrity: Integrity = { nodes, relationships, fingerprint: text, digest: digestOf(header, fingerprint) }
  return `${member("integrity", integrity)}\n}\n`
}

const opening = (header: Header): string =>
  `{\n${Object.entries(header)
    .map(([name, value]) => `${member(name, value)},\n`)
    .join("")}`

/**
 * Writes a JSON 2.1 document in constant memory (beside about 40 bytes for each node that is no memory). The file
 * appears whole or not at all.
 */
export const writeJson = <E>(content: JsonContent<E>): Effect.Effect<JsonSummary, E | FileFailed> =>
  Effect.scoped(
    Effect.gen(function* () {
      const { backend, exportedAt, output, records, since } = content
      const beside = "path" in output ? nodePath.dirname(output.path) : os.tmpdir()
      const scratch = yield* makeScratch(content.scratch ?? beside)
      const sorter = new Sorter()

      const gather = records.pipe(
        Stream.chunks,
        Stream.runForEach((chunk) =>
          Effect.forEach(
            sorter.sort(Chunk.toReadonlyArray(chunk)),
            ([section, text]) => scratch.get(section)?.append(text) ?? Effect.void,
            { discard: true }
          )
        )
      )
      const head = Effect.sync(() => opening(sorter.header(backend, exportedAt, since)))
      const lists = Stream.flatMap(Stream.fromIterable(scratch), ([section, file]) =>
        Stream.make(`${JSON.stringify(section)}:[`).pipe(
          Stream.concat(file.bytes),
          Stream.concat(Stream.make("\n],\n"))
        )
      )
      const tail = Effect.sync(() => closing(sorter.header(backend, exportedAt, since), sorter.fingerprint.finish()))

      // The gathering is part of the content, so that an output that cannot be written shows before it and not after.
      yield* writeOutput(
        output,
        Stream.fromEffect(Effect.zipRight(gather, head)).pipe(
          Stream.concat(lists),
          Stream.concat(Stream.fromEffect(tail))
        )
      )
      return sorter.summary()
    })
  )
