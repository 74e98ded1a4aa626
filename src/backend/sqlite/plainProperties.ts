/**
 * The fast way to read the properties that nearly all rows have: one flat object of texts, truths, ordinary numbers,
 * nulls and lists of texts, laid out as Python lays it out. JSON.parse does the work; what it would blur (an integer
 * and a float without a fraction) is looked up in the text. Whatever is not as plain as that is left to the exact
 * parser, which is several times slower.
 */
import type { MutableProperties } from "../../domain/Graph.ts"

const QUOTE = 0x22
const COMMA = 0x2c
const SPACE = 0x20
const OPEN = 0x7b
const CLOSE = 0x7d
const UNDERSCORE = 0x5f

// Names repeat from row to row: `"name": ` is kept for a bounded number of them.
const patterns = new Map<string, string>()
const patternOf = (name: string): string => {
  let pattern = patterns.get(name)
  if (pattern === undefined) {
    pattern = `${JSON.stringify(name)}: `
    if (patterns.size < 2000) patterns.set(name, pattern)
  }
  return pattern
}

const endsToken = (code: number): boolean => code === COMMA || code === CLOSE

/**
 * How a whole number stands in the text of a flat object: as an integer, as a float (`1.0`), or otherwise (undefined).
 * The last occurrence of the name counts, as it does for JSON.parse. A quote inside a text has a backslash before it,
 * so a quote after a space or a brace, with its colon, is a name and nothing else.
 */
const wholeNumber = (text: string, name: string, value: number): bigint | number | undefined => {
  const pattern = patternOf(name)
  const at = text.lastIndexOf(pattern)
  if (at < 1) return undefined
  const before = text.charCodeAt(at - 1)
  if (before !== SPACE && before !== OPEN) return undefined
  const digits = String(value)
  const start = at + pattern.length
  if (!text.startsWith(digits, start)) return undefined
  const end = start + digits.length
  if (endsToken(text.charCodeAt(end))) return BigInt(value)
  return text.startsWith(".0", end) && endsToken(text.charCodeAt(end + 2)) ? value : undefined
}

const isText = (value: unknown): boolean => typeof value === "string"

/**
 * The properties of a JSON text, nulls left out; undefined where the exact parser has to look (side properties of ours
 * among them), also for what is not JSON.
 */
export const parsePlainProperties = (text: string): MutableProperties | undefined => {
  let object: { readonly [name: string]: unknown }
  if (text.charCodeAt(0) !== OPEN || text.charCodeAt(1) !== QUOTE) return undefined
  try {
    object = JSON.parse(text)
  } catch {
    return undefined
  }
  const properties: MutableProperties = {}
  for (const name of Object.keys(object)) {
    // `_mg_*`, and `__proto__`.
    if (name.charCodeAt(0) === UNDERSCORE) return undefined
    const value = object[name]
    switch (typeof value) {
      case "string":
      case "boolean":
        properties[name] = value
        break
      case "number": {
        // A number with a fraction can be nothing but the float that it is.
        const exact = Number.isSafeInteger(value)
          ? Object.is(value, -0)
            ? undefined
            : wholeNumber(text, name, value)
          : Number.isInteger(value) || !Number.isFinite(value)
            ? undefined
            : value
        if (exact === undefined) return undefined
        properties[name] = exact
        break
      }
      default:
        if (value === null) break
        if (!Array.isArray(value) || !value.every(isText)) return undefined
        properties[name] = value
    }
  }
  return properties
}
