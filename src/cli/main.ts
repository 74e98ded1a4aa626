/** The command line: the commands, how they are found and how a wrong call is answered. */
import { stripVTControlCharacters } from "node:util"
import * as CliConfig from "@effect/cli/CliConfig"
import * as Command from "@effect/cli/Command"
import * as HelpDoc from "@effect/cli/HelpDoc"
import * as ValidationError from "@effect/cli/ValidationError"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as NodePath from "@effect/platform-node/NodePath"
import * as NodeTerminal from "@effect/platform-node/NodeTerminal"
import * as Cause from "effect/Cause"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { UsageError } from "../domain/Errors.ts"
import { EXIT, failedReport } from "../migration/outcome.ts"
import { VERSION } from "../version.ts"
import { backup } from "./backup.ts"
import { clear } from "./clear.ts"
import { makeCompletions } from "./completions.ts"
import { config } from "./config.ts"
import { exportCommand } from "./export.ts"
import { health } from "./health.ts"
import { commandHelp, type Documented, programHelp } from "./help.ts"
import { importCommand } from "./import.ts"
import { inspect } from "./inspect.ts"
import { CLIENT_CONFIGURATION, mcp } from "./mcp.ts"
import { migrate } from "./migrate.ts"
import { protectDashes } from "./options.ts"
import { runMain } from "./process.ts"
import { runs } from "./runs.ts"
import { helpHint } from "./render.ts"
import { printError } from "./run.ts"
import * as terminal from "./terminal.ts"
import { verify } from "./verify.ts"

const NAME = "memorygraph"

const completions = makeCompletions(() => COMMANDS)

/** The commands in the order of the help. */
export const COMMANDS: ReadonlyArray<Documented> = [
  {
    name: "migrate",
    usage: "[FROM] [TO]",
    descriptor: migrate.descriptor,
    examples: [
      "migrate ./memory.db falkordblite:./graph.fdb",
      "migrate ./memory.db neo4j://localhost:7687 --dry-run",
      "migrate ./memory.db ./graph.fdb --plan-out plan.json",
      "migrate --apply plan.json",
      "migrate --from sqlite --from-path ./memory.db --to falkordb --to-host db.example.org"
    ]
  },
  {
    name: "verify",
    usage: "A B",
    descriptor: verify.descriptor,
    examples: ["verify ./memory.db ./graph.fdb", "verify ./memory.db memories.json --json"]
  },
  {
    name: "export",
    usage: "[FROM]",
    descriptor: exportCommand.descriptor,
    examples: ["export ./memory.db --output memories.json", "export --from neo4j --format jsonl > graph.jsonl"]
  },
  {
    name: "import",
    usage: "FILE [TO]",
    descriptor: importCommand.descriptor,
    examples: [
      "import memories.json ./copy.db",
      "import --input memories.json --to falkordb --to-host db.example.org --dry-run"
    ]
  },
  {
    name: "health",
    usage: "[STORE]",
    descriptor: health.descriptor,
    examples: ["health", "health ./memory.db", "health --backend neo4j --json"]
  },
  {
    name: "inspect",
    usage: "[STORE|DOCUMENT]",
    descriptor: inspect.descriptor,
    examples: ["inspect ./memory.db", "inspect memories.json --json"]
  },
  {
    name: "clear",
    usage: "[STORE]",
    descriptor: clear.descriptor,
    examples: ["clear ./memory.db --dry-run", "clear ./memory.db --backup --confirm memory.db"]
  },
  {
    name: "backup",
    usage: "[ACTION] [ID|STORE] [TO]",
    descriptor: backup.descriptor,
    examples: [
      "backup create ./memory.db",
      "backup list",
      "backup verify 20261122T101500-3fa9c1 --restore-drill",
      "backup restore 20261122T101500-3fa9c1 ./restored.db",
      "backup restore 20261122T101500-3fa9c1 ./memory.db --replace",
      "backup prune --keep 7"
    ]
  },
  {
    name: "runs",
    usage: "[ACTION] [ID]",
    descriptor: runs.descriptor,
    examples: [
      "runs",
      "runs show 20261122",
      "runs resume 20261122T101500-3fa9c1",
      "runs rollback 20261122T101500-3fa9c1"
    ]
  },
  {
    name: "config",
    usage: "",
    descriptor: config.descriptor,
    examples: ["config", "config --json"]
  },
  {
    name: "mcp",
    usage: "",
    descriptor: mcp.descriptor,
    examples: ["mcp --root ~/exports", "mcp --root ~/exports --root ~/stores --allow-any"],
    notes: CLIENT_CONFIGURATION
  },
  {
    name: "completions",
    usage: "SHELL",
    descriptor: completions.descriptor,
    examples: ["completions bash", "completions zsh", "completions fish"]
  }
]

const root = Command.make(NAME).pipe(
  Command.withSubcommands([
    migrate,
    verify,
    exportCommand,
    importCommand,
    health,
    inspect,
    clear,
    backup,
    runs,
    config,
    mcp,
    completions
  ])
)

const helpColumns = (): number => Math.min(120, process.stdout.columns ?? 100)

/** Tells what is wrong with a call, once; with `--json` as a report too. */
const wrongCall = (argv: ReadonlyArray<string>, message: string, command = ""): Effect.Effect<number> =>
  Effect.gen(function* () {
    const error = new UsageError({ message })
    printError(error.message)
    terminal.err(helpHint(command))
    if (argv.includes("--json")) {
      const { makeRunId, Recorder } = yield* Effect.promise(() => import("../migration/Run.ts"))
      const recorder = new Recorder({ run: makeRunId(new Date()), command })
      terminal.out(JSON.stringify(failedReport(recorder, Cause.fail(error))))
    }
    return EXIT.usage
  })

const print = (lines: ReadonlyArray<string>): Effect.Effect<number> =>
  Effect.sync(() => {
    for (const line of lines) terminal.print(line)
    return EXIT.done
  })

/** The command that is one or two letters away, if any. */
const similar = (word: string): string | undefined =>
  COMMANDS.map(({ name }) => name).find((name) => distance(word.toLowerCase(), name) <= 2)

const distance = (a: string, b: string): number => {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      next.push(
        Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1))
      )
    }
    row = next
  }
  return row[b.length] ?? 0
}

const textOf = (doc: HelpDoc.HelpDoc): string =>
  stripVTControlCharacters(HelpDoc.toAnsiText(doc))
    .trim()
    .replaceAll(/\s+/g, " ")
    .replace(/[^.?]$/, "$&.")

// Wrong calls are told once, in our own words: the library's own printing of them is silenced.
const runApp = (argv: ReadonlyArray<string>) =>
  Console.consoleWith((base) =>
    Effect.withConsole(Command.run(root, { name: NAME, version: VERSION })(protectDashes(argv)), {
      ...base,
      error: () => Effect.void
    })
  )

/** The program of a command line, to its exit code. */
const program = (argv: ReadonlyArray<string>): Effect.Effect<number> => {
  const [word, ...rest] = argv.slice(2)
  if (word === undefined)
    return Effect.zipRight(
      Effect.sync(() => programHelp(COMMANDS, helpColumns()).forEach(terminal.err)),
      Effect.succeed(EXIT.usage)
    )
  if (word === "--help" || word === "-h" || word === "help") {
    const topic = COMMANDS.find(({ name }) => name === rest[0])
    return print(topic === undefined ? programHelp(COMMANDS, helpColumns()) : commandHelp(topic, helpColumns()))
  }
  if (word === "--completions") return program([...argv.slice(0, 2), "completions", ...rest])
  const command = COMMANDS.find(({ name }) => name === word)
  const isBuiltIn = word === "--version"
  if (command === undefined && !isBuiltIn) {
    if (word.startsWith("-")) return wrongCall(argv, `${word} comes before the command: options follow it.`)
    const meant = similar(word)
    return wrongCall(argv, `There is no command "${word}".${meant === undefined ? "" : ` Did you mean "${meant}"?`}`)
  }
  const end = rest.indexOf("--")
  const options = end < 0 ? rest : rest.slice(0, end)
  if (command !== undefined && (options.includes("--help") || options.includes("-h"))) {
    return print(commandHelp(command, helpColumns()))
  }
  return runApp(argv).pipe(
    Effect.as<number>(EXIT.done),
    Effect.catchAll((error) =>
      ValidationError.isValidationError(error)
        ? wrongCall(argv, textOf(error.error), command?.name)
        : Effect.succeed(error.exitCode)
    ),
    Effect.provide(
      Layer.mergeAll(
        NodeFileSystem.layer,
        NodePath.layer,
        NodeTerminal.layer,
        CliConfig.layer({ isCaseSensitive: true, showBuiltIns: false })
      )
    )
  )
}

/** Runs the command line and ends the process with its exit code. */
export const run = (argv: ReadonlyArray<string>): void => runMain(program(argv))
