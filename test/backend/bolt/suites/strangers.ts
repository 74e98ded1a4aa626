/** The fence, and strangers that write to a Neo4j meanwhile. */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import type { Driver } from "neo4j-driver"
import { describe, expect, it } from "vitest"
import { node, relationship } from "../../../../src/domain/Graph.ts"
import {
  create,
  dump,
  failure,
  journal,
  openSession,
  overwrite,
  query,
  readAll,
  run,
  type Store,
  temporaryFolder
} from "../support.ts"
import { OURS } from "./session.ts"

/** Runs a statement in a transaction that stays open; returns what commits it. */
const holding = async (driver: Driver, text: string) => {
  const session = driver.session()
  const transaction = await session.beginTransaction()
  await transaction.run(text)
  return async () => {
    await transaction.commit()
    await session.close()
  }
}

/** To be called in a test file. */
export const strangersSuite = (store: Store) => {
  describe("strangers that write meanwhile", () => {
    it("keep what they attached and changed, and it is reported", async () => {
      const left = await run(
        Effect.gen(function* () {
          const session = yield* Effect.flatMap(store.connected, openSession)
          yield* create(session, OURS)
          yield* Effect.promise(() =>
            query(store.driver(), "MATCH (m:Memory {id: 'm1'}) CREATE (m)<-[:NOTES]-(:Stranger {id: 's'})")
          )
          yield* Effect.promise(() => query(store.driver(), "MATCH (m:Memory {id: 'm2'}) SET m.title = 'mine now'"))
          const outcome = yield* session.undo
          return outcome._tag === "Incomplete" ? outcome.left : []
        })
      )
      expect(left.map(({ what, why: reason }) => `${what}: ${reason}`).sort()).toEqual([
        "node m1: somebody else attached 1 relationship(s) to it",
        "node m2: it is not what this run wrote any more"
      ])
      const rows = await query(
        store.driver(),
        "MATCH (n) OPTIONAL MATCH (n)-[r]->() RETURN coalesce(n.id, '') AS id, type(r) AS type ORDER BY id"
      )
      expect(rows).toEqual([
        { id: "m1", type: null },
        { id: "m2", type: null },
        { id: "s", type: "NOTES" }
      ])
    })

    it("take away a node that relationships were to be attached to, and the batch is not written", async () => {
      await run(
        Effect.gen(function* () {
          const session = yield* Effect.flatMap(store.connected, openSession)
          yield* create(session, OURS.slice(0, 3))
          yield* Effect.promise(() => query(store.driver(), "MATCH (m:Memory {id: 'm2'}) DELETE m"))
          const error = yield* Effect.flip(create(session, OURS.slice(3)))
          expect(error).toMatchObject({ _tag: "WriteFailed", reason: "store-changed" })
          expect(yield* Effect.promise(() => query(store.driver(), "MATCH ()-[r]->() RETURN r"))).toEqual([])
          expect(yield* session.undo).toEqual({ _tag: "Undone" })
        })
      )
      expect(await dump(store.driver())).toEqual(store.empty())
    })

    it("keep relationships equal to ours", async () => {
      await query(store.driver(), "CREATE (a:P {id: 'a'})-[:R]->(b:P {id: 'b'})")
      const before = await dump(store.driver())
      await run(
        Effect.gen(function* () {
          const session = yield* Effect.flatMap(store.connected, openSession)
          yield* create(session, [relationship(null, "a", "R", "b", {}), relationship(null, "a", "R", "b", {})])
          expect(yield* session.undo).toEqual({ _tag: "Undone" })
        })
      )
      expect((await dump(store.driver())).length).toBe(before.length)
    })

    it("keep relationships equal to ours also where ours were noted but never written", async () => {
      await query(store.driver(), "CREATE (a:P {id: 'a'})-[:R]->(b:P {id: 'b'})")
      const before = await dump(store.driver())
      await run(
        Effect.gen(function* () {
          const at = `${yield* temporaryFolder}/journal.db`
          const records = [relationship(null, "a", "R", "b", {})]
          yield* (yield* journal(at)).intend({ create: records, overwrite: [] })
          const session = yield* Effect.flatMap(store.connected, (backend) => openSession(backend, { journal: at }))
          expect(yield* session.undo).toEqual({ _tag: "Undone" })
        })
      )
      expect(await dump(store.driver())).toEqual(before)
    })

    it("that are about to commit are waited for, before comparing what is overwritten", async () => {
      await query(store.driver(), "CREATE (a:P {id: 'a', n: 1})-[:R {id: 'r', n: 1}]->(a)")
      await run(
        Effect.gen(function* () {
          const backend = yield* store.connected
          const before = yield* backend.lookup([node("a", ["P"], {}), relationship("r", "a", "R", "a", {})])
          const session = yield* openSession(backend)
          for (const record of before) {
            const pattern = record._tag === "Node" ? "(x:P)" : "()-[x:R]->()"
            const commit = yield* Effect.promise(() => holding(store.driver(), `MATCH ${pattern} SET x.n = 2`))
            const writing = yield* Effect.fork(
              Effect.flip(
                overwrite(session, [{ before: record, after: { ...record, properties: { id: record.key ?? "" } } }])
              )
            )
            yield* Effect.sleep("500 millis")
            yield* Effect.promise(commit)
            expect(yield* Fiber.join(writing)).toMatchObject({ _tag: "WriteFailed", reason: "store-changed" })
          }
        })
      )
      expect(await query(store.driver(), "MATCH (x:P)-[r]->() RETURN x.n AS x, r.n AS r")).toEqual([{ x: 2n, r: 2n }])
    })

    it("that are about to commit are waited for, before taking back what they change", async () => {
      const outcome = await run(
        Effect.gen(function* () {
          const session = yield* Effect.flatMap(store.connected, openSession)
          yield* create(session, OURS)
          const commit = yield* Effect.promise(() => holding(store.driver(), "MATCH (m:Memory {id: 'm2'}) SET m.x = 1"))
          const undoing = yield* Effect.fork(session.undo)
          yield* Effect.sleep("500 millis")
          yield* Effect.promise(commit)
          return yield* Fiber.join(undoing)
        })
      )
      expect(outcome).toMatchObject({ _tag: "Incomplete", left: [{ what: "node m2" }] })
      expect(await query(store.driver(), "MATCH (n) RETURN n.id AS id, n.x AS x")).toEqual([{ id: "m2", x: 1n }])
    })

    it("change what is read, and that is noticed", async () => {
      await query(store.driver(), "UNWIND range(1, 3000) AS i CREATE (:P {id: 'p' + toString(i)})")
      const error = await failure(
        Effect.gen(function* () {
          const backend = yield* store.connected
          let done = false
          yield* backend.read().pipe(
            Stream.rechunk(100),
            Stream.runForEachChunk(() =>
              done
                ? Effect.void
                : Effect.promise(async () => {
                    done = true
                    await query(store.driver(), "MATCH (p:P) WHERE toInteger(substring(p.id, 1)) > 1500 DELETE p")
                    await query(store.driver(), "UNWIND range(1, 2000) AS i CREATE (:Q)")
                  })
            )
          )
          return yield* Effect.fail("nothing noticed" as const)
        })
      )
      expect(error).toMatchObject({ _tag: "SourceDataInvalid", reason: "changed-while-read" })
    })
  })

  describe("the fence", () => {
    it("lets one run in, and names it to the next", async () => {
      await run(
        Effect.gen(function* () {
          const backend = yield* store.connected
          yield* openSession(backend, { run: "first" })
          const error = yield* Effect.flip(openSession(yield* store.connected, { run: "second" }))
          expect(error).toMatchObject({
            _tag: "Refused",
            reason: "locked",
            message: expect.stringContaining("Run first is writing to")
          })
          expect((yield* backend.health).notes.join()).toContain("first")
          expect((yield* backend.statistics).nodes).toBe(0)
          expect(yield* readAll(backend)).toEqual([])
        })
      )
      expect(await query(store.driver(), "MATCH (n:_MgRun) RETURN count(n) AS total")).toEqual([{ total: 0n }])
    })

    it("lets at most one of many in that come at once", async () => {
      await run(
        Effect.gen(function* () {
          const tries = Array.from({ length: 6 }, (_, i) =>
            Effect.flatMap(store.connected, (backend) => Effect.exit(openSession(backend, { run: `run-${i}` })))
          )
          const exits = yield* Effect.all(tries, { concurrency: "unbounded" })
          expect(exits.filter((exit) => exit._tag === "Success").length).toBeLessThanOrEqual(1)
          const held = yield* Effect.promise(() => query(store.driver(), "MATCH (n:_MgRun) RETURN n.run AS run"))
          expect(held.length).toBe(exits.filter((exit) => exit._tag === "Success").length)
        })
      )
    })

    it("stops a session whose run another one has taken up", async () => {
      await run(
        Effect.gen(function* () {
          const at = `${yield* temporaryFolder}/journal.db`
          const old = yield* Effect.flatMap(store.connected, (backend) =>
            openSession(backend, { run: "same", journal: at })
          )
          yield* create(old, OURS.slice(0, 2))
          const next = yield* Effect.flatMap(store.connected, (backend) =>
            openSession(backend, { run: "same", journal: at })
          )
          const error = yield* Effect.flip(create(old, [node("late", [], {})]))
          expect(error).toMatchObject({ _tag: "FileFailed", reason: "superseded" })
          expect(yield* next.undo).toEqual({ _tag: "Undone" })
        })
      )
      expect(await query(store.driver(), "MATCH (n) RETURN count(n) AS total")).toEqual([{ total: 0n }])
    })

    it("is not passed by a batch that is under way when the epoch rises", async () => {
      await run(
        Effect.gen(function* () {
          const session = yield* Effect.flatMap(store.connected, openSession)
          const many = Array.from({ length: 4000 }, (_, i) => node(`n${i}`, ["T"], { id: `n${i}` }))
          const writing = yield* Effect.fork(session.write({ create: many, overwrite: [] }))
          yield* Effect.sleep("60 millis")
          yield* Fiber.interruptFork(writing)
          expect(yield* session.undo).toEqual({ _tag: "Undone" })
        })
      )
      expect(await dump(store.driver())).toEqual(store.empty())
    })
  })
}
