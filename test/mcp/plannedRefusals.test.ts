/** What an act would refuse, its plan refuses already; and a plan goes stale with whatever it rests on. */
import * as fs from "node:fs"
import * as path from "node:path"
import { describe, expect, it } from "vitest"
import { OWNER } from "../../src/files/ownedFiles.ts"
import { FILES, folderOf } from "../../src/migration/RunFolder.ts"
import { act, change, MIGRATION, places, plan, refused } from "./places.ts"
import { withSession } from "./support.ts"

describe("rollback_run refuses to plan", () => {
  it("for a run that was taken back already", () => {
    const { config } = places()
    return withSession({ config }, async (session) => {
      const { run } = (await act(session, "migrate_database", MIGRATION)).data
      await act(session, "rollback_run", { run })
      const again = await session.call("rollback_run", { run })
      refused(again, { tag: "Refused", reason: "unfinished-run", exitCode: 9 })
      expect(again.text).toContain("rolled back already")
    })
  })

  it("for a run that another process works on", () => {
    const { config } = places()
    return withSession({ config }, async (session) => {
      const { run } = (await act(session, "migrate_database", MIGRATION)).data
      await withSession({ config, stateFolder: session.stateFolder }, async (other) => {
        // A sign of life, of a process that lives: this one.
        const folder = folderOf(session.stateFolder, run)
        fs.writeFileSync(path.join(folder, FILES.alive), OWNER)
        change(
          path.join(folder, FILES.journal),
          `UPDATE note SET text = json_set(text, '$.owner', '${OWNER}') WHERE name = 'manifest'`
        )
        refused(await other.call("rollback_run", { run }), { tag: "Refused", reason: "locked" })
      })
    })
  })

  it("for a run that has changed nothing", () => {
    const { config, source, target } = places()
    fs.copyFileSync(source, target)
    return withSession({ config }, async (session) => {
      const { run } = (await act(session, "migrate_database", MIGRATION)).data
      const nothing = await session.call("rollback_run", { run })
      refused(nothing, { tag: "Refused", reason: "unfinished-run" })
      expect(nothing.text).toContain("there is nothing to take back")
    })
  })
})

describe("export_memories refuses to plan", () => {
  const exporting = { source: "laptop", output: "there" }

  it("where a file is there that was not to be replaced", () => {
    const { config, folder } = places()
    fs.writeFileSync(path.join(folder, "there.json"), "{}")
    return withSession({ config }, async (session) => {
      const called = await session.call("export_memories", { ...exporting, output: "there.json" })
      refused(called, { tag: "FileFailed", reason: "exists" })
    })
  })

  it("a folder that is no export, whatever is said of replacing", () => {
    const { config, folder } = places()
    fs.mkdirSync(path.join(folder, "there"))
    fs.writeFileSync(path.join(folder, "there", "mine.txt"), "mine")
    // Whoever looked into what is in there would not come to an end.
    fs.symlinkSync(".", path.join(folder, "there", "loop"))
    return withSession({ config }, async (session) => {
      for (const format of ["markdown", "json"]) {
        const called = await session.call("export_memories", { ...exporting, format, overwrite: true })
        refused(called, { tag: "FileFailed", reason: "exists" })
      }
    })
  })

  it("where the folder is not there, or the root is not", () => {
    const { config, folder } = places()
    const gone = path.join(folder, "gone")
    return withSession({ config }, async (session) => {
      const called = await session.call("export_memories", { ...exporting, output: "no/there.json" })
      refused(called, { tag: "FileFailed", reason: "not-found" })
      await withSession({ config, args: ["--root", gone] }, async (other) => {
        refused(await other.call("export_memories", { ...exporting, output: "a.json" }), {
          tag: "FileFailed",
          reason: "not-found"
        })
      })
    })
  })

  it("a time that cannot be read, or that the format cannot say", () => {
    const { config } = places()
    return withSession({ config }, async (session) => {
      const since = "2026-02-01T08:00:00Z"
      for (const given of [
        { output: "a.json", since: "yesterday" },
        { output: "a.cypher", since }
      ]) {
        refused(await session.call("export_memories", { ...exporting, ...given }), { tag: "UsageError", exitCode: 2 })
      }
    })
  })
})

describe("a plan to export into a folder that is there", () => {
  const given = { source: "laptop", output: "pages", format: "markdown", overwrite: true }

  it.each([
    ["a page is edited", (page: string) => fs.appendFileSync(page, "\nmine\n")],
    ["a page is touched, its size staying", (page: string) => fs.utimesSync(page, new Date(), new Date(5000))],
    ["a page is added", (page: string) => fs.copyFileSync(page, page.replace(/\.md$/, "-2.md"))],
    ["a page is removed", (page: string) => fs.rmSync(page)]
  ])("is stale once %s", (_what, edit) => {
    const { config, folder } = places()
    const pages = path.join(folder, "pages")
    return withSession({ config }, async (session) => {
      await act(session, "export_memories", given)
      const page = path.join(pages, fs.readdirSync(pages).find((name) => name !== "index.md") ?? "")
      // The folder's own time must not be what tells it.
      const same = () => fs.utimesSync(pages, new Date(4000), new Date(4000))
      same()
      const { data } = await plan(session, "export_memories", given)
      edit(page)
      same()
      const after = fs.readdirSync(pages)
      const stale = await session.call("export_memories", { ...given, plan_hash: data.plan_hash })
      expect(stale.data.error, stale.text).toMatchObject({ tag: "Refused", reason: "stale-plan" })
      expect(fs.readdirSync(pages)).toEqual(after)
    })
  })

  it("is carried out while nothing has changed there", () => {
    const { config } = places()
    return withSession({ config }, async (session) => {
      await act(session, "export_memories", given)
      expect((await act(session, "export_memories", given)).data.status).toBe("done")
    })
  })
})
