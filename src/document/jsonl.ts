/**
 * JSONL: one record a line in canonical form, between a header and a footer. It is a document that people keep, and
 * the spool in which a graph rests between two stores. Without its footer it is refused: a file that breaks off is
 * never a smaller graph.
 *
 * ```
 * {"memorygraph":"jsonl","version":1,"created":"...","generator":"...","source":{"backend":"sqlite"}}
 * {"node":...}                                   nodes first
 * {"relationship":...}
 * {"footer":{"nodes":{"count":N,"sum":HEX},"relationships":{...},"fingerprint":"mg1:...","digest":HEX}}
 * ```
 * The digest is SHA-256 over every byte before the footer line, the header included.
 *
 * A document of rejects (its header has `rejects`, the run's id) is only a part of a graph: relationships may lead to
 * nodes that are not in it, and each record is followed by a line `{"rejected":"REASON"}`. One whose header has `since`
 * holds what is new or changed since that time, and the nodes that its relationships end at.
 */
import * as crypto from "node:crypto"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { canonicalLine, parseLine } from "../domain/Canonical.ts"
import { DocumentInvalid, type DocumentReason, type FileFailed } from "../domain/Errors.ts"
import * as Fingerprint from "../domain/Fingerprint.ts"
import type { GraphRecord } from "../domain/Graph.ts"
import { parseInstant } from "../domain/Instant.ts"
import { isJsonObject, type JsonObject, type JsonValue, parseJson } from "../domain/Json.ts"
import { type Line, readLines } from "./file.ts"
import { type JsonlSummary, VERSION } from "./jsonl-write.ts"

export { type JsonlHeader, JsonlEncoder, type JsonlSummary, VERSION } from "./jsonl-write.ts"

/** A record with the place it was read from. */
export interface JsonlRecord {
  /** From 1, the header being the first. */
  readonly line: number
  /** The line as it stands, without its end. */
  readonly text: string
  readonly record: GraphRecord
}

const invalid = (
  path: string,
  reason: DocumentReason,
  message: string,
  at?: { readonly line?: number | undefined; readonly key?: string | undefined }
): DocumentInvalid =>
  new DocumentInvalid({
    path,
    reason,
    ...(at?.line !== undefined && { line: at.line }),
    ...(at?.key !== undefined && { key: at.key }),
    message: `${path}${at?.line === undefined ? "" : `, line ${at.line}`}${at?.key === undefined ? "" : ` (${at.key})`}: ${message} Nothing was written.`
  })

const brokenOff = (path: string, { number }: Line): DocumentInvalid =>
  invalid(path, "truncated", "the document breaks off in this line. Use an undamaged copy or export again.", {
    line: number
  })

const object = (path: string, line: Line): JsonObject | DocumentInvalid => {
  let value: JsonValue
  try {
    value = parseJson(line.text, { strict: true })
  } catch (cause) {
    if (line.isOpen === true) return brokenOff(path, line)
    return invalid(path, "syntax", `it is not JSON: ${cause instanceof Error ? cause.message : String(cause)}.`, {
      line: line.number
    })
  }
  return isJsonObject(value) ? value : invalid(path, "schema", "it is not an object.", { line: line.number })
}

const checkHeader = (path: string, line: Line): JsonObject | DocumentInvalid => {
  const header = object(path, line)
  if (header instanceof DocumentInvalid) return header
  if (header["memorygraph"] !== "jsonl") {
    return invalid(path, "unknown-format", "this is not a MemoryGraph JSONL document: its header line is missing.", {
      line: 1
    })
  }
  if (header["version"] !== BigInt(VERSION)) {
    const version = typeof header["version"] === "object" ? "of another form" : String(header["version"])
    return invalid(
      path,
      "unsupported-version",
      `JSONL version ${version} is not known here; this release reads version ${VERSION}.`,
      {
        line: 1
      }
    )
  }
  const { since } = header
  if (since !== undefined && (typeof since !== "string" || parseInstant(since) === undefined)) {
    return invalid(path, "schema", "the time of `since` cannot be read.", { line: 1 })
  }
  return header
}

const kindFigures = (value: JsonValue | undefined): Fingerprint.KindFingerprint | undefined => {
  if (!isJsonObject(value)) return undefined
  const { count, sum } = value
  return typeof count === "bigint" && typeof sum === "string" ? { count: Number(count), sum } : undefined
}

const parseFooter = (path: string, line: Line): JsonlSummary | DocumentInvalid => {
  const value = object(path, line)
  if (value instanceof DocumentInvalid) return value
  const footer = value["footer"]
  if (!isJsonObject(footer)) return invalid(path, "schema", "the footer is not an object.", { line: line.number })
  const nodes = kindFigures(footer["nodes"])
  const relationships = kindFigures(footer["relationships"])
  const { digest, fingerprint } = footer
  if (
    nodes === undefined ||
    relationships === undefined ||
    typeof digest !== "string" ||
    typeof fingerprint !== "string"
  ) {
    return invalid(path, "schema", "the footer lacks counts, sums, fingerprint or digest.", { line: line.number })
  }
  const figures = Fingerprint.make(nodes, relationships)
  if (figures.text !== fingerprint) {
    return invalid(path, "fingerprint", `the footer's fingerprint ${fingerprint} does not belong to its own figures.`, {
      line: line.number
    })
  }
  return { fingerprint: figures, digest }
}

const REASON = '{"rejected":'

const isFooter = (text: string): boolean => text.startsWith('{"footer"')

/** Follows a document line by line and checks all that can be checked without parsing records. */
class Checker {
  summary: JsonlSummary | undefined
  private readonly path: string
  private readonly hash = crypto.createHash("sha256")
  private headerSeen = false
  private holdsRejects = false

  constructor(path: string) {
    this.path = path
  }

  /** The record lines among these lines, or what is wrong. */
  take(lines: ReadonlyArray<Line>): ReadonlyArray<Line> | DocumentInvalid {
    let first = 0
    if (!this.headerSeen && lines[0] !== undefined) {
      const header = checkHeader(this.path, lines[0])
      if (header instanceof DocumentInvalid) return header
      this.headerSeen = true
      this.holdsRejects = header["rejects"] !== undefined
      first = 1
    }
    let last = lines.length
    for (let i = first; i < lines.length; i++) {
      const line = lines[i]
      if (line === undefined) continue
      if (this.summary !== undefined) {
        return invalid(this.path, "truncated", "there is text after the footer: two documents, or a damaged one.", {
          line: line.number
        })
      }
      if (isFooter(line.text)) {
        const footer = parseFooter(this.path, line)
        if (footer instanceof DocumentInvalid) return footer
        this.summary = footer
        last = i
      }
    }
    if (last > 0)
      this.hash.update(
        `${lines
          .slice(0, last)
          .map((line) => line.text)
          .join("\n")}\n`
      )
    const records = lines.slice(first, last)
    return this.holdsRejects ? records.filter(({ text }) => !text.startsWith(REASON)) : records
  }

  /** The footer's figures once all lines were taken, or what is wrong. */
  finish(): JsonlSummary | DocumentInvalid {
    if (!this.headerSeen) return invalid(this.path, "unknown-format", "the file is empty.")
    if (this.summary === undefined) {
      return invalid(this.path, "truncated", "the footer line is missing: the document breaks off. Export it again.")
    }
    const digest = this.hash.digest("hex")
    if (digest !== this.summary.digest) {
      return invalid(
        this.path,
        "digest",
        `its bytes are not the ones that were written (digest ${digest.slice(0, 16)}, footer ${this.summary.digest.slice(0, 16)}). Use an undamaged copy or export again.`
      )
    }
    return this.summary
  }
}

/**
 * Reads the records of a document. The stream fails where a line is wrong, and at its end where the footer is missing
 * or does not agree with what was read; so nothing may be published before it has ended. `strict` looks for repeated
 * keys and computes the fingerprint anew: for documents from outside. Our own spool is held to its digest. Fails with
 * `DocumentInvalid`, which names the line, and with `FileFailed` where the disk does.
 *
 * @example
 * ```ts
 * const nodes = Jsonl.read("graph.jsonl.gz", { strict: true }).pipe(Stream.filter(({ record }) => record._tag === "Node"))
 * ```
 */
export const read = (
  path: string,
  options?: { readonly strict?: boolean }
): Stream.Stream<JsonlRecord, DocumentInvalid | FileFailed> =>
  Stream.suspend(() => {
    const checker = new Checker(path)
    const fingerprint = new Fingerprint.Builder()
    let relationshipsBegan = false

    const decode = (lines: Chunk.Chunk<Line>): Effect.Effect<Chunk.Chunk<JsonlRecord>, DocumentInvalid> =>
      Effect.suspend(() => {
        const taken = checker.take(Chunk.toReadonlyArray(lines))
        if (taken instanceof DocumentInvalid) return Effect.fail(taken)
        const records: Array<JsonlRecord> = []
        for (const line of taken) {
          const { number, text } = line
          const parsed = parseLine(text, options)
          if (parsed._tag === "Left") {
            const { key, message, reason } = parsed.left
            if (reason === "syntax" && line.isOpen === true) return Effect.fail(brokenOff(path, line))
            if (text.startsWith(REASON)) {
              const what = `the header does not say that the document holds rejects, as line ${number} does.`
              return Effect.fail(invalid(path, "schema", what, { line: 1 }))
            }
            return Effect.fail(invalid(path, reason, `${message}.`, { line: number, key }))
          }
          const record = parsed.right
          if (record._tag === "Relationship") relationshipsBegan = true
          else if (relationshipsBegan) {
            return Effect.fail(
              invalid(path, "order", "a node stands after a relationship.", { line: number, key: record.key })
            )
          }
          // A line from outside may be laid out otherwise than we would: the fingerprint is of the canonical one.
          if (options?.strict === true) fingerprint.addLine(record._tag, canonicalLine(record))
          records.push({ line: number, text, record })
        }
        return Effect.succeed(Chunk.unsafeFromArray(records))
      })

    const finish = Effect.suspend(() => {
      const summary = checker.finish()
      if (summary instanceof DocumentInvalid) return Effect.fail(summary)
      if (options?.strict !== true) return Effect.void
      const found = fingerprint.finish()
      return Fingerprint.equals(found, summary.fingerprint)
        ? Effect.void
        : Effect.fail(
            invalid(path, "fingerprint", `its records make ${found.text}, its footer says ${summary.fingerprint.text}.`)
          )
    })

    return readLines(path).pipe(Stream.mapChunksEffect(decode), Stream.concat(Stream.drain(Stream.fromEffect(finish))))
  })

/** What a document's header says of what it holds: rejects, or what is new or changed since a time. */
export interface JsonlPart {
  readonly holdsRejects: boolean
  /** ISO 8601, as it stands; undefined where the document holds more. */
  readonly since: string | undefined
}

/** Reads the header alone; a document whose header is wrong is a whole one here, and its reader says what is wrong. */
export const partOf = (path: string): Effect.Effect<JsonlPart, DocumentInvalid | FileFailed> =>
  readLines(path).pipe(
    Stream.runHead,
    Effect.map((line) => {
      const header = Option.isSome(line) ? checkHeader(path, line.value) : undefined
      if (header === undefined || header instanceof DocumentInvalid) return { holdsRejects: false, since: undefined }
      const { rejects, since } = header
      return { holdsRejects: rejects !== undefined, since: typeof since === "string" ? since : undefined }
    })
  )

/** Checks header, footer and digest of a document without parsing its records. */
export const check = (path: string): Effect.Effect<JsonlSummary, DocumentInvalid | FileFailed> =>
  Effect.suspend(() => {
    const checker = new Checker(path)
    return readLines(path).pipe(
      Stream.chunks,
      Stream.runForEach((lines) => {
        const taken = checker.take(Chunk.toReadonlyArray(lines))
        return taken instanceof DocumentInvalid ? Effect.fail(taken) : Effect.void
      }),
      Effect.flatMap(() => {
        const summary = checker.finish()
        return summary instanceof DocumentInvalid ? Effect.fail(summary) : Effect.succeed(summary)
      })
    )
  })
