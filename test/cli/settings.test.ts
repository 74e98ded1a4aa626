import * as fs from "node:fs"
import * as path from "node:path"
import { describe, expect, it } from "vitest"
import { copyOf, tempFolder } from "../support/migrating.ts"
import { runBin } from "./runBin.ts"

/** A config file with a copy of each fixture, one server that is not there, and one without its password. */
const configured = (more = ""): { readonly env: { readonly MEMORYGRAPH_CONFIG: string }; readonly folder: string } => {
  const folder = tempFolder()
  fs.copyFileSync(copyOf("python-small.db"), path.join(folder, "laptop.db"))
  const file = path.join(folder, "config.yaml")
  fs.writeFileSync(file, `stores:\n  laptop: { path: laptop.db }\n  copy: { path: copy.db }\n${more}`)
  return { env: { MEMORYGRAPH_CONFIG: file }, folder }
}

describe("stores of the config file", () => {
  it("are named in every place that takes a store", async () => {
    const { env, folder } = configured()
    const moved = await runBin(["migrate", "--from", "laptop", "--to", "copy", "--yes"], { env, cwd: tempFolder() })
    expect(moved.stderr + moved.stdout).toContain(`into ${path.join(folder, "copy.db")}`)
    expect(moved.code).toBe(0)
    expect((await runBin(["verify", "laptop", "copy"], { env })).code).toBe(0)
    const exported = await runBin(["export", "copy", "--format", "jsonl"], { env })
    expect(exported.stdout.split("\n", 1)[0]).toContain('"memorygraph":"jsonl"')
  })

  it("that are misspelled are answered with those there are", async () => {
    const { env } = configured()
    const { code, stderr } = await runBin(["health", "labtop"], { env })
    expect(code).toBe(2)
    expect(stderr).toContain("the config file names laptop, copy")
  })
})

describe("a config file that cannot be used", () => {
  it("ends every command before it does anything, with its line", async () => {
    const { env, folder } = configured("nonsense: 1\n")
    for (const args of [["health"], ["migrate", "laptop", "copy", "--yes"], ["config"], ["runs"]]) {
      const { code, stderr } = await runBin(args, { env })
      expect(stderr).toContain("config.yaml:4: nonsense: is unexpected")
      expect(code).toBe(2)
    }
    expect(fs.existsSync(path.join(folder, "copy.db"))).toBe(false)
    expect((await runBin(["--help"], { env })).code).toBe(0)
  })
})

describe("config", () => {
  it("shows every setting and where it comes from, as text and as JSON", async () => {
    const { env, folder } = configured(
      "  team: { uri: 'bolt://db', user: me, password-env: TEAM_PASSWORD }\nbackend: laptop\non-conflict: fail\n"
    )
    const more = { ...env, TEAM_PASSWORD: "hunter2", NEO4J_PASSWORD: "hunter2", MEMORYGRAPH_PROGRESS: "plain" }
    const text = await runBin(["config"], { env: more })
    expect(text.code).toBe(0)
    expect(text.stdout).toMatch(/backend +laptop +.*config\.yaml:5\n/)
    expect(text.stdout).toMatch(/progress +plain +MEMORYGRAPH_PROGRESS\n/)
    expect(text.stdout).toMatch(/neo4j\.password +\*\*\* +NEO4J_PASSWORD\n/)
    const json = await runBin(["config", "--json", "--progress", "none"], { env: more })
    expect(text.stdout + json.stdout).not.toContain("hunter2")
    expect(JSON.parse(json.stdout)).toMatchObject({
      configFile: env.MEMORYGRAPH_CONFIG,
      settings: expect.arrayContaining([
        { name: "progress", value: "none", from: "--progress" },
        { name: "on-conflict", value: "fail", from: `${env.MEMORYGRAPH_CONFIG}:6` }
      ]),
      stores: [
        { name: "laptop", line: 2, kind: "sqlite", path: path.join(folder, "laptop.db") },
        { name: "copy", kind: "sqlite" },
        { name: "team", kind: "neo4j", host: "db", "password-env": "TEAM_PASSWORD" }
      ]
    })
  })
})

describe("health of all stores", () => {
  it("shows each, and one that fails hides none", async () => {
    const { env } = configured(
      "  team: { uri: 'bolt://127.0.0.1:1', user: me, password-env: NOT_SET }\nbackend: laptop\n"
    )
    const { code, stderr, stdout } = await runBin(["health"], { env })
    expect(code).toBe(3)
    expect(stdout).toMatch(/laptop \(in use\) +sqlite +writable +30 nodes and 60 relationships/)
    expect(stdout).toMatch(/copy +sqlite +UNREACHABLE/)
    expect(stdout).toContain("NOT_SET, which password-env in stores.team")
    expect(stderr).toContain("2 of 3 stores cannot be used: copy, team.")
    const json = await runBin(["health", "--json"], { env })
    expect(json.code).toBe(3)
    expect(JSON.parse(json.stdout)).toMatchObject({
      outcome: "failed",
      exitCode: 3,
      error: { tag: "StoreUnavailable" },
      health: [
        { name: "laptop", inUse: true, reachable: true, writable: true, nodes: 30, dangling: { total: 0 } },
        { name: "copy", reachable: false, error: { reason: "not-found" } },
        { name: "team", reachable: false, error: { tag: "UsageError" } }
      ]
    })
  })

  it("is done with exit 0 where all are well; the default store counts where nothing else is set up", async () => {
    const { env, folder } = configured()
    fs.copyFileSync(path.join(folder, "laptop.db"), path.join(folder, "copy.db"))
    const all = await runBin(["health"], { env: { ...env, HOME: tempFolder() } })
    expect(all.stdout).not.toContain("memory.db")
    expect(all.code).toBe(0)
    const none = await runBin(["health"], { env: { HOME: tempFolder() } })
    expect(none.stderr).toMatch(/\.memorygraph\/memory\.db does not exist/)
    expect(none.code).toBe(3)
  })

  it("says what of a store asks for attention", async () => {
    const store = copyOf("python-small.db")
    const { default: Database } = await import("better-sqlite3")
    const db = new Database(store)
    db.pragma("foreign_keys = OFF")
    db.exec("DELETE FROM nodes WHERE id = (SELECT from_id FROM relationships LIMIT 1)")
    db.close()
    const { code, stdout } = await runBin(["health", store], {})
    expect(stdout).toMatch(/note +\d+ relationships lead to nodes that are not there: /)
    expect(stdout).toMatch(/quick_check ok/)
    expect(stdout).toMatch(/indexes +9 of 9 online/)
    expect(code).toBe(0)
  })
})
