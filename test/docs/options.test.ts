/** Options that no page runs are run here; coverage.test.ts sees to it that none is left. */
import * as fs from "node:fs"
import * as path from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { runBin } from "../cli/runBin.ts"
import { engineAvailable, startFalkorDB, type TestServer } from "../support/falkordb.ts"
import { tempFolder } from "../support/migrating.ts"
import { CALLS } from "./options.ts"
import { ROOT } from "./pages.ts"

const PASSWORD = "not-a-secret"

let server: TestServer | undefined
const folder = tempFolder()
const state = path.join(folder, "state")

beforeAll(async () => {
  if (engineAvailable === undefined) server = await startFalkorDB({ password: PASSWORD })
  fs.copyFileSync(path.join(ROOT, "examples", "memories.db"), path.join(folder, "memory.db"))
  fs.writeFileSync(path.join(folder, "secret"), `${PASSWORD}\n`)
  fs.writeFileSync(path.join(folder, "ca.pem"), "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n")
})
afterAll(() => server?.stop())

const newestBackup = (): string => fs.readdirSync(path.join(state, "backups")).sort().at(-1) ?? ""

const filled = (word: string): string =>
  word
    .replace("SERVER", "127.0.0.1")
    .replace("PORT", String(server?.port))
    .replace("CLOSED", "127.0.0.1:1")
    .replace("SECRET", "secret")
    .replace("BACKUP", newestBackup)
    .replace("CA", "ca.pem")

describe("options that no page runs", { timeout: 120_000 }, () => {
  it.each(CALLS.map((call) => [call.args.join(" "), call] as const))("%s", async (line, { args, exit }) => {
    expect(line.includes("SERVER") ? engineAvailable : undefined).toBeUndefined()
    const { code, output } = await runBin(args.map(filled), { cwd: folder, env: { MEMORYGRAPH_STATE_DIR: state } })
    expect(code, output).toBe(exit)
  })
})
