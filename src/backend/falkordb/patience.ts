/** Waiting for a server that went away, where something has to be done about it all the same. */
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"

const isAway = ({ reason }: { readonly reason: string }): boolean => reason === "went-away" || reason === "unreachable"

/** Tries again, for so many milliseconds, what failed because the server is away. */
export const awaited = <A, E extends { readonly reason: string }>(
  patience: number,
  effect: Effect.Effect<A, E>
): Effect.Effect<A, E> =>
  Effect.retry(effect, {
    schedule: Schedule.intersect(Schedule.spaced("500 millis"), Schedule.upTo(Schedule.forever, patience)),
    while: isAway
  })
