/** From an origin to a spool that is known to be whole: export, then validation. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { GraphBackend } from "../backend/GraphBackend.ts"
import * as Jsonl from "../document/jsonl.ts"
import { DocumentInvalid, type Keys, type MigrationError, showKeys, SourceDataInvalid } from "../domain/Errors.ts"
import * as Fingerprint from "../domain/Fingerprint.ts"
import { describe, node } from "../domain/Graph.ts"
import { GENERATOR } from "../version.ts"
import { Census, KeyList } from "./census.ts"
import type { Origin } from "./origin.ts"
import type { ErrorPolicy } from "./rejecting.ts"
import { phase, type Recorder } from "./Run.ts"
import type { RunFolder } from "./RunFolder.ts"
import { sift, takeAll } from "./sift.ts"
import * as Spool from "./spool.ts"

/** How to spool. */
export interface SpoolOptions {
  /** The target, where there is one: what it can hold decides what can go. */
  readonly target?: GraphBackend | undefined
  readonly onError?: ErrorPolicy | undefined
}

/**
 * Exports an origin into the run's spool and validates it: everything that can be known of the data is known before a
 * target is opened.
 */
export const spoolAndValidate = (
  recorder: Recorder,
  origin: Origin,
  folder: RunFolder,
  { onError, target }: SpoolOptions
): Effect.Effect<Spool.Spool, MigrationError, Scope.Scope> =>
  Effect.gen(function* () {
    const census = yield* makeCensus(origin, target)
    // A run that begins anew has left a part of it.
    yield* folder.dropSpool
    yield* folder.journal.dropRejects("source")
    const spool = yield* phase(recorder, "export", origin.total, (meter) =>
      Spool.write({
        path: folder.spool,
        header: {
          created: new Date().toISOString(),
          generator: GENERATOR,
          backend: origin.backend,
          since: origin.since?.text
        },
        records: origin.records,
        census,
        sift:
          onError === "reject"
            ? sift({ census, journal: folder.journal, fit: target?.fit, isThere: origin.isThere })
            : takeAll(census),
        meter
      })
    )
    yield* phase(recorder, "validate", undefined, () =>
      Effect.gen(function* () {
        yield* checkCensus(origin, spool)
        if (origin.isPartial && target !== undefined && spool.census.dangling.total > 0)
          yield* checkEnds(origin, spool, target)
        const onDisk = yield* Jsonl.check(spool.path)
        if (
          !Fingerprint.equals(onDisk.fingerprint, spool.summary.fingerprint) ||
          onDisk.digest !== spool.summary.digest
        ) {
          return yield* new DocumentInvalid({
            path: spool.path,
            reason: "digest",
            message: `The spool ${spool.path} is not what was written a moment ago. The target is untouched. Check that disk, then run again.`
          })
        }
      })
    )
    return spool
  })

/** A census of what comes from an origin and goes to a target; freed with the scope. */
export const makeCensus = (
  origin: Pick<Origin, "isDocument">,
  target: GraphBackend | undefined
): Effect.Effect<Census, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => new Census({ fit: target?.fit, checkRelationshipKeys: origin.isDocument })),
    (open) => Effect.sync(() => open.close())
  )

const danglingIn = (origin: Origin, keys: Keys, where: string) => {
  const message = `${origin.location}: ${keys.total} relationship(s) lead to nodes that are ${where}: ${showKeys(keys)}. Nothing was written. Bring those nodes in first, then run again.`
  const { backend, isDocument, location } = origin
  return isDocument
    ? new DocumentInvalid({
        path: location,
        reason: "dangling",
        ...(keys.first[0] !== undefined && { key: keys.first[0] }),
        message
      })
    : new SourceDataInvalid({ backend, location, reason: "dangling", keys, message })
}

// The rest of a graph that the target holds a part of: an end may be in either.
const checkEnds = (origin: Origin, spool: Spool.Spool, target: GraphBackend): Effect.Effect<void, MigrationError> =>
  Effect.scoped(
    Effect.gen(function* () {
      const here = yield* makeCensus({ isDocument: false }, undefined)
      const missing = new KeyList()
      yield* Spool.batches(spool).pipe(
        Stream.runForEach(({ records }) =>
          Effect.gen(function* () {
            const ends = new Set<string>()
            for (const record of records) {
              if (record._tag === "Node") here.add(record)
              else for (const key of [record.from, record.to]) if (!here.hasNode(key)) ends.add(key)
            }
            if (ends.size === 0) return
            const found = yield* target.lookup([...ends].map((key) => node(key, [], {})))
            const there = new Set(found.map(({ key }) => key))
            for (const record of records) {
              if (
                record._tag === "Relationship" &&
                [record.from, record.to].some((key) => ends.has(key) && !there.has(key))
              )
                missing.add(describe(record))
            }
          })
        )
      )
      if (missing.total > 0)
        return yield* danglingIn(origin, missing.toKeys(), `neither there nor in ${target.location}`)
    })
  )

const checkCensus = (origin: Origin, spool: Spool.Spool): Effect.Effect<void, MigrationError> => {
  const { dangling, duplicates } = spool.census
  const problem =
    duplicates.total > 0
      ? {
          keys: duplicates,
          reason: "duplicate" as const,
          text: `${duplicates.total} key(s) stand for more than one record`
        }
      : dangling.total > 0 && !origin.isPartial
        ? {
            keys: dangling,
            reason: "dangling" as const,
            text: `${dangling.total} relationship(s) lead to nodes that are not there`
          }
        : undefined
  if (problem === undefined) return Effect.void
  const message = `${origin.location}: ${problem.text}: ${showKeys(problem.keys)}. Nothing was written. Mend them at the source, then run again.`
  return origin.isDocument
    ? new DocumentInvalid({
        path: origin.location,
        reason: problem.reason === "dangling" ? "dangling" : "duplicate-record",
        ...(problem.keys.first[0] !== undefined && { key: problem.keys.first[0] }),
        message
      })
    : new SourceDataInvalid({
        backend: origin.backend,
        location: origin.location,
        reason: problem.reason === "dangling" ? "dangling" : "duplicate-key",
        keys: problem.keys,
        message
      })
}
