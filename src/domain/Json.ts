/**
 * JSON read without losing anything: integers stay integers of any size, `1.0` stays a float, `NaN` and `Infinity` are
 * read as Python writes them, a repeated key is an error and not the last one's victory.
 *
 * `JSON.parse` is many times faster and right for most texts, so {@link parseJson} uses it wherever a cheap look at
 * the text shows that it cannot be wrong, and the parser of this file otherwise.
 */
import type { PropertyValue } from "./PropertyValue.ts"
import { setProperty } from "./Graph.ts"

/** A parsed JSON value: integers are `bigint`, everything written with a fraction or an exponent is `number`. */
export type JsonValue = null | boolean | bigint | number | string | ReadonlyArray<JsonValue> | JsonObject

/** A parsed JSON object. */
export interface JsonObject {
  readonly [name: string]: JsonValue
}

/** Why a text is not JSON; `offset` counts UTF-16 units from its start. */
export class JsonSyntaxError extends Error {
  readonly offset: number
  readonly duplicateKey: string | undefined
  constructor(message: string, offset: number, duplicateKey?: string) {
    super(message)
    this.name = "JsonSyntaxError"
    this.offset = offset
    this.duplicateKey = duplicateKey
  }
}

/** Nesting beyond this depth is refused: a hostile text must not exhaust the stack. */
export const MAX_DEPTH = 512

// A number token that JSON.parse would change, or a token it does not know. Tokens follow `:`, `,` or `[` (or begin the
// text); a look-alike inside a string only costs the slow path.
const NEEDS_EXACT = /(?:^|[:,[])\s*(?:-?(?:\d{16}|\d+\.0*(?:[^\d.]|$)|\d+(?:\.\d+)?[eE]|Infinity)|-0|NaN)/

/**
 * Parses a JSON text exactly. With `strict`, repeated keys are looked for (an error) at the price of the slow path.
 * Throws {@link JsonSyntaxError}.
 */
export const parseJson = (text: string, options?: { readonly strict?: boolean }): JsonValue => {
  if (options?.strict === true || NEEDS_EXACT.test(text)) return new ExactParser(text).parse()
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch {
    // The exact parser knows the few forms that JSON.parse refuses, and says where a text breaks.
    return new ExactParser(text).parse()
  }
  return convert(parsed, 0)
}

// Integers arrive as numbers; those with a fraction are floats already. The text was checked for everything in between.
const convert = (value: unknown, depth: number): JsonValue => {
  switch (typeof value) {
    case "number":
      return Number.isInteger(value) ? BigInt(value) : value
    case "string":
    case "boolean":
      return value
    default: {
      if (value === null) return null
      if (depth >= MAX_DEPTH) throw new JsonSyntaxError(`nested deeper than ${MAX_DEPTH} levels`, 0)
      if (Array.isArray(value)) {
        for (let i = 0; i < value.length; i++) {
          const item: unknown = value[i]
          if (typeof item === "number" || typeof item === "object") value[i] = convert(item, depth + 1)
        }
        return value
      }
      if (!isMembers(value)) return null
      const object = value
      for (const name of Object.keys(object)) {
        const item: unknown = object[name]
        if (typeof item === "number" || (typeof item === "object" && item !== null)) {
          setProperty(object, name, convert(item, depth + 1))
        }
      }
      return object
    }
  }
}

const NUMBER = /-?(?:0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?/y
const ESCAPES: { readonly [letter: string]: string } = {
  '"': '"',
  "\\": "\\",
  "/": "/",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t"
}

// JSON.parse gives objects, arrays and scalars; the others were told apart before.
const isMembers = (value: unknown): value is { [name: string]: JsonValue } =>
  typeof value === "object" && value !== null

class ExactParser {
  private readonly text: string
  private at = 0
  private depth = 0

  constructor(text: string) {
    this.text = text
  }

  parse(): JsonValue {
    const value = this.value()
    this.space()
    if (this.at < this.text.length) throw this.error("unexpected text after the JSON value")
    return value
  }

  private error(message: string, duplicateKey?: string): JsonSyntaxError {
    return new JsonSyntaxError(`${message} at character ${this.at + 1}`, this.at, duplicateKey)
  }

  private space(): void {
    for (;;) {
      const c = this.text.charCodeAt(this.at)
      if (c !== 0x20 && c !== 0x0a && c !== 0x0d && c !== 0x09) return
      this.at++
    }
  }

  private value(): JsonValue {
    this.space()
    const c = this.text[this.at]
    switch (c) {
      case undefined:
        throw this.error("the JSON text ends too early")
      case "{":
        return this.object()
      case "[":
        return this.array()
      case '"':
        return this.string()
      case "t":
        return this.word("true", true)
      case "f":
        return this.word("false", false)
      case "n":
        return this.word("null", null)
      case "N":
        return this.word("NaN", Number.NaN)
      case "I":
        return this.word("Infinity", Number.POSITIVE_INFINITY)
      default:
        if (c === "-" && this.text[this.at + 1] === "I") return this.word("-Infinity", Number.NEGATIVE_INFINITY)
        return this.number()
    }
  }

  private word<A extends JsonValue>(word: string, value: A): A {
    if (!this.text.startsWith(word, this.at)) throw this.error("unexpected character")
    this.at += word.length
    return value
  }

  private number(): JsonValue {
    NUMBER.lastIndex = this.at
    const match = NUMBER.exec(this.text)
    if (match === null) throw this.error("unexpected character")
    this.at = NUMBER.lastIndex
    if (match[1] === undefined && match[2] === undefined) return BigInt(match[0])
    const value = Number(match[0])
    if (!Number.isFinite(value)) throw this.error(`the number ${match[0]} is out of the range of a 64-bit float`)
    return value
  }

  private string(): string {
    const start = ++this.at
    let from = start
    let text = ""
    for (;;) {
      const c = this.text.charCodeAt(this.at)
      if (Number.isNaN(c)) throw this.error("a string does not end")
      if (c === 0x22) {
        text += this.text.slice(from, this.at++)
        return text
      }
      if (c === 0x5c) {
        text += this.text.slice(from, this.at)
        const letter = this.text[this.at + 1] ?? ""
        if (letter === "u") {
          const digits = this.text.slice(this.at + 2, this.at + 6)
          if (!/^[0-9a-fA-F]{4}$/.test(digits)) throw this.error("a \\u escape is not four hex digits")
          text += String.fromCharCode(Number.parseInt(digits, 16))
          this.at += 6
        } else {
          const escaped = ESCAPES[letter]
          if (escaped === undefined) throw this.error("an unknown escape in a string")
          text += escaped
          this.at += 2
        }
        from = this.at
      } else if (c < 0x20) {
        throw this.error("a control character in a string is not escaped")
      } else {
        this.at++
      }
    }
  }

  private enter(): void {
    if (++this.depth > MAX_DEPTH) throw this.error(`nested deeper than ${MAX_DEPTH} levels`)
    this.at++
    this.space()
  }

  private array(): ReadonlyArray<JsonValue> {
    this.enter()
    const items: Array<JsonValue> = []
    if (this.text[this.at] === "]") {
      this.at++
      this.depth--
      return items
    }
    for (;;) {
      items.push(this.value())
      this.space()
      const c = this.text[this.at++]
      if (c === "]") {
        this.depth--
        return items
      }
      if (c !== ",") {
        this.at--
        throw this.error("expected a comma or the end of a list")
      }
    }
  }

  private object(): JsonObject {
    this.enter()
    const members: { [name: string]: JsonValue } = {}
    if (this.text[this.at] === "}") {
      this.at++
      this.depth--
      return members
    }
    for (;;) {
      this.space()
      if (this.text[this.at] !== '"') throw this.error("expected a key in double quotes")
      const name = this.string()
      if (Object.hasOwn(members, name)) throw this.error(`the key ${JSON.stringify(name)} stands twice`, name)
      this.space()
      if (this.text[this.at] !== ":") throw this.error("expected a colon")
      this.at++
      setProperty(members, name, this.value())
      this.space()
      const c = this.text[this.at++]
      if (c === "}") {
        this.depth--
        return members
      }
      if (c !== ",") {
        this.at--
        throw this.error("expected a comma or the end of an object")
      }
    }
  }
}

/** True for a JSON value that is an object. */
export const isJsonObject = (value: JsonValue | undefined): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/** The name of a JSON value's kind, for messages. */
export const jsonKind = (value: JsonValue | PropertyValue | undefined): string => {
  if (value === null) return "null"
  if (value === undefined) return "nothing"
  if (Array.isArray(value)) return "a list"
  switch (typeof value) {
    case "bigint":
      return "an integer"
    case "number":
      return "a float"
    case "string":
      return "a string"
    case "boolean":
      return "a boolean"
    default:
      return "an object"
  }
}
