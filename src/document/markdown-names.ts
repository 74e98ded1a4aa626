/** The names of a Markdown document's files: safe on every file system, and no two alike. */
import * as crypto from "node:crypto"
import { type Node, property } from "../domain/Graph.ts"

/** The file that says what the document holds. */
export const INDEX_FILE = "index.md"

const MAX_SLUG = 60
const SHOWN_TITLE = 200

/** How a node is called for people: its title, its name or its key, on one line. */
export const titleOf = ({ key, properties }: Node): string => {
  const named = [property(properties, "title"), property(properties, "name"), key].find(
    (value): value is string => typeof value === "string" && value.trim() !== ""
  )
  return oneLine(named ?? "")
}

/** Text on one line, for headings and links; lone surrogates, which no file can hold, become U+FFFD. */
export const oneLine = (text: string): string => {
  // oxlint-disable-next-line no-control-regex
  const line = text
    .toWellFormed()
    .replace(/[\u0000-\u001f\u007f\u0085\u2028\u2029]+/g, " ")
    .trim()
  return line.length > SHOWN_TITLE ? `${line.slice(0, SHOWN_TITLE).toWellFormed()}...` : line
}

/**
 * The name of a node's file: some of its title in small ASCII letters, digits and dashes (no name differs from another
 * by case only, and none is a device's), and 96 bits of its key's SHA-256, which no two keys share by accident.
 */
export const fileNameOf = (node: Node): string => {
  const slug = titleOf(node)
    .normalize("NFKD")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .slice(0, MAX_SLUG)
    .replace(/^-+|-+$/g, "")
  // As JSON, a key with a lone surrogate is text like any other.
  const hash = crypto.hash("sha256", JSON.stringify(node.key)).slice(0, 24)
  return `${slug === "" ? "node" : slug}-${hash}.md`
}

/** True for the names that {@link fileNameOf} gives, and the index's. */
export const isOurFileName = (name: string): boolean =>
  name === INDEX_FILE || /^[a-z0-9][a-z0-9-]*-[0-9a-f]{24}\.md$/.test(name)
