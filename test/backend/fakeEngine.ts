/**
 * A journaled engine that is kept in memory, and the store behind it: it can be away, lose its replies, and be taken
 * over. Time is Effect's clock.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { type Claim, type Fence, type RaisedFence, type Holder, isOfClaim, verdict } from "../../src/backend/Fence.ts"
import type { CreatedRecord, JournalBatch } from "../../src/backend/Journal.ts"
import type { JournaledEngine } from "../../src/backend/JournaledSession.ts"
import { type Left, Refused, StoreUnavailable, WriteFailed, type WriteReason } from "../../src/domain/Errors.ts"
import { canonicalLine } from "../../src/domain/Canonical.ts"
import { lineHash } from "../../src/domain/Fingerprint.ts"
import type { GraphRecord } from "../../src/domain/Graph.ts"
import { BatchRefused, MemoryGraph, RemovalRefused } from "../../src/testing/MemoryGraph.ts"

const KIND = "fake"
const LOCATION = "the store"
export const INDEX = "index Memory(id)"

/** `away`: nothing is done. `lose`: it is done, and the reply is lost. */
export type FaultKind = "away" | "lose"

interface Standing extends Omit<Holder, "age"> {
  readonly heartbeat: number
}

const failed = (reason: WriteReason, message: string) =>
  new WriteFailed({ backend: KIND, location: LOCATION, phase: "import", reason, message })
const wentAway = failed("went-away", "the server went away")
const unreachable = new StoreUnavailable({
  backend: KIND,
  location: LOCATION,
  reason: "went-away",
  message: "the server went away"
})

/** What several sessions see of one store. */
export class FakeStore {
  graph = new MemoryGraph()
  fence: Standing | undefined
  readonly indexes = new Set<string>()
  /** Batches of relationships without a key that were written under the fence. */
  private readonly marks = new Map<string, "written" | "taken back">()
  /** Every call: its method. */
  readonly calls: Array<string> = []
  /** While true, every call fails. */
  away = false
  /** The fault that strikes a call, if any; calls are counted from 1. */
  strike: (method: string, call: number) => FaultKind | undefined = () => undefined
  /** Called before each call, for who meddles. */
  meddle: (method: string) => Effect.Effect<void> = () => Effect.void

  get records() {
    return [...this.graph.records("nodes"), ...this.graph.records("relationships")]
  }

  /** Runs as one call of the engine. */
  call<A>(method: string, run: (now: number) => A): Effect.Effect<A, WriteFailed> {
    return Effect.gen(this, function* () {
      this.calls.push(method)
      const fault = this.strike(method, this.calls.length)
      yield* this.meddle(method)
      if (this.away || fault === "away") return yield* wentAway
      const now = yield* Clock.currentTimeMillis
      const result = yield* Effect.try({
        try: () => run(now),
        catch: (cause) => {
          if (cause instanceof WriteFailed) return cause
          if (cause instanceof RemovalRefused) return failed("store-changed", cause.message)
          if (cause instanceof BatchRefused) return failed("refused-record", cause.message)
          throw cause
        }
      })
      if (fault === "lose") return yield* wentAway
      return result
    })
  }

  raiseFence(claim: Claim, now: number): RaisedFence | Refused {
    const { fence } = this
    const stood = fence?.run === claim.run
    if (fence !== undefined) {
      const decided = verdict(LOCATION, { ...fence, age: now - fence.heartbeat }, claim)
      if (typeof decided !== "string") return decided
      if (decided === "replace") this.drop()
    }
    this.fence = { ...claim, heartbeat: now, dirty: this.fence?.dirty ?? false }
    return { run: claim.run, epoch: claim.epoch, stood }
  }

  raiseEpoch({ epoch, run }: Fence, claim: Claim, now: number): RaisedFence {
    const standing = this.fence
    if (standing !== undefined && !(standing.run === run && isOfClaim(claim, standing.epoch)))
      throw failed("locked", "somebody else has taken over")
    const next = (standing?.epoch ?? epoch) + 1
    this.fence = { ...claim, epoch: next, heartbeat: now, dirty: standing?.dirty ?? true }
    return { run, epoch: next, stood: standing !== undefined }
  }

  dropFence({ epoch, run }: Fence): void {
    if (this.fence?.run !== run) return
    if (this.fence.epoch !== epoch) throw failed("locked", "somebody else has taken over")
    this.drop()
  }

  drop(): void {
    this.fence = undefined
    this.marks.clear()
  }

  /** Goes back to an older state of its records, as a server does that was restarted without its last writes. */
  forget(older: MemoryGraph): void {
    this.graph = older
    this.drop()
  }

  /** Every write begins with it. */
  guard(fence: Fence): Standing {
    const standing = this.fence
    if (standing === undefined || standing.run !== fence.run || standing.epoch !== fence.epoch)
      throw failed("store-changed", "the fence does not stand at this epoch")
    return standing
  }

  mark(name: string): void {
    this.marks.set(name, "written")
  }

  /** As {@link mark}, but once for each name. */
  assume(name: string): void {
    if (!this.marks.has(name)) this.mark(name)
  }

  /** True once for what was marked. */
  unmark(name: string): boolean {
    const marked = this.marks.get(name) === "written"
    if (marked) this.marks.set(name, "taken back")
    return marked
  }
}

const nameOf = (hashes: ReadonlyArray<Buffer>): string => Buffer.concat([...hashes]).toString("hex")

const hashesOf = (records: ReadonlyArray<GraphRecord>) => records.map((one) => lineHash(canonicalLine(one)))

const removalName = (records: ReadonlyArray<GraphRecord>): string => `removed ${nameOf(hashesOf(records))}`

const NOTHING: JournalBatch = { number: 0, acknowledged: true, created: [], overwritten: [], removed: [] }

/** The engine of one process on the store. */
export const fakeEngine = (store: FakeStore): JournaledEngine => {
  const reading = <A>(method: string, run: () => A) => Effect.mapError(store.call(method, run), () => unreachable)
  // A batch without a key is known by its hashes, and by its number where it is assumed.
  const assumed = new Map<string, string>()
  const remove = (records: ReadonlyArray<CreatedRecord>): ReadonlyArray<Left> => {
    const unkeyed = records.some(({ key }) => key === null)
    const name = nameOf(records.map(({ hash }) => hash))
    const ours = unkeyed && store.unmark(assumed.get(name) ?? name)
    const created = records.filter(({ key }) => key !== null || ours)
    return (["Relationship", "Node"] as const).flatMap((part) => store.graph.takeBack({ ...NOTHING, created }, part))
  }
  return {
    backend: KIND,
    location: LOCATION,
    isEmpty: reading("isEmpty", () => store.graph.isEmpty),
    raiseFence: (claim) =>
      Effect.flatMap(
        store.call("raiseFence", (now) => store.raiseFence(claim, now)),
        (raised) => (raised instanceof Refused ? Effect.fail(raised) : Effect.succeed(raised))
      ),
    beat: (fence, dirty) =>
      store.call("beat", (now) => {
        const standing = store.guard(fence)
        store.fence = { ...standing, heartbeat: now, dirty: standing.dirty || dirty }
      }),
    raiseEpoch: (fence, claim) => store.call("raiseEpoch", (now) => store.raiseEpoch(fence, claim, now)),
    dropFence: (fence) => store.call("dropFence", () => store.dropFence(fence)),
    prepare: (note) =>
      Effect.gen(function* () {
        if (store.indexes.has(INDEX)) return
        yield* note({ what: INDEX, undo: `drop ${INDEX}` })
        yield* store.call("prepare", () => store.indexes.add(INDEX))
      }),
    dismantle: ({ what }) => Effect.asVoid(store.call("dismantle", () => store.indexes.delete(what))),
    write: (batch, fence) =>
      store.call("write", () => {
        const standing = store.guard(fence)
        store.graph.apply(batch)
        if (batch.create.some(({ key }) => key === null)) store.mark(nameOf(hashesOf(batch.create)))
        const unkeyed = (batch.remove ?? []).filter(({ key }) => key === null)
        if (unkeyed.length > 0) store.mark(removalName(unkeyed))
        store.fence = { ...standing, dirty: true }
      }),
    remove: (records, fence) =>
      store.call("remove", () => {
        store.guard(fence)
        return remove(records)
      }),
    restore: (overwritten, fence) =>
      store.call("restore", () => {
        store.guard(fence)
        return store.graph.takeBack({ ...NOTHING, overwritten }, "overwritten")
      }),
    putBack: (records, fence) =>
      store.call("putBack", () => {
        store.guard(fence)
        const name = removalName(records)
        if (records.some(({ key }) => key === null) && !store.unmark(assumed.get(name) ?? name)) return []
        return store.graph.takeBack({ ...NOTHING, removed: records }, "removed")
      }),
    assumeRemoved: (batch, records, fence) =>
      store.call("assumeRemoved", () => {
        store.guard(fence)
        assumed.set(removalName(records), `removal ${batch}`)
        store.assume(`removal ${batch}`)
      }),
    assumeWritten: (batch, records, fence) =>
      store.call("assumeWritten", () => {
        store.guard(fence)
        assumed.set(nameOf(records.map(({ hash }) => hash)), `batch ${batch}`)
        store.assume(`batch ${batch}`)
      }),
    read: Stream.suspend(() => Stream.fromIterable(store.records)),
    lookup: (records) => reading("lookup", () => store.graph.lookup(records))
  }
}
