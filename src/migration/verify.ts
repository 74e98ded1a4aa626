/**
 * Verification: what was written is read back and compared, record by record. A fresh target is read as a whole and its
 * fingerprint set beside the spool's; in a store in use every record of ours is looked up.
 */
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { WriteSession } from "../backend/WriteSession.ts"
import { canonicalLine } from "../domain/Canonical.ts"
import { type Difference, type MigrationError, VerificationFailed } from "../domain/Errors.ts"
import * as Fingerprint from "../domain/Fingerprint.ts"
import { describe } from "../domain/Graph.ts"
import { Counterparts } from "./classify.ts"
import { compare, difference, DifferenceList } from "./differences.ts"
import { KeyCounter } from "./KeyCounter.ts"
import type { KeptRecords } from "./load.ts"
import type { Verification } from "./report.ts"
import type { Meter } from "./Run.ts"
import { batches, type Spool } from "./spool.ts"

interface Options {
  readonly spool: Spool
  readonly session: WriteSession
  readonly kept: KeptRecords
  readonly meter: Meter
}

/** Verifies a session before it is published; fails with `VerificationFailed` where anything differs. */
export const verify = (options: Options): Effect.Effect<Verification, MigrationError> =>
  (options.session.fresh ? verifyFresh(options) : verifyInUse(options)).pipe(
    Effect.flatMap((verification) => {
      if (verification.differencesTotal === 0) return Effect.succeed(verification)
      const { location, backend } = options.session
      const first = verification.differences[0]
      return new VerificationFailed({
        backend,
        location,
        differences: verification.differences,
        total: verification.differencesTotal,
        message: `What ${location} holds is not what was written: ${verification.differencesTotal} difference(s), first: ${first === undefined ? "counts" : describeDifference(first)}. Nothing of this run is kept there.`
      })
    })
  )

/** One difference as a sentence part. */
export const describeDifference = ({ actual, expected, key, kind, property, record }: Difference): string => {
  const what = `${record} ${key}`
  if (kind !== "changed") return `${what} is ${kind}`
  const where = property === undefined ? "" : ` in ${property}`
  return `${what} differs${where}${expected === undefined ? "" : ` (expected ${expected}, found ${actual ?? "nothing"})`}`
}

const verifyFresh = ({ meter, session, spool }: Options): Effect.Effect<Verification, MigrationError> =>
  Effect.gen(function* () {
    const found = new Fingerprint.Builder()
    let checked = 0
    yield* session.read.pipe(
      Stream.chunks,
      Stream.runForEach((chunk) =>
        Effect.suspend(() => {
          for (const record of chunk) found.addLine(record._tag, canonicalLine(record))
          checked += Chunk.size(chunk)
          meter.tick(Chunk.size(chunk))
          return Effect.yieldNow()
        })
      )
    )
    const target = found.finish()
    const source = spool.summary.fingerprint
    const equal = Fingerprint.equals(source, target)
    const differences = equal ? new DifferenceList() : yield* compare(batches(spool), session.read)
    if (!equal && differences.total === 0) {
      // The two readings of the target disagree with each other: that is a difference too.
      differences.add({ kind: "changed", record: "node", key: "(the target changes while it is read)" })
    }
    return {
      mode: "full" as const,
      checked,
      differences: differences.shown,
      differencesTotal: differences.total,
      sourceFingerprint: source.text,
      targetFingerprint: target.text
    }
  })

const verifyInUse = ({ kept, meter, session, spool }: Options): Effect.Effect<Verification, MigrationError> =>
  Effect.gen(function* () {
    const found = new Fingerprint.Builder()
    const differences = new DifferenceList()
    const met = new KeyCounter()
    let checked = 0
    yield* batches(spool).pipe(
      Stream.runForEach(({ lines, records }) =>
        session.lookup(records).pipe(
          Effect.map((existing) => {
            const counterparts = new Counterparts(existing)
            for (const [i, record] of records.entries()) {
              const line = lines[i] ?? canonicalLine(record)
              checked++
              if (record.key === null) {
                if (met.add(line) < counterparts.count(line)) found.addLine(record._tag, line)
                else differences.add({ kind: "missing", record: "relationship", key: describe(record) })
                continue
              }
              const stored = counterparts.keyed(record)
              if (stored === undefined) {
                differences.add(difference(record, undefined))
                continue
              }
              const storedLine = canonicalLine(stored)
              const hash = found.addLine(stored._tag, storedLine)
              const before = kept.get(record._tag, record.key)
              if (before === undefined ? storedLine !== line : !before.equals(hash)) {
                differences.add(difference(record, stored))
              }
            }
            meter.tick(records.length)
          }),
          Effect.zipLeft(Effect.yieldNow())
        )
      ),
      Effect.ensuring(Effect.sync(() => met.close()))
    )
    return {
      mode: "full" as const,
      checked,
      differences: differences.shown,
      differencesTotal: differences.total,
      sourceFingerprint: spool.summary.fingerprint.text,
      targetFingerprint: found.finish().text
    }
  })
