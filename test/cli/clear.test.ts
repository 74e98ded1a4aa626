import * as crypto from "node:crypto"
import { spawnSync } from "node:child_process"
import * as fs from "node:fs"
import * as path from "node:path"
import { stripVTControlCharacters } from "node:util"
import { beforeEach, describe, expect, it } from "vitest"
import { nameOf } from "../../src/cli/clear.ts"
import { copyOf, edit, tempFolder } from "../support/migrating.ts"
import { readSeed } from "../support/plainSql.ts"
import { runBin, runInTerminal } from "./runBin.ts"

const NAME = "python-small.db"
const sha = (file: string): string => crypto.hash("sha256", fs.readFileSync(file), "hex")
const newState = () => path.join(tempFolder(), "state")
const backupsIn = (state: string) => {
  const folder = path.join(state, "backups")
  return fs.existsSync(folder) ? fs.readdirSync(folder) : []
}

describe("the name of a store to be cleared", () => {
  it.each([
    [undefined, "/data/memory.db", "memory.db"],
    ["./memory.db", "/data/memory.db", "memory.db"],
    ["sqlite", "C:\\data\\memory.db", "memory.db"],
    ["team", "falkordb://127.0.0.1:6379/graph", "team"],
    ["falkordb://127.0.0.1:6379/graph", "falkordb://127.0.0.1:6379/graph", "graph"],
    ["neo4j", "neo4j://localhost:7687/", "localhost:7687"]
  ])("of %s at %s is %s", (word, location, name) => expect(nameOf(word, location)).toBe(name))
})

describe("clear, without a terminal", () => {
  it("does nothing unless the store's own name is given", async () => {
    const file = copyOf(NAME)
    const before = sha(file)
    const unnamed = await runBin(["clear", file])
    expect([unnamed.code, unnamed.stderr]).toEqual([9, expect.stringContaining(`--confirm ${NAME}`)])
    expect((await runBin(["clear", file, "--yes"])).code).toBe(9)
    const wrong = await runBin(["clear", file, "--confirm", "memory.db", "--yes"])
    expect([wrong.code, wrong.stderr]).toEqual([9, expect.stringContaining(`Its name is ${NAME}`)])
    const both = await runBin(["clear", file, "--confirm", NAME, "--backup", "--no-backup"])
    expect(both.code).toBe(2)
    const dry = await runBin(["clear", file, "--dry-run"])
    expect([dry.code, dry.stdout]).toEqual([0, expect.stringContaining("all of it: 90 records")])
    expect(sha(file)).toBe(before)
    expect((await runBin(["clear", path.join(tempFolder(), "none.db"), "--confirm", "none.db"])).code).toBe(3)
  })

  it("removes everything, and a rollback brings it back", async () => {
    const file = copyOf(NAME)
    const before = readSeed(file)
    const env = { MEMORYGRAPH_STATE_DIR: newState() }
    const cleared = await runBin(["clear", file, "--confirm", NAME, "--backup", "--json"], { env })
    const report = JSON.parse(cleared.stdout)
    expect(cleared.code).toBe(0)
    expect(report).toMatchObject({ command: "clear", outcome: "done", source: null, records: { read: 0, removed: 90 } })
    expect(backupsIn(env.MEMORYGRAPH_STATE_DIR)).toEqual([report.backup.id])
    expect(readSeed(file).nodes.size).toBe(0)
    const again = await runBin(["clear", file, "--confirm", NAME], { env })
    expect([again.code, again.stdout]).toEqual([0, expect.stringContaining("holds nothing")])
    expect((await runBin(["runs", "rollback", report.run, "--yes"], { env })).code).toBe(0)
    expect(readSeed(file)).toEqual(before)
  })
})

describe("backup restore --replace", () => {
  it("asks with the number of records that go, and makes the store hold just the backup", async () => {
    const file = copyOf(NAME)
    const before = readSeed(file)
    const env = { MEMORYGRAPH_STATE_DIR: newState() }
    const { backup } = JSON.parse((await runBin(["backup", "create", file, "--json"], { env })).stdout)
    edit(
      file,
      "INSERT INTO nodes SELECT 'more', label, json_set(properties, '$.id', 'more'), created_at, updated_at FROM nodes LIMIT 1",
      "DELETE FROM relationships WHERE rowid % 2 = 0"
    )
    const [changed, bytes] = [readSeed(file), sha(file)]
    const restore = ["backup", "restore", backup.id, file, "--replace"]
    expect((await runBin([...restore, "--on-conflict", "skip"], { env })).code).toBe(2)
    expect((await runBin(["backup", "create", file, "--replace"], { env })).code).toBe(2)
    const unasked = await runBin(restore, { env })
    expect([unasked.code, unasked.stderr]).toEqual([
      9,
      expect.stringMatching(/removed +1 that the source does not have/)
    ])
    expect(sha(file)).toBe(bytes)
    const replaced = await runBin([...restore, "--yes", "--json"], { env })
    expect(JSON.parse(replaced.stdout).records).toMatchObject({ written: 30, same: 60, removed: 1 })
    expect(readSeed(file)).toEqual(before)
    const { run } = JSON.parse(replaced.stdout)
    expect((await runBin(["runs", "rollback", run, "--yes"], { env })).code).toBe(0)
    expect(readSeed(file)).toEqual(changed)
  })
})

const noScript = spawnSync("script", ["--version"]).status === 0 ? undefined : "no `script` here (util-linux)"

describe("clear, on a terminal", () => {
  beforeEach((context) => {
    if (noScript !== undefined) context.skip(noScript)
  })

  it("shows what is there, takes the name, offers a backup, and clears", async () => {
    const file = copyOf(NAME)
    const env = { MEMORYGRAPH_STATE_DIR: newState() }
    const { code, output } = await runInTerminal(["clear", file], {
      env,
      reactions: [
        { when: /Type the name of the store/, send: `${NAME}\n` },
        { when: /Make a backup first\? \[Y\/n\]/, send: "\n" }
      ]
    })
    const text = stripVTControlCharacters(output)
    expect(code).toBe(0)
    expect(text).toContain("30 nodes and 60 relationships")
    expect(text).toContain("90 records removed")
    expect(backupsIn(env.MEMORYGRAPH_STATE_DIR)).toHaveLength(1)
    expect(readSeed(file).nodes.size).toBe(0)
  })

  it.each([
    ["another name", "memory.db\n", 9],
    ["yes", "y\n", 9],
    ["the end of the input", "\u0004", 9],
    ["Ctrl-C", "\u0003", 130]
  ])("does nothing after %s", async (_, send, expected) => {
    const file = copyOf(NAME)
    const before = sha(file)
    const { code } = await runInTerminal(["clear", file, "--no-backup"], {
      reactions: [{ when: /Type the name of the store/, send }]
    })
    expect(code).toBe(expected)
    expect(sha(file)).toBe(before)
  })
})
