/** Whole migrations on a round trip of random graphs: what comes home is what set out. */
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as path from "node:path"
import { describe, expect, it } from "vitest"
import type { GraphBackend } from "../../src/backend/GraphBackend.ts"
import { migrate } from "../../src/migration/migrate.ts"
import * as Arbitraries from "../../src/testing/arbitraries.ts"
import { temporaryFolder } from "../../src/testing/conformance/support.ts"
import { MEMORIES_ONLY } from "../../src/testing/features.ts"
import { roundTrip } from "../../src/testing/roundTrip.ts"
import { memoryHarness } from "../testing/harnesses.ts"
import { emptied, sqliteHarness } from "./sqliteHarness.ts"

const seed = sqliteHarness("SQLite seed", { spoil: "seed" })
const wal = sqliteHarness("SQLite seed, WAL", {
  spoil: "seed",
  prepare: emptied("python-small.db", "wal", ["relationships", "nodes"])
})
const column = sqliteHarness("SQLite column", { layout: "column", spoil: "column" })
const memory = memoryHarness("memory")
const exposed = memoryHarness("memory, exposed", { exposed: true })

const move = (source: GraphBackend, target: GraphBackend) =>
  Effect.scoped(
    Effect.gen(function* () {
      const stateFolder = path.join(yield* temporaryFolder, "state")
      const report = yield* migrate(source, target, { stateFolder })
      expect(report).toMatchObject({ exitCode: 0, error: null })
      expect(report.verification?.differences).toEqual([])
    })
  )

describe.each([
  { stops: [seed, memory, wal, seed], without: [] },
  { stops: [memory, seed, exposed, memory], without: [] },
  { stops: [seed, column, memory, column, seed], without: MEMORIES_ONLY }
])("$stops.0.name -> $stops.1.name -> $stops.2.name -> ... and back", ({ stops, without }) => {
  it("brings random graphs home", async () => {
    await FastCheck.assert(
      FastCheck.asyncProperty(Arbitraries.graph({ without }), async (graph) => {
        const legs = await Effect.runPromise(roundTrip({ stops, graph, migrate: move }))
        expect(legs).toHaveLength(stops.length - 1)
      }),
      { seed: 1701, numRuns: 12 }
    )
  })
})
