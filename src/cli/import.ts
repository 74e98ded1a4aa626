/** `memorygraph import`: the graph of a document into a store, verified before it is published. */
import * as nodePath from "node:path"
import * as Command from "@effect/cli/Command"
import * as Effect from "effect/Effect"
import { connect } from "../backend/registry.ts"
import { UsageError } from "../domain/Errors.ts"
import { pair } from "./arguments.ts"
import { argument, choice, output, READ_FORMATS, reading, reportFile, storeFlags, text, writing } from "./options.ts"
import { runCommand } from "./run.ts"
import { STANDARD_INPUT, spooledInput } from "./standardInput.ts"
import { writeOptions } from "./writing.ts"

export const importCommand = Command.make(
  "import",
  {
    first: argument("FILE", "the document; - for standard input"),
    second: argument("TO", "the target: a path, a URI or a kind (default: the store that MEMORY_BACKEND names)"),
    input: text("input", "FILE", "the same as FILE"),
    to: text("to", "STORE", "the same as TO"),
    format: choice(
      "format",
      ["auto" as const, ...READ_FORMATS],
      "what the document is (default: auto, by its content)"
    ),
    reading,
    flags: storeFlags("to-"),
    writing,
    report: reportFile,
    output
  },
  (options) =>
    runCommand("import", { ...options, dryRun: options.writing.dryRun }, (context) =>
      Effect.gen(function* () {
        const [file, to] = yield* pair(
          [options.first, options.second],
          { flag: "--input", value: options.input },
          { flag: "--to", value: options.to }
        )
        if (file === undefined)
          return yield* new UsageError({ message: "No document is named: give it as an argument or by --input." })
        const target = yield* context.resolve({ role: "target", prefix: "to-", word: to, flags: options.flags })
        const settings = yield* writeOptions(options.writing, options.output, context, { target })
        const { openDocument } = yield* Effect.promise(() => import("../document/read.ts"))
        const { importRecords } = yield* Effect.promise(() => import("../migration/migrate.ts"))
        const path = file === STANDARD_INPUT ? yield* spooledInput : file
        const document = yield* openDocument(path, options.format ?? "auto", options.reading)
        return yield* importRecords(
          { ...document, path: file === STANDARD_INPUT ? "standard input" : nodePath.resolve(file) },
          yield* connect(target),
          settings
        )
      })
    )
).pipe(Command.withDescription("Bring the graph of a document into a store"))
