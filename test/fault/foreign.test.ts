/**
 * Somebody else works in the store while a run loads into it and is undone: updates, deletes, links to our records, adds
 * of its own. A model remembers what it did; nothing of that may be lost, whether the run ends published or undone.
 */
import * as path from "node:path"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import neo4j from "neo4j-driver"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { connect } from "../../src/backend/registry.ts"
import type { StoreConfig } from "../../src/backend/StoreConfig.ts"
import { importRecords } from "../../src/migration/migrate.ts"
import { Progress, type ProgressSink } from "../../src/migration/Progress.ts"
import { stores, type TestStore } from "../pairs/stores.ts"
import { tempFolder } from "../support/migrating.ts"
import { rows } from "../support/rawRedis.ts"
import * as killing from "./killing.ts"
import { points, random, SEED } from "./sweep.ts"

const SIZE = 1200
const ROUNDS = points(2, 40)

/** Runs Cypher as the stranger; the rows that it returns, as text. */
interface Stranger {
  readonly run: (cypher: string) => Promise<ReadonlyArray<ReadonlyArray<string>>>
  readonly close: () => Promise<void>
}

const strangerOf = (config: StoreConfig): Stranger => {
  if (config.kind === "falkordb") {
    const address = { host: config.host, port: config.port }
    return {
      run: async (cypher) =>
        (await rows(address, config.graph ?? "", cypher, "GRAPH.QUERY")).map((row) => row.map(String)),
      close: async () => {}
    }
  }
  if (config.kind !== "neo4j") throw new Error("no stranger for that")
  const driver = neo4j.driver(`bolt://${config.host}:${config.port}`)
  return {
    run: async (cypher) =>
      (await driver.executeQuery(cypher)).records.map((row) => row.keys.map((key) => String(row.get(key)))),
    close: () => driver.close()
  }
}

/** What the stranger did and was told of. */
class Model {
  readonly updated = new Map<string, number>()
  readonly deleted = new Set<string>()
  readonly links = new Map<number, readonly [string, string]>()
  readonly own = new Set<number>()

  forget(id: string): void {
    this.updated.delete(id)
    this.deleted.add(id)
    for (const [v, ends] of this.links) if (ends.includes(id)) this.links.delete(v)
  }
}

const work = async (stranger: Stranger, model: Model, next: () => number, stop: () => boolean): Promise<void> => {
  const anyone = () => (next() < 0.3 ? `old-${Math.floor(next() * 40)}` : `new-${Math.floor(next() * SIZE)}`)
  for (let v = 1; !stop(); v++) {
    const [a, b, what] = [anyone(), anyone(), next()]
    if (what < 0.4) {
      const done = await stranger.run(`MATCH (n:Memory {id: '${a}'}) SET n.foreign = ${v} RETURN n.id`)
      // Neo4j lets an update of a node pass that was deleted while the update waited for its lock; it then has no id.
      if (done[0]?.[0] === a) model.updated.set(a, v)
    } else if (what < 0.5) {
      const done = await stranger.run(`MATCH (n:Memory {id: '${a}'}) WITH n, n.id AS id DETACH DELETE n RETURN id`)
      if (done[0]?.[0] === a) model.forget(a)
    } else if (what < 0.9) {
      const done = await stranger.run(
        `MATCH (a:Memory {id: '${a}'}), (b:Memory {id: '${b}'}) CREATE (a)-[:FOREIGN {v: ${v}}]->(b) RETURN 1`
      )
      if (done.length > 0) model.links.set(v, [a, b])
    } else {
      await stranger.run(`CREATE (s:Stranger {v: ${v}}) RETURN 1`)
      model.own.add(v)
    }
    await new Promise((resolve) => setTimeout(resolve, next() * 6))
  }
}

const lost = async (stranger: Stranger, model: Model): Promise<ReadonlyArray<string>> => {
  const problems: Array<string> = []
  const values = new Map(
    (await stranger.run("MATCH (n:Memory) RETURN n.id, n.foreign")).map(([id = "", v = ""]) => [id, v])
  )
  for (const [id, v] of model.updated)
    if (values.get(id) !== String(v)) problems.push(`${id} should have foreign = ${v} and has ${values.get(id)}`)
  for (const id of model.deleted) if (values.has(id)) problems.push(`${id} was deleted and is there again`)
  const links = new Map(
    (await stranger.run("MATCH (a)-[r:FOREIGN]->(b) RETURN r.v, a.id, b.id")).map(([v = "", a, b]) => [v, `${a} ${b}`])
  )
  for (const [v, ends] of model.links)
    if (links.get(String(v)) !== ends.join(" ")) problems.push(`the link ${v} between ${ends.join(" and ")} is gone`)
  const own = new Set((await stranger.run("MATCH (s:Stranger) RETURN s.v")).map(([v]) => v))
  for (const v of model.own) if (!own.has(String(v))) problems.push(`the stranger's node ${v} is gone`)
  const marks = await stranger.run("MATCH (f:_MgRun) RETURN f.run")
  if (marks.length > 0) problems.push(`the fence is left: ${String(marks)}`)
  return problems
}

describe.each(["falkordb", "neo4j"] as const)("somebody else's work in %s", (kind) => {
  const { missing, start } = stores[kind]
  describe.skipIf(missing !== undefined)(missing ?? `seed ${SEED}`, () => {
    let store: TestStore
    beforeAll(async () => {
      store = await start()
    })
    afterAll(() => store?.stop())

    it.each(Array.from({ length: ROUNDS }, (_, round) => round))("survives round %i", async (round) => {
      const next = random(`foreign ${kind} ${round}`)
      const config = await store.fresh("target")
      await killing.fill(config, killing.before)
      const stranger = strangerOf(config)
      const model = new Model()
      const program = Effect.scoped(
        Effect.flatMap(connect(config), (target) =>
          importRecords({ path: "given", records: Stream.fromIterable(killing.incoming(SIZE)) }, target, {
            stateFolder: path.join(tempFolder(), "state"),
            onConflict: "overwrite"
          })
        )
      )
      // Every other round is broken off in the middle of the load: then the stranger works through the undo, too.
      let began = false
      const sink: ProgressSink = {
        emit: ({ phase, state }) => {
          if (phase !== "import" || state !== "started") return
          began = true
          if (round % 2 === 0) setTimeout(() => fiber.unsafeInterruptAsFork(fiber.id()), 50 + next() * 1500)
        }
      }
      const fiber = Effect.runFork(Effect.provideService(program, Progress, sink))
      while (!began && fiber.unsafePoll() === null) await new Promise((resolve) => setTimeout(resolve, 2))
      await work(stranger, model, next, () => fiber.unsafePoll() !== null)
      const exit = await Effect.runPromise(Fiber.await(fiber))
      const how = Exit.isSuccess(exit) ? exit.value.outcome : String(exit.cause)
      expect(await lost(stranger, model), how).toEqual([])
      expect(model.links.size + model.updated.size + model.own.size, how).toBeGreaterThan(0)
      await stranger.close()
    })
  })
})
