/** What the command prints as JSON, held to the published schemas by a validator that is not ours. */
import * as fs from "node:fs"
import * as path from "node:path"
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js"
import { describe, expect, it } from "vitest"
import { copyOf, tempFolder } from "../support/migrating.ts"
import { runBin } from "./runBin.ts"

const ajv = new Ajv2020({ strict: true, validateSchema: true })
const compiled = (name: string): ValidateFunction =>
  ajv.compile(JSON.parse(fs.readFileSync(new URL(`../../schemas/${name}`, import.meta.url), "utf8")))
const isReport = compiled("report-1.schema.json")
const isInspection = compiled("inspection-1.schema.json")
const isProgress = compiled("progress-1.schema.json")
const isPlan = compiled("plan-1.schema.json")

const problem = (validate: ValidateFunction, json: string): string | undefined =>
  validate(JSON.parse(json)) ? undefined : `${ajv.errorsText(validate.errors)}: ${json.slice(0, 500)}`

describe("--json is what its schema says", () => {
  it.each([
    ["a migration", 0, (db: string, folder: string) => ["migrate", db, path.join(folder, "n.db"), "--yes"]],
    ["a dry run", 0, (db: string, folder: string) => ["migrate", db, path.join(folder, "n.db"), "--dry-run"]],
    ["a refusal", 9, (db: string, folder: string) => ["migrate", db, path.join(folder, "n.db")]],
    ["a wrong call", 2, (db: string) => ["migrate", db, "--on-conflict", "no"]],
    ["a store that is not there", 3, (_: string, folder: string) => ["health", path.join(folder, "none.db")]],
    ["a comparison", 8, (db: string) => ["verify", db, copyOf("ts-small.db")]],
    ["health", 0, (db: string) => ["health", db]],
    ["a backup", 0, (db: string) => ["backup", "create", db]],
    ["clearing", 0, (db: string) => ["clear", db, "--confirm", path.basename(db), "--no-backup"]],
    ["an export", 0, (db: string, folder: string) => ["export", db, "--output", path.join(folder, "g.json")]]
  ] as const)("%s (exit %d)", async (_, code, args) => {
    const ended = await runBin([...args(copyOf("python-small.db"), tempFolder()), "--json"])
    expect([ended.code, ended.stderr]).toEqual([code, ended.stderr])
    expect(problem(isReport, ended.stdout)).toBeUndefined()
  })

  it("an inspection, and the plan that is kept", async () => {
    const inspected = await runBin(["inspect", copyOf("python-small.db"), "--json"])
    expect(problem(isInspection, inspected.stdout)).toBeUndefined()
    const [folder, plan] = [tempFolder(), path.join(tempFolder(), "plan.json")]
    await runBin(["migrate", copyOf("python-small.db"), path.join(folder, "n.db"), "--plan-out", plan])
    expect(problem(isPlan, fs.readFileSync(plan, "utf8"))).toBeUndefined()
  })

  it("every line of --progress json", async () => {
    const args = ["migrate", copyOf("python-small.db"), path.join(tempFolder(), "n.db"), "--yes", "--progress", "json"]
    const lines = (await runBin([...args, "--json"])).stderr.split("\n").filter((line) => line.startsWith("{"))
    expect(lines.length).toBeGreaterThan(8)
    for (const line of lines) expect(problem(isProgress, line)).toBeUndefined()
  })
})
