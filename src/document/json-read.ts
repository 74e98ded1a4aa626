/**
 * Reading a JSON 2.1 document, however it is laid out, in constant memory (beside about 40 bytes a record, to find
 * records that stand there twice).
 */
import * as Chunk from "effect/Chunk"
import * as Either from "effect/Either"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { canonicalLine } from "../domain/Canonical.ts"
import { DocumentInvalid, type FileFailed } from "../domain/Errors.ts"
import * as Fingerprint from "../domain/Fingerprint.ts"
import type { GraphRecord } from "../domain/Graph.ts"
import { DocumentProblem, readElement, readScalar } from "./json-element.ts"
import { digestOf, FORMAT_VERSION, Header, Integrity, type Section, SECTIONS } from "./json-format.ts"
import { ScanProblem } from "./json-scan.ts"
import { type PassReader, readPasses } from "./json-passes.ts"
import { KeySet } from "./key-set.ts"

const SCALARS: ReadonlySet<string> = new Set([...Object.keys(Header.fields), "integrity"])
const decodeHeader = Schema.decodeUnknownEither(Header)
const decodeIntegrity = Schema.decodeUnknownEither(Integrity, { onExcessProperty: "error" })

const sectionOf = (name: string): Section | undefined => SECTIONS.find((section) => section === name)
const isOfNodes = (section: Section): boolean => section === "memories" || section === "nodes"

/** The members of the document that were met, and the line of each. */
type Lines = ReadonlyMap<string, number>

const decoded = <A>(
  result: Either.Either<A, ParseResult.ParseError>,
  lines: Lines,
  ...path: ReadonlyArray<string>
): A => {
  if (Either.isRight(result)) return result.right
  const [issue] = ParseResult.ArrayFormatter.formatErrorSync(result.left)
  const where = [...path, ...(issue?.path ?? [])].map(String)
  throw new DocumentProblem(
    "schema",
    `${JSON.stringify(where.join("."))} is wrong: ${issue?.message ?? "not as the format says"}`,
    lines.get(where[0] ?? "")
  )
}

/** Lists that cannot be read yet are put off to another pass: before the version is known, and ends before their nodes. */
class JsonReader implements PassReader {
  private readonly scalars: { [name: string]: unknown } = {}
  private readonly finished = new Set<Section>()
  private readonly counts: { [section in Section]: number } = {
    memories: 0,
    nodes: 0,
    relationships: 0,
    node_relationships: 0
  }
  private readonly fingerprint = new Fingerprint.Builder()
  private readonly nodeKeys = new KeySet()
  private readonly relationshipKeys = new KeySet()
  private seen = new Map<string, number>()
  private putOff = false
  private records: Array<GraphRecord> = []

  /** The records read since the last call. */
  take(): Chunk.Chunk<GraphRecord> {
    const taken = this.records
    this.records = []
    return Chunk.unsafeFromArray(taken)
  }

  member(name: string, line: number): "value" | "elements" | "skip" {
    if (this.seen.has(name)) throw new DocumentProblem("duplicate-key", `${JSON.stringify(name)} stands twice`, line)
    this.seen.set(name, line)
    // Readers must know it before they see a record.
    if (name === "since" && this.seen.size > 1 && SECTIONS.some((section) => this.seen.has(section))) {
      throw new DocumentProblem("order", `"since" stands behind a list`, line)
    }
    if (SCALARS.has(name)) return "value"
    const section = sectionOf(name)
    if (section === undefined || this.finished.has(section)) return "skip"
    const ready = isOfNodes(section) || (this.finished.has("memories") && this.finished.has("nodes"))
    if (ready && this.scalars["format_version"] === FORMAT_VERSION) return "elements"
    this.putOff = true
    return "skip"
  }

  value(name: string, text: string, line: number): void {
    const value = readScalar(text, line)
    this.scalars[name] = value
    if (name === "format_version" && value !== FORMAT_VERSION) throw otherVersion(value, line)
  }

  element(name: string, text: string, line: number): void {
    const section = sectionOf(name)
    if (section === undefined) return
    const record = readElement(section, text, line)
    this.counts[section]++
    const keys = record._tag === "Node" ? this.nodeKeys : this.relationshipKeys
    if (record.key !== null && !keys.add(record.key)) {
      throw new DocumentProblem("duplicate-record", "a record of this id stands there before", line, record.key)
    }
    this.fingerprint.addLine(record._tag, canonicalLine(record))
    this.records.push(record)
  }

  end(name: string): void {
    const section = sectionOf(name)
    if (section !== undefined) this.finished.add(section)
  }

  /** Ends a pass; true where another one is needed. Throws {@link DocumentProblem} where the document is not whole. */
  endPass(): boolean {
    const { putOff, seen } = this
    this.seen = new Map()
    this.putOff = false
    if (!seen.has("format_version")) throw withoutVersion(seen, this.scalars["export_version"])
    const strange = [...seen.keys()].filter((name) => !SCALARS.has(name) && sectionOf(name) === undefined)
    if (strange.length > 0) {
      throw new DocumentProblem(
        "schema",
        `${quoted(strange)} does not belong to a document of format ${FORMAT_VERSION}`,
        seen.get(strange[0] ?? "")
      )
    }
    const missing = [...SCALARS, ...SECTIONS].filter((name) => name !== "since" && !seen.has(name))
    if (missing.length > 0) throw new DocumentProblem("schema", `${quoted(missing)} is missing`)
    if (!putOff) this.check(seen)
    return putOff
  }

  private check(lines: Lines): void {
    const header = decoded(decodeHeader(this.scalars), lines)
    const integrity = decoded(decodeIntegrity(this.scalars["integrity"]), lines, "integrity")
    const found = this.fingerprint.finish()
    const counts = [
      ["memory_count", header.memory_count, this.counts.memories],
      ["relationship_count", header.relationship_count, this.counts.relationships],
      ["integrity.nodes.count", integrity.nodes.count, found.nodes.count],
      ["integrity.relationships.count", integrity.relationships.count, found.relationships.count]
    ] as const
    for (const [name, said, there] of counts) {
      if (said === there) continue
      const [member = ""] = name.split(".")
      throw new DocumentProblem("counts", `${name} says ${said}, but there are ${there}`, lines.get(member))
    }
    const said = Fingerprint.make(integrity.nodes, integrity.relationships)
    if (!Fingerprint.equals(said, found) || integrity.fingerprint !== found.text) {
      throw new DocumentProblem(
        "fingerprint",
        `its records make ${found.text}, but it says ${integrity.fingerprint}: it was changed after it was written. Use an undamaged copy or export again`
      )
    }
    if (integrity.digest !== digestOf(header, found)) {
      throw new DocumentProblem(
        "digest",
        "its header was changed after it was written. Use an undamaged copy or export again"
      )
    }
  }
}

const quoted = (names: ReadonlyArray<string>): string => names.map((name) => JSON.stringify(name)).join(", ")

const otherVersion = (version: unknown, line?: number): DocumentProblem => {
  const shown = typeof version === "string" ? version : JSON.stringify(version)
  const advice = /^1(\.|$)|^2\.0$/.test(shown)
    ? "Such documents lack relationships and fields: migrate from the store itself, which is complete"
    : "Use a release that knows it"
  const message = `it is of format ${shown}, this release reads ${FORMAT_VERSION}. ${advice}`
  return new DocumentProblem("unsupported-version", message, line)
}

const withoutVersion = (seen: Lines, exportVersion: unknown): DocumentProblem =>
  seen.has("memories") && exportVersion !== undefined
    ? otherVersion(exportVersion)
    : new DocumentProblem("unknown-format", `it is no MemoryGraph document: "format_version" is missing`)

const invalid = (path: string, cause: unknown): DocumentInvalid => {
  if (!(cause instanceof DocumentProblem || cause instanceof ScanProblem)) throw cause
  const key = cause instanceof DocumentProblem ? cause.key : undefined
  const at = `${cause.line === undefined ? "" : `, line ${cause.line}`}${key === undefined ? "" : ` (${key})`}`
  return new DocumentInvalid({
    path,
    reason: cause.reason,
    ...(cause.line !== undefined && { line: cause.line }),
    ...(key !== undefined && { key }),
    message: `${path}${at}: ${cause.message}. Nothing was written.`
  })
}

/**
 * The records of a JSON 2.1 document, all nodes before all relationships. The stream fails where a record is wrong, and
 * at its end where the document breaks off or is not what its `integrity` says: until it has ended, nothing it gave is
 * certain. A document that has its members in our order is read in one pass, any other in up to three.
 */
export const readJson = (path: string): Stream.Stream<GraphRecord, DocumentInvalid | FileFailed> =>
  Stream.suspend(() => {
    const reader = new JsonReader()
    return readPasses(path, reader, (cause) => invalid(path, cause))
  })
