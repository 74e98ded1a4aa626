/** `memorygraph mcp`: the MCP server, for agents that look after stores. */
import * as path from "node:path"
import * as Command from "@effect/cli/Command"
import * as Effect from "effect/Effect"
import type { UsageError } from "../domain/Errors.ts"
import { EXIT } from "../migration/outcome.ts"
import { loadConfig } from "../settings/configFile.ts"
import { allowAny, mcpRoots, stateDir } from "../settings/effective.ts"
import { expandHome } from "../settings/environment.ts"
import { flag, output, texts } from "./options.ts"
import { noteWriting } from "./process.ts"
import { CommandEnded, logger, printError } from "./run.ts"

/** How a client is told of the server, for the help. */
export const CLIENT_CONFIGURATION: ReadonlyArray<string> = [
  "A client is told of it like this (docs/mcp.md says where):",
  ...JSON.stringify(
    { mcpServers: { memorygraph: { command: "memorygraph", args: ["mcp", "--root", "/path/to/exports"] } } },
    null,
    2
  )
    .split("\n")
    .map((line) => `  ${line}`)
]

interface Options {
  readonly root: ReadonlyArray<string>
  readonly allowAny: boolean
}

const serve = (options: Options): Effect.Effect<number, UsageError> =>
  Effect.gen(function* () {
    const { env } = process
    const config = yield* loadConfig(env)
    const server = yield* Effect.promise(() => import("../mcp/server.ts"))
    return yield* server.serve({
      env,
      config,
      stateFolder: stateDir(env, config).value,
      roots:
        options.root.length > 0 ? options.root.map((root) => path.resolve(expandHome(root))) : mcpRoots(config).value,
      allowAny: allowAny(options.allowAny, config).value,
      onWriting: noteWriting
    })
  })

export const mcp = Command.make(
  "mcp",
  {
    root: texts(
      "root",
      "FOLDER",
      "a folder whose files the tools may read and write; may be given several times (default: mcp.roots of the config file, else none)"
    ),
    allowAny: flag(
      "allow-any",
      "let the tools name any server, and stores by path under the roots, not only those of the config file and the environment"
    ),
    verbose: output.verbose
  },
  (options) =>
    serve(options).pipe(
      Effect.catchAll((error) =>
        Effect.sync((): number => {
          printError(error.message)
          return EXIT.usage
        })
      ),
      Effect.provide(logger(options.verbose)),
      Effect.flatMap((exitCode) => (exitCode === EXIT.done ? Effect.void : Effect.fail(new CommandEnded({ exitCode }))))
    )
).pipe(Command.withDescription("Serve agents over MCP, on standard input and output"))
