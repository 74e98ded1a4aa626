/**
 * JSON text as Python's `json.dumps` writes it: `, ` and `: ` between tokens, ASCII only, bare `NaN` and `Infinity`,
 * floats as `repr` prints them. It is what the MemoryGraph program writes into the seed layout and reads from there.
 */
import {
  isList,
  isMap,
  kindOf,
  type PropertyList,
  type PropertyMap,
  type PropertyValue
} from "../../domain/PropertyValue.ts"

// What neither JSON nor ASCII wants escaped; nearly all texts are of this kind.
const PLAIN = /^[ !#-[\]-~]*$/
const NOT_ASCII = /[\u007f-\uffff]/g

const escapeUnit = (unit: string): string => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`

/** A string: lone surrogates become `\udXXX`, as everything beyond ASCII becomes an escape. */
export const pythonString = (text: string): string =>
  PLAIN.test(text) ? `"${text}"` : JSON.stringify(text).replace(NOT_ASCII, escapeUnit)

/** A float as `repr` prints it: the same shortest digits as JavaScript, the exponent from 1e16 and below 1e-4. */
export const pythonFloat = (value: number): string => {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity"
  if (value === 0) return Object.is(value, -0) ? "-0.0" : "0.0"
  const size = Math.abs(value)
  if (size >= 1e16 || size < 1e-4) return value.toExponential().replace(/e([+-])(\d)$/, "e$10$2")
  const text = String(value)
  return text.includes(".") ? text : `${text}.0`
}

// Property names repeat from record to record: their quoted forms are kept, a bounded number of them.
const quotedNames = new Map<string, string>()
const quoteName = (name: string): string => {
  let quoted = quotedNames.get(name)
  if (quoted === undefined) {
    quoted = `${pythonString(name)}: `
    if (quotedNames.size < 2000) quotedNames.set(name, quoted)
  }
  return quoted
}

/** A value that JSON can hold: no temporal, point, vector or bytes, at no depth. */
export const pythonJson = (value: PropertyValue | null): string => {
  switch (typeof value) {
    case "string":
      return pythonString(value)
    case "number":
      return pythonFloat(value)
    case "bigint":
      return value.toString()
    case "boolean":
      return value ? "true" : "false"
    default:
      if (value === null) return "null"
      if (isList(value)) return listText(value)
      if (isMap(value)) return pythonObject(value)
      throw new TypeError(`a ${kindOf(value)} has no JSON form`)
  }
}

const listText = (list: PropertyList): string => {
  let text = "["
  for (let i = 0; i < list.length; i++) text += (i === 0 ? "" : ", ") + pythonJson(list[i] ?? null)
  return `${text}]`
}

/** An object, its members in the order they stand in. */
export const pythonObject = (object: PropertyMap): string => {
  let text = "{"
  for (const name of Object.keys(object)) {
    text += (text.length === 1 ? "" : ", ") + quoteName(name) + pythonJson(object[name] ?? null)
  }
  return `${text}}`
}
