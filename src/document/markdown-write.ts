/** Writing a Markdown document: a folder with a page for each node, or the same as a tar archive. */
import * as os from "node:os"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { FileFailed } from "../domain/Errors.ts"
import type * as Fingerprint from "../domain/Fingerprint.ts"
import type { GraphRecord } from "../domain/Graph.ts"
import { GENERATOR } from "../version.ts"
import { type Output, writeOutput, writeTo } from "./file-write.ts"
import { writeFolder } from "./markdown-folder.ts"
import { INDEX_FILE } from "./markdown-names.ts"
import { type IndexFacts, indexParts, type MarkdownPage, pagesOf } from "./markdown-pages.ts"
import { makeScratch, type MarkdownScratch } from "./markdown-scratch.ts"
import { TAR_END, tarHeader, tarPadding } from "./tar-write.ts"

/** What is to be written. */
export interface MarkdownContent<E> {
  /** A path that ends in `.tar` or `.tar.gz` is an archive, any other a folder; bytes go out as `.tar.gz`. */
  readonly output: Output
  readonly backend: string
  /** When it was exported, ISO 8601. */
  readonly exportedAt: string
  /** All nodes before all relationships; read twice. */
  readonly records: Stream.Stream<GraphRecord, E>
  /** Where lookups rest meanwhile (about as large as the relationships); the system's folder unless given. */
  readonly scratch?: string | undefined
}

/** The folder that an archive's files stand in. */
const ARCHIVE_FOLDER = "memorygraph"

/** How many pages rest in memory; each is of bounded size. */
const PAGES_AT_ONCE = 16

/** True for the name of an archive; any other is a folder's. */
export const isArchive = (path: string): boolean => /\.tar(\.gz)?$/i.test(path)

/** Writes a document, whole or not at all; returns the graph's fingerprint. */
export const writeMarkdown = <E>(content: MarkdownContent<E>): Effect.Effect<Fingerprint.Fingerprint, E | FileFailed> =>
  Effect.scoped(
    Effect.gen(function* () {
      const { output, records } = content
      const scratch = yield* makeScratch(content.scratch ?? os.tmpdir())
      yield* records.pipe(
        Stream.chunks,
        Stream.runForEach((chunk) => Effect.sync(() => scratch.add(chunk)))
      )
      const fingerprint = scratch.fingerprint.finish()
      const facts: IndexFacts = {
        created: content.exportedAt,
        generator: GENERATOR,
        backend: content.backend,
        fingerprint
      }
      scratch.finish()
      // Made while they are written, a few at a time.
      const pages = Stream.flatMap(Stream.chunks(records), (chunk) =>
        Stream.fromIteratorSucceed(pagesOfAll(chunk, scratch), PAGES_AT_ONCE)
      )
      if ("writable" in output) yield* writeTo(output.writable, archive(facts, scratch, pages), { gzip: true })
      else if (isArchive(output.path)) yield* writeOutput(output, archive(facts, scratch, pages))
      else yield* writeFolder(output, () => indexParts(facts, scratch.files()), pages)
      return fingerprint
    })
  )

function* pagesOfAll(records: Iterable<GraphRecord>, scratch: MarkdownScratch): Generator<MarkdownPage> {
  for (const record of records) {
    if (record._tag === "Node") yield* pagesOf(record, scratch.linksOf(record.key))
  }
}

const entry = (name: string, text: string, modified: number): ReadonlyArray<Uint8Array> => {
  const bytes = Buffer.from(text)
  return [tarHeader(`${ARCHIVE_FOLDER}/${name}`, bytes.length, modified), bytes, tarPadding(bytes.length)]
}

// The index comes first, for whoever looks into the archive; its size must be known before its text.
const archive = <E>(
  facts: IndexFacts,
  scratch: MarkdownScratch,
  pages: Stream.Stream<MarkdownPage, E>
): Stream.Stream<string | Uint8Array, E> => {
  const modified = Math.floor(Date.parse(facts.created) / 1000)
  const parts = () => indexParts(facts, scratch.files())
  const index = Stream.suspend(() => {
    let size = 0
    for (const part of parts()) size += Buffer.byteLength(part)
    return Stream.make<[string | Uint8Array]>(tarHeader(`${ARCHIVE_FOLDER}/${INDEX_FILE}`, size, modified)).pipe(
      Stream.concat(Stream.fromIterable(parts())),
      Stream.concat(Stream.make(tarPadding(size)))
    )
  })
  return index.pipe(
    Stream.concat(Stream.mapConcat(pages, ({ name, text }) => entry(name, text, modified))),
    Stream.concat(Stream.make(TAR_END))
  )
}
