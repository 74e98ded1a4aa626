/** Opens a session on a file, writes in it, says so, and waits to be killed: `node interrupted.ts FILE JOURNAL SIZE`. */
import * as Effect from "effect/Effect"
import * as Journal from "../../../src/backend/Journal.ts"
import { make } from "../../../src/backend/sqlite/SqliteBackend.ts"
import { node } from "../../../src/domain/Graph.ts"

const [file = "", journalFile = "", size] = process.argv.slice(2)
const title = "x".repeat(size === "large" ? 100_000 : 10)

const program = Effect.gen(function* () {
  const backend = yield* make({ kind: "sqlite", path: file })
  const journal = yield* Journal.make(journalFile)
  const session = yield* backend.openSession({ run: "killed", journal })
  for (let i = 0; i < 12; i++) {
    const create = Array.from({ length: 100 }, (_, n) => node(`${i}-${n}`, ["Memory"], { title }))
    yield* session.write({ create, overwrite: [] })
  }
  yield* Effect.sync(() => process.stdout.write("written\n"))
  yield* Effect.never
})

await Effect.runPromise(Effect.scoped(program))
