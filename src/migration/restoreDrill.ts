/** A restore drill: a backup is brought into a scratch store by an ordinary run, and read from there again. */
import * as path from "node:path"
import * as Effect from "effect/Effect"
import { connect } from "../backend/registry.ts"
import { type MigrationError, Refused, showKeys } from "../domain/Errors.ts"
import { openBackup, verifyBackup } from "./backup.ts"
import { type Backup, backupsFolder, privateFolder } from "./backupFiles.ts"
import { compareGraphs } from "./compareGraphs.ts"
import { importRecords } from "./migrate.ts"
import { documentOrigin, storeOrigin } from "./origin.ts"
import { EXIT } from "./outcome.ts"
import { examineSource } from "./preflight.ts"
import { Progress } from "./Progress.ts"
import type { RunReport } from "./report.ts"
import { makeRunId, Recorder } from "./Run.ts"
import { inSpan } from "./spans.ts"

/** How to drill. */
export interface DrillOptions {
  /** The scratch store is made here, in a private folder that is removed afterwards. */
  readonly stateFolder: string
  /** Gathers the report: see `WriteOptions`. */
  readonly recorder?: Recorder | undefined
}

/**
 * Verifies a backup, restores it into an SQLite store of its own with full verification, and compares that store with
 * the backup record by record: `equal` (exit 0) or `different` (exit 8). Fails with `Refused` (exit 9) where SQLite
 * cannot hold a record: the drill then proves nothing, and says so. Fails with `DocumentInvalid` (exit 4) where the
 * backup is damaged. No store but the scratch one is touched.
 *
 * @example
 * ```ts
 * const { outcome } = yield* restoreDrill(backup, { stateFolder: "state" })
 * ```
 */
export const restoreDrill = (backup: Backup, options: DrillOptions): Effect.Effect<RunReport, MigrationError> =>
  Effect.scoped(
    Effect.gen(function* () {
      const recorder = options.recorder ?? new Recorder({ run: makeRunId(new Date()), command: "backup verify" })
      yield* verifyBackup(backup, { recorder })
      const scratch = yield* privateFolder(backupsFolder(options.stateFolder), `drill-${backup.id}`)
      const store = connect({ kind: "sqlite", path: path.join(scratch, "restored.db") })
      const document = yield* openBackup(backup)
      const restoring = new Recorder({ run: makeRunId(new Date()), command: "import" })
      const different = yield* Effect.scoped(
        Effect.flatMap(store, (target) =>
          importRecords(document, target, { stateFolder: path.join(scratch, "state"), recorder: restoring })
        )
      ).pipe(
        Effect.as(false),
        Effect.catchTag("VerificationFailed", () => Effect.succeed(true)),
        Effect.mapError((error) => (error instanceof Refused && error.reason === "impossible" ? beyond(error) : error)),
        Effect.ensuring(Effect.sync(() => recorder.addPhasesOf(restoring))),
        withoutPlan
      )
      if (different) {
        recorder.verification = restoring.verification
        return recorder.report({ outcome: "different", exitCode: EXIT.differences, error: null })
      }
      const restored = yield* store
      const examined = yield* examineSource(restored)
      return yield* compareGraphs(
        { origin: documentOrigin(document), stats: undefined },
        { origin: storeOrigin(restored, examined), stats: examined.stats },
        { recorder }
      )
    })
  ).pipe(inSpan("backup.drill", {}))

const beyond = ({ keys = { first: [], total: 0 } }: Refused): Refused =>
  new Refused({
    reason: "impossible",
    keys,
    message: `The backup is undamaged, but this drill restores into SQLite, which cannot hold ${keys.total} of its records without change: ${showKeys(keys)}. So it proves nothing. Restore the backup into an empty store of the engine that it was made of instead: "memorygraph backup restore".`
  })

// The end of a plan says to whoever watches that a target is written; nobody's target is.
const withoutPlan = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.flatMap(Progress, (sink) =>
    Effect.provideService(effect, Progress, {
      emit: (event) => {
        if (event.phase !== "plan") sink.emit(event)
      }
    })
  )
