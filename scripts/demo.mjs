// The demonstration: a memory database of the Python MemoryGraph goes into a FalkorDBLite file and back into SQLite, by
// the real command line, in a temporary folder; then the three fingerprints stand side by side.
import { spawnSync } from "node:child_process"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { fileURLToPath } from "node:url"
import { NODE } from "./node.mjs"

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..")
const folder = fs.mkdtempSync(path.join(os.tmpdir(), "memorygraph-demo-"))
const env = { ...process.env, MEMORYGRAPH_STATE_DIR: path.join(folder, "state") }
const bin = path.join(ROOT, "dist", "bin.js")

const fail = (what, code) => {
  console.error(`\nThe demonstration stopped: ${what}.`)
  process.exit(code ?? 1)
}

/** Runs the command line as a person would, in the temporary folder. */
const memorygraph = (...args) => {
  console.log(`\n$ memorygraph ${args.join(" ")}`)
  const { status } = spawnSync(NODE, [bin, ...args], { cwd: folder, env, stdio: "inherit" })
  if (status !== 0) fail(`"memorygraph ${args.join(" ")}" ended with ${status}`, status)
}

/** The fingerprints of two stores that must be equal. */
const compare = (a, b) => {
  const { status, stdout } = spawnSync(NODE, [bin, "verify", a, b, "--json"], { cwd: folder, env })
  const report = JSON.parse(stdout.toString())
  if (status !== 0) fail(`${a} and ${b} differ`, status)
  return report
}

const row = (file, stats) =>
  console.log(
    `  ${file.padEnd(14)}${stats.fingerprint}   ${stats.nodes} memories, ${stats.relationships} relationships`
  )

try {
  const engine = spawnSync(NODE, [path.join(ROOT, "scripts", "fetch-engine.mjs")], { stdio: "inherit" })
  if (engine.status !== 0) fail("the FalkorDB engine could not be fetched", engine.status)
  fs.copyFileSync(path.join(ROOT, "examples", "memories.db"), path.join(folder, "memories.db"))

  memorygraph("health", "memories.db")
  memorygraph("migrate", "memories.db", "graph.fdb", "--yes")
  memorygraph("migrate", "graph.fdb", "back.db", "--yes")
  memorygraph("verify", "memories.db", "back.db")

  const through = compare("memories.db", "graph.fdb")
  const back = compare("memories.db", "back.db")
  console.log("\nThe same graph in three files:")
  row("memories.db", through.source)
  row("graph.fdb", through.target.after)
  row("back.db", back.target.after)
} finally {
  fs.rmSync(folder, { recursive: true, force: true })
}
