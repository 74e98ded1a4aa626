/** `memorygraph migrate`: the whole graph of one store into another, verified before it is published. */
import * as Command from "@effect/cli/Command"
import * as Effect from "effect/Effect"
import { connect } from "../backend/registry.ts"
import { pair } from "./arguments.ts"
import { argument, output, reportFile, sinceTime, storeFlags, text, writing } from "./options.ts"
import { apply, planOut } from "./planned.ts"
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
    since: sinceTime,
    planOut: text("plan-out", "FILE", "write the plan into a file, for --apply, and nothing into the target"),
    apply: text("apply", "FILE", "carry out the plan of that file, without a question, if nothing has changed since"),
    writing,
    report: reportFile,
    output
  },
  (options) => {
    const { output: shared, planOut: out, writing: flags } = options
    const dryRun = flags.dryRun || out !== undefined
    return runCommand("migrate", { ...options, dryRun }, (context) =>
      Effect.gen(function* () {
        const [from, to] = yield* pair(
          [options.first, options.second],
          { flag: "--from", value: options.from },
          { flag: "--to", value: options.to }
        )
        const named = {
          source: { role: "source", prefix: "from-", word: from, flags: options.source },
          target: { role: "target", prefix: "to-", word: to, flags: options.target, mustBeNamed: true }
        } as const
        if (options.apply !== undefined) {
          return yield* apply(
            options.apply,
            { ...named, planOut: out, since: options.since, writing: flags },
            shared,
            context
          )
        }
        const source = yield* context.resolve(named.source)
        const target = yield* context.resolve(named.target)
        const written = yield* writeOptions(flags, shared, context, { source, target })
        const settings = { ...written, since: options.since }
        if (out !== undefined) return yield* planOut(out, { source, target }, settings, shared, context)
        const program = yield* Effect.promise(() => import("../migration/migrate.ts"))
        return yield* program.migrate(yield* connect(source), yield* connect(target), settings)
      })
    )
  }
).pipe(Command.withDescription("Move the whole graph of one store into another"))
