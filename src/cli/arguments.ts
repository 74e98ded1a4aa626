/** Positionals, and the flags that say the same. */
import * as Effect from "effect/Effect"
import { UsageError } from "../domain/Errors.ts"

const twice = (value: string, flag: string): UsageError =>
  new UsageError({ message: `${value} and ${flag} name the same thing. Leave one of them out.` })

/** The one value of a positional that a flag may give instead. */
export const once = (
  positional: string | undefined,
  flag: string,
  value: string | undefined
): Effect.Effect<string | undefined, UsageError> =>
  positional !== undefined && value !== undefined ? twice(positional, flag) : Effect.succeed(positional ?? value)

/** A flag that may stand for a positional. */
export interface Substitute {
  readonly flag: string
  readonly value: string | undefined
}

/**
 * Two positionals, each of which a flag may give instead. What a flag gives is not expected as a positional any more:
 * `--from sqlite ./target.db` names both.
 */
export const pair = (
  positionals: readonly [string | undefined, string | undefined],
  first: Substitute,
  second: Substitute
): Effect.Effect<readonly [string | undefined, string | undefined], UsageError> => {
  const left = positionals.filter((positional) => positional !== undefined)
  const a = first.value ?? left.shift()
  const b = second.value ?? left.shift()
  const extra = left[0]
  return extra === undefined
    ? Effect.succeed([a, b])
    : twice(extra, first.value === undefined ? second.flag : first.flag)
}
