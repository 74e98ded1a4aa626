/** Reading a document of any format that this product knows, recognised by its content. */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { DocumentInvalid, type FileFailed } from "../domain/Errors.ts"
import type { GraphRecord } from "../domain/Graph.ts"
import { detectFormat } from "./detect.ts"
import { readJson } from "./json.ts"
import * as Jsonl from "./jsonl.ts"
import type { DocumentFormat } from "./write.ts"

/** A document, ready to be read. */
export interface OpenDocument {
  readonly path: string
  readonly format: DocumentFormat
  /** Fails where the document is damaged, at its end at the latest; may be read more than once. */
  readonly records: Stream.Stream<GraphRecord, DocumentInvalid | FileFailed>
}

/** Opens a document; `auto` looks at its content. Fails with `unknown-format` where that is none of ours. */
export const openDocument = (
  path: string,
  format: DocumentFormat | "auto"
): Effect.Effect<OpenDocument, DocumentInvalid | FileFailed> =>
  Effect.gen(function* () {
    const found = format === "auto" ? yield* detectFormat(path) : format
    switch (found) {
      case "json":
        return { path, format: found, records: readJson(path) }
      case "jsonl":
        return { path, format: found, records: Stream.map(Jsonl.read(path, { strict: true }), ({ record }) => record) }
      case "unknown":
        return yield* new DocumentInvalid({
          path,
          reason: "unknown-format",
          message: `${path} is no document that this program knows (JSON 2.1 or JSONL). Nothing was written. Check the name; --format says which it is where it cannot be recognised.`
        })
    }
  })
