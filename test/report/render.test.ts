import { describe, expect, it } from "vitest"
import { noRecords, type RunReport } from "../../src/migration/report.ts"
import { layOut } from "../../src/report/layout.ts"
import { isReport, renderReport, REPORT_FORMATS, reportFormatOf } from "../../src/report/render.ts"
import { nextSteps, verdictOf } from "../../src/report/verdict.ts"
import { failure, plan, report, sketch, stats, verification } from "./reports.ts"

const page = (more: Partial<RunReport> = {}) => renderReport(report(more), { format: "html", sketch })
const text = (more: Partial<RunReport> = {}) => renderReport(report(more), { format: "md" })
const verdict = (more: Partial<RunReport>) => verdictOf(report(more))

const undone = { outcome: "undone", exitCode: 5, rollback: { outcome: "undone", left: [] } } as const
const interrupted = { outcome: "interrupted", exitCode: 130, error: failure("Interrupted", "Interrupted.") } as const

describe("a verdict", () => {
  const cases: ReadonlyArray<readonly [string, Partial<RunReport>, RegExp]> = [
    ["Verified", {}, /3 records were read back, and all are as in the source/],
    [
      "Verified",
      { records: { ...noRecords, read: 3, written: 1, same: 1, kept: 1 } },
      /1 record were written|1 record that differ|2 are as in the source, 1 as they were before/
    ],
    ["Not verified", { verification: verification({ mode: "none", targetFingerprint: null }) }, /nothing is proven/],
    ["Not verified", { verification: null }, /nothing is proven/],
    ["Not verified", { verification: verification({ differencesTotal: 1 }) }, /./],
    [
      "Verified, with rejects",
      { exitCode: 10, records: { ...noRecords, read: 3, written: 2, rejected: 1 } },
      /1 record could not go/
    ],
    ["Dry run", { outcome: "dry-run", plan, verification: null }, /Nothing was written/],
    ["Exported", { command: "export", target: null, verification: null }, /agree with the store's own/],
    ["Equal", { command: "verify", outcome: "equal" }, /Both hold the same/],
    [
      "Different",
      { command: "verify", outcome: "different", verification: verification({ differencesTotal: 7 }) },
      /7 differences/
    ],
    ["Refused", { outcome: "refused", exitCode: 9, error: failure("Refused") }, /Nothing was written/],
    ["Failed, undone", { ...undone, error: failure("WriteFailed") }, /b\.db is as it was before/],
    [
      "Verification failed, undone",
      { ...undone, exitCode: 6, error: failure("VerificationFailed") },
      /as it was before/
    ],
    ["Taken back", { ...undone, command: "rollback", exitCode: 0 }, /Nothing of run/],
    [
      "Undo incomplete",
      {
        outcome: "incomplete",
        exitCode: 7,
        error: failure("UndoIncomplete"),
        rollback: { outcome: "incomplete", left: [] }
      },
      /still holds/
    ],
    [
      "Outcome unknown",
      {
        outcome: "incomplete",
        exitCode: 7,
        error: failure("UndoIncomplete"),
        rollback: { outcome: "unknown", left: [] }
      },
      /could not be found out/
    ],
    ["Interrupted", { ...interrupted, phases: [] }, /b\.db is untouched/],
    ["Interrupted", { ...interrupted, rollback: { outcome: "undone", left: [] } }, /b\.db is as it was before/],
    ["Interrupted", { ...interrupted, target: null }, /Nothing was written/],
    ["Failed", { outcome: "failed", exitCode: 1, error: failure("Defect"), target: null }, /Nothing was written/]
  ]

  it.each(cases)("%s: %j", (word, more, sentence) => {
    const found = verdict(more)
    expect(found.word).toBe(word)
    expect(found.sentences.join(" ")).toMatch(sentence)
    // Both renderings begin with it.
    expect(page(more)).toContain(`</svg>${word}</h1>`)
    expect(text(more)).toContain(`\n# ${word}: memorygraph`)
  })

  it("says verified or equal of nothing that was not compared in full without a difference", () => {
    for (const [word, more] of cases) {
      const whole = report(more)
      const proven =
        whole.error === null && whole.verification?.mode === "full" && whole.verification.differencesTotal === 0
      if (!proven || whole.command === "rollback" || whole.outcome === "dry-run") {
        expect(word).not.toMatch(/^(Verified|Equal)/)
        expect(verdictOf(whole).tone).not.toBe("good")
      }
    }
  })

  it("promises nothing of the target where an undo did not end well", () => {
    const found = verdict({ ...interrupted, rollback: { outcome: "unknown", left: [] } })
    expect(found.sentences.join(" ")).not.toMatch(/as it was|untouched|Nothing/)
  })
})

describe("what can be run next", () => {
  it("is quoted for a shell", () => {
    const rejects = { count: 1, path: "/tmp/it's here/rejects.jsonl" }
    const [first] = nextSteps(report({ rejects, exitCode: 10 }))
    expect(first?.command).toBe(String.raw`memorygraph import '/tmp/it'\''s here/rejects.jsonl' b.db`)
  })

  it("takes a published run back, and finishes an undo", () => {
    const commands = (more: Partial<RunReport>) => nextSteps(report(more)).map(({ command }) => command)
    expect(commands({})).toEqual(["memorygraph runs rollback 20261129T201500-abcdef"])
    expect(commands({ outcome: "incomplete" })).toContain("memorygraph runs rollback 20261129T201500-abcdef")
    expect(commands({ command: "verify", outcome: "equal" })).toEqual([])
  })
})

describe("both renderings", () => {
  const whole = {
    plan,
    records: { ...noRecords, read: 5, written: 1, same: 1, kept: 1, overwritten: 1, rejected: 1 },
    rejects: { count: 1, path: "/state/rejects.jsonl" },
    backup: { id: "20261129T201400-000000", folder: "/state/backups/x" },
    verification: verification({ targetFingerprint: "mg1:00000000000000bb" })
  }

  it.each(["html", "md"] as const)("hold all facts (%s)", (format) => {
    const shown = renderReport(report(whole), { format })
    for (const fact of [
      "mg1:00000000000000aa",
      "mg1:00000000000000bb",
      "in-conflict",
      "enc-1",
      "23 more",
      "imp-1",
      "something wrote to a.db",
      "/state/rejects.jsonl",
      "20261129T201400-000000",
      "SOLVES",
      "1,500",
      "2026-11-29 20:15 UTC"
    ])
      expect(shown).toContain(fact)
  })

  it.each(["html", "md"] as const)("hold differences, what is left, and the error (%s)", (format) => {
    const shown = renderReport(
      report({
        outcome: "incomplete",
        exitCode: 7,
        error: failure("UndoIncomplete", "The undo left 1 thing."),
        rollback: { outcome: "incomplete", left: [{ what: "node n1", why: "somebody attached to it" }] },
        verification: verification({
          differences: [{ kind: "changed", record: "node", key: "n9", property: "title", expected: "a", actual: "b" }],
          differencesTotal: 12
        })
      }),
      { format }
    )
    for (const fact of [
      "The undo left 1 thing.",
      "node n1",
      "somebody attached",
      "n9",
      "title",
      "11 more",
      "exit code 7"
    ])
      expect(shown).toContain(fact)
  })

  it("lay the phases of an earlier release end to end", () => {
    const phases = report().phases.map((phase) => ({ ...phase, start: 0 }))
    expect(text({ phases })).toMatch(/\| import \| 1\.00 s \| 2\.00 s \|/)
  })

  it("are known again as reports, and nothing else is", () => {
    for (const format of REPORT_FORMATS) {
      expect(isReport(renderReport(report(), { format }), format)).toBe(true)
      expect(isReport('{"format_version":"2.1"}', format)).toBe(false)
      expect(isReport("<html><body># notes</body></html>", format)).toBe(false)
    }
    expect(["a.HTML", "b.md", "c.json", "d.htm", "html"].map(reportFormatOf)).toEqual([
      "html",
      "md",
      "json",
      undefined,
      undefined
    ])
  })

  it("as JSON are the report itself", () => {
    expect(JSON.parse(renderReport(report(), { format: "json" }))).toEqual(report())
  })
})

const EVIL =
  "</script><img src=x onerror=alert(1)>\u202egnp.exe\u0000\u0007\ud800 `a|b` [x](http://e.vil) @team www.e.vil ]]> --> \"'&"

const hostile = report({
  source: stats(`/tmp/${EVIL}`, { backend: EVIL, version: EVIL, labels: { [EVIL]: 1 }, types: { [EVIL]: 1 } }),
  plan: {
    ...plan,
    conflictIds: [EVIL],
    encoded: [{ kind: EVIL, count: 2, ids: [EVIL] }],
    warnings: [EVIL]
  },
  verification: verification({
    differences: [{ kind: "changed", record: "node", key: EVIL, property: EVIL, expected: EVIL, actual: EVIL }],
    differencesTotal: 1,
    sourceFingerprint: EVIL
  }),
  rejects: { count: 1, path: EVIL },
  backup: { id: EVIL, folder: EVIL },
  rollback: { outcome: "incomplete", left: [{ what: EVIL, why: EVIL }] },
  error: failure(EVIL, EVIL),
  run: EVIL,
  command: EVIL
})
const hostileSketch = {
  ...sketch,
  nodes: sketch.nodes.map((node) => ({ ...node, key: EVIL, label: EVIL, kind: EVIL, title: EVIL })),
  relationships: [{ from: 0, to: 1, type: EVIL }]
}

describe("foreign text", () => {
  const shown = renderReport(hostile, { format: "html", sketch: hostileSketch })

  it("is never markup on the page", () => {
    expect(shown).not.toMatch(/<(script|img|iframe|link|object|a)\b/i)
    expect(shown).toContain("&lt;/script&gt;&lt;img src=x onerror=alert(1)&gt;")
  })

  it("turns no direction, and hides nothing", () => {
    // oxlint-disable-next-line no-control-regex
    expect(shown).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u200e\u200f\u202a-\u202e\u2066-\u2069]/)
    expect(shown).toContain("⟨U+202E⟩")
    expect(shown.isWellFormed()).toBe(true)
    expect(renderReport(hostile, { format: "md" }).isWellFormed()).toBe(true)
  })

  it("is nothing but text in Markdown, and breaks no table", () => {
    const markdown = renderReport(hostile, { format: "md" })
    const outsideOfCode = markdown.replaceAll(/(`+)(?!`)[\s\S]*?(?<!`)\1(?!`)/g, "CODE").replace(/^<!--.*-->$/m, "")
    expect(outsideOfCode).not.toMatch(/<[a-z/!]/i)
    expect(outsideOfCode).not.toMatch(/@team|http:\/\/|www\.e/)
    expect(outsideOfCode).not.toMatch(/(?<!\\)\[x/)
    const tables = markdown.split("\n\n").filter((block) => block.startsWith("|"))
    expect(tables.length).toBeGreaterThan(4)
    for (const table of tables) {
      const widths = table.split("\n").map((row) => row.split(/(?<!\\)\|/).length)
      expect(new Set(widths).size).toBe(1)
      expect(table.split("\n")[1]).toMatch(/^\|( -{3}:? \|)+$/)
    }
  })
})

describe("the page", () => {
  it("allows nothing but its own style", () => {
    expect(page()).toMatch(
      /<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'sha256-[\w+/=]+'; base-uri 'none'; form-action 'none'">/
    )
    expect(page()).not.toMatch(/\sstyle="|<script|https?:|@import|url\((?!#arrow)/)
  })

  it("says how much of the graph it draws, and rings what differs", () => {
    expect(page()).toContain("All 2 nodes and 2 relationships.")
    const sampled = renderReport(
      report({
        outcome: "different",
        verification: verification({
          differencesTotal: 1,
          differences: [{ kind: "changed", record: "node", key: "n1" }]
        })
      }),
      {
        format: "html",
        sketch: { ...sketch, totalNodes: 900, totalRelationships: 3000 }
      }
    )
    expect(sampled).toContain("A sample: 2 of 900 nodes")
    expect(sampled.match(/class="ring"/g)).toHaveLength(2)
    expect(renderReport(report(), { format: "html" })).not.toContain("The graph</h2>")
  })

  it("is the same each time", () => {
    expect(page({ plan })).toBe(page({ plan }))
  })
})

describe("the layout", () => {
  const links = Array.from({ length: 140 }, (_, i) => ({ from: i, to: Math.floor(i / 3) }))

  it("places every node on the plane, apart from the others", () => {
    const { height, places, width } = layOut(150, links)
    expect(places).toHaveLength(150)
    for (const { x, y } of places) {
      expect(x).toBeGreaterThanOrEqual(0)
      expect(x).toBeLessThanOrEqual(width)
      expect(y).toBeGreaterThanOrEqual(0)
      expect(y).toBeLessThanOrEqual(height)
    }
    const nearest = places.map((a, i) =>
      Math.min(...places.map((b, j) => (i === j ? 99 : Math.hypot(a.x - b.x, a.y - b.y))))
    )
    expect(Math.min(...nearest)).toBeGreaterThan(10)
  })

  it("knows nothing, one node, and a loop", () => {
    expect(layOut(0, []).places).toEqual([])
    expect(layOut(1, []).places).toHaveLength(1)
    expect(layOut(1, [{ from: 0, to: 0 }]).places.every(({ x, y }) => Number.isFinite(x + y))).toBe(true)
  })
})
