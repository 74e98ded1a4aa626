/**
 * Front matter: the YAML between the `---` lines that a file begins with, as a flat map of texts and numbers. All that
 * makes YAML more than that (tags, anchors, aliases, merge keys, several documents, repeated keys) is refused.
 */
import { isAlias, isMap, isScalar, parseDocument, visit, YAMLParseError } from "yaml"
import { DocumentProblem } from "./json-element.ts"

/** A file taken apart. `text` in it has `\n` for line ends. */
export interface Page {
  readonly front: ReadonlyMap<string, string | number>
  readonly body: string
}

const problem = (
  message: string,
  reason: "schema" | "syntax" | "duplicate-key" | "too-large" = "schema"
): DocumentProblem => new DocumentProblem(reason, message)

/** A text as a YAML block that holds its very lines, none of which may be empty or begin with a blank. */
export const block = (lines: ReadonlyArray<string>): string => `|-\n${lines.map((line) => `  ${line}`).join("\n")}`

/** The text between the `---` lines; undefined where the file does not begin with such lines. */
const split = (text: string): { readonly yaml: string; readonly body: string } | undefined => {
  const plain = text.replaceAll("\r\n", "\n")
  if (!plain.startsWith("---\n")) return undefined
  const end = plain.indexOf("\n---\n", 3)
  return end < 0 ? undefined : { yaml: plain.slice(4, end + 1), body: plain.slice(end + 5) }
}

/** True where a file begins as ours do. */
export const isOurMarkdown = (text: string): boolean => /^---\r?\nmemorygraph: /.test(text)

/** Takes a file apart. Throws {@link DocumentProblem}. */
export const readPage = (text: string): Page => {
  const parts = split(text)
  if (parts === undefined) throw problem("its front matter is missing or does not end", "syntax")
  return { front: readFront(parts.yaml), body: parts.body }
}

/** What front matter holds beside its block texts, at most: the library takes seconds for nested or many keys. */
const MAX_LOOSE = 16 * 1024

const BLOCK_FIELD = /^[a-z_]+: [|>][-+]?$/

/** Characters outside of block texts, whose lines begin with a blank and follow a field that announces them. */
const looseCharacters = (yaml: string): number => {
  let loose = 0
  let inBlock = false
  for (let at = 0; at < yaml.length && loose <= MAX_LOOSE;) {
    const end = yaml.indexOf("\n", at)
    const next = end < 0 ? yaml.length : end + 1
    const indented = yaml[at] === " "
    if (!indented) inBlock = next - at < 100 && BLOCK_FIELD.test(yaml.slice(at, next).trimEnd())
    if (!(indented && inBlock)) loose += next - at
    at = next
  }
  return loose
}

const readFront = (yaml: string): ReadonlyMap<string, string | number> => {
  // Behind such a line the library would read no further.
  if (/^(?:\.\.\.|---|%)/m.test(yaml)) throw problem("its front matter is more than one YAML document", "syntax")
  if (looseCharacters(yaml) > MAX_LOOSE) {
    throw problem(`its front matter holds more than ${MAX_LOOSE} characters beside its block texts`, "too-large")
  }
  const document = parse(yaml)
  const [error] = document.errors
  if (error !== undefined) {
    const reason = error.code === "DUPLICATE_KEY" ? "duplicate-key" : "syntax"
    throw problem(`its front matter is no YAML that is read here: ${firstLine(error.message)}`, reason)
  }
  visit(document, (_key, node) => {
    if (isAlias(node)) throw problem("an alias in its front matter is refused")
    if (typeof node !== "object" || node === null) return
    if ("anchor" in node && node.anchor !== undefined) throw problem("an anchor in its front matter is refused")
    if ("tag" in node && node.tag !== undefined) throw problem("a tag in its front matter is refused")
  })
  if (!isMap(document.contents)) {
    throw problem("its front matter is no list of fields")
  }
  const front = new Map<string, string | number>()
  for (const { key, value } of document.contents.items) {
    const name = isScalar(key) ? key.value : undefined
    const content = isScalar(value) ? value.value : undefined
    if (typeof name !== "string" || name === "<<") throw problem("a key in its front matter is no text")
    if (typeof content !== "string" && typeof content !== "number") {
      throw problem(`the field ${JSON.stringify(name)} in its front matter is neither text nor number`)
    }
    front.set(name, content)
  }
  return front
}

const parse = (yaml: string) => {
  try {
    return parseDocument(yaml, {
      version: "1.2",
      schema: "core",
      merge: false,
      strict: true,
      uniqueKeys: true,
      logLevel: "silent"
    })
  } catch (cause) {
    // It throws on what it cannot go on with, and recurses into what is nested.
    if (!(cause instanceof YAMLParseError || cause instanceof RangeError)) throw cause
    throw problem(`its front matter is no YAML that is read here: ${firstLine(cause.message)}`, "syntax")
  }
}

const firstLine = (message: string): string => (message.split("\n", 1)[0] ?? "").replace(/[:.]$/, "")
