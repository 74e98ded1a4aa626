#!/usr/bin/env node
/**
 * The process entry, and its guard: better-sqlite3 ends an older Node with a segmentation fault, so nothing else may
 * load before the version is known to do. Plain old syntax and old builtin names only: an older Node must get as far
 * as the sentence below.
 *
 * Where a new enough Node was installed beside us (as `npm ci` does), an older one hands over to it.
 */
import { spawn } from "node:child_process"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { fileURLToPath } from "node:url"

const NEEDED = [22, 16] as const
const HEAP_FLAGS = ["--semi-space-growth-factor=1", "--heap-growing-percent=100"] as const
const HANDED_OVER = "MEMORYGRAPH_HANDED_OVER"

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), "..")

const isNewEnough = (version: string): boolean => {
  const [major, minor] = version.split(".").map(Number)
  if (major === undefined || minor === undefined) return false
  return major > NEEDED[0] || (major === NEEDED[0] && minor >= NEEDED[1])
}

/** A Node that npm installed with us: in a clone, or in a project that depends on us. */
const installedNode = (): string | undefined =>
  [path.join(root, "node_modules", ".bin", "node"), path.join(root, "..", ".bin", "node")].find((candidate) =>
    fs.existsSync(candidate)
  )

/** Runs the same command line under another Node; signals go through, and so does the way it ends. */
const handOver = (node: string): void => {
  const child = spawn(node, process.argv.slice(1), {
    stdio: "inherit",
    env: Object.assign({}, process.env, { [HANDED_OVER]: "1" })
  })
  const signals: ReadonlyArray<NodeJS.Signals> = ["SIGINT", "SIGTERM", "SIGHUP"]
  for (const signal of signals) process.on(signal, () => child.kill(signal))
  child.on("error", tooOld)
  child.on("exit", (code, signal) =>
    process.exit(code === null ? 128 + ((signal && os.constants.signals[signal]) || 0) : code)
  )
}

const tooOld = (): void => {
  console.error(
    `memorygraph needs Node ${NEEDED.join(".")} or newer and this is Node ${process.versions.node}: install a newer one, or run "npm ci" in a clone, which brings its own.`
  )
  process.exit(2)
}

const start = (): void => {
  if (process.argv.length === 3 && process.argv[2] === "--version") {
    console.log(JSON.parse(fs.readFileSync(path.join(root, "package.json"), "utf8")).version)
    return
  }
  delete process.env[HANDED_OVER]
  process.getBuiltinModule("node:module").enableCompileCache()
  // A migration makes much garbage and keeps little: left alone, V8 lets 25 MB of live data grow into 300 MB of heap
  // before it cleans up. Half the memory for a twentieth more CPU (measured on 400,000 records).
  for (const flag of HEAP_FLAGS) process.getBuiltinModule("node:v8").setFlagsFromString(flag)
  import("./cli/main.ts").then(
    (main) => main.run(process.argv),
    (cause) => {
      console.error(
        `memorygraph could not be loaded; install it again. ${cause instanceof Error ? (process.argv.includes("--verbose") ? cause.stack : cause.message) : cause}`
      )
      process.exit(1)
    }
  )
}

const node = installedNode()
if (isNewEnough(process.versions.node)) start()
else if (node !== undefined && process.env[HANDED_OVER] === undefined) handOver(node)
else tooOld()
