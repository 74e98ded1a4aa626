// Writes docs/cli.md, the reference of the command line, from the descriptors that the help is drawn from:
// `node scripts/cli-reference.mjs`; with `--check` it writes nothing and fails where the page is out of date.
import * as fs from "node:fs"
import * as path from "node:path"
import { fileURLToPath } from "node:url"
import { EXIT_CODES, helpOf } from "../src/cli/help.ts"
import { COMMANDS } from "../src/cli/main.ts"

const FILE = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../docs/cli.md")

/** What the examples work with, besides memory.db: made by the test that runs them (docs/README.md says how). */
const NEEDED = {
  verify: "provide graph.fdb memories.json",
  inspect: "provide memories.json",
  import: "provide memories.json",
  backup: "memorygraph backup create memory.db",
  runs: "memorygraph migrate memory.db moved.db && break-off memory.db other.db"
}

const setup = (name) => (NEEDED[name] === undefined ? [] : [`<!-- setup: ${NEEDED[name]} -->`])

const cell = (text) => text.replaceAll("|", "\\|")

const table = (head, entries) =>
  entries.length === 0
    ? []
    : [
        `| ${head} | |`,
        "| --- | --- |",
        ...entries.map(({ term, text }) => `| \`${cell(term)}\` | ${cell(text)} |`),
        ""
      ]

const command = (documented) => {
  const help = helpOf(documented)
  return [
    `## ${documented.name}`,
    "",
    help.summary,
    "",
    "```text",
    help.usage,
    "```",
    "",
    ...table("argument", help.arguments),
    ...table("option", help.options),
    ...(help.storeOptions.length === 0
      ? []
      : [
          help.isPaired
            ? "These complete a store's kind. The second store has the same with `--to-` in place of `--from-`."
            : "These complete a store's kind.",
          "",
          ...table("option", help.storeOptions)
        ]),
    "Examples:",
    "",
    ...setup(documented.name),
    documented.name === "mcp"
      ? '```sh skip="a server that talks to a client and not to a person; test/mcp drives it"'
      : "```sh fresh",
    ...documented.examples.map((example) => `memorygraph ${example}`),
    "```",
    ""
  ]
}

const page = [
  "# Command line reference",
  "",
  "<!-- Written by scripts/cli-reference.mjs from what `--help` prints. Change the source, not this page. -->",
  "",
  "`memorygraph COMMAND --help` says the same. How a store is named, and what is taken from the environment and the config file, stands in",
  "[settings.md](settings.md). What to do after an exit code other than 0 stands in [troubleshooting.md](troubleshooting.md).",
  "",
  "| command | |",
  "| --- | --- |",
  ...COMMANDS.map(
    (documented) =>
      `| [\`${cell(`${documented.name} ${documented.usage}`.trim())}\`](#${documented.name}) | ${cell(helpOf(documented).summary)} |`
  ),
  "",
  "`memorygraph --version` prints the version, `memorygraph --help` the commands.",
  "",
  "## Exit codes",
  "",
  "| exit | meaning |",
  "| --- | --- |",
  ...EXIT_CODES.map(({ code, meaning }) => `| ${code} | ${meaning} |`),
  "",
  ...COMMANDS.flatMap(command)
]
  .join("\n")
  .trimEnd()
  .concat("\n")

const current = fs.existsSync(FILE) ? fs.readFileSync(FILE, "utf8") : undefined
if (current !== page && process.argv.includes("--check")) {
  console.log("docs/cli.md is out of date; run: node scripts/cli-reference.mjs")
  process.exitCode = 1
} else if (current !== page) {
  fs.writeFileSync(FILE, page)
  console.log("docs/cli.md written")
}
