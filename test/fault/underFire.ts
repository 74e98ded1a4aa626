/**
 * Runs the built command with a folder of its own for everything temporary, hits it at a chosen moment, and says how it
 * ended and what it left.
 */
import { type ChildProcess, spawn } from "node:child_process"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { BIN, cleanEnv } from "../cli/runBin.ts"
import { tempFolder } from "../support/migrating.ts"
import { ROOT_VARIABLE } from "../support/tempRoot.ts"

/** Places that a run may leave something in. */
export interface Places {
  readonly state: string
  readonly temporary: string
}

/** New places, so that whatever is found there afterwards was left by the run. */
export const newPlaces = (): Places => {
  const folder = tempFolder()
  const places = { state: path.join(folder, "state"), temporary: path.join(folder, "tmp") }
  fs.mkdirSync(places.temporary)
  return places
}

// Node's own cache would lie among what the run leaves.
const COMPILE_CACHE = path.join(process.env[ROOT_VARIABLE] ?? os.tmpdir(), "compile-cache")

const environment = ({ state, temporary }: Places): NodeJS.ProcessEnv =>
  cleanEnv({
    MEMORYGRAPH_STATE_DIR: state,
    TMPDIR: temporary,
    SQLITE_TMPDIR: temporary,
    NODE_COMPILE_CACHE: COMPILE_CACHE
  })

/** Names of all run folders that are there. */
export const runsIn = ({ state }: Places): ReadonlyArray<string> => {
  const runs = path.join(state, "runs")
  return fs.existsSync(runs) ? fs.readdirSync(runs) : []
}

/** Processes that were given one of these folders: engines that outlived their run. Linux only; none elsewhere. */
export const processesOf = (folders: ReadonlyArray<string>): ReadonlyArray<string> => {
  if (process.platform !== "linux") return []
  return fs
    .readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && name !== String(process.pid))
    .flatMap((pid) => {
      try {
        const command = fs.readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ")
        return folders.some((folder) => command.includes(folder)) ? [`${pid}: ${command}`] : []
      } catch {
        return []
      }
    })
}

/** A process's children. */
export const childrenOf = (pid: number): ReadonlyArray<number> =>
  fs
    .readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8")
    .split(" ")
    .filter((child) => child !== "")
    .map(Number)

/** A run that goes on. */
export interface Fired {
  readonly child: ChildProcess
  /** Resolves once the output so far has the pattern; rejects where the run ends without. */
  readonly shows: (pattern: RegExp) => Promise<void>
  readonly ended: Promise<Ended>
}

/** How a run ended; `stdout` and `stderr` are one where it had a terminal. */
export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

const LIMIT = 50_000

/** Starts a program and watches its output. */
export const fire = (command: string, args: ReadonlyArray<string>, places: Places): Fired => {
  const child = spawn(command, args, { cwd: places.temporary, env: environment(places), stdio: "pipe" })
  const timer = setTimeout(() => child.kill("SIGKILL"), LIMIT)
  let [stdout, stderr, closed] = ["", "", false]
  const waiting = new Set<() => void>()
  const look = () => {
    for (const watch of waiting) watch()
  }
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text
    look()
  })
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text
    look()
  })
  child.stdin.on("error", () => {})
  const ended = new Promise<Ended>((resolve, reject) => {
    child.once("error", reject)
    child.once("close", (code, signal) => {
      clearTimeout(timer)
      closed = true
      look()
      resolve({ code, signal, stdout, stderr })
    })
  })
  const shows = (pattern: RegExp) =>
    new Promise<void>((resolve, reject) => {
      const watch = () => {
        const found = pattern.test(stdout + stderr)
        if (!found && !closed) return
        waiting.delete(watch)
        if (found) resolve()
        else reject(new Error(`the run ended before it showed ${String(pattern)}: ${stdout}${stderr}`))
      }
      waiting.add(watch)
      watch()
    })
  return { child, shows, ended }
}

/** The command with progress that can be watched, on pipes. */
export const fireBin = (args: ReadonlyArray<string>, places: Places): Fired =>
  fire(process.execPath, [BIN, ...args, "--progress", "json"], places)

const quote = (word: string): string => `'${word.replaceAll("'", "'\\''")}'`

/**
 * The command on a pseudo-terminal. `hangUp` closes it, as a terminal's window does; the code that the command ended
 * with is then known from a file only.
 */
export const fireInTerminal = (
  args: ReadonlyArray<string>,
  places: Places
): Fired & { readonly hangUp: () => void; readonly code: () => Promise<number> } => {
  const file = path.join(tempFolder(), "code")
  const command = [process.execPath, BIN, ...args, "--progress", "json"].map(quote).join(" ")
  // The session's leader dies of a hang-up, and the kernel passes it on to the command, whose shell sees it out. A
  // handler is not handed down: the command itself begins with the default ones.
  const inner = `trap : HUP INT; ${command}; echo $? > ${quote(file)}.new; mv ${quote(file)}.new ${quote(file)}`
  const script = `trap : INT; stty cols 200 rows 30; (${inner}); true`
  const fired = fire("script", ["-qec", script, "/dev/null"], places)
  const code = async () => {
    for (let tries = 0; tries < LIMIT / 20; tries++) {
      if (fs.existsSync(file)) return Number(fs.readFileSync(file, "utf8"))
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    throw new Error("the command did not end when its terminal was closed")
  }
  return { ...fired, code, hangUp: () => fired.child.kill("SIGKILL") }
}
