// Documents far larger than memory: makes a graph of some gigabytes, then exports it to and imports it from each format,
// and says how long each step took and how much memory it had at its peak. Fails where a fingerprint differs or a peak
// exceeds the bound. Needs about five times the size on disk; not part of CI.
//   npm run test:large -- [--gigabytes 5] [--formats jsonl,json,markdown] [--max-mb 400]
import { spawnSync } from "node:child_process"
import * as crypto from "node:crypto"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"
import { NODE } from "./node.mjs"

if (Number(process.versions.napi) < 10) {
  process.exit(spawnSync(NODE, process.argv.slice(1), { stdio: "inherit" }).status ?? 1)
}
const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..")
const { Jsonl, node, relationship } = await import(path.join(ROOT, "dist", "lib", "index.js"))

const CHUNK = 500
const CONTENT = 8000
const NAMES = { jsonl: "graph.jsonl", "jsonl.gz": "graph.jsonl.gz", json: "graph.json", markdown: "graph.tar" }

/** Memories of about 8 kB, each with a relationship to an earlier one. */
const memory = (i) => {
  const id = crypto.createHash("md5").update(`large ${i}`).digest("hex")
  const content = `${id} "quoted" \\ ${i}\n`.repeat(Math.ceil(CONTENT / 45))
  return node(id, ["Memory"], {
    id,
    type: "solution",
    title: `Memory ${i}`,
    content,
    importance: i / 7,
    usage_count: BigInt(i)
  })
}

const link = (i) =>
  relationship(
    crypto.createHash("md5").update(`link ${i}`).digest("hex"),
    crypto.createHash("md5").update(`large ${i}`).digest("hex"),
    "RELATED_TO",
    crypto
      .createHash("md5")
      .update(`large ${Math.floor(i / 2)}`)
      .digest("hex"),
    { id: crypto.createHash("md5").update(`link ${i}`).digest("hex"), strength: 0.5 }
  )

const generate = (file, bytes) => {
  const encoder = new Jsonl.JsonlEncoder()
  const fd = fs.openSync(file, "wx")
  let written = fs.writeSync(
    fd,
    encoder.header({ created: new Date().toISOString(), generator: "large", backend: "sqlite" })
  )
  let count = 0
  for (; written < bytes; count += CHUNK)
    written += fs.writeSync(fd, encoder.records(Array.from({ length: CHUNK }, (_, i) => memory(count + i))))
  for (let i = 0; i < count; i += CHUNK)
    fs.writeSync(fd, encoder.records(Array.from({ length: CHUNK }, (_, j) => link(i + j))))
  const footer = encoder.footer()
  fs.writeSync(fd, footer.text)
  fs.closeSync(fd)
  return { fingerprint: footer.summary.fingerprint.text, count }
}

const command = (folder, args) => {
  const rssFile = path.join(folder, "rss")
  const hook = `import * as fs from "node:fs"; process.once("exit", () => fs.writeFileSync(${JSON.stringify(rssFile)}, String(process.resourceUsage().maxRSS)))`
  const began = performance.now()
  const { status, stderr, stdout } = spawnSync(
    process.execPath,
    [
      "--import",
      `data:text/javascript,${encodeURIComponent(hook)}`,
      path.join(ROOT, "dist", "bin.js"),
      ...args,
      "--yes",
      "--json",
      "--progress",
      "none"
    ],
    { env: { ...process.env, MEMORYGRAPH_STATE_DIR: path.join(folder, "state") }, maxBuffer: 64 * 1024 * 1024 }
  )
  if (status !== 0) throw new Error(`${args.join(" ")} ended with ${status}\n${String(stderr)}`)
  return {
    report: JSON.parse(stdout.toString()),
    seconds: (performance.now() - began) / 1000,
    megabytes: Number(fs.readFileSync(rssFile, "utf8")) / 1024
  }
}

const { values } = parseArgs({
  options: {
    gigabytes: { type: "string", default: "5" },
    formats: { type: "string", default: "jsonl,json,markdown" },
    "max-mb": { type: "string", default: "400" }
  }
})
const folder = fs.mkdtempSync(path.join(os.tmpdir(), "memorygraph-large-"))
let failed = false
const step = (what, size, args, fingerprintOf, expected) => {
  const { megabytes, report, seconds } = command(folder, args)
  const fingerprint = fingerprintOf(report)
  const wrong = fingerprint !== expected || megabytes > Number(values["max-mb"])
  if (wrong) failed = true
  console.log(
    `${what.padEnd(18)} ${size()} GB  ${seconds.toFixed(0).padStart(5)} s  peak ${megabytes.toFixed(0).padStart(4)} MB  ${fingerprint}${wrong ? "  WRONG" : ""}`
  )
}
const gigabytes = (file) => (fs.statSync(file).size / 1e9).toFixed(2)
try {
  const seed = path.join(folder, "seed.jsonl")
  const made = generate(seed, Number(values.gigabytes) * 1e9)
  console.log(`${made.count} memories and as many relationships, ${gigabytes(seed)} GB as JSONL, ${made.fingerprint}`)
  const store = path.join(folder, "store.db")
  const imported = ({ verification }) => verification?.targetFingerprint
  step("import seed", () => gigabytes(seed), ["import", seed, store], imported, made.fingerprint)
  fs.rmSync(seed)
  for (const format of values.formats.split(",")) {
    const file = path.join(folder, NAMES[format])
    const size = () => gigabytes(file)
    step(
      `export ${format}`,
      size,
      ["export", store, "--output", file],
      ({ source }) => source?.fingerprint,
      made.fingerprint
    )
    const copy = path.join(folder, "copy.db")
    step(`import ${format}`, size, ["import", file, copy], imported, made.fingerprint)
    fs.rmSync(copy)
    fs.rmSync(file)
  }
} finally {
  fs.rmSync(folder, { recursive: true, force: true })
}
process.exitCode = failed ? 1 : 0
