/**
 * How the fields of the typed views stand in a JSON document, by their kind: the JSON that shows a property, and the
 * property that shown JSON stands for. A property that is not `exact` in its field (a DateTime shown as text, metadata
 * laid out otherwise than usual) is written once more, exactly, under `extra_properties`; so is one that no field shows.
 */
import { canonicalFloat } from "../domain/Canonical.ts"
import { setProperty } from "../domain/Graph.ts"
import { isJsonObject, type JsonObject, JsonSyntaxError, type JsonValue, parseJson } from "../domain/Json.ts"
import { FieldKind } from "../domain/Memory.ts"
import { isInt64, isList, isMap, type PropertyValue, Temporal } from "../domain/PropertyValue.ts"

/** One kind of field. */
export interface FieldCodec {
  /** What a document must hold there, for messages. */
  readonly expected: string
  /** The JSON text that shows this value; undefined where the field cannot. */
  readonly show: (value: PropertyValue) => string | undefined
  /** True where {@link read} makes this very value of what {@link show} made of it. */
  readonly exact: (value: PropertyValue) => boolean
  /** The property that this JSON stands for; undefined where it is not what is expected. */
  readonly read: (json: JsonValue) => PropertyValue | undefined
}

const isText = (value: unknown): value is string => typeof value === "string"
const areTexts = (values: ReadonlyArray<unknown>): values is ReadonlyArray<string> => values.every(isText)
const isInteger = (value: unknown): value is bigint | number =>
  typeof value === "bigint" ? isInt64(value) : typeof value === "number" && Number.isInteger(value)

const showNumber = (value: bigint | number): string =>
  typeof value === "bigint" ? value.toString() : canonicalFloat(value)

const text: FieldCodec = {
  expected: "a string",
  show: (value) => (isText(value) ? JSON.stringify(value) : undefined),
  exact: isText,
  read: (json) => (isText(json) ? json : undefined)
}

const texts: FieldCodec = {
  expected: "a list of strings",
  show: (value) => (isList(value) && areTexts(value) ? JSON.stringify(value) : undefined),
  exact: (value) => isList(value) && areTexts(value),
  read: (json) => (Array.isArray(json) && areTexts(json) ? json : undefined)
}

const score: FieldCodec = {
  expected: "a number",
  show: (value) => (typeof value === "number" || typeof value === "bigint" ? finite(value) : undefined),
  exact: (value) => (typeof value === "number" || typeof value === "bigint") && finite(value) !== undefined,
  read: (json) => (typeof json === "number" || typeof json === "bigint" ? json : undefined)
}

const finite = (value: bigint | number): string | undefined =>
  (typeof value === "bigint" ? isInt64(value) : Number.isFinite(value)) ? showNumber(value) : undefined

const count: FieldCodec = {
  expected: "an integer",
  show: (value) => (isInteger(value) ? showNumber(value) : undefined),
  exact: isInteger,
  read: (json) => (typeof json === "bigint" || isInteger(json) ? json : undefined)
}

const flag: FieldCodec = {
  expected: "true or false",
  show: (value) => (typeof value === "boolean" ? String(value) : undefined),
  exact: (value) => typeof value === "boolean",
  read: (json) => (typeof json === "boolean" ? json : undefined)
}

const SHOWN_TEMPORALS = new Set(["date", "dateTime", "localDateTime"])

// Graph databases keep some timestamps as temporal values: shown as text, without the zone's name, which ISO 8601 lacks.
const time: FieldCodec = {
  ...text,
  show: (value) =>
    value instanceof Temporal && SHOWN_TEMPORALS.has(value.kind)
      ? JSON.stringify(value.text.replace(/\[.*\]$/, ""))
      : text.show(value)
}

const parsed = (value: string): JsonValue | undefined => {
  try {
    return parseJson(value, { strict: true })
  } catch (cause) {
    if (cause instanceof JsonSyntaxError) return undefined
    throw cause
  }
}

// The Python program stores a context's empty list as the text `[]` (graph databases know no type for an empty list).
const contextTexts: FieldCodec = {
  expected: texts.expected,
  show: (value) => {
    if (!isText(value)) return texts.show(value)
    const list = value.startsWith("[") ? parsed(value) : undefined
    return Array.isArray(list) && areTexts(list) ? JSON.stringify(list) : undefined
  },
  exact: (value) => value === "[]" || (isList(value) && value.length > 0 && areTexts(value)),
  read: (json) => {
    const list = texts.read(json)
    return list !== undefined && isList(list) && list.length === 0 ? "[]" : list
  }
}

// Python reads no integer of more digits than this.
const MAX_DIGITS = 4300

/** Plain JSON laid out by these separators; undefined where the value is not plain JSON (NaN, an endless integer). */
const layOut = (
  value: JsonValue,
  comma: string,
  colon: string,
  quote: (text: string) => string
): string | undefined => {
  switch (typeof value) {
    case "string":
      return quote(value)
    case "boolean":
      return String(value)
    case "number":
      return Number.isFinite(value) ? canonicalFloat(value) : undefined
    case "bigint": {
      const digits = value.toString()
      return digits.length <= MAX_DIGITS ? digits : undefined
    }
    default: {
      if (value === null) return "null"
      const items: Array<string> = []
      const list = Array.isArray(value)
      for (const [name, item] of list ? value.entries() : Object.entries(value)) {
        const shown = layOut(item, comma, colon, quote)
        if (shown === undefined) return undefined
        items.push(list ? shown : `${quote(String(name))}${colon}${shown}`)
      }
      return list ? `[${items.join(comma)}]` : `{${items.join(comma)}}`
    }
  }
}

const quoteAscii = (value: string): string =>
  JSON.stringify(value).replace(/[\u007f-\uffff]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`)

/** JSON text as Python's `json.dumps` lays it out: how programs store metadata. */
const dumps = (value: JsonValue): string | undefined => layOut(value, ", ", ": ", quoteAscii)

// A stored map (some graph databases have them) is shown where plain JSON can say it.
const toJson = (value: PropertyValue | null): JsonValue | undefined => {
  if (value === null || typeof value !== "object") return value
  if (isList(value)) {
    const items = value.map(toJson)
    return items.every((item) => item !== undefined) ? items : undefined
  }
  if (!isMap(value)) return undefined
  const object: { [name: string]: JsonValue } = {}
  for (const name of Object.keys(value)) {
    const item = toJson(value[name] ?? null)
    if (item === undefined) return undefined
    setProperty(object, name, item)
  }
  return object
}

const metadataOf = (value: PropertyValue): JsonObject | undefined => {
  const json = isText(value) ? (value.startsWith("{") ? parsed(value) : undefined) : toJson(value)
  return isJsonObject(json) ? json : undefined
}

const metadata: FieldCodec = {
  expected: "an object",
  show: (value) => {
    const json = metadataOf(value)
    return json === undefined ? undefined : layOut(json, ",", ":", JSON.stringify)
  },
  exact: (value) => {
    const json = isText(value) ? metadataOf(value) : undefined
    return json !== undefined && dumps(json) === value
  },
  read: (json) => (isJsonObject(json) ? dumps(json) : undefined)
}

const CODECS: ReadonlyMap<unknown, FieldCodec> = new Map<unknown, FieldCodec>([
  [FieldKind.required, text],
  [FieldKind.text, text],
  [FieldKind.texts, texts],
  [FieldKind.contextTexts, contextTexts],
  [FieldKind.score, score],
  [FieldKind.count, count],
  [FieldKind.flag, flag],
  [FieldKind.time, time],
  [FieldKind.metadata, metadata]
])

/** A field of a view: its name in the document, the property it shows, and how. */
export interface Field {
  readonly name: string
  readonly quotedName: string
  readonly property: string
  readonly codec: FieldCodec
}

/** The fields of a view that show a property each, in the view's order; `prefix` begins the properties' names. */
export const fieldsOf = (
  fields: { readonly [name: string]: unknown },
  options?: { readonly prefix?: string; readonly without?: ReadonlyArray<string> }
): ReadonlyArray<Field> =>
  Object.entries(fields).flatMap(([name, kind]) => {
    if (options?.without?.includes(name) === true) return []
    const codec = CODECS.get(kind)
    if (codec === undefined) throw new Error(`the field ${name} is of no known kind`)
    return [{ name, quotedName: `${JSON.stringify(name)}:`, property: `${options?.prefix ?? ""}${name}`, codec }]
  })
