/** The FalkorDB engine started by the test itself on a copy of a file, for proofs by raw replies. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process"
import * as fs from "node:fs"
import type * as net from "node:net"
import * as os from "node:os"
import * as path from "node:path"
import { raw } from "./rawRedis.ts"

const engineFolder = (): string =>
  process.env["MEMORYGRAPH_ENGINE_DIR"] ??
  path.join(process.env["XDG_CACHE_HOME"] ?? path.join(os.homedir(), ".cache"), "memorygraph-migrate", "engine")

const find = (folder: string, name: string): string | undefined => {
  if (!fs.existsSync(folder)) return undefined
  const found = fs
    .readdirSync(folder, { recursive: true, withFileTypes: true })
    .find((entry) => entry.isFile() && entry.name === name)
  return found === undefined ? undefined : path.join(found.parentPath, found.name)
}

/** Why there is no engine, or undefined where there is one. */
export const engineProblem = (): string | undefined => {
  const server = find(engineFolder(), "redis-server")
  if (server === undefined) return "not run: no FalkorDB engine; run `npm run fetch-engine`"
  try {
    execFileSync(server, ["--version"])
    return undefined
  } catch {
    return "not run: the FalkorDB engine that is there does not run on this machine"
  }
}

const started = async (child: ChildProcess, socket: string): Promise<void> => {
  for (let tries = 0; tries < 200; tries++) {
    if (child.exitCode !== null) throw new Error("the engine ended at once")
    try {
      if ((await raw({ path: socket }, "PING")) === "PONG") return
    } catch {
      // Not listening yet, or still loading.
    }
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
  throw new Error("the engine did not answer within five seconds")
}

/** Runs the engine on a copy of the file and stops it. */
export const withRawEngine = async <A>(file: string, use: (address: net.NetConnectOpts) => Promise<A>): Promise<A> => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "mg-raw-"))
  const server = find(engineFolder(), "redis-server") ?? ""
  const module = find(engineFolder(), "falkordb.so") ?? ""
  const socket = path.join(folder, "s")
  fs.copyFileSync(file, path.join(folder, "dump.rdb"))
  const child = spawn(
    server,
    [
      "--port",
      "0",
      "--unixsocket",
      socket,
      "--dir",
      folder,
      "--dbfilename",
      "dump.rdb",
      "--save",
      "",
      "--loadmodule",
      module
    ],
    { env: { ...process.env, LC_ALL: "C" }, stdio: "ignore" }
  )
  try {
    await started(child, socket)
    return await use({ path: socket })
  } finally {
    child.kill("SIGKILL")
    fs.rmSync(folder, { recursive: true, force: true })
  }
}
