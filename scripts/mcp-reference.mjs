// Writes the tools' part of docs/mcp.md from their schemas: `node scripts/mcp-reference.mjs`; with `--check` it writes
// nothing and fails where the page is out of date.
import * as fs from "node:fs"
import * as path from "node:path"
import { fileURLToPath } from "node:url"
import { TOOLS } from "../src/mcp/server.ts"

const FILE = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../docs/mcp.md")
const [BEGIN, END] = ["<!-- tools: written by scripts/mcp-reference.mjs -->", "<!-- end of tools -->"]

/** What is said of an argument, beside its definition or in it. */
const describe = (property, definitions) =>
  property.description ??
  property.allOf?.[0]?.description ??
  definitions?.[property.$ref?.split("/").at(-1)]?.description ??
  ""

const hintsOf = ({ destructiveHint, readOnlyHint }) =>
  readOnlyHint ? "Reads only." : destructiveHint ? "Writes, in two steps." : "Writes."

const section = ({ annotations, description, inputSchema, name }) => {
  const { $defs, properties, required } = inputSchema()
  return [
    `### ${name}`,
    "",
    `${hintsOf(annotations)} ${description}`,
    "",
    "| argument | |",
    "| --- | --- |",
    ...Object.entries(properties).map(([argument, property]) => {
      const must = required.includes(argument) ? "Required. " : ""
      return `| \`${argument}\` | ${must}${describe(property, $defs).replaceAll("|", "\\|")} |`
    }),
    ""
  ]
}

const page = fs.readFileSync(FILE, "utf8")
const [before] = page.split(BEGIN)
const [, after] = page.split(END)
const written = [before + BEGIN, "", ...TOOLS.flatMap(section), END + after].join("\n")
if (written !== page) {
  const check = process.argv.includes("--check")
  console.log(`docs/mcp.md ${check ? "is out of date; run: node scripts/mcp-reference.mjs" : "written"}`)
  if (check) process.exitCode = 1
  else fs.writeFileSync(FILE, written)
}
