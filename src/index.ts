/**
 * memorygraph-migrate as a library: backends as Layers, programs as Effects with typed errors, documents as Streams.
 * Nothing here prints, exits, reads the environment or loads a driver that is not used.
 */
export * as Canonical from "./domain/Canonical.ts"
export * from "./domain/Errors.ts"
export * as Fingerprint from "./domain/Fingerprint.ts"
export * from "./domain/Graph.ts"
export * from "./domain/PropertyValue.ts"
export {
  type Capabilities,
  GraphBackend,
  type Health,
  type Misfit,
  type Selection,
  type Statistics
} from "./backend/GraphBackend.ts"
export * as Journal from "./backend/Journal.ts"
export * as WriteSession from "./backend/WriteSession.ts"
export * from "./backend/StoreConfig.ts"
export { connect, registry } from "./backend/registry.ts"
export * as Jsonl from "./document/jsonl.ts"
export { openDocument, type OpenDocument, READ_FORMATS, type ReadFormat, type ReadOptions } from "./document/read.ts"
export { DOCUMENT_FORMATS, type DocumentFormat, writeDocument } from "./document/write.ts"
export { type DocumentSource } from "./migration/origin.ts"
export { backUpFirst, type BackupOptions, createBackup, openBackup, verifyBackup } from "./migration/backup.ts"
export {
  type Backup,
  BackupManifest,
  backupsFolder,
  find as findBackup,
  list as listBackups
} from "./migration/backupFiles.ts"
export { compareGraphs } from "./migration/compareGraphs.ts"
export { exportStore, type ExportOptions } from "./migration/exportStore.ts"
export { importRecords, migrate, type Question, type WriteOptions } from "./migration/migrate.ts"
export { Progress, type ProgressEvent, type ProgressSink } from "./migration/Progress.ts"
export { resume, type ResumeOptions } from "./migration/resume.ts"
export { rollback, type RollbackOptions } from "./migration/rollback.ts"
export * as Runs from "./migration/runs.ts"
export { pruneBackups, type PruneOptions } from "./migration/pruneBackups.ts"
export { RunReport } from "./migration/report.ts"
export { restoreDrill, type DrillOptions } from "./migration/restoreDrill.ts"
export { VERSION } from "./version.ts"
