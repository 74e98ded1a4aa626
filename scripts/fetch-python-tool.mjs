// Makes a virtual environment with the Python MemoryGraph, for the tests that hand files over to it and back:
//
//   node scripts/fetch-python-tool.mjs      make it, unless it is there; prints its `bin` folder
//
// It stands in $XDG_CACHE_HOME/memorygraph-migrate (~/.cache/memorygraph-migrate), outside of the repository.
import { spawnSync } from "node:child_process"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { pathToFileURL } from "node:url"

// The second pin: without it 0.12.4 does not start.
const VERSION = "0.12.4"
const PACKAGES = [`memorygraphmcp==${VERSION}`, "mcp<2"]

const environmentFolder = () => {
  const cache = process.env["XDG_CACHE_HOME"]
  const base = cache && path.isAbsolute(cache) ? cache : path.join(os.homedir(), ".cache")
  return path.join(base, "memorygraph-migrate", `python-memorygraph-${VERSION}`)
}

/** The folder of its programs: `MEMORYGRAPH_PYTHON_TOOL` for the tests. */
export const toolFolder = () => path.join(environmentFolder(), process.platform === "win32" ? "Scripts" : "bin")

/** True where it is complete. */
export const isMade = () => fs.existsSync(path.join(environmentFolder(), "complete"))

const run = (program, args) => {
  const { error, signal, status } = spawnSync(program, args, { stdio: ["ignore", "ignore", "inherit"] })
  if (status !== 0)
    throw new Error(`${program} ${args.join(" ")}: ${error?.message ?? `ended with ${status ?? signal}`}`)
}

/** Makes it where it is not there yet; returns the folder of its programs. */
export const makeTool = () => {
  if (isMade()) return toolFolder()
  const folder = environmentFolder()
  // A virtual environment cannot be moved: a mark says that it is whole.
  fs.rmSync(folder, { recursive: true, force: true })
  fs.mkdirSync(path.dirname(folder), { recursive: true })
  run("python3", ["-m", "venv", folder])
  run(path.join(toolFolder(), "python"), [
    "-m",
    "pip",
    "install",
    "--quiet",
    "--disable-pip-version-check",
    ...PACKAGES
  ])
  fs.writeFileSync(path.join(folder, "complete"), "")
  return toolFolder()
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) console.log(makeTool())
