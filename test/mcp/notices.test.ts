/** How often a client hears of progress: at every phase, and within one by the clock alone. */
import { afterEach, beforeEach, expect, it, vi } from "vitest"
import { type Notices, notices, WHOLE } from "../../src/mcp/notices.ts"
import type { Phase } from "../../src/migration/Progress.ts"

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

const hearing = () => {
  const told: Array<{ readonly at: number; readonly progress: number; readonly message: string }> = []
  const begin = performance.now()
  const made = notices((progress, message) => {
    told.push({ at: performance.now() - begin, progress, message })
  }, WHOLE)
  return { notices: made, told }
}

const position = ({ hear }: Notices, phase: Phase, done = 0) =>
  hear({ phase, done, total: 100, seconds: 0, per_second: null })

it("a phase is told as it begins, however soon after the last", () => {
  const { notices: made, told } = hearing()
  const phases = ["preflight", "export", "validate", "plan", "import"] as const
  for (const phase of phases) position(made, phase)
  expect(told).toHaveLength(phases.length)
  vi.advanceTimersByTime(1000)
  expect(told).toHaveLength(phases.length)
})

it("within a phase at most four a second, each the last that there is, and only growing", () => {
  const { notices: made, told } = hearing()
  for (let done = 0; done < 100; done++) {
    position(made, "import", done)
    vi.advanceTimersByTime(20)
  }
  const gaps = told.slice(1).map(({ at }, index) => at - (told[index]?.at ?? 0))
  expect(gaps).toEqual(gaps.map(() => 250))
  expect(told).toHaveLength(9)
  const values = told.map(({ progress }) => progress)
  expect(values).toEqual([...new Set(values)].toSorted((a, b) => a - b))
  expect(told[1]?.message).toContain("12 of 100")
})

it("the end is told at once, and nothing after it", () => {
  const { notices: made, told } = hearing()
  position(made, "verify")
  position(made, "verify", 100)
  expect(told).toHaveLength(1)
  made.end()
  expect(told).toHaveLength(2)
  vi.advanceTimersByTime(10_000)
  expect(told).toHaveLength(2)
})
