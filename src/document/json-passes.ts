/** A JSON document as a stream of records, in as many passes over the file as its reader asks for. */
import type * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { DocumentInvalid, FileFailed } from "../domain/Errors.ts"
import type { GraphRecord } from "../domain/Graph.ts"
import { MAX_LINE_BYTES, readBytes } from "./file-read.ts"
import { JsonScanner, type ScanHandler } from "./json-scan.ts"

/** Takes what is scanned and gives records. Its methods throw what is wrong with the document. */
export interface PassReader extends ScanHandler {
  /** The records that were completed since the last call. */
  readonly take: () => Chunk.Chunk<GraphRecord>
  /** Called at the end of the file; true where another pass is needed. */
  readonly endPass: () => boolean
}

/** Reads the file; `invalid` makes a failure of what the reader or the scanner throws. */
export const readPasses = (
  path: string,
  reader: PassReader,
  invalid: (cause: unknown) => DocumentInvalid
): Stream.Stream<GraphRecord, DocumentInvalid | FileFailed> => {
  const attempt = <A>(run: () => A) => Effect.try({ try: run, catch: invalid })
  const pass = (): Stream.Stream<GraphRecord, DocumentInvalid | FileFailed> => {
    const scanner = new JsonScanner(reader, MAX_LINE_BYTES)
    const read = (bytes: Buffer) =>
      attempt(() => {
        scanner.push(bytes)
        return reader.take()
      })
    const end = attempt(() => {
      scanner.end()
      return reader.endPass()
    })
    return readBytes(path).pipe(
      Stream.mapConcatChunkEffect(read),
      Stream.concat(Stream.unwrap(Effect.map(end, (again) => (again ? pass() : Stream.empty))))
    )
  }
  return pass()
}
