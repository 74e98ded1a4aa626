/** Loading: the spool's records enter the open session, batch by batch, and every one of them is accounted for. */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { WriteSession } from "../backend/WriteSession.ts"
import { canonicalLine } from "../domain/Canonical.ts"
import { type MigrationError, WriteFailed } from "../domain/Errors.ts"
import { describe } from "../domain/Graph.ts"
import { lineHash } from "../domain/Fingerprint.ts"
import { classify, type ConflictPolicy } from "./classify.ts"
import { KeyCounter } from "./KeyCounter.ts"
import { isConserved, noRecords, type Records } from "./report.ts"
import type { Meter } from "./Run.ts"
import { batches, type Spool } from "./spool.ts"

/** The records that were kept as the target had them: key to the hash of that state, for the verification. */
export class KeptRecords {
  private readonly hashes = new Map<string, Buffer>()

  /** Notes what the target holds under a key. */
  add(tag: "Node" | "Relationship", key: string, line: string): void {
    this.hashes.set(tag + key, lineHash(line))
  }

  /** The hash of the state before, where the record was kept. */
  get(tag: "Node" | "Relationship", key: string): Buffer | undefined {
    return this.hashes.get(tag + key)
  }
}

/** What a load did. */
export interface Loaded {
  readonly records: Records
  readonly kept: KeptRecords
}

/** Loads the whole spool. Asserts that no record was lost from the count. */
export const load = (options: {
  readonly spool: Spool
  readonly session: WriteSession
  readonly onConflict: ConflictPolicy
  readonly meter: Meter
}): Effect.Effect<Loaded, MigrationError> =>
  Effect.gen(function* () {
    const { meter, onConflict, session, spool } = options
    const kept = new KeptRecords()
    const tally = { met: new KeyCounter(), created: new KeyCounter() }
    let records: Records = noRecords
    const failure = (reason: "conservation" | "store-changed", message: string) =>
      new WriteFailed({ backend: session.backend, location: session.location, phase: "import", reason, message })

    yield* batches(spool).pipe(
      Stream.runForEach((batch) =>
        Effect.gen(function* () {
          const size = batch.records.length
          if (session.fresh) {
            yield* session.write({ create: batch.records, overwrite: [] })
            records = { ...records, read: records.read + size, written: records.written + size }
          } else {
            const decided = classify(batch.records, yield* session.lookup(batch.records), tally)
            const conflict = decided.conflicts[0]
            if (conflict !== undefined && onConflict === "fail") {
              return yield* failure(
                "store-changed",
                `${describe(conflict.after)} came into ${session.location} with another content after the plan was made. Run again.`
              )
            }
            const overwrite = onConflict === "overwrite" ? decided.conflicts : []
            if (decided.create.length + overwrite.length > 0)
              yield* session.write({ create: decided.create, overwrite })
            if (onConflict === "skip") {
              for (const { after, before } of decided.conflicts)
                kept.add(after._tag, after.key ?? "", canonicalLine(before))
            }
            records = {
              ...records,
              read: records.read + size,
              written: records.written + decided.create.length,
              same: records.same + decided.same.length,
              kept: records.kept + decided.conflicts.length - overwrite.length,
              overwritten: records.overwritten + overwrite.length
            }
          }
          meter.tick(size)
          yield* Effect.yieldNow()
        })
      ),
      Effect.ensuring(
        Effect.sync(() => {
          tally.met.close()
          tally.created.close()
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
    return { records, kept }
  })
