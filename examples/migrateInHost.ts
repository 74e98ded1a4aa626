/** A migration inside a host's own Effect program: the host retries, logs and runs it as it does everything else. */
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as Schedule from "effect/Schedule"
import { migrate, SqliteBackend } from "memorygraph-migrate"

const move = Effect.scoped(
  Effect.gen(function* () {
    const source = yield* SqliteBackend.make({ path: "memories.db" })
    const target = yield* SqliteBackend.make({ path: "moved.db" })
    return yield* migrate(source, target, { stateFolder: "state" })
  })
)

const program = move.pipe(
  // A store that does not answer is asked again; whatever else is wrong stays wrong.
  Effect.retry({
    schedule: Schedule.jittered(Schedule.exponential("200 millis")),
    times: 3,
    while: (error) => error._tag === "StoreUnavailable" && error.reason === "unreachable"
  }),
  Effect.tap(({ records, run, verification }) =>
    Effect.logInfo("moved").pipe(
      Effect.annotateLogs({ run, written: records.written, fingerprint: verification?.targetFingerprint })
    )
  ),
  Effect.tapError((error) => Effect.logError(error.message)),
  Effect.withLogSpan("move")
)

await Effect.runPromise(Effect.provide(program, Logger.json))
