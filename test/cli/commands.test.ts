import { spawnSync } from "node:child_process"
import * as crypto from "node:crypto"
import * as fs from "node:fs"
import * as path from "node:path"
import Database from "better-sqlite3"
import * as Schema from "effect/Schema"
import { describe, expect, it } from "vitest"
import { RunReport } from "../../src/migration/report.ts"
import { copyOf, edit, tempFolder } from "../support/migrating.ts"
import { BIN, cleanEnv, runBin, type RunOptions } from "./runBin.ts"

const ESCAPE = "\u001b"
const MG1 = /mg1:[0-9a-f]{16}/

/** The one document on standard output, checked against the report's schema. */
const reportOf = (stdout: string): RunReport => {
  expect(stdout.trimEnd().split("\n")).toHaveLength(1)
  return Schema.decodeUnknownSync(RunReport, { onExcessProperty: "error" })(JSON.parse(stdout))
}

const sha = (file: string): string => crypto.hash("sha256", fs.readFileSync(file), "hex")

const run = async (args: ReadonlyArray<string>, options?: RunOptions) => {
  const ended = await runBin([...args, "--json"], options)
  return { ...ended, report: reportOf(ended.stdout) }
}

/** A source that takes long enough to be interrupted in. */
const bigSource = (): string => {
  const file = copyOf("python-small.db")
  const db = new Database(file)
  db.exec(`
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 40000)
    INSERT INTO nodes SELECT 'big-' || i, 'Memory', json_object('id', 'big-' || i, 'type', 'task', 'title', 'Big ' || i,
      'content', hex(zeroblob(200)), 'importance', 0.5), '2026-01-05 09:00:00', '2026-01-05 09:00:00' FROM n`)
  db.close()
  return file
}

/** A store that lacks one node of the fixture, and its relationships. */
const mergeTarget = (): string => {
  const file = copyOf("python-small.db")
  edit(file, "DELETE FROM relationships", "DELETE FROM nodes WHERE id = (SELECT min(id) FROM nodes)")
  return file
}

describe("migrate", () => {
  it("moves a graph and tells counts, labels, types, both fingerprints, time and rate", async () => {
    const [from, to] = [copyOf("python-small.db"), path.join(tempFolder(), "new.db")]
    const { code, stderr, stdout } = await runBin(["migrate", from, to, "--yes"])
    expect(code).toBe(0)
    expect(stdout).toContain(`Moved 30 nodes and 60 relationships from ${from} into ${to}.`)
    expect(stdout).toMatch(/labels +Memory 30/)
    expect(stdout).toMatch(/types +RELATED_TO 15, /)
    const [source, target] = ["source", "target"].map(
      (name) => new RegExp(`${name} +(${MG1.source})`).exec(stdout)?.[1]
    )
    expect(source).toMatch(MG1)
    expect(target).toBe(source)
    expect(stdout).toMatch(/time +[\d.]+ s/)
    expect(stderr).toMatch(/Writing: 90 records in/)
    expect(stdout + stderr).not.toContain(ESCAPE)
  })

  it("reports the same as one JSON document", async () => {
    const to = path.join(tempFolder(), "new.db")
    const { code, report } = await run(["migrate", copyOf("python-small.db"), to, "--yes"])
    expect(code).toBe(0)
    expect(report).toMatchObject({
      command: "migrate",
      outcome: "done",
      exitCode: 0,
      records: { read: 90, written: 90 },
      verification: { mode: "full", checked: 90, differences: [] },
      target: { before: { nodes: 0 }, after: { nodes: 30, relationships: 60 } },
      error: null
    })
    expect(report.verification?.targetFingerprint).toBe(report.verification?.sourceFingerprint)
  })

  it("takes flags in place of arguments, and the environment in place of both", async () => {
    const [from, to] = [copyOf("python-small.db"), path.join(tempFolder(), "new.db")]
    const byFlags = await run(["migrate", "--from", "sqlite", "--from-path", from, "--to", `sqlite:${to}`, "--yes"])
    expect(byFlags.report.target?.after?.location).toBe(to)
    const env = { MEMORY_BACKEND: "sqlite", MEMORY_SQLITE_PATH: from }
    const byEnvironment = await run(["migrate", "--to", "sqlite", "--to-path", `${to}2.db`, "--yes"], { env })
    expect(byEnvironment.report.source?.location).toBe(from)
    expect(byEnvironment.report.target?.after?.location).toBe(`${to}2.db`)
  })

  it("--dry-run shows the plan and leaves nothing", async () => {
    const folder = tempFolder()
    const state = path.join(folder, "state")
    const from = copyOf("python-small.db")
    const { code, stdout } = await runBin(["migrate", from, path.join(folder, "new.db"), "--dry-run"], {
      env: { MEMORYGRAPH_STATE_DIR: state }
    })
    expect(code).toBe(0)
    expect(stdout).toContain("Dry run: nothing was written.")
    expect(stdout).toMatch(/new +90/)
    expect(fs.readdirSync(folder)).toEqual([])
    expect(fs.readdirSync(path.dirname(from))).toEqual([path.basename(from)])
  })

  it.each([
    ["a new file", () => path.join(tempFolder(), "new.db")],
    ["a store that holds data", () => mergeTarget()]
  ])("asks before it writes into %s: where nobody can answer it is refused, with the plan (9)", async (_, make) => {
    const [from, to] = [copyOf("python-small.db"), make()]
    const state = path.join(tempFolder(), "state")
    const before = fs.existsSync(to) ? sha(to) : undefined
    const { code, report, stderr } = await run(["migrate", from, to], { env: { MEMORYGRAPH_STATE_DIR: state } })
    expect(code).toBe(9)
    expect(report).toMatchObject({ outcome: "refused", exitCode: 9, error: { tag: "Refused", reason: "needs-yes" } })
    expect(report.plan?.new).toBeGreaterThan(0)
    expect(stderr).toMatch(
      /^Plan for [^]*\n {2}new +\d[^]*\n {2}space +up to [^]*\n {2}time +[^]*error: .*--yes .*--dry-run/m
    )
    expect(fs.existsSync(to) ? sha(to) : undefined).toBe(before)
    expect(fs.existsSync(state)).toBe(false)
  })

  it("needs no --yes where there is nothing to write", async () => {
    const [from, to] = [copyOf("python-small.db"), copyOf("python-small.db")]
    const { code, report } = await run(["migrate", from, to])
    expect(code).toBe(0)
    expect(report).toMatchObject({ outcome: "done", records: { same: 90, written: 0 }, verification: { mode: "full" } })
  })

  it("the plan says what both sides hold, and keeps out of --quiet and --progress json", async () => {
    const [from, to] = [copyOf("python-small.db"), mergeTarget()]
    const { stderr } = await runBin(["migrate", from, to, "--yes"])
    expect(stderr).toMatch(/from +.*python-small\.db: 30 nodes and 60 relationships \(SQLite 3/)
    expect(stderr).toMatch(/ {4}labels +Memory 30\n {4}types +RELATED_TO 15, /)
    expect(stderr).toMatch(/into +.*: 29 nodes and 0 relationships/)
    expect(stderr).toMatch(/new +61\n {2}same +29\n {2}in conflict +0\n {2}native +90\n/)
    for (const how of [["--quiet"], ["--progress", "json"]]) {
      const { stderr: talk } = await runBin(["migrate", from, mergeTarget(), "--yes", ...how])
      expect(talk).not.toContain("Plan for")
    }
  })

  it("--yes merges; a second run finds nothing to do", async () => {
    const [from, to] = [copyOf("python-small.db"), copyOf("python-small.db")]
    const { code, stdout } = await runBin(["migrate", from, to, "--yes"])
    expect(code).toBe(0)
    expect(stdout).toContain("Nothing to do")
    expect(stdout).toMatch(/there already +90/)
  })

  it("names the conflicts, and keeps the target's records or takes the source's", async () => {
    const changed = () => {
      const file = copyOf("python-small.db")
      const db = new Database(file)
      db.exec(
        "UPDATE nodes SET properties = json_set(properties, '$.title', 'Changed') WHERE id = (SELECT min(id) FROM nodes)"
      )
      db.close()
      return file
    }
    const source = copyOf("python-small.db")
    const refused = await run(["migrate", source, changed(), "--yes", "--on-conflict", "fail"])
    expect(refused.report).toMatchObject({ exitCode: 9, error: { reason: "conflicts" }, plan: { conflicts: 1 } })
    const kept = await runBin(["migrate", source, changed(), "--yes", "--skip-duplicates"])
    expect(kept.stdout).toMatch(/kept +1 that differ/)
    const overwritten = await run(["migrate", source, changed(), "--yes", "--on-conflict", "overwrite"])
    expect(overwritten.report.records).toMatchObject({ overwritten: 1, same: 89 })
  })

  it("--no-verify never says verified or equal", async () => {
    const { code, stdout } = await runBin([
      "migrate",
      copyOf("python-small.db"),
      path.join(tempFolder(), "n.db"),
      "--yes",
      "--no-verify"
    ])
    expect(code).toBe(0)
    expect(stdout).toContain("not verified, as --no-verify asked")
    expect(stdout).not.toMatch(/equal|compared/)
  })

  it("refuses a store as its own target (9), by whatever name", async () => {
    const file = copyOf("python-small.db")
    const link = path.join(tempFolder(), "link.db")
    fs.symlinkSync(file, link)
    const { code, report } = await run(["migrate", file, `sqlite:${link}`])
    expect({ code, reason: report.error?.["reason"] }).toEqual({ code: 9, reason: "same-store" })
  })

  it("--quiet prints nothing, and errors all the same", async () => {
    const good = await runBin([
      "migrate",
      copyOf("python-small.db"),
      path.join(tempFolder(), "q.db"),
      "--yes",
      "--quiet"
    ])
    expect({ code: good.code, output: good.output }).toEqual({ code: 0, output: "" })
    const bad = await runBin(["migrate", path.join(tempFolder(), "no.db"), path.join(tempFolder(), "q.db"), "--quiet"])
    expect(bad.code).toBe(3)
    expect(bad.stderr).toContain("error:")
  })

  it("--progress json writes one object a line on standard error, through every phase in order", async () => {
    const { stderr } = await runBin([
      "migrate",
      copyOf("python-small.db"),
      path.join(tempFolder(), "p.db"),
      "--yes",
      "--progress",
      "json"
    ])
    const events: ReadonlyArray<{ readonly phase: string; readonly state: string; readonly done: number }> = stderr
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line))
    const ended = events.filter(({ state }) => state === "ended").map(({ phase }) => phase)
    expect(ended).toEqual(["preflight", "export", "validate", "plan", "import", "verify", "publish", "cleanup"])
    expect(events.find(({ phase, state }) => phase === "import" && state === "ended")?.done).toBe(90)
  })
})

describe("exit codes", () => {
  const target = () => path.join(tempFolder(), "target.db")

  it("3: a store that is not there, not of its kind, or not reachable", async () => {
    const missing = await run(["health", path.join(tempFolder(), "no.db")])
    expect(missing.report).toMatchObject({ exitCode: 3, error: { tag: "StoreUnavailable", reason: "not-found" } })
    expect(missing.stderr).toMatch(/^error: .*no\.db does not exist/)
    const other = path.join(tempFolder(), "text.db")
    fs.writeFileSync(other, "this is no database, but long enough to be looked at as one".repeat(20))
    expect((await run(["migrate", `sqlite:${other}`, target()])).code).toBe(3)
  })

  it("4: a damaged document, and nothing is written", async () => {
    const document = path.join(tempFolder(), "export.jsonl")
    expect((await runBin(["export", copyOf("python-small.db"), "--output", document])).code).toBe(0)
    fs.writeFileSync(document, fs.readFileSync(document, "utf8").split("\n").slice(0, 50).join("\n"))
    const to = target()
    const { code, report, stderr } = await run(["import", document, to])
    expect({ code, reason: report.error?.["reason"] }).toEqual({ code: 4, reason: "truncated" })
    expect(stderr).toContain("Nothing was written")
    expect(fs.existsSync(to)).toBe(false)
  })

  it("4: a source whose relationships lead nowhere", async () => {
    const from = copyOf("python-small.db")
    const db = new Database(from)
    db.pragma("foreign_keys = OFF")
    db.exec("DELETE FROM nodes WHERE id = (SELECT from_id FROM relationships LIMIT 1)")
    db.close()
    const { code, report } = await run(["migrate", from, target()])
    expect({ code, tag: report.error?.tag, reason: report.error?.["reason"] }).toEqual({
      code: 4,
      tag: "SourceDataInvalid",
      reason: "dangling"
    })
  })

  it("5: our own files cannot be written", async () => {
    const blocked = path.join(tempFolder(), "file")
    fs.writeFileSync(blocked, "")
    const { code, report } = await run(["migrate", copyOf("python-small.db"), target()], {
      env: { MEMORYGRAPH_STATE_DIR: path.join(blocked, "state") }
    })
    expect({ code, tag: report.error?.tag }).toEqual({ code: 5, tag: "FileFailed" })
  })

  it("8: differences, each named", async () => {
    const [a, b] = [copyOf("python-small.db"), copyOf("python-small.db")]
    const db = new Database(b)
    db.exec(
      "UPDATE nodes SET properties = json_set(properties, '$.title', 'Changed') WHERE id = (SELECT min(id) FROM nodes)"
    )
    db.close()
    const { code, stdout } = await runBin(["verify", a, b])
    expect(code).toBe(8)
    expect(stdout).toMatch(/^Different: .*, 1 difference\.$/m)
    expect(stdout).toMatch(/changed +node .*, title: expected "TTT.*, found "Changed"/)
    expect(stdout).not.toContain("equal")
    const { report } = await run(["verify", a, b, "--limit", "0"])
    expect(report).toMatchObject({
      outcome: "different",
      exitCode: 8,
      verification: { differences: [], differencesTotal: 1 }
    })
  })

  it("1: a defect is told as one, and --verbose shows its trace", async () => {
    const planted =
      'import crypto from "node:crypto"; import { syncBuiltinESMExports } from "node:module"; crypto.createHash = () => { throw new Error("planted defect") }; syncBuiltinESMExports()'
    const env = { NODE_OPTIONS: `--import data:text/javascript,${encodeURIComponent(planted)}` }
    const args = ["export", copyOf("python-small.db"), "--output", path.join(tempFolder(), "graph.json")]
    const { code, stderr } = await runBin(args, { env })
    expect(code).toBe(1)
    expect(stderr).toContain("planted defect")
    expect(stderr).toContain("This is a defect of this program: please report it")
    expect(stderr).not.toMatch(/^ +at /m)
    const verbose = await runBin([...args, "--verbose"], { env })
    expect(verbose.code).toBe(1)
    expect(verbose.stderr).toMatch(/planted defect[^]*\n +at /)
  })

  it("no error shows a stack trace unless --verbose asks", async () => {
    const file = path.join(tempFolder(), "no.db")
    const plain = await runBin(["health", file])
    expect(plain.stderr.trim().split("\n")).toHaveLength(1)
    const verbose = await runBin(["health", file, "--verbose"])
    expect(verbose.stderr).toMatch(/\n +at /)
  })
})

describe("export and import", () => {
  it.each(["json", "jsonl"])("a graph comes back from %s with the same fingerprint", async (format) => {
    const folder = tempFolder()
    const document = path.join(folder, `export.${format}`)
    const from = copyOf("python-small.db")
    const exported = await run(["export", from, "--format", format, "--output", document])
    expect(exported.report).toMatchObject({ outcome: "done", records: { read: 90, written: 90 } })
    expect(fs.statSync(document).mode & 0o777).toBe(0o600)
    const imported = await run(["import", document, path.join(folder, "back.db")])
    expect(imported.report.verification?.targetFingerprint).toBe(exported.report.source?.fingerprint)
    const compared = await run(["verify", document, path.join(folder, "back.db")])
    expect(compared.report).toMatchObject({ outcome: "equal", exitCode: 0 })
  })

  it("pass through pipes", async () => {
    const exported = await runBin(["export", copyOf("python-small.db"), "--format", "jsonl"])
    expect(exported.code).toBe(0)
    expect(exported.stdout.split("\n")[0]).toContain('"memorygraph":"jsonl"')
    expect(exported.stderr).toContain("Exported 30 nodes and 60 relationships")
    const back = path.join(tempFolder(), "back.db")
    const imported = await run(["import", "-", back], { stdin: exported.stdout })
    expect(imported.report.records).toMatchObject({ read: 90, written: 90 })
  })

  it("an existing file is replaced only with --yes", async () => {
    const document = path.join(tempFolder(), "export.json")
    fs.writeFileSync(document, "mine")
    const args = ["export", copyOf("python-small.db"), "--output", document]
    expect((await runBin(args)).code).toBe(5)
    expect(fs.readFileSync(document, "utf8")).toBe("mine")
    expect((await runBin([...args, "--yes"])).code).toBe(0)
    expect(fs.readFileSync(document, "utf8")).not.toBe("mine")
  })
})

describe("health", () => {
  it("tells kind, version and counts", async () => {
    const { code, stderr, stdout } = await runBin(["health", copyOf("python-small.db")])
    expect(code).toBe(0)
    expect(stdout).toMatch(/kind +sqlite/)
    expect(stdout).toMatch(/version +SQLite 3/)
    expect(stdout).toMatch(/holds +30 nodes and 60 relationships/)
    expect(stderr).not.toContain("error")
    const { report } = await run(["health", copyOf("python-small.db")])
    expect(report).toMatchObject({ command: "health", outcome: "done", source: { nodes: 30, relationships: 60 } })
  })
})

describe("an interruption", () => {
  const source = bigSource()

  it.each([
    ["export", "SIGINT"],
    ["import", "SIGINT"],
    ["import", "SIGTERM"],
    ["verify", "SIGHUP"]
  ] as const)("in the phase %s by %s leaves no trace of a new file (130)", async (phase, signal) => {
    const folder = tempFolder()
    const state = path.join(folder, "state")
    const { code, stderr, stdout } = await runBin(
      ["migrate", source, path.join(folder, "new.db"), "--yes", "--progress", "json", "--json"],
      {
        env: { MEMORYGRAPH_STATE_DIR: state },
        reactions: [{ when: new RegExp(`"phase":"${phase}","state":"running"`), signal }]
      }
    )
    expect(code).toBe(130)
    const report = reportOf(stdout)
    expect(report).toMatchObject({ outcome: "interrupted", exitCode: 130, error: { tag: "Interrupted" } })
    expect(stderr).toMatch(/error: Interrupted\. .* is (untouched|as it was before)\.\n/)
    expect(fs.readdirSync(folder)).toEqual([])
  })

  it("while a file in use is written leaves it byte for byte as it was", async () => {
    const target = copyOf("python-small.db")
    const before = sha(target)
    const { code } = await runBin(["migrate", source, target, "--yes", "--progress", "json"], {
      reactions: [{ when: /"phase":"import","state":"running","done":[1-9]\d{3}/, signal: "SIGINT" }]
    })
    expect(code).toBe(130)
    expect(fs.readdirSync(path.dirname(target))).toEqual([path.basename(target)])
    expect(sha(target)).toBe(before)
  })
})

describe("a reader that goes away", () => {
  it("does not end a migration in the middle", () => {
    const to = path.join(tempFolder(), "new.db")
    const command = [process.execPath, BIN, "migrate", bigSource(), to, "--yes", "--progress", "json"]
      .map((word) => `"${word}"`)
      .join(" ")
    const { stdout } = spawnSync("bash", ["-c", `${command} 2>&1 | head -1; echo "code \${PIPESTATUS[0]}"`], {
      env: cleanEnv()
    })
    expect(stdout.toString()).toMatch(/^\{"phase":"preflight".*\}\ncode 0\n$/)
    expect(fs.existsSync(to)).toBe(true)
  })
})
