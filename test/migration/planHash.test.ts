import * as fs from "node:fs"
import * as path from "node:path"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Stream from "effect/Stream"
import { describe, expect, it } from "vitest"
import { connect } from "../../src/backend/registry.ts"
import type { MigrationError } from "../../src/domain/Errors.ts"
import { importRecords, type WriteOptions } from "../../src/migration/migrate.ts"
import { hashOf, makeBasis, type PlanBasis } from "../../src/migration/planHash.ts"
import { empty } from "../../src/domain/Fingerprint.ts"
import { node } from "../../src/domain/Graph.ts"
import { copyOf, edit, migrateStores, tempFolder } from "../support/migrating.ts"

const outcome = (from: string, to: string, options: Partial<WriteOptions>) =>
  Effect.runPromise(Effect.either(migrateStores({ kind: "sqlite", path: from }, { kind: "sqlite", path: to }, options)))

const plannedHash = async (from: string, to: string, more: Partial<WriteOptions> = {}): Promise<string> => {
  const report = Either.getOrThrow(await outcome(from, to, { dryRun: true, hashPlan: true, ...more }))
  expect(report.plan?.hash).toMatch(/^[0-9a-f]{64}$/)
  return report.plan?.hash ?? ""
}

const retitle =
  "UPDATE nodes SET properties = json_set(properties, '$.title', 'changed') WHERE id IN (SELECT id FROM nodes LIMIT 1)"

describe("the hash of a plan", () => {
  it("is the same while nothing changes, and another one for another option", async () => {
    const [from, to] = [copyOf("python-small.db"), copyOf("python-small.db")]
    const hash = await plannedHash(from, to)
    expect(await plannedHash(from, to)).toBe(hash)
    expect(await plannedHash(from, to, { onConflict: "overwrite" })).not.toBe(hash)
    expect(await plannedHash(from, to, { verify: false })).not.toBe(hash)
    expect(await plannedHash(from, path.join(tempFolder(), "new.db"))).not.toBe(hash)
  })

  it("is not computed unless it is asked for", async () => {
    const report = Either.getOrThrow(
      await outcome(copyOf("python-small.db"), copyOf("python-small.db"), { dryRun: true })
    )
    expect(report.plan?.hash).toBeNull()
  })

  it.each(["source", "target"])("a change of one property of the %s makes the plan stale", async (side) => {
    const files = { source: copyOf("python-small.db"), target: path.join(tempFolder(), "to.db") }
    Either.getOrThrow(await outcome(copyOf("python-small.db"), files.target, {}))
    // No count of the plan knows of this one.
    edit(files.target, `INSERT INTO nodes (id, label, properties) VALUES ('other', 'Memory', '{"id":"other"}')`)
    const hash = await plannedHash(files.source, files.target)
    if (side === "source") edit(files.source, retitle)
    else edit(files.target, `UPDATE nodes SET properties = '{"id":"other","title":"x"}' WHERE id = 'other'`)
    const refused = await outcome(files.source, files.target, { expectPlan: hash })
    expect(Either.getLeft(refused)).toMatchObject({ value: { _tag: "Refused", reason: "stale-plan" } })
  })

  it("a plan that still stands is carried out", async () => {
    const [from, to] = [copyOf("python-small.db"), path.join(tempFolder(), "to.db")]
    const report = Either.getOrThrow(await outcome(from, to, { expectPlan: await plannedHash(from, to) }))
    expect(report).toMatchObject({ outcome: "done", records: { written: 90 } })
    expect(report.verification?.mode).toBe("full")
  })

  it("a wrong hash writes nothing, not even a new file", async () => {
    const [from, to] = [copyOf("python-small.db"), path.join(tempFolder(), "to.db")]
    const refused = await outcome(from, to, { expectPlan: "0".repeat(64) })
    expect(Either.getLeft(refused)).toMatchObject({ value: { reason: "stale-plan" } })
    expect(fs.existsSync(to)).toBe(false)
  })

  it("of an import tells a changed document", async () => {
    const file = copyOf("python-small.db")
    const importing = (
      title: string,
      options: Partial<WriteOptions>
    ): Promise<Either.Either<string | null, MigrationError>> =>
      Effect.gen(function* () {
        const target = yield* connect({ kind: "sqlite", path: file })
        const records = Stream.make(node("new", ["Memory"], { id: "new", title }))
        const stateFolder = path.join(tempFolder(), "state")
        const report = yield* importRecords({ path: "a.json", records }, target, { stateFolder, ...options })
        return report.plan?.hash ?? null
      }).pipe(Effect.scoped, Effect.either, Effect.runPromise)
    const hash = Either.getOrThrow(await importing("one", { dryRun: true, hashPlan: true }))
    expect(hash).toMatch(/^[0-9a-f]{64}$/)
    const expected = { expectPlan: hash ?? "" }
    expect(Either.getLeft(await importing("two", expected))).toMatchObject({ value: { reason: "stale-plan" } })
    expect(Either.isRight(await importing("one", expected))).toBe(true)
  })

  it("does not depend on the order in which a basis was written down", () => {
    const side = { backend: "sqlite", identity: "sqlite:1", fingerprint: empty }
    const basis = makeBasis({
      source: side,
      target: side,
      options: { onConflict: "skip", onUnkeyed: "fail", onError: "stop", verify: true, backup: false, since: null },
      plan: { new: 1, same: 2, conflicts: 0, native: 3, encoded: [], impossible: [], unkeyed: 0 },
      rejected: 0
    })
    const turned = Object.fromEntries(Object.entries(basis).toReversed()) as unknown as PlanBasis
    expect(hashOf(turned)).toBe(hashOf(basis))
    expect(hashOf({ ...basis, release: "0.0.0" })).not.toBe(hashOf(basis))
  })
})
