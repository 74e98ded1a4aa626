/** Progress as a stream, consumed beside the migration. A slow or absent consumer never holds it up. */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import { connect, migrate, withProgress } from "memorygraph-migrate"

const program = Effect.scoped(
  Effect.gen(function* () {
    const source = yield* connect({ kind: "sqlite", path: "memories.db" })
    const target = yield* connect({ kind: "sqlite", path: "moved.db" })
    const { events, result } = yield* withProgress(migrate(source, target, { stateFolder: "state" }))
    const display = yield* Effect.fork(
      Stream.runForEach(events, ({ done, phase, state, total }) =>
        Effect.sync(() => console.log(`${phase} ${state}: ${done} of ${total ?? "?"}`))
      )
    )
    const report = yield* result
    yield* Fiber.join(display)
    return report.outcome
  })
)

console.log(await Effect.runPromise(program))
