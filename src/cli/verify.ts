/** `memorygraph verify`: are two graphs the same, record by record, wherever they are? */
import * as Command from "@effect/cli/Command"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { connect } from "../backend/registry.ts"
import type { ReadOptions } from "../document/read.ts"
import type { MigrationError } from "../domain/Errors.ts"
import type { Side } from "../migration/compareGraphs.ts"
import { pair } from "./arguments.ts"
import { expandHome } from "../settings/environment.ts"
import { argument, integer, output, reading, reportFile, storeFlags, text } from "./options.ts"
import { type CommandContext, runCommand } from "./run.ts"
import type { Naming } from "../settings/stores.ts"
import { isDocument } from "../settings/storePlace.ts"

/** One side: a document where the word is the path of one, a store otherwise. */
const side = (
  naming: Naming,
  context: CommandContext,
  how: ReadOptions
): Effect.Effect<Side, MigrationError, Scope.Scope> =>
  Effect.gen(function* () {
    const { word } = naming
    const { documentSide, storeSide } = yield* Effect.promise(() => import("../migration/compareGraphs.ts"))
    if (word !== undefined && isDocument(word, context.settings)) {
      const { openDocument } = yield* Effect.promise(() => import("../document/read.ts"))
      return documentSide(yield* openDocument(expandHome(word), "auto", how))
    }
    return yield* storeSide(yield* connect(yield* context.resolve(naming)))
  })

export const verify = Command.make(
  "verify",
  {
    first: argument("A", "a store or a document (default: the store that MEMORY_BACKEND names)"),
    second: argument("B", "another store or document"),
    from: text("from", "STORE", "the same as A"),
    to: text("to", "STORE", "the same as B"),
    limit: integer(
      "limit",
      { min: 0, max: 1_000_000 },
      "how many differences are named; all are counted (default: 100)"
    ),
    reading,
    source: storeFlags("from-"),
    target: storeFlags("to-"),
    report: reportFile,
    output
  },
  (options) =>
    runCommand("verify", options, (context) =>
      Effect.gen(function* () {
        const [from, to] = yield* pair(
          [options.first, options.second],
          { flag: "--from", value: options.from },
          { flag: "--to", value: options.to }
        )
        const a = yield* side(
          { role: "source", prefix: "from-", word: from, flags: options.source },
          context,
          options.reading
        )
        const b = yield* side(
          { role: "target", prefix: "to-", word: to, flags: options.target, mustBeNamed: true },
          context,
          options.reading
        )
        const { compareGraphs } = yield* Effect.promise(() => import("../migration/compareGraphs.ts"))
        return yield* compareGraphs(a, b, { limit: options.limit, recorder: context.recorder })
      })
    )
).pipe(Command.withDescription("Compare two stores or documents record by record"))
