/** A FalkorDB server that can be killed and started again. */
import { spawn } from "node:child_process"
import { once } from "node:events"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { engine, startFalkorDB } from "../../support/falkordb.ts"
import { raw, type Reply } from "../../support/rawRedis.ts"

const HOST = "127.0.0.1"

/** A server on one port and folder, through all its lives. */
export interface Server {
  readonly port: number
  readonly raw: (...args: ReadonlyArray<string>) => Promise<Reply>
  /** Kills it at once, and without warning. */
  readonly kill: () => void
  /** Starts it again after a kill; returns when it answers. */
  readonly start: () => Promise<void>
  readonly stop: () => Promise<void>
}

const answers = async (port: number): Promise<void> => {
  for (let tries = 0; ; tries++) {
    try {
      await raw({ host: HOST, port }, "PING")
      return
    } catch (error) {
      if (tries > 400) throw error
      await new Promise((resolve) => setTimeout(resolve, 25))
    }
  }
}

const freePort = async (): Promise<number> => {
  const probe = await startFalkorDB()
  await probe.stop()
  return probe.port
}

/** Starts one on a port that is free. It keeps what SAVE has written, unless the arguments say more. */
export const startServer = async (args: ReadonlyArray<string> = []): Promise<Server> => {
  const { module, redisServer } = engine()
  const port = await freePort()
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "mg-test-server-"))
  const log = fs.openSync(`${folder}/log`, "a")
  const command = [
    redisServer,
    ...["--bind", HOST, "--port", String(port), "--dir", folder, "--save", "", "--loadmodule", module],
    ...args
  ]
  const tied = fs.existsSync("/usr/bin/setpriv") ? ["/usr/bin/setpriv", "--pdeathsig", "KILL", ...command] : command
  const launch = () =>
    spawn(tied[0] ?? "", tied.slice(1), {
      env: { PATH: process.env["PATH"], LC_ALL: "C" },
      stdio: ["ignore", log, log]
    })
  let child = launch()
  const kill = () => child.kill("SIGKILL")
  process.once("exit", kill)
  await answers(port)
  return {
    port,
    raw: (...args) => raw({ host: HOST, port }, ...args),
    kill,
    start: async () => {
      if (child.exitCode === null && child.signalCode === null) await once(child, "exit")
      child = launch()
      await answers(port)
    },
    stop: async () => {
      const ended = once(child, "exit")
      kill()
      await ended
      process.removeListener("exit", kill)
      fs.closeSync(log)
      fs.rmSync(folder, { recursive: true, force: true })
    }
  }
}
