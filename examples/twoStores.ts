/** Two stores of one kind: each has a tag of its own, so that no one is taken for the other. */
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { GraphBackend, migrate, SqliteBackend } from "memorygraph-migrate"

class Laptop extends Context.Tag("Laptop")<Laptop, GraphBackend>() {}
class Team extends Context.Tag("Team")<Team, GraphBackend>() {}

const merge = Effect.gen(function* () {
  const report = yield* migrate(yield* Laptop, yield* Team, { stateFolder: "state", onConflict: "skip" })
  return report.records
})

const stores = Layer.merge(
  Layer.scoped(Laptop, SqliteBackend.make({ path: "memories.db" })),
  Layer.scoped(Team, SqliteBackend.make({ path: "team.db" }))
)

const first = await Effect.runPromise(Effect.provide(merge, stores))
const second = await Effect.runPromise(Effect.provide(merge, stores))
console.log(`written ${first.written}, then ${second.written} (${second.same} are there already)`)

// A program that works with one store asks for `GraphBackend`; the host says which, here by a setting.
const count = Effect.flatMap(GraphBackend, (store) => store.statistics)
const settings = Layer.setConfigProvider(ConfigProvider.fromMap(new Map([["TEAM_DB", "team.db"]])))
const store = SqliteBackend.layerConfig({ path: Config.string("TEAM_DB") })
const { nodes } = await Effect.runPromise(Effect.provide(count, Layer.provide(store, settings)))
console.log(`${nodes} nodes`)
