/** The suite runs under any runner: here under node:test, in a process of its own. */
import { spawnSync } from "node:child_process"
import * as Effect from "effect/Effect"
import { describe, expect, it } from "vitest"
import { GraphBackend } from "../../src/backend/GraphBackend.ts"
import { conformance, type It, register, run } from "../../src/testing/conformance/index.ts"
import { MEMORIES_ONLY } from "../../src/testing/features.ts"
import * as MemoryBackend from "../../src/testing/MemoryBackend.ts"
import { memoryHarness } from "./harnesses.ts"

const program = `
  import { describe, it } from "node:test"
  import { register } from "./src/testing/conformance/index.ts"
  import { MEMORIES_ONLY } from "./src/testing/features.ts"
  import { memoryHarness } from "./test/testing/harnesses.ts"
  const broken = memoryHarness("broken", {}, (backend) => ({ ...backend, fit: () => [] }))
  describe("memory", () => register(it, { ...broken, without: MEMORIES_ONLY, runs: 2 }))
`

describe("the conformance suite", () => {
  it("runs under node:test", () => {
    // The module is given on the command line: node reports it as tests of that one process.
    const { status, stdout } = spawnSync(
      process.execPath,
      ["--test-reporter=tap", "--input-type=module-typescript", "--eval", program],
      { cwd: new URL("../..", import.meta.url), encoding: "utf8" }
    )
    const count = (what: string) => Number(new RegExp(`^# ${what} (\\d+)$`, "m").exec(stdout)?.[1])
    const skipped = conformance.filter((one) => one.needs.some((feature) => MEMORIES_ONLY.includes(feature))).length
    expect({ tests: count("tests"), skipped: count("skipped"), status }).toEqual({
      tests: conformance.length,
      skipped,
      status: 1
    })
    expect(stdout).toMatch(/not ok \d+ - reserved property names are impossible/)
    expect(count("fail")).toBe(1)
  }, 120_000)

  it("takes a runner's context to say why a case is skipped", async () => {
    const reasons: Array<string> = []
    const tests: Array<Promise<void>> = []
    const runner: It = Object.assign(() => undefined, {
      skip: (_name: string, test: (...context: ReadonlyArray<unknown>) => Promise<void>) => {
        tests.push(test({ skip: (reason: string) => reasons.push(reason) }))
      }
    })
    register(runner, { ...memoryHarness("memory"), without: ["types"] })
    await Promise.all(tests)
    expect(reasons).toEqual(["the store does without types"])
  })

  it("runs without a runner", async () => {
    const cases = conformance.slice(0, 8)
    const results = await Effect.runPromise(run({ ...memoryHarness("memory"), without: ["spoil"] }, cases))
    expect(results.map(({ name }) => name)).toEqual(cases.map(({ name }) => name))
    expect(results.filter(({ result }) => result === "skipped")).toHaveLength(2)
    expect(results.filter(({ result }) => result === "passed")).toHaveLength(6)
  })
})

describe("the in-memory backend", () => {
  it("is a layer", async () => {
    const store = new MemoryBackend.MemoryStore("layered")
    const location = Effect.map(GraphBackend, (backend) => backend.location)
    expect(await Effect.runPromise(Effect.provide(location, MemoryBackend.layer({ store })))).toBe("layered")
  })
})
