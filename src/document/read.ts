/** Reading a document of any format that this product knows, recognised by its content. */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { DocumentInvalid, type FileFailed } from "../domain/Errors.ts"
import type { GraphRecord } from "../domain/Graph.ts"
import { detectFormat, isFolder } from "./detect.ts"
import { MaxSize } from "./file-read.ts"
import type { ReadFormat } from "./formats.ts"
import { sinceOfJson } from "./json-since.ts"
import { isLegacyJson, readLegacyJson } from "./json-legacy-read.ts"
import { readJson } from "./json.ts"
import * as Jsonl from "./jsonl.ts"
import { folderFiles, tarFiles } from "./markdown-files.ts"
import { openMarkdown } from "./markdown-read.ts"
import { readMcpMemory } from "./mcp-memory.ts"
import { statedTotal } from "./stated-total.ts"

export { READ_FORMATS, type ReadFormat } from "./formats.ts"

/** A document, ready to be read. */
export interface OpenDocument {
  readonly path: string
  /** As it was given, or recognised. */
  readonly format: ReadFormat
  /** Fails where the document is damaged, at its end at the latest; may be read more than once. */
  readonly records: Stream.Stream<GraphRecord, DocumentInvalid | FileFailed>
  /** True for a document of rejects: a part of a graph, whose other part the target holds. */
  readonly isPartial: boolean
  /** The time of a document that holds what was new or changed since then, and the ends which that needs. */
  readonly since?: string | undefined
  /** How many records it says that it holds, where it says so: for progress, not for trust. */
  readonly total: number | undefined
  /** What the document lacks or leaves open, one sentence each; complete once `records` has ended. */
  readonly losses: Effect.Effect<ReadonlyArray<string>>
}

/** How to read a document. */
export interface ReadOptions {
  /** Bytes beyond which it is refused, unpacked where it is gzip. Default: 64 GiB where it is gzip, any number else. */
  readonly maxSize?: number | undefined
  /** For Markdown: title, content and tags come from bodies that were edited, which are refused otherwise. */
  readonly preferBody?: boolean | undefined
}

const NOTHING: Effect.Effect<ReadonlyArray<string>> = Effect.succeed([])

const open = (
  path: string,
  format: ReadFormat | "unknown",
  options: ReadOptions
): Effect.Effect<Omit<OpenDocument, "total">, DocumentInvalid | FileFailed> =>
  Effect.gen(function* () {
    switch (format) {
      case "json":
        return (yield* isLegacyJson(path))
          ? { path, format, isPartial: false, ...readLegacyJson(path) }
          : {
              path,
              format,
              isPartial: false,
              since: yield* sinceOfJson(path),
              records: readJson(path),
              losses: NOTHING
            }
      case "jsonl": {
        const { holdsRejects, since } = yield* Jsonl.partOf(path)
        return {
          path,
          format,
          records: Stream.map(Jsonl.read(path, { strict: true }), ({ record }) => record),
          isPartial: holdsRejects,
          since,
          losses: NOTHING
        }
      }
      case "markdown": {
        const files = (yield* isFolder(path)) ? folderFiles(path) : tarFiles(path)
        return { path, format, isPartial: false, ...(yield* openMarkdown(path, files, options)) }
      }
      case "mcp-memory":
        return { path, format, isPartial: false, ...readMcpMemory(path) }
      case "unknown":
        return yield* new DocumentInvalid({
          path,
          reason: "unknown-format",
          message: `${path} is no document that this program knows (JSON, JSONL, a folder or archive of Markdown, or the MCP memory server's memory.jsonl). Nothing was written. Check the name; --format says which it is where it cannot be recognised.`
        })
    }
  })

/**
 * Opens a document: a file, or a folder of Markdown; `auto` looks at its content. Fails with `DocumentInvalid`
 * (`not-found`, `permission`, `unknown-format`, ...) or `FileFailed` (`io`). That it opens does not say that it is
 * whole: its `records` do, at their end.
 *
 * @example
 * ```ts
 * const document = yield* openDocument("memories.json.gz", "auto")
 * const report = yield* importRecords(document, target, { stateFolder: "state" })
 * ```
 */
export const openDocument = (
  path: string,
  format: ReadFormat | "auto",
  options: ReadOptions = {}
): Effect.Effect<OpenDocument, DocumentInvalid | FileFailed> =>
  Effect.gen(function* () {
    const document = yield* open(path, format === "auto" ? yield* detectFormat(path) : format, options)
    const total = yield* statedTotal(path)
    return { ...document, total, records: Stream.provideService(document.records, MaxSize, options.maxSize) }
  }).pipe(Effect.provideService(MaxSize, options.maxSize))
