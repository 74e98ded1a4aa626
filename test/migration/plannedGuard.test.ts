/** A plan that is held to: what changes between the check of it and the session is noticed in the session. */
import * as path from "node:path"
import * as Effect from "effect/Effect"
import { describe, expect, it } from "vitest"
import { node } from "../../src/domain/Graph.ts"
import { migrate, type WriteOptions } from "../../src/migration/migrate.ts"
import { endingOf } from "../../src/migration/outcome.ts"
import * as MemoryBackend from "../../src/testing/MemoryBackend.ts"
import { tempFolder } from "../support/migrating.ts"

const memory = (id: string, title: string) => node(id, ["Memory"], { id, title })

const storeWith = (name: string, ...records: ReadonlyArray<ReturnType<typeof memory>>): MemoryBackend.MemoryStore => {
  const store = new MemoryBackend.MemoryStore(name)
  store.graph.apply({ create: records, overwrite: [] })
  return store
}

const CHANGES = {
  nothing: () => {},
  "a record that the plan calls new": (store: MemoryBackend.MemoryStore) =>
    store.graph.apply({ create: [memory("new", "theirs")], overwrite: [] }),
  "the content of a conflict, all counts equal": (store: MemoryBackend.MemoryStore) =>
    store.graph.apply({
      create: [],
      overwrite: [{ before: memory("a", "theirs"), after: memory("a", "theirs, later") }]
    })
}

describe("between the check of a plan and the session", () => {
  it.each(
    Object.entries(CHANGES).flatMap(([what, change]) => [true, false].map((exposed) => ({ what, change, exposed })))
  )("$what may change (batches show: $exposed)", async ({ change, exposed, what }) => {
    const source = storeWith("source", memory("a", "ours"), memory("b", "same"), memory("new", "new"))
    const target = storeWith("target", memory("a", "theirs"), memory("b", "same"))
    const backends = {
      source: Effect.runSync(MemoryBackend.make({ store: source })),
      target: Effect.runSync(MemoryBackend.make({ store: target, exposed }))
    }
    const run = (options: Partial<WriteOptions>) =>
      Effect.runPromiseExit(
        migrate(backends.source, backends.target, {
          stateFolder: path.join(tempFolder(), "state"),
          onConflict: "overwrite",
          beforeWrite: () => Effect.void,
          ...options
        })
      )
    const planned = await run({ dryRun: true, hashPlan: true })
    const hash = (planned._tag === "Success" ? planned.value.plan?.hash : undefined) ?? ""
    const exit = await run({ expectPlan: hash, beforeWrite: () => Effect.sync(() => change(target)) })
    if (what === "nothing") return expect(exit._tag).toBe("Success")
    expect(exit._tag === "Failure" ? endingOf(exit.cause) : exit).toMatchObject({
      exitCode: 5,
      outcome: "undone",
      error: { tag: "WriteFailed", reason: "store-changed" }
    })
    // What somebody else wrote is as they wrote it, and nothing of ours is there.
    const expected = storeWith("expected", memory("a", "theirs"), memory("b", "same"))
    change(expected)
    expect([...target.graph.records("nodes")].toSorted((x, y) => ((x.key ?? "") < (y.key ?? "") ? -1 : 1))).toEqual(
      [...expected.graph.records("nodes")].toSorted((x, y) => ((x.key ?? "") < (y.key ?? "") ? -1 : 1))
    )
  })
})
