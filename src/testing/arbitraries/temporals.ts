/** Temporal values, as the canonical text of docs/format.md has them. */
import * as FastCheck from "effect/FastCheck"
import type { Arbitrary } from "effect/FastCheck"
import { Temporal } from "../../domain/PropertyValue.ts"

const pad = (value: number, width: number): string => String(value).padStart(width, "0")

const daysIn = (year: number, month: number): number => {
  if (month !== 2) return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28
}

const dateBetween = (firstYear: number, lastYear: number): Arbitrary<string> =>
  FastCheck.tuple(
    FastCheck.integer({ min: firstYear, max: lastYear }),
    FastCheck.integer({ min: 1, max: 12 }),
    FastCheck.integer({ min: 1, max: 31 })
  ).map(([year, month, day]) => `${pad(year, 4)}-${pad(month, 2)}-${pad(Math.min(day, daysIn(year, month)), 2)}`)

const anyDate = FastCheck.oneof(dateBetween(1900, 2100), dateBetween(1, 9999))

const withFraction = (text: string, nanoseconds: number): string =>
  nanoseconds === 0 ? text : `${text}.${pad(nanoseconds, 9).replace(/0+$/, "")}`

// Whole seconds, milliseconds, microseconds and nanoseconds: engines differ in which of them they keep.
const nanoseconds: Arbitrary<number> = FastCheck.oneof(
  FastCheck.constant(0),
  FastCheck.integer({ min: 0, max: 999 }).map((n) => n * 1_000_000),
  FastCheck.integer({ min: 0, max: 999_999 }).map((n) => n * 1_000),
  FastCheck.integer({ min: 0, max: 999_999_999 }),
  FastCheck.constantFrom(1, 999_999_999)
)

const clock: Arbitrary<string> = FastCheck.tuple(
  FastCheck.integer({ min: 0, max: 23 }),
  FastCheck.integer({ min: 0, max: 59 }),
  FastCheck.integer({ min: 0, max: 59 }),
  nanoseconds
).map(([hour, minute, second, fraction]) =>
  withFraction(`${pad(hour, 2)}:${pad(minute, 2)}:${pad(second, 2)}`, fraction)
)

const offset: Arbitrary<string> = FastCheck.integer({ min: -48, max: 56 }).map((quarters) => {
  if (quarters === 0) return "Z"
  const minutes = Math.abs(quarters) * 15
  return `${quarters < 0 ? "-" : "+"}${pad(Math.floor(minutes / 60), 2)}:${pad(minutes % 60, 2)}`
})

// Zones whose offset has not changed since 1990: a date and an offset then always agree.
const zone = FastCheck.constantFrom(
  "+01:00[Africa/Lagos]",
  "+05:30[Asia/Kolkata]",
  "+05:45[Asia/Kathmandu]",
  "+09:00[Asia/Tokyo]",
  "-07:00[America/Phoenix]"
)

const duration: Arbitrary<string> = FastCheck.tuple(
  FastCheck.integer({ min: -500, max: 500 }),
  FastCheck.integer({ min: -5000, max: 5000 }),
  FastCheck.integer({ min: -1_000_000, max: 1_000_000 }),
  nanoseconds
).map(([months, days, seconds, fraction]) => {
  const date = `${months === 0 ? "" : `${months}M`}${days === 0 ? "" : `${days}D`}`
  const time = seconds === 0 && fraction === 0 ? "" : `T${withFraction(String(seconds), fraction)}S`
  return date === "" && time === "" ? "PT0S" : `P${date}${time}`
})

/** Temporal values that engines are known to change. */
export const ODD_TEMPORALS: ReadonlyArray<Temporal> = [
  new Temporal("date", "0001-01-01"),
  new Temporal("date", "2024-02-29"),
  new Temporal("date", "9999-12-31"),
  new Temporal("time", "00:00:00Z"),
  new Temporal("time", "23:59:59.999999999-12:00"),
  new Temporal("localTime", "12:34:56.000000001"),
  new Temporal("dateTime", "1969-12-31T23:59:59.999999999Z"),
  new Temporal("dateTime", "2025-01-01T00:00:00.5+01:00[Europe/Berlin]"),
  // The same wall clock twice, when summer time ends: only the offset tells the two apart.
  new Temporal("dateTime", "2024-10-27T02:30:00+02:00[Europe/Berlin]"),
  new Temporal("dateTime", "2024-10-27T02:30:00+01:00[Europe/Berlin]"),
  new Temporal("dateTime", "2024-05-05T05:05:05.123456789+05:45"),
  new Temporal("localDateTime", "2015-06-24T12:50:35.000000001"),
  new Temporal("localDateTime", "1582-10-10T00:00:00"),
  new Temporal("duration", "PT0S"),
  new Temporal("duration", "P1M2DT3.5S"),
  new Temporal("duration", "P14M"),
  new Temporal("duration", "P1Y2M10DT2H30M"),
  new Temporal("duration", "PT-0.5S"),
  new Temporal("duration", "P-1M1DT-1.000000001S")
]

/** A temporal value of any kind, up to nanoseconds, with offsets and named zones. */
export const temporal: Arbitrary<Temporal> = FastCheck.oneof(
  anyDate.map((text) => new Temporal("date", text)),
  FastCheck.tuple(clock, offset).map(([time, shift]) => new Temporal("time", time + shift)),
  clock.map((text) => new Temporal("localTime", text)),
  FastCheck.tuple(anyDate, clock, offset).map(
    ([date, time, shift]) => new Temporal("dateTime", `${date}T${time}${shift}`)
  ),
  FastCheck.tuple(dateBetween(1990, 2037), clock, zone).map(
    ([date, time, shift]) => new Temporal("dateTime", `${date}T${time}${shift}`)
  ),
  FastCheck.tuple(anyDate, clock).map(([date, time]) => new Temporal("localDateTime", `${date}T${time}`)),
  duration.map((text) => new Temporal("duration", text)),
  FastCheck.constantFrom(...ODD_TEMPORALS)
)
