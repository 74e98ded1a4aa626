import * as fs from "node:fs"
import { describe, expect, it } from "vitest"
import { VERSION } from "../../src/version.ts"
import { BIN, runBin } from "./runBin.ts"

const ESCAPE = "\u001b"

describe("--version and --help", () => {
  it("the version is the package's, answered at once", async () => {
    const { code, stderr, stdout } = await runBin(["--version"])
    expect({ code, stderr, stdout }).toEqual({ code: 0, stderr: "", stdout: `${VERSION}\n` })
    const manifest: { readonly version: string } = JSON.parse(
      fs.readFileSync(new URL("../../package.json", import.meta.url), "utf8")
    )
    expect(VERSION).toBe(manifest.version)
  })

  it.each([
    ["--version", 0.3],
    ["--help", 0.6]
  ])("%s takes less than %d s of CPU, the start of Node included", async (flag, limit) => {
    // CPU time and not the clock: other work on the machine does not count.
    const report = `process.once("exit", () => process.stderr.write(JSON.stringify(process.cpuUsage())))`
    const env = { NODE_OPTIONS: `--import data:text/javascript,${encodeURIComponent(report)}` }
    const { stderr } = await runBin([flag], { env })
    const { system, user }: NodeJS.CpuUsage = JSON.parse(stderr)
    expect((system + user) / 1e6).toBeLessThan(limit)
  })

  it("the guard is small and loads nothing before it has looked at the version of Node", () => {
    const guard = fs.readFileSync(BIN, "utf8")
    expect(guard.startsWith("#!/usr/bin/env node\n")).toBe(true)
    expect(guard.length).toBeLessThan(5000)
    const imported = [...guard.matchAll(/^import .* from "(.*)";$/gm)].map(([, name]) => name)
    expect(imported).toEqual(["node:child_process", "node:fs", "node:os", "node:path", "node:url"])
  })

  it("help goes to standard output, without escape sequences in a pipe", async () => {
    const { code, stderr, stdout } = await runBin(["--help"])
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" })
    for (const command of ["migrate", "verify", "export", "import", "health"])
      expect(stdout).toContain(`\n  ${command} `)
    expect(stdout).not.toContain(ESCAPE)
  })

  it.each(["migrate", "verify", "export", "import", "health"])(
    "%s has a help with every option explained",
    async (command) => {
      const { code, stdout } = await runBin([command, "--help"])
      expect(code).toBe(0)
      expect(stdout).toContain(`Usage: memorygraph ${command}`)
      expect(stdout).toMatch(/--json +print the report/)
      expect(stdout).toContain(`  memorygraph ${command} `)
      expect(stdout).not.toContain(ESCAPE)
      expect(stdout).not.toMatch(/A user-defined|This setting is optional/)
      for (const line of stdout.split("\n")) expect(line.length).toBeLessThanOrEqual(110)
    }
  )

  it("help of a command is found behind other arguments, but not behind --", async () => {
    expect((await runBin(["migrate", "a", "-h"])).stdout).toContain("Usage: memorygraph migrate")
    expect((await runBin(["health", "--", "--help"])).code).not.toBe(0)
  })

  it("a call without a command is a wrong call", async () => {
    const { code, stderr, stdout } = await runBin([])
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" })
    expect(stderr).toContain("Usage: memorygraph COMMAND")
  })
})

describe("a wrong call ends with 2, told once on standard error", () => {
  it.each([
    [["migarte"], /There is no command "migarte". Did you mean "migrate"\?/],
    [["Migrate"], /There is no command "Migrate"/],
    [["--json", "migrate"], /--json comes before the command/],
    [["migrate", "a.db", "--dry-rn"], /--dry-rn is not an option of this command/],
    [["migrate", "--dry-rn", "a.db", "b.db"], /--dry-rn.*Did you mean .--dry-run.\?$/m],
    [["migrate", "a.db", "b.db", "c.db"], /'c.db'/],
    [["migrate", "a.db", "b.db", "--on-conflict", "merge"], /--on-conflict is one of skip, overwrite, fail/],
    [["migrate", "a.db", "--to"], /Expected a value following option: '--to'/],
    [["migrate", "--from", "--to", "b.db"], /--from needs a value/],
    [["migrate", "a.db", "b.db", "--from-port", "99999"], /--from-port is a number from 1 to 65535/],
    [["migrate", "a.db", "b.db", "--from-port", "x"], /'x' is not a integer/],
    [["migrate", "a.db", "b.db", "--json", "--json"], /--json/],
    [["migrate", "a.db"], /No target is named/],
    [["migrate", "a.db", "--from", "sqlite", "b.db"], /name the same thing/],
    [["migrate", "a.db", "b.db", "--skip-duplicates", "--on-conflict", "overwrite"], /contradict each other/],
    [["health", "postgres"], /"postgres" is no store/],
    [["health", "nothing://h"], /the scheme nothing: is not known/],
    [["export", "a.db", "--json"], /both go to standard output/],
    [["import"], /No document is named/],
    [["verify", "a.db", "b.db", "--limit", "-1"], /--limit is a number from 0/]
  ])("%j", async (args, expected) => {
    const { code, stderr, stdout } = await runBin(args)
    expect(code).toBe(2)
    expect(stderr).toMatch(expected)
    expect(stderr.match(/error:/g)).toHaveLength(1)
    expect(stderr.trim().split("\n")).toHaveLength(2)
    expect(stderr).toMatch(/"memorygraph (\w+ )?--help" shows what can be given\.\n$/)
    expect(stderr).not.toContain(ESCAPE)
    if (!args.includes("--json")) expect(stdout).toBe("")
  })

  it("completions are generated for shells", async () => {
    const { code, stdout } = await runBin(["--completions", "bash"])
    expect(code).toBe(0)
    expect(stdout).toMatch(/^complete .*-F .* memorygraph/m)
  })

  it.each([
    [["migarte", "--json"]],
    [["migrate", "a.db", "--json"]],
    [["migrate", "--json", "--what"]],
    [["export", "a.db", "--json"]]
  ])("%j is a report too", async (args) => {
    const { code, stdout } = await runBin(args)
    expect(code).toBe(2)
    expect(JSON.parse(stdout)).toMatchObject({ exitCode: 2, outcome: "refused", error: { tag: "UsageError" } })
  })
})
