/**
 * Takes a JSON document apart without holding it: the members of its top-level object, and of the lists among them one
 * element after the other, however the text is laid out. It only finds where values begin and end, which brackets and
 * quotes tell (no byte of a UTF-8 sequence looks like one); whether a value is JSON is for whoever parses it.
 */
import { isUtf8 } from "node:buffer"

/** What is wrong with a document's outermost structure; `line` counts from 1. */
export class ScanProblem extends Error {
  readonly reason: "syntax" | "truncated" | "too-large" | "not-utf8" | "schema"
  readonly line: number
  constructor(reason: ScanProblem["reason"], line: number, message: string) {
    super(message)
    this.name = "ScanProblem"
    this.reason = reason
    this.line = line
  }
}

/** Takes what a {@link JsonScanner} finds; may throw, which ends the scan. */
export interface ScanHandler {
  /** A member begins: wants its `value` whole, its `elements` one by one (it must be a list then), or nothing of it. */
  readonly member: (name: string, line: number) => "value" | "elements" | "skip"
  /** The text of a member's whole value. */
  readonly value: (name: string, text: string, line: number) => void
  /** The text of one element. */
  readonly element: (name: string, text: string, line: number) => void
  /** A member wanted by its elements has ended. */
  readonly end: (name: string) => void
}

const LF = 0x0a
const QUOTE = 0x22
const COMMA = 0x2c
const COLON = 0x3a
const OPEN_LIST = 0x5b
const BACKSLASH = 0x5c
const CLOSE_LIST = 0x5d
const OPEN_OBJECT = 0x7b
const CLOSE_OBJECT = 0x7d

const isSpace = (c: number | undefined): boolean => c === LF || c === 0x20 || c === 0x09 || c === 0x0d

type State =
  | "start"
  | "key-or-end"
  | "key"
  | "colon"
  | "value"
  | "element-or-end"
  | "element"
  | "after-element"
  | "after-value"
  | "done"

/** Feed it with {@link push}, in pieces of any size, then call {@link end}. */
export class JsonScanner {
  private readonly handler: ScanHandler
  private readonly maxBytes: number
  private state: State = "start"
  private line = 1
  private name = ""
  private wanted: ReturnType<ScanHandler["member"]> = "skip"
  private first = true

  // The value being taken, if any: its bytes so far (none where they are not wanted), and where in it the scan is.
  private taking = false
  private pieces: Array<Buffer> = []
  private takenBytes = 0
  private takenLines = 0
  private depth = 0
  private inString = false
  private escaped = false

  /** A single value longer than `maxBytes` is refused. */
  constructor(handler: ScanHandler, maxBytes: number) {
    this.handler = handler
    this.maxBytes = maxBytes
  }

  /** Takes the next bytes. Throws {@link ScanProblem}, and what the handler throws. */
  push(bytes: Buffer): void {
    let at = 0
    if (this.first && bytes.length > 0) {
      this.first = false
      if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) at = 3
    }
    while (at < bytes.length) {
      const c = bytes[at]
      if (this.taking) at = this.take(bytes, at)
      else if (isSpace(c)) {
        if (c === LF) this.line++
        at++
      } else at = this.step(c ?? 0, at)
    }
  }

  /** Says that there are no more bytes. Throws {@link ScanProblem} where the document is not complete. */
  end(): void {
    if (this.state === "done") return
    const message = this.state === "start" ? "it is empty" : "it breaks off before its end"
    throw new ScanProblem("truncated", this.line + this.takenLines, message)
  }

  // One significant byte outside of values; returns where to go on (at the same byte where a value begins there).
  private step(c: number, at: number): number {
    switch (this.state) {
      case "start":
        return this.expect(c === OPEN_OBJECT, at, "key-or-end", "an object")
      case "key-or-end":
        if (c === CLOSE_OBJECT) return this.go(at, "done")
        return this.begin(c === QUOTE, at, "key", "a key in double quotes")
      case "key":
        return this.begin(c === QUOTE, at, "key", "a key in double quotes")
      case "colon":
        return this.expect(c === COLON, at, "value", "a colon")
      case "value":
        if (this.wanted !== "elements") return this.begin(startsValue(c), at, "value", "a value")
        if (c !== OPEN_LIST) throw new ScanProblem("schema", this.line, `${this.name} must be a list`)
        return this.go(at, "element-or-end")
      case "element-or-end":
        if (c === CLOSE_LIST) return this.endList(at)
        return this.begin(startsValue(c), at, "element", "a value")
      case "element":
        return this.begin(startsValue(c), at, "element", "a value")
      case "after-element":
        if (c === CLOSE_LIST) return this.endList(at)
        return this.expect(c === COMMA, at, "element", "a comma or the end of the list")
      case "after-value":
        if (c === CLOSE_OBJECT) return this.go(at, "done")
        return this.expect(c === COMMA, at, "key", "a comma or the end of the object")
      case "done":
        throw new ScanProblem("syntax", this.line, "there is text after the document's end")
    }
  }

  private go(at: number, next: State): number {
    this.state = next
    return at + 1
  }

  private expect(met: boolean, at: number, next: State, what: string): number {
    if (!met) throw new ScanProblem("syntax", this.line, `it is not JSON: expected ${what}`)
    return this.go(at, next)
  }

  private begin(met: boolean, at: number, state: State, what: string): number {
    if (!met) throw new ScanProblem("syntax", this.line, `it is not JSON: expected ${what}`)
    this.state = state
    this.taking = true
    return at
  }

  private endList(at: number): number {
    this.handler.end(this.name)
    return this.go(at, "after-value")
  }

  // Follows the value being taken; returns where it ended, or the end of the bytes.
  private take(bytes: Buffer, start: number): number {
    let { depth, escaped, inString } = this
    let at = start
    let ended = false
    for (; at < bytes.length && !ended; at++) {
      const c = bytes[at]
      if (inString) {
        if (escaped) escaped = false
        else if (c === BACKSLASH) escaped = true
        else if (c === QUOTE) {
          inString = false
          ended = depth === 0
        }
      } else if (c === QUOTE) inString = true
      else if (c === OPEN_OBJECT || c === OPEN_LIST) depth++
      else if (c === CLOSE_OBJECT || c === CLOSE_LIST) {
        if (depth === 0) break
        depth--
        ended = depth === 0
      } else if (depth === 0 && (c === COMMA || isSpace(c))) break
      else if (c === LF) this.takenLines++
    }
    ended ||= at < bytes.length
    this.depth = depth
    this.escaped = escaped
    this.inString = inString
    this.takenBytes += at - start
    if (this.state === "key" || this.wanted !== "skip") {
      if (this.takenBytes > this.maxBytes) {
        throw new ScanProblem("too-large", this.line, `a single value is longer than ${this.maxBytes} bytes`)
      }
      this.pieces.push(bytes.subarray(start, at))
    }
    if (ended) this.taken()
    return at
  }

  private taken(): void {
    const [only] = this.pieces
    const bytes = this.pieces.length === 1 && only !== undefined ? only : Buffer.concat(this.pieces)
    const line = this.line
    this.line += this.takenLines
    this.pieces = []
    this.takenBytes = 0
    this.takenLines = 0
    this.taking = false
    if (!isUtf8(bytes)) throw new ScanProblem("not-utf8", line, "it is not UTF-8 text")
    const text = bytes.toString("utf8")
    switch (this.state) {
      case "key":
        this.name = keyOf(text, line)
        this.wanted = this.handler.member(this.name, line)
        this.state = "colon"
        return
      case "element":
        this.state = "after-element"
        this.handler.element(this.name, text, line)
        return
      default:
        this.state = "after-value"
        if (this.wanted === "value") this.handler.value(this.name, text, line)
    }
  }
}

const startsValue = (c: number): boolean => c !== COMMA && c !== COLON && c !== CLOSE_LIST && c !== CLOSE_OBJECT

const keyOf = (text: string, line: number): string => {
  try {
    return String(JSON.parse(text))
  } catch (cause) {
    throw new ScanProblem("syntax", line, `it is not JSON: ${cause instanceof Error ? cause.message : String(cause)}`)
  }
}
