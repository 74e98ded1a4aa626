/**
 * The JSON Schemas (2020-12) of the documents; apart from the rest, because making them takes a moment that only few
 * calls need. The package publishes them under `schemas/` (`scripts/schemas.mjs`).
 */
import * as JSONSchema from "effect/JSONSchema"
import * as Schema from "effect/Schema"
import { DocumentNode, DocumentNodeRelationship, JsonDocument, KindFigures, SINCE } from "./json-format.ts"

const fingerprint = Schema.String.pipe(Schema.pattern(/^mg1:[0-9a-f]{16}$/))
const digest = Schema.String.pipe(Schema.pattern(/^[0-9a-f]{64}$/))

const JsonlHeader = Schema.Struct({
  memorygraph: Schema.Literal("jsonl"),
  version: Schema.Literal(1),
  created: Schema.String.annotations({ description: "ISO 8601." }),
  generator: Schema.String,
  source: Schema.Struct({ backend: Schema.String }),
  rejects: Schema.optionalWith(
    Schema.String.annotations({ description: "The run that rejected the records, where the document holds rejects." }),
    { exact: true }
  ),
  since: Schema.optionalWith(SINCE, { exact: true })
}).annotations({ identifier: "JsonlHeader", description: "The first line." })

const JsonlRejected = Schema.Struct({ rejected: Schema.String }).annotations({
  identifier: "JsonlRejected",
  description: "Why the record before it was rejected; in documents of rejects only."
})

const JsonlFooter = Schema.Struct({
  footer: Schema.Struct({
    nodes: KindFigures,
    relationships: KindFigures,
    fingerprint,
    digest: digest.annotations({ description: "SHA-256 over every byte before this line." })
  })
}).annotations({ identifier: "JsonlFooter", description: "The last line." })

const JsonlLine = Schema.Union(
  JsonlHeader,
  DocumentNode,
  DocumentNodeRelationship,
  JsonlRejected,
  JsonlFooter
).annotations({ identifier: "JsonlLine", title: "A line of a MemoryGraph JSONL document, version 1" })

/** The JSON Schema of a JSON 2.1 document. */
export const jsonSchema: JSONSchema.JsonSchema7Root = JSONSchema.make(JsonDocument, { target: "jsonSchema2020-12" })

/** The JSON Schema of each line of a JSONL document. */
export const jsonlSchema: JSONSchema.JsonSchema7Root = JSONSchema.make(JsonlLine, { target: "jsonSchema2020-12" })

// Effect gives every schema that takes anything the same `$id`, and an id that stands twice is an error.
/** A schema without the ids that are no ids. */
export const withoutIds = (schema: unknown): unknown => {
  if (typeof schema !== "object" || schema === null) return schema
  if (Array.isArray(schema)) return schema.map(withoutIds)
  return Object.fromEntries(
    Object.entries(schema)
      .filter(([name, value]) => name !== "$id" || typeof value !== "string")
      .map(([name, value]) => [name, withoutIds(value)])
  )
}

/** The schemas of the documents, by file name. */
export const DOCUMENT_SCHEMAS: { readonly [file: string]: unknown } = {
  "document-2.1.schema.json": withoutIds(jsonSchema),
  "jsonl-line-1.schema.json": withoutIds(jsonlSchema)
}
