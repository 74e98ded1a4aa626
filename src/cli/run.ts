/** What every command does around its program: report, progress, interruption, printing, exit code. */
import * as Cause from "effect/Cause"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import type * as Scope from "effect/Scope"
import type { StoreConfig } from "../backend/StoreConfig.ts"
import type { MigrationError, UsageError } from "../domain/Errors.ts"
import { EXIT, failedReport } from "../migration/outcome.ts"
import { Progress, type ProgressSink } from "../migration/Progress.ts"
import type { RunReport } from "../migration/report.ts"
import type { Recorder } from "../migration/Run.ts"
import { askPassword } from "./confirm.ts"
import { stateFolder } from "./environment.ts"
import type { OutputOptions } from "./options.ts"
import { noteWriting } from "./process.ts"
import * as progress from "./progress.ts"
import { errorLines, reportLines } from "./render.ts"
import { type Naming, resolve } from "./stores.ts"
import * as terminal from "./terminal.ts"

/** A command that ended with another exit code than 0; everything about it was printed. */
export class CommandEnded extends Data.TaggedError("CommandEnded")<{ readonly exitCode: number }> {}

/** What a command's program works with. */
export interface CommandContext {
  readonly recorder: Recorder
  readonly stateFolder: string
  /** The config of a store as it was named; warnings go to standard error. */
  readonly resolve: (naming: Naming) => Effect.Effect<StoreConfig, UsageError>
}

/** How a command is run. */
export interface CommandOptions {
  readonly output: OutputOptions
  readonly dryRun?: boolean | undefined
  /** True where standard output carries a document: the report for people then goes to standard error. */
  readonly outputIsData?: boolean | undefined
}

const logger = (verbose: boolean) =>
  Layer.merge(
    Logger.replace(
      Logger.defaultLogger,
      Logger.make(({ cause, logLevel, message }) => {
        const text = (Array.isArray(message) ? message : [message]).map(String).join(" ")
        terminal.err(`${logLevel.label.toLowerCase()}: ${text}${Cause.isEmpty(cause) ? "" : ` ${Cause.pretty(cause)}`}`)
      })
    ),
    Logger.minimumLogLevel(verbose ? LogLevel.Debug : LogLevel.Warning)
  )

/** Tells the process when writing begins: with the plan's end, before the session is opened. */
const watched = (sink: ProgressSink): ProgressSink => ({
  emit: (event) => {
    if (event.phase === "plan" && event.state === "ended") noteWriting()
    sink.emit(event)
  }
})

/** Prints the sentence of an error. */
export const printError = (message: string): void => terminal.err(`${terminal.style("red", "error:")} ${message}`)

/**
 * Runs a command's program. The program can be interrupted; the report of what became of it is printed in any case.
 */
export const runCommand = (
  command: string,
  options: CommandOptions,
  program: (context: CommandContext) => Effect.Effect<RunReport, MigrationError, Scope.Scope>
): Effect.Effect<void, CommandEnded> =>
  Effect.gen(function* () {
    const { json, progress: mode, quiet, verbose, yes } = options.output
    const { makeRunId, Recorder } = yield* Effect.promise(() => import("../migration/Run.ts"))
    const recorder = new Recorder({ run: makeRunId(new Date()), command, dryRun: options.dryRun })
    const context: CommandContext = {
      recorder,
      stateFolder: stateFolder(process.env),
      resolve: (naming) =>
        Effect.map(resolve(naming, { env: process.env, allowUpgrade: yes, askPassword }), ({ config, warnings }) => {
          for (const warning of warnings) terminal.err(`warning: ${warning}`)
          return config
        })
    }
    const exit = yield* program(context).pipe(
      Effect.scoped,
      Effect.provideService(Progress, watched(progress.make(quiet ? "none" : (mode ?? "auto")))),
      Effect.provide(logger(verbose)),
      Effect.interruptible,
      Effect.exit
    )
    terminal.setLive("")
    const report = Exit.isSuccess(exit) ? exit.value : failedReport(recorder, exit.cause)
    if (Exit.isFailure(exit)) {
      const [message = "", ...details] = errorLines(report)
      printError(message)
      for (const line of details) terminal.err(line)
      if (verbose || report.exitCode === EXIT.defect) terminal.err(Cause.pretty(exit.cause, { renderErrorCause: true }))
    } else if (!quiet && !json) {
      const print = options.outputIsData === true ? terminal.err : terminal.out
      for (const line of reportLines(report, { verbose })) print(line)
    }
    if (json) terminal.out(JSON.stringify(report))
    if (report.exitCode !== EXIT.done) return yield* new CommandEnded({ exitCode: report.exitCode })
  })
