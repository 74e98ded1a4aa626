import * as Effect from "effect/Effect"
import { FalkorDBLiteBackend, migrate, SqliteBackend } from "memorygraph-migrate"

const program = Effect.scoped(
  Effect.gen(function* () {
    const source = yield* SqliteBackend.make({ path: "memories.db" })
    const target = yield* FalkorDBLiteBackend.make({ path: "graph.fdb" })
    const report = yield* migrate(source, target, { stateFolder: "state" })
    return report.verification?.targetFingerprint
  })
)

console.log(await Effect.runPromise(program))
