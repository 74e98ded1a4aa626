/** Statements of bounded size: one batch's rows in slices that suit the server. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"

const MOST_BYTES = 1_000_000
const MOST_ROWS = 5000
const FEWEST_ROWS = 50
const SLOW_MILLIS = 2000
const QUICK_MILLIS = 300

/** Takes slices off a list of rows; grows while the server answers quickly, shrinks when it does not. */
export interface Slicer {
  readonly forEach: <Row, E>(
    rows: ReadonlyArray<Row>,
    weight: (row: Row) => number,
    run: (slice: ReadonlyArray<Row>) => Effect.Effect<void, E>
  ) => Effect.Effect<void, E>
}

/** A rough count of a value's bytes on the wire. */
export const weigh = (value: unknown): number => {
  if (typeof value === "string") return value.length + 5
  if (typeof value !== "object" || value === null) return 9
  if (value instanceof Int8Array) return value.byteLength + 5
  let sum = 5
  if (Array.isArray(value)) for (const item of value) sum += weigh(item)
  else for (const [name, item] of Object.entries(value)) sum += name.length + weigh(item)
  return sum
}

/** Makes a slicer; it keeps what it has learnt from one batch to the next. */
export const makeSlicer = (): Slicer => {
  let most = 1000
  return {
    forEach: (rows, weight, run) =>
      Effect.gen(function* () {
        let at = 0
        while (at < rows.length) {
          let end = at
          let bytes = 0
          for (const row of rows.slice(at, at + most)) {
            bytes += weight(row)
            if (end > at && bytes > MOST_BYTES) break
            end++
          }
          const started = yield* Clock.currentTimeMillis
          yield* run(rows.slice(at, end))
          const millis = (yield* Clock.currentTimeMillis) - started
          if (millis > SLOW_MILLIS) most = Math.max(FEWEST_ROWS, most >> 1)
          else if (millis < QUICK_MILLIS && end - at === most) most = Math.min(MOST_ROWS, most * 2)
          at = end
        }
      })
  }
}
