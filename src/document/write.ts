/** Writing a document of any format from a spool. */
import * as nodePath from "node:path"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { DocumentInvalid, FileFailed } from "../domain/Errors.ts"
import type { CypherFlavour } from "./cypher-flavours.ts"
import { readBytes } from "./file-read.ts"
import { mayWriteFile, type Output, writeOutput } from "./file-write.ts"
import type { DocumentFormat } from "./formats.ts"
import { writeJson } from "./json.ts"
import * as Jsonl from "./jsonl.ts"
import type { WrittenDocument } from "./losses.ts"
import { mayWriteFolder } from "./markdown-folder.ts"
import { isArchive, writeMarkdown } from "./markdown-write.ts"
import { writeMcpMemory } from "./mcp-memory.ts"

export type { CypherFlavour } from "./cypher-flavours.ts"
export type { Output } from "./file-write.ts"
export { DOCUMENT_FORMATS, type DocumentFormat } from "./formats.ts"
export type { WrittenDocument } from "./losses.ts"

/** What is written: the spool, and what is known of it. */
export interface DocumentContent {
  readonly format: DocumentFormat
  /** Markdown goes into a folder, or an archive where the path ends in `.tar` or `.tar.gz`, or a writable gets it. */
  readonly output: Output
  /** The path of a checked spool; scratch files are made, and removed, in its folder. */
  readonly spool: string
  /** The kind of store that the graph comes from: `sqlite`. */
  readonly backend: string
  /** When it was exported, ISO 8601. */
  readonly exportedAt: string
  /** The time of a part: see `JsonContent`. Formats other than JSON and JSONL cannot say it. */
  readonly since?: string | undefined
  /** The engine that a Cypher script is for; default `neo4j`. */
  readonly cypherFor?: CypherFlavour | undefined
}

/** Fails with what would end {@link writeDocument} at once: before the graph is read, rather than after. */
export const mayWriteDocument = (format: DocumentFormat, output: Output): Effect.Effect<void, FileFailed> => {
  if (!("path" in output)) return Effect.void
  const { existing = "refuse", path } = output
  return format === "markdown" && !isArchive(path) ? mayWriteFolder(path, existing) : mayWriteFile(path, existing)
}

/**
 * Writes the document; a file appears whole or not at all. Returns what other programs that read the format will skip,
 * and what the format cannot hold. Fails with `FileFailed` where it cannot be written, and
 * with `DocumentInvalid` where the spool is not what it was.
 */
export const writeDocument = (
  document: DocumentContent
): Effect.Effect<WrittenDocument, DocumentInvalid | FileFailed> => {
  const { backend, exportedAt, format, output, spool } = document
  // A spool is a JSONL document already.
  if (format === "jsonl") return Effect.as(writeOutput(output, readBytes(spool)), WHOLE)
  const records = Jsonl.read(spool).pipe(Stream.map(({ record }) => record))
  if (format === "mcp-memory") return writeMcpMemory({ output, records })
  if (format === "markdown") {
    return Effect.as(writeMarkdown({ output, backend, exportedAt, records, scratch: nodePath.dirname(spool) }), WHOLE)
  }
  if (format === "cypher") {
    // Apart, because it knows what each engine holds, and for that loads their drivers.
    return Effect.flatMap(
      Effect.promise(() => import("./cypher-write.ts")),
      ({ writeCypher }) => writeCypher({ output, flavour: document.cypherFor ?? "neo4j", backend, exportedAt, records })
    )
  }
  return writeJson({
    output,
    backend,
    exportedAt,
    since: document.since,
    records,
    scratch: nodePath.dirname(spool)
  }).pipe(
    Effect.map(({ legacy }) => ({
      ...WHOLE,
      warnings: [
        ...skipped(legacy.nodes, "node(s) that are no memories"),
        ...skipped(legacy.nodeRelationships, "relationship(s) of such nodes"),
        ...Object.entries(legacy.reasons).flatMap(([reason, count]) => skipped(count, `record(s): ${reason}`))
      ]
    }))
  )
}

const WHOLE: WrittenDocument = { warnings: [], leftOut: 0 }

const skipped = (count: number, what: string): ReadonlyArray<string> =>
  count === 0 ? [] : [`readers of format 2.0 will skip ${count} ${what}`]
