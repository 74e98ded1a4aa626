/** What the store says of itself that tells whether somebody writes to it. */
import * as Effect from "effect/Effect"
import { expect, it } from "vitest"
import { openSession, query, run, type Store } from "../support.ts"

/** To be called in a test file. */
export const statisticsSuite = (store: Store) => {
  const newest = Effect.scoped(Effect.flatMap(store.connected, (backend) => backend.statistics)).pipe(
    Effect.map((statistics) => statistics.newest)
  )
  const set = (text: string) => Effect.promise(() => query(store.driver(), text))

  it("the newest time is the latest text of either kind, of memories only", () =>
    run(
      Effect.gen(function* () {
        expect(yield* newest).toBeUndefined()
        yield* set(
          "CREATE (:Memory {id: 'a', created_at: datetime('2029-01-01T00:00:00Z')}), (:Memory {id: 'b', updated_at: 2030})"
        )
        expect(yield* newest).toBeUndefined()
        yield* set("CREATE (:Memory {id: 'c', created_at: '2026-03-01T00:00:00+00:00'})")
        expect(yield* newest).toBe("2026-03-01T00:00:00+00:00")
        yield* set(
          "CREATE (:Memory {id: 'd', created_at: '2026-01-01', updated_at: '2026-02-01'}), (:Other {updated_at: '2031-01-01'})"
        )
        expect(yield* newest).toBe("2026-03-01T00:00:00+00:00")
        yield* set("MATCH (m:Memory {id: 'd'}) SET m.updated_at = '2026-11-22T20:31:38.123456+00:00'")
        expect(yield* newest).toBe("2026-11-22T20:31:38.123456+00:00")
        const backend = yield* store.connected
        yield* openSession(backend)
        expect((yield* backend.statistics).newest).toBe("2026-11-22T20:31:38.123456+00:00")
      })
    ))
}
