/** Property values of every kind, with the ones in front that stores are known to change. */
import * as FastCheck from "effect/FastCheck"
import type { Arbitrary } from "effect/FastCheck"
import { type Properties, setProperty } from "../../domain/Graph.ts"
import { Point, type PropertyMap, type PropertyValue, Vector } from "../../domain/PropertyValue.ts"
import { temporal } from "./temporals.ts"
import { ODD_NAMES, propertyName, text } from "./text.ts"

/** Integers at the edges of 32, 53 and 64 bits. */
export const ODD_INTEGERS: ReadonlyArray<bigint> = [
  0n,
  -1n,
  2n ** 31n,
  -(2n ** 31n) - 1n,
  2n ** 53n - 1n,
  2n ** 53n + 1n,
  -(2n ** 53n) - 1n,
  12345678901234567n,
  2n ** 63n - 1n,
  2n ** 63n - 2n,
  -(2n ** 63n)
]

/** Integers that only stores of JSON text hold natively. */
export const HUGE_INTEGERS: ReadonlyArray<bigint> = [
  2n ** 63n,
  -(2n ** 63n) - 1n,
  2n ** 64n,
  123456789012345678901234567890n
]

/** Floats that are lost by printing 15 digits, by being taken for integers, or by not being finite. */
export const ODD_FLOATS: ReadonlyArray<number> = [
  0,
  -0,
  1,
  -1,
  0.1,
  0.30000000000000004,
  1 / 3,
  2 / 3,
  5e-324,
  2.2250738585072014e-308,
  2.225073858507201e-308,
  1.7976931348623157e308,
  -1.7976931348623157e308,
  2251799813685249.5,
  9007199254740992,
  1e15,
  1e16,
  1.2345678901234568e17,
  1e20,
  1e21,
  1e22,
  -1e100,
  2 ** 63,
  -(2 ** 63),
  2 ** -17,
  1.0000000000000002,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY
]

/** An integer within 64 bits. */
export const int64: Arbitrary<bigint> = FastCheck.oneof(
  FastCheck.bigInt({ min: -1000n, max: 1000n }),
  FastCheck.constantFrom(...ODD_INTEGERS),
  FastCheck.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })
)

/** An integer beyond 64 bits. */
export const hugeInteger: Arbitrary<bigint> = FastCheck.oneof(
  FastCheck.constantFrom(...HUGE_INTEGERS),
  FastCheck.bigInt({ min: 2n ** 63n, max: 2n ** 200n }),
  FastCheck.bigInt({ min: -(2n ** 200n), max: -(2n ** 63n) - 1n })
)

const fromBits = (bits: bigint): number => {
  const view = new DataView(new ArrayBuffer(8))
  view.setBigUint64(0, bits)
  return view.getFloat64(0)
}

/** A float of any exponent, integral ones, zeros, NaN and infinities included. */
export const float: Arbitrary<number> = FastCheck.oneof(
  FastCheck.double(),
  FastCheck.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map(fromBits),
  FastCheck.integer(),
  FastCheck.double({ min: 0, max: 1, noNaN: true }),
  FastCheck.constantFrom(...ODD_FLOATS),
  FastCheck.constantFrom(-0, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY)
)

const finite = float.filter(Number.isFinite)
const longitude = FastCheck.double({ min: -180, max: 180, noNaN: true })
const latitude = FastCheck.double({ min: -90, max: 90, noNaN: true })

/** A point in one of the four reference systems. */
export const point: Arbitrary<Point> = FastCheck.oneof(
  FastCheck.tuple(longitude, latitude).map(([x, y]) => new Point(4326, x, y)),
  FastCheck.tuple(longitude, latitude, finite).map(([x, y, z]) => new Point(4979, x, y, z)),
  FastCheck.tuple(finite, finite).map(([x, y]) => new Point(7203, x, y)),
  FastCheck.tuple(finite, finite, finite).map(([x, y, z]) => new Point(9157, x, y, z))
)

/** A vector of 32-bit floats. */
export const vector: Arbitrary<Vector> = FastCheck.float32Array({
  minLength: 1,
  maxLength: 8,
  noNaN: true,
  noDefaultInfinity: true
}).map((values) => new Vector(values))

/** Bytes. */
export const bytes: Arbitrary<Uint8Array> = FastCheck.uint8Array({ maxLength: 40 }).map((array) =>
  Uint8Array.from(array)
)

/** Every value that holds no other. */
export const scalar: Arbitrary<PropertyValue> = FastCheck.oneof(
  { weight: 4, arbitrary: text },
  { weight: 3, arbitrary: int64 },
  { weight: 3, arbitrary: float },
  { weight: 1, arbitrary: FastCheck.boolean() },
  { weight: 2, arbitrary: temporal },
  { weight: 1, arbitrary: point },
  { weight: 1, arbitrary: bytes },
  { weight: 1, arbitrary: vector },
  { weight: 1, arbitrary: hugeInteger }
)

/** A list of values of one kind: what every engine can hold. */
export const uniformList: Arbitrary<ReadonlyArray<PropertyValue>> = FastCheck.oneof(
  FastCheck.array(text, { maxLength: 5 }),
  FastCheck.array(int64, { maxLength: 5 }),
  FastCheck.array(float, { maxLength: 5 }),
  FastCheck.array(FastCheck.boolean(), { maxLength: 5 }),
  FastCheck.array(temporal, { maxLength: 3 })
)

const mapName = FastCheck.oneof(
  FastCheck.string({ maxLength: 8 }),
  FastCheck.constantFrom(...ODD_NAMES, "id", "$float", "$integer", "$point", "_mg_id")
)

/** Builds an object from pairs, `__proto__` among the names or not. */
export const fromPairs = <A>(pairs: ReadonlyArray<readonly [string, A]>): { readonly [name: string]: A } => {
  const object: { [name: string]: A } = {}
  for (const [name, value] of pairs) setProperty(object, name, value)
  return object
}

const nested = (depth: number): Arbitrary<PropertyValue | null> => {
  const leaf: Arbitrary<PropertyValue | null> = FastCheck.oneof(
    { weight: 5, arbitrary: scalar },
    { weight: 1, arbitrary: FastCheck.constant(null) }
  )
  return depth === 0
    ? leaf
    : FastCheck.oneof(
        { weight: 4, arbitrary: leaf },
        { weight: 1, arbitrary: FastCheck.array(nested(depth - 1), { maxLength: 4 }) },
        { weight: 1, arbitrary: mapOf(nested(depth - 1)) }
      )
}

const mapOf = (item: Arbitrary<PropertyValue | null>): Arbitrary<PropertyMap> =>
  FastCheck.uniqueArray(FastCheck.tuple(mapName, item), { maxLength: 4, selector: ([name]) => name }).map(fromPairs)

/** A list with nulls, mixed kinds, and lists and maps inside. */
export const nestedList: Arbitrary<ReadonlyArray<PropertyValue | null>> = FastCheck.array(nested(2), { maxLength: 4 })

/** A map with nulls, odd keys (those that begin with `$` among them), and lists and maps inside. */
export const map: Arbitrary<PropertyMap> = mapOf(nested(2))

/** Any property value. */
export const value: Arbitrary<PropertyValue> = FastCheck.oneof(
  { weight: 8, arbitrary: scalar },
  { weight: 2, arbitrary: uniformList },
  { weight: 1, arbitrary: nestedList },
  { weight: 1, arbitrary: map }
)

/** Properties with any names and values, without `id`. */
export const properties: Arbitrary<Properties> = FastCheck.uniqueArray(FastCheck.tuple(propertyName, value), {
  maxLength: 6,
  selector: ([name]) => name
}).map(fromPairs)
