import * as path from "node:path"
import { beforeAll, describe, expect, it } from "vitest"
import { copyOf, tempFolder } from "../support/migrating.ts"
import { readSeed } from "../support/plainSql.ts"
import { runBin } from "./runBin.ts"

const state = path.join(tempFolder(), "state")
const env = { MEMORYGRAPH_STATE_DIR: state }
const to = path.join(tempFolder(), "new.db")

const runs = (...args: ReadonlyArray<string>) => runBin(["runs", ...args], { env })

const idOf = async (): Promise<string> => {
  const { stdout } = await runs("--json")
  const { runs: listed } = JSON.parse(stdout) as { readonly runs: ReadonlyArray<{ readonly run: string }> }
  return listed[0]?.run ?? ""
}

describe("runs", () => {
  beforeAll(async () => {
    expect((await runs()).stdout).toBe("There are no runs.\n")
    expect((await runBin(["migrate", copyOf("python-small.db"), to, "--yes"], { env })).code).toBe(0)
  })

  it("lists and shows them, for people and as JSON", async () => {
    const id = await idOf()
    expect((await runs()).stdout).toMatch(
      new RegExp(`^${id}  published  \\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d  migrate  .* -> ${to}\n$`)
    )
    const shown = await runs("show", id.slice(0, 18))
    expect(shown.stdout).toContain(`"memorygraph runs rollback ${id}" takes it back`)
    expect(shown.stdout).toContain("read          90")
    expect(JSON.parse((await runs("show", id, "--json")).stdout)).toMatchObject({
      run: id,
      status: "published",
      target: to,
      report: { records: { written: 90 } }
    })
  })

  it("say what is wrong with a call (2)", async () => {
    for (const [args, says] of [
      [["show"], /Which run/],
      [["show", "nothing"], /There is no run nothing/],
      [["show", "../../etc"], /There is no run/],
      [["melt"], /runs has no action "melt"/],
      [["prune"], /Give the id of the run to delete, or --all/],
      [["resume"], /Which run/]
    ] as const) {
      const { code, stderr } = await runs(...args)
      expect(stderr).toMatch(says)
      expect(code).toBe(2)
    }
  })

  it("resume what needs no resuming is refused (9)", async () => {
    const { code, stderr } = await runs("resume", await idOf())
    expect(stderr).toContain("needs no resuming")
    expect(code).toBe(9)
  })

  it("roll a published run back only when that is confirmed, and forget it", async () => {
    const id = await idOf()
    const refused = await runs("rollback", id)
    expect(refused.code).toBe(9)
    expect(refused.stderr).toContain("--yes")
    expect(readSeed(to).nodes.size).toBe(30)
    const taken = await runs("rollback", id, "--yes")
    expect(taken.stdout).toContain(`Taken back: ${to} holds 0 nodes and 0 relationships again`)
    expect(taken.code).toBe(0)
    expect(readSeed(to).nodes.size + readSeed(to).relationships.size).toBe(0)
    expect((await runs()).stdout).toContain("rolled-back")
    expect((await runs("prune", "--all")).stdout).toBe(`Deleted ${id}.\n`)
    expect((await runs()).stdout).toBe("There are no runs.\n")
  })
})
