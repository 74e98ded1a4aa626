/** The `since` of a JSON 2.1 document: known before its lists are read. */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { DocumentInvalid, FileFailed } from "../domain/Errors.ts"
import { MAX_LINE_BYTES, readBytes } from "./file-read.ts"
import { readScalar } from "./json-element.ts"
import { SECTIONS } from "./json-format.ts"
import { JsonScanner, type ScanHandler } from "./json-scan.ts"
import { documentInvalid } from "./problems.ts"

class SinceReader implements ScanHandler {
  since: unknown
  ended = false
  member(name: string): "value" | "skip" {
    if (SECTIONS.some((section) => section === name)) this.ended = true
    return name === "since" && !this.ended ? "value" : "skip"
  }
  value(_name: string, text: string, line: number): void {
    this.since = readScalar(text, line)
    this.ended = true
  }
  element(): void {}
  end(): void {}
}

/** The time of a document that is a part; undefined for a whole one, and where the document's own reader will complain. */
export const sinceOfJson = (path: string): Effect.Effect<string | undefined, DocumentInvalid | FileFailed> =>
  Effect.suspend(() => {
    const reader = new SinceReader()
    const scanner = new JsonScanner(reader, MAX_LINE_BYTES)
    return readBytes(path).pipe(
      Stream.takeWhile(() => !reader.ended),
      Stream.runForEach((bytes) =>
        Effect.try({ try: () => scanner.push(bytes), catch: (cause) => documentInvalid(path, cause) }).pipe(
          Effect.catchAll(() => Effect.sync(() => (reader.ended = true)))
        )
      ),
      Effect.map(() => (typeof reader.since === "string" ? reader.since : undefined))
    )
  })
