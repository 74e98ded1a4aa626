/**
 * Our own FalkorDB engine: a redis-server with the module on a unix socket in a private folder. It never saves by
 * itself, and it never outlives this process, not even a SIGKILL: on Linux the kernel kills it when its parent dies
 * (`setpriv --pdeathsig`), elsewhere a shell watches a pipe that this process holds open.
 */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import { type ChildProcess, spawn } from "node:child_process"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { OWNER, sweep } from "../../files/ownedFiles.ts"
import * as Connection from "./Connection.ts"

/** The two files that make an engine. */
export interface EngineFiles {
  readonly redisServer: string
  readonly module: string
}

/** An engine that did not start; `log` holds the last lines that it said. */
export class EngineFailed extends Data.TaggedError("EngineFailed")<{
  readonly message: string
  readonly log: string
}> {}

/** A running engine. */
export interface EngineProcess {
  readonly connection: Connection.Connection
  /** The process id of redis-server. */
  readonly pid: number
  readonly socket: string
}

const READY = /Ready to accept connections/

/** The name of the dump in an engine's working folder. */
export const DUMP = "dump.rdb"

/** How the engine is tied to this process. */
export type Tether = "setpriv" | "shell"

/** What the engine loads, and for whom. */
export interface StartOptions {
  readonly backend: string
  readonly location: string
  /**
   * The engine's working folder: it loads the file `dump.rdb` there, where there is one, and SAVE writes it. Without
   * one it gets a folder that goes with it, and nothing can be saved for good.
   */
  readonly folder?: string | undefined
  /** A dump to load from elsewhere: linked into the folder, so that loading reads it and saving cannot touch it. */
  readonly load?: string | undefined
  /** Only for tests: how to tie the engine to us. */
  readonly tether?: Tether | undefined
}

// Longest name that fits a socket address on every platform (104 bytes on macOS).
const MAX_SOCKET = 100
const STOP_SECONDS = 3

const PREFIX = "mg-engine-"

// A killed process leaves its engine's folder behind, a socket and a log: the next one sweeps it.
const privateFolder = (): string => {
  const name = `${PREFIX}${OWNER}.XXXXXX`
  const root = path.join(os.tmpdir(), name, "socket").length > MAX_SOCKET ? "/tmp" : os.tmpdir()
  sweep(root, PREFIX)
  // mkdtemp makes it 0700.
  return fs.mkdtempSync(path.join(root, `${PREFIX}${OWNER}.`))
}

const findSetpriv = (): string | undefined =>
  process.platform === "linux"
    ? (process.env["PATH"] ?? "/usr/bin:/bin")
        .split(":")
        .map((folder) => path.join(folder, "setpriv"))
        .find((file) => fs.existsSync(file))
    : undefined

// The parent's death between fork and prctl would go unnoticed: the check of PPID after it closes that gap.
const ORPHAN_CHECK = 'test "$PPID" = "$0" && exec "$@"'

// Reads the pipe to its end, which comes when this process is gone, however it went.
const WATCH = `exec 3<&0 </dev/null
"$@" 3<&- &
engine=$!
{ read -r _ <&3; kill -KILL $engine; } 2>/dev/null &
watch=$!
wait $engine
status=$?
kill $watch 2>/dev/null
exit $status`

const tethered = (tether: Tether | undefined, command: ReadonlyArray<string>): ReadonlyArray<string> => {
  const setpriv = tether === "shell" ? undefined : findSetpriv()
  return setpriv === undefined
    ? ["/bin/sh", "-c", WATCH, "sh", ...command]
    : [setpriv, "--pdeathsig", "KILL", "--", "/bin/sh", "-c", ORPHAN_CHECK, String(process.pid), ...command]
}

// What a dynamic loader may need, and nothing that could hold a secret.
const environment = (): NodeJS.ProcessEnv => {
  const kept: NodeJS.ProcessEnv = { LC_ALL: "C" }
  for (const name of ["PATH", "HOME", "TMPDIR", "TZ", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"]) {
    if (process.env[name] !== undefined) kept[name] = process.env[name]
  }
  return kept
}

// The last lines that matter: redis marks warnings and errors with "#"; the advice about memory overcommit is noise.
const tail = (file: string): string => {
  const lines = fs.existsSync(file) ? fs.readFileSync(file, "utf8").trimEnd().split("\n") : []
  const marked = lines.filter((line) => line.includes(" # ") && !line.includes("overcommit"))
  // A crash is followed by pages of registers and stack.
  const crash = marked.find((line) => line.includes("crashed by signal"))
  return crash ?? (marked.length > 0 ? marked : lines).slice(-5).join("\n")
}

interface Child {
  readonly process: ChildProcess
  readonly home: string
  readonly socket: string
  readonly log: string
  readonly ended: Promise<void>
  hasEnded: boolean
  pid: number | undefined
}

const launch = (files: EngineFiles, options: StartOptions): Child => {
  const home = privateFolder()
  const socket = path.join(home, "socket")
  const log = path.join(home, "log")
  const folder = options.folder ?? home
  if (options.load !== undefined) fs.symlinkSync(options.load, path.join(folder, DUMP))
  const server = [
    files.redisServer,
    ["--port", "0", "--unixsocket", socket, "--unixsocketperm", "700"],
    ["--dir", folder, "--dbfilename", DUMP],
    ["--save", "", "--appendonly", "no", "--daemonize", "no"],
    // Without CMD_INFO no `telemetry{...}` keys: a saved file holds what it held, and the records.
    ["--loadmodule", files.module, "CMD_INFO", "no"]
  ].flat()
  const [program = "", ...args] = tethered(options.tether, server)
  const output = fs.openSync(log, "a", 0o600)
  const child = spawn(program, args, { stdio: ["pipe", output, output], env: environment(), cwd: home })
  fs.closeSync(output)
  const state: Child = {
    process: child,
    home,
    socket,
    log,
    hasEnded: false,
    pid: undefined,
    ended: new Promise((resolve) => {
      const end = () => {
        state.hasEnded = true
        resolve()
      }
      child.once("exit", end)
      child.once("error", (cause) => {
        fs.appendFileSync(log, `${cause.message}\n`)
        end()
      })
    })
  }
  return state
}

const failed = (child: Child, message: string) => {
  const log = tail(child.log)
  return new EngineFailed({ message: log === "" ? message : `${message} Its log ends:\n${log}`, log })
}

// A promise with a limit and not an effect with a timeout: a signal interrupts the fibers that a timeout forks, and the
// stopping with them, even where it is uninterruptible.
const within = <A>(seconds: number, promise: () => Promise<A>): Effect.Effect<A | undefined> =>
  Effect.promise(async () => {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<undefined>((resolve) => {
      timer = setTimeout(() => resolve(undefined), seconds * 1000)
    })
    try {
      return await Promise.race([promise(), late])
    } finally {
      clearTimeout(timer)
    }
  })

const waitForEnd = (child: Child, seconds: number): Effect.Effect<void> => within(seconds, () => child.ended)

const kill = (child: Child): void => {
  try {
    // Under the shell it is a child of the shell's.
    if (child.pid !== undefined) process.kill(child.pid, "SIGKILL")
  } catch {
    // Gone already.
  }
  child.process.stdin?.destroy()
  child.process.kill("SIGKILL")
}

// First politely (the socket closes in order), then by force; each wait is bounded.
const stop = (child: Child, connection: () => Connection.Connection | undefined): Effect.Effect<void> =>
  Effect.gen(function* () {
    const open = connection()
    if (!child.hasEnded && open !== undefined) {
      // The answer to SHUTDOWN is a closed connection, which the driver reports as a failure.
      const command = open.command("SHUTDOWN", "NOSAVE", "NOW", "FORCE")
      const asked = yield* within(STOP_SECONDS, () => Effect.runPromiseExit(command))
      if (asked !== undefined) yield* waitForEnd(child, STOP_SECONDS)
    }
    if (!child.hasEnded) {
      kill(child)
      yield* waitForEnd(child, STOP_SECONDS)
    }
  }).pipe(Effect.ensuring(Effect.sync(() => fs.rmSync(child.home, { recursive: true, force: true }))))

const info = (connection: Connection.Connection, section: string, field: string) =>
  connection
    .command("INFO", section)
    .pipe(Effect.map((reply) => new RegExp(`^${field}:(.*)$`, "m").exec(String(reply))?.[1]?.trim() ?? ""))

/**
 * Starts an engine and waits until it has loaded its dump; it is stopped with the scope. Loading takes as long as it
 * takes: the wait ends when the engine answers or dies.
 */
export const start = (
  files: EngineFiles,
  options: StartOptions
): Effect.Effect<EngineProcess, EngineFailed, Scope.Scope> =>
  Effect.gen(function* () {
    let connection: Connection.Connection | undefined
    // The connection's own scope: the engine is asked to stop through it, so it must outlive the asking.
    const talking = yield* Scope.make()
    const child = yield* Effect.acquireRelease(
      Effect.try({
        try: () => launch(files, options),
        catch: (cause) => new EngineFailed({ message: `The engine could not be started: ${String(cause)}.`, log: "" })
      }),
      (started) =>
        Effect.ensuring(
          stop(started, () => connection),
          Scope.close(talking, Exit.void)
        )
    )
    // Its log says when it has loaded its dump; asked before, it might die in the middle of our connecting.
    yield* Effect.suspend(() => {
      if (child.hasEnded) return Effect.fail("ended" as const)
      return READY.test(fs.readFileSync(child.log, "utf8")) ? Effect.void : Effect.fail("waiting" as const)
    }).pipe(
      Effect.retry({ schedule: Schedule.spaced("10 millis"), while: (state) => state === "waiting" }),
      Effect.mapError(() => failed(child, `The engine ${files.redisServer} did not start.`))
    )
    connection = yield* Connection.make({
      backend: options.backend,
      location: options.location,
      driver: { socket: { path: child.socket } },
      reconnect: false
    }).pipe(
      Scope.extend(talking),
      Effect.mapError((cause) => failed(child, `The engine ${files.redisServer} cannot be reached (${cause.message}).`))
    )
    const open = connection
    child.pid = Number(
      yield* info(open, "server", "process_id").pipe(Effect.mapError((cause) => failed(child, cause.message)))
    )
    return { connection: open, pid: child.pid, socket: child.socket }
  })
