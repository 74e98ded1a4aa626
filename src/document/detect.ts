/** Telling a document's format by its content, whatever its name says. */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { DocumentInvalid, FileFailed } from "../domain/Errors.ts"
import { readBytes } from "./file-read.ts"

/** What a file turned out to be. `unknown` is no error: the caller knows what else it may be. */
export type DetectedFormat = "json" | "jsonl" | "unknown"

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

const formatOf = (head: Buffer): DetectedFormat => {
  const first = FIRST_MEMBER.exec(head.toString("utf8"))?.[1]
  if (first === undefined) return "unknown"
  const name = first.slice(1, -1)
  if (JSONL_FIRST.has(name)) return "jsonl"
  return JSON_MEMBERS.has(name) ? "json" : "unknown"
}

/** Looks at the beginning of a file (unpacked, where it is gzip). Fails where it cannot be read. */
export const detectFormat = (path: string): Effect.Effect<DetectedFormat, DocumentInvalid | FileFailed> =>
  readBytes(path).pipe(
    Stream.mapAccum(0, (before, bytes) => [before + bytes.length, { before, bytes }] as const),
    Stream.takeWhile(({ before }) => before < HEAD_BYTES),
    Stream.runFold(Buffer.alloc(0), (head, { bytes }) => Buffer.concat([head, bytes]).subarray(0, HEAD_BYTES)),
    Effect.map(formatOf)
  )
