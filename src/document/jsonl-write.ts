/** Writing JSONL: the header, the lines and the footer of a document, as text. */
import * as crypto from "node:crypto"
import { canonicalLine } from "../domain/Canonical.ts"
import * as Fingerprint from "../domain/Fingerprint.ts"
import type { GraphRecord } from "../domain/Graph.ts"

/** The version that this product writes and reads. */
export const VERSION = 1

/** What the header says of the document's origin. `created` is ISO 8601. */
export interface JsonlHeader {
  readonly created: string
  /** The program that writes it, and its version. */
  readonly generator: string
  /** The kind of store that the graph comes from: `sqlite`. */
  readonly backend: string
  /** The run that rejected the records, where the document holds rejects. */
  readonly rejects?: string | undefined
  /** The time since which the records are new or changed, where the document holds no more than those and their ends. */
  readonly since?: string | undefined
}

/** What the footer says, and what a reader computed. */
export interface JsonlSummary {
  readonly fingerprint: Fingerprint.Fingerprint
  /** SHA-256 of every byte before the footer line, 64 hex digits. */
  readonly digest: string
}

/**
 * Turns chunks of records into the text of a document; nodes must come before relationships. Call `header` first,
 * then `records` any number of times, then `footer` once.
 */
export class JsonlEncoder {
  private readonly hash = crypto.createHash("sha256")
  private readonly fingerprint = new Fingerprint.Builder()

  /** The header line. */
  header(header: JsonlHeader): string {
    const line = `${JSON.stringify({
      memorygraph: "jsonl",
      version: VERSION,
      created: header.created,
      generator: header.generator,
      source: { backend: header.backend },
      ...(header.rejects !== undefined && { rejects: header.rejects }),
      ...(header.since !== undefined && { since: header.since })
    })}\n`
    this.hash.update(line)
    return line
  }

  /** The lines of some records: text and not bytes, since buffers of this size outlive their use by far. */
  records(records: Iterable<GraphRecord>): string {
    const lines: Array<string> = []
    for (const record of records) {
      const line = canonicalLine(record)
      this.fingerprint.addLine(record._tag, line)
      lines.push(line)
    }
    if (lines.length === 0) return ""
    const text = `${lines.join("\n")}\n`
    this.hash.update(text)
    return text
  }

  /** The lines of rejects: each record as its canonical line, and why it was rejected. */
  rejects(
    records: Iterable<{ readonly tag: GraphRecord["_tag"]; readonly line: string; readonly why: string }>
  ): string {
    let text = ""
    for (const { line, tag, why } of records) {
      this.fingerprint.addLine(tag, line)
      text += `${line}\n${JSON.stringify({ rejected: why })}\n`
    }
    this.hash.update(text)
    return text
  }

  /** The footer line and what it says; nothing can be added after it. */
  footer(): { readonly text: string; readonly summary: JsonlSummary } {
    const summary: JsonlSummary = { fingerprint: this.fingerprint.finish(), digest: this.hash.digest("hex") }
    const { nodes, relationships, text } = summary.fingerprint
    return {
      text: `${JSON.stringify({ footer: { nodes, relationships, fingerprint: text, digest: summary.digest } })}\n`,
      summary
    }
  }
}
