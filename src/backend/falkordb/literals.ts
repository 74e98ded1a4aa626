/**
 * Values as Cypher text. Everything that is written goes through here and nothing through the driver's parameters,
 * which quote neither names nor map keys (injected Cypher was executed). What the engine cannot hold as it is must have
 * been encoded before: these functions throw on it, as a second wall.
 *
 * Measured on FalkorDB 4.16: in a string only the backslash and the quote need an escape; a back-quoted name ends at
 * the next back-quote, whatever stands before it; the parser takes twice as long for each level of nesting, so that a
 * list sixty levels deep would hang the whole server.
 */
import type { Properties } from "../../domain/Graph.ts"
import { isInt64, isList, isMap, Point, type PropertyValue, Temporal, Vector } from "../../domain/PropertyValue.ts"
import { type EncodingProfile, isWellFormed } from "../Encoding.ts"

/** Lists inside a list are native, lists inside those are not. */
const NATIVE_DEPTH = 2

/** The greatest number of days that a native duration is written with: the engine counts them in 32-bit floats. */
const MAX_DAYS = 1_000_000n

/** True for text that the engine stores as it is: no NUL (ends a C string), no lone surrogate (not UTF-8). */
export const isNativeText = (text: string): boolean => !text.includes("\0") && isWellFormed(text)

/** True for a name (property, label, relationship type) that can be written. The empty name can. */
export const isNativeName = (name: string): boolean => !name.includes("`") && isNativeText(name)

const isFloat32 = (value: number): boolean => Object.is(Math.fround(value), value)

const isNativePoint = (point: Point): boolean =>
  point.srid === 4326 &&
  point.z === undefined &&
  isFloat32(point.x) &&
  isFloat32(point.y) &&
  Math.abs(point.x) <= 180 &&
  Math.abs(point.y) <= 90

// Years of four digits that do not begin with 0, whole seconds, no zone: what the engine's own parser brings back.
const DATE = /^[1-9]\d{3}-\d\d-\d\d$/
const TIME = /^\d\d:\d\d:\d\d$/
const DATE_TIME = /^[1-9]\d{3}-\d\d-\d\dT\d\d:\d\d:\d\d$/

const isRealMoment = (text: string): boolean => {
  const time = Date.parse(`${text}Z`)
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(text)
}

const DURATION = /^P(?:(-?\d+)D)?(?:T(?:(-?\d+)H)?(?:(-?\d+)M)?(?:(-?\d+)S)?)?$/

/** Seconds as a duration: days, hours, minutes and seconds of one sign, as Cypher engines print it. */
export const durationText = (seconds: bigint): string => {
  const part = (value: bigint, unit: string) => (value === 0n ? "" : `${value}${unit}`)
  const time = part((seconds / 3600n) % 24n, "H") + part((seconds / 60n) % 60n, "M") + part(seconds % 60n, "S")
  const text = part(seconds / 86_400n, "D") + (time === "" ? "" : `T${time}`)
  return text === "" ? "PT0S" : `P${text}`
}

const durationParts = (text: string): ReadonlyArray<bigint> | undefined => {
  const parts = DURATION.exec(text)
    ?.slice(1)
    .map((part) => BigInt(part ?? 0))
  if (parts === undefined) return undefined
  const [days = 0n, hours = 0n, minutes = 0n, seconds = 0n] = parts
  const normal = durationText(days * 86_400n + hours * 3600n + minutes * 60n + seconds) === text
  return normal && days <= MAX_DAYS && days >= -MAX_DAYS ? parts : undefined
}

const isNativeTemporal = (value: Temporal): boolean => {
  switch (value.kind) {
    case "date":
      return DATE.test(value.text) && isRealMoment(`${value.text}T00:00:00`)
    case "localDateTime":
      return DATE_TIME.test(value.text) && isRealMoment(value.text)
    case "localTime":
      return TIME.test(value.text) && isRealMoment(`2000-01-01T${value.text}`)
    case "duration":
      return durationParts(value.text) !== undefined
    default:
      return false
  }
}

// NaN and infinities could be held, but not compared and not indexed: they are encoded.
const isNative = (value: PropertyValue, depth: number): boolean => {
  switch (typeof value) {
    case "string":
      return isNativeText(value)
    case "boolean":
      return true
    case "bigint":
      return isInt64(value)
    case "number":
      return Number.isFinite(value)
    default:
      if (isList(value))
        return depth < NATIVE_DEPTH && value.every((item) => item !== null && isNative(item, depth + 1))
      if (value instanceof Temporal) return isNativeTemporal(value)
      if (value instanceof Point) return isNativePoint(value)
      return value instanceof Vector && value.values.every(Number.isFinite)
  }
}

/** What a FalkorDB property holds as it is. */
export const profile: EncodingProfile = {
  nativeValue: (value) => isNative(value, 0),
  nativeName: isNativeName
}

/** A name in back-quotes. */
export const quoteName = (name: string): string => {
  if (!isNativeName(name)) throw new Error(`The name ${JSON.stringify(name)} cannot be written in Cypher.`)
  return `\`${name}\``
}

/** A string literal. */
export const quoteText = (text: string): string => {
  if (!isNativeText(text)) throw new Error("A text with NUL or a lone surrogate cannot be written in Cypher.")
  return `'${text.replace(/[\\']/g, "\\$&")}'`
}

const SMALLEST_NORMAL = 2.2250738585072014e-308

// The parser refuses literals below the normal range; a quotient of two normal ones is exact. The same is true of
// JavaScript's form of whole floats: without a point it would be an integer.
const floatLiteral = (value: number): string => {
  if (!Number.isFinite(value)) throw new Error("NaN and infinities are not written natively.")
  if (value !== 0 && Math.abs(value) < SMALLEST_NORMAL) return `(${floatLiteral(value * 2 ** 200)}/${2 ** 200})`
  if (Object.is(value, -0)) return "-0.0"
  const text = String(value)
  return text.includes(".") || text.includes("e") ? text : `${text}.0`
}

const temporalLiteral = (value: Temporal): string => {
  switch (value.kind) {
    case "date":
      return `date('${value.text}')`
    case "localDateTime":
      return `localdatetime('${value.text}')`
    case "localTime":
      return `localtime('${value.text}')`
    default: {
      const [days, hours, minutes, seconds] = durationParts(value.text) ?? []
      return `duration({days:${days},hours:${hours},minutes:${minutes},seconds:${seconds}})`
    }
  }
}

/** A value as a literal. Throws on a value that the {@link profile} does not call native. */
export const literal = (value: PropertyValue): string => {
  switch (typeof value) {
    case "string":
      return quoteText(value)
    case "boolean":
      return value ? "true" : "false"
    case "bigint":
      if (!isInt64(value)) throw new Error(`${value} does not fit 64 bits.`)
      return value.toString()
    case "number":
      return floatLiteral(value)
    default:
      if (!isNative(value, 0) || isMap(value)) throw new Error("This value cannot be written in Cypher.")
      if (isList(value)) return `[${value.map((item) => (item === null ? "null" : literal(item))).join(",")}]`
      if (value instanceof Point) return `point({latitude:${floatLiteral(value.y)},longitude:${floatLiteral(value.x)}})`
      if (value instanceof Vector) return `vecf32([${Array.from(value.values, floatLiteral).join(",")}])`
      if (value instanceof Temporal && isNativeTemporal(value)) return temporalLiteral(value)
      throw new Error("This value cannot be written in Cypher.")
  }
}

// Names repeat from record to record: their quoted forms are kept, a bounded number of them.
const names = new Map<string, string>()
const quotedKey = (name: string): string => {
  let quoted = names.get(name)
  if (quoted === undefined) {
    quoted = `${quoteName(name)}:`
    if (names.size < 2000) names.set(name, quoted)
  }
  return quoted
}

/** Properties as a map literal. */
export const mapLiteral = (properties: Properties): string => {
  let text = ""
  for (const name of Object.keys(properties)) {
    const value = properties[name]
    if (value !== undefined) text += `${text === "" ? "" : ","}${quotedKey(name)}${literal(value)}`
  }
  return `{${text}}`
}
