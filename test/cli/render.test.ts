import { describe, expect, it } from "vitest"
import { duration } from "../../src/cli/progress.ts"
import { errorLines, reportLines } from "../../src/cli/render.ts"
import { noRecords, type RunReport, type Stats } from "../../src/migration/report.ts"

const stats = (location: string, more: Partial<Stats> = {}): Stats => ({
  backend: "sqlite",
  location,
  version: "SQLite 3",
  nodes: 2,
  relationships: 1,
  labels: { Memory: 2 },
  types: { SOLVES: 1 },
  fingerprint: "mg1:0000000000000001",
  ...more
})

const report = (more: Partial<RunReport>): RunReport => ({
  run: "r",
  command: "migrate",
  outcome: "done",
  exitCode: 0,
  dryRun: false,
  source: stats("a.db"),
  target: { before: stats("b.db", { nodes: 0, relationships: 0 }), after: stats("b.db") },
  plan: null,
  records: { ...noRecords, read: 3, written: 3 },
  verification: {
    mode: "full",
    checked: 3,
    differences: [],
    differencesTotal: 0,
    sourceFingerprint: "mg1:0000000000000001",
    targetFingerprint: "mg1:0000000000000001"
  },
  rejects: null,
  backup: null,
  rollback: null,
  health: null,
  phases: [{ name: "import", start: 1, seconds: 2, records: 3000, bytes: 1 }],
  durationSeconds: 4,
  error: null,
  ...more
})

const text = (more: Partial<RunReport>, verbose = false): string => reportLines(report(more), { verbose }).join("\n")
const failure = (more: Partial<RunReport>): string => errorLines(report(more)).join("\n")

describe("a report that ended well", () => {
  it("says what moved, the counts, both fingerprints, time and rate", () => {
    expect(text({ records: { ...noRecords, read: 40_000, written: 40_000 } })).toBe(
      [
        "Moved 2 nodes and 1 relationship from a.db into b.db.",
        "  read          40,000",
        "  written       40,000",
        "  labels        Memory 2",
        "  types         SOLVES 1",
        "  source        mg1:0000000000000001",
        "  target        mg1:0000000000000001  equal: 3 records read back and compared",
        "  time          4.00 s, 10,000 records/s"
      ].join("\n")
    )
  })

  it("says no more than what was done", () => {
    const part = { ...noRecords, read: 40_000, written: 12, same: 39_985, kept: 3 }
    expect(text({ records: part })).toMatch(/^Moved 12 of 40,000 records from a\.db into b\.db\./)
    expect(text({ command: "export", target: null, records: { ...noRecords, read: 90, written: 88 } })).toMatch(
      /^Exported 88 of 90 records from a\.db\./
    )
  })

  it("--verbose adds the phases", () => {
    expect(text({}, true)).toMatch(/import +2\.00 s, 3,000 records, 1,500\/s/)
  })

  it("shows many labels and types shortened, with how many more there are", () => {
    const types = Object.fromEntries(Array.from({ length: 35 }, (_, i) => [`TYPE_${i}`, 35 - i]))
    expect(text({ source: stats("a.db", { types, labels: { "": 3 } }) })).toMatch(/TYPE_0 35, .*TYPE_7 28 and 27 more/)
    expect(text({ source: stats("a.db", { labels: { "": 3 } }) })).toContain("(no label) 3")
  })

  it("never says equal of different fingerprints or of what was not read back", () => {
    const verification = {
      ...report({}).verification,
      mode: "full" as const,
      checked: 3,
      differences: [],
      differencesTotal: 0
    }
    const different = { ...verification, sourceFingerprint: "mg1:1", targetFingerprint: "mg1:2" }
    expect(text({ verification: different, records: { ...noRecords, read: 3, written: 2, kept: 1 } })).not.toContain(
      "equal"
    )
    const none = { ...different, mode: "none" as const, targetFingerprint: null }
    expect(text({ verification: none })).not.toMatch(/equal|compared/)
    expect(text({ verification: null })).not.toMatch(/equal|compared/)
  })
})

describe("a report that ended badly", () => {
  it("6: lists the differences and says that the target is as it was", () => {
    const lines = failure({
      outcome: "undone",
      exitCode: 6,
      error: { tag: "VerificationFailed", message: "b.db does not hold what was written." },
      rollback: { outcome: "undone", left: [] },
      verification: {
        mode: "full",
        checked: 3,
        differences: [{ kind: "missing", record: "node", key: "n1" }],
        differencesTotal: 12,
        sourceFingerprint: "mg1:1",
        targetFingerprint: null
      }
    })
    expect(lines).toContain("  missing node n1\n  and 11 more")
    expect(lines).toContain("What had been written was undone: the target is as it was before.")
  })

  it("7: lists what is left and never says that the target is as it was", () => {
    const lines = failure({
      outcome: "incomplete",
      exitCode: 7,
      error: { tag: "UndoIncomplete", message: "The undo left 1 thing(s)." },
      rollback: { outcome: "incomplete", left: [{ what: "node n1", why: "somebody attached to it" }] }
    })
    expect(lines).toContain("Left behind:\n  node n1: somebody attached to it")
    expect(lines).not.toContain("as it was")
  })

  it("130: says what is true of the target", () => {
    const interrupted = {
      outcome: "interrupted",
      exitCode: 130,
      error: { tag: "Interrupted", message: "Interrupted." }
    } as const
    expect(failure({ ...interrupted, target: null })).toBe("Interrupted. Nothing was written.")
    expect(failure({ ...interrupted, phases: [] })).toBe("Interrupted. b.db is untouched.")
    expect(failure({ ...interrupted })).toBe("Interrupted. The run had been published already: b.db holds it.")
    expect(failure({ ...interrupted, rollback: { outcome: "undone", left: [] } })).toBe(
      "Interrupted. b.db is as it was before."
    )
    expect(failure({ ...interrupted, command: "verify", target: null })).toBe("Interrupted.")
  })

  it("1: a defect in the middle of an undo promises nothing", () => {
    const defect = { outcome: "failed", exitCode: 1, error: { tag: "Defect", message: "Broken." } } as const
    expect(failure({ ...defect, rollback: { outcome: "unknown", left: [] } })).toBe("Broken.")
  })

  it("2: points to the help", () => {
    expect(failure({ error: { tag: "UsageError", message: "Wrong." } })).toBe(
      'Wrong.\n"memorygraph migrate --help" shows what can be given.'
    )
  })
})

describe("durations", () => {
  it.each([
    [0.004, "0.00 s"],
    [9.994, "9.99 s"],
    [12.34, "12.3 s"],
    [125, "2 min 05 s"],
    [3725, "1 h 02 min"]
  ])("%d is %s", (seconds, shown) => {
    expect(duration(seconds)).toBe(shown)
  })
})
