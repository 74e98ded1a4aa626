/**
 * Verification: what was written is read back and compared, record by record. A fresh target is read as a whole and its
 * fingerprint set beside the spool's; in a store in use every record of ours is looked up.
 */
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Stream from "effect/Stream"
import type { WriteSession } from "../backend/WriteSession.ts"
import { canonicalLine, parseLine } from "../domain/Canonical.ts"
import {
  type Difference,
  DocumentInvalid,
  type MigrationError,
  showKeys,
  type SourceDataInvalid,
  VerificationFailed
} from "../domain/Errors.ts"
import * as Fingerprint from "../domain/Fingerprint.ts"
import type { GraphRecord } from "../domain/Graph.ts"
import { Counterparts } from "./classify.ts"
import { changedUnkeyed, compare, difference, DifferenceList } from "./differences.ts"
import { KeyCounter } from "./KeyCounter.ts"
import type { Loaded } from "./load.ts"
import type { Verification } from "./report.ts"
import type { Meter } from "./Run.ts"
import { batches, type Spool } from "./spool.ts"

interface Options extends Pick<Loaded, "kept" | "unkeyed"> {
  readonly spool: Spool
  readonly session: WriteSession
  /** Numbers of the spool's records that the target refused, from 0: they must not be expected. */
  readonly rejected?: ReadonlySet<number> | undefined
  /** True where the target is to hold nothing but the spool. */
  readonly whole?: boolean | undefined
  readonly meter: Meter
}

/** Verifies a session before it is published; fails with `VerificationFailed` where anything differs. */
export const verify = (options: Options): Effect.Effect<Verification, MigrationError> =>
  (options.session.fresh || options.whole === true ? verifyFresh(options) : verifyInUse(options)).pipe(
    Effect.catchTag("SourceDataInvalid", (error) => unreadable(options, error)),
    Effect.flatMap((verification) => {
      const { differences, differencesTotal } = verification
      if (differencesTotal === 0) return Effect.succeed(verification)
      const [first] = differences
      const what = `${differencesTotal} difference(s), first: ${first === undefined ? "counts" : describeDifference(first)}`
      return failure(options.session, differences, differencesTotal, what)
    })
  )

const failure = (
  { backend, location }: WriteSession,
  differences: ReadonlyArray<Difference>,
  total: number,
  what: string
): VerificationFailed =>
  new VerificationFailed({
    backend,
    location,
    differences,
    total,
    message: `What ${location} holds is not what was written: ${what}. Nothing of this run is kept there.`
  })

const CHANGING: Difference = { kind: "changed", record: "node", key: "(the target changes while it is read)" }

// What we wrote and cannot read back is a difference of the target: the source's data are not to blame. Engines name
// such records, and not their kind.
const unreadable = (
  { session, spool }: Options,
  { cause, keys, message, reason }: SourceDataInvalid
): Effect.Effect<never, MigrationError> =>
  Effect.gen(function* () {
    if (reason !== "undecodable") return yield* failure(session, [CHANGING], 1, message)
    const named = new Set(keys.first)
    const nodes = new Set<string>()
    yield* Stream.runForEach(batches(spool), ({ records }) =>
      Effect.sync(() => {
        for (const { _tag, key } of records) if (_tag === "Node" && named.has(key)) nodes.add(key)
      })
    )
    const differences = keys.first.map((key): Difference => {
      const record = nodes.has(key) ? "node" : "relationship"
      return { kind: "changed", record, key, actual: "cannot be read" }
    })
    const why = cause instanceof Error ? `: ${cause.message}` : ""
    return yield* failure(session, differences, keys.total, `${showKeys(keys)} cannot be read back${why}`)
  })

/** One difference as a sentence part. */
export const describeDifference = ({ actual, expected, key, kind, property, record }: Difference): string => {
  const what = `${record} ${key}`
  if (kind !== "changed") return `${what} is ${kind}`
  const where = property === undefined ? "" : ` in ${property}`
  return `${what} differs${where}${expected === undefined ? "" : ` (expected ${expected}, found ${actual ?? "nothing"})`}`
}

// What must be there: all of the spool but for what the target refused.
const expectedFingerprint = ({ rejected, spool }: Options): Effect.Effect<Fingerprint.Fingerprint, MigrationError> =>
  rejected === undefined || rejected.size === 0
    ? Effect.succeed(spool.summary.fingerprint)
    : batches(spool, rejected).pipe(
        Stream.runFold(new Fingerprint.Builder(), (builder, { lines, tag }) => {
          for (const line of lines) builder.addLine(tag, line)
          return builder
        }),
        Effect.map((builder) => builder.finish())
      )

const verifyFresh = (options: Options): Effect.Effect<Verification, MigrationError> =>
  Effect.gen(function* () {
    const { meter, rejected, session, spool } = options
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
    const source = yield* expectedFingerprint(options)
    const equal = Fingerprint.equals(source, target)
    const differences = equal ? new DifferenceList() : yield* compare(batches(spool, rejected), session.read)
    if (!equal && differences.total === 0) {
      // The two readings of the target disagree with each other: that is a difference too.
      differences.add(CHANGING)
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

const verifyInUse = (options: Options): Effect.Effect<Verification, MigrationError> =>
  Effect.gen(function* () {
    const { kept, meter, rejected, session, spool, unkeyed } = options
    const spooled = new Fingerprint.Builder()
    const found = new Fingerprint.Builder()
    const differences = new DifferenceList()
    const met = new KeyCounter()
    let checked = 0
    yield* batches(spool, rejected).pipe(
      Stream.runForEach(({ lines, records }) =>
        session.lookup(records).pipe(
          Effect.map((existing) => {
            const counterparts = new Counterparts(existing)
            for (const doubled of doubledOf(records, existing)) differences.add(difference(undefined, doubled))
            for (const [i, record] of records.entries()) {
              const line = lines[i] ?? canonicalLine(record)
              const lineHash = spooled.addLine(record._tag, line)
              checked++
              if (record.key === null) {
                const before = met.add(line)
                const there = counterparts.count(line)
                if (before < there) found.addHash(record._tag, lineHash)
                else differences.add(difference(record, changedUnkeyed(record, lines, existing)))
                // Once a line. Where none of them is ours, more of them were there before.
                const expected = before === 0 ? (unkeyed(line) ?? there) : there
                for (let extra = there - expected; extra > 0; extra--) differences.add(difference(undefined, record))
                continue
              }
              const stored = counterparts.keyed(record)
              if (stored === undefined) {
                differences.add(difference(record, undefined))
                continue
              }
              const storedLine = canonicalLine(stored)
              found.addHash(stored._tag, storedLine === line ? lineHash : Fingerprint.lineHash(storedLine))
              const expected = kept.get(record._tag, record.key) ?? line
              if (storedLine !== expected) {
                differences.add(difference(expected === line ? record : parsed(expected), stored))
              }
            }
            meter.tick(records.length)
          }),
          Effect.zipLeft(Effect.yieldNow())
        )
      ),
      Effect.ensuring(Effect.sync(() => met.close()))
    )
    const source = yield* expectedFingerprint(options)
    // Everything was compared with the spool: it must be the one that was written, and all of it.
    if (!Fingerprint.equals(spooled.finish(), source)) {
      return yield* new DocumentInvalid({
        path: spool.path,
        reason: "fingerprint",
        message: `The spool ${spool.path} is no longer the graph that was exported: nothing could be verified by it. Nothing of this run is kept in ${session.location}. Check that disk, then run again.`
      })
    }
    return {
      mode: "full" as const,
      checked,
      differences: differences.shown,
      differencesTotal: differences.total,
      sourceFingerprint: source.text,
      targetFingerprint: found.finish().text
    }
  })

// A line that we made ourselves.
const parsed = (line: string): GraphRecord =>
  Either.getOrThrowWith(parseLine(line), (problem) => new Error(problem.message))

/** The second and further records under one key of the batch: a key stands for one record. */
const doubledOf = (
  batch: ReadonlyArray<GraphRecord>,
  existing: ReadonlyArray<GraphRecord>
): ReadonlyArray<GraphRecord> => {
  const seen = new Set<string>()
  const doubled = existing.filter(({ key }) => key !== null && seen.size === seen.add(key).size)
  if (doubled.length === 0) return doubled
  const ours = new Set(batch.map(({ key }) => key))
  return doubled.filter(({ key }) => ours.has(key))
}
