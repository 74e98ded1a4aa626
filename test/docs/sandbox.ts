/**
 * Where the pages' commands are run: a folder with a home of its own, files by the names that the pages use, and a
 * terminal on which somebody says yes.
 */
import * as fs from "node:fs"
import * as path from "node:path"
import * as pty from "@lydell/node-pty"
import { BIN, cleanEnv, runBin } from "../cli/runBin.ts"
import { onceInRun } from "../package/packed.ts"
import { edit, tempFolder } from "../support/migrating.ts"
import { type Block, ROOT, shellLines, type ShellLine } from "./pages.ts"

/** The servers of this test run, as HOST:PORT; what is undefined is not here. */
export interface Servers {
  readonly falkordb?: string | undefined
  readonly neo4j?: string | undefined
}

export type ServerKind = keyof Servers | "memgraph"

/** Which servers a block's commands talk to. */
export const serversOf = (block: Block): ReadonlyArray<ServerKind> => {
  const text = shellLines(block)
    .map((line) => line.text.replace(/\s#.*$/gm, ""))
    .join("\n")
    .replaceAll(/memorygraph(-migrate)?|--cypher-for \w+/g, "")
  const kinds: Array<ServerKind> = []
  if (/\b(falkordb|redis):\/\/|(?:--(?:from|to|backend)|MEMORY_BACKEND)[ =]falkordb\b|MEMORY_FALKORDB_/.test(text)) {
    kinds.push("falkordb")
  }
  if (/memgraph/i.test(text)) kinds.push("memgraph")
  else if (/\b(bolt|neo4j)(\+s|\+ssc)?:\/\/|neo4j/i.test(text)) kinds.push("neo4j")
  return kinds
}

const succeed = async (...args: ReadonlyArray<string>): Promise<void> => {
  const { code, output } = await runBin([...args, "--yes"])
  if (code !== 0) throw new Error(`memorygraph ${args.join(" ")} ended with ${code}: ${output}`)
}

/** The files that a page may ask for by `provide NAME`: made once a test run. */
const files = (): Promise<string> =>
  onceInRun("docs-files", async (folder) => {
    const at = (name: string) => path.join(folder, name)
    const example = path.join(ROOT, "examples", "memories.db")
    // Another person's memories: some the same, one changed, one of their own.
    for (const name of ["memory.db", "other.db"]) fs.copyFileSync(example, at(name))
    edit(
      at("other.db"),
      `UPDATE nodes SET properties = json_set(properties, '$.title', 'Changed by somebody else')
         WHERE id = (SELECT min(id) FROM nodes)`,
      `INSERT INTO nodes SELECT 'theirs', label, json_set(properties, '$.id', 'theirs', '$.title', 'Their own'),
         created_at, updated_at FROM nodes WHERE id = (SELECT min(id) FROM nodes)`
    )
    await succeed("export", at("memory.db"), "--output", at("memories.json"))
    await succeed("export", at("memory.db"), "--format", "mcp-memory", "--output", at("memory.jsonl"))
    fs.copyFileSync(path.join(ROOT, "test/fixtures/python-export-small.json"), at("their-export.json"))
    // Without an engine what needs this file is told, by the block that asks for it.
    await runBin(["migrate", at("memory.db"), `falkordblite:${at("graph.fdb")}`, "--yes"])
  })

/** What is asked, and what somebody types then; `$1` is what the question says in brackets. */
const ANSWERS: ReadonlyArray<readonly [RegExp, string]> = [
  [/\[(?:y\/N|Y\/n)\] ?$/, "y\r"],
  [/Type the name of the store \(([^)]*)\)[^\n]*: $/, "$1\r"],
  [/Password of [^\n]*: $/, "secret\r"]
]

const answerTo = (text: string): string | undefined => {
  for (const [question, answer] of ANSWERS) {
    const asked = question.exec(text)
    if (asked !== null) return answer.replace("$1", asked[1] ?? "")
  }
  return undefined
}

/** Milliseconds for a block: it takes a few seconds, but on a busy machine a minute. */
export const LIMIT = 240_000

/** How a block ended. `wrong` says which line ended differently than the page promises; undefined where none did. */
export interface BlockEnded {
  readonly wrong: string | undefined
  readonly output: string
}

/** What our program was called with, as noted by the shim; `status` null where the call was only parsed. */
export interface Call {
  readonly given: ReadonlyArray<string>
  readonly status: number | null
}

const quote = (word: string): string => `'${word.replaceAll("'", "'\\''")}'`

const checked = ({ exit, line, text }: ShellLine, isLoose: boolean): string => {
  const isOurs = /\bmemorygraph/.test(text)
  const expected = isLoose ? 0 : exit
  return [
    `printf '\\n$ %s\\n' ${quote(text)}`,
    `{ ${text}`,
    `}; __status=$?`,
    isLoose && !isOurs
      ? ":"
      : `[ $__status = ${expected} ] || { echo "docs: line ${line} ended with $__status, not with ${expected}"; exit 1; }`
  ].join("\n")
}

/** A folder in which blocks run one after the other. */
export class Sandbox {
  readonly folder = tempFolder()
  private readonly bin = path.join(this.folder, "bin")
  private readonly work = path.join(this.folder, "work")
  private blocks = 0

  constructor(python: string | undefined) {
    for (const folder of [this.bin, this.work, path.join(this.folder, "home")]) fs.mkdirSync(folder)
    const shim = quote(path.join(import.meta.dirname, "shim.ts"))
    const node = quote(process.execPath)
    this.command("memorygraph-migrate", `exec ${node} ${shim} "$@"`)
    this.command("memorygraph", python === undefined ? `exec ${node} ${shim} "$@"` : `exec ${quote(python)} "$@"`)
    this.command("npx", `exec "$@"`)
    this.command("break-off", `exec ${node} ${quote(path.join(import.meta.dirname, "breakOff.ts"))} "$@"`)
  }

  private command(name: string, body: string): void {
    fs.writeFileSync(path.join(this.bin, name), `#!/bin/sh\n${body}\n`, { mode: 0o755 })
  }

  /** The calls so far. */
  get calls(): ReadonlyArray<Call> {
    const log = path.join(this.folder, "calls")
    return fs.existsSync(log)
      ? fs
          .readFileSync(log, "utf8")
          .trimEnd()
          .split("\n")
          .map((line): Call => JSON.parse(line))
      : []
  }

  private env(mode: "run" | "connection", servers: Servers): { [name: string]: string } {
    const cache = process.env["XDG_CACHE_HOME"] ?? path.join(process.env["HOME"] ?? "", ".cache")
    const settings = {
      ...cleanEnv(),
      MEMORYGRAPH_STATE_DIR: undefined,
      XDG_CONFIG_HOME: undefined,
      XDG_CACHE_HOME: cache,
      HOME: path.join(this.folder, "home"),
      PATH: `${this.bin}:${process.env["PATH"]}`,
      DOCS_BIN: BIN,
      DOCS_CALLS: path.join(this.folder, "calls"),
      DOCS_MODE: mode,
      DOCS_FALKORDB: servers.falkordb,
      DOCS_NEO4J: servers.neo4j
    }
    return Object.fromEntries(
      Object.entries(settings).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]]))
    )
  }

  /** Puts memory.db in place, as every page has it. */
  async open(): Promise<void> {
    const folder = await files()
    this.command("provide", `for name in "$@"; do cp ${quote(folder)}/"$name" "./$name" || exit 1; done`)
    // Where MemoryGraph has it, and where the pages have it.
    const own = path.join(this.folder, "home", ".memorygraph")
    fs.mkdirSync(own)
    for (const place of [own, this.work]) fs.copyFileSync(path.join(folder, "memory.db"), path.join(place, "memory.db"))
  }

  /** Runs a block, its setup first. In `connection` mode calls of servers must get as far as the connection. */
  run(block: Block, mode: "run" | "connection", servers: Servers): Promise<BlockEnded> {
    const script = path.join(this.folder, `block-${++this.blocks}.sh`)
    const setup = block.setup === undefined ? [] : [`${block.setup} || { echo "docs: the setup failed"; exit 1; }`]
    const lines = shellLines(block).map((line) => checked(line, mode === "connection"))
    fs.writeFileSync(script, ["cd " + quote(this.work), ...setup, ...lines, ""].join("\n"))
    return new Promise((resolve) => {
      const child = pty.spawn("bash", ["--norc", script], {
        cwd: this.work,
        env: this.env(mode, servers),
        cols: 120,
        rows: 40
      })
      const timer = setTimeout(() => process.kill(-child.pid, "SIGKILL"), LIMIT)
      let output = ""
      let asked = 0
      child.onData((text) => {
        output += text
        const answer = answerTo(output.slice(asked))
        if (answer === undefined) return
        asked = output.length
        child.write(answer)
      })
      child.onExit(({ exitCode, signal }) => {
        clearTimeout(timer)
        const wrong = /docs: [^\r\n]*/.exec(output)?.[0]
        const ended = exitCode === 0 ? undefined : `the shell ended with ${exitCode} (signal ${signal ?? 0})`
        resolve({ wrong: wrong ?? ended, output })
      })
    })
  }
}
