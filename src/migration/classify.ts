/**
 * What is to be done with each record of a batch, given what the target holds: created, the same already, kept as it
 * is there, or overwritten. Pure; the same decision serves the plan, the load and the verification.
 */
import type { Overwrite } from "../backend/WriteSession.ts"
import { canonicalLine } from "../domain/Canonical.ts"
import type { GraphRecord } from "../domain/Graph.ts"
import type { KeyCounter } from "./KeyCounter.ts"

/** What happens to a record that is there with another content. */
export type ConflictPolicy = "skip" | "overwrite" | "fail"

/** A batch, decided. */
export interface Classified {
  readonly create: ReadonlyArray<GraphRecord>
  readonly same: ReadonlyArray<GraphRecord>
  /** Records that are there with another content, and what is there. */
  readonly conflicts: ReadonlyArray<Overwrite>
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

/** Decides a batch. `existing` are the stored counterparts; the tally is carried from batch to batch. */
export const classify = (
  batch: ReadonlyArray<GraphRecord>,
  existing: ReadonlyArray<GraphRecord>,
  tally: UnkeyedTally
): Classified => {
  const create: Array<GraphRecord> = []
  const same: Array<GraphRecord> = []
  const conflicts: Array<Overwrite> = []
  const counterparts = new Counterparts(existing)
  // Earlier batches' creations are among `existing` and were not there before us; this batch's are not yet.
  const createdEarlier = new Map<string, number>()
  for (const record of batch) {
    if (record.key === null) {
      const line = canonicalLine(record)
      const met = tally.met.add(line)
      let earlier = createdEarlier.get(line)
      if (earlier === undefined) createdEarlier.set(line, (earlier = tally.created?.get(line) ?? 0))
      if (met < counterparts.count(line) - earlier) {
        same.push(record)
      } else {
        tally.created?.add(line)
        create.push(record)
      }
      continue
    }
    const stored = counterparts.keyed(record)
    if (stored === undefined) create.push(record)
    else if (canonicalLine(stored) === canonicalLine(record)) same.push(record)
    else conflicts.push({ before: stored, after: record })
  }
  return { create, same, conflicts }
}
