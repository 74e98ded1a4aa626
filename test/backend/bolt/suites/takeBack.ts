/** Taking a published run back, on a Neo4j in use: all of it, twice, broken off, and around what others have changed. */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Driver } from "neo4j-driver"
import { expect, it } from "vitest"
import { type BatchPart, type Journal, UNDO_ORDER } from "../../../../src/backend/Journal.ts"
import type { WriteSession } from "../../../../src/backend/WriteSession.ts"
import type { Left } from "../../../../src/domain/Errors.ts"
import { type GraphRecord, node, relationship } from "../../../../src/domain/Graph.ts"
import { create, dump, journal, overwrite, query, run, type Store, temporaryFolder } from "../support.ts"

const OURS: ReadonlyArray<GraphRecord> = [
  node("m1", ["Memory"], { id: "m1", title: "one" }),
  node("m2", ["Memory", "Draft"], { id: "m2", tags: ["a"] }),
  node("gen-1", [], { id: 5n }),
  relationship("r1", "m1", "SOLVES", "m2", { id: "r1" }),
  relationship(null, "m1", "LIKES", "gen-1", {}),
  relationship(null, "m1", "LIKES", "gen-1", {}),
  // The twin of one that is there.
  relationship(null, "old-1", "KNOWS", "old-2", {}),
  relationship("r2", "m2", "ABOUT", "old-1", { id: "r2" })
]

const occupy = async (driver: Driver) => {
  await query(driver, "CREATE INDEX theirs FOR (p:Person) ON (p.name)")
  await query(
    driver,
    "CREATE (a:Memory {id: 'old-1', title: 'theirs', n: 1})-[:KNOWS]->(b:Person {id: 'old-2', name: 'p'}), " +
      "(a)-[:KNOWS {id: 'k', n: 1}]->(b)"
  )
  return withoutIds(await dump(driver))
}

// A relationship and its equal twin differ by the engine's ids only; which of the two went is nobody's business.
const withoutIds = (lines: ReadonlyArray<string>) =>
  lines.map((line) => line.replaceAll(/\d+:[0-9a-f-]{36}:\d+/g, "#")).sort()

/** To be called in a test file. */
export const takeBackSuite = (store: Store) => {
  const state = Effect.promise(async () => withoutIds(await dump(store.driver())))
  const set = (text: string) => Effect.promise(() => query(store.driver(), text))

  /** A run that was published: what stood there before, and its journal's path. */
  const published = Effect.gen(function* () {
    const before = yield* Effect.promise(() => occupy(store.driver()))
    const at = `${yield* temporaryFolder}/journal.db`
    yield* Effect.scoped(
      Effect.gen(function* () {
        const backend = yield* store.connected
        const asked = [node("old-1", ["Memory"], {}), relationship("k", "old-1", "KNOWS", "old-2", {})]
        const existing = (yield* backend.lookup(asked)).filter(({ key }) => key !== null)
        const session = yield* backend.openSession({ run: "taken-back", journal: yield* journal(at) })
        yield* create(session, OURS)
        for (const before of existing) {
          yield* overwrite(session, [{ before, after: { ...before, properties: { ...before.properties, n: 2n } } }])
        }
        yield* session.publish
      })
    )
    expect((yield* state).length).toBe(before.length + OURS.length)
    return { at, before }
  })

  const opened = (at: string) =>
    Effect.gen(function* () {
      const backend = yield* store.connected
      const noted = yield* journal(at)
      return { noted, session: yield* backend.openSession({ run: "taken-back", journal: noted }) }
    })

  const takeBack = (session: WriteSession, noted: Journal, parts: ReadonlyArray<BatchPart> = UNDO_ORDER) =>
    Effect.gen(function* () {
      const left: Array<Left> = []
      for (const part of parts) {
        yield* Stream.runForEach(noted.batches, (batch) =>
          Effect.map(session.takeBack(batch, part), (more) => {
            left.push(...more)
          })
        )
      }
      return left
    })

  it("leaves the store as it was before the run, also when all of it is done twice", () =>
    run(
      Effect.gen(function* () {
        const { at, before } = yield* published
        const { noted, session } = yield* opened(at)
        expect(yield* Stream.runCount(noted.batches)).toBe(4)
        expect(yield* takeBack(session, noted)).toEqual([])
        expect(yield* takeBack(session, noted)).toEqual([])
        yield* session.publish
        expect(yield* state).toEqual(before)
      })
    ))

  it("leaves what others have changed or attached, and says so", () =>
    run(
      Effect.gen(function* () {
        const { at } = yield* published
        yield* set("MATCH (m:Memory {id: 'm1'}) CREATE (m)<-[:NOTES]-(:Stranger {id: 's'})")
        yield* set("MATCH (m:Memory {id: 'm2'}) SET m.title = 'mine now'")
        yield* set("MATCH (m:Memory {id: 'old-1'}) SET m.title = 'mine too'")
        yield* set("MATCH ()-[r {id: 'k'}]->() SET r.n = 3")
        yield* set("MATCH ()-[r {id: 'r2'}]->() SET r.n = 3")
        yield* set("MATCH ()-[r {id: 'r1'}]->() DELETE r")
        const { noted, session } = yield* opened(at)
        const left = yield* takeBack(session, noted)
        yield* session.publish
        expect(left.map(({ what, why }) => `${what}: ${why}`).sort()).toEqual([
          "node m1: somebody else attached 1 relationship(s) to it",
          "node m2: it is not what this run wrote any more",
          "relationship r2: it is not what this run wrote any more",
          "the state before of node old-1: it is not what this run wrote any more",
          "the state before of relationship k: it is not what this run wrote any more"
        ])
        const rows = yield* set(
          "MATCH (n) OPTIONAL MATCH (n)-[r]->() RETURN n.id AS id, n.title AS title, type(r) AS type, r.n AS n ORDER BY id, type, n"
        )
        expect(rows).toEqual([
          { id: "m1", title: "one", type: null, n: null },
          { id: "m2", title: "mine now", type: "ABOUT", n: 3n },
          { id: "old-1", title: "mine too", type: "KNOWS", n: 3n },
          { id: "old-1", title: "mine too", type: "KNOWS", n: null },
          { id: "old-2", title: null, type: null, n: null },
          { id: "s", title: null, type: "NOTES", n: null }
        ])
      })
    ))

  it("is gone on with where it was broken off, and takes no twin of somebody else", () =>
    run(
      Effect.gen(function* () {
        const { at, before } = yield* published
        // A process that dies after each of these does nothing more: its scope is not closed.
        const scopes: Array<Scope.CloseableScope> = []
        for (const parts of [["overwritten"], ["overwritten", "Relationship"], ["Relationship"]] as const) {
          const scope = yield* Scope.make()
          scopes.push(scope)
          const { noted, session } = yield* Scope.extend(opened(at), scope)
          expect(yield* takeBack(session, noted, parts)).toEqual([])
        }
        const { noted, session } = yield* opened(at)
        expect(yield* takeBack(session, noted)).toEqual([])
        yield* session.publish
        expect(yield* state).toEqual(before)
        // The dead wake up and want to undo: they have lost the run, and change nothing.
        for (const scope of scopes) yield* Scope.close(scope, Exit.void)
        expect(yield* state).toEqual(before)
      })
    ))

  it("is finished by the undo of its session, where that does not get to its end", () =>
    run(
      Effect.gen(function* () {
        const { at, before } = yield* published
        yield* Effect.scoped(
          Effect.gen(function* () {
            const { noted, session } = yield* opened(at)
            yield* takeBack(session, noted, ["overwritten"])
          })
        )
        expect(yield* state).toEqual(before)
      })
    ))
}
