/** Wild values for property tests. */
import * as fc from "fast-check"
import { type MutableProperties, node, relationship, setProperty } from "../../../src/domain/Graph.ts"
import { Point, type PropertyValue, Temporal, type TemporalKind, Vector } from "../../../src/domain/PropertyValue.ts"
import { zoneOffset } from "../../../src/backend/bolt/zones.ts"

const two = (n: number) => String(n).padStart(2, "0")

const fraction = fc
  .oneof(
    fc.constant(0),
    fc.integer({ min: 0, max: 999_999_999 }),
    fc.integer({ min: 0, max: 999 }).map((n) => n * 1_000_000)
  )
  .map((n) => (n === 0 ? "" : `.${String(n).padStart(9, "0").replace(/0+$/, "")}`))

const time = fc
  .tuple(fc.integer({ min: 0, max: 23 }), fc.integer({ min: 0, max: 59 }), fc.integer({ min: 0, max: 59 }), fraction)
  .map(([h, m, s, f]) => `${two(h)}:${two(m)}:${two(s)}${f}`)

const year = fc.oneof(
  fc.integer({ min: 1900, max: 2100 }),
  fc.integer({ min: -20_000, max: 20_000 }),
  fc.integer({ min: -999_999_999, max: 999_999_999 })
)

const date = fc.tuple(year, fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 28 })).map(([y, m, d]) => {
  const digits = String(Math.abs(y)).padStart(4, "0")
  return `${y < 0 ? "-" : y > 9999 ? "+" : ""}${digits}-${two(m)}-${two(d)}`
})

const offset = fc.integer({ min: -18 * 3600, max: 18 * 3600 }).chain((seconds) =>
  fc.constantFrom(seconds, Math.trunc(seconds / 60) * 60, Math.trunc(seconds / 3600) * 3600).map((s) => {
    if (s === 0) return "Z"
    const size = Math.abs(s)
    const rest = size % 60 === 0 ? "" : `:${two(size % 60)}`
    return `${s < 0 ? "-" : "+"}${two(Math.floor(size / 3600))}:${two(Math.floor(size / 60) % 60)}${rest}`
  })
)

const ZONES = ["Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "UTC", "Etc/GMT+5"]

// From a moment, so that offset and zone agree.
const zoned = fc
  .tuple(fc.integer({ min: -5e10, max: 2e11 }), fraction, fc.constantFrom(...ZONES))
  .map(([moment, f, zone]) => {
    const shift = zoneOffset(zone, moment) ?? 0
    const [y, rest] = /^([+-]?\d+)-(.*)\.\d+Z$/.exec(new Date((moment + shift) * 1000).toISOString())?.slice(1) ?? []
    const n = Number(y)
    const shown = `${n < 0 ? "-" : n > 9999 ? "+" : ""}${String(Math.abs(n)).padStart(4, "0")}`
    const size = Math.abs(shift)
    const tail = size % 60 === 0 ? "" : `:${two(size % 60)}`
    const sign = shift < 0 ? "-" : "+"
    const east = shift === 0 ? "Z" : `${sign}${two(Math.floor(size / 3600))}:${two(Math.floor(size / 60) % 60)}${tail}`
    return `${shown}-${rest ?? ""}${f}${east}[${zone}]`
  })

const signed = (max: number) => fc.integer({ min: -max, max }).map((n) => (n === 0 ? 0 : n))

// In the canonical form: no part zero, months below a year, minutes and seconds below sixty, one sign for the time.
const duration = fc
  .record({
    y: signed(100_000),
    m: fc.integer({ min: 0, max: 11 }),
    d: signed(1_000_000),
    h: fc.integer({ min: 0, max: 1_000_000 }),
    min: fc.integer({ min: 0, max: 59 }),
    s: fc.integer({ min: 0, max: 59 }),
    f: fraction,
    back: fc.boolean()
  })
  .map(({ y, m, d, h, min, s, f, back }) => {
    const part = (n: number, letter: string) => (n === 0 ? "" : `${n}${letter}`)
    const sign = back ? -1 : 1
    const second = s === 0 && f === "" ? "" : `${back ? "-" : ""}${s}${f}S`
    const clock = part(h * sign, "H") + part(min * sign, "M") + second
    const text = part(y, "Y") + part(y < 0 ? -m : m, "M") + part(d, "D") + (clock === "" ? "" : `T${clock}`)
    return text === "" ? "PT0S" : `P${text}`
  })

const temporal = (kind: TemporalKind, text: fc.Arbitrary<string>) => text.map((t) => new Temporal(kind, t))

/** Temporal values in canonical form. */
export const temporals: fc.Arbitrary<Temporal> = fc.oneof(
  temporal("date", date),
  temporal("localTime", time),
  temporal(
    "time",
    fc.tuple(time, offset).map(([t, o]) => t + o)
  ),
  temporal(
    "localDateTime",
    fc.tuple(date, time).map(([d, t]) => `${d}T${t}`)
  ),
  temporal(
    "dateTime",
    fc.tuple(date, time, offset).map(([d, t, o]) => `${d}T${t}${o}`)
  ),
  temporal("dateTime", zoned),
  temporal("duration", duration)
)

/** Any text, with NUL, lone surrogates, backticks and escapes. */
export const texts: fc.Arbitrary<string> = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.string(),
  fc.constantFrom(
    "",
    "\0",
    "\ud800",
    "x\udfffy",
    "`",
    "``",
    "\\u0060",
    "\\",
    "'\"",
    "$x",
    "{}",
    "é😀",
    "__proto__",
    "constructor"
  ),
  fc.string({ unit: "grapheme", minLength: 1, maxLength: 300 })
)

const point = fc
  .record({
    srid: fc.constantFrom(4326, 4979, 7203, 9157),
    x: fc.double(),
    y: fc.double({ min: -90, max: 90, noNaN: true }),
    z: fc.double()
  })
  .map(({ srid, x, y, z }) => new Point(srid, x, y, srid === 4979 || srid === 9157 ? z : undefined))

const scalar: fc.Arbitrary<PropertyValue> = fc.oneof(
  texts,
  fc.boolean(),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.bigInt(),
  fc.double(),
  fc.constantFrom(0, -0, 1, 1e21, 5e-324, Number.MAX_VALUE, NaN, Infinity, -Infinity),
  temporals,
  temporals.map((t) => new Temporal(t.kind, `${t.text} `)),
  point,
  fc.uint8Array().map((bytes) => new Uint8Array(bytes)),
  fc.float32Array({ noNaN: true }).map((values) => new Vector(values))
)

const homogeneous: fc.Arbitrary<PropertyValue> = fc.oneof(
  fc.array(texts),
  fc.array(fc.boolean()),
  fc.array(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })),
  fc.array(fc.double()),
  fc.array(temporals),
  fc.array(point)
)

/** Any property value, nested to some depth. */
export const values: fc.Arbitrary<PropertyValue> = fc.letrec<{ value: PropertyValue; item: PropertyValue | null }>(
  (tie) => ({
    value: fc.oneof(
      { depthSize: "small", withCrossShrink: true },
      scalar,
      homogeneous,
      fc.array(tie("item"), { maxLength: 4 }),
      fc.dictionary(texts, tie("item"), { maxKeys: 4 })
    ),
    item: fc.oneof(fc.constant(null), tie("value"))
  })
).value

const names = texts.filter((name) => !name.startsWith("_mg_"))

/** Properties with odd names; never an `id`. */
export const properties: fc.Arbitrary<MutableProperties> = fc
  .uniqueArray(fc.tuple(names, values), { maxLength: 6, selector: ([name]) => name })
  .map((pairs) => {
    const made: MutableProperties = {}
    for (const [name, value] of pairs) if (name !== "id") setProperty(made, name, value)
    return made
  })

const labels = fc.uniqueArray(fc.oneof(names, fc.constantFrom("Memory", "Entity")), { maxLength: 3 })
const wellFormed = fc.string({ unit: "binary", maxLength: 20 }).filter((text) => text.isWellFormed())

/** A whole graph: nodes with keys of both kinds, relationships with and without, parallel ones, self loops. */
export const graphs = fc
  .array(fc.tuple(wellFormed, labels, properties, fc.boolean()), { minLength: 1, maxLength: 8 })
  .chain((raw) => {
    const nodes = raw.map(([key, some, made, keyed], i) => {
      const unique = `${key}-${i}`
      return node(unique, some, keyed ? { ...made, id: unique } : i % 2 === 0 ? made : { ...made, id: BigInt(i) })
    })
    const key = fc.constantFrom(...nodes.map((n) => n.key))
    return fc
      .array(fc.tuple(key, names, key, properties, fc.constantFrom("id", "none", "generated", "no key")), {
        maxLength: 10
      })
      .map((rows) => [
        ...nodes,
        ...rows.map(([from, type, to, made, kind], i) =>
          kind === "id"
            ? relationship(`r-${i}`, from, type, to, { ...made, id: `r-${i}` })
            : kind === "no key"
              ? relationship(null, from, type, to, { ...made, id: "an id, but no key" })
              : relationship(kind === "none" ? null : `r-${i}`, from, type, to, made)
        )
      ])
  })
