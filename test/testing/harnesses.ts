/** Harnesses of the in-memory backend, good and otherwise. */
import * as Effect from "effect/Effect"
import type { GraphBackend } from "../../src/backend/GraphBackend.ts"
import type { Harness, Place } from "../../src/testing/conformance/Harness.ts"
import * as MemoryBackend from "../../src/testing/MemoryBackend.ts"

let places = 0

/** The in-memory backend as the conformance suite takes it; `decorate` is put around every connection. */
export const memoryHarness = (
  name: string,
  config?: Omit<MemoryBackend.MemoryConfig, "store">,
  decorate: (backend: GraphBackend, store: MemoryBackend.MemoryStore) => GraphBackend = (backend) => backend
): Harness => ({
  name,
  place: Effect.sync((): Place => {
    const store = new MemoryBackend.MemoryStore(`place ${++places}`)
    return {
      connect: Effect.map(MemoryBackend.make({ store, ...config }), (backend) => decorate(backend, store)),
      traces: Effect.sync(() => (store.run === undefined ? [] : [`open session ${store.run}`])),
      spoil: Effect.sync(() => {
        store.undecodable = "a record"
      }),
      refuse: (record) => Effect.sync(() => store.refused.add(record.key ?? ""))
    }
  })
})
