import { spawnSync } from "node:child_process"
import * as fs from "node:fs"
import * as path from "node:path"
import { describe, expect, it } from "vitest"
import { tempFolder } from "../support/migrating.ts"
import { BIN, cleanEnv } from "./runBin.ts"

/** Runs the command on a Node that says it is of this version; `inside` too where it is started by the command. */
const onNode = (version: string, bin: string, inside: boolean) => {
  const pretend = `if (${inside} || !process.env.MEMORYGRAPH_HANDED_OVER)
    Object.defineProperty(process, "versions", { value: { ...process.versions, node: "${version}" } })`
  const { status, stderr, stdout } = spawnSync(process.execPath, [bin, "--version"], {
    env: cleanEnv({ NODE_OPTIONS: `--import data:text/javascript,${encodeURIComponent(pretend)}` })
  })
  return { status, stdout: stdout.toString(), stderr: stderr.toString() }
}

/** The command as it is where npm has installed no Node beside it. */
const alone = (): string => {
  const folder = tempFolder()
  fs.mkdirSync(path.join(folder, "dist"))
  fs.copyFileSync(BIN, path.join(folder, "dist", "bin.js"))
  fs.copyFileSync(path.join(path.dirname(BIN), "..", "package.json"), path.join(folder, "package.json"))
  return path.join(folder, "dist", "bin.js")
}

describe("the guard", () => {
  it.each(["18.20.8", "20.20.2", "22.9.0", "22.15.1"])("Node %s without a newer one: one line, exit 2", (version) => {
    const { status, stderr, stdout } = onNode(version, alone(), true)
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" })
    expect(stderr).toMatch(new RegExp(`^memorygraph needs Node 22\\.16 or newer and this is Node ${version}: .*\n$`))
  })

  it.each(["22.16.0", "22.20.0", "23.0.0", "24.21.0", "100.1.0"])("Node %s is new enough", (version) => {
    expect(onNode(version, alone(), true)).toMatchObject({ status: 0, stderr: "" })
  })

  it("an old Node hands over to the one that npm installed", (ctx) => {
    const installed = path.join(path.dirname(BIN), "..", "node_modules", ".bin", "node")
    if (!fs.existsSync(installed)) ctx.skip("npm installs no Node for this platform")
    const { status, stderr, stdout } = onNode("20.20.2", BIN, false)
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" })
    expect(stdout).toMatch(/^\d+\.\d+\.\d+\n$/)
  })

  it("hands over once: where the other is too old as well, it says so", () => {
    const { status, stderr } = onNode("20.20.2", BIN, true)
    expect(status).toBe(2)
    expect(stderr.trim().split("\n")).toHaveLength(1)
  })
})
