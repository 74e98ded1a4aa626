import * as fs from "node:fs"
import * as path from "node:path"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FastCheck from "effect/FastCheck"
import { describe, expect, it } from "vitest"
import type { GraphBackend } from "../../src/backend/GraphBackend.ts"
import { canonicalLine } from "../../src/domain/Canonical.ts"
import type { MigrationError } from "../../src/domain/Errors.ts"
import { type GraphRecord, node, relationship } from "../../src/domain/Graph.ts"
import { importRecords, migrate, type WriteOptions } from "../../src/migration/migrate.ts"
import { endingOf } from "../../src/migration/outcome.ts"
import { isConserved } from "../../src/migration/report.ts"
import { makeRunId, Recorder } from "../../src/migration/Run.ts"
import { type Graph, graph, recordsOf } from "../../src/testing/arbitraries.ts"
import { FaultGate, faulty, type Fault } from "../../src/testing/faults.ts"
import * as MemoryBackend from "../../src/testing/MemoryBackend.ts"
import { runsLeft, tempFolder } from "../support/migrating.ts"
import * as Stream from "effect/Stream"

const SEED = 20261122

const storeWith = (name: string, records: Iterable<GraphRecord>): MemoryBackend.MemoryStore => {
  const store = new MemoryBackend.MemoryStore(name)
  const all = [...records]
  store.graph.apply({ create: all.filter((record) => record._tag === "Node"), overwrite: [] })
  store.graph.apply({ create: all.filter((record) => record._tag === "Relationship"), overwrite: [] })
  return store
}

const linesOf = (store: MemoryBackend.MemoryStore): ReadonlyArray<string> =>
  [...store.graph.records("nodes"), ...store.graph.records("relationships")].map(canonicalLine).sort()

const backend = (store: MemoryBackend.MemoryStore, exposed = false): GraphBackend =>
  Effect.runSync(MemoryBackend.make({ store, exposed }))

const options = (more?: Partial<WriteOptions>): WriteOptions => ({
  stateFolder: path.join(tempFolder(), "state"),
  ...more
})

const memory = (id: string, title = "t") => node(id, ["Memory"], { id, title })
const small = [
  memory("a"),
  memory("b"),
  relationship("r", "a", "SOLVES", "b", { id: "r" }),
  relationship(null, "a", "MENTIONS", "b", {})
]

describe("migrate", () => {
  it("moves random graphs into an empty store, verified", async () => {
    await FastCheck.assert(
      FastCheck.asyncProperty(graph(), async (records: Graph) => {
        const source = storeWith("source", recordsOf(records))
        const target = new MemoryBackend.MemoryStore("target")
        const report = await Effect.runPromise(migrate(backend(source), backend(target), options()))
        expect(linesOf(target)).toEqual(linesOf(source))
        expect(report.verification).toMatchObject({ mode: "full", differencesTotal: 0 })
        expect(report.verification?.targetFingerprint).toBe(report.verification?.sourceFingerprint)
        expect(isConserved(report.records)).toBe(true)
        expect(report.records.written).toBe(recordsOf(records).length)
      }),
      { seed: SEED, numRuns: 40 }
    )
  })

  it("merges random graphs into a store in use, and a second run changes nothing", async () => {
    await FastCheck.assert(
      FastCheck.asyncProperty(graph({ prefix: "own-" }), graph(), graph(), async (own, there, coming) => {
        const conflicting = there.nodes.map((record) =>
          node(record.key, [...record.labels, "Changed"], record.properties)
        )
        const target = storeWith("target", [...own.nodes, ...conflicting, ...own.relationships])
        const before = linesOf(target)
        const nodes = new Map([...coming.nodes, ...there.nodes].map((record) => [record.key, record]))
        const source = storeWith("source", [...nodes.values(), ...there.relationships])
        const first = await Effect.runPromise(migrate(backend(source), backend(target), options({ onUnkeyed: "add" })))
        expect(first.records.kept).toBe(there.nodes.length)
        const after = linesOf(target)
        expect(after).toEqual(expect.arrayContaining([...before]))
        const second = await Effect.runPromise(migrate(backend(source), backend(target), options({ onUnkeyed: "add" })))
        expect(second.records).toMatchObject({ written: 0, overwritten: 0 })
        expect(second.plan).toMatchObject({ new: 0, conflicts: there.nodes.length })
        expect(linesOf(target)).toEqual(after)
      }),
      { seed: SEED, numRuns: 25 }
    )
  })

  it("counts relationships without a key as a multiset", async () => {
    const source = storeWith("source", [...small, relationship(null, "a", "MENTIONS", "b", {})])
    const target = storeWith("target", small)
    const report = await Effect.runPromise(migrate(backend(source), backend(target), options()))
    expect(report.records).toMatchObject({ read: 5, written: 1, same: 4 })
    expect(linesOf(target)).toEqual(linesOf(source))
  })

  it.each([
    ["skip", { kept: 1, overwritten: 0 }, "old"],
    ["overwrite", { kept: 0, overwritten: 1 }, "new"]
  ] as const)("on conflict %s", async (onConflict, records, title) => {
    const target = storeWith("target", [memory("a", "old")])
    const source = storeWith("source", [memory("a", "new"), memory("b")])
    const report = await Effect.runPromise(migrate(backend(source), backend(target), options({ onConflict })))
    expect(report.records).toMatchObject({ ...records, written: 1 })
    expect(linesOf(target)[0]).toContain(`"title":"${title}"`)
  })

  it("a label set that differs is a conflict, never a second node", async () => {
    const target = storeWith("target", [node("a", ["Entity"], { id: "a" })])
    const report = await Effect.runPromise(
      migrate(backend(storeWith("source", [memory("a")])), backend(target), options())
    )
    expect(report.plan).toMatchObject({ new: 0, conflicts: 1, conflictIds: ["a"] })
  })

  it("a dry run leaves nothing anywhere", async () => {
    const target = new MemoryBackend.MemoryStore("target")
    const with_ = options({ dryRun: true })
    const report = await Effect.runPromise(migrate(backend(storeWith("source", small)), backend(target), with_))
    expect(report).toMatchObject({ outcome: "dry-run", dryRun: true, plan: { new: 4 } })
    expect(linesOf(target)).toEqual([])
    expect(runsLeft(with_.stateFolder)).toEqual([])
  })

  const failing = async (source: GraphBackend, target: GraphBackend, more?: Partial<WriteOptions>) => {
    const exit = await Effect.runPromiseExit(migrate(source, target, options(more)))
    if (Exit.isSuccess(exit)) throw new Error("it did not fail")
    return endingOf(exit.cause)
  }

  it("refuses the same store, conflicts under fail, reserved names, unkeyed nodes into a store in use, and a declined prompt", async () => {
    const one = storeWith("one", small)
    expect(await failing(backend(one), backend(one))).toMatchObject({ exitCode: 9, error: { reason: "same-store" } })
    const used = storeWith("used", [memory("a", "other")])
    const before = linesOf(used)
    expect(await failing(backend(one), backend(used), { onConflict: "fail" })).toMatchObject({
      exitCode: 9,
      error: { reason: "conflicts" }
    })
    const reserved = storeWith("reserved", [node("x", ["Memory"], { id: "x", _mg_id: "mine" })])
    expect(await failing(backend(reserved), backend(used))).toMatchObject({
      exitCode: 9,
      error: { reason: "impossible", keys: { first: ["x"] } }
    })
    const unkeyed = storeWith("unkeyed", [node("n1", ["Person"], { name: "Ada" })])
    expect(await failing(backend(unkeyed), backend(used))).toMatchObject({ exitCode: 9, error: { reason: "unkeyed" } })
    expect(await failing(backend(one), backend(used), { confirm: () => Effect.succeed(false) })).toMatchObject({
      exitCode: 9,
      error: { reason: "declined" }
    })
    expect(linesOf(used)).toEqual(before)
  })

  it("refuses a spool whose bytes were changed, and undoes", async () => {
    const stateFolder = path.join(tempFolder(), "state")
    const target = storeWith("target", [memory("own")])
    const tampering: GraphBackend = {
      ...backend(target),
      openSession: (session) =>
        Effect.zipRight(
          Effect.sync(() => {
            const spool = path.join(stateFolder, "runs", session.run, "spool.jsonl")
            const text = fs.readFileSync(spool, "utf8")
            fs.writeFileSync(spool, text.replace('"title":"t"', '"title":"T"'))
          }),
          backend(target).openSession(session)
        )
    }
    const ending = await failing(backend(storeWith("source", small)), tampering, { stateFolder })
    expect(ending).toMatchObject({ exitCode: 4, error: { tag: "DocumentInvalid", reason: "digest" } })
    expect(linesOf(target)).toEqual(linesOf(storeWith("x", [memory("own")])))
    expect(runsLeft(stateFolder)).toEqual([])
  })

  it("undoes when it is interrupted, and says so in the report", async () => {
    const target = storeWith("target", [memory("own")])
    const gate = new FaultGate([{ method: "session.write", call: 2, kind: "hang" }])
    const recorder = new Recorder({ run: makeRunId(new Date()), command: "migrate" })
    const fiber = Effect.runFork(
      migrate(backend(storeWith("source", small)), faulty(backend(target, true), gate), options({ recorder }))
    )
    while (gate.happened.length === 0) await new Promise((resolve) => setTimeout(resolve, 5))
    const exit = await Effect.runPromise(Fiber.interrupt(fiber))
    expect(Exit.isInterrupted(exit)).toBe(true)
    expect(recorder.rollback).toEqual({ outcome: "undone", left: [] })
    expect(linesOf(target)).toEqual(linesOf(storeWith("x", [memory("own")])))
  })

  it("every single fault leaves the target as it was, or complete", async () => {
    const attempt = async (plan: ReadonlyArray<Fault>) => {
      const target = storeWith("target", [memory("own"), memory("a", "old")])
      const before = linesOf(target)
      const gate = new FaultGate(plan)
      const program = migrate(
        backend(storeWith("source", small)),
        faulty(backend(target, true), gate),
        options({ onConflict: "overwrite" })
      )
      const exit = await Effect.runPromiseExit(
        program.pipe(Effect.timeoutFail({ duration: "2 seconds", onTimeout: () => new Error("hangs") }))
      )
      return { gate, exit, before, after: linesOf(target) }
    }
    const clean = await attempt([])
    expect(Exit.isSuccess(clean.exit)).toBe(true)
    for (const fault of clean.gate.sweep(["fail", "lose-reply"])) {
      const { after, before, exit, gate } = await attempt([fault])
      expect(gate.happened, JSON.stringify(fault)).toHaveLength(1)
      if (JSON.stringify(after) !== JSON.stringify(before)) {
        expect(after, JSON.stringify(fault)).toEqual(clean.after)
      } else {
        expect(Exit.isFailure(exit), JSON.stringify(fault)).toBe(true)
      }
    }
  })
})

describe("importRecords", () => {
  const failing = async (records: ReadonlyArray<GraphRecord>): Promise<ReturnType<typeof endingOf>> => {
    const stream: Stream.Stream<GraphRecord, MigrationError> = Stream.fromIterable(records)
    const exit = await Effect.runPromiseExit(
      importRecords({ path: "doc.jsonl", records: stream }, backend(new MemoryBackend.MemoryStore("target")), options())
    )
    if (Exit.isSuccess(exit)) throw new Error("it did not fail")
    return endingOf(exit.cause)
  }

  it("refuses dangling ends and repeated keys, naming them", async () => {
    expect(await failing([memory("a"), relationship("r", "a", "SOLVES", "gone", { id: "r" })])).toMatchObject({
      exitCode: 4,
      error: { reason: "dangling", key: "r" }
    })
    expect(await failing([memory("a"), memory("a", "again")])).toMatchObject({
      exitCode: 4,
      error: { reason: "duplicate-record", key: "a" }
    })
    expect(
      await failing([
        memory("a"),
        relationship("r", "a", "SOLVES", "a", { id: "r" }),
        relationship("r", "a", "FIXES", "a", { id: "r" })
      ])
    ).toMatchObject({ exitCode: 4, error: { reason: "duplicate-record", key: "r" } })
  })
})

describe("after publication", () => {
  it("an interruption or a store that cannot be counted any more does not make the run look undone", async () => {
    const target = new MemoryBackend.MemoryStore("target")
    const gate = new FaultGate([{ method: "health", call: 2, kind: "fail" }])
    const report = await Effect.runPromise(
      migrate(backend(storeWith("source", small)), faulty(backend(target), gate), options())
    )
    expect(gate.happened).toHaveLength(1)
    expect(report).toMatchObject({ outcome: "done", exitCode: 0, target: { after: null } })
    expect(linesOf(target)).toEqual(linesOf(storeWith("x", small)))
  })
})
