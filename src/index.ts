/**
 * memorygraph-migrate as a library: backends as Layers, programs as Effects with typed errors, documents as Streams.
 * Nothing here prints, exits, reads the environment or loads a driver that is not used.
 */

// Graphs: records, values, their canonical form and fingerprint, and the typed views of memories.
export * from "./domain/Graph.ts"
export * from "./domain/PropertyValue.ts"
export type { JsonObject, JsonValue } from "./domain/Json.ts"
export * as Canonical from "./domain/Canonical.ts"
export * as Fingerprint from "./domain/Fingerprint.ts"
export * as Memories from "./domain/Memory.ts"

// Errors, each by its tag, and the exit code that the command gives it.
export * from "./domain/Errors.ts"
export { exitCodeOf } from "./migration/outcome.ts"

// Stores.
export {
  type Capabilities,
  type Diagnosis,
  type Fact,
  GraphBackend,
  type Health,
  type IndexState,
  type Misfit,
  type Selection,
  type Statistics
} from "./backend/GraphBackend.ts"
export * from "./backend/layers.ts"
export * from "./backend/StoreConfig.ts"
export { connect, type Entry, type Make, type Registry, registry } from "./backend/registry.ts"

// For backends of one's own: see also `memorygraph-migrate/testing`.
export * as Journal from "./backend/Journal.ts"
export * as WriteSession from "./backend/WriteSession.ts"

// Documents.
export { openDocument, type OpenDocument, READ_FORMATS, type ReadFormat, type ReadOptions } from "./document/read.ts"
export {
  type CypherFlavour,
  DOCUMENT_FORMATS,
  type DocumentContent,
  type DocumentFormat,
  type Output,
  writeDocument,
  type WrittenDocument
} from "./document/write.ts"
export * as Jsonl from "./document/jsonl.ts"
export { JsonDocument } from "./document/json-format.ts"

// Programs.
export { clear, type ClearOptions } from "./migration/clear.ts"
export { importRecords, migrate, type Question, type WriteOptions } from "./migration/migrate.ts"
export { PlanBasis } from "./migration/planHash.ts"
export {
  makeDocument as makePlanDocument,
  PlanDocument,
  type PlanContent,
  readPlan,
  writePlan
} from "./migration/planFile.ts"
export type { ConflictPolicy } from "./migration/classify.ts"
export type { ErrorPolicy } from "./migration/rejecting.ts"
export { type ExportOptions, exportRecords, exportStore } from "./migration/exportStore.ts"
export type { CensusResult } from "./migration/census.ts"
export type { Spool } from "./migration/spool.ts"
export type { Since } from "./migration/since.ts"
export type { DocumentSource, Figures, Origin, Settled } from "./migration/origin.ts"
export { compareGraphs, type CompareOptions, documentSide, type Side, storeSide } from "./migration/compareGraphs.ts"
export { inspect, type Inspected } from "./migration/inspect.ts"
export { Inspection } from "./migration/inspection.ts"
export { type Candidate as HealthCandidate, healthOf, healthOfAll } from "./migration/health.ts"
export { resume, type ResumeOptions } from "./migration/resume.ts"
export { rollback, type RollbackOptions } from "./migration/rollback.ts"
export * as Runs from "./migration/runs.ts"
export { RunStatus, RunSummary } from "./migration/runSummary.ts"
export type { RunFolder } from "./migration/RunFolder.ts"
export { Manifest, StoreName } from "./migration/manifest.ts"
export { backUpFirst, type BackupOptions, createBackup, openBackup, verifyBackup } from "./migration/backup.ts"
export {
  type Backup,
  type Entry as BackupEntry,
  BackupManifest,
  backupsFolder,
  type DamagedBackup,
  find as findBackup,
  isDamaged,
  list as listBackups
} from "./migration/backupFiles.ts"
export { pruneBackups, type Pruned, type PruneOptions } from "./migration/pruneBackups.ts"
export { type DrillOptions, restoreDrill } from "./migration/restoreDrill.ts"

// What they say meanwhile, and at the end.
export {
  type Observed,
  type Phase,
  PHASES,
  Progress,
  type ProgressEvent,
  type ProgressOptions,
  type ProgressSink,
  withProgress
} from "./migration/Progress.ts"
export { makeRunId, type Meter, Recorder } from "./migration/Run.ts"
export type { Sketch, SketchNode, SketchRelationship } from "./migration/sketch.ts"
export { RunReport } from "./migration/report.ts"
export * as Report from "./migration/report.ts"
export { renderReport, REPORT_FORMATS, type ReportFormat } from "./report/render.ts"

export { VERSION } from "./version.ts"
