/** What the built command does with its streams: narrow terminals, closed ones, readers that go away; and its start. */
import { spawnSync } from "node:child_process"
import * as fs from "node:fs"
import * as path from "node:path"
import { stripVTControlCharacters } from "node:util"
import { describe, expect, it } from "vitest"
import { copyOf, tempFolder } from "../support/migrating.ts"
import { binOnTerminal } from "./pty.ts"
import { BIN, cleanEnv, runBin } from "./runBin.ts"

/** Runs a line of sh in which `mg` is the command. */
const sh = (line: string, env: { readonly [name: string]: string } = {}) =>
  spawnSync("bash", ["-c", `set -o pipefail; mg() { "${process.execPath}" "${BIN}" "$@"; }; ${line}`], {
    cwd: tempFolder(),
    env: cleanEnv(env),
    encoding: "utf8",
    timeout: 50_000
  })

const longest = (output: string): number =>
  Math.max(
    ...stripVTControlCharacters(output)
      .split(/[\r\n]+/)
      .map((line) => line.length)
  )

describe("40 columns", () => {
  const store = copyOf("python-small.db")
  const config = (): string => {
    const file = path.join(tempFolder(), "config.yaml")
    fs.writeFileSync(file, `stores:\n  laptop: { path: ${store} }\n  team: { uri: 'bolt://127.0.0.1:1' }\n`)
    return file
  }

  it.each([
    ["help", ["--help"], 0],
    ["the help of a command", ["migrate", "--help"], 0],
    ["a plan and a dry run", ["migrate", store, path.join(tempFolder(), "new.db"), "--dry-run"], 0],
    ["a report", ["migrate", store, path.join(tempFolder(), "new.db"), "--yes", "--verbose"], 0],
    ["health", ["health", store], 0],
    ["the table of health", ["health"], 3],
    ["inspect", ["inspect", store], 0],
    ["config", ["config"], 0],
    ["an error", ["migrate", store, "nonsense"], 2],
    ["no command", [], 2]
  ])("are enough for %s", async (_, args, code) => {
    const terminal = binOnTerminal(args, { columns: 40, env: { MEMORYGRAPH_CONFIG: config() } })
    const ended = await terminal.ended
    expect(ended.code, ended.output).toBe(code)
    expect(ended.output.length).toBeGreaterThan(100)
    expect(longest(ended.output)).toBeLessThanOrEqual(40)
  })

  it("the JSON of --json is never broken into lines", async () => {
    const { output } = await binOnTerminal(["health", store, "--json", "--quiet"], { columns: 40 }).ended
    expect(JSON.parse(stripVTControlCharacters(output))).toMatchObject({ exitCode: 0 })
  })
})

describe("closed streams", () => {
  const store = copyOf("python-small.db")

  it("a closed standard output changes nothing of what is done", () => {
    const to = path.join(tempFolder(), "new.db")
    const ended = sh(`mg migrate ${store} ${to} --yes >&-`)
    expect(ended.status, ended.stderr).toBe(0)
    expect(sh(`mg verify ${store} ${to}`).status).toBe(0)
  })

  it("a closed standard error changes nothing of what is done", () => {
    const to = path.join(tempFolder(), "new.db")
    expect(sh(`mg migrate ${store} ${to} --yes 2>&-`).status).toBe(0)
    expect(sh(`mg verify ${store} ${to}`).status).toBe(0)
  })

  it("all closed, a migration still is whole", () => {
    const to = path.join(tempFolder(), "new.db")
    expect(sh(`mg migrate ${store} ${to} --yes <&- >&- 2>&-`).status).toBe(0)
    expect(sh(`mg verify ${store} ${to}`).status).toBe(0)
  })

  it("a reader that goes away ends no command with an error of its own", () => {
    for (const command of ["--help", `inspect ${store} --verbose`, `health ${store} --json`, "config"]) {
      const ended = sh(`mg ${command} | head -n 1 >/dev/null`)
      expect(ended.status, `${command}: ${ended.stderr}`).toBe(0)
      expect(ended.stderr).not.toMatch(/EPIPE|error:/)
    }
  })

  it("an export whose reader goes away says that it is not whole", () => {
    const ended = sh(`mg export ${store} --format json | head -c 10 >/dev/null`)
    // What fits into the pipe was taken: either nobody noticed, or it is an error.
    expect([0, 5]).toContain(ended.status)
    if (ended.status !== 0) expect(ended.stderr).toContain("error:")
  })
})

describe("talk on standard error, data on standard output", () => {
  it("in --json nothing but the document is on standard output", async () => {
    const store = copyOf("python-small.db")
    for (const args of [
      ["health", store],
      ["inspect", store],
      ["config"],
      ["runs"],
      ["migrate", store, store, "--yes"]
    ]) {
      const { stdout } = await runBin([...args, "--json", "--verbose"])
      expect(() => JSON.parse(stdout), args.join(" ")).not.toThrow()
      expect(stdout.trim().split("\n")).toHaveLength(1)
    }
  })

  it("a resized terminal is taken as it is", async () => {
    const to = path.join(tempFolder(), "new.db")
    const terminal = binOnTerminal(["migrate", copyOf("python-small.db"), to], { columns: 100 })
    await terminal.until(/Go on\? \[y\/N\]/)
    const before = terminal.output().length
    terminal.resize(40)
    terminal.type("y\r")
    const { code, output } = await terminal.ended
    expect(code).toBe(0)
    expect(longest(output.slice(before))).toBeLessThanOrEqual(40)
  })
})

describe("the start", () => {
  interface Cost {
    readonly seconds: number
    readonly megabytes: number
  }

  const cost = (args: ReadonlyArray<string>): Cost => {
    const tell = `process.once("exit", () => { const { maxRSS, systemCPUTime, userCPUTime } = process.resourceUsage(); process.stderr.write(JSON.stringify({ megabytes: maxRSS / 1024, seconds: (systemCPUTime + userCPUTime) / 1e6 })) })`
    const ran = spawnSync(process.execPath, args, {
      env: cleanEnv({ NODE_OPTIONS: `--import data:text/javascript,${encodeURIComponent(tell)}` }),
      encoding: "utf8"
    })
    return JSON.parse(ran.stderr)
  }
  /** The cheapest of a few: other work on the machine only adds. */
  const cheapest = (args: ReadonlyArray<string>): Cost => {
    const costs = Array.from({ length: 3 }, () => cost(args))
    return {
      seconds: Math.min(...costs.map(({ seconds }) => seconds)),
      megabytes: Math.min(...costs.map(({ megabytes }) => megabytes))
    }
  }

  it.each([
    ["--version", 2],
    ["--help", 5]
  ])("of %s costs at most %d times an empty Node in CPU, and less than 100 MB", (flag, times) => {
    const empty = cheapest(["-e", "0"])
    const ours = cheapest([BIN, flag])
    expect(ours.megabytes).toBeLessThan(100)
    // Under 0.3 s where Node itself starts in the usual 40 ms, or that many times its start on a slower machine.
    expect(ours.seconds).toBeLessThan(Math.max(0.3, empty.seconds * times))
  })
})
