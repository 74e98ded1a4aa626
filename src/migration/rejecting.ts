/**
 * Records that cannot go where the rest goes. With `reject` a batch that the target refuses is halved until the record
 * is found that it refuses; that one is kept, with the reason, and the rest goes on. With `stop` the first one ends the run.
 */
import * as Effect from "effect/Effect"
import type { Journal, Reject } from "../backend/Journal.ts"
import type { WriteBatch, WriteSession } from "../backend/WriteSession.ts"
import { canonicalLine } from "../domain/Canonical.ts"
import type { MigrationError, WriteFailed } from "../domain/Errors.ts"
import type { GraphRecord } from "../domain/Graph.ts"
import type { SpoolBatch } from "./spool.ts"

/** What happens to records that the target refuses, and to relationships of the source without both ends. */
export type ErrorPolicy = "stop" | "reject"

/** How much of a batch was written. */
export interface Written {
  readonly created: number
  readonly overwritten: number
}

const NOTHING: Written = { created: 0, overwritten: 0 }

const sizeOf = ({ create, overwrite }: WriteBatch): number => create.length + overwrite.length

const halves = ({ create, overwrite }: WriteBatch): readonly [WriteBatch, WriteBatch] => {
  if (overwrite.length === 0) {
    const middle = create.length >> 1
    return [
      { create: create.slice(0, middle), overwrite },
      { create: create.slice(middle), overwrite }
    ]
  }
  if (create.length > 0) {
    return [
      { create, overwrite: [] },
      { create: [], overwrite }
    ]
  }
  const middle = overwrite.length >> 1
  return [
    { create, overwrite: overwrite.slice(0, middle) },
    { create, overwrite: overwrite.slice(middle) }
  ]
}

/** A record as a reject. */
export const rejectOf = (record: GraphRecord, why: string): Reject => ({
  tag: record._tag,
  line: canonicalLine(record),
  why
})

/** Writes batches under a policy and remembers what was rejected. */
export class Rejecting {
  /** The numbers of the rejected records in the spool, from 0. */
  readonly rejected = new Set<number>()
  private readonly nodes = new Set<string>()
  private readonly policy: ErrorPolicy
  private readonly session: WriteSession
  private readonly journal: Journal

  constructor(policy: ErrorPolicy, session: WriteSession, journal: Journal) {
    this.policy = policy
    this.session = session
    this.journal = journal
  }

  /** Writes what is `wanted` of a batch of the spool. */
  write(wanted: WriteBatch, batch: SpoolBatch): Effect.Effect<Written, MigrationError> {
    return Effect.gen(this, function* () {
      const cut: Array<GraphRecord> = []
      const create =
        this.nodes.size === 0 ? wanted.create : wanted.create.filter((record) => !this.lacksEnd(record, cut))
      if (cut.length > 0) yield* this.reject(cut, batch, "one of its ends was rejected")
      return yield* this.attempt({ create, overwrite: wanted.overwrite }, batch)
    })
  }

  private lacksEnd(record: GraphRecord, cut: Array<GraphRecord>): boolean {
    const lacks = record._tag === "Relationship" && (this.nodes.has(record.from) || this.nodes.has(record.to))
    if (lacks) cut.push(record)
    return lacks
  }

  private attempt(wanted: WriteBatch, batch: SpoolBatch): Effect.Effect<Written, MigrationError> {
    if (sizeOf(wanted) === 0) return Effect.succeed(NOTHING)
    const written: Written = { created: wanted.create.length, overwritten: wanted.overwrite.length }
    return Effect.catchTag(Effect.as(this.session.write(wanted), written), "WriteFailed", (error) =>
      this.policy === "reject" && error.reason === "refused-record"
        ? this.narrow(wanted, batch, error)
        : Effect.fail(error)
    )
  }

  private narrow(wanted: WriteBatch, batch: SpoolBatch, error: WriteFailed): Effect.Effect<Written, MigrationError> {
    const [record] = [...wanted.create, ...wanted.overwrite.map(({ after }) => after)]
    if (sizeOf(wanted) === 1 && record !== undefined) {
      if (record._tag === "Node" && wanted.create.length === 1) this.nodes.add(record.key)
      return Effect.as(this.reject([record], batch, error.message), NOTHING)
    }
    const [first, second] = halves(wanted)
    return Effect.zipWith(
      this.attempt(first, batch),
      Effect.suspend(() => this.attempt(second, batch)),
      (a, b) => ({
        created: a.created + b.created,
        overwritten: a.overwritten + b.overwritten
      })
    )
  }

  private reject(records: ReadonlyArray<GraphRecord>, batch: SpoolBatch, why: string) {
    for (const record of records) this.rejected.add(batch.first + batch.records.indexOf(record))
    return this.journal.reject(
      "target",
      records.map((record) => rejectOf(record, why))
    )
  }
}
