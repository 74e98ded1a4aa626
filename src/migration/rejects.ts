/** The rejects of a run as a document: what did not arrive, why, and ready to be imported once the cause is mended. */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { writeAtomic } from "../document/file.ts"
import * as Jsonl from "../document/jsonl.ts"
import type { FileFailed } from "../domain/Errors.ts"
import { GENERATOR } from "../version.ts"
import type { Rejects } from "./report.ts"
import type { Recorder } from "./Run.ts"
import type { RunFolder } from "./RunFolder.ts"

/** Writes `rejects.jsonl` in the run's folder from what the journal kept. */
export const write = (folder: RunFolder, recorder: Recorder): Effect.Effect<Rejects, FileFailed> =>
  Effect.suspend(() => {
    const encoder = new Jsonl.JsonlEncoder()
    let count = 0
    const header = Stream.sync(() =>
      encoder.header({
        created: new Date().toISOString(),
        generator: GENERATOR,
        backend: recorder.source?.backend ?? "document",
        rejects: recorder.run
      })
    )
    const records = folder.journal.rejects.pipe(
      Stream.mapChunks((chunk) => chunk),
      Stream.map((reject) => {
        count++
        return encoder.rejects([reject])
      })
    )
    const footer = Stream.sync(() => encoder.footer().text)
    return writeAtomic(folder.rejects, Stream.concat(header, Stream.concat(records, footer))).pipe(
      Effect.map(() => ({ count, path: folder.rejects }))
    )
  })
