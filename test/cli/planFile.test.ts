/** Plans as files: made by one call, carried out by another, refused where anything has changed. The built command. */
import * as crypto from "node:crypto"
import * as fs from "node:fs"
import * as path from "node:path"
import { describe, expect, it } from "vitest"
import { Ajv2020 } from "ajv/dist/2020.js"
import { copyOf, edit, tempFolder } from "../support/migrating.ts"
import { runBin } from "./runBin.ts"

const sha = (file: string): string | undefined =>
  fs.existsSync(file) ? crypto.hash("sha256", fs.readFileSync(file), "hex") : undefined

/** One property of one node, so that no count changes. */
const RETITLE = `UPDATE nodes SET properties = json_set(properties, '$.title', 'changed') WHERE id = 'other'`

/** A store in use, which lacks the fixture's relationships and one of its nodes, and holds one of its own. */
const inUse = (): string => {
  const file = copyOf("python-small.db")
  edit(
    file,
    "DELETE FROM relationships",
    "DELETE FROM nodes WHERE id = (SELECT min(id) FROM nodes)",
    `INSERT INTO nodes (id, label, properties) VALUES ('other', 'Memory', '{"id":"other","title":"theirs"}')`
  )
  return file
}

const planned = async (to: string, ...flags: ReadonlyArray<string>) => {
  const folder = tempFolder()
  const [from, plan, state] = [copyOf("python-small.db"), path.join(folder, "plan.json"), path.join(folder, "state")]
  const env = { MEMORYGRAPH_STATE_DIR: state }
  const before = sha(to)
  const made = await runBin(["migrate", from, to, "--plan-out", plan, "--json", ...flags], { env })
  expect(made.code, made.stderr).toBe(0)
  expect(made.stderr).toContain(`"memorygraph migrate --apply ${plan}" carries it out`)
  expect(sha(to)).toBe(before)
  expect(fs.existsSync(state)).toBe(false)
  const apply = (...more: ReadonlyArray<string>) => runBin(["migrate", "--apply", plan, "--json", ...more], { env })
  return { from, to, plan, before, report: JSON.parse(made.stdout), apply }
}

const fresh = (): string => path.join(tempFolder(), "new.db")

describe("a plan as a file", () => {
  it("is private, as its schema says, and holds what the dry run said", async () => {
    const { from, plan, report, to } = await planned(inUse())
    expect(fs.statSync(plan).mode & 0o777).toBe(0o600)
    const document = JSON.parse(fs.readFileSync(plan, "utf8"))
    const schema = JSON.parse(fs.readFileSync(new URL("../../schemas/plan-1.schema.json", import.meta.url), "utf8"))
    const ajv = new Ajv2020({ strict: true })
    expect(ajv.validate(schema, document), ajv.errorsText()).toBe(true)
    expect(document).toMatchObject({
      source: { store: { kind: "sqlite", path: from } },
      target: { store: { kind: "sqlite", path: to } },
      plan: { new: 61, same: 29, conflicts: 0 },
      hash: report.plan.hash
    })
    expect(report).toMatchObject({ outcome: "dry-run", dryRun: true })
  })

  it.each([
    ["a new file", fresh],
    ["a store in use", inUse]
  ])("is carried out into %s without a question, once", async (_, make) => {
    const { apply, to } = await planned(make())
    const done = await apply()
    expect(done.code, done.stderr).toBe(0)
    expect(JSON.parse(done.stdout)).toMatchObject({ outcome: "done", verification: { mode: "full" } })
    expect(done.stderr).not.toContain("Go on?")
    const after = sha(to)
    // What was a plan has become what is there.
    const again = await apply()
    expect(again.code).toBe(9)
    expect(sha(to)).toBe(after)
  })

  it.each([
    [
      "the source: one property",
      "from",
      "UPDATE nodes SET properties = json_set(properties, '$.title', 'x') WHERE id = (SELECT max(id) FROM nodes)"
    ],
    [
      "the source: a relationship less",
      "from",
      "DELETE FROM relationships WHERE id = (SELECT min(id) FROM relationships)"
    ],
    ["the target: one property of an unrelated node, all counts equal", "to", RETITLE],
    ["the target: a node more", "to", `INSERT INTO nodes (id, label, properties) VALUES ('n', 'Memory', '{"id":"n"}')`]
  ] as const)("is stale where something has changed in %s", async (_, side, change) => {
    const made = await planned(inUse())
    edit(made[side], change)
    const before = sha(made.to)
    const { code, stderr, stdout } = await made.apply()
    expect(code).toBe(9)
    expect(JSON.parse(stdout)).toMatchObject({ outcome: "refused", error: { tag: "Refused", reason: "stale-plan" } })
    expect(stderr).toMatch(
      new RegExp(
        `The plan is stale: the ${side === "from" ? "source" : "target"} has changed: it was mg1:.* and is mg1:`
      )
    )
    expect(sha(made.to)).toBe(before)
  })

  it("is stale where the target is there that was not", async () => {
    const made = await planned(fresh())
    fs.copyFileSync(copyOf("python-small.db"), made.to)
    const { code, stderr } = await made.apply()
    expect(code).toBe(9)
    expect(stderr).toContain("the target is another store or file than it was")
  })

  it.each([
    ["its options", (text: string) => text.replace('"onConflict": "skip"', '"onConflict": "overwrite"')],
    ["its target", (text: string) => text.replaceAll("new.db", "old.db")],
    ["a count", (text: string) => text.replace('"new": 90', '"new": 91')],
    ["a member more", (text: string) => text.replace("{", '{ "more": 1,')],
    ["what it is", (text: string) => text.replace('"plan"', '"jsonl"')],
    ["its version", (text: string) => text.replace('"version": 1', '"version": 2')],
    ["its end", (text: string) => text.slice(0, -10)]
  ])("is refused where somebody edited %s (4)", async (_, change) => {
    const { apply, plan, to } = await planned(fresh())
    const text = fs.readFileSync(plan, "utf8")
    expect(change(text)).not.toBe(text)
    fs.writeFileSync(plan, change(text))
    const { code, stderr, stdout } = await apply()
    expect(code, stderr).toBe(4)
    expect(JSON.parse(stdout).error.tag).toBe("DocumentInvalid")
    expect(stderr).toContain("Nothing was written")
    expect(fs.existsSync(to)).toBe(false)
  })

  it("is still the plan where a formatter has laid it out anew", async () => {
    const { apply, plan } = await planned(fresh())
    fs.writeFileSync(plan, JSON.stringify(JSON.parse(fs.readFileSync(plan, "utf8"))))
    expect((await apply()).code).toBe(0)
  })

  it("takes no options that say something else (2), and those that say the same", async () => {
    const { apply, from, plan, to } = await planned(fresh(), "--on-conflict", "overwrite")
    for (const flags of [
      ["--on-conflict", "skip"],
      ["--skip-duplicates"],
      ["--no-verify"],
      ["--backup"],
      ["--on-error", "reject"],
      ["--on-unkeyed", "add"],
      ["--plan-out", `${plan}2`],
      [copyOf("python-small.db"), to],
      ["--to", fresh()],
      ["--to-path", fresh()]
    ]) {
      const { code, stderr } = await apply(...flags)
      expect(stderr, flags.join(" ")).toMatch(/contradicts the plan/)
      expect(code).toBe(2)
    }
    expect(fs.existsSync(to)).toBe(false)
    const dry = await apply("--dry-run", from, to, "--on-conflict", "overwrite")
    expect(JSON.parse(dry.stdout)).toMatchObject({ outcome: "dry-run", exitCode: 0 })
    expect((await apply(from, to, "--on-conflict", "overwrite")).code).toBe(0)
  })

  it("is not written over a file that is there, unless --yes says so; then before any work", async () => {
    const plan = path.join(tempFolder(), "plan.json")
    fs.writeFileSync(plan, "mine")
    const args = ["migrate", copyOf("python-small.db"), fresh(), "--plan-out", plan]
    const refused = await runBin(args)
    expect(refused.code).toBe(5)
    expect(refused.stderr).not.toContain("Reading")
    expect(fs.readFileSync(plan, "utf8")).toBe("mine")
    expect((await runBin([...args, "--yes"])).code).toBe(0)
    expect(fs.statSync(plan).mode & 0o777).toBe(0o600)
  })

  it("is not made where the run would be refused", async () => {
    const to = copyOf("python-small.db")
    edit(
      to,
      "UPDATE nodes SET properties = json_set(properties, '$.title', 'x') WHERE id = (SELECT min(id) FROM nodes)"
    )
    const plan = path.join(tempFolder(), "plan.json")
    const { code } = await runBin([
      "migrate",
      copyOf("python-small.db"),
      to,
      "--on-conflict",
      "fail",
      "--plan-out",
      plan
    ])
    expect(code).toBe(9)
    expect(fs.existsSync(plan)).toBe(false)
  })

  it("that is not there is a bad document (4)", async () => {
    const { code, stderr } = await runBin(["migrate", "--apply", path.join(tempFolder(), "no.json")])
    expect(stderr).toContain("does not exist")
    expect(code).toBe(4)
  })
})
