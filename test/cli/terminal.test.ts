import { spawnSync } from "node:child_process"
import * as crypto from "node:crypto"
import * as fs from "node:fs"
import * as path from "node:path"
import { stripVTControlCharacters } from "node:util"
import { beforeEach, describe, expect, it } from "vitest"
import { phaseLine } from "../../src/cli/progress.ts"
import { copyOf, edit, tempFolder } from "../support/migrating.ts"
import { runInTerminal } from "./runBin.ts"

const noScript =
  spawnSync("script", ["--version"]).status === 0 ? undefined : "no `script` here (util-linux) to make a terminal"

describe("a phase's line", () => {
  const state = { phase: "import", done: 123_456, total: 400_000, seconds: 10 } as const

  it("says what, how far, how many, how fast and how long", () => {
    expect(phaseLine(state, 100)).toBe("Writing [######--------------] 30% 123,456/400,000 12,346/s 22.4 s left")
  })

  it.each([20, 40, 60, 80])("fits into %d columns and begins with what matters", (width) => {
    const line = phaseLine(state, width)
    expect(line.length).toBeLessThanOrEqual(width)
    expect(line.startsWith("Writing")).toBe(true)
    expect(line).toContain("30%")
  })

  it("goes without a total and without records", () => {
    expect(phaseLine({ phase: "export", done: 5000, total: undefined, seconds: 0.01 }, 80)).toBe("Reading 5,000")
    expect(phaseLine({ phase: "preflight", done: 0, total: undefined, seconds: 0 }, 80)).toBe("Looking at both sides")
  })
})

describe("on a terminal", () => {
  beforeEach((ctx) => {
    if (noScript !== undefined) ctx.skip(noScript)
  })
  const sha = (file: string): string => crypto.hash("sha256", fs.readFileSync(file), "hex")

  it("progress is one live line, which is gone at the end", async () => {
    const { code, output } = await runInTerminal([
      "migrate",
      copyOf("python-small.db"),
      path.join(tempFolder(), "n.db"),
      "--yes"
    ])
    expect(code).toBe(0)
    expect(output).toMatch(/\rReading \[[#-]{20}\] \d+%/)
    expect(output).toContain("\u001b[K")
    expect(stripVTControlCharacters(output)).toMatch(/Moved 30 nodes and 60 relationships/)
  })

  it.each([40, 20])("no live line is wider than %d columns", async (columns) => {
    const { output } = await runInTerminal(
      ["migrate", copyOf("python-small.db"), path.join(tempFolder(), "n.db"), "--yes"],
      {
        columns
      }
    )
    const live = [...output.matchAll(/\r([^\r\n\u001b]+)\u001b\[K/g)].map(([, line = ""]) => line)
    expect(live.length).toBeGreaterThan(3)
    for (const line of live) expect(line.length).toBeLessThan(columns)
  })

  it("a terminal without a size gets plain lines", async () => {
    const { code, output } = await runInTerminal(
      ["migrate", copyOf("python-small.db"), path.join(tempFolder(), "n.db"), "--yes"],
      { columns: 0 }
    )
    expect(code).toBe(0)
    expect(output).toContain("Writing: 90 records in")
    expect(output).not.toContain("\u001b[K")
  })

  it("errors are coloured, but not under NO_COLOR", async () => {
    const missing = ["health", path.join(tempFolder(), "no.db")]
    expect((await runInTerminal(missing)).output).toContain("\u001b[31merror:")
    expect((await runInTerminal(missing, { env: { NO_COLOR: "1" } })).output).not.toContain("\u001b[31m")
  })

  /** A store that has another node in place of one of the fixture's: there is something to write into it. */
  const inUse = (): string => {
    const target = copyOf("python-small.db")
    edit(target, "DELETE FROM relationships", "DELETE FROM nodes WHERE id = (SELECT min(id) FROM nodes)")
    return target
  }
  const fresh = (): string => path.join(tempFolder(), "new.db")
  const ANSWERS = [
    ["y\n", 0],
    ["yes\n", 0],
    ["n\n", 9],
    ["\n", 9],
    ["\u0004", 9],
    ["\u0003", 130]
  ] as const
  const TARGETS = [
    { name: "a store that holds data", make: inUse, holds: "29 nodes and 0 relationships", added: 61 },
    { name: "a new file", make: fresh, holds: "nothing", added: 90 }
  ]

  it.each(TARGETS.flatMap((target) => ANSWERS.map(([send, code]) => ({ ...target, send, code }))))(
    "$name is asked about, with the plan: $send ends with $code",
    async ({ added, code, holds, make, send }) => {
      const target = make()
      const before = fs.existsSync(target) ? sha(target) : undefined
      const state = path.join(tempFolder(), "state")
      const ended = await runInTerminal(["migrate", copyOf("python-small.db"), target, "--quiet"], {
        env: { MEMORYGRAPH_STATE_DIR: state },
        reactions: [{ when: /Go on\? \[y\/N\]/, send }]
      })
      const output = stripVTControlCharacters(ended.output).replaceAll("\r", "")
      expect(output).toContain(`Plan for ${target}, which holds ${holds}:`)
      expect(output).toMatch(new RegExp(`new +${added}\n`))
      expect(ended.code, output).toBe(code)
      if (code === 0) return expect(fs.existsSync(target)).toBe(true)
      expect(output).toMatch(code === 130 ? /Interrupted\. .* is untouched/ : /Declined: .* is untouched/)
      expect(fs.existsSync(target) ? sha(target) : undefined).toBe(before)
      expect(fs.readdirSync(path.dirname(target))).toEqual(before === undefined ? [] : [path.basename(target)])
      expect(fs.existsSync(state)).toBe(false)
    }
  )

  it("a password is asked for without echo where a user is named and none is known", async () => {
    const { code, output } = await runInTerminal(["health", "bolt://someone@127.0.0.1:1"], {
      reactions: [{ when: /Password of someone on the store: /, send: "hush-hush\r" }]
    })
    expect(code).toBe(3)
    expect(output).not.toContain("hush")
  })

  it("Ctrl-C at the password ends with 130", async () => {
    const { code } = await runInTerminal(["health", "bolt://someone@127.0.0.1:1"], {
      reactions: [{ when: /Password of someone/, send: "hu\u0003" }]
    })
    expect(code).toBe(130)
  })
})
