/** Records that the server itself refuses: nothing of their batch is there, and the session goes on without them. */
import * as Effect from "effect/Effect"
import { expect, it } from "vitest"
import { type GraphRecord, node, relationship } from "../../../../src/domain/Graph.ts"
import { create, lines, openSession, overwrite, query, readAll, run, type Store } from "../support.ts"

const good = (name: string) => node(name, ["Late"], { id: name, title: name })

/** What makes a record bad, by a constraint that we do not know of: it is made after we have connected. */
const CASES: ReadonlyArray<readonly [what: string, schema: string, bad: GraphRecord]> = [
  [
    "a value that is there already, under a uniqueness constraint",
    "CREATE CONSTRAINT late FOR (n:Late) REQUIRE n.title IS UNIQUE",
    node("bad", ["Late"], { id: "bad", title: "there" })
  ],
  [
    "a value that the same batch has twice, under a uniqueness constraint",
    "CREATE CONSTRAINT late FOR (n:Late) REQUIRE n.title IS UNIQUE",
    node("bad", ["Late"], { id: "bad", title: "a" })
  ],
  [
    "a value that is too large for an index, which is found out at commit",
    "CREATE INDEX late FOR (n:Late) ON (n.title)",
    node("bad", ["Late"], { id: "bad", title: "x".repeat(9000) })
  ],
  [
    "a relationship's value under a uniqueness constraint",
    "CREATE CONSTRAINT late FOR ()-[r:LATE]-() REQUIRE r.n IS UNIQUE",
    relationship("bad", "there", "LATE", "there", { id: "bad", n: 1n })
  ]
]

/** To be called in a test file. */
export const refusedSuite = (store: Store) => {
  const set = (text: string) => Effect.promise(() => query(store.driver(), text))

  for (const [what, schema, bad] of CASES) {
    it(`${what}: is refused with its whole batch, and the next one is written`, () =>
      run(
        Effect.gen(function* () {
          yield* set("CREATE (a:Late {id: 'there', title: 'there', n: 1})-[:LATE {id: 'r', n: 1}]->(a)")
          const backend = yield* store.connected
          yield* set(schema)
          if (schema.includes("INDEX")) yield* set("CALL db.awaitIndexes(60)")
          const session = yield* openSession(backend)
          const before = yield* readAll(session)
          const batch =
            bad._tag === "Node"
              ? [good("a"), bad, good("b")]
              : [relationship("c", "there", "LATE", "there", { id: "c", n: 2n }), bad]
          const error = yield* Effect.flip(session.write({ create: batch, overwrite: [] }))
          expect(error).toMatchObject({
            _tag: "WriteFailed",
            reason: "refused-record",
            message: expect.stringContaining("Nothing of this batch was written.")
          })
          expect(yield* readAll(session)).toEqual(before)
          const rest = batch.filter((record) => record !== bad)
          yield* create(session, rest)
          expect(yield* readAll(session)).toEqual([...before, ...lines(rest)].sort())
          yield* session.publish
          expect(yield* readAll(backend)).toEqual([...before, ...lines(rest)].sort())
        })
      ))
  }

  it("a state that an existing record cannot take: it keeps the one that it has", () =>
    run(
      Effect.gen(function* () {
        yield* set("CREATE (:Late {id: 'a', title: 'a'}), (:Late {id: 'b', title: 'b'})")
        const backend = yield* store.connected
        const existing = yield* backend.lookup([node("a", [], {}), node("b", [], {})])
        yield* set("CREATE CONSTRAINT late FOR (n:Late) REQUIRE n.title IS UNIQUE")
        const session = yield* openSession(backend)
        const before = yield* readAll(session)
        const pairs = existing.map((record) => ({
          before: record,
          after: { ...record, properties: { ...record.properties, title: "c" } }
        }))
        expect(yield* Effect.flip(overwrite(session, pairs))).toMatchObject({ reason: "refused-record" })
        expect(yield* readAll(session)).toEqual(before)
        yield* overwrite(session, pairs.slice(0, 1))
        expect(yield* session.undo).toEqual({ _tag: "Undone" })
        expect(yield* readAll(backend)).toEqual(before)
      })
    ))
}
