/**
 * The values a property can have, wide enough for every backend: JavaScript primitives stand for themselves
 * (`bigint` is an integer, `number` always a 64-bit float), the rest are tagged.
 */

/** Kinds of temporal values, as openCypher names them. */
export type TemporalKind = "date" | "time" | "localTime" | "dateTime" | "localDateTime" | "duration"

/**
 * A temporal value as ISO 8601 text: fraction of up to nine digits without trailing zeros, a named zone as
 * `[Area/City]` after the offset. It is text on purpose: a JS Date holds milliseconds only. The text is not checked
 * here: docs/format.md says what each kind looks like.
 *
 * @example
 * ```ts
 * new Temporal("dateTime", "2024-10-27T02:30:00+02:00[Europe/Berlin]")
 * ```
 */
export class Temporal {
  readonly kind: TemporalKind
  readonly text: string
  constructor(kind: TemporalKind, text: string) {
    this.kind = kind
    this.text = text
  }
}

/** A point in a coordinate reference system (`srid` 4326, 4979, 7203 or 9157). */
export class Point {
  readonly srid: number
  readonly x: number
  readonly y: number
  /** Undefined in the flat systems, 4326 and 7203. */
  readonly z: number | undefined
  constructor(srid: number, x: number, y: number, z?: number) {
    this.srid = srid
    this.x = x
    this.y = y
    this.z = z
  }
}

/** A vector of 32-bit floats (FalkorDB's `vecf32`). */
export class Vector {
  readonly values: Float32Array
  constructor(values: Float32Array) {
    this.values = values
  }
}

/** A map value; unlike at the top level, a null inside is a value. */
export interface PropertyMap {
  readonly [name: string]: PropertyValue | null
}

/** A list value; may hold nulls and mixed kinds. */
export type PropertyList = ReadonlyArray<PropertyValue | null>

/**
 * Any property value. `bigint`: an integer (of any size; beyond int64 only JSON stores hold it). `number`: a float64,
 * also where it is integral, NaN or infinite. `Uint8Array`: bytes.
 */
export type PropertyValue =
  | string
  | boolean
  | bigint
  | number
  | Temporal
  | Point
  | Vector
  | Uint8Array
  | PropertyList
  | PropertyMap

const INT64_MIN = -(2n ** 63n)
const INT64_MAX = 2n ** 63n - 1n

/** True for an integer that a 64-bit engine can hold. */
export const isInt64 = (value: bigint): boolean => value >= INT64_MIN && value <= INT64_MAX

/** True for a list value. */
export const isList = (value: PropertyValue): value is PropertyList => Array.isArray(value)

/** True for a map value: an object that is none of the tagged kinds. */
export const isMap = (value: PropertyValue): value is PropertyMap =>
  typeof value === "object" &&
  !Array.isArray(value) &&
  !(value instanceof Temporal) &&
  !(value instanceof Point) &&
  !(value instanceof Vector) &&
  !(value instanceof Uint8Array)

/** The name of a value's kind, for plans and messages. */
export const kindOf = (value: PropertyValue): string => {
  switch (typeof value) {
    case "string":
      return "string"
    case "boolean":
      return "boolean"
    case "bigint":
      return "integer"
    case "number":
      return "float"
    default:
      if (value instanceof Temporal) return value.kind
      if (value instanceof Point) return "point"
      if (value instanceof Vector) return "vector"
      if (value instanceof Uint8Array) return "bytes"
      return Array.isArray(value) ? "list" : "map"
  }
}
