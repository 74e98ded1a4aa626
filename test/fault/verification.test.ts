/**
 * A verification that is interrupted, fails or sees only a part never says that anything was verified, and the target
 * is as it was before.
 */
import * as fs from "node:fs"
import * as path from "node:path"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import { describe, expect, it } from "vitest"
import { errorLines, reportLines } from "../../src/cli/render.ts"
import { canonicalLine } from "../../src/domain/Canonical.ts"
import type { MigrationError } from "../../src/domain/Errors.ts"
import { type GraphRecord, node, relationship } from "../../src/domain/Graph.ts"
import { migrate, type WriteOptions } from "../../src/migration/migrate.ts"
import { failedReport } from "../../src/migration/outcome.ts"
import { Progress } from "../../src/migration/Progress.ts"
import type { RunReport } from "../../src/migration/report.ts"
import { makeRunId, Recorder } from "../../src/migration/Run.ts"
import * as MemoryBackend from "../../src/testing/MemoryBackend.ts"
import { link, memory, sampleGraph } from "../../src/testing/samples.ts"
import { tempFolder } from "../support/migrating.ts"
import { sample, SEED } from "./sweep.ts"
import { type Fault, FAULTS, Striker } from "./verification.faults.ts"

const storeWith = (name: string, records: ReadonlyArray<GraphRecord>): MemoryBackend.MemoryStore => {
  const store = new MemoryBackend.MemoryStore(name)
  store.graph.apply({ create: records.filter((record) => record._tag === "Node"), overwrite: [] })
  store.graph.apply({ create: records.filter((record) => record._tag === "Relationship"), overwrite: [] })
  return store
}
const contentOf = (store: MemoryBackend.MemoryStore) =>
  [...store.graph.records("nodes"), ...store.graph.records("relationships")].map(canonicalLine).sort()

const small = sampleGraph("fault", 20)
const SMALL = [...small.nodes, ...small.relationships]
// Look-ups are of a thousand records at most: two of nodes, two of relationships.
const many = Array.from({ length: 1020 }, (_, n) => node(`n${n}`, ["Memory"], { id: `n${n}`, title: "t" }))
const LARGE = [...many, ...many.map(({ key }, n) => relationship(`r${n}`, key, "SOLVES", "n0", { id: `r${n}` }))]
const OWN = [
  memory("own", 1),
  memory("own2", 2),
  link("owns", "own", "own2", 1),
  node("n0", ["Memory"], { id: "n0", title: "old" })
]

/** How a migration is run: into what, and how conflicts end. */
const SETTINGS = {
  "a fresh target": { records: SMALL, before: [], onConflict: "skip" },
  "a target in use": { records: LARGE, before: OWN, onConflict: "skip" },
  "a target in use, overwriting": { records: LARGE, before: OWN, onConflict: "overwrite" }
} as const
type Setting = keyof typeof SETTINGS

const attempt = async (
  setting: Setting,
  strike: { readonly fault?: Fault; readonly at?: number; readonly again?: boolean },
  options?: Partial<WriteOptions>
) => {
  const { before, onConflict, records } = SETTINGS[setting]
  const store = storeWith("target", before)
  const stateFolder = path.join(tempFolder(), "state")
  const recorder = new Recorder({ run: makeRunId(new Date()), command: "migrate" })
  let verifying = false
  const striker = new Striker({ ...strike, interrupt: () => Effect.runFork(Fiber.interrupt(fiber)) })
  const program = Effect.gen(function* () {
    const source = yield* MemoryBackend.make({ store: storeWith("source", records) })
    const target = yield* MemoryBackend.make({
      store,
      wrapDriver: (driver) => ({
        ...driver,
        read: Stream.suspend(() =>
          verifying
            ? striker.stream(Stream.rechunk(driver.read, 8))
            : Stream.dieMessage("read outside of a verification")
        ),
        lookup: (asked) => (verifying ? striker.lookup(driver.lookup(asked)) : driver.lookup(asked))
      })
    })
    return yield* migrate(source, target, { stateFolder, recorder, onConflict, ...options })
  })
  const sink = {
    emit: ({ phase, state }: { readonly phase: string; readonly state: string }) => {
      if (phase === "verify") verifying = state !== "ended"
    }
  }
  const fiber: Fiber.RuntimeFiber<RunReport, MigrationError> = Effect.runFork(
    program.pipe(Effect.provideService(Progress, sink))
  )
  const exit = await Effect.runPromise(Fiber.await(fiber))
  const report = Exit.isSuccess(exit) ? exit.value : failedReport(recorder, exit.cause)
  const runs = path.join(stateFolder, "runs")
  return { exit, report, store, striker, left: fs.existsSync(runs) ? fs.readdirSync(runs) : [] }
}

/** What no text may say unless everything was compared. */
const CLAIM = /verified|equal:|compared/i

/** What the command line prints, and what else a report can be made to say, so far as it claims something. */
const claims = (report: RunReport, claim = CLAIM): ReadonlyArray<string> =>
  [...errorLines(report), ...reportLines(report, { verbose: true }).slice(1)].filter((line) => claim.test(line))

const faultOf = (
  { exit, left, report, store }: Awaited<ReturnType<typeof attempt>>,
  before: ReadonlyArray<GraphRecord>
) => {
  if (Exit.isSuccess(exit) || report.exitCode === 0) return `it ended as ${report.outcome}`
  if (["done", "equal", "nothing-to-do"].includes(report.outcome)) return `the outcome is ${report.outcome}`
  if (report.verification !== null && report.verification.differencesTotal === 0)
    return "the report tells of a complete verification"
  if (report.verification?.targetFingerprint !== undefined && report.verification.targetFingerprint !== null)
    return "the target has a fingerprint"
  if (report.target?.after?.fingerprint !== undefined) return "the target's state after is told"
  const said = claims(report)
  if (said.length > 0) return `it says: ${said.join(" / ")}`
  if (contentOf(store).join() !== before.map(canonicalLine).sort().join() || store.run !== undefined)
    return "the target is not as it was"
  if (report.rollback?.outcome !== "undone" || report.rollback.left.length > 0)
    return `the undo: ${JSON.stringify(report.rollback)}`
  return left.length > 0 ? "the run's folder was left" : undefined
}

const TAGS: { readonly [fault in Fault]: string } = {
  "it is interrupted and hangs": "Interrupted",
  "it is interrupted and answers": "Interrupted",
  "it fails": "StoreUnavailable",
  "it cannot be decoded": "VerificationFailed",
  "it has a defect": "Defect",
  "nothing more comes": "VerificationFailed",
  "it comes twice": "VerificationFailed",
  "it does not come": "VerificationFailed",
  "it lacks a record": "VerificationFailed",
  "a record comes twice in place of another": "VerificationFailed"
}

describe(`a verification that is not complete (seed ${SEED})`, () => {
  it.each(Object.keys(SETTINGS) as ReadonlyArray<Setting>)(
    "never says verified, and is undone: %s",
    { timeout: 600_000 },
    async (setting) => {
      const clean = await attempt(setting, {})
      expect(clean.report).toMatchObject({ outcome: "done", verification: { mode: "full", differencesTotal: 0 } })
      expect(claims(clean.report, /  equal: .* read back and compared|  of the same records/)).toHaveLength(1)
      expect(clean.striker.count).toBeGreaterThan(3)

      const strikes = FAULTS.flatMap((fault) =>
        Array.from({ length: clean.striker.count }, (_, i) => i + 1).flatMap((at) =>
          (setting === "a fresh target" ? [false, true] : [false]).map((again) => ({ fault, at, again }))
        )
      )
      const faults: Array<string> = []
      for (const strike of sample(setting, strikes, 120)) {
        const result = await attempt(setting, strike)
        const { report, striker } = result
        const fault =
          faultOf(result, SETTINGS[setting].before) ??
          (report.error?.tag === TAGS[strike.fault] ? undefined : `the error is ${JSON.stringify(report.error)}`)
        if (fault !== undefined || !striker.struck)
          faults.push(`${JSON.stringify(strike)}: ${fault ?? "did not happen"}`)
      }
      expect(faults, `${faults.length}: ${faults.slice(0, 10).join("\n")}`).toEqual([])
    }
  )

  it.each(Object.keys(SETTINGS) as ReadonlyArray<Setting>)("one that was switched off says so: %s", async (setting) => {
    const { exit, report, striker } = await attempt(setting, {}, { verify: false })
    expect(Exit.isSuccess(exit)).toBe(true)
    expect(striker.count).toBe(0)
    expect(report.verification).toMatchObject({ mode: "none", checked: 0, targetFingerprint: null })
    expect(report.target?.after?.fingerprint).toBeNull()
    expect(claims(report)).toEqual(["  target        not verified, as --no-verify asked"])
  })
})
