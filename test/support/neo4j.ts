/**
 * A real Neo4j Community server for tests: its jars from the cache of `scripts/fetch-neo4j.mjs`, a private home, a free
 * port on 127.0.0.1, stopped by its process id. One server is shared by a test file: start it in `beforeAll`.
 */
import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process"
import * as fs from "node:fs"
import * as net from "node:net"
import * as os from "node:os"
import * as path from "node:path"
import neo4j, { type Driver } from "neo4j-driver"
import { fetchNeo4j, isFetched, jarFolder } from "../../scripts/fetch-neo4j.mjs"

/** How long a start may take: 11 s on a quiet machine, 100 s on a busy one. */
export const START_TIMEOUT = 240_000

export interface Neo4jOptions {
  /** Without one the server asks for no credentials. */
  readonly password?: string
  /** Lines added to neo4j.conf. */
  readonly config?: ReadonlyArray<string>
  /** An earlier server's `home`: starts again on its data and port. */
  readonly again?: Neo4jServer
}

export interface Neo4jServer {
  readonly uri: string
  readonly host: string
  readonly port: number
  readonly user: string
  readonly password: string
  readonly home: string
  readonly pid: number
  /** A driver of its own for the test, to compare with. The test closes it. */
  readonly driver: () => Driver
  /** Ends it at once, as a crash does (SIGKILL), and keeps its home. */
  readonly kill: () => Promise<void>
  /** Ends it and removes its home; may be called again. */
  readonly stop: () => Promise<void>
}

/** Why no server can be started here, in words for a skip; undefined where one can. */
export const missing = (): string | undefined => {
  const java = spawnSync("java", ["-version"], { encoding: "utf8" })
  if (java.error !== undefined || java.status !== 0) return "not run: no Neo4j here (Java 17 or newer is not installed)"
  if (isFetched()) return undefined
  return `not run: no Neo4j here (no jars in ${jarFolder()}; run: node scripts/fetch-neo4j.mjs, which needs Maven)`
}

/** As {@link missing}, but fetches the jars where Maven is there and `MEMORYGRAPH_FETCH_ENGINES` is set (CI). */
export const missingAfterFetch = (): string | undefined => {
  if (process.env["MEMORYGRAPH_FETCH_ENGINES"] !== undefined) fetchNeo4j()
  return missing()
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

const exited = (child: ChildProcess): boolean => child.exitCode !== null || child.signalCode !== null

const end = (child: ChildProcess, signal: NodeJS.Signals): Promise<void> =>
  new Promise((resolve) => {
    if (exited(child)) return resolve()
    const force = setTimeout(() => child.kill("SIGKILL"), 30_000)
    child.once("exit", () => {
      clearTimeout(force)
      resolve()
    })
    child.kill(signal)
  })

/** Starts a server and waits until it answers. */
export const startNeo4j = async (options: Neo4jOptions = {}): Promise<Neo4jServer> => {
  const home = options.again?.home ?? fs.mkdtempSync(path.join(os.tmpdir(), "mg-neo4j-"))
  const port = options.again?.port ?? (await freePort())
  const password = options.again?.password ?? options.password ?? ""
  const conf = path.join(home, "conf")
  const classpath = path.join(jarFolder(), "*")
  const env = { ...process.env, NEO4J_HOME: home, NEO4J_CONF: conf, LC_ALL: "C.UTF-8" }
  if (options.again === undefined) {
    fs.mkdirSync(conf)
    fs.writeFileSync(
      path.join(conf, "neo4j.conf"),
      [
        `server.bolt.listen_address=127.0.0.1:${port}`,
        "server.http.enabled=false",
        "db.tx_log.preallocate=false",
        "db.tx_log.rotation.retention_policy=keep_none",
        "dbms.usage_report.enabled=false",
        "server.memory.pagecache.size=128m",
        `dbms.security.auth_enabled=${password === "" ? "false" : "true"}`,
        ...(options.config ?? []),
        ""
      ].join("\n")
    )
    if (password !== "") {
      const admin = ["-cp", classpath, "org.neo4j.cli.AdminTool", "dbms", "set-initial-password", password]
      execFileSync("java", admin, { env, stdio: "pipe" })
    }
  }
  const log = fs.openSync(path.join(home, "console.log"), "a")
  const child = spawn(
    "java",
    [
      "-Xmx512m",
      "-XX:TieredStopAtLevel=1",
      "-XX:+UseSerialGC",
      "-cp",
      classpath,
      "org.neo4j.server.CommunityEntryPoint",
      `--home-dir=${home}`,
      `--config-dir=${conf}`
    ],
    { env, stdio: ["ignore", log, log] }
  )
  fs.closeSync(log)
  // A test process that is ended from outside takes its server with it.
  const atExit = () => child.kill("SIGKILL")
  process.once("exit", atExit)

  const auth = password === "" ? undefined : neo4j.auth.basic("neo4j", password)
  const driver = () => neo4j.driver(`bolt://127.0.0.1:${port}`, auth, { useBigInt: true })
  const kill = async () => {
    await end(child, "SIGKILL")
    process.removeListener("exit", atExit)
  }
  const stop = async () => {
    await end(child, "SIGTERM")
    process.removeListener("exit", atExit)
    fs.rmSync(home, { recursive: true, force: true })
  }

  const deadline = Date.now() + START_TIMEOUT
  for (;;) {
    const probe = driver()
    try {
      await probe.verifyConnectivity()
      break
    } catch (cause) {
      if (exited(child) || Date.now() > deadline) {
        const said = fs.readFileSync(path.join(home, "console.log"), "utf8").slice(-2000)
        await stop()
        throw new Error(`Neo4j did not start: ${String(cause)}\n${said}`)
      }
    } finally {
      await probe.close()
    }
    await new Promise((resolve) => setTimeout(resolve, 300))
  }
  return {
    uri: `bolt://127.0.0.1:${port}`,
    host: "127.0.0.1",
    port,
    user: "neo4j",
    password,
    home,
    pid: child.pid ?? 0,
    driver,
    kill,
    stop
  }
}
