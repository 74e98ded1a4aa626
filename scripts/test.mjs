// Runs the tests, after it has brought what they need and npm does not bring: the FalkorDB engine, Neo4j (where Java and
// Maven are), the Python MemoryGraph. What cannot be brought is said here, and the tests that need it are listed as
// skipped at the end. Arguments go to vitest.
import { spawnSync } from "node:child_process"
import * as path from "node:path"
import { fileURLToPath } from "node:url"
import { isFetched } from "./fetch-neo4j.mjs"
import { NODE } from "./node.mjs"
import { isMade, toolFolder } from "./fetch-python-tool.mjs"

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..")
const PATIENCE = 5 * 60_000

const runs = (program, args) => spawnSync(program, args, { stdio: "ignore" }).status === 0

const bring = (what, script) => {
  const { status } = spawnSync(NODE, [path.join(ROOT, "scripts", script)], {
    stdio: ["ignore", "ignore", "inherit"],
    timeout: PATIENCE
  })
  if (status !== 0) console.log(`${what} could not be brought: the tests that need it will be skipped.`)
}

// better-sqlite3 ends an older Node with a segmentation fault.
const napi = spawnSync(NODE, ["-p", "process.versions.napi"], { encoding: "utf8" }).stdout
if (Number(napi) < 10) {
  console.error(
    `The tests need Node 22.16 or newer. "npm ci" brings one for Linux, macOS on ARM and Windows; elsewhere install it.`
  )
  process.exit(2)
}

bring("The FalkorDB engine", "fetch-engine.mjs")
if (!isFetched()) {
  if (runs("java", ["-version"]) && runs("mvn", ["-version"])) bring("Neo4j", "fetch-neo4j.mjs")
  else console.log("There is no Java or no Maven here: the tests on a real Neo4j will be skipped.")
}
if (process.env["MEMORYGRAPH_PYTHON_TOOL"] === undefined && !isMade())
  bring("The Python MemoryGraph", "fetch-python-tool.mjs")

const { status } = spawnSync(
  NODE,
  [path.join(ROOT, "node_modules", "vitest", "vitest.mjs"), "run", ...process.argv.slice(2)],
  {
    cwd: ROOT,
    stdio: "inherit",
    env: {
      ...process.env,
      ...(isMade() && { MEMORYGRAPH_PYTHON_TOOL: process.env["MEMORYGRAPH_PYTHON_TOOL"] ?? toolFolder() })
    }
  }
)
process.exitCode = status ?? 1
