/** From an origin to a spool that is known to be whole: export, then validation. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { GraphBackend } from "../backend/GraphBackend.ts"
import * as Jsonl from "../document/jsonl.ts"
import { DocumentInvalid, type MigrationError, showKeys, SourceDataInvalid } from "../domain/Errors.ts"
import * as Fingerprint from "../domain/Fingerprint.ts"
import { GENERATOR } from "../version.ts"
import { Census } from "./census.ts"
import type { Origin } from "./origin.ts"
import { phase, type Recorder, type RunFolder } from "./Run.ts"
import * as Spool from "./spool.ts"

/**
 * Exports an origin into the run's spool and validates it: everything that can be known of the data is known before a
 * target is opened. `fit` is the target's, where there is one.
 */
export const spoolAndValidate = (
  recorder: Recorder,
  origin: Origin,
  folder: RunFolder,
  fit?: GraphBackend["fit"]
): Effect.Effect<Spool.Spool, MigrationError, Scope.Scope> =>
  Effect.gen(function* () {
    const census = yield* Effect.acquireRelease(
      Effect.sync(() => new Census({ fit, checkRelationshipKeys: origin.isDocument })),
      (open) => Effect.sync(() => open.close())
    )
    const spool = yield* phase(recorder, "export", origin.total, (meter) =>
      Spool.write({
        path: folder.spool,
        header: { created: new Date().toISOString(), generator: GENERATOR, backend: origin.backend },
        records: origin.records,
        census,
        meter
      })
    )
    yield* phase(recorder, "validate", undefined, () =>
      Effect.gen(function* () {
        yield* checkCensus(origin, spool)
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

const checkCensus = (origin: Origin, spool: Spool.Spool): Effect.Effect<void, MigrationError> => {
  const { dangling, duplicates } = spool.census
  const problem =
    duplicates.total > 0
      ? {
          keys: duplicates,
          reason: "duplicate" as const,
          text: `${duplicates.total} key(s) stand for more than one record`
        }
      : dangling.total > 0
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
