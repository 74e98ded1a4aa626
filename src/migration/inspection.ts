/** What `inspect` finds, as a value: printed by the command line, published as a JSON Schema. */
import * as Schema from "effect/Schema"

const Counted = Schema.Struct({ first: Schema.Array(Schema.String), total: Schema.Number })
const At = Schema.NullOr(Schema.Struct({ key: Schema.String, at: Schema.String }))

/** A property of the nodes of a label, or of the relationships of a type. */
const PropertyFacts = Schema.Struct({
  name: Schema.String,
  /** How many records have it. */
  count: Schema.Number,
  /** How many of its values are of which kind. */
  kinds: Schema.Record({ key: Schema.String, value: Schema.Number })
})

/** A label or a type. `bytes` are those of the canonical lines. A node counts under each of its labels. */
const Group = Schema.Struct({
  name: Schema.String,
  count: Schema.Number,
  bytes: Schema.Number,
  properties: Schema.Array(PropertyFacts)
})

/** What `inspect` finds. */
export const Inspection = Schema.Struct({
  backend: Schema.String,
  location: Schema.String,
  version: Schema.String,
  nodes: Schema.Number,
  relationships: Schema.Number,
  /** Bytes of all canonical lines (docs/format.md). */
  bytes: Schema.Number,
  fingerprint: Schema.String,
  labels: Schema.Array(Group),
  types: Schema.Array(Group),
  /** Which labels are related to which, most frequent first; the labels of a node are joined by `:`. */
  patterns: Schema.Array(
    Schema.Struct({ from: Schema.String, type: Schema.String, to: Schema.String, count: Schema.Number })
  ),
  degrees: Schema.Struct({
    /** Nodes without any relationship. */
    isolated: Schema.Number,
    /** Relationships from a node to itself. */
    selfLoops: Schema.Number,
    /** Ends of relationships per node, to two digits after the point. */
    average: Schema.Number,
    /** The ten nodes with the most ends of relationships. */
    most: Schema.Array(Schema.Struct({ key: Schema.String, degree: Schema.Number }))
  }),
  /** The ten records with the longest canonical lines. */
  largest: Schema.Array(Schema.Struct({ record: Schema.String, bytes: Schema.Number })),
  /** The latest and the earliest `updated_at` or `created_at` of any node, as stored; compared as text. */
  newest: At,
  oldest: At,
  /** Nodes without an id of their own. */
  withoutId: Schema.Number,
  /** Ids of nodes that occur more than once. */
  duplicates: Counted,
  /** Relationships whose end is not there. */
  dangling: Counted,
  /** True where there were more names or patterns than are counted apart; the rest stands under `(more)`. */
  cut: Schema.Boolean
}).annotations({ identifier: "Inspection", title: "What memorygraph inspect finds" })
export type Inspection = typeof Inspection.Type
