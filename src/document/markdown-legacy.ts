/**
 * One file of a Markdown export by the other MemoryGraph programs: a front matter that looks like YAML and is none, and
 * the texts of a memory. The Python program writes values bare, the TypeScript port as JSON; the fields come in one
 * order, which is what tells where a bare value ends.
 *
 * Relationships are not read: a file lists those of both directions alike, so none of them tells which way it leads.
 */
import type { Node } from "../domain/Graph.ts"
import { isJsonObject, type JsonObject, JsonSyntaxError, type JsonValue, parseJson } from "../domain/Json.ts"
import { DocumentProblem } from "./json-element.ts"
import { decodeMemory } from "./json-record.ts"
import type { Losses } from "./losses.ts"

const REQUIRED = ["title", "id", "type", "importance", "confidence", "tags", "created_at", "updated_at"]
const OPTIONAL = ["project", "languages", "technologies"]

/** Fields that stand for a field of a memory's context. */
const CONTEXT: { readonly [field: string]: string } = {
  project: "project_path",
  languages: "languages",
  technologies: "technologies"
}
const LISTS = new Set(["tags", "languages", "technologies"])
const NUMBERS = new Set(["importance", "confidence"])

const CONTENT = "## Content\n\n"
const SUMMARY = "## Summary\n\n"
const RELATIONSHIPS = "\n\n## Relationships\n\n"
const RELATIONSHIP = /^- \*\*[A-Z_]+\*\* (?:→|->) \[/

const wrong = (message: string): DocumentProblem =>
  new DocumentProblem("schema", `it is no memory as other programs export it to Markdown: ${message}`)

/** True where a file begins as these programs write it. */
export const isLegacyMarkdown = (text: string): boolean => /^\ufeff?---\r?\ntitle: /.test(text)

// Each field begins a line, in this order; what stands between two of them is the first one's value, line ends included.
const fieldsOf = (front: string): ReadonlyMap<string, string> => {
  const text = `\n${front}`
  const fields = new Map<string, string>()
  let name = ""
  let from = 0
  for (const next of [...REQUIRED, ...OPTIONAL]) {
    const at = text.indexOf(`\n${next}: `, from)
    if (at < 0 && OPTIONAL.includes(next)) continue
    if (at < 0 || (name === "" && at > 0)) throw wrong(`the field ${next} is missing`)
    if (name !== "") fields.set(name, text.slice(from, at))
    name = next
    from = at + next.length + 3
  }
  return fields.set(name, text.slice(from))
}

// The port escapes quotes and backslashes, and leaves tabs and line ends as they are.
const json = (text: string, name: string): JsonValue => {
  try {
    // oxlint-disable-next-line no-control-regex
    return parseJson(
      text.replace(/[\u0000-\u001f]/g, (c) => JSON.stringify(c).slice(1, -1)),
      { strict: true }
    )
  } catch (cause) {
    if (!(cause instanceof JsonSyntaxError)) throw cause
    throw wrong(`the value of ${name} cannot be read`)
  }
}

const valueOf = (name: string, text: string, quoted: boolean): JsonValue => {
  if (NUMBERS.has(name)) return json(text, name)
  if (quoted && (text.startsWith('"') || LISTS.has(name))) return json(text, name)
  if (!LISTS.has(name)) return text
  if (!text.startsWith("[") || !text.endsWith("]")) throw wrong(`the value of ${name} is not a list`)
  return text === "[]" ? [] : text.slice(1, -1).split(", ")
}

/** Reads one file. Throws {@link DocumentProblem} and `RecordProblem`. */
export const readLegacyMarkdown = (text: string, losses: Losses): Node => {
  let whole = text.startsWith("\ufeff") ? text.slice(1) : text
  // Written on Windows, or by an editor: every line end was changed, those of the texts too.
  const changed = whole.startsWith("---\r\n")
  if (changed) whole = whole.replaceAll("\r\n", "\n")
  const frontEnd =
    /\n(?:updated_at|project|languages|technologies): [^\n]*\n---\n\n(?=## (?:Summary|Content)\n\n)/.exec(whole)
  if (!whole.startsWith("---\n") || frontEnd === null) throw wrong("its front matter does not end")
  const bodyAt = frontEnd.index + frontEnd[0].length
  const fields = fieldsOf(whole.slice(4, bodyAt - "\n---\n\n".length))
  const { content, related, summary } = textsOf(whole.slice(bodyAt))

  const quoted = fields.get("id")?.startsWith('"') === true
  const memory: { [name: string]: JsonValue } = { content, ...(summary !== undefined && { summary }) }
  const context: { [name: string]: JsonValue } = {}
  for (const [name, value] of fields) {
    const inContext = CONTEXT[name]
    if (inContext === undefined) memory[name] = valueOf(name, value, quoted)
    else context[inContext] = valueOf(name, value, quoted)
  }
  const read = decodeMemory(withContext(memory, context))
  if (changed) losses.add("file whose line ends were changed, those of the content with them", read.key)
  for (let i = 0; i < related; i++) {
    losses.add("line about a relationship, which does not tell which way it leads, left out", read.key)
  }
  if (!quoted && [...fields].some(([name, value]) => LISTS.has(name) && value.includes(", "))) {
    losses.add("list whose elements are told apart by commas only", read.key)
  }
  return read
}

const withContext = (memory: JsonObject, context: JsonObject): JsonObject =>
  isJsonObject(context) && Object.keys(context).length > 0 ? { ...memory, context } : memory

const textsOf = (body: string) => {
  let rest = body
  let summary: string | undefined
  if (rest.startsWith(SUMMARY)) {
    const end = rest.indexOf(`\n\n${CONTENT}`, SUMMARY.length)
    if (end < 0) throw wrong("it has no content")
    summary = rest.slice(SUMMARY.length, end)
    rest = rest.slice(end + 2)
  }
  if (!rest.startsWith(CONTENT)) throw wrong("it has no content")
  rest = rest.slice(CONTENT.length)
  // A content may hold such a heading too: the section is the last one, and nothing but lines about relationships.
  const at = rest.lastIndexOf(RELATIONSHIPS)
  const lines =
    at < 0
      ? []
      : rest
          .slice(at + RELATIONSHIPS.length)
          .replace(/\n$/, "")
          .split("\n- ")
  const isSection = lines.length > 0 && lines.every((line, i) => RELATIONSHIP.test(i === 0 ? line : `- ${line}`))
  return {
    summary,
    content: isSection ? rest.slice(0, at) : rest.replace(/\n$/, ""),
    related: isSection ? lines.length : 0
  }
}
