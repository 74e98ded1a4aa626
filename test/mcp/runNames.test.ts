/** What a part of a run's id means, among the runs that the server works on and those that the state folder keeps. */
import * as fs from "node:fs"
import Database from "better-sqlite3"
import { expect, it } from "vitest"
import { makeSource } from "../fault/migrationTargets.ts"
import { runScript } from "../cli/runBin.ts"
import { act, change, MIGRATION, places, plan } from "./places.ts"
import { binToTest, withSession } from "./support.ts"

// All ids begin with the century.
const PART = "20"

it("a part that several runs begin with is refused, wherever they are kept", async () => {
  const { config } = places()
  await withSession({ config }, async (session) => {
    const { run } = (await act(session, "migrate_database", MIGRATION)).data
    // The only run that can be taken back; the plan of that is no run to choose from.
    expect((await plan(session, "rollback_run", { run: PART })).data.terms.join("\n")).toContain(run)
    const several = await session.call("migration_status", { run: PART })
    expect(several.data.error).toMatchObject({ tag: "UsageError", message: expect.stringContaining("Several runs") })
    expect((await session.call("migration_status", { run })).data).toMatchObject({ run, status: "done" })
  })
})

it("a run of the state folder is not hidden by one of this server", async () => {
  const { config, source } = places()
  const first = await withSession({ config }, async (session) => {
    await act(session, "migrate_database", MIGRATION)
    return session.stateFolder
  })
  await withSession({ config, stateFolder: first }, async (session) => {
    expect((await session.call("migration_status", { run: PART })).data.known.status).toBe("published")
    change(source, "DELETE FROM relationships")
    await plan(session, "migrate_database", MIGRATION)
    expect((await session.call("migration_status", { run: PART })).data.error.message).toContain("Several runs")
  })
})

it("a part of the id of a run that goes on cancels nothing, and takes back nothing", async () => {
  const { config: small } = places()
  const laptop = { kind: "sqlite", path: makeSource({ nodes: 20_000, relationships: 20_000 }) }
  const config = { ...small, stores: { ...small.stores, laptop } }
  await withSession({ config }, async (session) => {
    const { data } = await plan(session, "migrate_database", MIGRATION)
    const given = { ...MIGRATION, plan_hash: data.plan_hash, wait: false }
    const { run } = (await session.call("migrate_database", given)).data
    const refused = await session.call("rollback_run", { run: run.slice(0, -1) })
    expect(refused.data.error).toMatchObject({ tag: "UsageError", message: expect.stringContaining("which goes on") })
    expect((await session.call("migration_status", { run })).data.status).toBe("running")
    const cancelled = await session.call("rollback_run", { run })
    expect(cancelled.data).toMatchObject({ run, error: { tag: "Interrupted" } })
  })
})

it("what became of a run by other hands is what its status says", async () => {
  const { config } = places()
  await withSession({ config }, async (session) => {
    const { run } = (await act(session, "migrate_database", MIGRATION)).data
    const file = `${session.stateFolder}/config.yaml`
    fs.writeFileSync(file, JSON.stringify(config))
    const env = { MEMORYGRAPH_STATE_DIR: session.stateFolder, MEMORYGRAPH_CONFIG: file }
    const { code, stderr } = await runScript(await binToTest(), ["runs", "rollback", run, "--yes"], { env })
    expect(code, stderr).toBe(0)
    const { data, text } = await session.call("migration_status", { run })
    expect(data.known).toMatchObject({ run, status: "rolled-back" })
    expect(text).not.toContain("takes it back")
  })
})

it("a call that is refused for another reason than its hash leaves the plan and its id, and its status says why", async () => {
  const { config, target } = places()
  await withSession({ config }, async (session) => {
    const { plan_hash, run } = (await plan(session, "migrate_database", MIGRATION)).data
    expect((await session.call("migrate_database", { source: "laptop", target: "nobody", plan_hash })).isError).toBe(
      true
    )
    const status = await session.call("migration_status", { run })
    expect(status.data).toMatchObject({ run, status: "planned", plan_hash })
    expect(status.data.next).toContain("The last call with it was refused")
    // Somebody else has the target for a moment.
    new Database(target).close()
    const holder = new Database(target)
    holder.exec("CREATE TABLE t (a); BEGIN EXCLUSIVE")
    expect((await session.call("migrate_database", { ...MIGRATION, plan_hash })).isError).toBe(true)
    holder.close()
    fs.rmSync(target)
    const done = await session.call("migrate_database", { ...MIGRATION, plan_hash })
    expect(done.data, done.text).toMatchObject({ run, status: "done" })
  })
})
