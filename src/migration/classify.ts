/**
 * What is to be done with each record of a batch, given what the target holds: created, the same already, kept as it
 * is there, or overwritten. Pure; the same decision serves the plan, the load and the verification.
 */
import type { Overwrite } from "../backend/WriteSession.ts"
import { canonicalLine } from "../domain/Canonical.ts"
import type { GraphRecord } from "../domain/Graph.ts"
import type { EarlierWork } from "./earlierWork.ts"
import type { KeyCounter } from "./KeyCounter.ts"

/**
 * What happens to a record that is there with another content: `skip` leaves the target's, `overwrite` takes the
 * source's, `fail` refuses the run (`conflicts`).
 */
export type ConflictPolicy = "skip" | "overwrite" | "fail"

/** A batch, decided. */
export interface Classified {
  readonly create: ReadonlyArray<GraphRecord>
  readonly same: ReadonlyArray<GraphRecord>
  /** Records that are there with another content, and what is there. */
  readonly conflicts: ReadonlyArray<Overwrite>
  /** Records that this very run had written before it was broken off; whether they are as they should be is verified. */
  readonly done: { readonly created: number; readonly overwritten: number }
}

const tagged = (record: GraphRecord): string => (record._tag === "Node" ? "n" : "r") + (record.key ?? "")

/** The stored counterparts of a batch, to be asked by key or by line. */
export class Counterparts {
  private readonly byKey = new Map<string, GraphRecord>()
  private readonly unkeyed = new Map<string, number>()

  constructor(existing: ReadonlyArray<GraphRecord>) {
    for (const record of existing) {
      if (record.key === null) {
        const line = canonicalLine(record)
        this.unkeyed.set(line, (this.unkeyed.get(line) ?? 0) + 1)
      } else {
        this.byKey.set(tagged(record), record)
      }
    }
  }

  /** The record with the same key; undefined for records without one. */
  keyed(record: GraphRecord): GraphRecord | undefined {
    return record.key === null ? undefined : this.byKey.get(tagged(record))
  }

  /** How many records without a key have this very line. */
  count(line: string): number {
    return this.unkeyed.get(line) ?? 0
  }
}

/**
 * Remembers, over all batches, how many equal records without a key were met and how many of them we created: they are
 * a multiset. `created` is undefined where nothing is written (a plan).
 */
export interface UnkeyedTally {
  readonly met: KeyCounter
  readonly created: KeyCounter | undefined
}

/**
 * Decides a batch. `existing` are the stored counterparts; the tally is carried from batch to batch. `earlier` is what
 * this run did before it was broken off, where it was.
 */
export const classify = (
  batch: ReadonlyArray<GraphRecord>,
  existing: ReadonlyArray<GraphRecord>,
  tally: UnkeyedTally,
  earlier?: EarlierWork
): Classified => {
  const create: Array<GraphRecord> = []
  const same: Array<GraphRecord> = []
  const conflicts: Array<Overwrite> = []
  const done = { created: 0, overwritten: 0 }
  const counterparts = new Counterparts(existing)
  // Earlier batches' creations are among `existing` and were not there before us; this batch's are not yet.
  const createdEarlier = new Map<string, number>()
  for (const record of batch) {
    if (record.key === null) {
      const line = canonicalLine(record)
      const met = tally.met.add(line)
      let createdBefore = createdEarlier.get(line)
      if (createdBefore === undefined) createdEarlier.set(line, (createdBefore = tally.created?.get(line) ?? 0))
      const standing = counterparts.count(line) - createdBefore
      if (met < standing - (earlier?.createdLines(line) ?? 0)) {
        same.push(record)
      } else if (met < standing) {
        done.created++
      } else {
        tally.created?.add(line)
        create.push(record)
      }
      continue
    }
    const stored = counterparts.keyed(record)
    if (earlier !== undefined && stored !== undefined) {
      const replaced = earlier.replaced(record._tag, record.key)
      // Somebody may have changed it since: it stays as it is, and the verification says so.
      if (replaced !== undefined && canonicalLine(stored) !== replaced.before) {
        done.overwritten++
        continue
      }
      if (replaced === undefined && earlier.created(record._tag, record.key)) {
        done.created++
        continue
      }
    }
    if (stored === undefined) create.push(record)
    else if (canonicalLine(stored) === canonicalLine(record)) same.push(record)
    else conflicts.push({ before: stored, after: record })
  }
  return { create, same, conflicts, done }
}
