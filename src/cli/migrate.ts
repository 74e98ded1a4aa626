/** `memorygraph migrate`: the whole graph of one store into another, verified before it is published. */
import * as Command from "@effect/cli/Command"
import * as Effect from "effect/Effect"
import { connect } from "../backend/registry.ts"
import { pair } from "./arguments.ts"
import { argument, output, storeFlags, text, writing } from "./options.ts"
import { runCommand } from "./run.ts"
import { writeOptions } from "./writing.ts"

export const migrate = Command.make(
  "migrate",
  {
    first: argument("FROM", "the source: a path, a URI or a kind (default: the store that MEMORY_BACKEND names)"),
    second: argument("TO", "the target, named in the same ways"),
    from: text("from", "STORE", "the same as FROM"),
    to: text("to", "STORE", "the same as TO"),
    source: storeFlags("from-"),
    target: storeFlags("to-"),
    writing,
    output
  },
  (options) =>
    runCommand("migrate", { output: options.output, dryRun: options.writing.dryRun }, (context) =>
      Effect.gen(function* () {
        const [from, to] = yield* pair(
          [options.first, options.second],
          { flag: "--from", value: options.from },
          { flag: "--to", value: options.to }
        )
        const source = yield* context.resolve({ role: "source", prefix: "from-", word: from, flags: options.source })
        const target = yield* context.resolve({
          role: "target",
          prefix: "to-",
          word: to,
          flags: options.target,
          mustBeNamed: true
        })
        const settings = yield* writeOptions(options.writing, options.output, context, { source, target })
        const program = yield* Effect.promise(() => import("../migration/migrate.ts"))
        return yield* program.migrate(yield* connect(source), yield* connect(target), settings)
      })
    )
).pipe(Command.withDescription("Move the whole graph of one store into another"))
