import * as fs from "node:fs"
import * as path from "node:path"
import Database from "better-sqlite3"
import { beforeAll, describe, expect, it } from "vitest"
import { before, fill as fillStore, incoming, runAndKill, runsOf } from "../fault/killing.ts"
import { engineAvailable } from "../support/falkordb.ts"
import { copyOf, tempFolder, runsLeft } from "../support/migrating.ts"
import { readSeed } from "../support/plainSql.ts"
import { runBin } from "./runBin.ts"

interface Listed {
  readonly id: string
  readonly damaged: string | null
  readonly nodes?: number
}

const newState = (): string => path.join(tempFolder(), "state")

const at = (state: string) => {
  const bin = (...args: ReadonlyArray<string>) => runBin(args, { env: { MEMORYGRAPH_STATE_DIR: state } })
  return {
    bin,
    backup: (...args: ReadonlyArray<string>) => bin("backup", ...args),
    listed: async (...args: ReadonlyArray<string>): Promise<ReadonlyArray<Listed>> =>
      (
        JSON.parse((await bin("backup", "list", "--json", ...args)).stdout) as {
          readonly backups: ReadonlyArray<Listed>
        }
      ).backups
  }
}

describe("backup", () => {
  const state = newState()
  const { backup, bin, listed } = at(state)
  const store = copyOf("python-small.db")
  let id = ""

  beforeAll(async () => {
    expect((await backup()).stdout).toBe(`There are no backups in ${path.join(state, "backups")}.\n`)
    expect(fs.existsSync(state)).toBe(false)
    const { code, stdout } = await backup("create", store)
    expect(code).toBe(0)
    id = /as (\S+)\.$/m.exec(stdout)?.[1] ?? ""
    expect(stdout).toContain("Backed up 30 nodes and 60 relationships")
  })

  it("is listed, for people and as JSON", async () => {
    expect((await backup("list")).stdout).toMatch(
      new RegExp(
        `^${id}  \\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d  30 nodes and 60 relationships  10 kB  mg1:[0-9a-f]{16}  ${store}\n$`
      )
    )
    expect(await listed()).toMatchObject([
      { id, damaged: null, nodes: 30, relationships: 60, store: { backend: "sqlite" } }
    ])
  })

  it("is verified, and drilled", async () => {
    const verified = await backup("verify", id.slice(0, 15))
    expect(verified.stdout).toContain(`Backup ${id} is undamaged: 30 nodes and 60 relationships.`)
    expect(verified.code).toBe(0)
    const drilled = await backup("verify", "--restore-drill", id)
    expect(drilled.stdout).toContain("is undamaged, and was restored and compared")
    expect(drilled.stdout).toMatch(/read back +mg1:[0-9a-f]{16} {2}equal: 90 records/)
    expect(drilled.code).toBe(0)
    const json = JSON.parse((await backup("verify", id, "--json")).stdout)
    expect(json).toMatchObject({ command: "backup verify", outcome: "equal", backup: { id } })
  })

  it("is restored into a new store by a run that can be taken back", async () => {
    const to = path.join(tempFolder(), "restored.db")
    const restored = await backup("restore", id, to)
    expect(restored.code).toBe(0)
    expect(restored.stdout).toMatch(/^Restored 30 nodes and 60 relationships/)
    expect(readSeed(to)).toEqual(readSeed(store))
    const { runs } = JSON.parse((await bin("runs", "--json")).stdout) as {
      readonly runs: ReadonlyArray<{ run: string }>
    }
    expect((await bin("runs", "rollback", runs[0]?.run ?? "", "--yes")).code).toBe(0)
    expect(readSeed(to).nodes.size).toBe(0)
  })

  it("is merged into a store in use, which is asked about, and backed up first with --backup", async () => {
    const to = copyOf("python-small.db")
    new Database(to)
      .exec("DELETE FROM relationships; UPDATE nodes SET properties = json_set(properties, '$.title', 'old')")
      .close()
    const refused = await backup("restore", id, to)
    expect([refused.code, refused.stderr.includes("--yes")]).toEqual([9, true])
    const dry = await backup("restore", id, to, "--dry-run", "--backup")
    expect(dry.stdout).toContain("Dry run: nothing was written.")
    expect(await listed()).toHaveLength(1)
    const merged = await backup("restore", id, to, "--yes", "--on-conflict", "overwrite", "--backup")
    expect(merged.code).toBe(0)
    expect(readSeed(to)).toEqual(readSeed(store))
    const [made] = await listed()
    expect(merged.stdout).toContain(`backup        ${made?.id}, of the target as it was before`)
    expect((await backup("verify", made?.id ?? "")).code).toBe(0)
  })

  it("says what is wrong with a call (2)", async () => {
    for (const [args, says] of [
      [["melt"], /backup has no action "melt"/],
      [["verify"], /Which backup\?/],
      [["verify", ""], /Which backup\?/],
      [["verify", "../../etc"], /There is no backup/],
      [["verify", "2"], /Several backups begin with 2/],
      [["restore", id], /Into which store/],
      [["prune"], /--keep N/],
      [["prune", "--keep", "0"], /--keep is a number from 1/],
      [["create", store, "--dry-run"], /--dry-run has no meaning for "backup create"/],
      [["create", store, "more.db"], /more\.db has no meaning/],
      [["list", "--keep", "2"], /--keep has no meaning/],
      [["verify", id, "--path", store], /A store has no meaning/],
      [["prune", "--keep", "1", "--on-conflict", "fail"], /has no meaning for "backup prune"/]
    ] as const) {
      const { code, stderr } = await backup(...args)
      expect(stderr).toMatch(says)
      expect(code, stderr).toBe(2)
    }
    // A setting is no name for what is written.
    const env = { MEMORYGRAPH_STATE_DIR: state, MEMORY_BACKEND: "sqlite", MEMORY_SQLITE_PATH: store }
    expect((await runBin(["backup", "restore", id], { env })).code).toBe(2)
    expect((await backup("create", path.join(tempFolder(), "none.db"))).code).toBe(3)
  })

  it("is pruned, in a folder of one's own choice", async () => {
    const folder = path.join(tempFolder(), "elsewhere")
    for (let i = 0; i < 3; i++) expect((await backup("create", store, "--output", folder)).code).toBe(0)
    const all = (await listed("--output", folder)).map((one) => one.id)
    expect((await backup("prune", "--keep", "2", "--output", folder, "--dry-run")).stdout).toBe(
      `Would delete ${all[2]}; 2 kept.\n`
    )
    expect((await backup("prune", "--keep", "2", "--output", folder)).stdout).toBe(`Deleted ${all[2]}; 2 kept.\n`)
    expect((await listed("--output", folder)).map((one) => one.id)).toEqual(all.slice(0, 2))
    expect((await backup("prune", "--keep", "1", copyOf("ts-small.db"), "--output", folder)).stdout).toMatch(/^Nothing/)
    expect(fs.statSync(folder).mode & 0o777).toBe(0o700)
  })

  it("that is damaged is listed as that, and neither verified nor restored (4)", async () => {
    const folder = path.join(tempFolder(), "harmed")
    await backup("create", store, "--output", folder)
    const [one] = await listed("--output", folder)
    const file = path.join(folder, one?.id ?? "", "graph.jsonl.gz")
    const bytes = fs.readFileSync(file)
    bytes[2000] = (bytes[2000] ?? 0) ^ 4
    fs.writeFileSync(file, bytes)
    const to = path.join(tempFolder(), "new.db")
    for (const args of [
      ["verify", one?.id ?? ""],
      ["restore", one?.id ?? "", to]
    ]) {
      const { code, stderr } = await backup(...args, "--output", folder)
      expect(code).toBe(4)
      expect(stderr).toContain(`Backup ${one?.id} is damaged`)
    }
    expect(fs.existsSync(to)).toBe(false)
    fs.truncateSync(file, 100)
    expect((await backup("list", "--output", folder)).stdout).toMatch(/DAMAGED {2}its graph\.jsonl\.gz has 100 bytes/)
    expect((await listed("--output", folder))[0]?.damaged).toContain("100 bytes")
  })
})

describe("a backup whose process is killed", () => {
  it("is not there, and what it left is swept by the next", async () => {
    const store = path.join(tempFolder(), "large.db")
    await fillStore({ kind: "sqlite", path: store }, incoming(2000))
    const state = newState()
    const { backup, listed } = at(state)
    const folder = path.join(state, "backups")
    const complete = await runAndKill(["backup", "create", store, "--progress", "json"], state, -1, 0)
    let left = 0
    for (let i = 1; i < 7; i++) {
      const event = Math.floor((complete.events * i) / 7)
      await runAndKill(["backup", "create", store, "--progress", "json"], state, event, i % 3)
      left = Math.max(left, fs.readdirSync(folder).filter((name) => name.startsWith(".")).length)
      for (const { damaged, id } of await listed()) {
        expect(damaged, `${id} after event ${event}`).toBe(null)
        expect((await backup("verify", id)).code).toBe(0)
      }
    }
    expect(left).toBeGreaterThan(0)
    expect((await backup("create", store)).code).toBe(0)
    expect(fs.readdirSync(folder).filter((name) => name.startsWith("."))).toEqual([])
  })

  it("is not there after an interruption either, and nothing else is (130)", async () => {
    const store = path.join(tempFolder(), "large.db")
    await fillStore({ kind: "sqlite", path: store }, incoming(2000))
    const state = newState()
    for (const phase of ["export", "publish", "verify"]) {
      const { code } = await runBin(["backup", "create", store, "--progress", "json"], {
        env: { MEMORYGRAPH_STATE_DIR: state },
        reactions: [{ when: new RegExp(`"phase":"${phase}"`), signal: "SIGINT" }]
      })
      expect(code, phase).toBe(130)
      expect(fs.readdirSync(path.join(state, "backups")), phase).toEqual([])
      expect(runsLeft(state), phase).toEqual([])
    }
  })
})

describe("--backup of a run that is killed and resumed", () => {
  it("is made by whoever begins the run anew, or known to whoever goes on", async () => {
    const large = path.join(tempFolder(), "large.db")
    await fillStore({ kind: "sqlite", path: large }, incoming(2000))
    const args = (to: string) => ["migrate", large, to, "--yes", "--backup", "--progress", "json"]
    const used = async () => {
      const to = path.join(tempFolder(), "used.db")
      await fillStore({ kind: "sqlite", path: to }, before)
      return to
    }
    const { events } = await runAndKill(args(await used()), newState(), -1, 0)
    const backupsBefore = new Set<number>()
    for (const share of [0.1, 0.65, 0.8]) {
      const to = await used()
      const state = newState()
      const { backup, bin, listed } = at(state)
      await runAndKill(args(to), state, Math.floor(events * share), 0)
      const [run] = await runsOf(state)
      if (run === undefined || run.status === "published") continue
      backupsBefore.add((await listed()).length)
      const report = JSON.parse((await bin("runs", "resume", run.run, "--yes", "--json")).stdout)
      expect(report).toMatchObject({ outcome: "done", backup: { id: expect.any(String) } })
      const verified = JSON.parse((await backup("verify", report.backup.id, "--json")).stdout)
      expect(verified).toMatchObject({ outcome: "equal", source: { location: to, nodes: 40 } })
    }
    expect([...backupsBefore].sort()).toEqual([0, 1])
  })
})

describe.skipIf(engineAvailable !== undefined)(engineAvailable ?? "FalkorDBLite", () => {
  it("is backed up before a run, and restored into another engine", async () => {
    const { backup, bin, listed } = at(newState())
    const file = copyOf("falkordblite-small.fdb")
    const run = await bin("migrate", copyOf("python-small.db"), file, "--yes", "--backup")
    expect(run.code, run.stderr).toBe(0)
    const [made] = await listed()
    expect(run.stdout).toContain(`backup        ${made?.id}`)
    const to = path.join(tempFolder(), "from-lite.db")
    expect((await backup("restore", made?.id ?? "", to)).code).toBe(0)
    expect((await bin("verify", copyOf("falkordblite-small.fdb"), to)).code).toBe(0)
    expect((await backup("verify", made?.id ?? "", "--restore-drill")).code).toBe(0)
  })
})
