/**
 * A process of its own for a test that stops and wakes it: `node sleeper.ts PORT JOURNAL LEASE`. It opens the session of
 * run `paused`, writes a batch, says so, and does more when it is told to by a line on stdin; it prints what came of it.
 */
import * as Effect from "effect/Effect"
import { once } from "node:events"
import * as Journal from "../../../src/backend/Journal.ts"
import { make } from "../../../src/backend/bolt/Neo4jBackend.ts"
import { node } from "../../../src/domain/Graph.ts"

const [port, file, lease] = process.argv.slice(2)

const say = (value: unknown) => Effect.sync(() => process.stdout.write(`${JSON.stringify(value)}\n`))

await Effect.runPromise(
  Effect.scoped(
    Effect.gen(function* () {
      const backend = yield* make({ kind: "neo4j", host: "127.0.0.1", port: Number(port) })
      const journal = yield* Journal.make(file ?? "")
      const session = yield* backend.openSession({ run: "paused", journal, lease: Number(lease), patience: 1000 })
      yield* session.write({ create: [node("m1", ["Memory"], { id: "m1" })], overwrite: [] })
      yield* say("written")
      yield* Effect.promise(() => once(process.stdin, "data"))
      const late = yield* Effect.either(session.write({ create: [node("late", [], {})], overwrite: [] }))
      const published = yield* Effect.either(session.publish)
      const undone = yield* session.undo
      yield* say([late._tag, published._tag, undone._tag])
    })
  )
)
process.stdin.destroy()
