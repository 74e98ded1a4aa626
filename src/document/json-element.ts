/** Reading single elements of a JSON 2.1 document, and what can be wrong with the document. */
import * as Either from "effect/Either"
import { parseLine } from "../domain/Canonical.ts"
import type { DocumentReason } from "../domain/Errors.ts"
import { describe, type GraphRecord } from "../domain/Graph.ts"
import { isJsonObject, type JsonObject, JsonSyntaxError, type JsonValue, parseJson } from "../domain/Json.ts"
import type { Section } from "./json-format.ts"
import {
  contradiction,
  decodeMemory,
  decodeRelationship,
  encodeMemory,
  encodeRelationship,
  RecordProblem
} from "./json-record.ts"

/** What is wrong with a document; becomes a `DocumentInvalid` where the file's name is known. */
export class DocumentProblem extends Error {
  readonly reason: DocumentReason
  readonly line: number | undefined
  readonly key: string | undefined
  constructor(reason: DocumentReason, message: string, line?: number, key?: string) {
    super(message)
    this.name = "DocumentProblem"
    this.reason = reason
    this.line = line
    this.key = key
  }
}

const parse = (text: string, line: number): JsonValue => {
  try {
    return parseJson(text, { strict: true })
  } catch (cause) {
    if (!(cause instanceof JsonSyntaxError)) throw cause
    if (cause.duplicateKey === undefined) throw new DocumentProblem("syntax", `it is not JSON: ${cause.message}`, line)
    throw new DocumentProblem("duplicate-key", cause.message, line)
  }
}

const parseObject = (text: string, line: number): JsonObject => {
  const json = parse(text, line)
  if (isJsonObject(json)) return json
  throw new DocumentProblem("schema", "an element of the list is not an object", line)
}

/** Reads a member that is no list, as JavaScript's own JSON values. Throws {@link DocumentProblem}. */
export const readScalar = (text: string, line: number): unknown => {
  parse(text, line)
  try {
    return JSON.parse(text)
  } catch {
    // What Python writes and JSON does not know.
    throw new DocumentProblem("syntax", "it is not JSON: NaN or Infinity in the header", line)
  }
}

const readView = (section: "memories" | "relationships", text: string, line: number): GraphRecord => {
  const json = parseObject(text, line)
  const record = section === "memories" ? decodeMemory(json) : decodeRelationship(json)
  const written = record._tag === "Node" ? encodeMemory(record) : encodeRelationship(record)
  // What is written just as we would write it cannot contradict itself.
  if (written === undefined || written === text) return record
  const field = contradiction(json, parseObject(written, line))
  if (field === undefined) return record
  const message = `${JSON.stringify(field)} is not what the property is, which stands exactly under "extra_properties"`
  throw new RecordProblem(message, describe(record))
}

const readCanonical = (section: "nodes" | "node_relationships", text: string, line: number): GraphRecord => {
  const record = parseLine(text, { strict: true })
  if (Either.isLeft(record)) throw new DocumentProblem(record.left.reason, record.left.message, line, record.left.key)
  if ((record.right._tag === "Node") === (section === "nodes")) return record.right
  throw new DocumentProblem("schema", "this record is of the other kind", line, describe(record.right))
}

/** Reads an element of one of the lists. Throws {@link DocumentProblem}. */
export const readElement = (section: Section, text: string, line: number): GraphRecord => {
  try {
    return section === "memories" || section === "relationships"
      ? readView(section, text, line)
      : readCanonical(section, text, line)
  } catch (cause) {
    if (cause instanceof RecordProblem) {
      throw new DocumentProblem("schema", `${cause.message} (in "${section}")`, line, cause.key)
    }
    if (cause instanceof DocumentProblem) {
      throw new DocumentProblem(cause.reason, `${cause.message} (in "${section}")`, line, cause.key)
    }
    throw cause
  }
}
