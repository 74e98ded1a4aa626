import { spawnSync } from "node:child_process"
import * as crypto from "node:crypto"
import * as fs from "node:fs"
import * as path from "node:path"
import { stripVTControlCharacters } from "node:util"
import { beforeEach, describe, expect, it } from "vitest"
import { phaseLine } from "../../src/cli/progress.ts"
import { copyOf, tempFolder } from "../support/migrating.ts"
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
      path.join(tempFolder(), "n.db")
    ])
    expect(code).toBe(0)
    expect(output).toMatch(/\rReading \[[#-]{20}\] \d+%/)
    expect(output).toContain("\u001b[K")
    expect(stripVTControlCharacters(output)).toMatch(/Moved 30 nodes and 60 relationships/)
  })

  it.each([40, 20])("no live line is wider than %d columns", async (columns) => {
    const { output } = await runInTerminal(["migrate", copyOf("python-small.db"), path.join(tempFolder(), "n.db")], {
      columns
    })
    const live = stripVTControlCharacters(output.slice(0, output.indexOf("Moved"))).split(/[\r\n]+/)
    expect(live.length).toBeGreaterThan(3)
    for (const line of live) expect(line.length).toBeLessThan(columns)
  })

  it("a terminal without a size gets plain lines", async () => {
    const { code, output } = await runInTerminal(
      ["migrate", copyOf("python-small.db"), path.join(tempFolder(), "n.db")],
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

  it.each([
    ["y\n", 0],
    ["yes\n", 0],
    ["n\n", 9],
    ["\n", 9],
    ["\u0004", 9]
  ])("a store that holds data is asked about, with the plan: %j ends with %d", async (send, code) => {
    const target = copyOf("python-small.db")
    const before = sha(target)
    const ended = await runInTerminal(["migrate", copyOf("python-small.db"), target], {
      reactions: [{ when: /Go on\? \[y\/N\]/, send }]
    })
    expect(ended.output).toMatch(/Plan for .*, which holds 30 nodes and 60 relationships:/)
    expect(ended.output).toMatch(/same +90/)
    expect(ended.code).toBe(code)
    if (code === 9) {
      expect(ended.output).toContain("Declined")
      expect(sha(target)).toBe(before)
    }
  })

  it("Ctrl-C at the question is an interruption, and nothing is written", async () => {
    const target = copyOf("python-small.db")
    const before = sha(target)
    const { code, output } = await runInTerminal(["migrate", copyOf("python-small.db"), target], {
      reactions: [{ when: /Go on\?/, send: "\u0003" }]
    })
    expect(code).toBe(130)
    expect(output).toContain("is untouched")
    expect(sha(target)).toBe(before)
  })

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
