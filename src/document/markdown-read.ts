/** Reading a Markdown document: ours, or another MemoryGraph program's. */
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { canonicalLine, parseLine } from "../domain/Canonical.ts"
import type { DocumentInvalid, FileFailed } from "../domain/Errors.ts"
import * as Fingerprint from "../domain/Fingerprint.ts"
import { describe, type GraphRecord, type Node, type Relationship } from "../domain/Graph.ts"
import { DocumentProblem } from "./json-element.ts"
import { Losses } from "./losses.ts"
import { normalBody, withBody } from "./markdown-body.ts"
import type { MarkdownFile, MarkdownFiles } from "./markdown-files.ts"
import { isOurMarkdown, type Page, readPage } from "./markdown-front.ts"
import { isLegacyMarkdown } from "./markdown-legacy.ts"
import { readLegacyFolder } from "./markdown-legacy-read.ts"
import { bodyHash, MARKDOWN_VERSION } from "./markdown-pages.ts"
import { documentInvalid } from "./problems.ts"

/** A reading of a Markdown document. */
export interface MarkdownDocument {
  readonly records: Stream.Stream<GraphRecord, DocumentInvalid | FileFailed>
  readonly losses: Effect.Effect<ReadonlyArray<string>>
}

/** How to read it: with `preferBody`, edited bodies are not refused but read. */
export interface MarkdownOptions {
  readonly preferBody?: boolean | undefined
}

const FIELDS: { readonly [kind: string]: ReadonlySet<string> } = {
  node: new Set(["memorygraph", "version", "record", "relationships", "body"]),
  relationships: new Set(["memorygraph", "version", "relationships", "body"]),
  index: new Set([
    "memorygraph",
    "version",
    "created",
    "generator",
    "backend",
    "nodes",
    "nodes_sum",
    "relationships",
    "relationships_sum",
    "fingerprint"
  ])
}

const wrong = (message: string, reason: DocumentProblem["reason"] = "schema") => new DocumentProblem(reason, message)

const recordIn = (line: string): GraphRecord => {
  const parsed = parseLine(line, { strict: true })
  if (Either.isRight(parsed)) return parsed.right
  throw new DocumentProblem(parsed.left.reason, parsed.left.message, undefined, parsed.left.key)
}

const nodeIn = (page: Page): Node => {
  const line = page.front.get("record")
  const record = typeof line === "string" ? recordIn(line) : undefined
  if (record?._tag === "Node") return record
  throw wrong(`"record" in its front matter is no node`)
}

const relationshipsIn = ({ front }: Page): ReadonlyArray<Relationship> => {
  const lines = front.get("relationships")
  if (lines === undefined) return []
  if (typeof lines !== "string") throw wrong(`"relationships" in its front matter are no records`)
  return lines.split("\n").map((line) => {
    const record = recordIn(line)
    if (record._tag === "Relationship") return record
    throw new DocumentProblem("schema", `"relationships" in its front matter hold a node`, undefined, describe(record))
  })
}

/** What the index says, and one reading of a document, which passes over its files twice: nodes first. */
class Reading {
  private readonly fingerprint = new Fingerprint.Builder()
  private readonly losses: Losses
  private readonly preferBody: boolean
  private index: Page | undefined

  constructor(losses: Losses, preferBody: boolean) {
    this.losses = losses
    this.preferBody = preferBody
  }

  /** The nodes of a file. Throws {@link DocumentProblem}. */
  nodes(file: MarkdownFile): ReadonlyArray<GraphRecord> {
    const page = readPage(file.text)
    const kind = this.kindOf(page)
    if (kind === "index") {
      if (this.index !== undefined) throw wrong("it is a second index")
      this.index = page
      return []
    }
    const edited = page.front.get("body") !== bodyHash(page.body)
    if (edited && !this.preferBody) {
      throw wrong(
        "its body was edited, but its front matter, which counts, was not. Undo that, or run again with --prefer-body to take title, tags and content from the bodies",
        "digest"
      )
    }
    if (kind === "relationships") return []
    const node = nodeIn(page)
    this.fingerprint.addLine("Node", canonicalLine(node))
    if (!edited) return [node]
    this.losses.add("node whose title, tags and content come from its edited body, and nothing else of that", node.key)
    return [withBody(node, normalBody(page.body))]
  }

  /** The relationships of a file. Throws {@link DocumentProblem}. */
  relationships(file: MarkdownFile): ReadonlyArray<GraphRecord> {
    const page = readPage(file.text)
    if (this.kindOf(page) === "index") return []
    const records = relationshipsIn(page)
    for (const record of records) this.fingerprint.addLine("Relationship", canonicalLine(record))
    return records
  }

  private kindOf({ front }: Page): string {
    const kind = String(front.get("memorygraph"))
    const fields = Object.hasOwn(FIELDS, kind) ? FIELDS[kind] : undefined
    if (fields === undefined) throw wrong("it is no page of a MemoryGraph document", "unknown-format")
    const version = front.get("version")
    if (version !== MARKDOWN_VERSION) {
      const message = `Markdown version ${String(version)} is not known here; this release reads version ${MARKDOWN_VERSION}`
      throw wrong(message, "unsupported-version")
    }
    for (const name of front.keys()) {
      if (!fields.has(name)) throw wrong(`the field ${JSON.stringify(name)} does not belong into its front matter`)
    }
    return kind
  }

  /** Checks the whole against its index. Throws {@link DocumentProblem}. */
  finish(): void {
    if (this.index === undefined) throw wrong("its index (index.md) is missing: the document is not whole", "truncated")
    const { front } = this.index
    const found = this.fingerprint.finish()
    const counts = [
      ["nodes", found.nodes.count],
      ["relationships", found.relationships.count]
    ] as const
    for (const [name, there] of counts) {
      if (front.get(name) !== there) {
        throw wrong(`its index says ${String(front.get(name))} ${name}, but there are ${there}`, "counts")
      }
    }
    if (
      front.get("fingerprint") !== found.text ||
      front.get("nodes_sum") !== found.nodes.sum ||
      front.get("relationships_sum") !== found.relationships.sum
    ) {
      const message = `its records make ${found.text}, but its index says ${String(front.get("fingerprint"))}: it was changed after it was written. Use an undamaged copy or export again`
      throw wrong(message, "fingerprint")
    }
  }
}

const readOurs = (path: string, files: MarkdownFiles, options: MarkdownOptions): MarkdownDocument => {
  let losses = new Losses()
  const records = Stream.suspend(() => {
    losses = new Losses()
    const reading = new Reading(losses, options.preferBody === true)
    const pass = (read: (file: MarkdownFile) => ReadonlyArray<GraphRecord>) =>
      Stream.mapConcatChunkEffect(files, (file) =>
        Effect.try({
          try: () => Chunk.unsafeFromArray(read(file)),
          catch: (cause) => documentInvalid(path, cause, file.name)
        })
      )
    const end = Effect.try({ try: () => reading.finish(), catch: (cause) => documentInvalid(path, cause) })
    return pass((file) => reading.nodes(file)).pipe(
      Stream.concat(pass((file) => reading.relationships(file))),
      Stream.concat(Stream.drain(Stream.fromEffect(end)))
    )
  })
  return { records, losses: Effect.sync(() => losses.sentences()) }
}

/** Opens a Markdown document: the first file that a MemoryGraph program wrote tells which one it was. */
export const openMarkdown = (
  path: string,
  files: MarkdownFiles,
  options: MarkdownOptions
): Effect.Effect<MarkdownDocument, DocumentInvalid | FileFailed> =>
  Effect.gen(function* () {
    const first = yield* Stream.runHead(
      Stream.filter(files, ({ text }) => isOurMarkdown(text) || isLegacyMarkdown(text))
    )
    if (Option.isNone(first)) {
      const message = "it holds no Markdown files of a MemoryGraph program"
      return yield* documentInvalid(path, new DocumentProblem("unknown-format", message))
    }
    return isOurMarkdown(first.value.text) ? readOurs(path, files, options) : readLegacyFolder(path, files)
  })
