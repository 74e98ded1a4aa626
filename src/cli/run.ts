/** What every command does around its program: report, progress, interruption, printing, exit code. */
import * as Cause from "effect/Cause"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
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
import { type Config, loadConfig, NO_CONFIG, type ProgressMode } from "../settings/configFile.ts"
import { progressMode, stateDir } from "../settings/effective.ts"
import type { OutputOptions } from "./options.ts"
import { noteWriting } from "./process.ts"
import * as progress from "./progress.ts"
import { errorLines, reportLines } from "./render.ts"
import type { ReportFile } from "./reportFile.ts"
import { type Naming, resolve } from "../settings/stores.ts"
import * as terminal from "./terminal.ts"

/** A command that ended with another exit code than 0; everything about it was printed. */
export class CommandEnded extends Data.TaggedError("CommandEnded")<{ readonly exitCode: number }> {}

/** What a command's program works with. */
export interface CommandContext {
  readonly recorder: Recorder
  readonly stateFolder: string
  /** What the config file says. */
  readonly settings: Config
  /** The config of a store as it was named; warnings go to standard error. */
  readonly resolve: (naming: Naming) => Effect.Effect<StoreConfig, UsageError>
}

/** How a command is run. */
export interface CommandOptions {
  readonly output: OutputOptions
  readonly dryRun?: boolean | undefined
  /** True where standard output carries a document: the report for people then goes to standard error. */
  readonly outputIsData?: boolean | undefined
  /** The file of `--report`. */
  readonly report?: string | undefined
}

/** Logs to standard error: warnings, and with `verbose` everything. */
export const logger = (verbose: boolean) =>
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
const watched = (sink: ProgressSink, recorder: Recorder): ProgressSink => ({
  emit: (event) => {
    if (!recorder.dryRun && event.phase === "plan" && event.state === "ended") noteWriting(recorder.run)
    sink.emit(event)
  }
})

/** Prints the sentence of an error. */
export const printError = (message: string): void => terminal.err(`${terminal.style("red", "error:")} ${message}`)

/** What a command prints that is no run's report: one document, and lines for people. */
export interface Listing {
  readonly json: unknown
  readonly lines: ReadonlyArray<string>
}

/** A command about to run, with everything that was found out about its settings. */
interface Begun {
  readonly context: CommandContext
  readonly mode: ProgressMode
  /** Fails where the settings are wrong, before anything is done. */
  readonly checked: Effect.Effect<void, UsageError>
}

const begin = (command: string, options: CommandOptions): Effect.Effect<Begun> =>
  Effect.gen(function* () {
    const { makeRunId, Recorder } = yield* Effect.promise(() => import("../migration/Run.ts"))
    const { env } = process
    const { progress: flag, quiet, yes } = options.output
    const found = yield* Effect.either(
      Effect.flatMap(loadConfig(env), (settings) =>
        Effect.map(progressMode(flag, env, settings), ({ value }) => ({ settings, mode: value }))
      )
    )
    const { mode, settings } = Either.getOrElse(found, () => ({ settings: NO_CONFIG, mode: "none" as const }))
    const context: CommandContext = {
      recorder: new Recorder({ run: makeRunId(new Date()), command, dryRun: options.dryRun }),
      stateFolder: stateDir(env, settings).value,
      settings,
      resolve: (naming) =>
        Effect.map(
          resolve(naming, { env, config: settings, allowUpgrade: yes, askPassword }),
          ({ config, warnings }) => {
            for (const warning of warnings) terminal.err(`warning: ${warning}`)
            return config
          }
        )
    }
    return { context, mode: quiet ? "none" : mode, checked: Effect.asVoid(found) }
  })

const perform = <A>(
  { checked, context, mode }: Begun,
  { verbose }: OutputOptions,
  program: (context: CommandContext) => Effect.Effect<A, MigrationError, Scope.Scope>
): Effect.Effect<Exit.Exit<A, MigrationError>> =>
  checked.pipe(
    Effect.zipRight(Effect.suspend(() => program(context))),
    Effect.scoped,
    Effect.provideService(Progress, watched(progress.make(mode), context.recorder)),
    Effect.provide(logger(verbose)),
    Effect.interruptible,
    Effect.exit,
    Effect.tap(() => Effect.sync(() => terminal.setLive("")))
  )

const printFailure = (report: RunReport, cause: Cause.Cause<unknown>, verbose: boolean): void => {
  const [message = "", ...details] = errorLines(report)
  printError(message)
  for (const line of details) terminal.err(line)
  if (verbose) terminal.err(Cause.pretty(cause, { renderErrorCause: true }))
  else if (report.exitCode === EXIT.defect) terminal.err(terminal.DEFECT)
}

const end = (exitCode: number): Effect.Effect<void, CommandEnded> =>
  exitCode === EXIT.done ? Effect.void : Effect.fail(new CommandEnded({ exitCode }))

/** What `--report` asks for. */
interface Reporting {
  /** Fails before the run begins where the report could not be written. */
  readonly prepare: Effect.Effect<void, MigrationError>
  readonly write: (report: RunReport) => Effect.Effect<void>
}

const reporting = ({ output, report: name }: CommandOptions, recorder: Recorder): Reporting => {
  if (name === undefined) return { prepare: Effect.void, write: () => Effect.void }
  let file: ReportFile | undefined
  const modules = Effect.promise(() => import("./reportFile.ts"))
  const mayReplace = output.yes
  return {
    prepare: Effect.gen(function* () {
      file = yield* (yield* modules).prepareReport(name, { mayReplace })
      recorder.wantsSketch = file.format === "html"
    }),
    write: (report) =>
      Effect.gen(function* () {
        if (file === undefined) return
        yield* (yield* modules).writeReport(file, report, { sketch: recorder.sketch, mayReplace })
        if (!output.quiet) terminal.err(`Report: ${file.path}`)
      }).pipe(
        // What the run did is done: it must not look failed for want of its report.
        Effect.catchAll((error) => Effect.sync(() => terminal.err(`warning: ${error.message}`)))
      )
  }
}

/**
 * Runs a command's program. The program can be interrupted; the report of what became of it is printed in any case, and
 * written where `--report` says.
 */
export const runCommand = (
  command: string,
  options: CommandOptions,
  program: (context: CommandContext) => Effect.Effect<RunReport, MigrationError, Scope.Scope>
): Effect.Effect<void, CommandEnded> =>
  Effect.gen(function* () {
    const { json, quiet, verbose } = options.output
    const begun = yield* begin(command, options)
    const { context } = begun
    const file = reporting(options, context.recorder)
    const ended = yield* perform(begun, options.output, (given) => Effect.zipRight(file.prepare, program(given)))
    const { finished } = context.recorder
    // A signal that comes after the publication changes nothing any more.
    const isLate = finished !== null && Exit.isFailure(ended) && Cause.isInterruptedOnly(ended.cause)
    if (isLate) terminal.err("The interruption came too late: the run had been published already.")
    const exit = isLate ? Exit.succeed(finished) : ended
    const report = Exit.isSuccess(exit) ? exit.value : failedReport(context.recorder, exit.cause)
    if (Exit.isFailure(exit)) printFailure(report, exit.cause, verbose)
    else {
      const print = options.outputIsData === true ? terminal.err : terminal.print
      if (!quiet && !json) for (const line of reportLines(report, { verbose })) print(line)
      if (report.error !== null) printError(report.error.message)
    }
    if (json) terminal.out(JSON.stringify(report))
    yield* file.write(report)
    yield* end(report.exitCode)
  })

/** Runs a command's program that only tells something. Where it fails, `--json` prints the report of the failure. */
export const runListing = (
  command: string,
  options: CommandOptions,
  program: (context: CommandContext) => Effect.Effect<Listing, MigrationError, Scope.Scope>
): Effect.Effect<void, CommandEnded> =>
  Effect.gen(function* () {
    const { json, quiet, verbose } = options.output
    const begun = yield* begin(command, options)
    const { context } = begun
    const exit = yield* perform(begun, options.output, program)
    if (Exit.isSuccess(exit)) {
      if (json) terminal.out(JSON.stringify(exit.value.json))
      else if (!quiet) for (const line of exit.value.lines) terminal.print(line)
      return
    }
    const report = failedReport(context.recorder, exit.cause)
    printFailure(report, exit.cause, verbose)
    if (json) terminal.out(JSON.stringify(report))
    yield* end(report.exitCode)
  })
