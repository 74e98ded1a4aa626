/**
 * Backups: a store's whole graph in a file that is read back before it counts as one, read again whenever somebody
 * asks, and brought into a store again by an ordinary run.
 */
import * as fs from "node:fs"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { GraphBackend } from "../backend/GraphBackend.ts"
import { MaxSize } from "../document/file.ts"
import * as Jsonl from "../document/jsonl.ts"
import { canonicalLine } from "../domain/Canonical.ts"
import {
  DocumentInvalid,
  type DocumentReason,
  type MigrationError,
  showKeys,
  SourceDataInvalid
} from "../domain/Errors.ts"
import * as Fingerprint from "../domain/Fingerprint.ts"
import { GENERATOR } from "../version.ts"
import * as Files from "./backupFiles.ts"
import { exportDuring } from "./exportStore.ts"
import type { StoreName } from "./manifest.ts"
import type { DocumentSource } from "./origin.ts"
import { EXIT } from "./outcome.ts"
import type { RunReport, Stats } from "./report.ts"
import { makeRunId, type Meter, phase, Recorder } from "./Run.ts"
import { refuseHalfWritten } from "./runs.ts"
import { makeCensus } from "./validate.ts"
import { inSpan } from "./spans.ts"

/** How to make a backup. */
export interface BackupOptions {
  /** Where the graph rests until the backup is written. */
  readonly stateFolder: string
  /** The folder of the backups; default `backups` in the state folder. */
  readonly folder?: string | undefined
  /** How the store was named, without secrets. */
  readonly store?: StoreName | undefined
  /** Gathers the report. Its `run`, which must be one of `makeRunId`, becomes the backup's id. */
  readonly recorder?: Recorder | undefined
  /** The run that makes the backup before it writes. */
  readonly during?: string | undefined
}

/**
 * Backs a store up: exported, checked against the store's own counts, written, and read back. The report's `backup`
 * names it. Where any of that fails there is no backup: with `SourceDataInvalid` for a graph with loose ends or other
 * counts than the store's, `Refused` (`unfinished-run`, `locked`) while another run's unpublished work is visible in
 * the store, `DocumentInvalid` where what was read back is not what was written, and as `exportStore`.
 *
 * @example
 * ```ts
 * const { backup } = yield* createBackup(store, { stateFolder: "state" })
 * const found = yield* findBackup(backupsFolder("state"), backup?.id ?? "")
 * yield* verifyBackup(found)
 * ```
 */
export const createBackup = (source: GraphBackend, options: BackupOptions): Effect.Effect<RunReport, MigrationError> =>
  Effect.scoped(
    Effect.gen(function* () {
      const { stateFolder } = options
      const folder = options.folder ?? Files.backupsFolder(stateFolder)
      const recorder = options.recorder ?? new Recorder({ run: makeRunId(new Date()), command: "backup create" })
      const id = recorder.run
      const created = new Date().toISOString()
      // What other runs have not published is in no backup: asked first, so that nothing is left of a refused one.
      yield* refuseHalfWritten(stateFolder, source, options.during ?? id)
      const draft = yield* Files.draft(folder, id)
      const { source: store } = yield* Effect.catchTag(
        exportDuring(source, { stateFolder, format: "jsonl", output: { path: draft.file }, recorder }, options.during),
        "SourceDataInvalid",
        (error) => Effect.fail(error.reason === "dangling" ? looseEnds(error) : error)
      )
      const { figures, found } = yield* phase(recorder, "verify", recorder.records.read, (meter) =>
        Effect.gen(function* () {
          const digest = yield* Files.digestOf(draft.file)
          return { figures: { bytes: fs.statSync(draft.file).size, digest }, found: yield* readBack(draft.file, meter) }
        })
      )
      if (store === null || found.fingerprint !== store.fingerprint) {
        return yield* new DocumentInvalid({
          path: draft.file,
          reason: "fingerprint",
          message: `What was written to ${folder} is not what ${source.location} holds (${found.fingerprint}, and not ${store?.fingerprint}). There is no backup. Check that disk, then try again.`
        })
      }
      yield* draft.publish({
        memorygraph: "backup",
        version: 1,
        id,
        created,
        generator: GENERATOR,
        store: {
          backend: source.kind,
          location: source.location,
          ...(options.store !== undefined && { store: options.store })
        },
        ...found,
        file: Files.fileFigures(figures.bytes, figures.digest)
      })
      recorder.backup = { id, folder: Files.homeOf(folder, id) }
      return recorder.report({ outcome: "done", exitCode: EXIT.done, error: null })
    })
  ).pipe(inSpan("backup.create", { source }))

// What may help a migration (to leave them behind) is no help to a backup.
const looseEnds = ({ backend, keys, location }: SourceDataInvalid): SourceDataInvalid =>
  new SourceDataInvalid({
    backend,
    location,
    reason: "dangling",
    keys,
    message: `No backup was made: ${keys.total} relationship(s) in ${location} lead to nodes that are not there: ${showKeys(keys)}. Nothing was written. Mend or delete them, then try again.`
  })

/**
 * For `WriteOptions.beforeWrite`: backs the target up; the run's report then names the backup, where both have the same
 * recorder. Where it fails so does the run, with the same error and before its first write.
 *
 * @example
 * ```ts
 * const recorder = new Recorder({ run: makeRunId(new Date()), command: "migrate" })
 * const beforeWrite = backUpFirst({ stateFolder: "state", recorder })
 * yield* migrate(source, target, { stateFolder: "state", recorder, beforeWrite })
 * ```
 */
export const backUpFirst =
  (options: BackupOptions & { readonly recorder: Recorder }) =>
  (target: GraphBackend): Effect.Effect<void, MigrationError> =>
    Effect.map(
      createBackup(target, { ...options, recorder: undefined, during: options.recorder.run }),
      ({ backup }) => {
        options.recorder.backup = backup
      }
    )

type Holds = Pick<Files.BackupManifest, "nodes" | "relationships" | "labels" | "types" | "fingerprint">

const recordsOf = (file: string): DocumentSource["records"] =>
  // Its size is known, and its bytes are held to their digest: there is nothing to guard against.
  Stream.map(Jsonl.read(file, { strict: true }), ({ record }) => record).pipe(
    Stream.provideService(MaxSize, Number.POSITIVE_INFINITY)
  )

/** Reads the file to its end: header, footer, digest, order, both ends of every relationship, and what it holds. */
const readBack = (file: string, meter: Meter): Effect.Effect<Holds, MigrationError> =>
  Effect.scoped(
    Effect.gen(function* () {
      const census = yield* makeCensus({ isDocument: true }, undefined)
      const fingerprint = new Fingerprint.Builder()
      yield* recordsOf(file).pipe(
        Stream.chunks,
        Stream.runForEach((chunk) =>
          Effect.suspend(() => {
            for (const record of chunk) {
              census.add(record)
              fingerprint.addLine(record._tag, canonicalLine(record))
            }
            meter.tick(Chunk.size(chunk))
            return Effect.yieldNow()
          })
        )
      )
      const { dangling, duplicates, labels, nodes, relationships, types } = census.finish()
      if (dangling.total + duplicates.total > 0) {
        return yield* new DocumentInvalid({
          path: file,
          reason: dangling.total > 0 ? "dangling" : "duplicate-record",
          message: `${file}: ${dangling.total} relationship(s) lead to nodes that are not in it, and ${duplicates.total} key(s) stand for more than one record.`
        })
      }
      return {
        nodes,
        relationships,
        labels: Files.tally(labels),
        types: Files.tally(types),
        fingerprint: fingerprint.finish().text
      }
    })
  )

/**
 * The records of a backup whose file still has the digest that the manifest says: `DocumentInvalid` (`digest`)
 * otherwise.
 *
 * @example
 * ```ts
 * yield* importRecords(yield* openBackup(backup), target, { stateFolder: "state", replace: true })
 * ```
 */
export const openBackup = (backup: Files.Backup): Effect.Effect<DocumentSource, MigrationError> =>
  Effect.as(checkDigest(backup), { path: backup.file, records: recordsOf(backup.file) })

const damaged = ({ folder, id }: Files.Backup, reason: DocumentReason, why: string) =>
  Files.damage(folder, { id, reason, why })

const checkDigest = (backup: Files.Backup): Effect.Effect<void, MigrationError> =>
  Effect.flatMap(Files.digestDamage(backup), (found) =>
    found === undefined ? Effect.void : Files.damage(backup.folder, found)
  )

const same = (a: Files.Tally, b: Files.Tally): boolean => JSON.stringify(a) === JSON.stringify(b)

/** Fails where the file does not hold exactly what the manifest says. */
const checkHolds = (backup: Files.Backup, found: Holds): Effect.Effect<void, DocumentInvalid> => {
  const { manifest } = backup
  if (
    manifest.nodes !== found.nodes ||
    manifest.relationships !== found.relationships ||
    !same(manifest.labels, found.labels) ||
    !same(manifest.types, found.types)
  ) {
    return damaged(
      backup,
      "counts",
      `its file holds ${found.nodes} nodes and ${found.relationships} relationships, and its manifest says ${manifest.nodes} and ${manifest.relationships}, or other labels or types`
    )
  }
  return manifest.fingerprint === found.fingerprint
    ? Effect.void
    : damaged(
        backup,
        "fingerprint",
        `its records make ${found.fingerprint}, and its manifest says ${manifest.fingerprint}`
      )
}

const statsOf = (backend: string, location: string, { labels, types, ...holds }: Holds): Stats => ({
  backend,
  location,
  version: "",
  nodes: holds.nodes,
  relationships: holds.relationships,
  labels: Object.fromEntries(labels),
  types: Object.fromEntries(types),
  fingerprint: holds.fingerprint
})

/**
 * Reads a backup to its end and holds it to its manifest: the digest of the file, the footer, the counts and the
 * fingerprint. The report's outcome is `equal`. Fails with `DocumentInvalid` (exit 4) where it is damaged, and with
 * `FileFailed` where it cannot be read.
 */
export const verifyBackup = (
  backup: Files.Backup,
  options: { readonly recorder?: Recorder | undefined } = {}
): Effect.Effect<RunReport, MigrationError> =>
  Effect.gen(function* () {
    const recorder = options.recorder ?? new Recorder({ run: makeRunId(new Date()), command: "backup verify" })
    const { manifest } = backup
    const source = statsOf(manifest.store.backend, manifest.store.location, manifest)
    recorder.backup = { id: backup.id, folder: backup.folder }
    recorder.source = source
    const found = yield* phase(recorder, "verify", source.nodes + source.relationships, (meter) =>
      Effect.gen(function* () {
        yield* checkDigest(backup)
        const read = yield* readBack(backup.file, meter)
        yield* checkHolds(backup, read)
        return read
      })
    )
    recorder.before = statsOf("document", backup.file, found)
    recorder.after = recorder.before
    recorder.verification = {
      mode: "full",
      checked: found.nodes + found.relationships,
      differences: [],
      differencesTotal: 0,
      sourceFingerprint: source.fingerprint,
      targetFingerprint: found.fingerprint
    }
    return recorder.report({ outcome: "equal", exitCode: EXIT.done, error: null })
  }).pipe(inSpan("backup.verify", {}))
