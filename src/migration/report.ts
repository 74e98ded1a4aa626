/**
 * The report of a run: one value that the command line prints, `--json` writes, and the MCP tools return. Its JSON
 * Schema is generated from the Effect Schema here.
 */
import * as Schema from "effect/Schema"
import { Difference, Left } from "../domain/Errors.ts"

const Counts = Schema.Record({ key: Schema.String, value: Schema.Number })

/** What a store or a document holds. */
export const Stats = Schema.Struct({
  /** The kind of store; `document` for a document. */
  backend: Schema.String,
  /** Where it is, for people; never holds a secret. */
  location: Schema.String,
  /** Engine and version, as it says itself; empty for a document. */
  version: Schema.String,
  nodes: Schema.Number,
  relationships: Schema.Number,
  /** Nodes per label, one without under the empty string. */
  labels: Counts,
  types: Counts,
  /** The short form, `mg1:` and 16 hex digits; null where it was not read in full. */
  fingerprint: Schema.NullOr(Schema.String)
})
export type Stats = typeof Stats.Type

/** Records that do not fit natively, counted per kind; `ids` are the first keys. */
export const MisfitCount = Schema.Struct({
  /** A short phrase, as `Misfit` has it: `map value`. */
  kind: Schema.String,
  count: Schema.Number,
  ids: Schema.Array(Schema.String)
})
export type MisfitCount = typeof MisfitCount.Type

/** A folder that the run needs room in, in bytes. */
export const Space = Schema.Struct({ folder: Schema.String, needed: Schema.Number, free: Schema.Number })
export type Space = typeof Space.Type

/** About how long the rest of a run will take, and what that rests on, as a phrase. */
export const Estimate = Schema.Struct({ seconds: Schema.Number, basis: Schema.String })
export type Estimate = typeof Estimate.Type

/** What `--since` selected of the source: records by their own times, relationships of such nodes, and their ends. */
export const SinceSelection = Schema.Struct({
  /** As it was given: ISO 8601. */
  time: Schema.String,
  /** Nodes that are new or changed since then. */
  nodes: Schema.Number,
  relationships: Schema.Number,
  /** Other nodes that travel because relationships end at them, and that the target lacks. */
  ends: Schema.Number,
  /** Such nodes that the target has: they do not travel. */
  endsThere: Schema.Number,
  /** Records without a time that can be read, by label or type: they were not selected. */
  untimed: Schema.Array(MisfitCount)
})
export type SinceSelection = typeof SinceSelection.Type

/** What the run will do, computed on the data that is there. */
export const Plan = Schema.Struct({
  /** Records that the target lacks. */
  new: Schema.Number,
  /** Records that it has just so. */
  same: Schema.Number,
  /** Records that it has with another content. */
  conflicts: Schema.Number,
  /** The first 20 of those. */
  conflictIds: Schema.Array(Schema.String),
  /** How many of the conflicts will be overwritten: all of them, or none. */
  overwrites: Schema.optionalWith(Schema.Number, { default: () => 0 }),
  /** Records of the target that will be removed: by a `clear`, or because a backup that replaces it does not have them. */
  removes: Schema.optionalWith(Schema.Number, { default: () => 0 }),
  /** Records that the target holds as they are. */
  native: Schema.Number,
  /** Values that it holds as text with their kind beside it: they come back as they were. */
  encoded: Schema.Array(MisfitCount),
  /** What it cannot hold without change: where there is any, the run is refused. */
  impossible: Schema.Array(MisfitCount),
  /** New nodes that have no `id` of their own to be found by again. */
  unkeyed: Schema.Number,
  /** What a person should know before it is carried out, one sentence each. */
  warnings: Schema.Array(Schema.String),
  space: Schema.optionalWith(Schema.Array(Space), { default: () => [] }),
  estimate: Schema.optionalWith(Schema.NullOr(Estimate), { default: () => null }),
  /** What was selected, where not the whole source travels. */
  since: Schema.optionalWith(Schema.NullOr(SinceSelection), { default: () => null }),
  /** The plan's hash (`planHash.ts`), where it was asked for. */
  hash: Schema.optionalWith(Schema.NullOr(Schema.String), { default: () => null })
})
export type Plan = typeof Plan.Type

/** A plan for nothing, to be filled in. */
export const emptyPlan: Plan = {
  new: 0,
  same: 0,
  conflicts: 0,
  conflictIds: [],
  overwrites: 0,
  removes: 0,
  native: 0,
  encoded: [],
  impossible: [],
  unkeyed: 0,
  warnings: [],
  space: [],
  estimate: null,
  since: null,
  hash: null
}

/** How many records a plan will write or remove. */
export const writesOf = (plan: Plan): number => plan.new + plan.overwrites + plan.removes

/**
 * Where each record went: read = written + same + kept + overwritten + rejected, always. `removed` counts records of the
 * target, which came from nowhere and are no part of that sum.
 */
export const Records = Schema.Struct({
  read: Schema.Number,
  /** Created in the target. */
  written: Schema.Number,
  /** Were there already, just so. */
  same: Schema.Number,
  /** Are there with another content, and were left so. */
  kept: Schema.Number,
  overwritten: Schema.Number,
  /** Left behind, in `rejects.jsonl`. */
  rejected: Schema.Number,
  removed: Schema.optionalWith(Schema.Number, { default: () => 0 })
})
export type Records = typeof Records.Type

/**
 * What was read back. `mode` is `full` where every record was compared, `none` where verification was switched off.
 * Only a complete one may be called verified.
 */
export const Verification = Schema.Struct({
  mode: Schema.Literal("full", "none"),
  /** How many records were compared. */
  checked: Schema.Number,
  /** The first 100, or as many as the comparison was to name. */
  differences: Schema.Array(Difference),
  differencesTotal: Schema.Number,
  /** Of what was to arrive. */
  sourceFingerprint: Schema.NullOr(Schema.String),
  /**
   * Of what stands in the target for it, records that were kept among them; null where that was not read to its end.
   */
  targetFingerprint: Schema.NullOr(Schema.String)
})
export type Verification = typeof Verification.Type

/** When a phase began, in seconds after the run did, how long it took, and what went through it. */
export const PhaseTiming = Schema.Struct({
  name: Schema.String,
  start: Schema.optionalWith(Schema.Number, { default: () => 0 }),
  seconds: Schema.Number,
  records: Schema.Number,
  bytes: Schema.Number
})
export type PhaseTiming = typeof PhaseTiming.Type

/** What was rejected (`--on-error reject`), and the document that holds it. */
export const Rejects = Schema.Struct({ count: Schema.Number, path: Schema.String })
export type Rejects = typeof Rejects.Type

/** A backup: its id and its folder. */
export const MadeBackup = Schema.Struct({ id: Schema.String, folder: Schema.String })
export type MadeBackup = typeof MadeBackup.Type

/** How an undo ended; `unknown` where it could not be found out whether the publication took effect. */
export const Rollback = Schema.Struct({
  outcome: Schema.Literal("undone", "incomplete", "unknown"),
  left: Schema.Array(Left)
})

/**
 * How a run ended: `equal` and `different` are those of a comparison, `nothing-to-do` that of clearing an empty store.
 * `refused` is a failure before the first write, `undone` one after it whose writes are taken back (and a rollback),
 * `incomplete` one of whose writes something had to stay, `failed` one of our own files, or a defect.
 */
export const Outcome = Schema.Literal(
  "done",
  "dry-run",
  "nothing-to-do",
  "equal",
  "different",
  "failed",
  "refused",
  "undone",
  "incomplete",
  "interrupted"
)
export type Outcome = typeof Outcome.Type

/**
 * An error as data: its tag, its message, and the fields of that error. `Interrupted` and `Defect` are no errors of
 * ours.
 */
export const ErrorReport = Schema.Struct(
  { tag: Schema.String, message: Schema.String },
  { key: Schema.String, value: Schema.Unknown }
)

const Found = Schema.Struct({ first: Schema.Array(Schema.String), total: Schema.Number })

/** What a closer look at a store found. All but its name and place is null or empty where it cannot be used. */
export const StoreHealth = Schema.Struct({
  /** Its name in the config file. */
  name: Schema.NullOr(Schema.String),
  /** True for the store that is meant where none is named. */
  inUse: Schema.Boolean,
  backend: Schema.String,
  location: Schema.String,
  reachable: Schema.Boolean,
  version: Schema.NullOr(Schema.String),
  writable: Schema.NullOr(Schema.Boolean),
  nodes: Schema.NullOr(Schema.Number),
  relationships: Schema.NullOr(Schema.Number),
  labels: Counts,
  types: Counts,
  /** The latest `updated_at` or `created_at` of its memories, as stored. */
  newest: Schema.NullOr(Schema.String),
  /** About how many bytes it takes on disk, where that can be told. */
  bytes: Schema.NullOr(Schema.Number),
  /** Relationships whose end is not there. */
  dangling: Schema.NullOr(Found),
  /** Ids that several nodes have. */
  duplicates: Schema.NullOr(Found),
  /** Indexes and constraints; `online` where they work. */
  indexes: Schema.Array(Schema.Struct({ name: Schema.String, state: Schema.String })),
  /** Settings and limits of the engine, under its own names. */
  facts: Schema.Array(Schema.Struct({ name: Schema.String, value: Schema.String })),
  /** What a person should know, one sentence each. */
  notes: Schema.Array(Schema.String),
  /** Why it cannot be used; null where it can. */
  error: Schema.NullOr(ErrorReport),
  /** How long the look took. */
  seconds: Schema.Number
}).annotations({ identifier: "StoreHealth" })
export type StoreHealth = typeof StoreHealth.Type

/** The report of a run. */
export const RunReport = Schema.Struct({
  /** Its id. */
  run: Schema.String,
  command: Schema.String,
  outcome: Outcome,
  /** That of the command. */
  exitCode: Schema.Number,
  dryRun: Schema.Boolean,
  /** Null where there is none, or the run ended before it was looked at; so the parts that follow. */
  source: Schema.NullOr(Stats),
  /** `after` is null where nothing was published, or the target could not be counted afterwards. */
  target: Schema.NullOr(Schema.Struct({ before: Schema.NullOr(Stats), after: Schema.NullOr(Stats) })),
  plan: Schema.NullOr(Plan),
  records: Records,
  verification: Schema.NullOr(Verification),
  rejects: Schema.NullOr(Rejects),
  /** The backup of the target that was made before the first write; for `backup create` and `verify` the one in question. */
  backup: Schema.optionalWith(Schema.NullOr(MadeBackup), { default: () => null }),
  rollback: Schema.NullOr(Rollback),
  /** The stores that `health` looked at. */
  health: Schema.optionalWith(Schema.NullOr(Schema.Array(StoreHealth)), { default: () => null }),
  phases: Schema.Array(PhaseTiming),
  durationSeconds: Schema.Number,
  error: Schema.NullOr(ErrorReport)
}).annotations({ identifier: "RunReport" })
export type RunReport = typeof RunReport.Type

const decode = Schema.decodeUnknownOption(Schema.parseJson(RunReport))

/** Reads a report out of its JSON; undefined where it is none. */
export const decodeReport = (text: string): RunReport | undefined => {
  const report = decode(text)
  return report._tag === "Some" ? report.value : undefined
}

/** No records. */
export const noRecords: Records = { read: 0, written: 0, same: 0, kept: 0, overwritten: 0, rejected: 0, removed: 0 }

/** True where no record was lost from the count. */
export const isConserved = (records: Records): boolean =>
  records.read === records.written + records.same + records.kept + records.overwritten + records.rejected
