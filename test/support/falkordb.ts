/** A real FalkorDB for tests: the engine of this machine, on a free port or for files, in private folders. */
import * as Effect from "effect/Effect"
import { spawn } from "node:child_process"
import * as fs from "node:fs"
import * as net from "node:net"
import * as os from "node:os"
import * as path from "node:path"
import { choose, type Engine } from "../../src/backend/falkordb/engine.ts"
import { raw } from "./rawRedis.ts"

const found = await Effect.runPromise(
  Effect.either(choose({ location: "the tests", header: undefined, keepVersion: false }))
)

/** Why tests that need an engine do not run; undefined where there is one. Shown by every skipped suite. */
export const engineAvailable: string | undefined = found._tag === "Right" ? undefined : `not run: ${found.left.message}`

/** The engine of this machine. Throws where there is none. */
export const engine = (): Engine => {
  if (found._tag === "Left") throw found.left
  return found.right
}

/** A running server. */
export interface TestServer {
  readonly host: string
  readonly port: number
  readonly password: string | undefined
  readonly pid: number
  readonly folder: string
  /** Sends a raw command, by a client of the tests' own. */
  readonly raw: (...args: ReadonlyArray<string>) => ReturnType<typeof raw>
  readonly stop: () => Promise<void>
}

/** How to start it. `args` are more arguments of redis-server, `moduleArgs` of the module. */
export interface ServerOptions {
  readonly password?: string
  readonly args?: ReadonlyArray<string>
  readonly moduleArgs?: ReadonlyArray<string>
  /** False for a plain redis without the module. */
  readonly module?: boolean
}

const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const probe = net.createServer()
    probe.once("error", reject)
    probe.listen(0, "127.0.0.1", () => {
      const address = probe.address()
      const port = typeof address === "object" && address !== null ? address.port : 0
      probe.close(() => resolve(port))
    })
  })

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

// A test runner that is killed must not leave servers behind.
const withParent = (command: ReadonlyArray<string>): [string, Array<string>] => {
  const tied = fs.existsSync("/usr/bin/setpriv") ? ["/usr/bin/setpriv", "--pdeathsig", "KILL", ...command] : command
  return [tied[0] ?? "", tied.slice(1)]
}

/** Starts a server on 127.0.0.1; ends with the tests' process at the latest. */
export const startFalkorDB = async (options: ServerOptions = {}): Promise<TestServer> => {
  const { module, redisServer } = engine()
  const port = await freePort()
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "mg-test-server-"))
  const log = fs.openSync(path.join(folder, "log"), "a")
  const child = spawn(
    ...withParent([
      redisServer,
      ...["--bind", "127.0.0.1", "--port", String(port), "--dir", folder, "--save", ""],
      ...(options.password === undefined ? [] : ["--requirepass", options.password]),
      ...(options.args ?? []),
      ...(options.module === false ? [] : ["--loadmodule", module, ...(options.moduleArgs ?? [])])
    ]),
    { env: { PATH: process.env["PATH"], LC_ALL: "C" }, stdio: ["ignore", log, log] }
  )
  fs.closeSync(log)
  const kill = () => child.kill("SIGKILL")
  process.once("exit", kill)
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()))
  const stop = async () => {
    kill()
    await ended
    process.removeListener("exit", kill)
    fs.rmSync(folder, { recursive: true, force: true })
  }
  const address = { host: "127.0.0.1", port }
  for (let tries = 0; ; tries++) {
    try {
      await raw(address, "PING")
      break
    } catch (error) {
      if (error instanceof Error && error.message.startsWith("NOAUTH")) break
      if (tries > 200 || child.exitCode !== null) {
        const said = fs.readFileSync(path.join(folder, "log"), "utf8")
        await stop()
        throw new Error(`the test server did not start: ${said}`)
      }
      await sleep(25)
    }
  }
  return {
    ...address,
    password: options.password,
    pid: child.pid ?? 0,
    folder,
    raw: (...args) => raw(address, ...args),
    stop
  }
}
