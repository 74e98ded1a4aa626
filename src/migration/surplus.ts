/**
 * The surplus: what a target holds and is not to hold any more, when a backup replaces it or it is cleared. It is found
 * out and kept in a file before the first write, so that just what the plan counted is removed, and nothing that came since.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { GraphBackend } from "../backend/GraphBackend.ts"
import type { Journal } from "../backend/Journal.ts"
import type { WriteSession } from "../backend/WriteSession.ts"
import { canonicalLine } from "../domain/Canonical.ts"
import { type MigrationError, Refused, showKeys, SourceDataInvalid, WriteFailed } from "../domain/Errors.ts"
import { recordHash } from "../domain/Fingerprint.ts"
import { describe, type GraphRecord } from "../domain/Graph.ts"
import { GENERATOR } from "../version.ts"
import { Counterparts } from "./classify.ts"
import * as EarlierWork from "./earlierWork.ts"
import { KeyCounter } from "./KeyCounter.ts"
import { type Meter, phase, type Recorder } from "./Run.ts"
import type { RunFolder } from "./RunFolder.ts"
import { takeAll } from "./sift.ts"
import * as Spool from "./spool.ts"
import { makeCensus } from "./validate.ts"

/** What makes a record of the target the same one as a record that comes: then it is replaced at most, not removed. */
const identityOf = (record: GraphRecord): string => {
  if (record._tag === "Node") return `n${record.key}`
  if (record.key === null) return `u${recordHash(record)}`
  // Ends and type of a relationship cannot be replaced everywhere: another one takes its place.
  return `r${JSON.stringify([record.key, record.from, record.type, record.to])}`
}

const counter = Effect.acquireRelease(
  Effect.sync(() => new KeyCounter()),
  (open) => Effect.sync(() => open.close())
)

/** Where a surplus is looked for. */
export interface SurplusOptions {
  readonly recorder: Recorder
  /** What the target is to hold. */
  readonly spool: Spool.Spool
  readonly target: GraphBackend
  readonly folder: RunFolder
}

/**
 * Writes the surplus of a target into the run's folder. Refuses what could not be brought back by an undo: relationships
 * without both ends, and records that the store itself could not take again.
 */
export const find = (options: SurplusOptions): Effect.Effect<Spool.Spool, MigrationError, Scope.Scope> =>
  Effect.gen(function* () {
    const { folder, recorder, spool, target } = options
    const dangling = yield* target.dangling
    if (dangling.total > 0) return yield* looseEnds(target, dangling)
    const counts = yield* target.statistics
    const coming = yield* counter
    const met = yield* counter
    const census = yield* makeCensus({ isDocument: false }, target)
    const isSurplus = (record: GraphRecord): boolean => {
      const identity = identityOf(record)
      const wanted = coming.get(identity)
      return record.key === null ? met.add(identity) >= wanted : wanted === 0
    }
    const found = yield* phase(recorder, "validate", counts.nodes + counts.relationships, (meter) =>
      Effect.gen(function* () {
        yield* Stream.runForEach(Spool.batches(spool), ({ records }) =>
          Effect.sync(() => {
            for (const record of records) coming.add(identityOf(record))
          })
        )
        return yield* Spool.write({
          path: folder.surplus,
          header: { created: new Date().toISOString(), generator: GENERATOR, backend: target.kind },
          records: Stream.filter(target.read(), isSurplus),
          census,
          sift: takeAll(census),
          meter
        })
      })
    )
    const { impossible } = found.census
    if (impossible.length > 0) {
      const total = impossible.reduce((sum, { count }) => sum + count, 0)
      const first = impossible.flatMap(({ ids }) => ids)
      return yield* new Refused({
        reason: "impossible",
        keys: { first, total },
        message: `${total} record(s) in ${target.location} could not be brought back if they were removed (${impossible.map(({ kind }) => kind).join(", ")}): ${showKeys({ first, total })}. The target is untouched. Change or delete these records by hand, then run again.`
      })
    }
    return found
  })

const looseEnds = (
  { kind, location }: GraphBackend,
  dangling: { readonly first: ReadonlyArray<string>; readonly total: number }
): SourceDataInvalid =>
  new SourceDataInvalid({
    backend: kind,
    location,
    reason: "dangling",
    keys: dangling,
    message: `${dangling.total} relationship(s) in ${location} lead to nodes that are not there, and could not be brought back as they are: ${showKeys(dangling)}. The target is untouched. Mend or delete them, then run again.`
  })

/** Takes the surplus up again that an earlier process of the run has kept. */
export const reopen = (
  folder: RunFolder,
  target: GraphBackend
): Effect.Effect<Spool.Spool, MigrationError, Scope.Scope> =>
  Effect.flatMap(makeCensus({ isDocument: false }, target), (census) =>
    Spool.reopen(folder.surplus, census, { nodes: 0, relationships: 0 })
  )

/** How a surplus is removed. */
export interface Removing {
  readonly surplus: Spool.Spool
  readonly session: WriteSession
  readonly journal: Journal
  readonly meter: Meter
}

/**
 * Removes the surplus in an open session, relationships first; returns how many records the run has removed, before it
 * was broken off too. Fails with `store-changed` where one of them has changed since.
 */
export const removeSurplus = ({ journal, meter, session, surplus }: Removing): Effect.Effect<number, MigrationError> =>
  Effect.scoped(
    Effect.gen(function* () {
      const earlier = yield* EarlierWork.read(journal)
      const met = yield* counter
      let removed = 0
      const removeBatch = (records: ReadonlyArray<GraphRecord>) =>
        Effect.gen(function* () {
          const { done, remove } = earlier.isEmpty
            ? { done: 0, remove: records }
            : yield* remaining(session, records, earlier, met)
          if (remove.length > 0) yield* session.write({ create: [], overwrite: [], remove })
          removed += done + remove.length
          meter.tick(records.length)
          yield* Effect.yieldNow()
        })
      for (const tag of ["Relationship", "Node"] as const) {
        yield* Spool.batches(surplus).pipe(
          Stream.filter((batch) => batch.tag === tag),
          Stream.runForEach(({ records }) => removeBatch(records))
        )
      }
      return removed
    })
  )

// What a run that is taken up again has removed already, and what is still to go. The target decides, with the journal.
const remaining = (
  session: WriteSession,
  records: ReadonlyArray<GraphRecord>,
  earlier: EarlierWork.EarlierWork,
  met: KeyCounter
) =>
  Effect.gen(function* () {
    const standing = new Counterparts(yield* session.lookup(records))
    let done = 0
    const remove: Array<GraphRecord> = []
    for (const record of records) {
      const isOurs = earlier.removed(record) > (record.key === null ? met.add(recordHash(record)) : 0)
      const stored = standing.keyed(record)
      if (record.key === null ? isOurs : stored === undefined) {
        // What is gone without us is somebody's wish: nothing is to be done about it.
        if (isOurs) done++
        continue
      }
      if (stored !== undefined && canonicalLine(stored) !== canonicalLine(record))
        return yield* changed(session, record)
      remove.push(record)
    }
    return { done, remove }
  })

const changed = ({ backend, location }: WriteSession, record: GraphRecord): WriteFailed =>
  new WriteFailed({
    backend,
    location,
    phase: "import",
    reason: "store-changed",
    message: `${describe(record)} in ${location} was changed after the plan was made. Run again.`
  })
