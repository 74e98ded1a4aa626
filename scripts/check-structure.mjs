// The rules that no linter knows: size of files, imports by module path, the one way of the data, who may print, and
// nothing in the repository that names the machine it was written on. Prints every breach; exit 1 where there is one.
import { spawnSync } from "node:child_process"
import * as fs from "node:fs"
import * as path from "node:path"
import { fileURLToPath } from "node:url"

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..")
const MAX_LINES = 320

/** What the files of a folder may not import from. */
const FORBIDDEN = {
  domain: ["files", "backend", "document", "migration", "report", "settings", "cli", "mcp", "testing"],
  files: ["domain", "backend", "document", "migration", "report", "settings", "cli", "mcp", "testing"],
  backend: ["document", "migration", "report", "settings", "cli", "mcp", "testing"],
  document: ["report", "settings", "cli", "mcp", "testing"],
  migration: ["report", "settings", "cli", "mcp", "testing"],
  report: ["files", "backend", "document", "settings", "cli", "mcp", "testing"],
  testing: ["report", "settings", "cli", "mcp"],
  settings: ["document", "report", "cli", "mcp", "testing"],
  mcp: ["cli"]
}

/** Files that may print, exit and look at the process's streams. */
const mayPrint = (file) => file === "src/bin.ts" || file.startsWith("src/cli/") || file.startsWith("src/mcp/")
const PRINTS = /(?<![.\w])(console\s*\.|process\s*\.\s*(exit|stdout|stderr|stdin|exitCode)\b)/

/** Who may ask the environment beside those: what a child process gets, and the folder that SQLite itself asks it for. */
const mayAskEnvironment = (file) =>
  mayPrint(file) || ["src/backend/falkordb/process.ts", "src/files/temporaryDatabase.ts"].includes(file)
const ENVIRONMENT = /(?<![.\w])process\s*\.\s*env\b/

const BARREL = /^(effect|@effect\/[\w-]+)$/

// The character classes keep these patterns from finding themselves. The fixtures' invented user is `dev`.
const HOST_TRACES = [
  [/(^|[^\w.~/-])\/(root|work|Users)\/[\w.]/, "a path of one machine"],
  [/(^|[^\w.~/-])\/home\/(?!dev\b)[\w.]/, "a path of one machine"],
  [
    /\bregistry[.][\w-]+[.]\w+|\bnpmjs[.](org|com)|\bpypi[.]org|pythonhosted[.]org|\bmaven[.]org|\brepo1?[.]maven\b/,
    "a registry's host"
  ],
  [/\b(artifactor[y]|jfro[g]|verdacci[o])\b|\bnexus[.]\w/i, "a registry's host"]
]
/** Data that others wrote, kept as it is. */
const isData = (file) => file.startsWith("test/fixtures/") || file.startsWith("examples/")

const files = () => {
  const git = spawnSync("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], { cwd: ROOT })
  if (git.status === 0)
    return git.stdout
      .toString()
      .split("\0")
      .filter((file) => file !== "")
  return fs
    .readdirSync(ROOT, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(ROOT, path.join(entry.parentPath ?? entry.path, entry.name)).replaceAll("\\", "/"))
    .filter((file) => !/(^|\/)(node_modules|dist|\.git|\.vendor)\//.test(file))
}

/** The text without comments (strings stay), with the same line numbers. */
const withoutComments = (text) =>
  text.replace(
    /("(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`)|\/\*[\s\S]*?\*\/|\/\/[^\n]*/g,
    (match, string) => (string === undefined ? match.replace(/[^\n]/g, " ") : match)
  )

/** Module specifiers of static and dynamic imports, with their lines. */
const imports = (code) =>
  [...code.matchAll(/(?:\bfrom\s*|\bimport\s*\(?\s*)"([^"\n]+)"/g)].map((match) => ({
    specifier: match[1],
    line: code.slice(0, match.index).split("\n").length
  }))

const layerOf = (file) => /^src\/([\w-]+)\//.exec(file)?.[1] ?? (file === "src/bin.ts" ? "cli" : undefined)

const breaches = []
const breach = (file, line, text) => breaches.push(`${file}:${line}: ${text}`)

const checkSource = (file, text) => {
  const lines = text.split("\n").length - 1
  if (lines > MAX_LINES) breach(file, lines, `${lines} lines; one purpose seldom needs more than ${MAX_LINES}`)
  const code = withoutComments(text)
  const layer = layerOf(file)
  for (const { specifier, line } of imports(code)) {
    if (BARREL.test(specifier)) {
      breach(file, line, `imports the whole of "${specifier}"; name the module, as in "effect/Effect"`)
    }
    if (!specifier.startsWith(".")) continue
    const target = layerOf(path.posix.join(path.posix.dirname(file), specifier))
    if (layer !== undefined && target !== undefined && FORBIDDEN[layer]?.includes(target)) {
      breach(file, line, `${layer} imports from ${target}; data flows cli, mcp -> migration -> backend -> domain`)
    }
  }
  if (!mayAskEnvironment(file)) {
    code.split("\n").forEach((content, index) => {
      if (ENVIRONMENT.test(content))
        breach(file, index + 1, "the library takes settings as arguments, or by effect/Config; only the command asks")
    })
  }
  if (!mayPrint(file)) {
    code.split("\n").forEach((content, index) => {
      if (PRINTS.test(content))
        breach(file, index + 1, "only src/cli, src/mcp and src/bin.ts print, exit or touch the process's streams")
    })
  }
}

const checkTraces = (file, text) => {
  text.split("\n").forEach((content, index) => {
    for (const [pattern, what] of HOST_TRACES) if (pattern.test(content)) breach(file, index + 1, `names ${what}`)
  })
}

let checked = 0
for (const file of files()) {
  const full = path.join(ROOT, file)
  if (isData(file) || !fs.existsSync(full)) continue
  const bytes = fs.readFileSync(full)
  if (bytes.includes(0)) continue
  const text = bytes.toString("utf8")
  checkTraces(file, text)
  if (file.startsWith("src/") && file.endsWith(".ts")) checkSource(file, text)
  checked++
}
for (const line of breaches) console.error(line)
console.log(
  `Checked the structure of ${checked} files: ${breaches.length === 0 ? "fine" : `${breaches.length} breach(es)`}.`
)
process.exitCode = breaches.length === 0 && checked > 0 ? 0 : 1
