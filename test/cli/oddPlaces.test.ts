/** Places that are no files, and folders that are not there: said at once, and as what they are. */
import { spawnSync } from "node:child_process"
import * as fs from "node:fs"
import * as path from "node:path"
import { expect, it } from "vitest"
import { copyOf, tempFolder } from "../support/migrating.ts"
import { runBin } from "./runBin.ts"

it("a named pipe is no store, and is not waited for", async (ctx) => {
  const pipe = path.join(tempFolder(), "pipe.db")
  if (spawnSync("mkfifo", [pipe]).status !== 0) return ctx.skip("not run: no mkfifo on this machine")
  const { code, stderr } = await runBin(["health", pipe])
  expect(code).toBe(3)
  expect(stderr).toContain("is no regular file")
  const refused = await runBin(["export", copyOf("python-small.db"), "--output", pipe, "--format", "json", "--yes"])
  expect(refused.code).toBe(5)
  expect(refused.stderr).toContain("it is no file")
  expect(fs.lstatSync(pipe).isFIFO()).toBe(true)
})

it("a target whose folder is missing is said to be that", async () => {
  const target = path.join(tempFolder(), "none", "new.db")
  const { code, stdout } = await runBin(["migrate", copyOf("python-small.db"), target, "--yes", "--json"])
  const { error }: { readonly error: { readonly reason: string; readonly message: string } } = JSON.parse(stdout)
  expect([code, error.reason]).toEqual([3, "not-found"])
  expect(error.message).toMatch(/The folder of the file does not exist\. Nothing was written\. Make the folder/)
  expect(fs.existsSync(path.dirname(target))).toBe(false)
})

it.skipIf(process.platform !== "linux")("a backup below /proc ends, and is refused", async () => {
  const { code, stderr } = await runBin(["backup", "create", copyOf("python-small.db"), "--output", "/proc/none"])
  expect(code).toBe(5)
  expect(stderr).toContain("could not be made")
})

it("what a format leaves out is not counted as written", async () => {
  const output = path.join(tempFolder(), "memory.jsonl")
  const args = ["export", copyOf("python-small.db"), "--output", output, "--format", "mcp-memory", "--json"]
  const report: { readonly records: { readonly read: number; readonly written: number } } = JSON.parse(
    (await runBin(args)).stdout
  )
  const lines = fs.readFileSync(output, "utf8").trimEnd().split("\n").length
  expect(report.records).toMatchObject({ read: 90, written: lines })
  expect(lines).toBeLessThan(90)
})
