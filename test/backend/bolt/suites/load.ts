/** Loads of nodes that no index of the store covers: the time must grow with their number, not with its square. */
import * as Effect from "effect/Effect"
import { expect, it } from "vitest"
import { node, relationship } from "../../../../src/domain/Graph.ts"
import { create, openSession, query, run, type Store } from "../support.ts"

const nodes = (count: number) => Array.from({ length: count }, (_, i) => node(`k${i}`, [], { name: `n${i}` }))

const relationships = (count: number) =>
  Array.from({ length: 3 * count }, (_, i) =>
    relationship(null, `k${(i * 7919) % count}`, `T${i % 35}`, `k${(i * 104_729 + 13) % count}`, { w: i / 2 })
  )

// `MEMORYGRAPH_TEST_LOAD=20000` for a measurement that takes some minutes.
const SMALL = Number(process.env["MEMORYGRAPH_TEST_LOAD"] ?? 4000)

/** To be called in a test file. */
export const loadSuite = (store: Store) => {
  const seconds = (count: number) =>
    run(
      Effect.gen(function* () {
        const session = yield* Effect.flatMap(store.connected, openSession)
        yield* create(session, nodes(count))
        const started = performance.now()
        yield* create(session, relationships(count))
        const spent = (performance.now() - started) / 1000
        expect(yield* session.undo).toEqual({ _tag: "Undone" })
        return spent
      })
    )

  it("of unlabelled nodes with relationships take linear time, and leave nothing", async () => {
    await seconds(1000)
    const small = await seconds(SMALL)
    const large = await seconds(3 * SMALL)
    process.stdout.write(
      `      ${3 * SMALL} relationships ${small.toFixed(1)} s, ${9 * SMALL} relationships ${large.toFixed(1)} s\n`
    )
    // Three times as much; a scan for every batch would take nine times as long.
    expect(large / small).toBeLessThan(6)
    expect(await query(store.driver(), "MATCH (n) RETURN count(n) AS total")).toEqual([{ total: 0n }])
  }, 900_000)
}
