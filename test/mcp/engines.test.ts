/**
 * The server against real SQLite, FalkorDB and Neo4j: plan, confirm with progress, cancel in the middle, and a client that
 * dies in the middle. That a target is as it was is looked up by the engines' own clients.
 */
import { spawn } from "node:child_process"
import * as fs from "node:fs"
import * as path from "node:path"
import type { Progress } from "@modelcontextprotocol/sdk/types.js"
import type { Driver } from "neo4j-driver"
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest"
import { cleanEnv } from "../cli/runBin.ts"
import { bytesOf, makeSource, readGraph, readNeo4j } from "../fault/migrationTargets.ts"
import { engineAvailable, startFalkorDB, type TestServer } from "../support/falkordb.ts"
import { copyOf, tempFolder } from "../support/migrating.ts"
import { missing, type Neo4jServer, START_TIMEOUT, startNeo4j } from "../support/neo4j.ts"
import { raw } from "../support/rawRedis.ts"
import { binToTest, eventually, SECRET, type Session, withSession } from "./support.ts"

vi.setConfig({ testTimeout: 180_000 })

const small = copyOf("python-small.db")
const large = makeSource({ nodes: 3000, relationships: 600 })
const noNeo4j = missing()

let falkordb: TestServer | undefined
let neo4j: Neo4jServer | undefined
let driver: Driver | undefined

beforeAll(async () => {
  await binToTest()
  if (engineAvailable === undefined) {
    falkordb = await startFalkorDB()
    await raw(falkordb, "ACL", "SETUSER", "mg", "on", `>${SECRET}`, "~*", "&*", "+@all")
  }
  if (noNeo4j === undefined) {
    neo4j = await startNeo4j({ password: SECRET })
    driver = neo4j.driver()
  }
}, START_TIMEOUT + 300_000)
afterAll(async () => {
  await driver?.close()
  await neo4j?.stop()
  await falkordb?.stop()
})

interface Target {
  /** Its entry in the config file. */
  readonly store: object
  /** Something of somebody else's, which no run may touch. */
  readonly addTheirs: () => Promise<unknown>
  readonly read: () => Promise<string | undefined>
}

const THEIRS = "MATCH (m:Memory) WITH m ORDER BY m.id LIMIT 1 CREATE (:Other {id: 'theirs'})-[:NOTES]->(m)"

const sqliteTarget = (): Target => {
  const file = path.join(tempFolder(), "team.db")
  return {
    store: { kind: "sqlite", path: file },
    addTheirs: async () => undefined,
    read: async () => bytesOf(file)
  }
}

const falkordbTarget = (graph: string): Target => {
  if (falkordb === undefined) throw new Error("there is no FalkorDB")
  const { host, port } = falkordb
  return {
    store: { kind: "falkordb", host, port, graph, user: "mg", "password-env": "TEAM_SECRET" },
    addTheirs: () => raw({ host, port }, "GRAPH.QUERY", graph, THEIRS),
    read: () => readGraph({ host, port }, graph)
  }
}

const neo4jTarget = (): Target => {
  if (neo4j === undefined || driver === undefined) throw new Error("there is no Neo4j")
  const own = driver
  return {
    store: { kind: "neo4j", uri: neo4j.uri, user: "neo4j", "password-env": "TEAM_SECRET" },
    addTheirs: () => own.executeQuery(THEIRS),
    read: () => readNeo4j(own)
  }
}

const TARGETS = [
  { name: "SQLite", make: sqliteTarget, why: undefined },
  { name: "FalkorDB", make: () => falkordbTarget("team"), why: engineAvailable },
  { name: "Neo4j", make: neo4jTarget, why: noNeo4j }
]

const configOf = (source: string, { store }: Target) => ({
  stores: { laptop: { kind: "sqlite", path: source }, team: store }
})
const env = { TEAM_SECRET: SECRET }
const MIGRATION = { source: "laptop", target: "team", on_conflict: "overwrite" }

const carryOut = async (session: Session, onprogress?: (notice: Progress) => void, signal?: AbortSignal) => {
  const planned = await session.call("migrate_database", MIGRATION)
  expect(planned.isError, planned.text).toBe(false)
  return session.call(
    "migrate_database",
    { ...MIGRATION, plan_hash: planned.data.plan_hash },
    { ...(onprogress !== undefined && { onprogress }), ...(signal !== undefined && { signal }) }
  )
}

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

/** Runs a client that is killed as soon as the server writes; the server's process id. */
const dieInTheMiddle = async (config: object, state: string): Promise<number> => {
  const file = path.join(tempFolder(), "config.yaml")
  fs.writeFileSync(file, JSON.stringify(config))
  const script = new URL("dyingClient.ts", import.meta.url).pathname
  const child = spawn(process.execPath, [script, await binToTest(), file, state], { env: cleanEnv(env) })
  let said = ""
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (bytes: Buffer) => (said += bytes.toString()))
  try {
    return await eventually("the writing", () => {
      if (said.includes("done") || child.exitCode !== null) throw new Error(`the client was not hit in time: ${said}`)
      const pid = /writing (\d+)/.exec(said)?.[1]
      return pid === undefined ? undefined : Number(pid)
    })
  } finally {
    child.kill("SIGKILL")
  }
}

describe.each(TARGETS)("$name", ({ make, why }) => {
  const skip = (ctx: { skip: (reason: string) => void }) => (why === undefined ? false : (ctx.skip(why), true))
  let target: Target
  let isFilled = false
  /** The target with the small graph and something of somebody else's; the first test fills it where it runs. */
  const filled = async (): Promise<Target> => {
    if (isFilled) return target
    target = make()
    await withSession({ config: configOf(small, target), env }, (session) => carryOut(session))
    await target.addTheirs()
    isFilled = true
    return target
  }

  it("plan, confirm, progress; health, inspection, comparison; no secret anywhere", async (ctx) => {
    if (skip(ctx)) return
    target = make()
    await withSession({ config: configOf(small, target), env }, async (session) => {
      const notices: Array<Progress> = []
      const done = await carryOut(session, (notice) => notices.push(notice))
      expect(done.data, done.text).toMatchObject({ status: "done", report: { outcome: "done", records: { read: 90 } } })
      const { sourceFingerprint, targetFingerprint } = done.data.report.verification
      expect(targetFingerprint).toBe(sourceFingerprint)
      expect(notices.map(({ progress }) => progress)).toEqual(
        notices.map(({ progress }) => progress).toSorted((a, b) => a - b)
      )
      expect(notices.map(({ message }) => message).join()).toContain("Writing")
      const health = await session.call("backend_health")
      expect(health.data.stores).toMatchObject([
        { name: "laptop", reachable: true },
        { name: "team", reachable: true, nodes: 30, relationships: 60 }
      ])
      const inspected = await session.call("inspect_graph", { store: "team" })
      expect(inspected.data.fingerprint).toBe(sourceFingerprint)
      const compared = await session.call("validate_migration", { source: "laptop", target: "team", mode: "compare" })
      expect(compared.data.report.outcome).toBe("equal")
      expect(session.said()).not.toContain(SECRET)
    })
    await target.addTheirs()
    isFilled = true
  })

  it("cancelled in the middle: the target is as it was", async (ctx) => {
    if (skip(ctx)) return
    const before = await (await filled()).read()
    await withSession({ config: configOf(large, target), env }, async (session) => {
      const cancelling = new AbortController()
      const onprogress = ({ message }: Progress) => {
        if (message?.startsWith("Writing")) cancelling.abort("enough")
      }
      await expect(carryOut(session, onprogress, cancelling.signal)).rejects.toThrow("enough")
      await eventually("the undo", async () => {
        const { data } = await session.call("list_runs")
        return data.runs.some(({ status }: { status: string }) => status === "running") ? undefined : true
      })
      expect(await target.read()).toBe(before)
      // And nothing stands in the way of the next one.
      expect((await session.call("validate_migration", MIGRATION)).data.status).toBe("done")
    })
  })

  it("a client that dies in the middle: the target is as it was, and the server is gone", async (ctx) => {
    if (skip(ctx)) return
    const before = await (await filled()).read()
    const state = path.join(tempFolder(), "state")
    const pid = await dieInTheMiddle(configOf(large, target), state)
    await eventually("the server's end", () => (isAlive(pid) ? undefined : true))
    expect(await target.read()).toBe(before)
    await withSession({ config: configOf(large, target), env, stateFolder: state }, async (session) => {
      expect((await session.call("list_runs")).data.runs).toEqual([])
    })
  })
})

describe("the process", () => {
  it.each(["SIGTERM", "SIGHUP", "SIGINT"] as const)("%s in the middle: undone, and exit code 130", async (signal) => {
    const target = sqliteTarget()
    fs.copyFileSync(small, (target.store as { readonly path: string }).path)
    const before = await target.read()
    await withSession({ config: configOf(large, target) }, async (session) => {
      const onprogress = ({ message }: Progress) => {
        if (message?.startsWith("Writing")) process.kill(session.pid, signal)
      }
      await expect(carryOut(session, onprogress)).rejects.toThrow()
      expect(await session.ended).toBe(130)
      expect(await target.read()).toBe(before)
    })
  })
})
