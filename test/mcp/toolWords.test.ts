/** Errors advise in the words of the tools, wherever they are answered. */
import { expect, it } from "vitest"
import { toolWords } from "../../src/mcp/toolWords.ts"
import { inConflict, MIGRATION, places } from "./places.ts"
import { withSession } from "./support.ts"

it("in the text and in the error, also where a run's status is asked for, and before any work begins", () => {
  const all = places()
  inConflict(all)
  return withSession({ config: all.config }, async (session) => {
    const failed = await session.call("migrate_database", { ...MIGRATION, on_conflict: "fail" })
    const status = await session.call("migration_status", { run: failed.data.run })
    const advice = "Call again with on_conflict skip (keeps the target's) or overwrite (takes the source's)."
    for (const { data, text } of [failed, status]) {
      expect(data.error.message).toContain(advice)
      expect(text).toContain(advice)
    }
    const early = await session.call("migration_status", { run: "20200101T000000-abcdef" })
    expect(early.data).toMatchObject({ run: null })
    for (const said of [early.text, early.data.error.message]) expect(said).toContain("list_runs lists the runs.")
    const since = await session.call("migrate_database", { ...MIGRATION, since: "yesterday" })
    expect(since.data.error.message).toContain("is no time that since can take")
  })
})

it.each([
  [`"memorygraph runs" shows what became of it.`, "list_runs shows what became of it."],
  [
    `Finish it with "memorygraph runs resume 2026-a1" or take it back with "memorygraph runs rollback 2026-a1", then run again.`,
    `Finish it with "memorygraph runs resume 2026-a1" at the command line or take it back with rollback_run with run 2026-a1, then run again.`
  ],
  [
    `a store: "memorygraph import /a b/c.json" brings it into one.`,
    "a store: import_memories with input /a b/c.json brings it into one."
  ],
  [
    "Run again with --on-unkeyed add to add them as new nodes.",
    "Call again with on_unkeyed add to add them as new nodes."
  ],
  [
    "leave them behind with --on-error reject, then run again.",
    "leave them behind with on_error reject, then run again."
  ],
  [
    "another name, or run again with --yes to replace it.",
    "another name, or call again with overwrite true to replace it."
  ],
  [
    "--format says which it is where it cannot be recognised.",
    "format says which it is where it cannot be recognised."
  ],
  // Not in the table: nothing is made up, and no name of a file is touched.
  ["Allow it with --yes, or name an older engine.", "Allow it with --yes, or name an older engine."],
  ["/exports/my--since/--format.json was not written.", "/exports/my--since/--format.json was not written."]
])("%s", (said, meant) => {
  expect(toolWords(said)).toBe(meant)
})
