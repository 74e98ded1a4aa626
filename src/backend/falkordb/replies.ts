/**
 * Compact replies of the engine as values, without losing a bit.
 *
 * The engine prints a double with 15 significant digits, which changes 93 of 100 random ones. So each query also asks
 * for the low part of every float, `x - (x*C - (x*C - x))` with C = 2^27 + 1: the bits that remain when x is rounded to
 * 26 of them. Both parts survive the printing, because 15 digits are more than either has, and their sum is x.
 */
import { type MutableProperties, setProperty } from "../../domain/Graph.ts"
import { Point, type PropertyValue, Temporal, Vector } from "../../domain/PropertyValue.ts"
import type { Reply } from "./Connection.ts"
import { durationText } from "./literals.ts"

/** A reply that is not what this product knows how to read: the records cannot be decoded exactly. */
export class Undecodable extends Error {}

const SPLITTER = "134217729.0"

/** Cypher for the low part of the float expression `x` (a variable: it is repeated). */
export const lowPart = (x: string): string => `(${x} - (${x}*${SPLITTER} - (${x}*${SPLITTER} - ${x})))`

/** Cypher for the properties of `v` and the low parts of their floats, in order: those of its own, those in its lists. */
export const propertyColumns = (v: string): string =>
  `properties(${v}),` +
  `[k IN keys(${v}) WHERE typeOf(${v}[k]) = 'Float' | ${lowPart(`${v}[k]`)}],` +
  `[k IN keys(${v}) WHERE typeOf(${v}[k]) = 'List' | [x IN ${v}[k] WHERE typeOf(x) = 'Float' | ${lowPart("x")}]]`

const high = (x: number): number => {
  const scaled = x * 134217729
  return scaled - (scaled - x)
}

const SPECIAL: ReadonlyMap<string, number> = new Map([
  ["inf", Number.POSITIVE_INFINITY],
  ["-inf", Number.NEGATIVE_INFINITY],
  ["nan", Number.NaN],
  ["-nan", Number.NaN]
])

/** The double that was printed as `text` and has that low part; undefined where the low part says nothing. */
export const exactFloat = (text: string, low: string): number | undefined => {
  const special = SPECIAL.get(text)
  if (special !== undefined) return special
  const near = Number(text)
  if (near === 0) return near
  const rest = Number(low)
  // Beyond 2^996 the splitting itself overflows.
  if (!Number.isFinite(near) || !Number.isFinite(rest)) return undefined
  return high(near - rest) + rest
}

/** True where a float needs no low part. */
const isPlain = (text: string): boolean => SPECIAL.has(text) || Number(text) === 0

/** A place in an entity whose float is still to be read: `["scores", 1, 0]` is `n.scores[1][0]`. */
export interface Unread {
  readonly path: readonly [string, ...ReadonlyArray<number>]
  readonly text: string
  readonly put: (value: number) => void
}

/** The engine's numbers for value types in compact replies. */
const TYPE = {
  null: "1",
  string: "2",
  integer: "3",
  boolean: "4",
  double: "5",
  array: "6",
  map: "10",
  point: "11",
  vector: "12",
  dateTime: "13",
  date: "14",
  time: "15",
  duration: "16"
} as const

const list = (reply: Reply | undefined): ReadonlyArray<Reply> => {
  if (Array.isArray(reply)) return reply
  throw new Undecodable("the engine sent something else than a list")
}

/** Bytes as text; fails where they are not UTF-8, which would silently become U+FFFD. */
export const decodeText = (reply: Reply | undefined): string => {
  if (typeof reply === "string") return reply
  if (!Buffer.isBuffer(reply)) throw new Undecodable("the engine sent something else than text")
  const text = reply.toString("utf8")
  if (text.includes("\ufffd") && !Buffer.from(text, "utf8").equals(reply)) throw new Undecodable("a text is not UTF-8")
  return text
}

/** A typed value `[type, value]` of a compact reply: its items, where it is a list. */
export const listItems = (value: Reply | undefined): ReadonlyArray<Reply> => {
  const pair = list(value)
  if (pair[0] !== TYPE.array) throw new Undecodable(`expected a list, found the engine's type ${String(pair[0])}`)
  return list(pair[1])
}

/** A typed value as text, or undefined where it is null. */
export const optionalText = (value: Reply | undefined): string | undefined => {
  const pair = list(value)
  if (pair[0] === TYPE.null) return undefined
  if (pair[0] !== TYPE.string) throw new Undecodable(`expected text, found the engine's type ${String(pair[0])}`)
  return decodeText(pair[1])
}

/** A typed value as text where it is text; undefined where it is anything else. */
export const textOnly = (value: Reply | undefined): string | undefined => {
  const pair = list(value)
  return pair[0] === TYPE.string ? decodeText(pair[1]) : undefined
}

/** A typed value as the printed form of a float. */
export const floatText = (value: Reply | undefined): string => {
  const pair = list(value)
  if (pair[0] !== TYPE.double) throw new Undecodable(`expected a float, found the engine's type ${String(pair[0])}`)
  return decodeText(pair[1])
}

/** About how many bytes a typed map of properties takes: enough to size the next page. */
export const weigh = (map: Reply | undefined): number => {
  const entries = list(list(map)[1])
  let bytes = 0
  for (let i = 1; i < entries.length; i += 2) {
    const value = list(entries[i])[1]
    bytes += 32 + (Buffer.isBuffer(value) ? value.length : Array.isArray(value) ? value.length * 32 : 0)
  }
  return bytes
}

/** A typed value as a count or id. Counts beyond 2^53 do not occur. */
export const integer = (value: Reply | undefined): number => {
  const pair = list(value)
  if (pair[0] !== TYPE.integer) throw new Undecodable(`expected an integer, found the engine's type ${String(pair[0])}`)
  return Number(pair[1])
}

const seconds = (value: Reply | undefined): bigint => BigInt(decodeText(value))

// Times are stored as seconds since 1970; a time of day as one on the first day of 1900.
const DAY_OF_TIMES = 2_208_988_800n

const moment = (value: bigint): string => {
  const date = new Date(Number(value) * 1000)
  if (Number.isNaN(date.getTime())) throw new Undecodable(`the moment ${value} is out of range`)
  return date.toISOString().slice(0, -5)
}

// Coordinates and vectors hold 32-bit floats, of which 15 digits are more than enough; printed, they are no longer
// quite the float.
const float32 = (value: Reply): number => {
  const text = decodeText(value)
  return SPECIAL.get(text) ?? Math.fround(Number(text))
}

type Path = readonly [string, ...ReadonlyArray<number>]

class ValueReader {
  readonly unread: Array<Unread> = []

  private float(text: string, low: Reply | undefined, path: Path, put: (value: number) => void): number {
    const known = isPlain(text)
      ? exactFloat(text, "0")
      : low === undefined
        ? undefined
        : exactFloat(text, decodeText(list(low)[1]))
    if (known !== undefined) return known
    this.unread.push({ path, text, put })
    return Number.NaN
  }

  // `lows` are the low parts of the floats that stand directly in the list, in order; deeper ones come without.
  private list(items: ReadonlyArray<Reply>, lows: ReadonlyArray<Reply>, path: Path): Array<PropertyValue | null> {
    const values: Array<PropertyValue | null> = []
    let next = 0
    items.forEach((item, i) => {
      const low = list(item)[0] === TYPE.double ? lows[next++] : undefined
      values.push(this.value(item, low, [], [...path, i], (value) => (values[i] = value)))
    })
    return values
  }

  value(
    reply: Reply,
    low: Reply | undefined,
    lows: ReadonlyArray<Reply>,
    path: Path,
    put: (value: number) => void
  ): PropertyValue | null {
    const [type, value] = list(reply)
    switch (type) {
      case TYPE.null:
        return null
      case TYPE.string:
        return decodeText(value)
      case TYPE.integer:
        return BigInt(decodeText(value))
      case TYPE.boolean:
        return decodeText(value) === "true"
      case TYPE.double:
        return this.float(decodeText(value), low, path, put)
      case TYPE.array:
        return this.list(list(value), lows, path)
      case TYPE.point: {
        const [latitude = null, longitude = null] = list(value)
        return new Point(4326, float32(longitude), float32(latitude))
      }
      case TYPE.vector:
        return new Vector(Float32Array.from(list(value), float32))
      case TYPE.dateTime:
        return new Temporal("localDateTime", moment(seconds(value)))
      case TYPE.date:
        return new Temporal("date", moment(seconds(value)).replace(/T.*/, ""))
      case TYPE.time:
        return new Temporal("localTime", moment(seconds(value) + DAY_OF_TIMES).replace(/.*T/, ""))
      case TYPE.duration:
        return new Temporal("duration", durationText(seconds(value)))
      default:
        throw new Undecodable(`the engine's value type ${String(type)} is unknown`)
    }
  }
}

/** Properties as stored, from the three columns of {@link propertyColumns}; `unread` floats need a query of their own. */
export const decodeProperties = (
  columns: ReadonlyArray<Reply | undefined>
): { readonly properties: MutableProperties; readonly unread: ReadonlyArray<Unread> } => {
  const [map, floats, lists] = columns
  const entries = list(list(map)[1])
  const lows = listItems(floats)
  const listLows = listItems(lists)
  const reader = new ValueReader()
  const properties: MutableProperties = {}
  let nextFloat = 0
  let nextList = 0
  for (let i = 0; i < entries.length; i += 2) {
    const name = decodeText(entries[i])
    const typed = entries[i + 1] ?? null
    const type = list(typed)[0]
    const low = type === TYPE.double ? lows[nextFloat++] : undefined
    const inside = type === TYPE.array ? listItems(listLows[nextList++]) : []
    const value = reader.value(typed, low, inside, [name], (read) => setProperty(properties, name, read))
    if (value !== null) setProperty(properties, name, value)
  }
  if (nextFloat !== lows.length || nextList !== listLows.length) {
    throw new Undecodable("the engine listed an entity's properties in two different orders")
  }
  return { properties, unread: reader.unread }
}

/** A typed map of counts, by name. */
export const mapCounts = (value: Reply | undefined): ReadonlyArray<readonly [string, number]> => {
  const entries = list(list(value)[1])
  const found: Array<readonly [string, number]> = []
  for (let i = 0; i < entries.length; i += 2) found.push([decodeText(entries[i]), integer(entries[i + 1])])
  return found
}

/** The rows of a reply. */
export const rows = (reply: Reply): ReadonlyArray<ReadonlyArray<Reply>> => {
  const parts = list(reply)
  return parts.length === 3 ? list(parts[1]).map(list) : []
}
