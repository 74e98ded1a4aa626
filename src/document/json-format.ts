/** The JSON document, format 2.1: its members, and what its `integrity` covers. */
import * as crypto from "node:crypto"
import * as Schema from "effect/Schema"
import type * as Fingerprint from "../domain/Fingerprint.ts"
import { parseInstant } from "../domain/Instant.ts"
import { Memory, MemoryRelationship } from "../domain/Memory.ts"

/** The version that this product writes and reads. */
export const FORMAT_VERSION = "2.1"

/** The lists of records, in the order in which they are written. */
export const SECTIONS = ["memories", "nodes", "relationships", "node_relationships"] as const
export type Section = (typeof SECTIONS)[number]

const count = Schema.Number.pipe(
  Schema.filter((value) => Number.isSafeInteger(value) && value >= 0, {
    jsonSchema: { type: "integer", minimum: 0 },
    message: () => "it must be a count"
  })
)
const optional = <A, I>(schema: Schema.Schema<A, I>) => Schema.optionalWith(schema, { exact: true })

const CanonicalProperties = Schema.Record({ key: Schema.String, value: Schema.Unknown }).annotations({
  identifier: "CanonicalProperties",
  description: "Properties by name, each value in canonical form."
})

const extra_properties = optional(
  CanonicalProperties.annotations({
    description: "Properties that the fields do not give back exactly, in canonical form; null: there is none."
  })
)

const DocumentMemory = Schema.Struct({
  ...Memory.fields,
  labels: optional(
    Schema.Array(Schema.String).annotations({ description: "All labels, where Memory is not the only one." })
  ),
  extra_properties
}).annotations({ identifier: "DocumentMemory" })

const DocumentRelationship = Schema.Struct({ ...MemoryRelationship.fields, extra_properties }).annotations({
  identifier: "DocumentRelationship"
})

/** The canonical line of a node. */
export const DocumentNode = Schema.Struct({
  node: Schema.String.annotations({ description: "The node's key." }),
  labels: Schema.Array(Schema.String),
  properties: CanonicalProperties
}).annotations({ identifier: "DocumentNode", description: "A node as its canonical line." })

/** The canonical line of a relationship. */
export const DocumentNodeRelationship = Schema.Struct({
  relationship: Schema.NullOr(Schema.String).annotations({ description: "The relationship's key, if it has one." }),
  type: Schema.String,
  from: Schema.String,
  to: Schema.String,
  properties: CanonicalProperties
}).annotations({
  identifier: "DocumentNodeRelationship",
  description: "A relationship as its canonical line."
})

const hash = Schema.String.pipe(Schema.pattern(/^[0-9a-f]{64}$/, { message: () => "it must be 64 hex digits" }))

/** Count and sum of one kind of record. */
export const KindFigures = Schema.Struct({ count, sum: hash }).annotations({
  identifier: "KindFigures",
  description: "How many records, and the sum of their hashes."
})

/** What a document says of its own wholeness. `nodes` counts memories and other nodes together. */
export const Integrity = Schema.Struct({
  nodes: KindFigures,
  relationships: KindFigures,
  fingerprint: Schema.String.pipe(
    Schema.pattern(/^mg1:[0-9a-f]{16}$/, { message: () => "it must be mg1: and 16 hex digits" })
  ),
  digest: hash.annotations({ description: "SHA-256 over the header's values and the figures." })
}).annotations({ identifier: "Integrity" })
export type Integrity = typeof Integrity.Type

/** The time of a part. */
export const SINCE = Schema.String.annotations({
  description:
    "Only records that are new or changed since this time (ISO 8601), and the nodes that their relationships end at."
})

/** The members before the lists. */
export const Header = Schema.Struct({
  format_version: Schema.Literal(FORMAT_VERSION),
  export_version: Schema.Literal("1.0").annotations({ description: "Readers of the first format look for it." }),
  export_date: Schema.String.annotations({ description: "ISO 8601." }),
  backend_type: Schema.String,
  memory_count: count.annotations({ description: "The number of memories." }),
  relationship_count: count.annotations({ description: "The number of relationships between memories." }),
  since: optional(
    SINCE.pipe(Schema.filter((text) => parseInstant(text) !== undefined, { message: () => "it must be a time" }))
  )
})
export type Header = typeof Header.Type

/** A whole document, for its JSON Schema: documents are written and read record by record, never as one value. */
export const JsonDocument = Schema.Struct({
  ...Header.fields,
  memories: Schema.Array(DocumentMemory),
  nodes: Schema.Array(DocumentNode).annotations({ description: "Nodes that are no memories." }),
  relationships: Schema.Array(DocumentRelationship),
  node_relationships: Schema.Array(DocumentNodeRelationship).annotations({
    description: "Relationships with an end that is no memory."
  }),
  integrity: Integrity
}).annotations({ identifier: "JsonDocument", title: "MemoryGraph export, format 2.1" })
export type JsonDocument = typeof JsonDocument.Type

/** The digest over everything that the fingerprint does not cover: independent of layout and order of members. */
export const digestOf = (header: Header, { nodes, relationships }: Fingerprint.Fingerprint): string => {
  const { backend_type, export_date, export_version, format_version, memory_count, relationship_count, since } = header
  const covered = [format_version, export_version, export_date, backend_type, memory_count, relationship_count]
  const figures = [nodes.count, nodes.sum, relationships.count, relationships.sum]
  const part = since === undefined ? [] : [since]
  return crypto.hash("sha256", JSON.stringify([...covered, ...figures, ...part]), "hex")
}
