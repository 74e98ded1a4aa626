import * as fs from "node:fs"
import * as path from "node:path"
import Database from "better-sqlite3"
import { beforeEach, describe, expect, it } from "vitest"
import { decodeReport, type RunReport } from "../../src/migration/report.ts"
import { copyOf, tempFolder } from "../support/migrating.ts"
import { runBin } from "./runBin.ts"

let folder = ""
let source = ""
beforeEach(() => {
  folder = tempFolder()
  source = copyOf("python-small.db")
})

const at = (name: string) => path.join(folder, name)
const read = (name: string) => fs.readFileSync(at(name), "utf8")
const reportIn = (name: string): RunReport => {
  const report = decodeReport(read(name))
  if (report === undefined) throw new Error(`${name} is no report`)
  return report
}

describe("--report", () => {
  it("writes a page that draws the graph, for its owner only, and says where", async () => {
    const { code, stderr, stdout } = await runBin(["migrate", source, at("b.db"), "--yes", "--report", at("r.html")])
    expect(code).toBe(0)
    expect(stderr).toContain(`Report: ${at("r.html")}`)
    expect(stdout).not.toContain("Report:")
    const page = read("r.html")
    expect(page).toContain("Verified</h1>")
    expect(page).toContain("All 30 nodes and 60 relationships.")
    expect(fs.statSync(at("r.html")).mode & 0o777).toBe(0o600)
    expect(fs.readdirSync(folder).toSorted()).toEqual(["b.db", "r.html"])
  })

  it("as JSON is the value of --json", async () => {
    const { stdout } = await runBin(["verify", source, source, "--json", "--report", at("r.json")])
    expect(JSON.parse(read("r.json"))).toEqual(JSON.parse(stdout))
  })

  it("names every kind of run: export, import, backup, what was rolled back", async () => {
    const env = { MEMORYGRAPH_STATE_DIR: at("state") }
    await runBin(["export", source, "--output", at("d.jsonl"), "--report", at("e.md")], { env })
    expect(read("e.md")).toContain("# Exported: memorygraph export")
    await runBin(["import", at("d.jsonl"), at("b.db"), "--yes", "--report", at("i.json")], { env })
    const { run } = reportIn("i.json")
    await runBin(["runs", "rollback", run, "--yes", "--report", at("u.md")], { env })
    expect(read("u.md")).toContain("# Taken back")
    await runBin(["backup", "create", source, "--report", at("c.md")], { env })
    expect(read("c.md")).toContain("# Backed up")
  })

  it("is written of a run that was refused, and of one that found differences", async () => {
    const broken = copyOf("python-small.db")
    const db = new Database(broken)
    db.exec("PRAGMA foreign_keys = OFF; DELETE FROM nodes WHERE rowid = 5")
    db.close()
    const refused = await runBin(["migrate", broken, at("b.db"), "--yes", "--report", at("r.html")])
    expect(refused.code).toBe(4)
    expect(read("r.html")).toContain("Refused</h1>")
    expect(read("r.html")).toContain("lead to nodes that are not there")
    const changed = copyOf("python-small.db")
    const other = new Database(changed)
    other.exec("UPDATE nodes SET properties = json_set(properties, '$.importance', 0.123) WHERE rowid = 7")
    other.close()
    const different = await runBin(["verify", source, changed, "--report", at("v.html")])
    expect(different.code).toBe(8)
    expect(read("v.html")).toMatch(/Different<\/h1>[\s\S]*0\.123[\s\S]*class="ring"/)
  })

  it("is written of a run that was interrupted", async () => {
    const db = new Database(source)
    db.exec(`
      WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 12000)
      INSERT INTO nodes SELECT 'big-' || i, 'Memory', json_object('id', 'big-' || i, 'type', 'task', 'title', 'Big ' || i,
        'content', hex(zeroblob(200)), 'importance', 0.5), '2026-01-05 09:00:00', '2026-01-05 09:00:00' FROM n`)
    db.close()
    const { code } = await runBin(
      ["migrate", source, at("b.db"), "--yes", "--progress", "json", "--report", at("r.html")],
      { reactions: [{ when: /"phase":"import","state":"running"/, signal: "SIGINT" }] }
    )
    expect(code).toBe(130)
    expect(fs.readdirSync(folder)).toEqual(["r.html"])
    expect(read("r.html")).toMatch(/Interrupted<\/h1>[\s\S]*is as it was before/)
    expect(read("r.html")).toContain("A sample: 150 of 12,030 nodes")
  })
})

describe("a report that cannot be written", () => {
  it.each([
    ["another ending", "r.htm", 2, /\.html, \.md, \.json/],
    ["no folder", "nowhere/r.html", 5, /Make the folder first/]
  ])("ends the call before anything is written: %s", async (_, name, expected, message) => {
    const { code, stderr } = await runBin(["migrate", source, at("b.db"), "--yes", "--report", at(name)])
    expect(code).toBe(expected)
    expect(stderr).toMatch(message)
    expect(fs.readdirSync(folder)).toEqual([])
  })

  it("replaces an earlier report only with --yes, and never anything else", async () => {
    const call = (...more: ReadonlyArray<string>) =>
      runBin(["verify", source, source, "--report", at("r.html"), ...more])
    expect((await call()).code).toBe(0)
    const first = read("r.html")
    const refused = await call()
    expect(refused.code).toBe(5)
    expect(refused.stderr).toContain("replace it with --yes")
    expect(read("r.html")).toBe(first)
    expect((await call("--yes")).code).toBe(0)
    expect(read("r.html")).not.toBe(first)
    fs.writeFileSync(at("r.html"), "<p>notes of mine")
    expect((await call("--yes")).code).toBe(5)
    expect(read("r.html")).toBe("<p>notes of mine")
  })

  it("does not overwrite the document that is imported or exported", async () => {
    await runBin(["export", source, "--output", at("d.json")])
    const before = read("d.json")
    const imported = await runBin(["import", at("d.json"), at("b.db"), "--yes", "--report", at("d.json")])
    expect(imported.code).toBe(5)
    const exported = await runBin(["export", source, "--output", at("n.json"), "--yes", "--report", at("n.json")])
    expect(exported.code).toBe(2)
    expect(read("d.json")).toBe(before)
    expect(reportIn("n.json")).toMatchObject({ command: "export", outcome: "refused" })
    expect(fs.existsSync(at("b.db"))).toBe(false)
  })

  it("does not make a run look failed that is published: its folder went away meanwhile", async () => {
    const gone = at("gone")
    fs.mkdirSync(gone)
    const script = `
      const fs = require("node:fs")
      const write = process.stderr.write.bind(process.stderr)
      process.stderr.write = (text, ...rest) => {
        if (String(text).includes('"phase":"publish","state":"started"')) fs.rmSync(${JSON.stringify(gone)}, { recursive: true })
        return write(text, ...rest)
      }`
    fs.writeFileSync(at("hook.cjs"), script)
    const { code, stderr } = await runBin(
      ["migrate", source, at("b.db"), "--yes", "--progress", "json", "--report", path.join(gone, "r.html")],
      { env: { NODE_OPTIONS: `--require ${at("hook.cjs")}` } }
    )
    expect(code).toBe(0)
    expect(stderr).toMatch(/warning: .*r\.html was not written/)
    expect(fs.existsSync(at("b.db"))).toBe(true)
  })

  it("has no meaning where there is no run", async () => {
    expect((await runBin(["runs", "list", "--report", at("r.html")])).code).toBe(2)
    expect((await runBin(["backup", "list", "--report", at("r.html")])).code).toBe(2)
  })
})
