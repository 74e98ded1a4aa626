/** What an agent must not get by asking: secrets, stores without a name, another run than the one that was meant. */
import * as fs from "node:fs"
import * as path from "node:path"
import { expect, it } from "vitest"
import { makeSource } from "../fault/migrationTargets.ts"
import { listener } from "./listener.ts"
import { MIGRATION, places } from "./places.ts"
import { SECRET, withSession } from "./support.ts"

it("the environment's password goes to no port that the agent chooses", async () => {
  const { heard, port, server } = await listener()
  const env = { MEMORY_FALKORDB_HOST: "127.0.0.1", MEMORY_FALKORDB_PORT: "1", MEMORY_FALKORDB_PASSWORD: SECRET }
  const own = { ...env, MEMORY_FALKORDB_PORT: String(port) }
  await withSession({ args: ["--allow-any"], env }, async (session) => {
    await session.call("inspect_graph", { backend: "falkordb", config: { port } })
  })
  expect(heard()).not.toBe("")
  expect(heard()).not.toContain(SECRET)
  // It does reach the server that it is for.
  await withSession({ env: own }, (session) => session.call("inspect_graph", { store: "falkordb" }))
  expect(heard()).toContain(SECRET)
  server.close()
})

it.each([[[]], [["--allow-any"]]])("a password in a name is repeated nowhere: %j", async (args) => {
  const { config } = places()
  await withSession({ config, args }, async (session) => {
    for (const store of [`neo4j://bob:${SECRET}@127.0.0.1:1`, `redis://:${SECRET}@127.0.0.1:1/0`, `u:${SECRET}@host`])
      for (const tool of ["backend_health", "inspect_graph"]) await session.call(tool, { store })
    const twice = await session.call("inspect_graph", { store: `bolt://u:${SECRET}@h`, backend: "neo4j" })
    expect(twice.text).toContain("***@h")
    await expect(
      session.call("inspect_graph", { backend: "neo4j", config: { host: `bob:${SECRET}@h` } })
    ).rejects.toThrow(/config\.host: Expected a string matching the pattern/)
  })
})

it("a name of any length is neither taken nor repeated", async () => {
  const { config } = places()
  await withSession({ config }, async (session) => {
    expect((await session.call("inspect_graph", { store: "x".repeat(4000) })).text.length).toBeLessThan(1000)
    await expect(session.call("inspect_graph", { store: "x".repeat(5000) })).rejects.toThrow(/at most 4096/)
  })
})

it("a wrong argument is told by its rule", async () => {
  await withSession({ config: places().config }, async (session) => {
    await expect(session.call("list_runs", { limit: 0 })).rejects.toThrow(/limit: Expected a number between 1 and 1000/)
    await expect(session.call("rollback_run", { run: "" })).rejects.toThrow(/run: Expected a string at least 1/)
    await expect(session.call("inspect_graph", { config: "x" })).rejects.toThrow(/an object of settings of a store/)
  })
})

it("a store that no name says is not reached where the config file has names", async () => {
  const { config } = places()
  await withSession({ config }, async (session) => {
    const { data, text } = await session.call("inspect_graph")
    expect(data.error).toMatchObject({ tag: "Refused", reason: "not-allowed" })
    expect(text).toContain("laptop, team")
    expect((await session.call("migrate_database", { target: "team" })).data.error).toMatchObject({
      reason: "not-allowed"
    })
  })
  await withSession({ config: { ...config, backend: "laptop" } }, async (session) => {
    expect((await session.call("inspect_graph")).data.nodes).toBe(30)
  })
})

it("with --allow-any a path behind its kind begins at the first root, too", async () => {
  const { config, folder, source } = places()
  fs.copyFileSync(source, path.join(folder, "own.db"))
  await withSession({ config, args: ["--allow-any"] }, async (session) => {
    for (const store of ["sqlite:own.db", "sqlite://own.db", "SQLITE:own.db"])
      expect((await session.call("inspect_graph", { store })).data.nodes, store).toBe(30)
  })
})

it("a part of an id cancels nothing", async () => {
  const { config: small, target } = places()
  const laptop = { kind: "sqlite", path: makeSource({ nodes: 20_000, relationships: 20_000 }) }
  const config = { ...small, stores: { ...small.stores, laptop } }
  await withSession({ config }, async (session) => {
    const planned = await session.call("migrate_database", MIGRATION)
    const given = { ...MIGRATION, plan_hash: planned.data.plan_hash, wait: false }
    const { run } = (await session.call("migrate_database", given)).data
    const refused = await session.call("rollback_run", { run: run.slice(0, 4) })
    expect(refused.isError).toBe(true)
    expect((await session.call("migration_status", { run })).data.status).toMatch(/running|done/)
    await session.call("rollback_run", { run })
  })
  expect(fs.existsSync(`${target}-journal`)).toBe(false)
})

it("the status of a run that was taken back says so", async () => {
  const { config } = places()
  await withSession({ config }, async (session) => {
    const planned = await session.call("migrate_database", MIGRATION)
    const { run } = (await session.call("migrate_database", { ...MIGRATION, plan_hash: planned.data.plan_hash })).data
    const back = await session.call("rollback_run", { run })
    expect((await session.call("rollback_run", { run, plan_hash: back.data.plan_hash })).isError).toBe(false)
    const { data, text } = await session.call("migration_status", { run })
    expect(data.known.status).toBe("rolled-back")
    expect(text).not.toContain("takes it back")
  })
})

it("a call that does not hold to the plan leaves the plan and its id", async () => {
  const { config } = places()
  await withSession({ config }, async (session) => {
    const { plan_hash, run } = (await session.call("migrate_database", MIGRATION)).data
    const other = await session.call("migrate_database", { ...MIGRATION, verify: false, plan_hash })
    expect(other.data.error).toMatchObject({ reason: "stale-plan" })
    expect((await session.call("migration_status", { run })).data.status).toBe("planned")
    const done = await session.call("migrate_database", { ...MIGRATION, plan_hash })
    expect(done.data).toMatchObject({ run, status: "done" })
  })
})

it("a plan that a person has declined is asked about again", async () => {
  const { config, target } = places()
  const answers = ["decline", "decline", "accept"] as const
  let asked = 0
  const onAsk = () => {
    const action = answers[asked++] ?? "decline"
    return action === "accept" ? { action, content: { confirm: true } } : { action }
  }
  await withSession({ config, onAsk }, async (session) => {
    await session.call("migrate_database", MIGRATION)
    const { plan_hash } = (await session.call("migrate_database", { ...MIGRATION, dry_run: true })).data
    const again = await session.call("migrate_database", { ...MIGRATION, plan_hash })
    expect(again.data.error).toMatchObject({ reason: "declined" })
    expect([asked, fs.existsSync(target)]).toEqual([2, false])
    expect((await session.call("migrate_database", { ...MIGRATION, plan_hash })).data.status).toBe("done")
  })
  expect(asked).toBe(3)
})
