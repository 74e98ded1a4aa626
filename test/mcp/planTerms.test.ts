/** What a plan's terms say for other options, other graphs, and runs that ended otherwise. */
import * as fs from "node:fs"
import * as path from "node:path"
import { describe, expect, it } from "vitest"
import { rollbackTerms, writingTerms } from "../../src/mcp/terms.ts"
import { emptyPlan, type Plan, type RunReport } from "../../src/migration/report.ts"
import { makeRunId, Recorder } from "../../src/migration/Run.ts"
import type { RunSummary } from "../../src/migration/runSummary.ts"
import { act, change, inConflict, MIGRATION, places, plan } from "./places.ts"
import { withSession } from "./support.ts"

describe("a plan to write", () => {
  it("says what the defaults mean, too", () => {
    const all = places()
    inConflict(all)
    return withSession({ config: all.config }, async (session) => {
      const { data, text } = await plan(session, "migrate_database", MIGRATION)
      expect(data.terms).toEqual([
        "No backup of the target is made.",
        "2 records that the target holds with another content stay as the target has them.",
        "A record that cannot go ends the run, and all of it is undone.",
        "Everything is read back and compared before it is published; else it is undone."
      ])
      for (const term of data.terms) expect(text).toContain(term)
    })
  })

  it("counts what is left out, and says that an empty target is not backed up", () => {
    const all = places()
    change(
      all.source,
      "PRAGMA foreign_keys = OFF; DELETE FROM nodes WHERE id = (SELECT to_id FROM relationships ORDER BY id LIMIT 1)"
    )
    return withSession({ config: all.config }, async (session) => {
      const { data } = await plan(session, "migrate_database", { ...MIGRATION, on_error: "reject", backup: true })
      expect(data.terms).toContainEqual(expect.stringMatching(/kept as rejects \(known now: [1-9]\d*\); the others go/))
      expect(data.terms).toContain("The target holds nothing, so no backup of it is made.")
    })
  })

  it("asks the person about an import with the same sentences", () => {
    const all = places()
    inConflict(all)
    const asked: Array<string> = []
    const onAsk = (message: string) => {
      asked.push(message)
      return { action: "decline" as const }
    }
    const line = { type: "entity", name: "a", entityType: "Memory", observations: [] }
    fs.writeFileSync(path.join(all.folder, "memory.jsonl"), `${JSON.stringify(line)}\n`)
    return withSession({ config: all.config, onAsk }, async (session) => {
      await session.call("import_memories", { input: "memory.jsonl", target: "team", verify: false })
      expect(asked[0]).toContain("No record that the target holds is changed.")
      expect(asked[0]).toContain("nothing of it will be verified")
    })
  })

  const reportOf = (made: Partial<Plan>): RunReport => {
    const recorder = new Recorder({ run: makeRunId(new Date()), command: "migrate", dryRun: true })
    recorder.plan = { ...emptyPlan, ...made }
    return recorder.report({ outcome: "dry-run", exitCode: 0, error: null })
  }

  it("one record is one record", () => {
    expect(writingTerms({}, reportOf({ conflicts: 1 }), undefined)).toContain(
      "1 record that the target holds with another content stays as the target has it."
    )
    expect(writingTerms({}, reportOf({ conflicts: 1, overwrites: 1 }), undefined)).toContain(
      "1 record that the target holds with another content is overwritten by the source's."
    )
  })

  it("says of nodes without an id only where there are any, and counts only what is known", () => {
    const given = { on_unkeyed: "add", on_error: "reject" } as const
    const some = writingTerms(given, reportOf({ unkeyed: 4 }), undefined)
    expect(some).toContain("Nodes without an id are added (4); another run would add them again.")
    expect(some).toContain("Records that cannot go are left out and kept as rejects; the others go.")
    expect(writingTerms(given, reportOf({}), undefined).join("\n")).not.toContain("without an id")
  })
})

describe("a plan to export", () => {
  it("names the real path of a link, and is complete without a word", () => {
    const { config, folder } = places()
    fs.mkdirSync(path.join(folder, "real"))
    fs.symlinkSync(path.join(folder, "real"), path.join(folder, "link"))
    return withSession({ config }, async (session) => {
      const { data } = await plan(session, "export_memories", { source: "laptop", output: "link/a.jsonl" })
      expect(data.terms).toEqual([`Writes jsonl into ${path.join(folder, "real", "a.jsonl")}.`])
    })
  })

  it("says what a format cannot hold, and that a part is no whole, also to the person", () => {
    const { config } = places()
    const asked: Array<string> = []
    const onAsk = (message: string) => {
      asked.push(message)
      return { action: "decline" as const }
    }
    return withSession({ config, onAsk }, async (session) => {
      for (const given of [
        { output: "memory.jsonl", format: "mcp-memory" },
        { output: "graph.cypher", cypher_for: "memgraph" },
        { output: "part.json", since: "2026-02-01T08:00:00Z" }
      ]) {
        await session.call("export_memories", { source: "laptop", ...given })
      }
      expect(asked[0]).toContain("the properties of the 60 relationships")
      expect(asked[1]).toContain("Names that memgraph does not take are left out")
      expect(asked[2]).toContain("no more than what is new or changed since 2026-02-01T08:00:00Z: it is no backup")
    })
  })
})

describe("a plan to take a run back", () => {
  it("counts what the journal notes, also where the run's report is gone", () => {
    const all = places()
    inConflict(all)
    change(all.target, "DELETE FROM relationships WHERE id IN (SELECT id FROM relationships ORDER BY id LIMIT 3)")
    return withSession({ config: all.config }, async (session) => {
      const { run } = (await act(session, "migrate_database", { ...MIGRATION, on_conflict: "overwrite" })).data
      fs.rmSync(path.join(session.stateFolder, "runs", run, "report.json"))
      const { data } = await plan(session, "rollback_run", { run })
      expect(data.terms[1]).toBe("It wrote 3, overwrote 2 and removed 0 records.")
    })
  })

  const summary = (status: RunSummary["status"]): RunSummary => ({
    run: "20261129T101500-3fa9c1",
    status,
    command: "migrate",
    started: "2026-11-29T10:15:00.000Z",
    source: "/a.db",
    target: "/b.db",
    host: "here",
    pid: 1,
    batches: 1
  })
  const NOTED = { created: 1200, overwritten: 3, removed: 0 }

  it("says of a run that was broken off that nothing of it is there, of an unfinished one that it may be", () => {
    expect(rollbackTerms(summary("broken-off"), NOTED).slice(1)).toEqual([
      "Nothing of it is in the target, and nothing there is changed: what it has left behind is cleared away."
    ])
    expect(rollbackTerms(summary("unfinished"), NOTED)[1]).toBe(
      "By its journal it wrote 1,200, overwrote 3 and removed 0 records, or was about to; how much of that is there is found out on the way."
    )
  })
})
