/**
 * `--since TIME`: which records are new or changed since then. A judgement over one record, by its own times alone, so
 * that every part of a run (and a run that is taken up again) judges alike.
 */
import * as Effect from "effect/Effect"
import { UsageError } from "../domain/Errors.ts"
import { type GraphRecord, property } from "../domain/Graph.ts"
import { instantOf, parseInstant } from "../domain/Instant.ts"

/** The time of `--since`, as it was given and as a point in time. */
export interface Since {
  readonly text: string
  /** Nanoseconds since 1970 in UTC. */
  readonly instant: bigint
}

/** `untimed`: it has no time that can be read, or one that would matter cannot be. */
export type Judgement = "since" | "older" | "untimed"

/** Reads the time. */
export const parseSince = (text: string): Effect.Effect<Since, UsageError> => {
  const instant = parseInstant(text)
  return instant === undefined
    ? new UsageError({
        message: `"${text}" is no time that --since can take: write a date or a date-time of ISO 8601, like 2025-12-03 or 2025-12-03T10:00:00+01:00. Without an offset it is UTC.`
      })
    : Effect.succeed({ text, instant })
}

// All that MemoryGraph writes on a relationship when it is made, validated or invalidated: an invalidation sets
// `valid_until`, and what is recorded late has an earlier `valid_from`.
const RELATIONSHIP_TIMES = [
  "updated_at",
  "created_at",
  "recorded_at",
  "last_validated",
  "valid_from",
  "valid_until",
  "invalidated_at"
]

/**
 * Judges a record by its own times: a node by `updated_at`, else `created_at`; a relationship by any of its times.
 * Relationships also go with a node that is selected: that is for the caller.
 */
export const judge = (record: GraphRecord, { instant }: Since): Judgement => {
  const { properties } = record
  const timeOf = (name: string) => instantOf(property(properties, name))
  if (record._tag === "Node") {
    const [updated, created] = [timeOf("updated_at"), timeOf("created_at")]
    if ((updated !== undefined && updated >= instant) || (created !== undefined && created >= instant)) return "since"
    if (updated !== undefined) return "older"
    return created !== undefined && property(properties, "updated_at") === undefined ? "older" : "untimed"
  }
  let readable = 0
  let unreadable = 0
  for (const name of RELATIONSHIP_TIMES) {
    if (property(properties, name) === undefined) continue
    const time = timeOf(name)
    if (time === undefined) unreadable++
    else if (time >= instant) return "since"
    else readable++
  }
  return readable > 0 && unreadable === 0 ? "older" : "untimed"
}

/** True for a node that travels only because a relationship ends at it. */
export const isGuest = (record: GraphRecord, since: Since): boolean =>
  record._tag === "Node" && judge(record, since) !== "since"
