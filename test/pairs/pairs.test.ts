/**
 * All 25 ordered pairs, on real engines: from a fixture that a real MemoryGraph program wrote, and from random graphs.
 * The table is printed; MEMORYGRAPH_WRITE_DOCS=1 writes it to docs/pairs.md.
 */
import * as fs from "node:fs"
import * as path from "node:path"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { connect } from "../../src/backend/registry.ts"
import { type Kind, KINDS, type StoreConfig } from "../../src/backend/StoreConfig.ts"
import { migrate } from "../../src/migration/migrate.ts"
import { graph, recordsOf } from "../../src/testing/arbitraries.ts"
import * as MemoryBackend from "../../src/testing/MemoryBackend.ts"
import { fixture, run, tempFolder } from "../support/migrating.ts"
import { stores, type TestStore } from "./stores.ts"

const SEED = 20261122
/** Random graphs for each pair. */
const GRAPHS = process.env["MEMORYGRAPH_TEST_FULL"] === "1" || process.env["MEMORYGRAPH_WRITE_DOCS"] === "1" ? 2 : 1

const started = new Map<Kind, TestStore>()
const table = new Map<string, string>()
const cell = (from: Kind, to: Kind) => `${from} -> ${to}`

beforeAll(async () => {
  await Promise.all(
    KINDS.map(async (kind) => {
      if (stores[kind].missing === undefined) started.set(kind, await stores[kind].start())
    })
  )
}, 300_000)

afterAll(async () => {
  await Promise.all([...started.values()].map((store) => store.stop()))
  const lines = [
    "| from \\ to | " + KINDS.join(" | ") + " |",
    "| --- |" + " --- |".repeat(KINDS.length),
    ...KINDS.map((from) => `| **${from}** | ${KINDS.map((to) => table.get(cell(from, to)) ?? "FAILED").join(" | ")} |`)
  ]
  console.log(lines.join("\n"))
  if (process.env["MEMORYGRAPH_WRITE_DOCS"] === "1") writeDocs(lines)
})

const writeDocs = (lines: ReadonlyArray<string>): void => {
  const head = [
    "# Every pair",
    "",
    "What `test/pairs` printed when this page was last written. A cell shows the fingerprint that a fixture of 30 memories and 60",
    "relationships has on both sides, after the engines' own clients found no difference, and how many random graphs travelled the same way.",
    "A pair that was not run says so; it is never called passed.",
    ""
  ]
  fs.writeFileSync(new URL("../../docs/pairs.md", import.meta.url), `${[...head, ...lines].join("\n")}\n`)
}

const store = (kind: Kind): TestStore => {
  const found = started.get(kind)
  if (found === undefined) throw new Error(`${kind} was not started`)
  return found
}

const moveRandom = async (from: Kind, to: Kind): Promise<number> => {
  let moved = 0
  for (const random of FastCheck.sample(graph({ maxNodes: 6 }), { seed: SEED, numRuns: GRAPHS * 4 })) {
    if (moved === GRAPHS) break
    const source = await store(from).fresh("source")
    const target = await store(to).fresh("target")
    const origin = new MemoryBackend.MemoryStore("random")
    origin.graph.apply({ create: random.nodes, overwrite: [] })
    origin.graph.apply({ create: random.relationships, overwrite: [] })
    const travelled = await Effect.runPromise(
      Effect.scoped(
        Effect.gen(function* () {
          const memory = yield* MemoryBackend.make({ store: origin })
          const [a, b] = [yield* connect(source), yield* connect(target)]
          // What a store cannot hold is refused by its plan; other tests show that. Here graphs travel.
          const misfits = recordsOf(random).flatMap((record) => [...a.fit(record), ...b.fit(record)])
          if (misfits.some((misfit) => misfit.level === "impossible")) return false
          const options = { stateFolder: path.join(tempFolder(), "state") }
          const there = yield* migrate(memory, a, options)
          const across = yield* migrate(a, b, options)
          expect(across.verification).toMatchObject({ mode: "full", differencesTotal: 0 })
          expect(across.verification?.targetFingerprint).toBe(there.verification?.sourceFingerprint)
          return true
        })
      )
    )
    if (travelled) moved++
  }
  return moved
}

const pairs = KINDS.flatMap((from) => KINDS.map((to) => ({ from, to })))

describe("every ordered pair of backends", () => {
  it.for(pairs)("$from -> $to", { timeout: 240_000 }, async ({ from, to }, ctx) => {
    const missing = stores[from].missing ?? stores[to].missing
    if (missing !== undefined) {
      table.set(cell(from, to), missing.split("(")[0]?.trim() ?? missing)
      ctx.skip(missing)
    }
    const source: StoreConfig = await store(from).fresh("source")
    const target: StoreConfig = await store(to).fresh("target")
    const original: StoreConfig = { kind: "sqlite", path: fixture("python-small.db") }
    const sqlite = await stores.sqlite.start()
    const expected = await sqlite.dump(original)
    await run(original, source)
    const report = await run(source, target)
    expect(report.verification).toMatchObject({ mode: "full", checked: 90, differencesTotal: 0 })
    expect(report.verification?.targetFingerprint).toBe(report.verification?.sourceFingerprint)
    expect(await store(from).dump(source)).toEqual(expected)
    expect(await store(to).dump(target)).toEqual(expected)
    const random = await moveRandom(from, to)
    expect(random).toBeGreaterThan(0)
    table.set(cell(from, to), `${report.verification?.targetFingerprint ?? ""} + ${random} random`)
  })
})
