import * as fs from "node:fs"
import * as path from "node:path"
import Database from "better-sqlite3"
import * as Effect from "effect/Effect"
import { describe, expect, it } from "vitest"
import { connect } from "../../src/backend/registry.ts"
import { openDocument } from "../../src/document/read.ts"
import { importRecords, type WriteOptions } from "../../src/migration/migrate.ts"
import { isConserved, type RunReport } from "../../src/migration/report.ts"
import { copyOf, run, tempFolder } from "../support/migrating.ts"

const state = () => path.join(tempFolder(), "state")

const failureOf = async (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => "it did not fail",
    (cause: unknown) => String(cause)
  )

const query = (file: string, sql: string): ReadonlyArray<unknown> => {
  const db = new Database(file)
  const rows = db.prepare(sql).all()
  db.close()
  return rows
}

const exec = (file: string, sql: string): void => {
  const db = new Database(file)
  db.pragma("foreign_keys = OFF")
  db.exec(sql)
  db.close()
}

const importFile = (file: string, to: string, options: Partial<WriteOptions> = {}): Promise<RunReport> =>
  Effect.runPromise(
    Effect.scoped(
      Effect.gen(function* () {
        const document = yield* openDocument(file, "auto")
        const target = yield* connect({ kind: "sqlite", path: to })
        return yield* importRecords(document, target, { stateFolder: state(), ...options })
      })
    )
  )

const lines = (file: string): ReadonlyArray<string> => fs.readFileSync(file, "utf8").trimEnd().split("\n")

describe("relationships of the source without both ends", () => {
  const source = (): string => {
    const file = copyOf("python-small.db")
    exec(file, "DELETE FROM nodes WHERE id = (SELECT to_id FROM relationships ORDER BY id LIMIT 1)")
    return file
  }
  const dangling = (file: string) =>
    query(
      file,
      "SELECT id FROM relationships WHERE from_id NOT IN (SELECT id FROM nodes) OR to_id NOT IN (SELECT id FROM nodes)"
    )

  it("stop the run, and the message says what can be done", async () => {
    const to = path.join(tempFolder(), "new.db")
    const message = await failureOf(run({ kind: "sqlite", path: source() }, { kind: "sqlite", path: to }))
    expect(message).toContain("--on-error reject")
    expect(fs.existsSync(to)).toBe(false)
  })

  it("go to rejects.jsonl with the reason for each; the rest arrives, is verified, and adds up", async () => {
    const from = source()
    const lost = dangling(from).length
    const to = path.join(tempFolder(), "new.db")
    const report = await run({ kind: "sqlite", path: from }, { kind: "sqlite", path: to }, { onError: "reject" })
    expect(lost).toBeGreaterThan(0)
    expect(report).toMatchObject({ outcome: "done", exitCode: 10, records: { read: 89, rejected: lost } })
    expect(isConserved(report.records)).toBe(true)
    expect(report.verification).toMatchObject({ mode: "full", differencesTotal: 0 })
    expect(query(to, "SELECT id FROM relationships")).toHaveLength(60 - lost)
    expect(report.rejects?.count).toBe(lost)
    const text = lines(report.rejects?.path ?? "")
    expect(text).toHaveLength(2 + 2 * lost)
    expect(text[2]).toMatch(/^\{"rejected":"its end .* is not in the source"\}$/)
  })

  it("can be imported again once the end is there, and not before", async () => {
    const whole = copyOf("python-small.db")
    const from = source()
    const to = path.join(tempFolder(), "new.db")
    const { rejects } = await run({ kind: "sqlite", path: from }, { kind: "sqlite", path: to }, { onError: "reject" })
    const file = rejects?.path ?? ""
    expect(await failureOf(importFile(file, to))).toMatch(/lead to nodes that are neither there nor in/)
    // The node alone comes back.
    const [node] = query(whole, "SELECT to_id AS node FROM relationships ORDER BY id LIMIT 1") as ReadonlyArray<{
      node: string
    }>
    exec(to, `ATTACH '${whole}' AS whole; INSERT INTO nodes SELECT * FROM whole.nodes WHERE id = '${node?.node}'`)
    const back = await importFile(file, to)
    expect(back).toMatchObject({ outcome: "done", exitCode: 0, records: { written: rejects?.count } })
    expect(dangling(to)).toEqual([])
    expect(query(to, "SELECT id FROM relationships ORDER BY id")).toEqual(
      query(whole, "SELECT id FROM relationships ORDER BY id")
    )
  })
})

describe("records that the target refuses", () => {
  // The owner of the target wants no two memories of one title.
  const target = (): string => {
    const file = copyOf("python-small.db")
    exec(file, "DELETE FROM relationships; DELETE FROM nodes")
    exec(file, "CREATE UNIQUE INDEX one_title ON nodes (json_extract(properties, '$.title'))")
    return file
  }
  const source = (): string => {
    const file = copyOf("python-small.db")
    exec(
      file,
      `UPDATE nodes SET properties = json_set(properties, '$.title', 'the same')
       WHERE id IN (SELECT id FROM nodes ORDER BY id LIMIT 3)`
    )
    return file
  }

  it("stop the run, and nothing of it is there", async () => {
    const to = target()
    expect(await failureOf(run({ kind: "sqlite", path: source() }, { kind: "sqlite", path: to }))).toContain(
      "cannot take"
    )
    expect(query(to, "SELECT id FROM nodes")).toEqual([])
  })

  it("are found by halving, kept with the target's reason, and their relationships with them", async () => {
    const [from, to] = [source(), target()]
    const report = await run({ kind: "sqlite", path: from }, { kind: "sqlite", path: to }, { onError: "reject" })
    expect(report.exitCode).toBe(10)
    expect(isConserved(report.records)).toBe(true)
    expect(report.verification).toMatchObject({ mode: "full", differencesTotal: 0 })
    const nodes = query(to, "SELECT id FROM nodes")
    const links = query(to, "SELECT id FROM relationships")
    const titles = query(from, "SELECT DISTINCT json_extract(properties, '$.title') FROM nodes")
    expect(nodes).toHaveLength(titles.length)
    expect(report.records).toMatchObject({
      read: 90,
      written: nodes.length + links.length,
      rejected: 90 - nodes.length - links.length
    })
    const reasons = lines(report.rejects?.path ?? "").filter((line) => line.startsWith('{"rejected"'))
    expect(reasons.filter((line) => line.includes("cannot take the node"))).toHaveLength(30 - nodes.length)
    expect(reasons.filter((line) => line.includes("one of its ends was rejected")).length).toBe(60 - links.length)
  })

  it("arrive after all when the cause is mended", async () => {
    const [from, to] = [source(), target()]
    const { rejects } = await run({ kind: "sqlite", path: from }, { kind: "sqlite", path: to }, { onError: "reject" })
    exec(to, "DROP INDEX one_title")
    const back = await importFile(rejects?.path ?? "", to)
    expect(back.records.written).toBe(rejects?.count)
    for (const table of ["nodes", "relationships"])
      expect(query(to, `SELECT id FROM ${table} ORDER BY id`)).toEqual(
        query(from, `SELECT id FROM ${table} ORDER BY id`)
      )
  })
})

describe("records that the target cannot hold", () => {
  it("are refused in the plan, or rejected", async () => {
    const from = copyOf("python-small.db")
    const to = copyOf("ts-small.db")
    expect(await failureOf(run({ kind: "sqlite", path: from }, { kind: "sqlite", path: to }))).toContain(
      "without change"
    )
    const report = await run({ kind: "sqlite", path: from }, { kind: "sqlite", path: to }, { onError: "reject" })
    expect(report).toMatchObject({ exitCode: 10, records: { read: 90, rejected: 90, written: 0 } })
  })
})

describe("a source that moves", () => {
  it("is said so, by its counts or by its newest change", async () => {
    for (const [sql, what] of [
      [
        "DELETE FROM relationships WHERE id = (SELECT min(id) FROM relationships)",
        /held 30 nodes and 60 .* and 30 and 59 afterwards/
      ],
      [
        "UPDATE nodes SET updated_at = '2030-01-01T00:00:00', properties = json_set(properties, '$.updated_at', '2030-01-01T00:00:00') WHERE id = (SELECT min(id) FROM nodes)",
        /newest change is of 2030-01-01/
      ]
    ] as const) {
      const from = copyOf("python-small.db")
      const to = path.join(tempFolder(), "new.db")
      const report = await Effect.runPromise(
        Effect.scoped(
          Effect.gen(function* () {
            const source = yield* connect({ kind: "sqlite", path: from })
            const target = yield* connect({ kind: "sqlite", path: to })
            const { migrate } = yield* Effect.promise(() => import("../../src/migration/migrate.ts"))
            // Somebody writes once the reading has begun.
            const { Progress } = yield* Effect.promise(() => import("../../src/migration/Progress.ts"))
            const sink = {
              emit: ({ phase, state: at }: { readonly phase: string; readonly state: string }) => {
                if (phase === "export" && at === "ended") exec(from, sql)
              }
            }
            return yield* Effect.provideService(migrate(source, target, { stateFolder: state() }), Progress, sink)
          })
        )
      )
      expect(report.plan?.warnings.join("\n")).toMatch(what)
      expect(report.records.written).toBe(90)
    }
  })
})
