/**
 * Points in time, compared exactly: nanoseconds since 1970-01-01T00:00:00Z as a bigint. They are read from ISO 8601
 * texts of any offset, as programs and engines write them, and never through a JS `Date`, which holds milliseconds.
 */
import { type PropertyValue, Temporal } from "./PropertyValue.ts"

const SECOND = 1_000_000_000n
const DAY_SECONDS = 86_400

// Year (more than four digits with a sign), month, day; then, behind `T` or a space, hour, minute, second, fraction;
// then an offset, and behind it the name of a zone, which says nothing more.
const ISO =
  /^([+-]\d{4,9}|\d{4})-(\d\d)-(\d\d)(?:[Tt ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,30}))?)?(?:([Zz])|([+-])(\d\d)(?::?(\d\d)(?::?(\d\d))?)?)?)?(?:\[[^\]]*\])?$/

const isLeap = (year: number): boolean => year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0)
const MONTH_DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]

const daysIn = (year: number, month: number): number =>
  month === 2 && isLeap(year) ? 29 : (MONTH_DAYS[month - 1] ?? 0)

/** Days since 1970-01-01 in the proleptic Gregorian calendar: years counted from March, in eras of 400. */
const daysSinceEpoch = (year: number, month: number, day: number): number => {
  const y = month <= 2 ? year - 1 : year
  const era = Math.floor(y / 400)
  const yearOfEra = y - era * 400
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear
  return era * 146_097 + dayOfEra - 719_468
}

/**
 * Reads an ISO 8601 date or date-time; undefined where it is none. A date is its midnight; without an offset it is UTC. A
 * 60th second (a leap second) is the next one, `24:00` the next day. What is finer than a nanosecond is cut off.
 */
export const parseInstant = (text: string): bigint | undefined => {
  const parts = ISO.exec(text)
  if (parts === null) return undefined
  const part = (index: number): number => Number(parts[index] ?? 0)
  const [year, month, day, hour, minute, second] = [part(1), part(2), part(3), part(4), part(5), part(6)]
  if (month < 1 || month > 12 || day < 1 || day > daysIn(year, month)) return undefined
  const fraction = BigInt((parts[7] ?? "").slice(0, 9).padEnd(9, "0"))
  const isEndOfDay = hour === 24 && minute === 0 && second === 0 && fraction === 0n
  if ((hour > 23 && !isEndOfDay) || minute > 59 || second > 60) return undefined
  const [offsetHours, offsetMinutes, offsetSeconds] = [part(10), part(11), part(12)]
  if (offsetHours > 23 || offsetMinutes > 59 || offsetSeconds > 59) return undefined
  const offset = (parts[9] === "-" ? -1 : 1) * (offsetHours * 3600 + offsetMinutes * 60 + offsetSeconds)
  const seconds = daysSinceEpoch(year, month, day) * DAY_SECONDS + hour * 3600 + minute * 60 + second - offset
  return BigInt(seconds) * SECOND + fraction
}

/** The point in time that a property holds; undefined where it holds none (a number, a time of day, other text). */
export const instantOf = (value: PropertyValue | undefined): bigint | undefined => {
  if (typeof value === "string") return parseInstant(value)
  return value instanceof Temporal && ["date", "dateTime", "localDateTime"].includes(value.kind)
    ? parseInstant(value.text)
    : undefined
}
