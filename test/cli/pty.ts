/** A real pseudo-terminal, whose keyboard and screen a test has in hand. */
import { stripVTControlCharacters } from "node:util"
import * as pty from "@lydell/node-pty"
import { tempFolder } from "../support/migrating.ts"
import { BIN, cleanEnv, type RunOptions } from "./runBin.ts"

/** A program on a terminal. */
export interface OnTerminal {
  /** All that was shown so far. */
  readonly output: () => string
  /** Resolves once the pattern shows; fails after a while, with what shows instead. */
  readonly until: (pattern: RegExp) => Promise<void>
  readonly type: (keys: string) => void
  readonly resize: (columns: number) => void
  readonly kill: (signal?: string) => void
  readonly ended: Promise<{ readonly code: number; readonly output: string }>
}

const LIMIT = 60_000
const POLL = 20

/** Starts a program on a terminal of so many columns. */
export const onTerminal = (
  command: string,
  args: ReadonlyArray<string>,
  options: Pick<RunOptions, "cwd" | "env"> & { readonly columns?: number } = {}
): OnTerminal => {
  const child = pty.spawn(command, [...args], {
    name: "xterm-256color",
    cols: options.columns ?? 100,
    rows: 30,
    cwd: options.cwd ?? tempFolder(),
    env: cleanEnv(options.env)
  })
  let output = ""
  child.onData((text) => {
    output += text
  })
  const timer = setTimeout(() => child.kill("SIGKILL"), LIMIT)
  const ended = new Promise<{ readonly code: number; readonly output: string }>((resolve) => {
    child.onExit(({ exitCode, signal }) => {
      clearTimeout(timer)
      // What was written last may still be under way.
      setTimeout(() => resolve({ code: signal === undefined || signal === 0 ? exitCode : 128 + signal, output }), 100)
    })
  })
  return {
    output: () => output,
    until: async (pattern) => {
      const began = performance.now()
      // Without colours, movements, and the bell that a shell may ring in the middle of a word.
      while (!pattern.test(stripVTControlCharacters(output).replaceAll("\u0007", ""))) {
        if (performance.now() - began > LIMIT / 2) throw new Error(`${String(pattern)} never showed, but: ${output}`)
        await new Promise((resolve) => setTimeout(resolve, POLL))
      }
    },
    type: (keys) => child.write(keys),
    resize: (columns) => child.resize(columns, 30),
    kill: (signal) => child.kill(signal),
    ended
  }
}

/** Starts the built command on a terminal. */
export const binOnTerminal = (
  args: ReadonlyArray<string>,
  options: Parameters<typeof onTerminal>[2] = {}
): OnTerminal => onTerminal(process.execPath, [BIN, ...args], options)
