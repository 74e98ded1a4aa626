/** A run as it is listed; apart, because what reads runs loads a driver. */
import * as Schema from "effect/Schema"

/**
 * What became of a run.
 *
 * - `running`: its process gives signs of life.
 * - `published`: all of it is in the target; it can be rolled back until it is pruned.
 * - `rolled-back`: taken back, but for what somebody else has changed since, which its report lists.
 * - `unfinished`: its process is gone, and a part of it is in the target, or may be: resume it or roll it back.
 * - `broken-off`: its process is gone, and nothing of it is in the target.
 */
export const RunStatus = Schema.Literal("running", "published", "rolled-back", "unfinished", "broken-off")
export type RunStatus = typeof RunStatus.Type

/** A run, as `runs` lists it. */
export const RunSummary = Schema.Struct({
  run: Schema.String,
  status: RunStatus,
  /** `migrate`, `import` or `clear`. */
  command: Schema.String,
  /** ISO 8601. */
  started: Schema.String,
  /** Where it is, for people; so `target`. */
  source: Schema.String,
  target: Schema.String,
  /** The machine and the process that worked on it last. */
  host: Schema.String,
  pid: Schema.Number,
  /** Batches that the journal knows of. */
  batches: Schema.Number
})
export type RunSummary = typeof RunSummary.Type
