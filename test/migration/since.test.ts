/** `--since`: what is new or changed, its relationships, the ends that these need, and nothing else. */
import { spawnSync } from "node:child_process"
import * as fs from "node:fs"
import * as path from "node:path"
import Database from "better-sqlite3"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Stream from "effect/Stream"
import { describe, expect, it } from "vitest"
import { connect } from "../../src/backend/registry.ts"
import { openDocument } from "../../src/document/read.ts"
import { canonicalLine } from "../../src/domain/Canonical.ts"
import { type GraphRecord, node, relationship } from "../../src/domain/Graph.ts"
import { OWNER } from "../../src/files/ownedFiles.ts"
import { exportStore } from "../../src/migration/exportStore.ts"
import { importRecords, migrate, type WriteOptions } from "../../src/migration/migrate.ts"
import { endingOf } from "../../src/migration/outcome.ts"
import type { RunReport } from "../../src/migration/report.ts"
import { resume } from "../../src/migration/resume.ts"
import { FILES, folderOf } from "../../src/migration/RunFolder.ts"
import * as MemoryBackend from "../../src/testing/MemoryBackend.ts"
import { copyOf, edit, run, tempFolder } from "../support/migrating.ts"

const NEW = "2026-02-01T00:00:00+00:00"
const OLD = "2026-01-05T09:00:00.000123+00:00"
const SINCE = "2026-01-31T23:00:00-01:00"

const memory = (id: string, times: { readonly created_at?: string; readonly updated_at?: string }, title = "t") =>
  node(id, ["Memory"], { id, title, ...times })

const storeWith = (name: string, records: ReadonlyArray<GraphRecord>): MemoryBackend.MemoryStore => {
  const store = new MemoryBackend.MemoryStore(name)
  store.graph.apply({ create: records.filter(({ _tag }) => _tag === "Node"), overwrite: [] })
  store.graph.apply({ create: records.filter(({ _tag }) => _tag === "Relationship"), overwrite: [] })
  return store
}

const linesOf = (store: MemoryBackend.MemoryStore): ReadonlyArray<string> =>
  [...store.graph.records("nodes"), ...store.graph.records("relationships")].map(canonicalLine).toSorted()

const backend = (store: MemoryBackend.MemoryStore) => Effect.runSync(MemoryBackend.make({ store }))

const moved = (
  source: MemoryBackend.MemoryStore,
  target: MemoryBackend.MemoryStore,
  more: Partial<WriteOptions> = {}
) =>
  Effect.runPromise(
    migrate(backend(source), backend(target), { stateFolder: path.join(tempFolder(), "state"), since: SINCE, ...more })
  )

const rel = (key: string, from: string, to: string, times: { readonly [name: string]: string }) =>
  relationship(key, from, "SOLVES", to, { id: key, ...times })

const graph: ReadonlyArray<GraphRecord> = [
  memory("new", { created_at: NEW, updated_at: NEW }),
  memory("changed", { created_at: OLD, updated_at: NEW }),
  memory("born", { created_at: NEW }),
  memory("old", { created_at: OLD, updated_at: OLD }),
  memory("end", { created_at: OLD, updated_at: OLD }),
  memory("lonely", { created_at: OLD }),
  memory("untimed", {}),
  node("odd", ["Entity"], { id: "odd", updated_at: 1_770_000_000n }),
  rel("of-changed", "changed", "end", { created_at: OLD }),
  rel("to-new", "old", "new", { created_at: OLD }),
  rel("old", "old", "end", { created_at: OLD, valid_from: OLD }),
  rel("invalidated", "lonely", "end", { created_at: OLD, valid_until: NEW, invalidated_by: "x" }),
  rel("validated", "lonely", "lonely", { created_at: OLD, last_validated: NEW }),
  rel("untimed", "old", "end", {}),
  relationship(null, "old", "MENTIONS", "odd", { recorded_at: NEW })
]

const keysOf = (store: MemoryBackend.MemoryStore): ReadonlyArray<string> =>
  [...store.graph.records("nodes"), ...store.graph.records("relationships")].map(({ key }) => key ?? "-").toSorted()

describe("--since", () => {
  it("takes nodes by their times, relationships by theirs or their nodes', and the ends", async () => {
    const target = new MemoryBackend.MemoryStore("target")
    const report = await moved(storeWith("source", graph), target)
    expect(keysOf(target)).toEqual(
      [
        ...["new", "changed", "born", "old", "end", "lonely", "odd"],
        ...["of-changed", "to-new", "invalidated", "validated", "-"]
      ].toSorted()
    )
    expect(report.plan?.since).toEqual({
      time: SINCE,
      nodes: 3,
      relationships: 5,
      ends: 4,
      endsThere: 0,
      untimed: [
        { kind: "Memory", count: 1, ids: ["untimed"] },
        { kind: "Entity", count: 1, ids: ["odd"] },
        { kind: "SOLVES", count: 1, ids: ["untimed"] }
      ]
    })
    expect(report.verification).toMatchObject({ mode: "full", checked: 12 })
    expect(report.records).toMatchObject({ read: 12, written: 12 })
    // The store's own counts, and no fingerprint: it holds more than what was taken.
    expect(report.source).toMatchObject({ nodes: 8, relationships: 7, fingerprint: null })
    expect(report.plan?.warnings).toEqual(
      expect.arrayContaining([
        expect.stringContaining("what was deleted there since then is not known"),
        "1 record(s) of Entity have no time that can be read, and were not selected: odd"
      ])
    )
  })

  it.each(["overwrite", "skip", "fail"] as const)(
    "an end that the target has is no conflict and stays as it is (%s)",
    async (onConflict) => {
      const theirs = memory("end", { updated_at: NEW }, "theirs, and newer")
      const target = storeWith("target", [theirs, memory("changed", { created_at: OLD, updated_at: OLD })])
      const more = onConflict === "fail" ? { dryRun: true } : {}
      if (onConflict === "fail")
        target.graph.apply({
          create: [],
          overwrite: [
            {
              before: memory("changed", { created_at: OLD, updated_at: OLD }),
              after: memory("changed", { created_at: OLD, updated_at: NEW })
            }
          ]
        })
      const report = await moved(storeWith("source", graph), target, { onConflict, ...more })
      expect(report.plan).toMatchObject({ conflicts: onConflict === "fail" ? 0 : 1, since: { ends: 3, endsThere: 1 } })
      expect([...target.graph.records("nodes")].find(({ key }) => key === "end")).toEqual(theirs)
      if (onConflict === "overwrite") expect(report.records.overwritten).toBe(1)
    }
  )

  it("an end that arrives in the target after the plan stays as it is, too", async () => {
    const theirs = memory("end", { updated_at: OLD }, "theirs")
    const target = storeWith("target", [memory("x", {})])
    const report = await moved(storeWith("source", graph), target, {
      onConflict: "overwrite",
      beforeWrite: () => Effect.sync(() => target.graph.apply({ create: [theirs], overwrite: [] }))
    })
    expect([...target.graph.records("nodes")].find(({ key }) => key === "end")).toEqual(theirs)
    expect(report.records).toMatchObject({ kept: 1, overwritten: 0 })
  })

  it("--on-error reject keeps relationships whose ends the target has", async () => {
    const target = storeWith("target", [memory("end", {}, "theirs"), memory("old", {}, "theirs")])
    const report = await moved(storeWith("source", graph), target, { onError: "reject" })
    expect(report).toMatchObject({ exitCode: 0, records: { rejected: 0 } })
  })

  it("a second run finds nothing to do, and does not say that the stores are equal", async () => {
    const [source, target] = [storeWith("source", graph), new MemoryBackend.MemoryStore("target")]
    await moved(source, target)
    const report = await moved(source, target)
    expect(report.records).toMatchObject({ written: 0, read: 8, same: 8 })
    expect(report.source?.fingerprint).toBeNull()
  })

  it("what cannot be read as a time is a wrong call (2)", async () => {
    const exit = await Effect.runPromiseExit(
      migrate(backend(storeWith("s", graph)), backend(new MemoryBackend.MemoryStore("t")), {
        stateFolder: path.join(tempFolder(), "state"),
        since: "yesterday"
      })
    )
    expect(exit._tag === "Failure" ? endingOf(exit.cause) : exit).toMatchObject({ exitCode: 2 })
  })

  it("of any graph takes a closed part: every selected record, and no other but ends", async () => {
    const time = FastCheck.constantFrom(OLD, NEW, undefined)
    const many = FastCheck.array(FastCheck.tuple(time, time), { minLength: 1, maxLength: 30 })
    const links = FastCheck.array(FastCheck.tuple(FastCheck.nat(29), FastCheck.nat(29), time), { maxLength: 60 })
    await FastCheck.assert(
      FastCheck.asyncProperty(many, links, FastCheck.array(FastCheck.nat(29)), async (times, between, held) => {
        const nodes = times.map(([created, updated], i) =>
          memory(`n${i}`, { ...(created && { created_at: created }), ...(updated && { updated_at: updated }) })
        )
        const relationships = between.map(([from, to, created], i) =>
          rel(
            `r${i}`,
            `n${from % nodes.length}`,
            `n${to % nodes.length}`,
            created === undefined ? {} : { created_at: created }
          )
        )
        const chosen = new Set(nodes.flatMap(({ key }, i) => (times[i]?.includes(NEW) === true ? [key] : [])))
        const taken = relationships.filter(
          ({ from, properties, to }) => chosen.has(from) || chosen.has(to) || properties["created_at"] === NEW
        )
        const ends = new Set([...chosen, ...taken.flatMap(({ from, to }) => [from, to])])
        const there = new Set(held.map((i) => `n${i % nodes.length}`))
        const theirs = [...there].map((key) => memory(key, {}, "theirs"))
        const target = storeWith("target", theirs)
        await moved(storeWith("source", [...nodes, ...relationships]), target, { onConflict: "overwrite" })
        const expected = storeWith("expected", [
          ...nodes.filter(({ key }) => (there.has(key) ? chosen.has(key) : ends.has(key))),
          ...theirs.filter(({ key }) => !chosen.has(key)),
          ...taken
        ])
        expect(linesOf(target)).toEqual(linesOf(expected))
      }),
      { numRuns: 20, seed: 20261129 }
    )
  })
})

describe("a document of what is new", () => {
  const exported = async (format: "json" | "jsonl"): Promise<{ readonly file: string; readonly report: RunReport }> => {
    const file = path.join(tempFolder(), `part.${format}`)
    const report = await Effect.runPromise(
      exportStore(backend(storeWith("source", graph)), {
        stateFolder: path.join(tempFolder(), "state"),
        format,
        since: SINCE,
        output: { path: file }
      })
    )
    return { file, report }
  }

  const imported = (file: string, target: MemoryBackend.MemoryStore, more: Partial<WriteOptions> = {}) =>
    Effect.gen(function* () {
      const document = yield* openDocument(file, "auto")
      return yield* importRecords(document, backend(target), { stateFolder: path.join(tempFolder(), "state"), ...more })
    }).pipe(Effect.runPromise)

  it.each(["json", "jsonl"] as const)("%s says since when, is closed, and goes into an empty store", async (format) => {
    const { file, report } = await exported(format)
    expect(report).toMatchObject({ records: { read: 12, written: 12 }, source: { fingerprint: null } })
    expect((await Effect.runPromise(openDocument(file, "auto"))).since).toBe(SINCE)
    const target = new MemoryBackend.MemoryStore("target")
    await imported(file, target)
    const direct = new MemoryBackend.MemoryStore("target")
    await moved(storeWith("source", graph), direct)
    expect(linesOf(target)).toEqual(linesOf(direct))
  })

  it.each(["json", "jsonl"] as const)(
    "%s: ends that the target has stay as they are, also with overwrite",
    async (format) => {
      const { file } = await exported(format)
      const theirs = memory("end", {}, "theirs")
      const target = storeWith("target", [theirs])
      const report = await imported(file, target, { onConflict: "overwrite" })
      expect([...target.graph.records("nodes")].find(({ key }) => key === "end")).toEqual(theirs)
      expect(report.plan).toMatchObject({ conflicts: 0, since: { endsThere: 1, ends: 3, untimed: [] } })
      expect(report.verification).toMatchObject({ mode: "full", differencesTotal: 0 })
    }
  )

  it("other formats cannot say it and are refused (2)", async () => {
    const exit = await Effect.runPromiseExit(
      exportStore(backend(storeWith("source", graph)), {
        stateFolder: path.join(tempFolder(), "state"),
        format: "markdown",
        since: SINCE,
        output: { path: path.join(tempFolder(), "part") }
      })
    )
    expect(exit._tag === "Failure" ? endingOf(exit.cause) : exit).toMatchObject({ exitCode: 2 })
  })
})

describe("a MemoryGraph database of which two memories and a relationship have changed", () => {
  const changed = (): string => {
    const file = copyOf("python-small.db")
    edit(
      file,
      `UPDATE nodes SET properties = json_set(properties, '$.title', 'later', '$.updated_at', '2026-02-01T10:00:00+02:00') WHERE id = (SELECT min(id) FROM nodes)`,
      `UPDATE relationships SET valid_until = '2026-02-01T00:00:00.000001+00:00', invalidated_by = NULL WHERE id = (SELECT max(id) FROM relationships)`
    )
    return file
  }

  it("brings just those into the copy that was made before", async () => {
    const [from, to] = [changed(), copyOf("python-small.db")]
    const report = await run(
      { kind: "sqlite", path: from },
      { kind: "sqlite", path: to },
      { since: "2026-02-01", onConflict: "overwrite" }
    )
    expect(report.records).toMatchObject({ overwritten: 2, written: 0 })
    const lines = (file: string) =>
      Effect.gen(function* () {
        const store = yield* connect({ kind: "sqlite", path: file })
        return (yield* Stream.runCollect(store.read())).pipe((all) => [...all].map(canonicalLine).toSorted())
      }).pipe(Effect.scoped, Effect.runPromise)
    expect(await lines(to)).toEqual(await lines(from))
  })
})

describe("a run with --since that was killed before it had asked", () => {
  it("keeps its time when it is resumed", async () => {
    const stateFolder = path.join(tempFolder(), "state")
    const kept = path.join(tempFolder(), "kept")
    const [source, target] = [storeWith("source", graph), new MemoryBackend.MemoryStore("target")]
    const declined = Effect.runPromiseExit(
      migrate(backend(source), backend(target), {
        stateFolder,
        since: SINCE,
        confirm: () =>
          Effect.sync(() => {
            fs.cpSync(path.join(stateFolder, "runs"), kept, { recursive: true })
            return false
          })
      })
    )
    expect((await declined)._tag).toBe("Failure")
    const [id = ""] = fs.readdirSync(kept)
    fs.cpSync(kept, path.join(stateFolder, "runs"), { recursive: true })
    fs.rmSync(path.join(folderOf(stateFolder, id), FILES.alive))
    const db = new Database(path.join(folderOf(stateFolder, id), FILES.journal))
    const manifest = JSON.parse(String(db.prepare("SELECT text FROM note WHERE name = 'manifest'").pluck().get()))
    expect(manifest.options.since).toBe(SINCE)
    const dead = { ...manifest, owner: OWNER.replace(/\d+$/, String(spawnSync(process.execPath, ["-e", ""]).pid)) }
    db.prepare("UPDATE note SET text = ? WHERE name = 'manifest'").run(JSON.stringify(dead))
    db.close()
    const report = await Effect.runPromise(
      resume(backend(target), { stateFolder, run: id, source: Effect.succeed(backend(source)) })
    )
    expect(report).toMatchObject({ outcome: "done", plan: { since: { time: SINCE } }, records: { written: 12 } })
    expect(keysOf(target)).not.toContain("untimed")
  })
})
