/**
 * Offsets of named time zones, by the zone rules of this JavaScript engine: Bolt carries a moment and a zone's name, and
 * the offset in a text is worked out on each side.
 */
import type { DateFields, TimeFields } from "./temporal.ts"

// A JavaScript date ends at 8.64e15 milliseconds; a day less leaves room for any offset.
const MAX_SECOND = 8.64e12 - 86_400

/** Days since 1970-01-01 in the proleptic Gregorian calendar; exact for the years that the engines know. */
const epochDay = ({ year, month, day }: DateFields): number => {
  const y = month > 2 ? year : year - 1
  const era = Math.floor(y / 400)
  const yearOfEra = y - era * 400
  const dayOfYear = Math.floor((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) + day - 1
  return era * 146_097 + yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear - 719_468
}

/** Seconds since 1970-01-01T00:00, as if the fields were UTC; inexact beyond the year 285,000,000. */
export const epochSecond = (date: DateFields, time: TimeFields): number =>
  epochDay(date) * 86_400 + time.hour * 3600 + time.minute * 60 + time.second

const formats = new Map<string, Intl.DateTimeFormat | undefined>()

const formatOf = (zone: string): Intl.DateTimeFormat | undefined => {
  if (!formats.has(zone)) {
    try {
      const numeric = "numeric" as const
      formats.set(
        zone,
        new Intl.DateTimeFormat("en-US", {
          timeZone: zone,
          calendar: "gregory",
          era: "narrow",
          year: numeric,
          month: numeric,
          day: numeric,
          hour: numeric,
          minute: numeric,
          second: numeric,
          hourCycle: "h23"
        })
      )
    } catch {
      formats.set(zone, undefined)
    }
  }
  return formats.get(zone)
}

const REGION = /^(?:UTC|GMT|[A-Z][A-Za-z]+(?:[/_+-][A-Za-z0-9]+)+)$/

/**
 * True for a zone that is known here under exactly this name, `Area/City` or UTC. Neo4j stores all of those (its table
 * compared with Node's), but not `EST` or `GMT+02:00`, which fail at commit; and JavaScript does not mind letter case.
 */
export const isRegionZone = (zone: string): boolean => {
  if (!REGION.test(zone)) return false
  const known = formatOf(zone)?.resolvedOptions().timeZone
  return known !== undefined && (known === zone || known.toLowerCase() !== zone.toLowerCase())
}

/**
 * The offset (seconds east) of a zone at a moment; undefined where the zone is not known here or the moment is beyond
 * what JavaScript can say (about the years -271,000 to 275,000).
 */
export const zoneOffset = (zone: string, moment: number): number | undefined => {
  if (Math.abs(moment) > MAX_SECOND) return undefined
  const format = formatOf(zone)
  if (format === undefined) return undefined
  const fields = { year: 0, month: 0, day: 0, hour: 0, minute: 0, second: 0 }
  const isField = (name: string): name is keyof typeof fields => Object.hasOwn(fields, name)
  let beforeChrist = false
  for (const { type, value } of format.formatToParts(moment * 1000)) {
    if (type === "era") beforeChrist = value.startsWith("B")
    else if (isField(type)) fields[type] = Number(value)
  }
  const year = beforeChrist ? 1 - fields.year : fields.year
  return epochSecond({ ...fields, year }, { ...fields, nanosecond: 0 }) - moment
}
