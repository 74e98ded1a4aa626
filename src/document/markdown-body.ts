/**
 * The body of a node's file: what people read. The record stands in the front matter; of the body only a memory's title,
 * tags and content can be read back, and only where the caller prefers them.
 */
import { canonicalValue, sortNames } from "../domain/Canonical.ts"
import { type MutableProperties, node, type Node, property, setProperty } from "../domain/Graph.ts"
import { MEMORY_LABEL } from "../domain/Memory.ts"
import { isList, type PropertyValue } from "../domain/PropertyValue.ts"
import { DocumentProblem } from "./json-element.ts"
import { oneLine, titleOf } from "./markdown-names.ts"

/** A relationship as its start node's file shows it. */
export interface Link {
  readonly type: string
  readonly title: string
  readonly file: string
}

const CONTENT = "<!-- content -->"
const CONTENT_END = "<!-- /content -->"
const TAGS = "- **Tags:** "

const areTexts = (value: PropertyValue): value is ReadonlyArray<string> =>
  isList(value) && value.every((item) => typeof item === "string")

const shown = (value: PropertyValue): string => oneLine(typeof value === "string" ? value : canonicalValue(value))

const tagsLine = (tags: ReadonlyArray<string>): string => `${TAGS}${tags.map(oneLine).join(", ")}`.trimEnd()

const escapeLink = (text: string): string => text.replace(/[\\[\]]/g, "\\$&")

const isMemory = ({ labels, properties }: Node): boolean =>
  labels.includes(MEMORY_LABEL) && ["title", "content"].every((name) => typeof property(properties, name) === "string")

const facts = (memory: Node): Array<string> => {
  const { labels, properties } = memory
  const lines: Array<string> = []
  const tags = property(properties, "tags") ?? []
  const type = property(properties, "type")
  if (type !== undefined) lines.push(`- **Type:** ${shown(type)}`)
  if (areTexts(tags)) lines.push(tagsLine(tags))
  if (labels.length > 1) lines.push(`- **Labels:** ${sortNames(labels).map(oneLine).join(", ")}`)
  for (const name of ["created_at", "updated_at"]) {
    const value = property(properties, name)
    if (value !== undefined) lines.push(`- **${name === "created_at" ? "Created" : "Updated"}:** ${shown(value)}`)
  }
  const summary = property(properties, "summary")
  return summary === undefined ? lines : [...lines, "", `> ${shown(summary)}`]
}

const otherFacts = ({ labels, properties }: Node): Array<string> => [
  `- **Labels:** ${sortNames(labels).map(oneLine).join(", ")}`,
  ...sortNames(Object.keys(properties)).map(
    (name) => `- **${oneLine(name)}:** ${shown(property(properties, name) ?? "")}`
  )
]

/** The body of a node's file. */
export const bodyOf = (record: Node, links: Iterable<Link>): string => {
  const content = property(record.properties, "content")
  let text = `\n# ${titleOf(record)}\n\n`
  if (isMemory(record) && typeof content === "string") {
    text += `${facts(record).join("\n")}\n\n${CONTENT}\n${content.toWellFormed()}\n${CONTENT_END}\n`
  } else text += `${otherFacts(record).join("\n")}\n`
  let first = true
  for (const { file, title, type } of links) {
    if (first) text += "\n## Relationships\n\n"
    first = false
    text += `- **${oneLine(type)}** → [${escapeLink(title)}](${file})\n`
  }
  return text
}

/** A body as it is hashed: whatever its line ends are, and however its last line ends. */
export const normalBody = (body: string): string => body.replaceAll("\r\n", "\n").trimEnd()

const wrong = (message: string, key: string) => new DocumentProblem("schema", `${message} in its body`, undefined, key)

const titleIn = (body: string, key: string): string => {
  const line = /^\s*# ?(.*)/.exec(body)?.[1]
  if (line === undefined) throw wrong("the line with the title (# ...) is missing", key)
  return line.trim()
}

const contentIn = (body: string, key: string): { readonly head: string; readonly content: string } => {
  const from = body.indexOf(`\n${CONTENT}\n`)
  const to = body.lastIndexOf(`\n${CONTENT_END}`)
  const start = from + CONTENT.length + 2
  if (from < 0 || to < start - 1) throw wrong(`the line ${CONTENT} or ${CONTENT_END} is missing`, key)
  return { head: body.slice(0, from), content: body.slice(start, to) }
}

// A line that means the tags and is not in their form, or that is gone, must not pass for tags that were not edited.
const tagsIn = (head: string, hasTags: boolean, key: string): string | undefined => {
  const lines = head.split("\n")
  const line = lines.find((candidate) => candidate.trimEnd().startsWith(TAGS.trimEnd()))
  const another = lines.find((candidate) => candidate !== line && /^\s*[-*+]?\s*\**tags\**\s*:/i.test(candidate))
  if (another !== undefined)
    throw wrong(`the line ${JSON.stringify(another.trim())} is not in the form "${TAGS}a, b"`, key)
  if (line === undefined && hasTags)
    throw wrong(`the line with the tags ("${TAGS}a, b"; nothing behind it for none) is missing`, key)
  return line
}

/**
 * The node with title, tags and content as an edited body says them; each stays exactly as it was where the body shows
 * what it would show of it. Nodes that are no memories have nothing to be taken. Throws {@link DocumentProblem}.
 */
export const withBody = (record: Node, body: string): Node => {
  const { key, labels, properties: before } = record
  if (!isMemory(record)) return record
  const properties: MutableProperties = {}
  for (const name of Object.keys(before)) setProperty(properties, name, property(before, name) ?? "")
  const { content, head } = contentIn(body, key)
  const title = titleIn(head, key)
  if (title !== titleOf(record)) properties["title"] = title
  const stored = property(before, "content")
  if (typeof stored !== "string" || content !== stored.toWellFormed().replaceAll("\r\n", "\n")) {
    properties["content"] = content
  }
  const tags = property(before, "tags") ?? []
  const line = tagsIn(head, areTexts(tags) && tags.length > 0, key)
  if (areTexts(tags) && line !== undefined && line.trimEnd() !== tagsLine(tags)) {
    properties["tags"] = line
      .slice(TAGS.length)
      .split(",")
      .map((tag) => tag.trim())
      .filter((tag) => tag !== "")
  }
  return node(key, labels, properties)
}
