/** Reading the Markdown exports of the other MemoryGraph programs: a folder with a file for each memory. */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { DocumentInvalid, FileFailed } from "../domain/Errors.ts"
import type { Node } from "../domain/Graph.ts"
import { DocumentProblem } from "./json-element.ts"
import { KeySet } from "./key-set.ts"
import { Losses } from "./losses.ts"
import type { MarkdownFile, MarkdownFiles } from "./markdown-files.ts"
import { readLegacyMarkdown } from "./markdown-legacy.ts"
import { documentInvalid } from "./problems.ts"

/** A reading of a folder: its memories, and what it lacks once they have ended. */
export interface LegacyMarkdown {
  readonly records: Stream.Stream<Node, DocumentInvalid | FileFailed>
  readonly losses: Effect.Effect<ReadonlyArray<string>>
}

/** The memories of a folder. Nothing in it tells whether it is whole. */
export const readLegacyFolder = (path: string, files: MarkdownFiles): LegacyMarkdown => {
  let losses = new Losses()
  const records = Stream.suspend(() => {
    losses = new Losses()
    losses.note(
      "its format holds neither relationships (it names them at both ends alike, without their direction) nor any other property than those it shows, and one file can have taken another's place: how much of that there was, it does not tell"
    )
    const keys = new KeySet()
    const read = ({ name, text }: MarkdownFile): ReadonlyArray<Node> => {
      if (!name.toLowerCase().endsWith(".md")) {
        losses.add("file that is no memory, left out", name)
        return []
      }
      const memory = readLegacyMarkdown(text, losses)
      if (keys.add(memory.key)) return [memory]
      throw new DocumentProblem("duplicate-record", "another file holds a memory of this id", undefined, memory.key)
    }
    return files.pipe(
      Stream.mapConcatEffect((file) =>
        Effect.try({ try: () => read(file), catch: (cause) => documentInvalid(path, cause, file.name) })
      )
    )
  })
  return { records, losses: Effect.sync(() => losses.sentences()) }
}
