/** A plan says what is agreed to with it, and is not made where it would be refused. */
import * as fs from "node:fs"
import * as path from "node:path"
import { expect, it } from "vitest"
import { copyOf } from "../support/migrating.ts"
import { inConflict, MIGRATION, places } from "./places.ts"
import { type SessionOptions, withSession } from "./support.ts"

it("what is done with conflicts, rejects, backups and the verification is part of the plan, and of the question", async () => {
  const { config, source, target } = places()
  inConflict({ source, target })
  const questions: Array<string> = []
  const onAsk: SessionOptions["onAsk"] = (message) => {
    questions.push(message)
    return { action: "decline" }
  }
  const harmless = { ...MIGRATION }
  const other = { ...MIGRATION, on_conflict: "overwrite", verify: false, on_error: "reject", backup: true }
  await withSession({ config, onAsk }, async (session) => {
    await session.call("migrate_database", harmless)
    await session.call("migrate_database", other)
    const planned = await session.call("migrate_database", { ...other, dry_run: true })
    expect(planned.data.terms).toEqual([
      "The target is backed up first.",
      "2 records that the target holds with another content are overwritten by the source's.",
      "Records that cannot go are left out and kept as rejects (known now: 0); the others go.",
      "Nothing is read back: nothing of it will be verified."
    ])
    for (const term of planned.data.terms) expect(planned.text).toContain(term)
  })
  expect(questions[0]).toContain("2 records that the target holds with another content stay as the target has them.")
  expect(questions[0]).toContain("Everything is read back and compared")
  expect(questions[1]).toContain("overwritten by the source's")
  expect(questions[1]).toContain("nothing of it will be verified")
})

it("an export says where it goes, as what, what is lost there, and what the format cannot hold", async () => {
  const { config, folder } = places()
  const output = path.join(folder, "out.jsonl")
  await withSession({ config }, async (session) => {
    const given = { source: "laptop", output: "out.jsonl", format: "mcp-memory" }
    const { data } = await session.call("export_memories", given)
    expect(data.terms[0]).toBe(`Writes mcp-memory into ${output}.`)
    expect(data.terms[1]).toContain("no backup of this graph")
    await session.call("export_memories", { ...given, plan_hash: data.plan_hash })
    const again = await session.call("export_memories", { ...given, overwrite: true })
    expect(again.data.terms[0]).toContain("in the place of what is there")
  })
})

it("an export that would be refused is not planned", async () => {
  const { config, folder } = places()
  const store = path.join(folder, "store.db")
  fs.copyFileSync(copyOf("ts-small.db"), store)
  fs.writeFileSync(path.join(folder, "there.json"), "{}")
  fs.mkdirSync(path.join(folder, "foreign"))
  fs.writeFileSync(path.join(folder, "foreign", "mine.txt"), "mine")
  const before = fs.readFileSync(store)
  await withSession({ config }, async (session) => {
    for (const more of [
      { output: "there.json" },
      { output: "foreign", format: "markdown", overwrite: true },
      { output: "foreign", format: "json", overwrite: true },
      { output: "none/out.json" },
      { output: "store.db", format: "json", overwrite: true }
    ]) {
      const refused = await session.call("export_memories", { source: "laptop", ...more })
      expect(refused.data.error, JSON.stringify(more)).toMatchObject({ tag: "FileFailed" })
    }
  })
  expect(fs.readFileSync(store).equals(before)).toBe(true)
})

it("a page that was edited after the plan of an export is not replaced", async () => {
  const { config, folder } = places()
  const given = { source: "laptop", output: "md", format: "markdown", overwrite: true }
  await withSession({ config }, async (session) => {
    const first = await session.call("export_memories", given)
    expect((await session.call("export_memories", { ...given, plan_hash: first.data.plan_hash })).isError).toBe(false)
    const { plan_hash } = (await session.call("export_memories", given)).data
    const page = path.join(folder, "md", "index.md")
    fs.appendFileSync(page, "mine\n")
    const refused = await session.call("export_memories", { ...given, plan_hash })
    expect(refused.data.error).toMatchObject({ reason: "stale-plan" })
    expect(fs.readFileSync(page, "utf8")).toContain("mine\n")
  })
})

it("taking a run back says which and how much; one that is taken back already is not planned", async () => {
  const { config, source, target } = places()
  await withSession({ config }, async (session) => {
    const planned = await session.call("migrate_database", MIGRATION)
    const { run } = (await session.call("migrate_database", { ...MIGRATION, plan_hash: planned.data.plan_hash })).data
    const { data } = await session.call("rollback_run", { run })
    const said = data.terms.join("\n")
    for (const part of [run, source, target, "published", "It wrote 90, overwrote 0 and removed 0 records."])
      expect(said).toContain(part)
    expect((await session.call("rollback_run", { run, plan_hash: data.plan_hash })).isError).toBe(false)
    const refused = await session.call("rollback_run", { run })
    expect(refused.data.error.message).toContain("was rolled back already")
    expect((await session.call("rollback_run", { run: "none" })).text).toContain("list_runs lists the runs")
  })
})

it("a validation says which tool comes next", async () => {
  const { config, source, target } = places()
  await withSession({ config }, async (session) => {
    expect((await session.call("validate_migration", MIGRATION)).data.next).toContain("migrate_database with the same")
    inConflict({ source, target })
    const { data } = await session.call("validate_migration", { ...MIGRATION, mode: "compare" })
    expect(data.next).toContain("on_conflict")
  })
})
