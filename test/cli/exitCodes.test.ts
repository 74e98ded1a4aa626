/** Every exit code of the command, each reached for a reason that happens to people. */
import * as fs from "node:fs"
import * as path from "node:path"
import Database from "better-sqlite3"
import { afterAll, describe, expect, it } from "vitest"
import { copyOf, tempFolder } from "../support/migrating.ts"
import { binOnTerminal } from "./pty.ts"
import { type Ended, runBin } from "./runBin.ts"

const reached = new Set<number>()

/** Runs and checks the exit code, in the report of `--json` too; no error shows a stack trace. */
const ends = async (
  expected: number,
  args: ReadonlyArray<string>,
  env: { readonly [name: string]: string } = {}
): Promise<Ended & { readonly report: { readonly error: { readonly tag: string } | null } }> => {
  const ended = await runBin([...args, "--json"], { env })
  expect(ended.code, ended.stderr).toBe(expected)
  const report = JSON.parse(ended.stdout)
  expect(report.exitCode).toBe(expected)
  if (expected !== 1) expect(ended.stderr).not.toMatch(/\n\s+at /)
  reached.add(expected)
  return { ...ended, report }
}

const edited = (file: string, ...statements: ReadonlyArray<string>): string => {
  const db = new Database(file)
  db.pragma("foreign_keys = OFF")
  for (const statement of statements) db.exec(statement)
  db.close()
  return file
}

const source = () => copyOf("python-small.db")
const fresh = () => path.join(tempFolder(), "new.db")

/** A store in use that lacks one node of the source; a trigger does something when that one is written. */
const withTrigger = (trigger: string): string =>
  edited(
    source(),
    "CREATE TEMP TABLE chosen AS SELECT min(id) AS id FROM nodes",
    "DELETE FROM relationships",
    "DELETE FROM nodes WHERE id = (SELECT id FROM chosen)",
    trigger
  )

const dump = (file: string): unknown => {
  const db = new Database(file, { readonly: true })
  const rows = [
    db.prepare("SELECT * FROM nodes ORDER BY id").all(),
    db.prepare("SELECT * FROM relationships ORDER BY id").all()
  ]
  db.close()
  return rows
}

describe("exit codes", () => {
  it("0: done", async () => {
    await ends(0, ["migrate", source(), fresh(), "--yes"])
  })

  it("1: a defect, told as one", async () => {
    const planted = "Object.entries = () => { throw new Error('planted defect') }"
    const ended = await runBin(["health", source()], {
      env: { NODE_OPTIONS: `--import data:text/javascript,${encodeURIComponent(planted)}` }
    })
    expect(ended.stderr).toContain("planted defect")
    expect(ended.code).toBe(1)
    reached.add(1)
  })

  it("2: a wrong call, with where help is", async () => {
    const { stderr } = await ends(2, ["migrate", source(), fresh(), "--on-conflict", "perhaps"])
    expect(stderr).toContain('"memorygraph migrate --help" shows what can be given.')
  })

  it("3: a store that cannot be used", async () => {
    const { stderr } = await ends(3, ["health", path.join(tempFolder(), "no.db")])
    expect(stderr).toContain("does not exist. Check the path")
  })

  it("4: bad data in the source, and nothing is written", async () => {
    const dangling = edited(source(), "DELETE FROM nodes WHERE id = (SELECT from_id FROM relationships LIMIT 1)")
    const to = fresh()
    const { stderr } = await ends(4, ["migrate", dangling, to, "--yes"])
    expect(stderr).toMatch(/lead to nodes that are not there.*Nothing was written\. .*--on-error reject/)
    expect(fs.existsSync(to)).toBe(false)
  })

  it("5: the store refuses a record in the middle, and everything is undone", async () => {
    const to = withTrigger(
      "CREATE TRIGGER refusing BEFORE INSERT ON relationships BEGIN SELECT RAISE(ABORT, 'not in my house'); END"
    )
    const before = dump(to)
    const { stderr } = await ends(5, ["migrate", source(), to, "--yes"])
    expect(stderr).toContain("not in my house")
    expect(stderr).toContain("the target is as it was before")
    expect(dump(to)).toEqual(before)
  })

  it("6: the store changes what is written, verification sees it, and everything is undone", async () => {
    const to = withTrigger(
      `CREATE TRIGGER altering AFTER INSERT ON nodes BEGIN
         UPDATE nodes SET properties = json_set(properties, '$.title', 'altered') WHERE id = NEW.id; END`
    )
    const before = dump(to)
    const { report, stderr } = await ends(6, ["migrate", source(), to, "--yes"])
    expect(report.error?.tag).toBe("VerificationFailed")
    expect(stderr).toMatch(/changed +node .*, title: expected .*, found "altered"/)
    expect(dump(to)).toEqual(before)
  })

  it("7: what somebody has changed since is not taken back, but listed", async () => {
    const env = { MEMORYGRAPH_STATE_DIR: path.join(tempFolder(), "state") }
    const to = edited(source(), "DELETE FROM relationships", "DELETE FROM nodes WHERE id = (SELECT min(id) FROM nodes)")
    const moved = await runBin(["migrate", source(), to, "--yes", "--json"], { env })
    const { run } = JSON.parse(moved.stdout) as { readonly run: string }
    edited(
      to,
      "UPDATE nodes SET properties = json_set(properties, '$.title', 'mine now') WHERE id = (SELECT min(id) FROM nodes)"
    )
    const { stderr } = await ends(7, ["runs", "rollback", run, "--yes"], env)
    expect(stderr).toMatch(/Left behind:\n {2}/)
  })

  it("8: differences found", async () => {
    const other = edited(source(), "DELETE FROM relationships WHERE id = (SELECT min(id) FROM relationships)")
    await ends(8, ["verify", source(), other])
  })

  it("9: refused before the first write", async () => {
    const store = source()
    const { stderr } = await ends(9, ["migrate", store, store, "--yes"])
    expect(stderr).toMatch(/same store.*Nothing was written\. Name another target/)
  })

  it("10: done, with rejects", async () => {
    const dangling = edited(source(), "DELETE FROM nodes WHERE id = (SELECT from_id FROM relationships LIMIT 1)")
    const { report } = await ends(10, ["migrate", dangling, fresh(), "--yes", "--on-error", "reject"])
    expect(report.error).toBeNull()
  })

  it("130: interrupted at the question, and untouched", async () => {
    const to = edited(source(), "DELETE FROM relationships")
    const before = dump(to)
    const terminal = binOnTerminal(["migrate", source(), to])
    await terminal.until(/Go on\? \[y\/N\]/)
    terminal.type("\u0003")
    const { code, output } = await terminal.ended
    expect(code).toBe(130)
    expect(output).toMatch(/untouched/)
    expect(dump(to)).toEqual(before)
    reached.add(130)
  })

  afterAll(() => {
    expect([...reached].toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 130])
  })
})
