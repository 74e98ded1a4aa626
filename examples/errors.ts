/** Errors by their tag: each says what is now true of the target, and a closed `reason` says why. */
import * as Effect from "effect/Effect"
import { connect, exitCodeOf, migrate, type StoreConfig } from "memorygraph-migrate"

const move = (from: StoreConfig, to: StoreConfig) =>
  Effect.scoped(
    Effect.gen(function* () {
      const report = yield* migrate(yield* connect(from), yield* connect(to), { stateFolder: "state" })
      return `moved ${report.records.written} records`
    })
  ).pipe(
    Effect.catchTags({
      // Nothing was written.
      StoreUnavailable: ({ location, reason }) => Effect.succeed(`${location} cannot be used: ${reason}`),
      Refused: ({ reason }) => Effect.succeed(`refused before the first write: ${reason}`),
      // Something was, and is undone.
      VerificationFailed: ({ total }) => Effect.succeed(`${total} records differ; the target is as it was`),
      // Somebody has to look at this one: it lists what had to stay.
      UndoIncomplete: ({ left }) => Effect.succeed(`left behind: ${left.map(({ what }) => what).join(", ")}`)
    }),
    // The others all the same way, with the exit code that the command would give them.
    Effect.catchAll((error) => Effect.succeed(`${error._tag} (exit ${exitCodeOf(error)}): ${error.message}`))
  )

console.log(await Effect.runPromise(move({ kind: "sqlite", path: "no-such.db" }, { kind: "sqlite", path: "a.db" })))
console.log(
  await Effect.runPromise(move({ kind: "sqlite", path: "memories.db" }, { kind: "sqlite", path: "memories.db" }))
)
console.log(await Effect.runPromise(move({ kind: "sqlite", path: "memories.db" }, { kind: "sqlite", path: "b.db" })))
