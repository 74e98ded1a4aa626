/** A run whose signs of life count only for a short time: `node pausedOwner.ts DOCUMENT CONFIG STATE LEASE`. */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { connect } from "../../src/backend/registry.ts"
import type { StoreConfig } from "../../src/backend/StoreConfig.ts"
import { openDocument } from "../../src/document/read.ts"
import { importRecords } from "../../src/migration/migrate.ts"
import { Progress } from "../../src/migration/Progress.ts"
import { storeName } from "../../src/migration/manifest.ts"

const [file = "", config = "", stateFolder = "", lease = ""] = process.argv.slice(2)
const store: StoreConfig = JSON.parse(config)

const program = Effect.scoped(
  Effect.gen(function* () {
    const document = yield* openDocument(file, "auto")
    const target = yield* connect(store)
    return yield* importRecords(document, target, {
      stateFolder,
      onConflict: "overwrite",
      lease: Number(lease),
      names: { target: storeName(store) }
    })
  })
).pipe(
  Effect.provideService(Progress, {
    emit: ({ done, phase, state }) => process.stdout.write(`${phase} ${state} ${done}\n`)
  })
)

const exit = await Effect.runPromiseExit(program)
process.stdout.write(Exit.isSuccess(exit) ? `ended ${exit.value.outcome}\n` : `failed ${String(exit.cause)}\n`)
process.exitCode = Exit.isSuccess(exit) ? 0 : 5
