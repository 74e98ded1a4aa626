/** A cleared store that somebody has then deleted altogether: a rollback makes it anew, with all that it held. */
import * as fs from "node:fs"
import * as path from "node:path"
import * as Effect from "effect/Effect"
import { describe, expect, it } from "vitest"
import { connect } from "../../src/backend/registry.ts"
import type { StoreConfig } from "../../src/backend/StoreConfig.ts"
import { clear } from "../../src/migration/clear.ts"
import { migrate } from "../../src/migration/migrate.ts"
import { rollback } from "../../src/migration/rollback.ts"
import { stores } from "../pairs/stores.ts"
import { copyOf, tempFolder } from "../support/migrating.ts"
import { raw } from "../support/rawRedis.ts"

const away = async (config: StoreConfig): Promise<void> => {
  if ("path" in config) return fs.rmSync(config.path)
  await raw(
    { host: config.host, port: config.port ?? 0 },
    "GRAPH.DELETE",
    "graph" in config ? (config.graph ?? "") : ""
  )
}

describe.each(["sqlite", "falkordblite", "falkordb"] as const)("a cleared and deleted store of %s", (kind) => {
  const { missing, start } = stores[kind]

  it.skipIf(missing !== undefined)(missing ?? "comes back by a rollback", { timeout: 300_000 }, async () => {
    const store = await start()
    try {
      const config = await store.fresh("target")
      const stateFolder = path.join(tempFolder(), "state")
      const on = <A, E>(use: (target: Effect.Effect.Success<ReturnType<typeof connect>>) => Effect.Effect<A, E>) =>
        Effect.runPromise(Effect.scoped(Effect.flatMap(connect(config), use)))
      await Effect.runPromise(
        Effect.scoped(
          Effect.gen(function* () {
            const source = yield* connect({ kind: "sqlite", path: copyOf("python-small.db") })
            return yield* migrate(source, yield* connect(config), { stateFolder })
          })
        )
      )
      const before = await store.dump(config)
      const { run } = await on((target) => clear(target, { stateFolder }))
      await away(config)
      const taken = await on((target) => rollback(target, { stateFolder, run }))
      expect(taken.rollback).toEqual({ outcome: "undone", left: [] })
      expect(await store.dump(config)).toEqual(before)
    } finally {
      await store.stop()
    }
  })
})
