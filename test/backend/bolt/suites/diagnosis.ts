/** What `health` tells of a store beside its counts. */
import * as Effect from "effect/Effect"
import { expect, it } from "vitest"
import { query, run, type Store } from "../support.ts"

/** To be called in a test file. */
export const diagnosisSuite = (store: Store) => {
  const diagnosis = Effect.scoped(Effect.flatMap(store.connected, ({ diagnose }) => diagnose ?? Effect.die("none")))

  it("of an empty store names no index and no repeated id", async () => {
    expect(await run(diagnosis)).toMatchObject({ indexes: [], duplicates: { first: [], total: 0 } })
  })

  it("names the states of indexes and constraints, and ids that several nodes have", async () => {
    const driver = store.driver()
    await query(driver, "CREATE INDEX mine FOR (m:Memory) ON (m.title)")
    await query(driver, "CREATE CONSTRAINT only_one FOR (m:Memory) REQUIRE m.id IS UNIQUE")
    await query(driver, "CALL db.awaitIndexes(60)")
    await query(
      driver,
      "UNWIND range(1, 30) AS i CREATE (:Memory {id: 'k' + i}), (:Other {id: 'k' + i}), (:Other {id: 'once' + i})"
    )
    await query(driver, "CREATE (:Other {id: 7}), (:Another {id: 7})")
    const { duplicates, indexes } = await run(diagnosis)
    expect(duplicates.total).toBe(30)
    expect(duplicates.first).toHaveLength(20)
    for (const id of duplicates.first) expect(id).toMatch(/^k\d+$/)
    const states = new Map(indexes.map(({ name, state }) => [name, state.toLowerCase()]))
    expect([...states.keys()].join("; ")).toMatch(/index Memory\(title\)[^;]* mine/)
    expect([...states.keys()].join("; ")).toMatch(/unique constraint Memory\(id\)[^;]* only_one/)
    for (const state of states.values()) expect(state).toBe("online")
  })
}
