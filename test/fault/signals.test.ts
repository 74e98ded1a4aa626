import { afterAll, beforeAll, describe, it } from "vitest"
import { engineAvailable, startFalkorDB, type TestServer } from "../support/falkordb.ts"
import { makeSource, newSqlite, type Target, usedFalkorDB, usedLite, usedSqlite } from "./migrationTargets.ts"
import { BLOWS, cannot, completeRun, type Moment, PHASES, strike } from "./striking.ts"
import { FULL_SWEEP, random, SEED } from "./sweep.ts"

// Long enough to be hit in any phase; a server takes its time for fewer.
const source = makeSource({ nodes: 8000, relationships: 2000 })
const smallSource = makeSource({ nodes: 2500, relationships: 500 })

let server: TestServer | undefined
beforeAll(async () => {
  if (engineAvailable === undefined) server = await startFalkorDB()
})
afterAll(() => server?.stop())

interface Kind {
  readonly name: string
  readonly make: () => Promise<Target>
  readonly from: string
  readonly missing?: string | undefined
}

const falkordb = (): Promise<Target> => {
  if (server === undefined) throw new Error("the server is not there")
  return usedFalkorDB(server)()
}

const KINDS: ReadonlyArray<Kind> = [
  { name: "a new SQLite file", make: newSqlite, from: source },
  { name: "an SQLite file in use", make: usedSqlite, from: source },
  { name: "a FalkorDBLite file in use", make: usedLite(), from: source, missing: engineAvailable },
  { name: "a FalkorDB graph in use", make: falkordb, from: smallSource, missing: engineAvailable }
]

describe(`a migration that is asked to stop (seed ${SEED})`, () => {
  const next = random("signals")
  describe.each(KINDS.map((kind, row) => ({ ...kind, row })))("into $name", ({ from, make, missing, row }) => {
    const complete = completeRun(from, make)
    // In CI each phase and each blow once for every target; in the full sweep all of them together.
    const moments = PHASES.flatMap((phase, column): ReadonlyArray<Moment> => {
      const blows = FULL_SWEEP ? BLOWS : [BLOWS[(row + column) % BLOWS.length] ?? "SIGINT"]
      return blows.map((blow) => ({ phase, blow, delay: Math.floor(next() * 40) }))
    })
    it.for(moments)("in the phase $phase by $blow, $delay ms into it", async (moment, ctx) => {
      const reason = missing ?? cannot(moment.blow)
      if (reason !== undefined) return ctx.skip(reason)
      await strike(from, await make(), complete, moment)
    })
  })
})
