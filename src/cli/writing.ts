/** From the flags of a writing command to the program's options. */
import * as Effect from "effect/Effect"
import { UsageError } from "../domain/Errors.ts"
import type { WriteOptions } from "../migration/migrate.ts"
import { confirmWrite } from "./confirm.ts"
import type { OutputOptions } from "./options.ts"
import type { CommandContext } from "./run.ts"

/** The values of the options `writing`. */
export interface WritingFlags {
  readonly dryRun: boolean
  readonly onConflict: "skip" | "overwrite" | "fail" | undefined
  readonly skipDuplicates: boolean
  readonly noVerify: boolean
  readonly onUnkeyed: "fail" | "add" | undefined
}

/** The program's options; flags that contradict each other are a usage error. */
export const writeOptions = (
  flags: WritingFlags,
  output: OutputOptions,
  context: CommandContext
): Effect.Effect<WriteOptions, UsageError> =>
  flags.skipDuplicates && flags.onConflict !== undefined && flags.onConflict !== "skip"
    ? new UsageError({
        message: `--skip-duplicates and --on-conflict ${flags.onConflict} contradict each other. Leave one of them out.`
      })
    : Effect.succeed({
        stateFolder: context.stateFolder,
        recorder: context.recorder,
        dryRun: flags.dryRun,
        onConflict: flags.onConflict ?? "skip",
        onUnkeyed: flags.onUnkeyed ?? "fail",
        verify: !flags.noVerify,
        confirm: confirmWrite(output)
      })
