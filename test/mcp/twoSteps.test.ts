/** The two steps to whatever writes, on real SQLite files: plan, agree, act; and everything that may stand between. */
import * as crypto from "node:crypto"
import * as fs from "node:fs"
import * as path from "node:path"
import type { Progress } from "@modelcontextprotocol/sdk/types.js"
import Database from "better-sqlite3"
import { describe, expect, it } from "vitest"
import { bytesOf, makeSource } from "../fault/migrationTargets.ts"
import { copyOf } from "../support/migrating.ts"
import { change, MIGRATION, places } from "./places.ts"
import { type Called, eventually, openSession, type Session, withSession } from "./support.ts"

/** What a file holds, in the layout of the Python MemoryGraph, in short: columns stand for what each run derives. */
const readSqlite = (file: string): string => {
  const db = new Database(file, { readonly: true })
  const all = (sql: string) => db.prepare(sql).raw().all()
  const rows = [
    ...all("SELECT id, label, properties ->> '$.title', properties ->> '$.content' FROM nodes ORDER BY id"),
    ...all("SELECT id, from_id, rel_type, to_id, properties ->> '$.strength' FROM relationships ORDER BY id")
  ]
  db.close()
  return crypto.hash("sha256", JSON.stringify(rows), "hex")
}

const plan = async (session: Session, tool: string, given: object): Promise<string> => {
  const planned = await session.call(tool, given)
  expect(planned.isError, planned.text).toBe(false)
  expect(planned.data.status).toBe("planned")
  expect(planned.data.plan_hash).toMatch(/^[0-9a-f]{64}$/)
  expect(planned.text).toContain(planned.data.plan_hash)
  return planned.data.plan_hash
}

const act = async (session: Session, tool: string, given: object): Promise<Called> => {
  const hash = await plan(session, tool, given)
  return session.call(tool, { ...given, plan_hash: hash })
}

const refusedWith = (called: Called, reason: string) => {
  expect(called.isError).toBe(true)
  expect(called.data.error).toMatchObject({ tag: "Refused", reason, exitCode: 9 })
  expect(called.text).toContain(called.data.error.message)
}

describe("migrate_database", () => {
  it("plans, and acts only with the hash of the plan, under the id that the plan has got", () => {
    const { config, source, target } = places()
    return withSession({ config }, async (session) => {
      const planned = await session.call("migrate_database", MIGRATION)
      expect(planned.data).toMatchObject({
        status: "planned",
        tool: "migrate_database",
        report: { outcome: "dry-run", dryRun: true, plan: { new: 90, conflicts: 0 } }
      })
      expect(fs.existsSync(target)).toBe(false)

      const done = await session.call("migrate_database", { ...MIGRATION, plan_hash: planned.data.plan_hash })
      expect(done.isError, done.text).toBe(false)
      expect(done.data).toMatchObject({
        run: planned.data.run,
        status: "done",
        report: { run: planned.data.run, outcome: "done", exitCode: 0, records: { written: 90 } }
      })
      const { sourceFingerprint, targetFingerprint } = done.data.report.verification
      expect(targetFingerprint).toBe(sourceFingerprint)
      expect(done.text).toContain(targetFingerprint)
      expect(readSqlite(target)).toBe(readSqlite(source))

      const runs = await session.call("list_runs")
      expect(runs.data.runs).toMatchObject([{ run: planned.data.run, status: "published" }])
    })
  })

  it("refuses a hash that is another plan's, and arguments that are not the plan's", () => {
    const { config, target } = places()
    return withSession({ config }, async (session) => {
      refusedWith(await session.call("migrate_database", { ...MIGRATION, plan_hash: "0".repeat(64) }), "stale-plan")
      const hash = await plan(session, "migrate_database", MIGRATION)
      for (const other of [{ on_conflict: "overwrite" }, { verify: false }, { backup: true }, { on_error: "reject" }]) {
        refusedWith(await session.call("migrate_database", { ...MIGRATION, ...other, plan_hash: hash }), "stale-plan")
      }
      const contradictory = await session.call("migrate_database", { ...MIGRATION, dry_run: true, plan_hash: hash })
      expect(contradictory.data.error).toMatchObject({ tag: "UsageError", exitCode: 2 })
      expect(fs.existsSync(target)).toBe(false)
    })
  })

  it("refuses a plan whose source or target has changed meanwhile, even where no count has", () => {
    const { config, source, target } = places()
    fs.copyFileSync(copyOf("python-small.db"), target)
    const edit = `UPDATE nodes SET properties = json_set(properties, '$.title', 'Edited')
      WHERE id = (SELECT min(id) FROM nodes)`
    return withSession({ config }, async (session) => {
      for (const file of [source, target]) {
        const hash = await plan(session, "migrate_database", MIGRATION)
        change(file, edit)
        const before = bytesOf(target)
        refusedWith(await session.call("migrate_database", { ...MIGRATION, plan_hash: hash }), "stale-plan")
        expect(bytesOf(target)).toBe(before)
      }
      expect((await act(session, "migrate_database", MIGRATION)).data.status).toBe("done")
    })
  })

  it("since a time: no more than what is newer, and the time is part of the plan", () => {
    const { config, target } = places()
    return withSession({ config }, async (session) => {
      const given = { ...MIGRATION, since: "2026-02-01T08:00:00Z" }
      const hash = await plan(session, "migrate_database", given)
      refusedWith(await session.call("migrate_database", { ...MIGRATION, plan_hash: hash }), "stale-plan")
      const done = await session.call("migrate_database", { ...given, plan_hash: hash })
      expect(done.data, done.text).toMatchObject({ status: "done" })
      expect(done.data.report.records.written).toBeGreaterThan(0)
      expect(done.data.report.records.written).toBeLessThanOrEqual(90)
      expect(fs.existsSync(target)).toBe(true)
      const exporting = { source: "laptop", output: "part.jsonl", since: "2026-02-01T08:00:00Z" }
      expect((await act(session, "export_memories", exporting)).data.status).toBe("done")
      const wrong = await session.call("migrate_database", { ...MIGRATION, since: "yesterday" })
      expect(wrong.data.error).toMatchObject({ tag: "UsageError", exitCode: 2 })
    })
  })

  it("with dry_run only plans, and asks nobody", () => {
    const { config, target } = places()
    const onAsk = () => {
      throw new Error("somebody was asked")
    }
    return withSession({ config, onAsk }, async (session) => {
      await plan(session, "migrate_database", { ...MIGRATION, dry_run: true })
      expect(fs.existsSync(target)).toBe(false)
    })
  })

  it("a run that fails is a failed call, with the error as data and the target as it was", () => {
    const { config, target } = places(copyOf("ts-small.db"))
    fs.writeFileSync(target, "not a database")
    return withSession({ config }, async (session) => {
      const failed = await session.call("migrate_database", MIGRATION)
      expect(failed.isError).toBe(true)
      expect(failed.data.error).toMatchObject({ tag: "StoreUnavailable", exitCode: 3 })
      expect(failed.data.report).toMatchObject({ outcome: "refused", exitCode: 3 })
      expect(fs.readFileSync(target, "utf8")).toBe("not a database")
    })
  })
})

describe("where the client can ask its person", () => {
  it("one call plans, asks and writes", () => {
    const { config, source, target } = places()
    const asked: Array<string> = []
    const onAsk = (message: string) => {
      asked.push(message)
      expect(fs.existsSync(target)).toBe(false)
      return { action: "accept" as const, content: { confirm: true } }
    }
    return withSession({ config, onAsk }, async (session) => {
      const done = await session.call("migrate_database", MIGRATION)
      expect(done.data).toMatchObject({ status: "done", report: { outcome: "done" } })
      expect(asked).toHaveLength(1)
      expect(asked[0]).toContain("90 new")
      expect(asked[0]).toContain(target)
      expect(readSqlite(target)).toBe(readSqlite(source))
    })
  })

  it.each([
    ["declines", { action: "decline" as const }],
    ["dismisses the question", { action: "cancel" as const }],
    ["accepts without the tick", { action: "accept" as const, content: { confirm: false } }]
  ])("a person who %s has nothing written", (_what, answer) => {
    const { config, target } = places()
    return withSession({ config, onAsk: () => answer }, async (session) => {
      refusedWith(await session.call("migrate_database", MIGRATION), "declined")
      expect(fs.existsSync(target)).toBe(false)
    })
  })

  it("a client that cannot ask after all leaves the two steps", () => {
    const { config, target } = places()
    const onAsk = () => {
      throw new Error("no window")
    }
    return withSession({ config, onAsk }, async (session) => {
      const hash = await plan(session, "migrate_database", MIGRATION)
      expect(fs.existsSync(target)).toBe(false)
      const done = await session.call("migrate_database", { ...MIGRATION, plan_hash: hash })
      expect(done.data.status).toBe("done")
    })
  })

  it("what changes while the person thinks is noticed", () => {
    const { config, source, target } = places()
    const onAsk = () => {
      change(source, "DELETE FROM relationships WHERE id = (SELECT min(id) FROM relationships)")
      return { action: "accept" as const, content: { confirm: true } }
    }
    return withSession({ config, onAsk }, async (session) => {
      refusedWith(await session.call("migrate_database", MIGRATION), "stale-plan")
      expect(fs.existsSync(target)).toBe(false)
    })
  })
})

describe("the other tools that write", () => {
  it("export and import take two steps each, and lose nothing", () => {
    const { config, folder, source, target } = places()
    return withSession({ config }, async (session) => {
      const exporting = { source: "laptop", output: "memories.json" }
      const file = path.join(folder, "memories.json")
      const hash = await plan(session, "export_memories", exporting)
      expect(fs.readdirSync(folder)).toEqual([])
      const wrong = await session.call("export_memories", { ...exporting, format: "jsonl", plan_hash: hash })
      refusedWith(wrong, "stale-plan")
      expect((await session.call("export_memories", { ...exporting, plan_hash: hash })).data.status).toBe("done")
      expect(fs.statSync(file).mode & 0o777).toBe(0o600)

      // What is there now was no part of the plan.
      const written = bytesOf(file)
      refusedWith(await session.call("export_memories", { ...exporting, plan_hash: hash }), "stale-plan")
      const again = await session.call("export_memories", exporting)
      expect(again.text).toContain("or give overwrite true")
      expect(again.data.error).toMatchObject({ tag: "FileFailed", reason: "exists" })
      expect(bytesOf(file)).toBe(written)
      expect((await act(session, "export_memories", { ...exporting, overwrite: true })).data.status).toBe("done")

      const importing = { input: file, target: "team" }
      const planned = await plan(session, "import_memories", importing)
      fs.appendFileSync(file, "\n")
      fs.truncateSync(file, fs.statSync(file).size - 1)
      expect((await session.call("import_memories", { ...importing, plan_hash: planned })).data.status).toBe("done")
      expect(readSqlite(target)).toBe(readSqlite(source))
    })
  })

  it("a document that was exchanged after the plan is refused", () => {
    const { config, folder, target } = places()
    const file = path.join(folder, "memories.json")
    fs.copyFileSync(copyOf("python-export-small.json"), file)
    return withSession({ config }, async (session) => {
      const importing = { input: "memories.json", target: "team" }
      const hash = await plan(session, "import_memories", importing)
      fs.copyFileSync(copyOf("ts-export-small.json"), file)
      refusedWith(await session.call("import_memories", { ...importing, plan_hash: hash }), "stale-plan")
      expect(fs.existsSync(target)).toBe(false)
    })
  })

  it("a published run is taken back in two steps, by whichever server", async () => {
    const { config, target } = places()
    fs.copyFileSync(copyOf("ts-small.db"), target)
    fs.copyFileSync(copyOf("python-small.db"), target)
    change(target, "DELETE FROM relationships; DELETE FROM nodes WHERE id > (SELECT min(id) FROM nodes)")
    const before = readSqlite(target)
    const first = await openSession({ config })
    const done = await act(first, "migrate_database", MIGRATION)
    await first.close()
    const { run } = done.data
    await withSession({ config, stateFolder: first.stateFolder }, async (session) => {
      expect((await session.call("migration_status", { run })).data.known).toMatchObject({ run, status: "published" })
      const hash = await plan(session, "rollback_run", { run })
      expect(readSqlite(target)).not.toBe(before)
      refusedWith(await session.call("rollback_run", { run, plan_hash: "1".repeat(64) }), "stale-plan")
      const back = await session.call("rollback_run", { run, plan_hash: hash })
      expect(back.data).toMatchObject({ status: "done", report: { run, outcome: "undone" } })
      expect(readSqlite(target)).toBe(before)
      const again = await session.call("rollback_run", { run })
      expect(again.isError || again.data.status === "planned").toBe(true)
    })
  })
})

describe("work that takes its time", () => {
  const large = makeSource({ nodes: 12_000, relationships: 6000 })

  it("answers with the run's id at once where nobody waits; migration_status tells the rest", () => {
    const { config, target } = places(large)
    return withSession({ config }, async (session) => {
      const started = await session.call("migrate_database", { ...MIGRATION, wait: false })
      expect(started.data).toMatchObject({ status: "running", report: null })
      const { run } = started.data
      const planned = await eventually("the plan", async () => {
        const status = await session.call("migration_status", { run })
        expect(status.isError).toBe(false)
        return status.data.status === "running" ? undefined : status.data
      })
      expect(planned).toMatchObject({ run, status: "planned" })
      const acting = { ...MIGRATION, wait: false, plan_hash: planned.plan_hash }
      expect((await session.call("migrate_database", acting)).data).toMatchObject({ run, status: "running" })
      const phases = new Set<string>()
      const done = await eventually("the end", async () => {
        const { data } = await session.call("migration_status", { run: run.slice(0, 18) })
        if (data.progress !== null) phases.add(data.progress.phase)
        return data.status === "running" ? undefined : data
      })
      expect(done).toMatchObject({ run, status: "done", report: { outcome: "done" } })
      expect(phases.size).toBeGreaterThan(1)
      expect(readSqlite(target)).toBe(readSqlite(large))
    })
  })

  it("progress grows, has a total, and names the phases", () => {
    const { config } = places(large)
    return withSession({ config }, async (session) => {
      const hash = await plan(session, "migrate_database", MIGRATION)
      const notices: Array<Progress> = []
      const done = await session.call(
        "migrate_database",
        { ...MIGRATION, plan_hash: hash },
        { onprogress: (notice) => notices.push(notice) }
      )
      expect(done.data.status).toBe("done")
      expect(notices.length).toBeGreaterThan(3)
      const values = notices.map(({ progress }) => progress)
      expect(values).toEqual([...new Set(values)].toSorted((a, b) => a - b))
      expect(notices.every(({ total }) => total === 100)).toBe(true)
      expect(values.at(-1)).toBeLessThanOrEqual(100)
      const messages = notices.map(({ message }) => message).join("\n")
      for (const word of ["Reading", "Writing", "Verifying"]) expect(messages).toContain(word)
      expect(messages).toMatch(/Writing: [\d,]+ of 18,\d{3} records/)
    })
  })

  it("a call that is cancelled in the middle is undone: the target is byte for byte as it was", () => {
    const { config, target } = places(large)
    fs.copyFileSync(copyOf("python-small.db"), target)
    const before = bytesOf(target)
    return withSession({ config }, async (session) => {
      const given = { ...MIGRATION, on_conflict: "overwrite" }
      const hash = await plan(session, "migrate_database", given)
      const cancelling = new AbortController()
      const onprogress = ({ message }: Progress) => {
        if (message?.startsWith("Writing")) cancelling.abort("enough")
      }
      await expect(
        session.call("migrate_database", { ...given, plan_hash: hash }, { onprogress, signal: cancelling.signal })
      ).rejects.toThrow("enough")
      const runs = await eventually("the undo", async () => {
        const { data } = await session.call("list_runs")
        return data.runs.some(({ status }: { status: string }) => status === "running") ? undefined : data.runs
      })
      expect(runs).toEqual([])
      expect(bytesOf(target)).toBe(before)
      expect(fs.readdirSync(path.dirname(target))).toEqual(["target.db"])
    })
  })

  it("rollback_run cancels what this server is doing, at once", () => {
    const { config, target } = places(large)
    return withSession({ config }, async (session) => {
      const hash = await plan(session, "migrate_database", MIGRATION)
      const { run } = (await session.call("migrate_database", { ...MIGRATION, plan_hash: hash, wait: false })).data
      await eventually("the writing", async () => {
        const { data } = await session.call("migration_status", { run })
        return data.status !== "running" || data.progress?.phase === "import" ? data : undefined
      })
      const cancelled = await session.call("rollback_run", { run })
      expect(cancelled.isError, cancelled.text).toBe(false)
      expect(cancelled.data).toMatchObject({ run, status: "failed", error: { tag: "Interrupted", exitCode: 130 } })
      expect(fs.readdirSync(path.dirname(target))).toEqual([])
    })
  })
})
