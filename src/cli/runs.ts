/** `memorygraph runs`: what became of earlier runs; going on with one, taking one back, forgetting one. */
import * as fs from "node:fs"
import * as path from "node:path"
import * as Command from "@effect/cli/Command"
import * as Effect from "effect/Effect"
import * as Scope from "effect/Scope"
import type { GraphBackend } from "../backend/GraphBackend.ts"
import { connect } from "../backend/registry.ts"
import { type MigrationError, UsageError } from "../domain/Errors.ts"
import type { StoreName } from "../migration/manifest.ts"
import type { DocumentSource } from "../migration/origin.ts"
import type { RunReport } from "../migration/report.ts"
import type { KnownRun } from "../migration/runs.ts"
import { confirmRollback, confirmWrite } from "./confirm.ts"
import { argument, flag, output, type OutputOptions, reportFile, text } from "./options.ts"
import { noteWriting } from "./process.ts"
import { reportLines, runLines, runsTable } from "./render.ts"
import { type CommandContext, type Listing, runCommand, runListing } from "./run.ts"
import { namingOf } from "../settings/storeName.ts"

const ACTIONS = ["list", "show", "resume", "rollback", "prune"] as const
type Action = (typeof ACTIONS)[number]

const isAction = (word: string): word is Action => ACTIONS.some((action) => action === word)

interface Options {
  readonly id: string | undefined
  readonly all: boolean
  readonly passwordFile: string | undefined
  readonly fromPasswordFile: string | undefined
  readonly output: OutputOptions
}

const modules = Effect.promise(() => import("../migration/runs.ts"))

const needId = (action: Action, id: string | undefined): Effect.Effect<string, UsageError> =>
  id === undefined
    ? new UsageError({
        message: `Which run is to be ${action === "show" ? "shown" : `given to ${action}`}? Give its id; "memorygraph runs" lists them.`
      })
    : Effect.succeed(id)

const list = (stateFolder: string): Effect.Effect<Listing, MigrationError> =>
  Effect.gen(function* () {
    const runs = yield* (yield* modules).list(stateFolder)
    return {
      json: { runs: runs.runs.map(({ summary }) => summary), unreadable: runs.unreadable },
      lines: [
        ...runsTable(runs.runs.map(({ summary }) => summary)),
        ...runs.unreadable.map(({ run, why }) => `${run}: ${why}`)
      ]
    }
  })

const show = (stateFolder: string, id: string, verbose: boolean): Effect.Effect<Listing, MigrationError> =>
  Effect.gen(function* () {
    const { find } = yield* modules
    const { decodeReport } = yield* Effect.promise(() => import("../migration/report.ts"))
    const { folderOf } = yield* Effect.promise(() => import("../migration/RunFolder.ts"))
    const { summary } = yield* find(stateFolder, id)
    const file = path.join(folderOf(stateFolder, summary.run), "report.json")
    const report = fs.existsSync(file) ? decodeReport(fs.readFileSync(file, "utf8")) : undefined
    const lines = [...runLines(summary), ...(report === undefined ? [] : ["", ...reportLines(report, { verbose })])]
    return { json: { ...summary, report: report ?? null }, lines }
  })

const prune = (stateFolder: string, { all, id }: Options): Effect.Effect<Listing, MigrationError> =>
  Effect.gen(function* () {
    const runs = yield* modules
    if (all === (id !== undefined)) {
      return yield* new UsageError({
        message: "Give the id of the run to delete, or --all for all that are done with."
      })
    }
    const chosen =
      id === undefined
        ? (yield* runs.list(stateFolder)).runs.filter(
            ({ summary }) => !["running", "unfinished"].includes(summary.status)
          )
        : [yield* runs.find(stateFolder, id)]
    const pruned: Array<string> = []
    for (const known of chosen) {
      yield* runs.prune(stateFolder, known)
      pruned.push(known.summary.run)
    }
    return {
      json: { pruned },
      lines: [pruned.length === 0 ? "Nothing to delete." : `Deleted ${pruned.join(", ")}.`]
    }
  })

const storeOf = (
  context: CommandContext,
  role: "source" | "target",
  known: KnownRun,
  name: StoreName | undefined,
  passwordFile: string | undefined
): Effect.Effect<GraphBackend, MigrationError, Scope.Scope> =>
  Effect.gen(function* () {
    if (name === undefined) {
      return yield* new UsageError({
        message: `Run ${known.summary.run} was begun by a program that did not say how its ${role} is reached. Resume it or roll it back from that program.`
      })
    }
    const { settings: config } = context
    const naming = namingOf(role, role === "source" ? "from-" : "", name, { passwordFile, config })
    return yield* connect(yield* context.resolve(naming))
  })

const sourceOf = (
  context: CommandContext,
  known: KnownRun,
  options: Options
): Effect.Effect<GraphBackend | DocumentSource, MigrationError, Scope.Scope> =>
  Effect.gen(function* () {
    const { source } = known.manifest
    if (source.backend !== "document")
      return yield* storeOf(context, "source", known, source.store, options.fromPasswordFile)
    if (source.location === "standard input") {
      return yield* new UsageError({
        message: `Run ${known.summary.run} was reading standard input, which cannot be read again; nothing of it is in ${known.summary.target}. Import the document again.`
      })
    }
    const { openDocument } = yield* Effect.promise(() => import("../document/read.ts"))
    return yield* openDocument(source.location, "auto")
  })

const goOn = (
  action: "resume" | "rollback",
  id: string,
  context: CommandContext,
  options: Options
): Effect.Effect<RunReport, MigrationError, Scope.Scope> =>
  Effect.gen(function* () {
    const { recorder, stateFolder } = context
    const known = yield* (yield* modules).find(stateFolder, id)
    recorder.run = known.summary.run
    const target = yield* storeOf(context, "target", known, known.manifest.target.store, options.passwordFile)
    const scope = yield* Effect.scope
    const settings = { stateFolder, run: known.summary.run, recorder }
    if (action === "resume") {
      const { resume } = yield* Effect.promise(() => import("../migration/resume.ts"))
      noteWriting(known.summary.run)
      const source = Effect.provideService(sourceOf(context, known, options), Scope.Scope, scope)
      return yield* resume(target, { ...settings, source, confirm: confirmWrite(options.output) })
    }
    const { rollback } = yield* Effect.promise(() => import("../migration/rollback.ts"))
    if (known.summary.status === "published") yield* confirmRollback(options.output, known.summary)
    noteWriting(known.summary.run)
    return yield* rollback(target, settings)
  })

export const runs = Command.make(
  "runs",
  {
    action: argument("ACTION", `${ACTIONS.join(", ")} (default: list)`),
    id: argument("ID", "the run's id, or as much of its beginning as tells it from the others"),
    all: flag("all", "prune: delete every run that is done with"),
    passwordFile: text("password-file", "FILE", "file that holds the password of the target and nothing else"),
    fromPasswordFile: text(
      "from-password-file",
      "FILE",
      "the same for the source, which a run that begins anew reads again"
    ),
    report: reportFile,
    output
  },
  (options) =>
    Effect.suspend(() => {
      const { action = "list", id } = options
      if (action === "resume" || action === "rollback") {
        return runCommand(action, options, (context) =>
          Effect.flatMap(needId(action, id), (run) => goOn(action, run, context, options))
        )
      }
      return runListing("runs", options, (context) =>
        Effect.gen(function* () {
          if (options.report !== undefined) {
            return yield* new UsageError({ message: `--report has no meaning for "runs ${action}". Leave it out.` })
          }
          if (!isAction(action)) {
            return yield* new UsageError({ message: `runs has no action "${action}"; it has ${ACTIONS.join(", ")}.` })
          }
          switch (action) {
            case "show":
              return yield* show(context.stateFolder, yield* needId(action, id), options.output.verbose)
            case "prune":
              return yield* prune(context.stateFolder, options)
            default:
              return yield* list(context.stateFolder)
          }
        })
      )
    })
).pipe(Command.withDescription("List earlier runs; resume one, roll one back, delete one"))
