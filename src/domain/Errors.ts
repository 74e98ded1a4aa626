/**
 * Every way this product fails, named by state. Each error carries a closed `reason`, the place as fields, and a
 * `message` that says what happened, what is now true of the target, and what to do next. No message holds a secret.
 * The exit code of each stands in `migration/outcome.ts`.
 */
import * as Schema from "effect/Schema"

/** A list of keys (or descriptions) that a message shows the first of; `total` counts all. */
export const Keys = Schema.Struct({ first: Schema.Array(Schema.String), total: Schema.Number })
export type Keys = typeof Keys.Type

/** The call itself is wrong: an unknown store name, contradictory options, a missing value. Exit 2. */
export class UsageError extends Schema.TaggedError<UsageError>()("UsageError", {
  message: Schema.String
}) {}

/** Why a store cannot be used. */
export const StoreReason = Schema.Literal(
  "not-found",
  "unreachable",
  "authentication",
  "permission",
  "read-only",
  "locked",
  "corrupt",
  "empty-file",
  "not-this-kind",
  "foreign-schema",
  "ambiguous-layout",
  "newer-engine",
  "no-engine",
  "engine-failed",
  "unsupported",
  "missing-database",
  "timeout",
  "went-away",
  "driver"
)
export type StoreReason = typeof StoreReason.Type

/**
 * A store is unreachable, unreadable or refuses us; nothing was written, or what a run had written is undone. Exit 3.
 */
export class StoreUnavailable extends Schema.TaggedError<StoreUnavailable>()("StoreUnavailable", {
  /** The kind of store: `sqlite`, `neo4j`, ... */
  backend: Schema.String,
  /** Where it is, for people; never holds a secret. So in every error. */
  location: Schema.String,
  reason: StoreReason,
  message: Schema.String,
  cause: Schema.optional(Schema.Defect)
}) {}

/** Why a document is refused. */
export const DocumentReason = Schema.Literal(
  "not-found",
  "permission",
  "unknown-format",
  "not-utf8",
  "syntax",
  "duplicate-key",
  "schema",
  "unsupported-version",
  "truncated",
  "digest",
  "fingerprint",
  "counts",
  "order",
  "duplicate-record",
  "dangling",
  "too-large"
)
export type DocumentReason = typeof DocumentReason.Type

/**
 * A document (or the spool) is not what it claims to be; `line` counts from 1. The target is untouched, or what a run
 * had written is undone. Exit 4.
 */
export class DocumentInvalid extends Schema.TaggedError<DocumentInvalid>()("DocumentInvalid", {
  /** The file or folder; for a backup that is damaged its folder. */
  path: Schema.String,
  reason: DocumentReason,
  /** Absent where the format has no lines, or no single one is at fault. */
  line: Schema.optional(Schema.Number),
  /** The record at fault, or the first of several, where it is known. */
  key: Schema.optional(Schema.String),
  message: Schema.String,
  cause: Schema.optional(Schema.Defect)
}) {}

/** Why a source's data cannot be taken as it is. */
export const SourceReason = Schema.Literal(
  "dangling",
  "undecodable",
  "duplicate-key",
  "counts-differ",
  "changed-while-read"
)
export type SourceReason = typeof SourceReason.Type

/** A source holds records that cannot travel; the target is untouched. Exit 4. */
export class SourceDataInvalid extends Schema.TaggedError<SourceDataInvalid>()("SourceDataInvalid", {
  backend: Schema.String,
  location: Schema.String,
  reason: SourceReason,
  /** The records at fault, at most the first 20 of them; none with `counts-differ`. */
  keys: Keys,
  message: Schema.String,
  cause: Schema.optional(Schema.Defect)
}) {}

/** Why a run was refused before its first write. */
export const RefusedReason = Schema.Literal(
  "impossible",
  "same-store",
  "locked",
  "declined",
  "needs-yes",
  "no-space",
  "conflicts",
  "unkeyed",
  "unfinished-run",
  "stale-plan",
  "not-allowed"
)
export type RefusedReason = typeof RefusedReason.Type

/** Refused before the first write; the target is untouched. Exit 9. */
export class Refused extends Schema.TaggedError<Refused>()("Refused", {
  reason: RefusedReason,
  /** The records that it is about, with `impossible` and `conflicts`. */
  keys: Schema.optional(Keys),
  message: Schema.String
}) {}

/** Why writing stopped. */
export const WriteReason = Schema.Literal(
  "refused-record",
  "store-changed",
  "store-full",
  "read-only",
  "locked",
  "went-away",
  "conservation",
  "journal",
  "driver"
)
export type WriteReason = typeof WriteReason.Type

/** A write failed; the session is undone afterwards. Exit 5. */
export class WriteFailed extends Schema.TaggedError<WriteFailed>()("WriteFailed", {
  backend: Schema.String,
  location: Schema.String,
  /** The phase of the run, as progress names it: `import`, `publish`, `undo`. */
  phase: Schema.String,
  reason: WriteReason,
  message: Schema.String,
  cause: Schema.optional(Schema.Defect)
}) {}

/** One difference between what should be there and what is. */
export const Difference = Schema.Struct({
  kind: Schema.Literal("missing", "extra", "changed"),
  record: Schema.Literal("node", "relationship"),
  /** As messages name the record; a relationship without a key by its ends and type. */
  key: Schema.String,
  /** With `changed`: a property's name, or `labels`, `type`, `from`, `to`; absent where that cannot be said. */
  property: Schema.optional(Schema.String),
  /** A property's value in canonical form, the part that differs where it is long; so `actual`. */
  expected: Schema.optional(Schema.String),
  actual: Schema.optional(Schema.String)
})
export type Difference = typeof Difference.Type

/** What was read back is not what was written; the session is undone afterwards. Exit 6. */
export class VerificationFailed extends Schema.TaggedError<VerificationFailed>()("VerificationFailed", {
  backend: Schema.String,
  location: Schema.String,
  /** The first 100 of them. */
  differences: Schema.Array(Difference),
  /** All of them. */
  total: Schema.Number,
  message: Schema.String
}) {}

/** Something that an undo had to leave, and why: two phrases for people, `node a1`, `it was changed since`. */
export const Left = Schema.Struct({ what: Schema.String, why: Schema.String })
export type Left = typeof Left.Type

/**
 * The target could not be brought back in full; `left` lists what remains. `outcome` is `unknown` where it could not
 * be found out whether the publication took effect. Exit 7.
 */
export class UndoIncomplete extends Schema.TaggedError<UndoIncomplete>()("UndoIncomplete", {
  backend: Schema.String,
  location: Schema.String,
  outcome: Schema.Literal("incomplete", "unknown"),
  /** Empty where the undo itself failed (`cause` says how), or the outcome is `unknown`. */
  left: Schema.Array(Left),
  message: Schema.String,
  cause: Schema.optional(Schema.Defect)
}) {}

/**
 * Our own files (spool, journal, report, output document) cannot be written or read. The target is untouched, or what a
 * run had written is undone. `superseded`: another process has taken the run over, and this one changes nothing more.
 * Exit 5.
 */
export class FileFailed extends Schema.TaggedError<FileFailed>()("FileFailed", {
  path: Schema.String,
  reason: Schema.Literal("not-found", "permission", "no-space", "exists", "superseded", "io"),
  message: Schema.String,
  cause: Schema.optional(Schema.Defect)
}) {}

/** Everything a program of this product can fail with. */
export const MigrationError = Schema.Union(
  UsageError,
  StoreUnavailable,
  DocumentInvalid,
  SourceDataInvalid,
  Refused,
  WriteFailed,
  VerificationFailed,
  UndoIncomplete,
  FileFailed
)
export type MigrationError = typeof MigrationError.Type

/** True for an error of this product, also one that came out of a promise or a cause. */
export const isMigrationError = Schema.is(MigrationError)

/** What reading a store can fail with. */
export type ReadError = StoreUnavailable | SourceDataInvalid

/** How many keys a message names before it says how many more there are. */
export const SHOWN_KEYS = 5

/** The first keys of a list as text: `a, b, c and 7 more`. */
export const showKeys = (keys: Keys): string => {
  const shown = keys.first.slice(0, SHOWN_KEYS)
  const more = keys.total - shown.length
  return shown.join(", ") + (more > 0 ? ` and ${more} more` : "")
}
