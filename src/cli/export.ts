/** `memorygraph export`: the whole graph of a store into a document. */
import * as path from "node:path"
import * as Command from "@effect/cli/Command"
import * as Effect from "effect/Effect"
import { connect } from "../backend/registry.ts"
import { UsageError } from "../domain/Errors.ts"
import { once } from "./arguments.ts"
import {
  argument,
  choice,
  CYPHER_FLAVOURS,
  DOCUMENT_FORMATS,
  output,
  reportFile,
  sinceTime,
  storeFlags,
  text
} from "./options.ts"
import { formatOfName } from "../document/formats.ts"
import { runCommand } from "./run.ts"

const STANDARD_OUTPUT = "-"

export const exportCommand = Command.make(
  "export",
  {
    store: argument("FROM", "the source: a path, a URI or a kind (default: the store that MEMORY_BACKEND names)"),
    from: text("from", "STORE", "the same as FROM"),
    format: choice("format", DOCUMENT_FORMATS, "what to write (default: what the file's name says, else json)"),
    cypherFor: choice("cypher-for", CYPHER_FLAVOURS, "the engine that a Cypher script is for (default: neo4j)"),
    file: text(
      "output",
      "FILE",
      "where to: a file, of Markdown a folder or .tar; .gz compresses; an existing file is replaced only with --yes (default: - for standard output)"
    ),
    since: sinceTime,
    flags: storeFlags("from-"),
    report: reportFile,
    output
  },
  (options) => {
    const file = options.file ?? STANDARD_OUTPUT
    const outputIsData = file === STANDARD_OUTPUT
    return runCommand("export", { ...options, outputIsData }, (context) =>
      Effect.gen(function* () {
        if (outputIsData && options.output.json) {
          return yield* new UsageError({
            message:
              "The document and the report of --json would both go to standard output. Name a file with --output."
          })
        }
        if (options.report !== undefined && path.resolve(options.report) === path.resolve(file)) {
          return yield* new UsageError({
            message: "The document and its report would both be the same file. Give one of them another name."
          })
        }
        const format = options.format ?? formatOfName(file)
        if (options.cypherFor !== undefined && format !== "cypher") {
          return yield* new UsageError({
            message: "--cypher-for goes with --format cypher only. Leave one of them out."
          })
        }
        const word = yield* once(options.store, "--from", options.from)
        const source = yield* context.resolve({ role: "source", prefix: "from-", word, flags: options.flags })
        const { exportStore } = yield* Effect.promise(() => import("../migration/exportStore.ts"))
        return yield* exportStore(yield* connect(source), {
          stateFolder: context.stateFolder,
          recorder: context.recorder,
          format,
          since: options.since,
          cypherFor: options.cypherFor,
          output: outputIsData
            ? { writable: process.stdout }
            : { path: file, existing: options.output.yes ? "replace" : "refuse" }
        })
      })
    )
  }
).pipe(Command.withDescription("Write the whole graph of a store into a document"))
