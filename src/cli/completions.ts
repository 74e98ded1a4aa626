/** `memorygraph completions`: the script that makes a shell complete commands, options, choices and names of stores. */
import * as Command from "@effect/cli/Command"
import * as Effect from "effect/Effect"
import { UsageError } from "../domain/Errors.ts"
import type { Documented } from "./help.ts"
import { argument, output } from "./options.ts"
import { type Listing, runListing } from "./run.ts"

/** What the scripts themselves ask for. */
const STORES = "stores"

/** The shells that there is a script for. */
const SHELLS = ["bash", "zsh", "fish", "sh"] as const

const lines = (found: ReadonlyArray<string>): Listing => ({ json: found, lines: found })

/** The command; `commands` are asked for when it runs, because it is one of them. */
export const makeCompletions = (commands: () => ReadonlyArray<Documented>) =>
  Command.make(
    "completions",
    { shell: argument("SHELL", `${SHELLS.join(", ")}, or stores: the names of the config file`), output },
    (options) =>
      runListing("completions", options, ({ settings }) =>
        Effect.gen(function* () {
          if (options.shell === STORES) return lines([...settings.stores.keys()])
          const shell = SHELLS.find((known) => known === options.shell)
          if (shell === undefined) {
            return yield* new UsageError({
              message: `Which shell is to complete? One of ${SHELLS.join(", ")}: source <(memorygraph completions bash).`
            })
          }
          const { script } = yield* Effect.promise(() => import("./shells.ts"))
          return lines(script(shell, commands()))
        })
      )
  ).pipe(Command.withDescription("Print the completion script of a shell"))
