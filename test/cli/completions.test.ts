import { spawnSync } from "node:child_process"
import * as fs from "node:fs"
import * as path from "node:path"
import { beforeAll, describe, expect, it } from "vitest"
import { tempFolder } from "../support/migrating.ts"
import { onTerminal } from "./pty.ts"
import { BIN, runBin } from "./runBin.ts"

const TAB = "\t"

const folder = tempFolder()
const env = {
  PATH: `${folder}:${path.dirname(process.execPath)}:${process.env["PATH"]}`,
  MEMORYGRAPH_CONFIG: path.join(folder, "config.yaml"),
  // Nobody's own start-up files, history or prompt.
  HOME: folder,
  ZDOTDIR: folder,
  PS1: "ready> "
}

beforeAll(async () => {
  fs.symlinkSync(BIN, path.join(folder, "memorygraph"))
  fs.writeFileSync(env.MEMORYGRAPH_CONFIG, "stores:\n  laptop: { path: laptop.db }\n  team: { uri: 'bolt://h' }\n")
  fs.writeFileSync(path.join(folder, ".zshrc"), "PS1='ready> '\n")
  for (const shell of ["bash", "zsh", "fish"]) {
    const { code, stdout } = await runBin(["completions", shell])
    expect(code).toBe(0)
    fs.writeFileSync(path.join(folder, `c.${shell}`), stdout)
  }
})

const has = (shell: string): boolean => spawnSync(shell, ["--version"]).status === 0

/** Skips loudly where a shell is not installed. */
const where = (shell: string) =>
  has(shell) ? it : (name: string) => it.skip(`${name}: ${shell} is not installed`, () => {})

/** What a line becomes when TAB is pressed at its end. */
const completedBy = async (shell: "bash" | "zsh", line: string, expected: RegExp): Promise<void> => {
  const args = shell === "bash" ? ["--norc", "--noprofile", "-i"] : ["-i"]
  const terminal = onTerminal(shell, args, { env, columns: 200, cwd: folder })
  await terminal.until(/ready> /)
  terminal.type(`source ./c.${shell}; echo so""urced $?\r`)
  await terminal.until(/sourced 0/)
  expect(terminal.output()).not.toMatch(/error|not found|syntax/i)
  terminal.type(`${line}${TAB}`)
  await terminal.until(expected)
  // No polite end: a bash that is hung up on in the middle of a line sometimes stays.
  terminal.kill("SIGKILL")
  await terminal.ended
}

describe.each(["bash", "zsh"] as const)("%s", (shell) => {
  where(shell)("completes a command", () => completedBy(shell, "memorygraph mig", /memorygraph migrate /))
  where(shell)("completes an option", () =>
    completedBy(shell, "memorygraph export --form", /memorygraph export --format /)
  )
  where(shell)("completes a choice", () =>
    completedBy(shell, "memorygraph migrate --on-conflict ov", /--on-conflict overwrite /)
  )
  where(shell)("completes an action", () => completedBy(shell, "memorygraph backup rest", /backup restore /))
  where(shell)("completes the name of a store", () => completedBy(shell, "memorygraph health lap", /health laptop /))
  where(shell)("completes the name of a store after an option", () =>
    completedBy(shell, "memorygraph migrate --to te", /--to team /)
  )
})

describe("fish", () => {
  /** What fish offers for a line. */
  const offered = (line: string): ReadonlyArray<string> => {
    const ran = spawnSync("fish", ["--no-config", "-c", `source ./c.fish; or exit 1; complete -C '${line}'`], {
      cwd: folder,
      env: { ...process.env, ...env },
      encoding: "utf8"
    })
    expect(ran.stderr).toBe("")
    expect(ran.status).toBe(0)
    return ran.stdout.split("\n").map((row) => row.split("\t", 1)[0] ?? "")
  }

  where("fish")("completes commands, options, choices, actions and stores", () => {
    expect(offered("memorygraph mig")).toContain("migrate")
    expect(offered("memorygraph export --form")).toContain("--format")
    expect(offered("memorygraph migrate --on-conflict ")).toEqual(expect.arrayContaining(["skip", "overwrite", "fail"]))
    expect(offered("memorygraph backup rest")).toContain("restore")
    expect(offered("memorygraph health ")).toEqual(expect.arrayContaining(["laptop", "team"]))
    expect(offered("memorygraph migrate --to ")).toEqual(expect.arrayContaining(["laptop", "team"]))
  })
})

describe("completions", () => {
  it("are there under the library's old name, too, and for sh there is nothing to do", async () => {
    expect((await runBin(["--completions", "bash"])).stdout).toContain("complete -o bashdefault")
    const sh = await runBin(["completions", "sh"])
    expect(spawnSync("sh", ["-c", sh.stdout]).status).toBe(0)
  })

  it("of an unknown shell are a wrong call", async () => {
    const { code, stderr } = await runBin(["completions", "tcsh"])
    expect(code).toBe(2)
    expect(stderr).toContain("One of bash, zsh, fish, sh")
  })
})
