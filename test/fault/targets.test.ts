/**
 * One record changed behind the session's back, between import and verification: the verification finds it and names
 * it, and the property where it is one.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Stream from "effect/Stream"
import { describe, expect, it } from "vitest"
import { connect } from "../../src/backend/registry.ts"
import { canonicalLine } from "../../src/domain/Canonical.ts"
import { type Difference, type MigrationError, VerificationFailed } from "../../src/domain/Errors.ts"
import { describe as nameOf, type GraphRecord } from "../../src/domain/Graph.ts"
import * as path from "node:path"
import type { Verification } from "../../src/migration/report.ts"
import * as MemoryBackend from "../../src/testing/MemoryBackend.ts"
import { tempFolder } from "../support/migrating.ts"
import { openLoaded, STATES, type State } from "./loaded.ts"
import { points, random, SEED } from "./sweep.ts"
import { drawChange, type Expected } from "./targets.recordChanges.ts"
import { drawRowChange, sessionDatabase } from "./targets.rowChanges.ts"

const COUNT = Math.ceil(points(500, 10_000) / (2 * STATES.length))

const meets = (found: Difference, { key, kind, property, record }: Expected): boolean =>
  found.key === key &&
  found.record === record &&
  (kind === undefined || found.kind === kind) &&
  (property === undefined || found.property === property)

/** What is wrong with the outcome of a verification after one change. */
const faultOf = (
  exit: Exit.Exit<Verification, MigrationError>,
  expected: ReadonlyArray<Expected>
): string | undefined => {
  if (Exit.isSuccess(exit)) return "it was not found"
  const error = Cause.squash(exit.cause)
  if (!(error instanceof VerificationFailed)) return `another error: ${String(error)}`
  const { differences, message, total } = error
  const missing = expected.filter((one) => !differences.some((found) => meets(found, one)))
  const first = differences[0]
  if (missing.length > 0 || total !== expected.length || differences.length !== total || first === undefined) {
    return `it was not named: ${JSON.stringify({ missing, differences, total })}`
  }
  if (!message.includes(first.key) || !message.includes("Nothing of this run is kept"))
    return `the message says ${message}`
  if (first.expected !== undefined && first.expected === first.actual) return `what differs is not shown: ${message}`
  return undefined
}

const told = (faults: ReadonlyArray<string>) => `${faults.length} of ${COUNT}: ${faults.slice(0, 10).join("\n")}`

const sortedLines = (records: ReadonlyArray<GraphRecord>) => records.map(canonicalLine).sort()

/** Our own look-up, by the port's docstring: nodes by key, relationships by ends and type, and by key. */
const lookUp = (stored: ReadonlyArray<GraphRecord>, asked: ReadonlyArray<GraphRecord>) => {
  const slot = (one: GraphRecord) =>
    one._tag === "Node" ? `n${one.key}` : JSON.stringify([one.from, one.type, one.to])
  const slots = new Set(asked.map(slot))
  const keys = new Set(asked.filter(({ _tag, key }) => _tag === "Relationship" && key !== null).map(({ key }) => key))
  return stored.filter((one) => slots.has(slot(one)) || (one._tag === "Relationship" && keys.has(one.key)))
}

const inMemory = (state: State) =>
  Effect.gen(function* () {
    let behind: ReadonlyArray<GraphRecord> | undefined
    const backend = yield* MemoryBackend.make({
      store: new MemoryBackend.MemoryStore("target"),
      wrapDriver: (driver) => ({
        ...driver,
        read: Stream.suspend(() =>
          behind === undefined ? driver.read : Stream.rechunk(Stream.fromIterable(behind), 50)
        ),
        lookup: (asked) => (behind === undefined ? driver.lookup(asked) : Effect.succeed(lookUp(behind, asked)))
      })
    })
    const { content, held, records, session, verify } = yield* openLoaded(backend, state)
    expect(yield* verify).toMatchObject({ mode: "full", differencesTotal: 0 })
    const stored = yield* content
    const mine = new Set(records.map((one) => one._tag + (one.key ?? canonicalLine(one))))
    const ours = [...stored.keys()].filter((at) => {
      const one = stored[at]
      return one !== undefined && mine.has(one._tag + (one.key ?? canonicalLine(one)))
    })
    expect(ours).toHaveLength(records.length)

    const heldLines = new Set(held.map(canonicalLine))
    const next = random(`targets in memory, ${state}`)
    const faults: Array<string> = []
    for (let i = 0; i < COUNT; i++) {
      const change = drawChange(next, stored, { fresh: state === "fresh", held: heldLines, ours })
      behind = change.records
      const fault = faultOf(yield* Effect.exit(verify), change.expected)
      if (fault !== undefined) faults.push(`${i}: ${change.what}: ${fault}`)
    }
    behind = undefined
    expect(faults, told(faults)).toEqual([])
    expect(yield* verify).toMatchObject({ mode: "full", differencesTotal: 0 })
    expect(yield* session.undo).toEqual({ _tag: "Undone" })
  })

const inSqlite = (state: State) =>
  Effect.gen(function* () {
    const file = path.join(tempFolder(), "target.db")
    const backend = yield* connect({ kind: "sqlite", path: file })
    const database = sessionDatabase()
    const { content, held, records, session, verify } = yield* openLoaded(backend, state)
    const db = database()
    // The first reading builds the indexes: they must not go with the first change that is undone.
    expect(yield* verify).toMatchObject({ mode: "full", differencesTotal: 0 })
    const stored = sortedLines(yield* content)

    const heldNames = new Set(held.map(nameOf))
    const next = random(`targets in SQLite, ${state}`)
    const faults: Array<string> = []
    let found = 0
    let harmless = 0
    for (let i = 0; found < COUNT && i < 2 * COUNT; i++) {
      db.exec("SAVEPOINT change")
      const change = drawRowChange(next, db, { fresh: state === "fresh", held: heldNames, records })
      const exit = yield* Effect.exit(verify)
      // Some text stands for the same value: nothing is to be found then.
      const unseen = Exit.isSuccess(exit) && sortedLines(yield* content).join("\n") === stored.join("\n")
      const fault = unseen ? undefined : faultOf(exit, change.expected)
      if (unseen) harmless++
      else found++
      if (fault !== undefined) faults.push(`${i}: ${change.what}: ${fault}`)
      db.exec("ROLLBACK TO change; RELEASE change")
    }
    expect(faults, told(faults)).toEqual([])
    expect(found).toBe(COUNT)
    expect(harmless).toBeLessThan(COUNT / 20)
    expect(yield* verify).toMatchObject({ mode: "full", differencesTotal: 0 })
    expect(yield* session.undo).toEqual({ _tag: "Undone" })
  })

describe.each(STATES)(`one change between import and verification (seed ${SEED}), target %s`, (state) => {
  it("in memory", { timeout: 3_600_000 }, () => Effect.runPromise(Effect.scoped(inMemory(state))))
  it("in SQLite", { timeout: 3_600_000 }, () => Effect.runPromise(Effect.scoped(inSqlite(state))))
})
