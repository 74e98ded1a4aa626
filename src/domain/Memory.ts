/**
 * MemoryGraph's own model: the typed view of a node labelled `Memory` and of a relationship between memories. Views
 * serve documents, validation and people; what travels between stores is the record with all its properties.
 *
 * Programs flatten a memory's context: its field `project_path` is the node's property `context_project_path`.
 */
import * as Schema from "effect/Schema"
import { type GraphRecord, property } from "./Graph.ts"
import type { PropertyValue } from "./PropertyValue.ts"

/** The label of a memory's node. */
export const MEMORY_LABEL = "Memory"

/** What a context field's property name begins with. */
export const CONTEXT_PREFIX = "context_"

/** The types of memory that MemoryGraph knows. */
export const MEMORY_TYPES = [
  "task",
  "code_pattern",
  "problem",
  "solution",
  "project",
  "technology",
  "error",
  "fix",
  "command",
  "file_context",
  "workflow",
  "general",
  "conversation"
] as const
/** A type of memory that MemoryGraph knows. */
export type MemoryType = (typeof MEMORY_TYPES)[number]

/** The types of relationship between memories that MemoryGraph knows. */
export const RELATIONSHIP_TYPES = [
  // causes
  "CAUSES",
  "TRIGGERS",
  "LEADS_TO",
  "PREVENTS",
  "BREAKS",
  // solutions
  "SOLVES",
  "ADDRESSES",
  "ALTERNATIVE_TO",
  "IMPROVES",
  "REPLACES",
  // context
  "OCCURS_IN",
  "APPLIES_TO",
  "WORKS_WITH",
  "REQUIRES",
  "USED_IN",
  // learning
  "BUILDS_ON",
  "CONTRADICTS",
  "CONFIRMS",
  "GENERALIZES",
  "SPECIALIZES",
  // similarity
  "SIMILAR_TO",
  "VARIANT_OF",
  "RELATED_TO",
  "ANALOGY_TO",
  "OPPOSITE_OF",
  // workflow
  "FOLLOWS",
  "DEPENDS_ON",
  "ENABLES",
  "BLOCKS",
  "PARALLEL_TO",
  // quality
  "EFFECTIVE_FOR",
  "INEFFECTIVE_FOR",
  "PREFERRED_OVER",
  "DEPRECATED_BY",
  "VALIDATED_BY"
] as const
/** A type of relationship that MemoryGraph knows. */
export type RelationshipType = (typeof RELATIONSHIP_TYPES)[number]

/** Who may see a memory. */
export const VISIBILITIES = ["private", "project", "team", "public"] as const
/** Who may see a memory. */
export type Visibility = (typeof VISIBILITIES)[number]

// Any size: beyond 2^53 a JavaScript number is rounded, but what is read exactly is the record and not its view.
const Integer = Schema.Number.pipe(
  Schema.filter((value) => Number.isInteger(value), { jsonSchema: { type: "integer" } })
)

const optional = <A, I>(schema: Schema.Schema<A, I>) => Schema.optionalWith(schema, { exact: true })

/**
 * The kinds of field that the views are made of; each field of a view *is* one of these values, so that other modules
 * can tell a field's kind by identity.
 */
export const FieldKind = {
  /** Text that must be there. */
  required: Schema.String,
  text: optional(Schema.String),
  texts: optional(Schema.Array(Schema.String)),
  /** A context's list: stored as a list, but as the text `[]` where it is empty. */
  contextTexts: optional(Schema.Array(Schema.String)),
  /** From 0 to 1, by convention. */
  score: optional(Schema.Number),
  count: optional(Integer),
  flag: optional(Schema.Boolean),
  /** ISO 8601, as text: programs write it in several forms, none of which may change. */
  time: optional(Schema.String),
  /** Any JSON object: stored as JSON text. */
  metadata: optional(Schema.Record({ key: Schema.String, value: Schema.Unknown }))
} as const

const { contextTexts, count, flag, metadata, required, score, text, texts, time } = FieldKind

/** Where a memory comes from and who may see it. */
export const MemoryContext = Schema.Struct({
  project_path: text,
  files_involved: contextTexts,
  languages: contextTexts,
  frameworks: contextTexts,
  technologies: contextTexts,
  git_commit: text,
  git_branch: text,
  working_directory: text,
  timestamp: time,
  session_id: text,
  user_id: text,
  additional_metadata: metadata,
  tenant_id: text,
  team_id: text,
  visibility: text,
  created_by: text
}).annotations({ identifier: "MemoryContext", description: "Where a memory comes from and who may see it." })
export type MemoryContext = typeof MemoryContext.Type

/** The typed view of a node labelled `Memory`. Types that MemoryGraph does not know are text like any other. */
export const Memory = Schema.Struct({
  id: required,
  type: required,
  title: required,
  content: required,
  summary: text,
  tags: texts,
  importance: score,
  confidence: score,
  effectiveness: score,
  usage_count: count,
  created_at: time,
  updated_at: time,
  last_accessed: time,
  version: count,
  updated_by: text,
  context: optional(MemoryContext)
}).annotations({ identifier: "Memory", description: "The typed view of a node labelled Memory." })
export type Memory = typeof Memory.Type

/** What a relationship between memories says of itself, bi-temporal fields included. */
export const RelationshipProperties = Schema.Struct({
  strength: score,
  confidence: score,
  context: text,
  evidence_count: count,
  success_rate: score,
  created_at: time,
  last_validated: time,
  validation_count: count,
  counter_evidence_count: count,
  valid_from: time,
  valid_until: time,
  recorded_at: time,
  invalidated_by: text
}).annotations({
  identifier: "RelationshipProperties",
  description: "What a relationship says of itself: valid_* is when it was true, recorded_at when that became known."
})
export type RelationshipProperties = typeof RelationshipProperties.Type

/** The typed view of a relationship between two memories. `id` is absent where the relationship has no key. */
export const MemoryRelationship = Schema.Struct({
  id: text,
  from_memory_id: required,
  to_memory_id: required,
  type: required,
  properties: RelationshipProperties,
  description: text,
  bidirectional: flag
}).annotations({
  identifier: "MemoryRelationship",
  description: "The typed view of a relationship between two memories."
})
export type MemoryRelationship = typeof MemoryRelationship.Type

const knownMemoryTypes: ReadonlySet<PropertyValue> = new Set(MEMORY_TYPES)
const knownRelationshipTypes: ReadonlySet<string> = new Set(RELATIONSHIP_TYPES)
const knownVisibilities: ReadonlySet<PropertyValue> = new Set(VISIBILITIES)

const SHOWN = 60
const quote = (value: string): string => JSON.stringify(value.length > SHOWN ? `${value.slice(0, SHOWN)}...` : value)

/**
 * The values of a record that MemoryGraph's programs do not know and therefore change or skip, one phrase each, the
 * same for the same cause. They travel like any other value: this is for warnings, never for errors. Names every
 * relationship of an unknown type, also between other nodes.
 */
export const unknownEnums = (record: GraphRecord): ReadonlyArray<string> => {
  if (record._tag === "Relationship") {
    return knownRelationshipTypes.has(record.type) ? [] : [`unknown relationship type ${quote(record.type)}`]
  }
  if (!record.labels.includes(MEMORY_LABEL)) return []
  const unknown: Array<string> = []
  const type = property(record.properties, "type")
  if (type === undefined) unknown.push("memory without a type")
  else if (typeof type !== "string") unknown.push("memory type that is not text")
  else if (!knownMemoryTypes.has(type)) unknown.push(`unknown memory type ${quote(type)}`)
  const visibility = property(record.properties, `${CONTEXT_PREFIX}visibility`)
  if (typeof visibility === "string" && !knownVisibilities.has(visibility)) {
    unknown.push(`unknown visibility ${quote(visibility)}`)
  }
  return unknown
}
