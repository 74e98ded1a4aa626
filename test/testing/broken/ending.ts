/** Backends that publish or undo wrongly. */
import * as Effect from "effect/Effect"
import * as Scope from "effect/Scope"
import type { Overwrite } from "../../../src/backend/WriteSession.ts"
import { MemoryGraph } from "../../../src/testing/MemoryGraph.ts"
import type { MemoryStore } from "../../../src/testing/MemoryBackend.ts"
import { type Broken, inBackend, inDriver, session } from "./decorate.ts"

/** Does something to the store's graph, which the session's own driver knows nothing of. */
const meddle = (store: MemoryStore, change: (graph: MemoryGraph) => void) =>
  Effect.sync(() => {
    const graph = store.graph.copy()
    change(graph)
    store.graph = graph
  })

const withoutHalf = (graph: MemoryGraph): MemoryGraph => {
  const half = new MemoryGraph()
  half.apply({ create: graph.records("nodes"), overwrite: [] })
  half.apply({ create: graph.records("relationships").filter((_, n) => n % 2 === 0), overwrite: [] })
  return half
}

export const ending: ReadonlyArray<Broken> = [
  inDriver("says yes without writing", ["batches of one are written (new store)"], (driver) => ({
    ...driver,
    write: () => Effect.void
  })),
  inBackend("keeps no journal", ["the journal knows what was made and replaced (new store)"], (backend) => ({
    ...backend,
    openSession: (options) => {
      const journal = { ...options.journal, intend: () => Effect.succeed(1), acknowledge: () => Effect.void }
      return backend.openSession({ ...options, journal })
    }
  })),
  inBackend(
    "publishes half",
    ["publishing makes everything visible (new store)", "what was there is untouched"],
    session((opened, store) => ({
      ...opened,
      publish: Effect.tap(opened.publish, () => {
        store.graph = withoutHalf(store.graph)
      })
    }))
  ),
  inDriver("publishes nothing", ["publishing makes everything visible (store in use)"], (driver) => ({
    ...driver,
    publish: Effect.asVoid(driver.undo)
  })),
  inDriver(
    "does not undo",
    ["undo leaves everything as it was (new store)", "undo brings overwritten records back (store in use)"],
    (driver) => ({ ...driver, undo: Effect.as(Effect.orDie(driver.publish), []) })
  ),
  inBackend(
    "undoes by deleting everything",
    ["undo leaves everything as it was (store in use)"],
    session((opened, store) => ({
      ...opened,
      undo: Effect.tap(opened.undo, () => {
        store.graph = new MemoryGraph()
      })
    }))
  ),
  inBackend(
    "leaves its mark when it undoes",
    [
      "undo leaves everything as it was (new store)",
      "undo before the first write leaves everything as it was (store in use)"
    ],
    session((opened, store) => ({
      ...opened,
      undo: Effect.tap(opened.undo, () => {
        store.run = "left"
      })
    }))
  ),
  inBackend(
    "forgets overwritten records when it undoes",
    ["undo brings overwritten records back (store in use)"],
    session((opened, store) => {
      const replaced: Array<Overwrite> = []
      return {
        ...opened,
        write: (batch) => Effect.tap(opened.write(batch), () => void replaced.push(...batch.overwrite)),
        undo: Effect.tap(opened.undo, () =>
          meddle(store, (graph) => {
            const there = new Map(graph.records("nodes").map((node) => [node.key, node]))
            for (const { after } of replaced) {
              const before = after._tag === "Node" ? there.get(after.key) : undefined
              if (before !== undefined) graph.apply({ create: [], overwrite: [{ before, after }] })
              there.set(after.key, after)
            }
          })
        )
      }
    })
  ),
  inBackend(
    "is not undone with its scope",
    ["a session that is not ended is undone with its scope (new store)"],
    (backend) => ({
      ...backend,
      openSession: (options) =>
        Effect.flatMap(Scope.make(), (scope) => Effect.provideService(backend.openSession(options), Scope.Scope, scope))
    }),
    true
  ),
  inBackend(
    "is not isolated though it says so",
    [
      "a session that is not exposed shows nothing (new store)",
      "a session that is not exposed shows nothing (store in use)"
    ],
    (backend, store) => ({
      ...session((opened) => ({ ...opened, exposed: false }))(backend, store),
      capabilities: { ...backend.capabilities, isolated: true }
    }),
    true
  ),
  inBackend(
    "lets a late write land after the undo",
    ["undo after a write that was interrupted (new store)"],
    session((opened, store) => ({
      ...opened,
      write: (batch) =>
        Effect.zipRight(Effect.sleep(150), opened.write(batch)).pipe(
          Effect.onInterrupt(() =>
            Effect.forkDaemon(
              Effect.delay(
                meddle(store, (graph) => graph.apply(batch)),
                30
              )
            )
          )
        )
    }))
  ),
  inBackend(
    "takes writes after its end",
    ["a published session takes no more (new store)", "an undone session takes no more (new store)"],
    session((opened, store) => ({
      ...opened,
      write: (batch) =>
        Effect.flatMap(opened.state, (state) =>
          state === "open" ? opened.write(batch) : meddle(store, (graph) => graph.apply(batch))
        )
    }))
  ),
  inBackend(
    "lets the last of two sessions win",
    ["two sessions at once do not mix (new store)", "two sessions at once do not mix (store in use)"],
    (backend, store) => ({
      ...backend,
      openSession: (options) =>
        Effect.suspend(() => {
          store.run = undefined
          return backend.openSession(options)
        })
    })
  )
]
