/**
 * Texts for the columns that SQLite stores beside the properties: derived, never read back as data, and never taken
 * from the clock.
 */
import { type PropertyValue, Temporal } from "../../domain/PropertyValue.ts"

/** Stands where a record has no time that could be used. */
export const NO_TIMESTAMP = "1970-01-01 00:00:00"
export const NO_ISO_TIME = "1970-01-01T00:00:00+00:00"

const DAY = "\\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\\d|3[01])"
const CLOCK = "(?:[01]\\d|2[0-3]):[0-5]\\d:[0-5]\\d"
const UTC = new RegExp(`^${DAY}[T ]${CLOCK}(?:\\.\\d+)?(?:\\+00:00|Z)?$`)
const ANY = new RegExp(
  `^(${DAY})(?:[T ](${CLOCK})(\\.\\d+)?(?:Z|([+-])(\\d\\d):?(\\d\\d)(?::?(\\d\\d))?)?(?:\\[.*\\])?)?$`
)

const text = (value: PropertyValue | undefined): string | undefined => {
  if (typeof value === "string") return value
  if (!(value instanceof Temporal)) return undefined
  return value.kind === "dateTime" || value.kind === "localDateTime" || value.kind === "date" ? value.text : undefined
}

// The moment in UTC to the second as `YYYY-MM-DDTHH:MM:SS`, and its fraction. A time without an offset counts as UTC,
// as it does in the Python program.
const inUtc = (value: string): { readonly seconds: string; readonly fraction: string } | undefined => {
  const match = ANY.exec(value)
  if (match === null) return undefined
  const [, day = "", clock = "00:00:00", fraction = "", sign, hours = "0", minutes = "0", seconds = "0"] = match
  const offset = ((Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds)) * (sign === "-" ? -1000 : 1000)
  const moment = new Date(Date.parse(`${day}T${clock}Z`) - offset)
  const year = moment.getUTCFullYear()
  if (!(year >= 1 && year <= 9999)) return undefined
  return { seconds: moment.toISOString().slice(0, 19), fraction }
}

/** The form of `nodes.created_at` and its like: `2024-02-29 18:00:00`, UTC, whole seconds (cut, not rounded). */
export const timestampColumn = (value: PropertyValue | undefined): string => {
  const time = text(value)
  if (time === undefined) return NO_TIMESTAMP
  if (UTC.test(time)) return `${time.slice(0, 10)} ${time.slice(11, 19)}`
  const utc = inUtc(time)
  return utc === undefined ? NO_TIMESTAMP : utc.seconds.replace("T", " ")
}

/** The form in which the Python program keeps the times of relationships: `2026-01-05T10:07:06.002565+00:00`. */
export const isoColumn = (value: PropertyValue | undefined): string | undefined => {
  const time = text(value)
  const utc = time === undefined ? undefined : inUtc(time)
  if (utc === undefined) return undefined
  const fraction = utc.fraction === "" ? "" : utc.fraction.slice(0, 7).padEnd(7, "0")
  return `${utc.seconds}${fraction}+00:00`
}
