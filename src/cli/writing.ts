/** From the flags of a writing command to the program's options. */
import * as Effect from "effect/Effect"
import { UsageError } from "../domain/Errors.ts"
import type { StoreConfig } from "../backend/StoreConfig.ts"
import type { WriteOptions } from "../migration/migrate.ts"
import * as settings from "../settings/effective.ts"
import { confirmWrite } from "./confirm.ts"
import type { OutputOptions } from "./options.ts"
import type { CommandContext } from "./run.ts"

/** The values of the options `writing`. */
export interface WritingFlags {
  readonly dryRun: boolean
  readonly backup: boolean
  readonly onConflict: "skip" | "overwrite" | "fail" | undefined
  readonly skipDuplicates: boolean
  readonly noVerify: boolean
  readonly onError: "stop" | "reject" | undefined
  readonly onUnkeyed: "fail" | "add" | undefined
}

/** The configs of a run's stores; a document has none. */
export interface NamedStores {
  readonly source?: StoreConfig
  readonly target: StoreConfig
}

/** The program's options; flags that contradict each other are a usage error. */
export const writeOptions = (
  flags: WritingFlags,
  output: OutputOptions,
  context: CommandContext,
  stores: NamedStores
): Effect.Effect<WriteOptions, UsageError> =>
  Effect.gen(function* () {
    if (flags.skipDuplicates && flags.onConflict !== undefined && flags.onConflict !== "skip") {
      return yield* new UsageError({
        message: `--skip-duplicates and --on-conflict ${flags.onConflict} contradict each other. Leave one of them out.`
      })
    }
    const { storeName } = yield* Effect.promise(() => import("../migration/manifest.ts"))
    const { recorder, stateFolder } = context
    const target = storeName(stores.target)
    const onConflict = flags.skipDuplicates
      ? "skip"
      : (yield* settings.onConflict(flags.onConflict, process.env, context.settings)).value
    return {
      stateFolder,
      recorder,
      dryRun: flags.dryRun,
      onConflict,
      onError: flags.onError ?? "stop",
      onUnkeyed: flags.onUnkeyed ?? "fail",
      names: { source: stores.source === undefined ? undefined : storeName(stores.source), target },
      verify: !flags.noVerify,
      confirm: confirmWrite(output),
      beforeWrite: flags.backup
        ? (yield* Effect.promise(() => import("../migration/backup.ts"))).backUpFirst({
            stateFolder,
            recorder,
            store: target
          })
        : undefined
    }
  })
