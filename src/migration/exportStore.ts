/** Export: a store's whole graph into a document, checked against the store's own counts before it is published. */
import * as Effect from "effect/Effect"
import { LEASE } from "../backend/Fence.ts"
import type { GraphBackend } from "../backend/GraphBackend.ts"
import type { CypherFlavour } from "../document/cypher-flavours.ts"
import { type DocumentFormat, type Output, writeDocument } from "../document/write.ts"
import type { MigrationError } from "../domain/Errors.ts"
import { type DocumentSource, documentOrigin, type Origin, storeOrigin } from "./origin.ts"
import { checkSpace, examineSource } from "./preflight.ts"
import { emptyPlan, type RunReport } from "./report.ts"
import { makeRunId, phase, Recorder } from "./Run.ts"
import { openFolder } from "./RunFolder.ts"
import * as Sketch from "./sketch.ts"
import { spoolAndValidate } from "./validate.ts"
import { inSpan } from "./spans.ts"

/** How to export. */
export interface ExportOptions {
  readonly stateFolder: string
  readonly format: DocumentFormat
  /** The engine that a Cypher script is for; default `neo4j`. */
  readonly cypherFor?: CypherFlavour | undefined
  /** A path (`.gz` compresses), or where the bytes go instead. */
  readonly output: Output
  readonly recorder?: Recorder | undefined
}

/** Exports a store. The document appears whole under its name, or not at all. */
export const exportStore = (source: GraphBackend, options: ExportOptions): Effect.Effect<RunReport, MigrationError> =>
  Effect.suspend(() => {
    const recorder = recorderOf(options)
    return phase(recorder, "preflight", undefined, () => examineSource(source)).pipe(
      Effect.flatMap((from) => {
        recorder.source = from.stats
        return exportOrigin(storeOrigin(source, from), recorder, options)
      })
    )
  }).pipe(inSpan("export", { source }))

/**
 * Writes a stream of records as a document: nodes before the relationships between them, as every document and store
 * gives them. It is checked like a document that is imported (no key twice, both ends of each relationship), and
 * appears whole under its name, or not at all. `document.path` is what the report calls the stream.
 */
export const exportRecords = (
  document: DocumentSource,
  options: ExportOptions
): Effect.Effect<RunReport, MigrationError> =>
  Effect.suspend(() => exportOrigin(documentOrigin(document), recorderOf(options), options)).pipe(
    inSpan("export", { source: { kind: "document", location: document.path } })
  )

const recorderOf = ({ recorder }: ExportOptions): Recorder =>
  recorder ?? new Recorder({ run: makeRunId(new Date()), command: "export" })

const exportOrigin = (
  origin: Origin,
  recorder: Recorder,
  options: ExportOptions
): Effect.Effect<RunReport, MigrationError> =>
  Effect.scoped(
    Effect.gen(function* () {
      yield* checkSpace({
        stateFolder: options.stateFolder,
        records: origin.total ?? 0,
        sourceBytes: origin.bytes,
        target: undefined
      })
      const folder = yield* openFolder(options.stateFolder, recorder.run, LEASE)
      const spool = yield* spoolAndValidate(recorder, origin, folder, {})
      yield* Sketch.ofSpool(recorder, spool)
      const settled = yield* origin.settle(spool)
      recorder.source = settled.stats
      const { nodes, relationships } = spool.summary.fingerprint
      const read = nodes.count + relationships.count
      const warnings = yield* phase(recorder, "publish", read, () =>
        writeDocument({
          format: options.format,
          cypherFor: options.cypherFor,
          output: options.output,
          spool: spool.path,
          backend: origin.backend,
          exportedAt: new Date().toISOString()
        })
      )
      recorder.plan = {
        ...emptyPlan,
        new: read,
        native: read,
        unkeyed: spool.census.generatedKeys,
        warnings: [...settled.warnings, ...spool.census.warnings, ...warnings]
      }
      recorder.records = { ...recorder.records, read, written: read }
      return recorder.report({ outcome: "done", exitCode: 0, error: null })
    })
  )
