/** The help: of the program as a whole, and of each command, drawn from its own options. */
import * as CliConfig from "@effect/cli/CliConfig"
import type * as Command from "@effect/cli/Command"
import * as CommandDescriptor from "@effect/cli/CommandDescriptor"
import type * as HelpDoc from "@effect/cli/HelpDoc"
import type * as Span from "@effect/cli/HelpDoc/Span"
import { KINDS } from "../backend/StoreConfig.ts"
import { VERSION } from "../version.ts"

/** A command as its help shows it. */
export interface Documented {
  readonly name: string
  /** The positionals, as the usage line shows them. */
  readonly usage: string
  readonly examples: ReadonlyArray<string>
  /** What else its help says, as it stands. */
  readonly notes?: ReadonlyArray<string>
  readonly descriptor: Command.Command<string, never, never, unknown>["descriptor"]
}

const TERM_WIDTH = 26
const MIN_TEXT = 24

const plain = (span: Span.Span): string => {
  switch (span._tag) {
    case "Text":
    case "URI":
      return span.value
    case "Sequence":
      return plain(span.left) + plain(span.right)
    case "Highlight":
    case "Strong":
    case "Weak":
      return plain(span.value)
  }
}

// What the library adds to each option of its own accord; the placeholder and the description say the same.
const BOILERPLATE =
  /^(A user-defined piece of text\.|A true or false value\.|An integer\.|One of the following: .*|This setting is optional\.( .*)?|This option may be repeated zero or more times\.)$/

/** A positional or an option, and what it is. */
export interface Entry {
  readonly term: string
  readonly text: string
}

interface Parts {
  readonly paragraphs: ReadonlyArray<string>
  readonly entries: ReadonlyArray<Entry>
}

const partsOf = (doc: HelpDoc.HelpDoc): Parts => {
  switch (doc._tag) {
    case "Sequence": {
      const [left, right] = [partsOf(doc.left), partsOf(doc.right)]
      return {
        paragraphs: [...left.paragraphs, ...right.paragraphs],
        entries: [...left.entries, ...right.entries]
      }
    }
    case "Paragraph":
      return { paragraphs: [plain(doc.value)], entries: [] }
    case "DescriptionList":
      return {
        paragraphs: [],
        entries: doc.definitions.map(([term, text]) => ({
          term: plain(term).trim(),
          text: partsOf(text)
            .paragraphs.filter((paragraph) => paragraph !== "" && !BOILERPLATE.test(paragraph))
            .join(" ")
        }))
      }
    case "Empty":
    case "Enumeration":
    case "Header":
      return { paragraphs: [], entries: [] }
  }
}

const describe = (command: Documented): Parts =>
  partsOf(CommandDescriptor.getHelp(command.descriptor, { ...CliConfig.defaultConfig, showBuiltIns: false }))

const wrap = (text: string, width: number): ReadonlyArray<string> => {
  const lines: Array<string> = []
  let line = ""
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line)
      line = ""
    }
    line = line === "" ? word : `${line} ${word}`
  }
  return [...lines, line]
}

/** Terms on the left, what they mean on the right. */
const table = (entries: ReadonlyArray<Entry>, columns: number): ReadonlyArray<string> =>
  entries.flatMap(({ term, text }) => {
    const lines = wrap(text, Math.max(MIN_TEXT, columns - TERM_WIDTH - 2))
    const first =
      term.length < TERM_WIDTH
        ? [`  ${term.padEnd(TERM_WIDTH)}${lines[0]}`]
        : [`  ${term}`, `${" ".repeat(TERM_WIDTH + 2)}${lines[0]}`]
    return [...first, ...lines.slice(1).map((line) => `${" ".repeat(TERM_WIDTH + 2)}${line}`)]
  })

const section = (title: string, lines: ReadonlyArray<string>): ReadonlyArray<string> =>
  lines.length === 0 ? [] : ["", title, ...lines]

const STORE_FLAG = /^--(from-|to-)?(path|uri|host|port|user|password-file|database|graph|layout|tls|ca-file)\b/

/** What the help says of a command, as data. */
export interface CommandHelp {
  readonly summary: string
  readonly usage: string
  readonly arguments: ReadonlyArray<Entry>
  readonly options: ReadonlyArray<Entry>
  /** The flags that complete a store's kind, as they are written for the first store. */
  readonly storeOptions: ReadonlyArray<Entry>
  /** Every option, also those of a second store. */
  readonly allOptions: ReadonlyArray<Entry>
  /** True where the same flags exist for a second store, with `--to-` in place of `--from-`. */
  readonly isPaired: boolean
}

/** What a command's own options, positionals and description come to. */
export const helpOf = (command: Documented): CommandHelp => {
  const { entries, paragraphs } = describe(command)
  const options = entries.filter(({ term }) => term.startsWith("-"))
  const storeOptions = options.filter(({ term }) => STORE_FLAG.test(term))
  const prefixes = storeOptions.map(({ term }) => STORE_FLAG.exec(term)?.[1] ?? "")
  const isPaired = prefixes.includes("from-") && prefixes.includes("to-")
  return {
    summary: `${paragraphs[0]}.`,
    usage: `memorygraph ${`${command.name} ${command.usage}`.trim()} [options]`,
    arguments: entries
      .filter(({ term }) => term.startsWith("<"))
      .map(({ term, text }) => ({ term: term.replaceAll(/[<>]/g, ""), text })),
    options: options.filter(({ term }) => !STORE_FLAG.test(term)),
    storeOptions: isPaired ? storeOptions.filter(({ term }) => term.startsWith("--from-")) : storeOptions,
    allOptions: options,
    isPaired
  }
}

/** The help of one command. */
export const commandHelp = (command: Documented, columns: number): ReadonlyArray<string> => {
  const help = helpOf(command)
  return [
    help.summary,
    "",
    `Usage: ${help.usage}`,
    ...section("Arguments", table(help.arguments, columns)),
    ...section("Options", table(help.options, columns)),
    ...section(
      help.isPaired
        ? "Options that complete a store's kind; for the second store --to- in place of --from-"
        : "Options that complete a store's kind",
      table(help.storeOptions, columns)
    ),
    ...section(
      "Examples",
      command.examples.map((example) => `  memorygraph ${example}`)
    ),
    ...(command.notes === undefined ? [] : ["", ...command.notes])
  ]
}

/** The exit codes: in a word, and in full. */
export const EXIT_CODES: ReadonlyArray<{ readonly code: number; readonly word: string; readonly meaning: string }> = [
  { code: 0, word: "done", meaning: "done" },
  { code: 1, word: "defect", meaning: "unexpected: a defect of this program" },
  { code: 2, word: "usage", meaning: "the call is wrong, or a setting is; nothing was done" },
  { code: 3, word: "store", meaning: "a store is unreachable, unreadable or refuses; nothing was written" },
  { code: 4, word: "data", meaning: "a bad document, or bad data in the source; nothing was written" },
  { code: 5, word: "failed and undone", meaning: "failed, and undone" },
  { code: 6, word: "not verified and undone", meaning: "verification failed, and undone" },
  { code: 7, word: "undo incomplete", meaning: "the undo is incomplete; what is left is listed" },
  { code: 8, word: "different", meaning: "differences found" },
  { code: 9, word: "refused before the first write", meaning: "refused before the first write" },
  { code: 10, word: "done with rejects", meaning: "done, with rejects" },
  { code: 130, word: "interrupted and undone", meaning: "interrupted, and undone" }
]

/** The help of the program. */
export const programHelp = (commands: ReadonlyArray<Documented>, columns: number): ReadonlyArray<string> => [
  `memorygraph ${VERSION}: moves MemoryGraph's property graphs between stores, and proves that nothing was lost.`,
  "",
  "Usage: memorygraph COMMAND [arguments] [options]",
  ...section(
    "Commands",
    table(
      commands.map((command) => ({
        term: `${command.name} ${command.usage}`.trim(),
        text: describe(command).paragraphs[0] ?? ""
      })),
      columns
    )
  ),
  ...section(
    "A store is named by",
    table(
      [
        { term: "a path", text: "./memory.db, ./graph.fdb" },
        {
          term: "a URI",
          text: "sqlite:FILE, falkordblite:FILE, falkordb://HOST:PORT/GRAPH, neo4j://HOST, bolt://HOST, memgraph://HOST"
        },
        {
          term: "a kind and its options",
          text: `${KINDS.join(", ")}; completed by options like --from-path, then by the environment`
        },
        { term: "nothing", text: "MEMORY_BACKEND and the MEMORY_* settings of MemoryGraph" }
      ],
      columns
    )
  ),
  "",
  "memorygraph COMMAND --help shows the options of a command, memorygraph --version the version.",
  ...wrap(
    `Exit codes: ${EXIT_CODES.filter(({ code }) => code !== 1)
      .map(({ code, word }) => `${code} ${word}`)
      .join(", ")}.`,
    columns
  )
]
