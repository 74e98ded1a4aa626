/**
 * Our program as the pages' commands call it: placeholders become what is really there, addresses become those of the
 * servers of the test, and every call is noted. Everything else is the built command itself.
 */
import * as fs from "node:fs"
import * as path from "node:path"
import { pathToFileURL } from "node:url"

const { env } = process
const state = env["MEMORYGRAPH_STATE_DIR"] ?? path.join(env["HOME"] ?? "", ".local/state/memorygraph-migrate")

/** An id: the placeholder, an example of one, or as much as a person would type. */
const ID = /^(ID|2026\d{4}(T\d{6}-[0-9a-f]{6})?)$/

const newest = (folder: string, fits: (id: string) => boolean): string | undefined =>
  fs.existsSync(folder)
    ? fs
        .readdirSync(folder)
        .filter((name) => /^\d{8}T\d{6}-/.test(name) && fits(name))
        .sort(
          (a, b) =>
            fs.statSync(path.join(folder, b)).mtimeMs - fs.statSync(path.join(folder, a)).mtimeMs || b.localeCompare(a)
        )[0]
    : undefined

const idFor = ([command, action]: ReadonlyArray<string>): string | undefined => {
  if (command === "backup") return newest(path.join(state, "backups"), () => true)
  const runs = path.join(state, "runs")
  // A run that was broken off has its spool still.
  const isBrokenOff = (id: string) => fs.existsSync(path.join(runs, id, "spool.jsonl"))
  return newest(runs, (id) => (action === "resume" ? isBrokenOff(id) : !isBrokenOff(id)))
}

const CLOSED = "127.0.0.1:1"
const REAL = {
  falkordb: env["DOCS_FALKORDB"] ?? CLOSED,
  neo4j: env["DOCS_NEO4J"] ?? CLOSED,
  memgraph: CLOSED
}
const HOSTS = "(?:localhost|db\\.example\\.org|127\\.0\\.0\\.1)"

// The pages name servers on this machine by their default ports.
const addressed = (text: string, isMemgraph: boolean): string =>
  text
    .replace(new RegExp(`^((?:falkordb|redis)://(?:[^/@]*@)?)${HOSTS}(?::6379)?`), `$1${REAL.falkordb}`)
    .replace(new RegExp(`^(memgraph://(?:[^/@]*@)?)${HOSTS}(?::\\d+)?`), `$1${REAL.memgraph}`)
    .replace(
      new RegExp(`^((?:neo4j|bolt)(?:\\+s|\\+ssc)?://(?:[^/@]*@)?)${HOSTS}(?::\\d+)?`),
      `$1${isMemgraph ? REAL.memgraph : REAL.neo4j}`
    )

const given = process.argv.slice(2)
const about = `${given.join(" ")} ${env["MEMORY_BACKEND"] ?? ""}`
const isMemgraph = /memgraph/.test(about.replaceAll(/memorygraph/g, ""))
const kindOf = (word: string): keyof typeof REAL | undefined =>
  word === "falkordb" || word === "neo4j" || word === "memgraph" ? word : undefined

// A host or a port given by a flag belongs to the kind named before it, or to the one in use.
let kind = kindOf(env["MEMORY_BACKEND"] ?? "")
const args = given.map((word, index) => {
  kind = kindOf(word) ?? kind
  const before = given[index - 1] ?? ""
  if (ID.test(word)) return idFor(given) ?? word
  if (kind !== undefined && /^--(from-|to-)?host$/.test(before)) return REAL[kind].split(":")[0] ?? word
  return addressed(word, isMemgraph)
})
for (const [at, word] of args.entries()) {
  const [, prefix = ""] = /^--(from-|to-)?host$/.exec(word) ?? []
  const named = kindOf(args[args.indexOf(prefix === "" ? "--backend" : `--${prefix.slice(0, -1)}`) + 1] ?? "")
  if (!/^--(from-|to-)?host$/.test(word) || named === undefined || args.includes(`--${prefix}port`)) continue
  args.splice(at + 2, 0, `--${prefix}port`, REAL[named].split(":")[1] ?? "1")
}
for (const [name, value] of Object.entries(env)) {
  if (/^MEMORY_\w+_URI$/.test(name)) env[name] = addressed(value ?? "", name.includes("MEMGRAPH"))
}
env["MEMORY_FALKORDB_HOST"] ??= REAL.falkordb.split(":")[0]
env["MEMORY_FALKORDB_PORT"] ??= REAL.falkordb.split(":")[1]
env["MEMORY_NEO4J_URI"] ??= `bolt://${REAL.neo4j}`
env["MEMORY_MEMGRAPH_URI"] ??= `bolt://${REAL.memgraph}`

const isClosed = (word: string): boolean => {
  const named = kindOf(word)
  return (named !== undefined && REAL[named] === CLOSED) || word.includes(CLOSED)
}
const goesNowhere = [...args, env["MEMORY_BACKEND"] ?? ""].some(isClosed)

/** Where a block's server is not here, each call must get as far as the connection (3), and the others are not run. */
const onlyConnects = env["DOCS_MODE"] === "connection"
const STORE_UNAVAILABLE = 3
const WRONG = 99

const bin = env["DOCS_BIN"] ?? ""
const log = env["DOCS_CALLS"] ?? ""
const isRun = !onlyConnects || goesNowhere
process.once("exit", (status) => {
  fs.appendFileSync(log, `${JSON.stringify({ given, args, status: isRun ? status : null })}\n`)
  if (onlyConnects && isRun) process.exitCode = status === STORE_UNAVAILABLE ? 0 : WRONG
})
if (isRun) {
  process.argv = [process.execPath, bin, ...args]
  await import(pathToFileURL(bin).href)
}
