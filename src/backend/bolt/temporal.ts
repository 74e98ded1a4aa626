/**
 * Temporal values between their ISO text and the driver's classes. The text is the one that openCypher's `toString`
 * gives (measured on Neo4j 5.26), which is the canonical one: seconds always there, a fraction without trailing zeros,
 * `Z` for the offset zero, a sign before years of more than four digits, `P1Y2M3DT4H5M6.7S`.
 *
 * A text that is valid ISO 8601 but not in this form (`P14M`, `+00:00`) would come back changed: {@link toDriver}
 * gives undefined for it, and it is encoded as text.
 */
import neo4j, {
  type Date,
  type DateTime,
  type Duration,
  type LocalDateTime,
  type LocalTime,
  type Time
} from "neo4j-driver"
import { Temporal } from "../../domain/PropertyValue.ts"
import { epochSecond, isRegionZone, zoneOffset } from "./zones.ts"

/** What the driver takes and gives for a temporal value; numbers are whatever its settings make of them. */
export type DriverTemporal =
  | Date<DriverNumber>
  | Time<DriverNumber>
  | LocalTime<DriverNumber>
  | DateTime<DriverNumber>
  | LocalDateTime<DriverNumber>
  | Duration<DriverNumber>

type DriverNumber = number | bigint

const { types } = neo4j

const MAX_YEAR = 999_999_999
const MAX_OFFSET = 18 * 3600

/** The fields of a date. */
export interface DateFields {
  readonly year: number
  readonly month: number
  readonly day: number
}

/** The fields of a time of day. */
export interface TimeFields {
  readonly hour: number
  readonly minute: number
  readonly second: number
  readonly nanosecond: number
}

const DATE = "([+-]?\\d{4,9})-(\\d\\d)-(\\d\\d)"
const TIME = "(\\d\\d):(\\d\\d):(\\d\\d)(?:\\.(\\d{1,9}))?"
const OFFSET = "(Z|[+-]\\d\\d:\\d\\d(?::\\d\\d)?)"
const dateOnly = new RegExp(`^${DATE}$`)
const timeOnly = new RegExp(`^${TIME}$`)
const timeWithOffset = new RegExp(`^${TIME}${OFFSET}$`)
const dateAndTime = new RegExp(`^${DATE}T${TIME}$`)
const dateTimeWithOffset = new RegExp(`^${DATE}T${TIME}${OFFSET}(?:\\[([^\\]]+)\\])?$`)
const duration =
  /^P(?:(-?\d+)Y)?(?:(-?\d+)M)?(?:(-?\d+)D)?(?:T(?:(-?\d+)H)?(?:(-?\d+)M)?(?:(-?)(\d+)(?:\.(\d{1,9}))?S)?)?$/

const two = (n: number): string => (n < 10 ? `0${n}` : String(n))

const fraction = (nanosecond: number): string =>
  nanosecond === 0 ? "" : `.${String(nanosecond).padStart(9, "0").replace(/0+$/, "")}`

const formatYear = (year: number): string => {
  const digits = String(Math.abs(year)).padStart(4, "0")
  return year < 0 ? `-${digits}` : year > 9999 ? `+${digits}` : digits
}

const formatDate = (fields: DateFields): string => `${formatYear(fields.year)}-${two(fields.month)}-${two(fields.day)}`

const formatTime = (fields: TimeFields): string =>
  `${two(fields.hour)}:${two(fields.minute)}:${two(fields.second)}${fraction(fields.nanosecond)}`

const formatOffset = (seconds: number): string => {
  if (seconds === 0) return "Z"
  const size = Math.abs(seconds)
  const rest = size % 60 === 0 ? "" : `:${two(size % 60)}`
  return `${seconds < 0 ? "-" : "+"}${two(Math.floor(size / 3600))}:${two(Math.floor(size / 60) % 60)}${rest}`
}

const SECOND = 1_000_000_000n

/** `seconds` and `nanoseconds` may be of any size and sign; they are one length together. */
const formatDuration = (months: bigint, days: bigint, seconds: bigint, nanoseconds: bigint): string => {
  const unit = (value: bigint, letter: string) => (value === 0n ? "" : `${value}${letter}`)
  const total = seconds * SECOND + nanoseconds
  const whole = total / SECOND
  const rest = Number(total % SECOND)
  const clock = unit(whole / 3600n, "H") + unit((whole / 60n) % 60n, "M")
  const second = whole % 60n
  const last =
    second === 0n && rest === 0
      ? ""
      : `${total < 0n ? "-" : ""}${second < 0n ? -second : second}${fraction(Math.abs(rest))}S`
  const time = clock + last
  const text = unit(months / 12n, "Y") + unit(months % 12n, "M") + unit(days, "D") + (time === "" ? "" : `T${time}`)
  return text === "" ? "PT0S" : `P${text}`
}

const leap = (year: number): boolean => year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0)
const MONTH_DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]

const parseDate = (match: RegExpExecArray, at: number): DateFields | undefined => {
  const [year, month, day] = [Number(match[at]), Number(match[at + 1]), Number(match[at + 2])]
  if (Math.abs(year) > MAX_YEAR || month < 1 || month > 12 || day < 1) return undefined
  const last = month === 2 && leap(year) ? 29 : (MONTH_DAYS[month - 1] ?? 0)
  return day > last ? undefined : { year, month, day }
}

const parseTime = (match: RegExpExecArray, at: number): TimeFields | undefined => {
  const [hour, minute, second] = [Number(match[at]), Number(match[at + 1]), Number(match[at + 2])]
  if (hour > 23 || minute > 59 || second > 59) return undefined
  return { hour, minute, second, nanosecond: Number((match[at + 3] ?? "").padEnd(9, "0")) }
}

const parseOffset = (text: string): number | undefined => {
  if (text === "Z") return 0
  const [hour, minute, second] = [Number(text.slice(1, 3)), Number(text.slice(4, 6)), Number(text.slice(7, 9))]
  const size = hour * 3600 + minute * 60 + second
  if (minute > 59 || second > 59 || size > MAX_OFFSET) return undefined
  return text.startsWith("-") ? -size : size
}

// The server keeps a duration only if its whole length, months at their average, fits 64 bits of seconds.
const MAX_SECONDS = 2n ** 63n - 1n
const fits = (months: bigint, days: bigint, seconds: bigint): boolean => {
  const size = (value: bigint) => (value < 0n ? -value : value)
  return size(months) * 2_629_746n + size(days) * 86_400n + size(seconds) + 1n <= MAX_SECONDS
}

const parseDuration = (text: string): Duration<DriverNumber> | undefined => {
  const match = duration.exec(text)
  if (match === null) return undefined
  const part = (at: number) => BigInt(match[at] ?? 0)
  const nanoseconds = BigInt((match[8] ?? "").padEnd(9, "0")) + part(7) * SECOND
  const total = part(4) * 3600n * SECOND + part(5) * 60n * SECOND + (match[6] === "-" ? -nanoseconds : nanoseconds)
  const months = part(1) * 12n + part(2)
  const [seconds, rest] = [total / SECOND, total % SECOND]
  return fits(months, part(3), seconds) ? new types.Duration(months, part(3), seconds, rest) : undefined
}

const parse = (value: Temporal): DriverTemporal | undefined => {
  switch (value.kind) {
    case "date": {
      const match = dateOnly.exec(value.text)
      const date = match && parseDate(match, 1)
      return date ? new types.Date(date.year, date.month, date.day) : undefined
    }
    case "localTime": {
      const match = timeOnly.exec(value.text)
      const time = match && parseTime(match, 1)
      return time ? new types.LocalTime(time.hour, time.minute, time.second, time.nanosecond) : undefined
    }
    case "time": {
      const match = timeWithOffset.exec(value.text)
      const time = match && parseTime(match, 1)
      const offset = parseOffset(match?.[5] ?? "")
      if (!time || offset === undefined) return undefined
      return new types.Time(time.hour, time.minute, time.second, time.nanosecond, offset)
    }
    case "localDateTime": {
      const match = dateAndTime.exec(value.text)
      const date = match && parseDate(match, 1)
      const time = match && parseTime(match, 4)
      if (!date || !time) return undefined
      const { year, month, day } = date
      return new types.LocalDateTime(year, month, day, time.hour, time.minute, time.second, time.nanosecond)
    }
    case "dateTime": {
      const parsed = parseZoned(value.text)
      if (parsed === undefined) return undefined
      const { date, time, offset, zone } = parsed
      if (zone !== undefined && !hasOffset(zone, epochSecond(date, time) - offset, offset)) return undefined
      const { year, month, day } = date
      const { hour, minute, second, nanosecond } = time
      return zone === undefined
        ? new types.DateTime(year, month, day, hour, minute, second, nanosecond, offset)
        : new types.DateTime(year, month, day, hour, minute, second, nanosecond, offset, zone)
    }
    case "duration":
      return parseDuration(value.text)
  }
}

// The server takes names from its own table: no offsets, no abbreviations, and in the right letters.
const hasOffset = (zone: string, moment: number, offset: number): boolean =>
  isRegionZone(zone) && zoneOffset(zone, moment) === offset

const parseZoned = (text: string) => {
  const match = dateTimeWithOffset.exec(text)
  const date = match && parseDate(match, 1)
  const time = match && parseTime(match, 4)
  const offset = parseOffset(match?.[8] ?? "")
  return date && time && offset !== undefined ? { date, time, offset, zone: match?.[9] } : undefined
}

/** A driver's value as temporal; undefined for anything else. */
export const fromDriver = (value: unknown): Temporal | undefined => {
  if (typeof value !== "object" || value === null) return undefined
  if (neo4j.isDateTime(value)) return new Temporal("dateTime", formatZoned(value))
  if (neo4j.isDate(value)) return new Temporal("date", formatDate(dateFields(value)))
  if (neo4j.isLocalDateTime(value)) {
    return new Temporal("localDateTime", `${formatDate(dateFields(value))}T${formatTime(timeFields(value))}`)
  }
  if (neo4j.isTime(value)) {
    return new Temporal("time", formatTime(timeFields(value)) + formatOffset(Number(value.timeZoneOffsetSeconds)))
  }
  if (neo4j.isLocalTime(value)) return new Temporal("localTime", formatTime(timeFields(value)))
  if (neo4j.isDuration(value)) {
    const { months, days, seconds, nanoseconds } = value
    return new Temporal("duration", formatDuration(big(months), big(days), big(seconds), big(nanoseconds)))
  }
  return undefined
}

const big = (value: { toString(): string }): bigint => BigInt(value.toString())

type Loose<Fields> = { readonly [Name in keyof Fields]: unknown }

const dateFields = (value: Loose<DateFields>): DateFields => ({
  year: Number(value.year),
  month: Number(value.month),
  day: Number(value.day)
})

const timeFields = (value: Loose<TimeFields>): TimeFields => ({
  hour: Number(value.hour),
  minute: Number(value.minute),
  second: Number(value.second),
  nanosecond: Number(value.nanosecond)
})

const formatZoned = (value: DateTime): string => {
  const zone = value.timeZoneId ?? undefined
  const text = `${formatDate(dateFields(value))}T${formatTime(timeFields(value))}${formatOffset(Number(value.timeZoneOffsetSeconds))}`
  return zone === undefined ? text : `${text}[${zone}]`
}

/**
 * A date and time with a named zone from the server's own text, with the offset that this machine's zone rules give for
 * that moment, so that it reads the same as it was written; the server's text where they do not know the zone.
 */
export const fromServerText = (text: string): Temporal => {
  const parsed = parseZoned(text)
  if (parsed?.zone === undefined) return new Temporal("dateTime", text)
  const moment = epochSecond(parsed.date, parsed.time) - parsed.offset
  const offset = zoneOffset(parsed.zone, moment)
  if (offset === undefined || offset === parsed.offset) return new Temporal("dateTime", text)
  const local = new globalThis.Date((moment + offset) * 1000)
  const date = { year: local.getUTCFullYear(), month: local.getUTCMonth() + 1, day: local.getUTCDate() }
  const time = {
    hour: local.getUTCHours(),
    minute: local.getUTCMinutes(),
    second: local.getUTCSeconds(),
    nanosecond: parsed.time.nanosecond
  }
  return new Temporal("dateTime", `${formatDate(date)}T${formatTime(time)}${formatOffset(offset)}[${parsed.zone}]`)
}

/** The driver's value for a temporal, where that comes back as the very same text; else undefined. */
export const toDriver = (value: Temporal): DriverTemporal | undefined => {
  const parsed = parse(value)
  return parsed !== undefined && fromDriver(parsed)?.text === value.text ? parsed : undefined
}
