/** The write session: publishing and undoing, on an empty Neo4j and on one in use. */
import * as Effect from "effect/Effect"
import type { Driver } from "neo4j-driver"
import { describe, expect, it } from "vitest"
import { type GraphRecord, node, relationship } from "../../../../src/domain/Graph.ts"
import { create, dump, lines, openSession, overwrite, query, readAll, run, type Store } from "../support.ts"

export const OURS: ReadonlyArray<GraphRecord> = [
  node("m1", ["Memory"], { id: "m1", title: "one" }),
  node("m2", ["Memory", "Draft"], { id: "m2", tags: ["a"] }),
  node("gen-1", [], { id: 5n }),
  relationship("r1", "m1", "SOLVES", "m2", { id: "r1" }),
  relationship(null, "m1", "LIKES", "gen-1", {}),
  relationship(null, "m1", "LIKES", "gen-1", {}),
  relationship(null, "gen-1", "SELF", "gen-1", { w: 1 })
]

/** A store in use: memories, other nodes, unkeyed ones, parallel relationships, a schema of its own. */
const occupy = async (driver: Driver) => {
  await query(driver, "CREATE INDEX theirs FOR (p:Person) ON (p.name)")
  await query(
    driver,
    "CREATE (a:Memory {id: 'old-1', title: 'theirs', when: datetime('2020-01-01T00:00:00+02:00')}), (b:Person {id: 7, name: 'p'}), ({x: 1.5}) " +
      "CREATE (a)-[:KNOWS {id: 'k', since: date('2020-02-29')}]->(b), (a)-[:KNOWS]->(b), (a)-[:KNOWS]->(b), (b)-[:SELF]->(b)"
  )
  return dump(driver)
}

/** To be called in a test file. */
export const sessionSuite = (store: Store) => {
  describe("on an empty store", () => {
    it("publishes exactly the records, with MemoryGraph's schema and without the fence", async () => {
      await run(
        Effect.gen(function* () {
          const backend = yield* store.connected
          const session = yield* openSession(backend)
          expect([session.fresh, session.exposed]).toEqual([true, true])
          yield* create(session, OURS)
          expect(yield* readAll(session)).toEqual(lines(OURS))
          yield* session.publish
          expect(yield* readAll(backend)).toEqual(lines(OURS))
          expect((yield* backend.health).notes).toEqual([])
        })
      )
      expect(await query(store.driver(), "MATCH (n:_MgRun) RETURN count(n) AS total")).toEqual([{ total: 0n }])
      const names = (
        await query(
          store.driver(),
          "SHOW INDEXES YIELD name, state, type WHERE type <> 'LOOKUP' RETURN name + ' ' + state AS name"
        )
      ).map((row) => row["name"])
      expect(names.sort()).toEqual(
        ["confidence", "content", "created_at", "importance", "project_path", "tags", "type"]
          .map((name) => `memory_${name}_index ONLINE`)
          .concat("memory_id_unique ONLINE", "relationship_id_unique ONLINE")
          .sort()
      )
    })

    it("is empty again after an undo, schema included", async () => {
      await run(
        Effect.gen(function* () {
          const session = yield* Effect.flatMap(store.connected, openSession)
          yield* create(session, OURS)
          expect(yield* session.undo).toEqual({ _tag: "Undone" })
          expect(yield* session.undo).toEqual({ _tag: "Undone" })
        })
      )
      expect(await dump(store.driver())).toEqual(store.empty())
    })

    it("is empty again when the scope closes on an open session", async () => {
      await run(Effect.flatMap(Effect.flatMap(store.connected, openSession), (session) => create(session, OURS)))
      expect(await dump(store.driver())).toEqual(store.empty())
    })

    it("keeps an index that was there", async () => {
      await query(store.driver(), "CREATE INDEX memory_type_index FOR (m:Memory) ON (m.type)")
      const before = await dump(store.driver())
      await run(Effect.flatMap(Effect.flatMap(store.connected, openSession), (session) => create(session, OURS)))
      expect(await dump(store.driver())).toEqual(before)
    })
  })

  describe("on a store in use", () => {
    it("adds its records and nothing else", async () => {
      const before = await occupy(store.driver())
      await run(
        Effect.gen(function* () {
          const backend = yield* store.connected
          const session = yield* openSession(backend)
          expect(session.fresh).toBe(false)
          yield* create(session, OURS)
          yield* create(session, [relationship("r9", "m1", "ABOUT", "old-1", { id: "r9" })])
          expect(lines(yield* session.lookup(OURS))).toEqual(lines(OURS))
          yield* session.publish
        })
      )
      const after = new Set(await dump(store.driver()))
      expect(before.filter((line) => !after.has(line))).toEqual([])
      expect(after.size).toBe(before.length + OURS.length + 1)
    })

    it("is as it was after an undo, engine ids included", async () => {
      const before = await occupy(store.driver())
      await run(
        Effect.gen(function* () {
          const session = yield* Effect.flatMap(store.connected, openSession)
          yield* create(session, OURS)
          // Twins of what is there, which only the count tells apart.
          yield* create(session, [relationship(null, "m1", "LIKES", "gen-1", {})])
          expect(yield* session.undo).toEqual({ _tag: "Undone" })
        })
      )
      expect(await dump(store.driver())).toEqual(before)
    })

    it("gets its overwritten records back", async () => {
      const before = await occupy(store.driver())
      await run(
        Effect.gen(function* () {
          const backend = yield* store.connected
          const [memory] = yield* backend.lookup([node("old-1", ["Memory"], {})])
          const all = yield* readAll({ read: () => backend.read({ only: "nodes" }) })
          const person = all.find((line) => line.includes('"Person"')) ?? ""
          const key = String(JSON.parse(person).node)
          const [known] = yield* backend.lookup([node(key, [], {})])
          const [knows] = (yield* backend.lookup([relationship(null, "old-1", "KNOWS", key, {})])).filter(
            (found) => found.key === "k"
          )
          if (memory?._tag !== "Node" || known?._tag !== "Node" || knows?._tag !== "Relationship")
            throw new Error("not found")
          const session = yield* openSession(backend)
          const pairs = [
            { before: memory, after: node("old-1", ["Memory", "New"], { id: "old-1", m: { a: 1n } }) },
            { before: known, after: node(key, [], { id: 8n, name: "q" }) }
          ]
          yield* overwrite(session, pairs)
          const changed = relationship("k", "old-1", "KNOWS", key, { id: "k", since: 2n ** 70n })
          yield* overwrite(session, [{ before: knows, after: changed }])
          expect(lines(yield* session.lookup(pairs.map((pair) => pair.after)))).toEqual(
            lines(pairs.map((pair) => pair.after))
          )
          expect(lines(yield* session.lookup([changed]))).toContain(lines([changed])[0])
          expect(yield* session.undo).toEqual({ _tag: "Undone" })
        })
      )
      expect(await dump(store.driver())).toEqual(before)
    })

    it("refuses to overwrite what has changed since", async () => {
      await occupy(store.driver())
      await run(
        Effect.gen(function* () {
          const backend = yield* store.connected
          const [memory] = yield* backend.lookup([node("old-1", ["Memory"], {})])
          if (memory === undefined) throw new Error("not found")
          const session = yield* openSession(backend)
          yield* Effect.promise(() => query(store.driver(), "MATCH (m:Memory {id: 'old-1'}) SET m.title = 'meanwhile'"))
          const error = yield* Effect.flip(
            overwrite(session, [{ before: memory, after: node("old-1", ["Memory"], { id: "old-1" }) }])
          )
          expect(error).toMatchObject({
            _tag: "WriteFailed",
            reason: "store-changed",
            message: expect.stringContaining("old-1")
          })
        })
      )
      expect(await query(store.driver(), "MATCH (m:Memory) RETURN m.title AS title")).toEqual([{ title: "meanwhile" }])
    })
  })
}
