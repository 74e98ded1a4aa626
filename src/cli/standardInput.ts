/** A document from standard input: read more than once, so it rests in a private file meanwhile. */
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { pipeline } from "node:stream/promises"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { FileFailed } from "../domain/Errors.ts"

/** How standard input is named on the command line. */
export const STANDARD_INPUT = "-"

/** The path of a file that holds all of standard input; it goes with the scope. */
export const spooledInput: Effect.Effect<string, FileFailed, Scope.Scope> = Effect.gen(function* () {
  const folder = yield* Effect.acquireRelease(
    Effect.sync(() => fs.mkdtempSync(path.join(os.tmpdir(), "memorygraph-input-"))),
    (made) => Effect.sync(() => fs.rmSync(made, { recursive: true, force: true }))
  )
  const file = path.join(folder, "input")
  yield* Effect.tryPromise({
    try: (signal) => pipeline(process.stdin, fs.createWriteStream(file, { mode: 0o600 }), { signal }),
    catch: (cause) =>
      new FileFailed({
        path: file,
        reason: "io",
        message: `Standard input could not be kept in ${folder}: ${cause instanceof Error ? cause.message : String(cause)}. Nothing was written.`,
        cause
      })
  })
  return file
})
