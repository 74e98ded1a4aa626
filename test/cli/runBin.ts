/** Runs the built command as a real process, with and without a terminal. */
import { spawn } from "node:child_process"
import * as fs from "node:fs"
import * as path from "node:path"
import { tempFolder } from "../support/migrating.ts"

const ROOT = new URL("../..", import.meta.url).pathname

/** The built command. */
export const BIN = path.join(ROOT, "dist", "bin.js")

if (!fs.existsSync(BIN)) throw new Error("dist/bin.js is not there: run `npm run build` first, as `npm test` does")

/** Something to do once the output shows a text. */
export interface Reaction {
  readonly when: RegExp
  /** Typed at the terminal or written to standard input. */
  readonly send?: string
  readonly signal?: NodeJS.Signals
  /** Sends the signal once more after so many milliseconds. */
  readonly again?: number
  /** Milliseconds to wait first. */
  readonly after?: number
}

export interface RunOptions {
  readonly cwd?: string
  readonly env?: { readonly [name: string]: string | undefined }
  readonly stdin?: string
  readonly reactions?: ReadonlyArray<Reaction>
}

/** How a process ended and what it printed. `output` is both streams as they came. */
export interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
  readonly output: string
  readonly seconds: number
}

/** The environment of this process without any setting of ours, and with folders of its own. */
export const cleanEnv = (more: RunOptions["env"] = {}): NodeJS.ProcessEnv => ({
  ...Object.fromEntries(
    Object.entries(process.env).filter(
      ([name]) => !/^(MEMORY|NEO4J|FALKORDB|NO_COLOR|FORCE_COLOR|XDG_STATE|XDG_CONFIG|CI$)/.test(name)
    )
  ),
  // Node takes colours away where CI is set or the terminal is unknown.
  TERM: "xterm-256color",
  MEMORYGRAPH_STATE_DIR: path.join(tempFolder(), "state"),
  // No config file of the person who runs the tests.
  XDG_CONFIG_HOME: path.join(tempFolder(), "config"),
  ...more
})

const LIMIT = 50_000

const start = (command: string, args: ReadonlyArray<string>, options: RunOptions): Promise<Ended> =>
  new Promise((resolve, reject) => {
    const began = performance.now()
    const child = spawn(command, args, { cwd: options.cwd ?? tempFolder(), env: cleanEnv(options.env), stdio: "pipe" })
    const timer = setTimeout(() => child.kill("SIGKILL"), LIMIT)
    let [stdout, stderr, output] = ["", "", ""]
    const waiting = [...(options.reactions ?? [])]
    const react = () => {
      const next = waiting[0]
      if (next === undefined || !next.when.test(output)) return
      waiting.shift()
      setTimeout(() => {
        if (next.send !== undefined) child.stdin.write(next.send)
        if (next.signal !== undefined) child.kill(next.signal)
        if (next.again !== undefined) setTimeout(() => child.kill(next.signal), next.again)
      }, next.after ?? 0)
    }
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text
      output += text
      react()
    })
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr += text
      output += text
      react()
    })
    child.stdin.on("error", () => {})
    if (options.stdin !== undefined) child.stdin.end(options.stdin)
    else if (options.reactions === undefined) child.stdin.end()
    child.on("error", reject)
    child.on("close", (code) => {
      clearTimeout(timer)
      resolve({ code, stdout, stderr, output, seconds: (performance.now() - began) / 1000 })
    })
  })

/** Runs the command without a terminal. */
export const runBin = (args: ReadonlyArray<string>, options: RunOptions = {}): Promise<Ended> =>
  start(process.execPath, [BIN, ...args], options)

/** Runs a TypeScript file as a process of its own. */
export const runScript = (file: string, args: ReadonlyArray<string>, options: RunOptions = {}): Promise<Ended> =>
  start(process.execPath, [file, ...args], options)

const quote = (word: string): string => `'${word.replaceAll("'", "'\\''")}'`

/** Runs the command on a terminal of its own; everything it prints comes as `output`. */
export const runInTerminal = (
  args: ReadonlyArray<string>,
  options: RunOptions & { readonly columns?: number } = {}
): Promise<Ended> => {
  const command = [process.execPath, BIN, ...args].map(quote).join(" ")
  // A pseudo-terminal without a size has 0 columns.
  return start("script", ["-qec", `stty cols ${options.columns ?? 100} rows 30; ${command}`, "/dev/null"], {
    reactions: [],
    ...options
  })
}
