/**
 * The fingerprint of a graph: per kind the count and the sum modulo 2^256 of the SHA-256 of each canonical line. It
 * does not depend on order, is built in constant memory, and equal lines do not cancel out as they would under XOR.
 */
import * as crypto from "node:crypto"
import { canonicalLine } from "./Canonical.ts"
import type { GraphRecord } from "./Graph.ts"

/** Count and hash sum of one kind of record; `sum` is 64 hex digits. */
export interface KindFingerprint {
  readonly count: number
  readonly sum: string
}

/** The fingerprint of a graph. `text` is the short form `mg1:` and 16 hex digits. */
export interface Fingerprint {
  readonly nodes: KindFingerprint
  readonly relationships: KindFingerprint
  readonly text: string
}

/** SHA-256 of a line's UTF-8 bytes. */
export const lineHash = (line: string): Buffer => crypto.hash("sha256", line, "buffer")

/** The hash of a record's canonical line, as 64 hex digits: how a record is told to be still what was written. */
export const recordHash = (record: GraphRecord): string => lineHash(canonicalLine(record)).toString("hex")

class Sum {
  count = 0
  // Eight 32-bit words, most significant first, kept as doubles: 2^20 additions stay exact between two carries.
  private readonly words = new Float64Array(8)
  private pending = 0

  add(hash: Buffer): void {
    for (let i = 0; i < 8; i++) this.words[i] = (this.words[i] ?? 0) + hash.readUInt32BE(i * 4)
    this.count++
    if (++this.pending === 1 << 20) this.carry()
  }

  private carry(): void {
    let over = 0
    for (let i = 7; i >= 0; i--) {
      const word = (this.words[i] ?? 0) + over
      over = Math.floor(word / 2 ** 32)
      this.words[i] = word - over * 2 ** 32
    }
    this.pending = 0
  }

  finish(): KindFingerprint {
    this.carry()
    return { count: this.count, sum: Array.from(this.words, (word) => word.toString(16).padStart(8, "0")).join("") }
  }
}

/** Puts the two halves together and computes the short form. */
export const make = (nodes: KindFingerprint, relationships: KindFingerprint): Fingerprint => {
  const lines = `nodes ${nodes.count} ${nodes.sum}\nrelationships ${relationships.count} ${relationships.sum}\n`
  return { nodes, relationships, text: `mg1:${crypto.hash("sha256", lines, "hex").slice(0, 16)}` }
}

/**
 * Adds up a fingerprint, record by record, in any order.
 *
 * @example
 * ```ts
 * const builder = new Fingerprint.Builder()
 * builder.addLine(record._tag, Canonical.canonicalLine(record))
 * builder.finish().text // mg1:...
 * ```
 */
export class Builder {
  private readonly node = new Sum()
  private readonly relationship = new Sum()

  /** Adds a record by the hash of its line. */
  addHash(tag: GraphRecord["_tag"], hash: Buffer): void {
    if (tag === "Node") this.node.add(hash)
    else this.relationship.add(hash)
  }

  /** Adds a record by its canonical line, and returns the line's hash. */
  addLine(tag: GraphRecord["_tag"], line: string): Buffer {
    const hash = lineHash(line)
    this.addHash(tag, hash)
    return hash
  }

  /** The fingerprint of everything added so far; adding may go on. */
  finish(): Fingerprint {
    return make(this.node.finish(), this.relationship.finish())
  }
}

/** The fingerprint of a graph without records. */
export const empty: Fingerprint = new Builder().finish()

/** True where two graphs have the same records: compares the full sums, not the short form. */
export const equals = (a: Fingerprint, b: Fingerprint): boolean =>
  a.nodes.count === b.nodes.count &&
  a.nodes.sum === b.nodes.sum &&
  a.relationships.count === b.relationships.count &&
  a.relationships.sum === b.relationships.sum
