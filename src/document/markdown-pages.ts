/** The files of a Markdown document as they are written: a page for each node, and an index. */
import * as crypto from "node:crypto"
import { canonicalLine } from "../domain/Canonical.ts"
import type { Fingerprint } from "../domain/Fingerprint.ts"
import type { Node } from "../domain/Graph.ts"
import { bodyOf, normalBody } from "./markdown-body.ts"
import { block } from "./markdown-front.ts"
import { fileNameOf } from "./markdown-names.ts"
import type { StoredLink } from "./markdown-scratch.ts"

/** The version that this product writes and reads. */
export const MARKDOWN_VERSION = 1

/** A file to be written; names are without folders. */
export interface MarkdownPage {
  readonly name: string
  readonly text: string
}

/** What the index says of the document. */
export interface IndexFacts {
  readonly created: string
  readonly generator: string
  readonly backend: string
  readonly fingerprint: Fingerprint
}

/** What tells that a body was edited: SHA-256 of it, as {@link normalBody} sees it. */
export const bodyHash = (body: string): string => crypto.hash("sha256", normalBody(body))

// A node with very many relationships gets more pages: none is larger than memory allows.
const PAGE_LINKS = 1000
const PAGE_CHARACTERS = 4_000_000

const page = (kind: "node" | "relationships", fields: ReadonlyArray<string>, body: string): string =>
  [
    "---",
    `memorygraph: ${kind}`,
    `version: ${MARKDOWN_VERSION}`,
    ...fields,
    `body: ${bodyHash(body)}`,
    "---",
    body
  ].join("\n")

const relationships = (links: ReadonlyArray<StoredLink>): ReadonlyArray<string> =>
  links.length === 0 ? [] : [`relationships: ${block(links.map(({ line }) => line))}`]

/** Takes as many links as a page holds; the iterator goes on behind them. */
const nextLinks = (links: Iterator<StoredLink>): Array<StoredLink> => {
  const taken: Array<StoredLink> = []
  let characters = 0
  while (taken.length < PAGE_LINKS && characters < PAGE_CHARACTERS) {
    const next = links.next()
    if (next.done === true) break
    taken.push(next.value)
    characters += next.value.line.length
  }
  return taken
}

/** The pages of a node: one, and more where many relationships begin at it. */
export function* pagesOf(node: Node, links: Iterator<StoredLink>): Generator<MarkdownPage> {
  const name = fileNameOf(node)
  let taken = nextLinks(links)
  const body = bodyOf(
    node,
    taken.map(({ link }) => link)
  )
  const record = `record: ${block([canonicalLine(node)])}`
  yield { name, text: page("node", [record, ...relationships(taken)], body) }
  for (let more = 2; ; more++) {
    taken = nextLinks(links)
    if (taken.length === 0) return
    const rest = `\nMore relationships of [this node](${name}).\n`
    yield {
      name: name.replace(/-([0-9a-f]+)\.md$/, `-${more}-$1.md`),
      text: page("relationships", relationships(taken), rest)
    }
  }
}

/** The parts of the index: its head, and a line for each node. */
export function* indexParts(
  facts: IndexFacts,
  files: Iterable<{ readonly file: string; readonly title: string }>
): Generator<string> {
  const { backend, created, fingerprint, generator } = facts
  const { nodes, relationships: links, text } = fingerprint
  yield [
    "---",
    "memorygraph: index",
    `version: ${MARKDOWN_VERSION}`,
    `created: ${JSON.stringify(created)}`,
    `generator: ${JSON.stringify(generator)}`,
    `backend: ${JSON.stringify(backend)}`,
    `nodes: ${nodes.count}`,
    `nodes_sum: ${JSON.stringify(nodes.sum)}`,
    `relationships: ${links.count}`,
    `relationships_sum: ${JSON.stringify(links.sum)}`,
    `fingerprint: ${JSON.stringify(text)}`,
    "---",
    "",
    `# MemoryGraph export: ${nodes.count} nodes, ${links.count} relationships`,
    "",
    ""
  ].join("\n")
  for (const { file, title } of files) yield `- [${title.replace(/[\\[\]]/g, "\\$&")}](${file})\n`
}
