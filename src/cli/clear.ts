/** `memorygraph clear`: removes everything from a store, once its name was typed; undone if it fails, rolled back on demand. */
import * as Command from "@effect/cli/Command"
import * as Effect from "effect/Effect"
import { connect } from "../backend/registry.ts"
import { UsageError } from "../domain/Errors.ts"
import { isKind } from "../settings/fileKind.ts"
import { once } from "./arguments.ts"
import { confirmClear, mustBeNamed } from "./confirm.ts"
import { mustExist } from "./health.ts"
import { argument, flag, output, reportFile, storeFlags, text } from "./options.ts"
import { runCommand } from "./run.ts"

const CONFIGURED = /^[\w-]+$/

/** What a person types: the name in the config file, or the last part of where the store is. */
export const nameOf = (word: string | undefined, location: string): string =>
  word !== undefined && CONFIGURED.test(word) && !isKind(word)
    ? word
    : (location
        .split(/[\\/]/)
        .filter((part) => part !== "")
        .at(-1) ?? location)

/** `--backup` or `--no-backup`; undefined where neither was given. */
const backupOf = (options: { readonly backup: boolean; readonly noBackup: boolean }) =>
  options.backup && options.noBackup
    ? new UsageError({ message: "--backup and --no-backup contradict each other. Leave one of them out." })
    : Effect.succeed(options.backup ? true : options.noBackup ? false : undefined)

export const clear = Command.make(
  "clear",
  {
    store: argument("STORE", "a path, a URI or a kind; without it the store that MEMORY_BACKEND names"),
    backend: text("backend", "STORE", "the same as the argument"),
    confirm: text("confirm", "NAME", "the name of the store, as it would be typed; needed where nobody can be asked"),
    dryRun: flag("dry-run", "show what would go; leave everything as it is"),
    backup: flag("backup", "make a backup first, without asking"),
    noBackup: flag("no-backup", "make none, without asking"),
    flags: storeFlags(""),
    report: reportFile,
    output
  },
  (options) =>
    runCommand("clear", options, (context) =>
      Effect.gen(function* () {
        const { recorder, stateFolder } = context
        const backup = yield* backupOf(options)
        const word = yield* once(options.store, "--backend", options.backend)
        const config = yield* context.resolve({
          role: "target",
          prefix: "",
          word,
          flags: options.flags,
          mustBeNamed: true
        })
        yield* mustExist(config)
        const target = yield* connect(config)
        const name = nameOf(word, target.location)
        if (options.confirm !== undefined) yield* mustBeNamed(name, options.confirm, target.location)
        const { storeName } = yield* Effect.promise(() => import("../migration/manifest.ts"))
        const { backUpFirst } = yield* Effect.promise(() => import("../migration/backup.ts"))
        const program = yield* Effect.promise(() => import("../migration/clear.ts"))
        const store = storeName(config)
        let isBackedUp = backup === true
        return yield* program.clear(target, {
          stateFolder,
          recorder,
          dryRun: options.dryRun,
          names: { source: store, target: store },
          confirm: (question) =>
            Effect.map(confirmClear(name, { confirm: options.confirm, backup }, question), (wanted) => {
              isBackedUp = wanted
              return true
            }),
          beforeWrite: (to) => (isBackedUp ? backUpFirst({ stateFolder, recorder, store })(to) : Effect.void)
        })
      })
    )
).pipe(Command.withDescription("Remove everything from a store, once its name was typed"))
