/** No file of a store is ever replaced by a document, a plan or a report, however it is asked for. */
import * as fs from "node:fs"
import * as path from "node:path"
import Database from "better-sqlite3"
import { describe, expect, it } from "vitest"
import { copyOf, tempFolder } from "../support/migrating.ts"
import { engineAvailable } from "../support/falkordb.ts"
import { runBin } from "./runBin.ts"

const refused = async (args: ReadonlyArray<string>, victim: string): Promise<string> => {
  const before = fs.readFileSync(victim)
  const { code, stderr } = await runBin(args)
  expect(stderr).toMatch(/is (an SQLite database|a FalkorDB graph|a part of the SQLite database)/)
  expect(code).toBe(5)
  expect(fs.readFileSync(victim).equals(before)).toBe(true)
  return stderr
}

describe("the file of a store stays", () => {
  it.each(["json", "jsonl", "mcp-memory", "cypher"])("as the output of its own export as %s", async (format) => {
    const file = copyOf("python-small.db")
    await refused(["export", file, "--output", file, "--format", format, "--yes"], file)
  })

  it("under another name, by a link, and as another store", async () => {
    const file = copyOf("python-small.db")
    const other = copyOf("ts-small.db")
    const link = path.join(tempFolder(), "memories.json")
    fs.symlinkSync(other, link)
    await refused(["export", file, "--output", other, "--format", "json", "--yes"], other)
    await refused(["export", file, "--output", link, "--yes"], other)
    expect(fs.lstatSync(link).isSymbolicLink()).toBe(true)
  })

  it("with what SQLite keeps beside it", async () => {
    const file = copyOf("python-small.db")
    const db = new Database(file)
    db.pragma("journal_mode = WAL")
    db.exec("UPDATE nodes SET label = label")
    const args = (part: string) => ["export", file, "--output", `${file}${part}`, "--format", "json", "--yes"]
    await refused(args("-wal"), `${file}-wal`)
    // Readers write into this one.
    expect((await runBin(args("-shm"))).stderr).toContain("is a part of the SQLite database")
    expect(fs.readFileSync(`${file}-shm`, "latin1")).not.toContain("memorygraph")
    db.close()
  })

  it("as a plan", async () => {
    const file = copyOf("python-small.db")
    const other = copyOf("ts-small.db")
    await refused(["migrate", file, path.join(tempFolder(), "new.db"), "--plan-out", other, "--yes"], other)
  })

  it.skipIf(engineAvailable !== undefined)("as a FalkorDBLite file", async () => {
    const file = copyOf("python-small.db")
    const graph = path.join(tempFolder(), "graph.fdb")
    expect((await runBin(["migrate", file, `falkordblite:${graph}`, "--yes"])).code).toBe(0)
    await refused(["export", file, "--output", graph, "--format", "jsonl", "--yes"], graph)
  })
})

it("an export that cannot be written is refused before the store is read", async () => {
  const file = copyOf("python-small.db")
  const taken = path.join(tempFolder(), "taken.json")
  fs.writeFileSync(taken, "{}")
  for (const output of [taken, path.join(tempFolder(), "none", "out.json"), tempFolder()]) {
    const { code, stderr } = await runBin(["export", file, "--output", output, "--format", "json"])
    expect(code).toBe(5)
    expect(stderr).not.toContain("Reading")
    expect(stderr).toContain("was not written")
  }
  expect(fs.readFileSync(taken, "utf8")).toBe("{}")
})
