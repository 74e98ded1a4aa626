/** Telling a document's format by its content, whatever its name says. */
import * as fs from "node:fs/promises"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { DocumentInvalid, FileFailed } from "../domain/Errors.ts"
import { readBytes } from "./file-read.ts"

/** What a file turned out to be. `unknown` is no error: the caller knows what else it may be. */
export type DetectedFormat = "json" | "jsonl" | "markdown" | "mcp-memory" | "unknown"

// A document says in its first member what it is; JSONL without its header is JSONL all the same (and refused as such).
const JSONL_FIRST = new Set(["memorygraph", "node", "relationship"])
const FIRST_MEMBER = /^\ufeff?\s*\{\s*("(?:[^"\\]|\\.)*")\s*:/

const JSON_MEMBERS = new Set([
  "format_version",
  "export_version",
  "export_date",
  "backend_type",
  "memory_count",
  "relationship_count",
  "memories",
  "nodes",
  "relationships",
  "node_relationships",
  "integrity"
])

const HEAD_BYTES = 4096

// What the MCP memory server writes begins with its type; its relatives put other fields before it.
const MCP_MEMORY_FIRST = /^\ufeff?\s*\{\s*"type"\s*:\s*"(?:entity|relation)"\s*,/
const MCP_MEMORY_TYPE = /"type"\s*:\s*"(?:entity|relation)"/
const MCP_MEMORY_FIELD = /"(?:entityType|relationType)"\s*:/

const isMcpMemory = (text: string): boolean => {
  const [line = ""] = text.trimStart().split("\n", 1)
  return (
    MCP_MEMORY_FIRST.test(text) ||
    (/^\ufeff?\{/.test(line) && MCP_MEMORY_TYPE.test(line) && MCP_MEMORY_FIELD.test(line))
  )
}

const TAR_MAGIC_AT = 257

const formatOf = (head: Buffer): DetectedFormat => {
  if (head.toString("latin1", TAR_MAGIC_AT, TAR_MAGIC_AT + 5) === "ustar") return "markdown"
  const text = head.toString("utf8")
  const first = FIRST_MEMBER.exec(text)?.[1]
  if (first === undefined) return "unknown"
  const name = first.slice(1, -1)
  if (JSONL_FIRST.has(name)) return "jsonl"
  if (JSON_MEMBERS.has(name)) return "json"
  return isMcpMemory(text) ? "mcp-memory" : "unknown"
}

/** True for a folder; what cannot be looked at is none: whoever opens it says why. */
export const isFolder = (path: string): Effect.Effect<boolean> =>
  Effect.promise(() =>
    fs.stat(path).then(
      (found) => found.isDirectory(),
      () => false
    )
  )

/**
 * Looks at the beginning of a file (unpacked, where it is gzip). A folder, or a tar archive, is Markdown. Fails where it
 * cannot be read.
 */
export const detectFormat = (path: string): Effect.Effect<DetectedFormat, DocumentInvalid | FileFailed> =>
  Effect.flatMap(isFolder(path), (folder) => (folder ? Effect.succeed("markdown") : formatOfFile(path)))

const formatOfFile = (path: string): Effect.Effect<DetectedFormat, DocumentInvalid | FileFailed> =>
  readBytes(path).pipe(
    Stream.mapAccum(0, (before, bytes) => [before + bytes.length, { before, bytes }] as const),
    Stream.takeWhile(({ before }) => before < HEAD_BYTES),
    Stream.runFold(Buffer.alloc(0), (head, { bytes }) => Buffer.concat([head, bytes]).subarray(0, HEAD_BYTES)),
    Effect.map(formatOf)
  )
