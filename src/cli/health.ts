/** `memorygraph health`: what a store is, whether it can be used, and what it holds. */
import * as fs from "node:fs"
import * as Command from "@effect/cli/Command"
import * as Effect from "effect/Effect"
import { connect } from "../backend/registry.ts"
import type { StoreConfig } from "../backend/StoreConfig.ts"
import { StoreUnavailable } from "../domain/Errors.ts"
import { once } from "./arguments.ts"
import { argument, output, storeFlags, text } from "./options.ts"
import { runCommand } from "./run.ts"
import * as terminal from "./terminal.ts"

/** A file that is not there is an empty store to a target, but nothing to look at. */
export const mustExist = (config: StoreConfig): Effect.Effect<void, StoreUnavailable> =>
  "path" in config && !fs.existsSync(config.path)
    ? new StoreUnavailable({
        backend: config.kind,
        location: config.path,
        reason: "not-found",
        message: `${config.path} does not exist. Check the path; "memorygraph migrate" and "import" make a new store.`
      })
    : Effect.void

export const health = Command.make(
  "health",
  {
    store: argument("STORE", "a path, a URI or a kind; without it MEMORY_BACKEND"),
    backend: text("backend", "STORE", "the same as the argument"),
    flags: storeFlags(""),
    output
  },
  (options) =>
    runCommand("health", options, (context) =>
      Effect.gen(function* () {
        const word = yield* once(options.store, "--backend", options.backend)
        const config = yield* context.resolve({ role: "store", prefix: "", word, flags: options.flags })
        yield* mustExist(config)
        const store = yield* connect(config)
        const { examine } = yield* Effect.promise(() => import("../migration/preflight.ts"))
        const { health: found, stats } = yield* examine(store)
        context.recorder.source = stats
        if (!options.output.quiet) {
          if (!found.writable) terminal.err("warning: it can be read, but not written.")
          for (const note of found.notes) terminal.err(`note: ${note}`)
        }
        return context.recorder.report({ outcome: "done", exitCode: 0, error: null })
      })
    )
).pipe(Command.withDescription("Look at a store: what it is, whether it can be used, what it holds"))
