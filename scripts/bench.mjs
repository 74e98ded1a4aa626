// How fast a fully verified migration is beside a plain copy of the same rows, and how much memory it takes:
//   node scripts/bench.mjs [--memories 100000] [--rounds 5]
// Both move the same SQLite file into a new one, in turn, each in a process of its own. Fails where our peak memory
// exceeds 300 MB or a run is not verified.
import { spawnSync } from "node:child_process"
import * as crypto from "node:crypto"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"
import { NODE } from "./node.mjs"

// Imported below the check: an older Node ends with a segmentation fault here.
if (Number(process.versions.napi) < 10) {
  if (NODE === process.execPath) throw new Error("Node 22.16 or newer is needed")
  process.exit(spawnSync(NODE, process.argv.slice(1), { stdio: "inherit" }).status ?? 1)
}
const { default: Database } = await import("better-sqlite3")

const SELF = fileURLToPath(import.meta.url)
const ROOT = path.resolve(path.dirname(SELF), "..")
const MAX_RSS_MB = 300
const BATCH = 1000

/** The tables and indexes of the database that MemoryGraph made; the full-text index makes its own tables. */
const schema = (db) =>
  db
    .prepare("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'nodes_fts_%' ORDER BY rowid")
    .pluck()
    .all()

// --- the data -------------------------------------------------------------------------------------------------------

const WORDS =
  "cache index token session retry queue schema deploy timeout metric branch review parser socket graph memory latency rollback migration cursor".split(
    " "
  )
const TYPES = ["RELATED_TO", "CAUSES", "SOLVES", "LEADS_TO", "DEPENDS_ON", "IMPROVES", "FOLLOWS", "CONTRADICTS"]
const KINDS = ["solution", "problem", "task", "code_pattern", "fix", "error", "project", "technology"]

/** The same numbers in every run, from a counter: 16 bytes a call. */
const random = (() => {
  let counter = 0
  return () => crypto.createHash("md5").update(`memorygraph bench ${counter++}`).digest()
})()

const uuid = (bytes) => bytes.toString("hex").replace(/(.{8})(.{4})(.{4})(.{4})(.{12})/, "$1-$2-$3-$4-$5")
const time = (n, separator, fraction) => {
  const at = new Date(Date.UTC(2026, 0, 1) + n * 1000).toISOString()
  return separator === " "
    ? at.slice(0, 19).replace("T", " ")
    : `${at.slice(0, 19)}.${String(fraction % 1e6).padStart(6, "0")}+00:00`
}
const words = (bytes, count) =>
  Array.from({ length: count }, (_, i) => WORDS[(bytes[i % 16] + 7 * i) % WORDS.length]).join(" ")

/** A database of MemoryGraph's own making in all but its size: UUIDs, 300-500 bytes of JSON a record. */
const writeSeed = (file, memories, relationships) => {
  const example = new Database(path.join(ROOT, "examples", "memories.db"), { readonly: true })
  const db = new Database(file)
  db.pragma("synchronous = OFF")
  for (const sql of schema(example)) db.exec(sql)
  example.close()
  const addNode = db.prepare("INSERT INTO nodes VALUES (?, 'Memory', ?, ?, ?)")
  const addRelationship = db.prepare("INSERT INTO relationships VALUES (?, ?, ?, ?, ?, ?, ?, NULL, ?, NULL)")
  const ids = []
  db.exec("BEGIN")
  for (let i = 0; i < memories; i++) {
    const bytes = random()
    const id = uuid(bytes)
    ids.push(id)
    const properties = {
      id,
      type: KINDS[bytes[0] % KINDS.length],
      title: `${words(bytes, 4)} ${i}`,
      content: words(bytes, 14 + (bytes[1] % 12)),
      tags: [WORDS[bytes[2] % WORDS.length], WORDS[bytes[3] % WORDS.length]],
      importance: bytes[4] / 256,
      confidence: 0.8,
      usage_count: bytes[5],
      created_at: time(i, "T", i * 7),
      updated_at: time(i + 60, "T", i * 11)
    }
    addNode.run(id, JSON.stringify(properties), time(i, " "), time(i + 60, " "))
  }
  for (let i = 0; i < relationships; i++) {
    const bytes = random()
    const id = uuid(bytes)
    const [validFrom, recordedAt] = [time(i, "T", i * 3), time(i + 1, "T", i * 5)]
    const properties = {
      strength: bytes[0] / 256,
      confidence: bytes[1] / 256,
      context: null,
      evidence_count: bytes[2],
      success_rate: null,
      created_at: time(i, "T", i),
      last_validated: time(i + 2, "T", i * 9),
      validation_count: 0,
      counter_evidence_count: 0,
      valid_from: validFrom,
      valid_until: null,
      recorded_at: recordedAt,
      invalidated_by: null,
      id
    }
    addRelationship.run(
      id,
      ids[bytes.readUInt32BE(3) % memories],
      ids[bytes.readUInt32BE(7) % memories],
      TYPES[bytes[11] % TYPES.length],
      JSON.stringify(properties),
      time(i, " "),
      validFrom,
      recordedAt
    )
  }
  db.exec("COMMIT")
  db.close()
}

// --- the yardstick --------------------------------------------------------------------------------------------------

/** What one would write in ten lines: rows read and inserted, a thousand a transaction, default pragmas, unverified. */
const copy = (from, to) => {
  const source = new Database(from, { readonly: true })
  const target = new Database(to)
  for (const sql of schema(source)) target.exec(sql)
  for (const table of ["nodes", "relationships"]) {
    const columns = source.pragma(`table_info(${table})`).length
    const insert = target.prepare(`INSERT INTO ${table} VALUES (${Array(columns).fill("?").join(", ")})`)
    const write = target.transaction((rows) => {
      for (const row of rows) insert.run(row)
    })
    let rows = []
    for (const row of source.prepare(`SELECT * FROM ${table}`).raw().iterate()) {
      rows.push(row)
      if (rows.length === BATCH) {
        write(rows)
        rows = []
      }
    }
    write(rows)
  }
  target.close()
  source.close()
}

// --- measuring ------------------------------------------------------------------------------------------------------

/** Runs a Node process to its end: seconds, and its peak memory as the operating system counted it. */
const measure = (folder, args) => {
  const rssFile = path.join(folder, "rss")
  const hook = `import * as fs from "node:fs"; process.once("exit", () => fs.writeFileSync(${JSON.stringify(rssFile)}, String(process.resourceUsage().maxRSS)))`
  const began = performance.now()
  const { status, stderr, stdout } = spawnSync(
    process.execPath,
    ["--import", `data:text/javascript,${encodeURIComponent(hook)}`, ...args],
    { env: { ...process.env, MEMORYGRAPH_STATE_DIR: path.join(folder, "state") }, maxBuffer: 64 * 1024 * 1024 }
  )
  const seconds = (performance.now() - began) / 1000
  if (status !== 0) throw new Error(`${args.join(" ")} ended with ${status}\n${stderr.toString()}`)
  return { seconds, rssMb: Number(fs.readFileSync(rssFile, "utf8")) / 1024, stdout: stdout.toString() }
}

const median = (numbers) => {
  const sorted = numbers.toSorted((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

const bench = ({ memories, rounds }) => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "memorygraph-bench-"))
  try {
    const seed = path.join(folder, "seed.db")
    const target = path.join(folder, "target.db")
    const relationships = memories * 3
    writeSeed(seed, memories, relationships)
    console.log(
      `${memories} memories, ${relationships} relationships, ${Math.round(fs.statSync(seed).size / 1e6)} MB; ${os.cpus().length} cores, Node ${process.versions.node}; ${rounds} rounds`
    )
    const [plain, ours] = [[], []]
    for (let round = 1; round <= rounds; round++) {
      plain.push(measure(folder, [SELF, "--copy", seed, target]))
      fs.rmSync(target)
      const run = measure(folder, [
        path.join(ROOT, "dist", "bin.js"),
        "migrate",
        seed,
        target,
        "--yes",
        "--json",
        "--progress",
        "none"
      ])
      fs.rmSync(target)
      const { phases, records, verification } = JSON.parse(run.stdout)
      if (
        verification?.mode !== "full" ||
        verification.sourceFingerprint !== verification.targetFingerprint ||
        records.written !== memories + relationships
      ) {
        throw new Error(`round ${round} was not verified in full: ${run.stdout}`)
      }
      ours.push(run)
      const parts = phases
        .filter(({ seconds }) => seconds >= 0.05)
        .map(({ name, seconds }) => `${name} ${seconds.toFixed(2)}`)
      console.log(
        `round ${round}: copy ${plain.at(-1).seconds.toFixed(2)} s, migrate ${run.seconds.toFixed(2)} s (${parts.join(", ")}), peak ${run.rssMb.toFixed(0)} MB`
      )
    }
    const [a, b] = [median(plain.map(({ seconds }) => seconds)), median(ours.map(({ seconds }) => seconds))]
    const peak = Math.max(...ours.map(({ rssMb }) => rssMb))
    const perSecond = Math.round((memories + relationships) / b)
    console.log(
      `copy     ${a.toFixed(2)} s (median), peak ${Math.max(...plain.map(({ rssMb }) => rssMb)).toFixed(0)} MB`
    )
    console.log(
      `migrate  ${b.toFixed(2)} s (median), ${perSecond} records/s, fully verified, peak ${peak.toFixed(0)} MB`
    )
    console.log(`ratio    ${(b / a).toFixed(2)}`)
    if (peak > MAX_RSS_MB) {
      console.error(`The peak of ${peak.toFixed(0)} MB exceeds ${MAX_RSS_MB} MB.`)
      process.exitCode = 1
    }
  } finally {
    fs.rmSync(folder, { recursive: true, force: true })
  }
}

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    copy: { type: "boolean" },
    memories: { type: "string", default: "100000" },
    rounds: { type: "string", default: "5" }
  }
})
if (values.copy === true) copy(positionals[0], positionals[1])
else bench({ memories: Number(values.memories), rounds: Number(values.rounds) })
