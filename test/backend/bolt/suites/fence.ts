/** Who may write to a Neo4j: the fence itself, by claims of owners that live, hang, are dead or come at once. */
import { spawnSync } from "node:child_process"
import * as Effect from "effect/Effect"
import { describe, expect, it } from "vitest"
import { connect } from "../../../../src/backend/bolt/connection.ts"
import * as fence from "../../../../src/backend/bolt/fence.ts"
import { assumeWritten, batchName, unmark } from "../../../../src/backend/bolt/marks.ts"
import { neo4j } from "../../../../src/backend/bolt/neo4j.ts"
import { type Claim, EPOCHS_A_CLAIM, LEASE } from "../../../../src/backend/Fence.ts"
import { OWNER } from "../../../../src/files/ownedFiles.ts"
import { query, run, type Store } from "../support.ts"

const ELSEWHERE = "ffffffff-ffffffff-77"

const claimOf = (name: string, more: Partial<Claim> = {}): Claim => ({
  run: name,
  epoch: EPOCHS_A_CLAIM,
  owner: ELSEWHERE,
  host: "elsewhere",
  lease: LEASE,
  ...more
})

const SHORT = { lease: 200 }
const expire = Effect.sleep("400 millis")

const lost = { _tag: "WriteFailed", reason: "locked" }
const refused = (reason: string, text: string) => ({
  _tag: "Refused",
  reason,
  message: expect.stringContaining(text)
})

/** To be called in a test file. */
export const fenceSuite = (store: Store) => {
  const place = Effect.gen(function* () {
    const server = { kind: "neo4j", title: "Neo4j", location: "bolt://here" } as const
    const address = { host: "127.0.0.1", port: store.port() }
    const connection = yield* connect(address, { server, database: undefined, routing: false })
    return { connection, dialect: neo4j }
  })
  const stored = Effect.promise(() =>
    query(
      store.driver(),
      "MATCH (f:_MgRun) WHERE f.run IS NOT NULL RETURN f.run AS run, f.epoch AS epoch, f.dirty AS dirty ORDER BY run"
    )
  )
  const set = (text: string, parameters = {}) => Effect.promise(() => query(store.driver(), text, parameters))
  const at = (name: string, epoch: number, dirty: boolean | null) => ({ run: name, epoch: BigInt(epoch), dirty })

  it("says who holds the store, since when by the server's clock, and that nothing was changed yet", () =>
    run(
      Effect.gen(function* () {
        const here = yield* place
        expect(yield* fence.raise(here, claimOf("a"))).toEqual({ run: "a", epoch: EPOCHS_A_CLAIM, stood: false })
        const [found] = yield* set("MATCH (f:_MgRun) RETURN properties(f) AS f, timestamp() - f.heartbeat AS age")
        expect(found?.["f"]).toMatchObject({
          ...{ run: "a", epoch: 1_000_000n, owner: ELSEWHERE, host: "elsewhere", lease: 60_000n, dirty: false }
        })
        expect(Number(found?.["age"])).toBeLessThan(5000)
        yield* fence.beat(here, { run: "a", epoch: EPOCHS_A_CLAIM }, true)
        expect(yield* stored).toEqual([at("a", EPOCHS_A_CLAIM, true)])
        // A later sign of life does not make it clean again.
        yield* fence.beat(here, { run: "a", epoch: EPOCHS_A_CLAIM }, false)
        expect(yield* stored).toEqual([at("a", EPOCHS_A_CLAIM, true)])
      })
    ))

  it("refuses another run, and another process of the same run, while its owner gives signs of life", () =>
    run(
      Effect.gen(function* () {
        const here = yield* place
        const held = yield* fence.raise(here, claimOf("a"))
        yield* set("MATCH (f:_MgRun) SET f.heartbeat = timestamp() - 61000")
        yield* fence.beat(here, held, false)
        for (const other of [claimOf("b"), claimOf("a", { owner: OWNER, epoch: 2 * EPOCHS_A_CLAIM })]) {
          const error = yield* Effect.flip(fence.raise(here, other))
          expect(error).toMatchObject(refused("locked", "Run a is writing to bolt://here: process 77 on elsewhere"))
        }
        expect(yield* stored).toEqual([at("a", EPOCHS_A_CLAIM, false)])
      })
    ))

  it("gives way when its lease is over and nothing was changed; who held it can do nothing more", () =>
    run(
      Effect.gen(function* () {
        const here = yield* place
        const old = claimOf("a", SHORT)
        const held = yield* fence.raise(here, old)
        yield* expire
        const next = yield* fence.raise(here, claimOf("b"))
        expect(yield* Effect.flip(fence.beat(here, held, true))).toMatchObject({ reason: "store-changed" })
        expect(yield* Effect.flip(fence.raiseEpoch(here, held, old))).toMatchObject(lost)
        yield* fence.drop(here, held)
        expect(yield* stored).toEqual([at("b", EPOCHS_A_CLAIM, false)])
        yield* fence.beat(here, next, true)
        yield* fence.drop(here, next)
        expect(yield* stored).toEqual([])
      })
    ))

  it("gives way at once when its owner is known to be dead", () =>
    run(
      Effect.gen(function* () {
        const here = yield* place
        const { pid } = spawnSync(process.execPath, ["--version"])
        yield* fence.raise(here, claimOf("a", { owner: OWNER.replace(/\d+$/, String(pid)) }))
        yield* fence.raise(here, claimOf("b"))
        expect(yield* stored).toEqual([at("b", EPOCHS_A_CLAIM, false)])
      })
    ))

  it("of a run with unfinished work is kept for that run", () =>
    run(
      Effect.gen(function* () {
        const here = yield* place
        const old = claimOf("a", SHORT)
        const held = yield* fence.raise(here, old)
        yield* fence.beat(here, held, true)
        yield* expire
        const error = yield* Effect.flip(fence.raise(here, claimOf("b")))
        expect(error).toMatchObject(refused("unfinished-run", "memorygraph runs resume a"))
        // Taken up by its own run: under a later claim, and what was changed is still changed.
        const again = claimOf("a", { owner: OWNER, epoch: 2 * EPOCHS_A_CLAIM })
        const next = yield* fence.raise(here, again)
        expect(yield* stored).toEqual([at("a", 2 * EPOCHS_A_CLAIM, true)])
        expect(yield* Effect.flip(fence.beat(here, held, true))).toMatchObject({ reason: "store-changed" })
        expect(yield* Effect.flip(fence.raiseEpoch(here, held, old))).toMatchObject(lost)
        expect(yield* Effect.flip(fence.drop(here, held))).toMatchObject(lost)
        // The older claim cannot come back, not even where the younger gives no sign of life any more.
        yield* set("MATCH (f:_MgRun) SET f.heartbeat = 0")
        expect(yield* Effect.flip(fence.raise(here, old))).toMatchObject(refused("locked", "has taken over run a"))
        expect(yield* fence.raiseEpoch(here, next, again)).toMatchObject({ run: "a", epoch: 2 * EPOCHS_A_CLAIM + 1 })
      })
    ))

  it("of a program of before the lease is dirty, and lasts a minute", () =>
    run(
      Effect.gen(function* () {
        const here = yield* place
        const old = (heartbeat: string) =>
          set("CREATE (:_MgRun {run: 'old', epoch: 3, owner: 'some-host:123', heartbeat: $heartbeat})", { heartbeat })
        yield* old(new Date().toISOString())
        const live = yield* Effect.flip(fence.raise(here, claimOf("b")))
        expect(live).toMatchObject(refused("locked", "on some-host gave its last sign of life 0 s ago"))
        yield* set("MATCH (f:_MgRun) DELETE f")
        yield* old("2026-01-01T00:00:00.000Z")
        const dead = yield* Effect.flip(fence.raise(here, claimOf("b")))
        expect(dead).toMatchObject(refused("unfinished-run", "runs rollback old"))
        const claim = claimOf("old")
        const next = yield* fence.raise(here, claim)
        yield* fence.beat(here, next, false)
        expect(yield* stored).toEqual([at("old", EPOCHS_A_CLAIM, true)])
        yield* fence.drop(here, yield* fence.raiseEpoch(here, next, claim))
        expect(yield* stored).toEqual([])
      })
    ))

  for (const [what, prepare] of [
    ["a free store", ""],
    [
      "an abandoned one",
      "CREATE (:_MgRun {run: 'old', epoch: 1, owner: 'o', host: 'h', lease: 1, heartbeat: 0, dirty: false})"
    ]
  ] as const) {
    it(`of many that come to ${what} at once, lets one in at most, and leaves no other`, () =>
      run(
        Effect.gen(function* () {
          const places = yield* Effect.all(
            Array.from({ length: 8 }, () => place),
            { concurrency: 8 }
          )
          for (let round = 0; round < 5; round++) {
            if (prepare !== "") yield* set(prepare)
            const exits = yield* Effect.all(
              places.map((here, i) => Effect.exit(fence.raise(here, claimOf(`run-${i}`)))),
              { concurrency: "unbounded" }
            )
            const won = exits.flatMap((exit, i) =>
              exit._tag === "Success" ? [at(`run-${i}`, EPOCHS_A_CLAIM, false)] : []
            )
            expect(won.length).toBeLessThanOrEqual(1)
            // Where one stood, it is replaced under its lock: somebody wins.
            if (prepare !== "") expect(won.length).toBe(1)
            expect(yield* stored).toEqual(won)
            yield* set("MATCH (f:_MgRun) DELETE f")
          }
        })
      ))
  }

  describe("when its epoch is raised", () => {
    it("goes up by one, also where an answer was lost before", () =>
      run(
        Effect.gen(function* () {
          const here = yield* place
          const claim = claimOf("a")
          const held = yield* fence.raise(here, claim)
          const up = yield* fence.raiseEpoch(here, held, claim)
          expect(up.epoch).toBe(held.epoch + 1)
          // As if the answer had been lost: the same is asked again.
          expect((yield* fence.raiseEpoch(here, held, claim)).epoch).toBe(held.epoch + 2)
        })
      ))

    it("is put back where somebody has taken it away, but not beside another run's", () =>
      run(
        Effect.gen(function* () {
          const here = yield* place
          const claim = claimOf("a")
          const held = yield* fence.raise(here, claim)
          yield* set("MATCH (f:_MgRun) DELETE f")
          expect(yield* fence.raiseEpoch(here, held, claim)).toMatchObject({ run: "a", epoch: held.epoch + 1 })
          expect(yield* stored).toEqual([at("a", held.epoch + 1, true)])
          yield* set("MATCH (f:_MgRun) DELETE f")
          yield* fence.raise(here, claimOf("b"))
          expect(yield* Effect.flip(fence.raiseEpoch(here, held, claim))).toMatchObject(lost)
          expect(yield* stored).toEqual([at("b", EPOCHS_A_CLAIM, false)])
        })
      ))
  })

  it("marks a batch that was written long ago once, also when the mark is used up", () =>
    run(
      Effect.gen(function* () {
        const here = yield* place
        const held = yield* fence.raise(here, claimOf("a"))
        const records = [
          { tag: "Relationship", key: null, from: "x", type: "R", to: "y", hash: Buffer.alloc(32) }
        ] as const
        const name = batchName(records.map(({ hash }) => hash))
        const used = here.connection.transact((transaction) => unmark(transaction, "a", name))
        yield* assumeWritten(here, 1, records, held)
        yield* assumeWritten(here, 1, records, held)
        expect([yield* used, yield* used]).toEqual([true, false])
        yield* assumeWritten(here, 1, records, held)
        expect(yield* used).toBe(false)
        // An equal batch of another number is one of its own.
        yield* assumeWritten(here, 2, records, held)
        expect([yield* used, yield* used]).toEqual([true, false])
        yield* fence.drop(here, held)
        expect(yield* set("MATCH (n) RETURN n")).toEqual([])
      })
    ))
}
