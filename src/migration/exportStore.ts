/** Export: a store's whole graph into a document, checked against the store's own counts before it is published. */
import * as Effect from "effect/Effect"
import { LEASE } from "../backend/Fence.ts"
import type { GraphBackend } from "../backend/GraphBackend.ts"
import type { CypherFlavour } from "../document/cypher-flavours.ts"
import { type DocumentFormat, mayWriteDocument, type Output, writeDocument } from "../document/write.ts"
import { type MigrationError, UsageError } from "../domain/Errors.ts"
import { type DocumentSource, documentOrigin, type Origin, storeOrigin } from "./origin.ts"
import { checkSpace, examineSource } from "./preflight.ts"
import { emptyPlan, type RunReport } from "./report.ts"
import { makeRunId, phase, Recorder } from "./Run.ts"
import { openFolder } from "./RunFolder.ts"
import { refuseHalfWritten } from "./runs.ts"
import { selectSince, sinceWarnings } from "./selectSince.ts"
import { parseSince, type Since } from "./since.ts"
import * as Sketch from "./sketch.ts"
import { spoolAndValidate } from "./validate.ts"
import { inSpan } from "./spans.ts"

/** How to export. */
export interface ExportOptions {
  /** Where the graph rests until the document is written; nothing stays there. */
  readonly stateFolder: string
  /** Nothing is told from the name of the output. */
  readonly format: DocumentFormat
  /** The engine that a Cypher script is for; default `neo4j`. */
  readonly cypherFor?: CypherFlavour | undefined
  /** Only what is new or changed since this time: see `WriteOptions`. For the formats that can say it, JSON and JSONL. */
  readonly since?: string | undefined
  /** A path (`.gz` compresses), or where the bytes go instead. */
  readonly output: Output
  /** Gathers the report: see `WriteOptions`. */
  readonly recorder?: Recorder | undefined
}

/**
 * Exports a store. The document appears whole under its name, or not at all. Fails with `SourceDataInvalid` where the
 * graph has loose ends, cannot be decoded exactly, or is not what the store counts; with `StoreUnavailable`; with
 * `FileFailed` where the document or the state folder cannot be written, or the output is the file of a store; with
 * `Refused` (`no-space`, or `unfinished-run` and `locked` where a run's unpublished work is in the store); and with
 * `UsageError` where the format cannot say `since`.
 *
 * @example
 * ```ts
 * yield* exportStore(store, { stateFolder: "state", format: "jsonl", output: { path: "graph.jsonl.gz" } })
 * ```
 */
export const exportStore = (source: GraphBackend, options: ExportOptions): Effect.Effect<RunReport, MigrationError> =>
  exportDuring(source, options, undefined)

/** Fails with what would end an export at once, having read nothing; `during` as {@link exportDuring} has it. */
export const mayExport = (
  source: GraphBackend,
  options: Pick<ExportOptions, "stateFolder" | "format" | "since" | "output">,
  during: string
): Effect.Effect<void, MigrationError> =>
  refuseHalfWritten(options.stateFolder, source, during).pipe(
    Effect.zipRight(mayWriteDocument(options.format, options.output)),
    Effect.zipRight(sinceOf(options)),
    Effect.asVoid
  )

/** As {@link exportStore}, for a run that has work of its own in the source. */
export const exportDuring = (
  source: GraphBackend,
  options: ExportOptions,
  during: string | undefined
): Effect.Effect<RunReport, MigrationError> =>
  Effect.suspend(() => {
    const recorder = recorderOf(options)
    return phase(recorder, "preflight", undefined, () =>
      Effect.zipRight(mayExport(source, options, during ?? recorder.run), examineSource(source))
    ).pipe(
      Effect.flatMap((from) => {
        recorder.source = from.stats
        return exportOrigin(storeOrigin(source, from), recorder, options)
      })
    )
  }).pipe(inSpan("export", { source }))

/**
 * Writes a stream of records as a document: nodes before the relationships between them, as every document and store
 * gives them. It is checked like a document that is imported (no key twice, both ends of each relationship), and
 * appears whole under its name, or not at all. `document.path` is what the report calls the stream. Fails with whatever
 * the stream fails with, with `DocumentInvalid` where it is no whole graph, and as {@link exportStore}.
 *
 * @example
 * ```ts
 * const { path, records } = yield* openDocument("memories.json", "auto")
 * const redacted = Stream.map(records, withoutContent)
 * yield* exportRecords({ path, records: redacted }, { stateFolder: "state", format: "json", output: { path: "out.json" } })
 * ```
 */
export const exportRecords = (
  document: DocumentSource,
  options: ExportOptions
): Effect.Effect<RunReport, MigrationError> =>
  Effect.suspend(() =>
    Effect.zipRight(
      mayWriteDocument(options.format, options.output),
      exportOrigin(documentOrigin(document), recorderOf(options), options)
    )
  ).pipe(inSpan("export", { source: { kind: "document", location: document.path } }))

const recorderOf = ({ recorder }: ExportOptions): Recorder =>
  recorder ?? new Recorder({ run: makeRunId(new Date()), command: "export" })

/** The formats whose documents can say that they are a part. */
const SAYS_SINCE: ReadonlySet<DocumentFormat> = new Set(["json", "jsonl"])

const sinceOf = ({
  format,
  since
}: Pick<ExportOptions, "format" | "since">): Effect.Effect<Since | undefined, UsageError> => {
  if (since === undefined) return Effect.succeed(undefined)
  return SAYS_SINCE.has(format)
    ? parseSince(since)
    : new UsageError({
        message: `A ${format} document cannot say that it holds no more than what is new or changed since a time. Export with --since as json or jsonl.`
      })
}

const exportOrigin = (
  whole: Origin,
  recorder: Recorder,
  options: ExportOptions
): Effect.Effect<RunReport, MigrationError> =>
  Effect.scoped(
    Effect.gen(function* () {
      const since = yield* sinceOf(options)
      yield* checkSpace({
        stateFolder: options.stateFolder,
        records: whole.total ?? 0,
        sourceBytes: whole.bytes,
        target: undefined
      })
      const narrowed = since && (yield* selectSince(whole, since, undefined))
      const origin = narrowed?.origin ?? whole
      const folder = yield* openFolder(options.stateFolder, recorder.run, LEASE)
      const spool = yield* spoolAndValidate(recorder, origin, folder, {})
      yield* Sketch.ofSpool(recorder, spool)
      const settled = yield* origin.settle(spool)
      recorder.source = settled.stats
      const { nodes, relationships } = spool.summary.fingerprint
      const read = nodes.count + relationships.count
      const document = yield* phase(recorder, "publish", read, () =>
        writeDocument({
          format: options.format,
          cypherFor: options.cypherFor,
          output: options.output,
          spool: spool.path,
          backend: origin.backend,
          exportedAt: new Date().toISOString(),
          since: since?.text
        })
      )
      const selection = narrowed && (yield* narrowed.selection)
      recorder.plan = {
        ...emptyPlan,
        since: selection ?? null,
        new: read,
        native: read,
        unkeyed: spool.census.generatedKeys,
        warnings: [
          ...settled.warnings,
          ...(selection === undefined ? [] : sinceWarnings(origin.location, selection)),
          ...spool.census.warnings,
          ...document.warnings
        ]
      }
      recorder.records = { ...recorder.records, read, written: read - document.leftOut }
      return recorder.report({ outcome: "done", exitCode: 0, error: null })
    })
  )
