/**
 * Property values between the domain and the driver, and what each engine stores as it is. All else is encoded (see
 * `backend/Encoding.ts`). A JavaScript number is written as a float and a bigint as an integer, so both keep their kind.
 */
import neo4j from "neo4j-driver"
import { setProperty } from "../../domain/Graph.ts"
import {
  isInt64,
  isList,
  isMap,
  Point,
  type PropertyMap,
  type PropertyValue,
  Temporal,
  Vector
} from "../../domain/PropertyValue.ts"
import { type EncodingProfile, isWellFormed } from "../Encoding.ts"
import * as temporal from "./temporal.ts"

/** A value that the driver gives and the domain cannot say. */
export class Undecodable extends Error {
  constructor(what: string) {
    super(what)
    this.name = "Undecodable"
  }
}

/** The driver's value for a native property value (see {@link neo4jProfile}, {@link memgraphProfile}). */
export const toDriver = (value: PropertyValue | null): unknown => {
  if (typeof value !== "object" || value === null) return value
  if (value instanceof Temporal) return temporal.toDriver(value)
  if (value instanceof Point) return new neo4j.types.Point(value.srid, value.x, value.y, value.z)
  // Bytes are an Int8Array to the driver; any other typed array would be sent as a list.
  if (value instanceof Uint8Array) return new Int8Array(value.buffer, value.byteOffset, value.byteLength)
  if (isList(value)) return value.map(toDriver)
  if (!isMap(value)) return undefined
  const map: { [name: string]: unknown } = {}
  for (const name of Object.keys(value)) setProperty(map, name, toDriver(value[name] ?? null))
  return map
}

/** The domain's value for what the driver gives. Throws {@link Undecodable} where it has none. */
export const fromDriver = (value: unknown): PropertyValue | null => {
  switch (typeof value) {
    case "string":
    case "boolean":
    case "bigint":
    case "number":
      return value
    case "object":
      break
    default:
      throw new Undecodable(`a ${typeof value}`)
  }
  if (value === null) return null
  if (Array.isArray(value)) return value.map(fromDriver)
  if (value instanceof Int8Array) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
  const time = temporal.fromDriver(value)
  if (time !== undefined) return time
  if (neo4j.isPoint(value)) {
    return new Point(Number(value.srid), value.x, value.y, typeof value.z === "number" ? value.z : undefined)
  }
  if (neo4j.isVector(value)) return fromVector(value.asTypedArray())
  if (Object.getPrototypeOf(value) !== Object.prototype)
    throw new Undecodable(`a value of class ${value.constructor.name}`)
  const map: { [name: string]: PropertyValue | null } = {}
  for (const [name, item] of Object.entries(value)) setProperty(map, name, fromDriver(item))
  return map
}

// Newer servers store vectors; those of 32-bit floats are the domain's, others travel as lists would lose their kind.
const fromVector = (values: unknown): Vector => {
  if (values instanceof Float32Array) return new Vector(values)
  throw new Undecodable("a vector that is not of 32-bit floats")
}

const WGS_84 = new Set([4326, 4979])
const CARTESIAN = new Set([7203, 9157])
const THREE_DIMENSIONS = new Set([4979, 9157])

// Beyond 180 degrees Neo4j turns a longitude round without a word (1000 becomes -80: measured on 5.26).
const isPointNative = (point: Point): boolean => {
  const finite = Number.isFinite(point.x) && Number.isFinite(point.y) && Number.isFinite(point.z ?? 0)
  if (!finite || (point.z !== undefined) !== THREE_DIMENSIONS.has(point.srid)) return false
  if (CARTESIAN.has(point.srid)) return true
  return WGS_84.has(point.srid) && Math.abs(point.x) <= 180 && Math.abs(point.y) <= 90
}

/** What values of a Neo4j list must have in common; undefined for what cannot be in a list. */
const listKind = (value: PropertyValue | null): string | undefined => {
  if (typeof value !== "object") return isNeo4jValue(value) ? typeof value : undefined
  if (value instanceof Temporal) return isNeo4jValue(value) ? value.kind : undefined
  if (value instanceof Point) return isNeo4jValue(value) ? `point ${value.srid}` : undefined
  return undefined
}

const isNeo4jValue = (value: PropertyValue): boolean => {
  switch (typeof value) {
    case "boolean":
    case "number":
      return true
    case "bigint":
      return isInt64(value)
    case "string":
      return isWellFormed(value)
    default:
      if (value instanceof Temporal) return temporal.toDriver(value) !== undefined
      if (value instanceof Point) return isPointNative(value)
      if (value instanceof Uint8Array) return true
      if (!isList(value)) return false
      return value.length === 0 || isHomogeneous(value)
  }
}

const isHomogeneous = (list: ReadonlyArray<PropertyValue | null>): boolean => {
  const kind = listKind(list[0] ?? null)
  return kind !== undefined && list.every((item) => listKind(item) === kind)
}

/** True for a label or relationship type that Neo4j and Memgraph can have. */
export const isNativeToken = (name: string): boolean => name !== "" && !name.includes("\0") && isWellFormed(name)

// The driver puts a property into a plain object by assignment, which drops one named `__proto__`.
const isNativeName = (name: string): boolean => name !== "__proto__" && isNativeToken(name)

/** Neo4j: NaN, infinities, NUL in strings, bytes, temporals, points; lists of one kind without null; no maps. */
export const neo4jProfile: EncodingProfile = { nativeValue: isNeo4jValue, nativeName: isNativeName }

const MEMGRAPH_FRACTION = /\.\d{7}/
const MEMGRAPH_YEAR = /^\d{4}-/
// Days and a time of day of less than a day: the only durations that are certain to come back in the same parts.
const MEMGRAPH_DURATION = /^P(?:(\d{1,6})D)?(?:T(?:(\d|1\d|2[0-3])H)?(?:\d{1,2}M)?(?:[\d.]+S)?)?$/
const OFFSET_WITH_SECONDS = /[+-]\d\d:\d\d:\d\d/

// Memgraph counts in microseconds, drops the months of a duration and closes the connection on some values.
const isMemgraphTemporal = (value: Temporal): boolean => {
  if (MEMGRAPH_FRACTION.test(value.text) || temporal.toDriver(value) === undefined) return false
  switch (value.kind) {
    case "localTime":
      return true
    case "date":
    case "localDateTime":
      return MEMGRAPH_YEAR.test(value.text)
    case "dateTime":
      return MEMGRAPH_YEAR.test(value.text) && !OFFSET_WITH_SECONDS.test(value.text)
    case "duration":
      return MEMGRAPH_DURATION.test(value.text)
    case "time":
      return false
  }
}

const isMemgraphText = (text: string): boolean => isWellFormed(text) && !text.includes("\0")

const isMemgraphMap = (map: PropertyMap): boolean =>
  Object.keys(map).every((name) => name !== "__proto__" && isMemgraphText(name) && isMemgraphItem(map[name] ?? null))

const isMemgraphItem = (value: PropertyValue | null): boolean => value === null || isMemgraphValue(value)

const isMemgraphValue = (value: PropertyValue): boolean => {
  switch (typeof value) {
    case "boolean":
      return true
    case "number":
      return Number.isFinite(value)
    case "bigint":
      return isInt64(value)
    case "string":
      return isMemgraphText(value)
    default:
      if (value instanceof Temporal) return isMemgraphTemporal(value)
      if (value instanceof Point) return isPointNative(value)
      if (isList(value)) return value.every(isMemgraphItem)
      return isMap(value) && isMemgraphMap(value)
  }
}

/**
 * Memgraph: maps, nested and mixed lists; temporals of microseconds, no bytes. What is not known for certain of it
 * (NaN, NUL, negative durations, years beyond four digits) is encoded, which loses nothing.
 */
export const memgraphProfile: EncodingProfile = { nativeValue: isMemgraphValue, nativeName: isNativeName }
