/** Keys, and the values that indexes refuse, on Neo4j. */
import * as Effect from "effect/Effect"
import { describe, expect, it } from "vitest"
import { connect } from "../../../../src/backend/bolt/connection.ts"
import { findRepeated } from "../../../../src/backend/bolt/keys.ts"
import { neo4j } from "../../../../src/backend/bolt/neo4j.ts"
import { type GraphRecord, node } from "../../../../src/domain/Graph.ts"
import { create, dump, lines, openSession, publish, query, readAll, run, type Store } from "../support.ts"

/** To be called in a test file. */
export const keysSuite = (store: Store) => {
  describe("keys", () => {
    it("are the ids where they are unique texts, else the engine's", async () => {
      await query(
        store.driver(),
        "CREATE (:P {id: 'one'}), (:P {id: 'twice'}), (:Q {id: 'twice'}), (:P {id: 7}), ({x: 1})"
      )
      const found = await run(Effect.flatMap(store.connected, readAll))
      const keys = found.map((line) => String(JSON.parse(line).node)).sort()
      expect(keys).toHaveLength(5)
      expect(keys.filter((key) => /^neo4j:4:[0-9a-f-]+:\d+$/.test(key))).toHaveLength(4)
      expect(keys).toContain("one")
      expect(await run(Effect.flatMap(store.connected, readAll))).toEqual(found)
    })

    it("of relationships are none where ids are repeated", async () => {
      await query(
        store.driver(),
        "CREATE (a:P {id: 'a'}) CREATE (a)-[:R {id: 'x'}]->(a), (a)-[:S {id: 'x'}]->(a), (a)-[:S {id: 'y'}]->(a)"
      )
      const found = await run(Effect.flatMap(store.connected, readAll))
      const keys = found.filter((line) => line.startsWith('{"rel')).map((line) => JSON.parse(line).relationship)
      expect(keys.sort()).toEqual([null, null, "y"])
    })

    it("are found repeated by the engine and here alike", async () => {
      await query(store.driver(), "UNWIND range(1, 3000) AS i CREATE (:P {id: 'p' + toString(i % 2500)}), (:P {id: i})")
      await query(store.driver(), "MATCH (p:P {id: 'p7'}) CREATE (p)-[:R {id: 'x'}]->(p), (p)-[:R {id: 'y\0'}]->(p)")
      const options = {
        server: { kind: "neo4j", title: "Neo4j", location: "" },
        database: undefined,
        routing: false
      } as const
      await run(
        Effect.gen(function* () {
          const { reading } = yield* connect({ host: "127.0.0.1", port: store.port() }, options)
          const transaction = yield* reading
          for (const total of [0, 1_000_000]) {
            const nodes = yield* findRepeated(transaction, neo4j, "nodes", total)
            expect(["p1", "p500", "p501", "p0", "x"].map(nodes.has, nodes)).toEqual([true, true, false, false, false])
            const relationships = yield* findRepeated(transaction, neo4j, "relationships", total)
            expect(["x", "y\0"].map(relationships.has, relationships)).toEqual([true, true])
          }
        })
      )
    })

    it("go to another Neo4j and back and still find their nodes", async () => {
      await query(store.driver(), "CREATE (:P {id: 7})-[:R]->(:P {id: 7})")
      await run(
        Effect.gen(function* () {
          const backend = yield* store.connected
          const nodes = yield* readAll({ read: () => backend.read({ only: "nodes" }) })
          const records = nodes.map((line) => node(String(JSON.parse(line).node), ["P"], { id: 7n }))
          expect(lines(yield* backend.lookup(records))).toEqual(nodes)
        })
      )
    })

    it("that UTF-8 cannot say, and reserved names, are impossible", async () => {
      await run(
        Effect.gen(function* () {
          const { fit } = yield* store.connected
          const kinds = (record: GraphRecord) => fit(record).map((misfit) => `${misfit.level} ${misfit.kind}`)
          expect(kinds(node("\ud800", [], {}))).toEqual(["impossible key with a lone surrogate"])
          expect(kinds(node("k", ["_MgRun"], {}))).toEqual(["impossible reserved label _MgRun"])
          expect(kinds(node("k", [], { _mg_x: 1n }))).toEqual(["impossible reserved property name _mg_x"])
        })
      )
    })
  })

  describe("index keys", () => {
    const wide = "w".repeat(8164)
    const records = [
      node(wide, ["Memory"], { id: wide }),
      node(`${wide}+`, ["Memory"], { id: `${wide}+` }),
      node("tags", ["Memory"], { id: "tags", tags: Array.from({ length: 2722 }, () => "t") }),
      node("twin-1", ["Memory"], { id: "same" }),
      node("twin-2", ["Memory"], { id: "same" }),
      node("other", ["Other"], { id: `${wide}+++` })
    ]

    it("of any length are kept, the too long ones aside", async () => {
      await run(
        Effect.gen(function* () {
          const backend = yield* store.connected
          const tooLarge = { level: "encoded", kind: "value too large for the store's index" }
          const notUnique = { level: "encoded", kind: "id under a uniqueness constraint that is not the key" }
          expect(records.map(backend.fit)).toEqual([[], [tooLarge], [tooLarge], [notUnique], [notUnique], []])
          yield* publish(backend, records)
          expect(yield* readAll(backend)).toEqual(lines(records))
          expect(lines(yield* backend.lookup(records))).toEqual(lines(records))
        })
      )
    })

    it("that a server refuses all the same fail typed, and leave nothing", async () => {
      await query(store.driver(), "CREATE INDEX late IF NOT EXISTS FOR (n:Late) ON (n.x)")
      const before = await dump(store.driver())
      await run(
        Effect.gen(function* () {
          const backend = yield* store.connected
          // Not known to us: made after we connected.
          yield* Effect.promise(() => query(store.driver(), "CREATE INDEX later IF NOT EXISTS FOR (n:Later) ON (n.x)"))
          const session = yield* openSession(backend)
          const error = yield* Effect.flip(create(session, [node("l", ["Later"], { id: "l", x: "x".repeat(9000) })]))
          expect(error).toMatchObject({ _tag: "WriteFailed", reason: "refused-record" })
          expect(yield* session.undo).toEqual({ _tag: "Undone" })
        })
      )
      await query(store.driver(), "DROP INDEX later")
      expect(await dump(store.driver())).toEqual(before)
      await query(store.driver(), "DROP INDEX late")
    })
  })
}
