/**
 * The pages and the help say the same: what the help has is told and run, and what the pages name exists. A new option
 * makes this fail until it is in a page, and run by one of its blocks or by options.ts.
 */
import { describe, expect, it } from "vitest"
import { helpOf } from "../../src/cli/help.ts"
import { COMMANDS } from "../../src/cli/main.ts"
import { CALLS } from "./options.ts"
import { type Block, callsIn, PAGES, shellLines } from "./pages.ts"

/** Written from the help, so it proves nothing about it. */
const REFERENCE = "docs/cli.md"

const flagOf = (term: string): string => /^--[\w-]+/.exec(term)?.[0] ?? ""

interface Known {
  readonly own: ReadonlySet<string>
  readonly all: ReadonlySet<string>
}

/** The flags of each command. */
const KNOWN: ReadonlyMap<string, Known> = new Map(
  COMMANDS.map((command) => {
    const { isPaired, options, storeOptions } = helpOf(command)
    const own = options.map(({ term }) => flagOf(term))
    const first = storeOptions.map(({ term }) => flagOf(term))
    const second = isPaired ? first.map((flag) => flag.replace("--from-", "--to-")) : []
    return [command.name, { own: new Set(own), all: new Set([...own, ...first, ...second]) }]
  })
)
const EVERY_FLAG = new Set([...KNOWN.values()].flatMap(({ all }) => [...all]))

/** What the program takes in place of a command, and what every command takes. */
const BUILT_IN = ["--version", "--help", "-h", "help", "--completions"]

/** What is wrong with a call, in words. */
const wrongIn = ([command = "", ...words]: ReadonlyArray<string>): ReadonlyArray<string> => {
  if (BUILT_IN.includes(command)) return []
  const known = KNOWN.get(command)
  if (known === undefined) return [`there is no command ${JSON.stringify(command)}`]
  return words
    .filter((word) => /^--\w/.test(word) && word !== "--help")
    .map((word) => word.split("=")[0] ?? "")
    .filter((word) => !known.all.has(word))
    .map((word) => `${command} has no ${word}`)
}

const shellBlocks: ReadonlyArray<Block> = PAGES.flatMap(({ blocks }) =>
  blocks.filter(({ language }) => language === "sh")
)
const callsOf = (block: Block): ReadonlyArray<ReadonlyArray<string>> =>
  shellLines(block).flatMap(({ text }) => callsIn(text, block.isBeside))

/** `--flags` of other programs that the pages name. */
const OTHERS = new Set([
  "--check", // scripts/*.mjs
  "--save", // redis-server
  "--silent", // npm
  "--prefix", // npm
  "--health", // the Python MemoryGraph
  "--backend" // the Python MemoryGraph, too
])

describe("what the pages name exists", () => {
  it("commands and options in shell blocks, also in those that are not run", () => {
    const wrong = shellBlocks.flatMap((block) =>
      callsOf(block).flatMap((call) => wrongIn(call).map((what) => `${block.page}:${block.line}: ${what}`))
    )
    expect(wrong).toEqual([])
  })

  it("commands and options in running text and in other blocks", () => {
    const wrong = PAGES.filter(({ name }) => name !== REFERENCE).flatMap((page) => {
      const code = [...page.prose.matchAll(/`([^`]+)`/g)].map(([, text = ""]) => text.replaceAll(/\s+/g, " "))
      const others = page.blocks.filter(({ language }) => language !== "sh").map(({ text }) => text)
      const calls = code.flatMap((text) => callsIn(text, page.isBeside)).filter((call) => call.length > 0)
      const transcripts = others.flatMap((text) =>
        [...text.matchAll(/^\$ (.*)$/gm)].flatMap(([, line = ""]) => callsIn(line, page.isBeside))
      )
      const flags = [...code, ...others].flatMap((text) => text.match(/(?<![\w-])--[a-z][\w-]*/g) ?? [])
      return [
        ...[...calls, ...transcripts].filter(([word]) => word !== "COMMAND").flatMap(wrongIn),
        ...flags.filter(
          (flag) => !EVERY_FLAG.has(flag) && !BUILT_IN.includes(flag) && !OTHERS.has(flag) && !flag.endsWith("-")
        )
      ].map((what) => `${page.name}: ${what}`)
    })
    expect(wrong).toEqual([])
  })

  it("no command hides from being run behind another language", () => {
    const hidden = PAGES.filter(({ name }) => name !== REFERENCE).flatMap(({ blocks, name }) =>
      blocks
        .filter(({ language, text }) => language !== "sh" && /^(npx )?memorygraph(-migrate)? /m.test(text))
        .map(({ language, line }) => `${name}:${line}: a block of "${language}" holds commands; call it sh`)
    )
    expect(hidden).toEqual([])
    const languages = new Set(PAGES.flatMap(({ blocks }) => blocks.map(({ language }) => language)))
    for (const shell of ["bash", "shell", "console", "zsh", ""]) expect([...languages]).not.toContain(shell)
  })

  it("a wrong command and a wrong option are found", () => {
    expect(callsIn("FOO=1 memorygraph migrate a 'b c' --yes | head -1 # memorygraph no")).toEqual([
      ["migrate", "a", "b c", "--yes"]
    ])
    expect(wrongIn(["migrate", "a", "--to-hots", "x"])).toEqual(["migrate has no --to-hots"])
    expect(wrongIn(["migarte"])).toEqual(['there is no command "migarte"'])
  })
})

describe("what the help has", () => {
  const told = PAGES.filter(({ name }) => name !== REFERENCE)
    .map(({ text }) => text)
    .join("\n")

  it.each(COMMANDS.map(({ name }) => name))("%s and each option of its own is told in a page", (name) => {
    expect(told).toContain(`memorygraph ${name}`)
    const missing = [...(KNOWN.get(name)?.own ?? [])].filter((flag) => !new RegExp(`${flag}(?![\\w-])`).test(told))
    expect(missing).toEqual([])
  })

  it.each(COMMANDS.map(({ name }) => name))("%s and each of its options is run", (name) => {
    const run = [
      ...shellBlocks.filter(({ skip }) => skip === undefined).flatMap(callsOf),
      ...CALLS.map(({ args }) => args)
    ]
    const words = new Set(run.filter(([command]) => command === name).flat())
    expect(words.size, "the command itself").toBeGreaterThan(0)
    const missing = [...(KNOWN.get(name)?.all ?? [])].filter((flag) => !words.has(flag))
    expect(missing, "run them in a page's sh block or in test/docs/options.ts").toEqual([])
  })
})
