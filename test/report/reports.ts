/** Reports of every kind of ending, for the tests of their rendering. */
import { emptyPlan, noRecords, type RunReport, type Stats, type Verification } from "../../src/migration/report.ts"
import type { Sketch } from "../../src/migration/sketch.ts"

/** What a store held. */
export const stats = (location: string, more: Partial<Stats> = {}): Stats => ({
  backend: "sqlite",
  location,
  version: "SQLite 3",
  nodes: 2,
  relationships: 1,
  labels: { Memory: 2 },
  types: { SOLVES: 1 },
  fingerprint: "mg1:00000000000000aa",
  ...more
})

/** A complete verification that found nothing. */
export const verification = (more: Partial<Verification> = {}): Verification => ({
  mode: "full",
  checked: 3,
  differences: [],
  differencesTotal: 0,
  sourceFingerprint: "mg1:00000000000000aa",
  targetFingerprint: "mg1:00000000000000aa",
  ...more
})

/** A verified migration. */
export const report = (more: Partial<RunReport> = {}): RunReport => ({
  run: "20261129T201500-abcdef",
  command: "migrate",
  outcome: "done",
  exitCode: 0,
  dryRun: false,
  source: stats("a.db"),
  target: {
    before: stats("b.db", { nodes: 0, relationships: 0, labels: {}, types: {}, fingerprint: null }),
    after: stats("b.db")
  },
  plan: null,
  records: { ...noRecords, read: 3, written: 3 },
  verification: verification(),
  rejects: null,
  backup: null,
  rollback: null,
  phases: [
    { name: "export", start: 0.1, seconds: 1, records: 3000, bytes: 1 },
    { name: "import", start: 1.2, seconds: 2, records: 3000, bytes: 1 }
  ],
  durationSeconds: 4,
  error: null,
  health: null,
  ...more
})

/** A plan with something of everything. */
export const plan: NonNullable<RunReport["plan"]> = {
  ...emptyPlan,
  new: 1,
  same: 1,
  conflicts: 1,
  conflictIds: ["in-conflict"],
  overwrites: 1,
  native: 2,
  encoded: [{ kind: "map", count: 25, ids: ["enc-1", "enc-2"] }],
  impossible: [{ kind: "backtick in a name", count: 1, ids: ["imp-1"] }],
  unkeyed: 2,
  warnings: ["something wrote to a.db"],
  space: [{ folder: "/state", needed: 2_000_000, free: 9_000_000_000 }],
  estimate: { seconds: 12, basis: "the reading" },
  hash: null
}

/** An error of that kind. */
export const failure = (tag: string, message = "It broke. Run it again."): NonNullable<RunReport["error"]> => ({
  tag,
  message
})

/** Two nodes and what is between them. */
export const sketch: Sketch = {
  nodes: [
    { key: "n1", label: "Memory", kind: "problem", title: "Slow start" },
    { key: "n2", label: "Memory", kind: "solution", title: "Lazy imports" }
  ],
  relationships: [
    { from: 1, to: 0, type: "SOLVES" },
    { from: 0, to: 0, type: "RELATED_TO" }
  ],
  totalNodes: 2,
  totalRelationships: 2
}
