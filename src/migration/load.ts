/** Loading: the spool's records enter the open session, batch by batch, and every one of them is accounted for. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Journal } from "../backend/Journal.ts"
import type { WriteBatch, WriteSession } from "../backend/WriteSession.ts"
import { canonicalLine } from "../domain/Canonical.ts"
import { type MigrationError, WriteFailed } from "../domain/Errors.ts"
import { describe } from "../domain/Graph.ts"
import { type Classified, classify, type ConflictPolicy } from "./classify.ts"
import { agree, type Decisions, DecisionTally } from "./decisions.ts"
import * as EarlierWork from "./earlierWork.ts"
import { KeptRecords } from "./KeptRecords.ts"
import { KeyCounter } from "./KeyCounter.ts"
import { type ErrorPolicy, Rejecting } from "./rejecting.ts"
import { isConserved, noRecords, type Records } from "./report.ts"
import type { Meter } from "./Run.ts"
import { isGuest, type Since } from "./since.ts"
import { batches, type Spool, type SpoolBatch } from "./spool.ts"

/** What a load did; to be asked while its scope is open. */
export interface Loaded {
  readonly records: Records
  /** The records that were kept as the target had them, for the verification. */
  readonly kept: KeptRecords
  /**
   * How many relationships without a key and with this line the target must hold, where the run made any of them;
   * undefined otherwise: then at least as many as the spool has.
   */
  readonly unkeyed: (line: string) => number | undefined
  /** Which of the spool's records the target refused, by their number in the spool, from 0. */
  readonly rejected: ReadonlySet<number>
}

/** How to load. */
export interface LoadOptions {
  readonly spool: Spool
  readonly session: WriteSession
  readonly journal: Journal
  readonly onConflict: ConflictPolicy
  readonly onError: ErrorPolicy
  /** The time that the spooled records are narrowed to, where they are. */
  readonly since?: Since | undefined
  /** What the plan decided, where exactly that is to be done: anything else fails, once all is loaded. */
  readonly planned?: Decisions | undefined
  readonly meter: Meter
}

/** Loads the whole spool. Asserts that no record was lost from the count. */
export const load = (options: LoadOptions): Effect.Effect<Loaded, MigrationError, Scope.Scope> =>
  Effect.gen(function* () {
    const { journal, meter, onConflict, planned, session, since, spool } = options
    const { kept, ...tally } = yield* Effect.acquireRelease(
      Effect.sync(() => ({ kept: new KeptRecords(), met: new KeyCounter(), created: new KeyCounter() })),
      (counters) =>
        Effect.sync(() => {
          for (const counter of [counters.kept, counters.met, counters.created]) counter.close()
        })
    )
    const earlier = yield* EarlierWork.read(journal)
    yield* journal.dropRejects("target")
    const rejecting = new Rejecting(options.onError, session, journal)
    let records: Records = noRecords
    const decided = new DecisionTally()
    const failure = (reason: "conservation" | "store-changed", message: string) =>
      new WriteFailed({ backend: session.backend, location: session.location, phase: "import", reason, message })

    const decide = (batch: SpoolBatch): Effect.Effect<Classified, MigrationError> =>
      session.fresh
        ? Effect.succeed({ create: batch.records, same: [], conflicts: [], done: { created: 0, overwritten: 0 } })
        : Effect.map(session.lookup(batch.records), (existing) =>
            classify(batch.records, existing, tally, earlier.isEmpty ? undefined : earlier)
          )

    yield* batches(spool).pipe(
      Stream.runForEach((batch) =>
        Effect.gen(function* () {
          const classified = yield* decide(batch)
          decided.add(classified)
          const { conflicts, create, done, same } = classified
          // A guest stays as the target has it, also where it came there after it was found to be missing.
          const own = since === undefined ? conflicts : conflicts.filter(({ after }) => !isGuest(after, since))
          const conflict = own[0]
          if (conflict !== undefined && onConflict === "fail") {
            return yield* failure(
              "store-changed",
              `${describe(conflict.after)} came into ${session.location} with another content after the plan was made. Run again.`
            )
          }
          const wanted: WriteBatch = { create, overwrite: onConflict === "overwrite" ? own : [] }
          const written = yield* rejecting.write(wanted, batch)
          const overwritten = new Set(wanted.overwrite)
          for (const conflicting of conflicts) {
            const { after, before } = conflicting
            if (!overwritten.has(conflicting)) kept.add(after._tag, after.key ?? "", canonicalLine(before))
          }
          const wantedSize = wanted.create.length + wanted.overwrite.length
          records = {
            read: records.read + batch.records.length,
            written: records.written + written.created + done.created,
            same: records.same + same.length,
            kept: records.kept + conflicts.length - wanted.overwrite.length,
            overwritten: records.overwritten + written.overwritten + done.overwritten,
            rejected: records.rejected + wantedSize - written.created - written.overwritten,
            removed: 0
          }
          meter.tick(batch.records.length)
          yield* Effect.yieldNow()
        })
      )
    )
    const { nodes, relationships } = spool.summary.fingerprint
    if (!isConserved(records) || records.read !== nodes.count + relationships.count) {
      return yield* failure(
        "conservation",
        `The load does not add up: ${JSON.stringify(records)} of ${nodes.count + relationships.count} spooled records. This is a defect of this program; nothing is published.`
      )
    }
    if (planned !== undefined && !agree(planned, decided.finish())) {
      return yield* failure(
        "store-changed",
        `${session.location} was changed after its plan was checked: what was to be done is not what was planned. Make a new plan.`
      )
    }
    const unkeyed = (line: string) =>
      tally.created.get(line) + earlier.createdLines(line) > 0 ? tally.met.get(line) : undefined
    return { records, kept, unkeyed, rejected: rejecting.rejected }
  })
