/** Where the records of a run come from: a store or a document, seen alike. */
import * as Effect from "effect/Effect"
import type * as Stream from "effect/Stream"
import type { Capabilities, GraphBackend } from "../backend/GraphBackend.ts"
import { type MigrationError, SourceDataInvalid } from "../domain/Errors.ts"
import type { GraphRecord } from "../domain/Graph.ts"
import { type Examined, toStats } from "./preflight.ts"
import type { Stats } from "./report.ts"
import type * as Spool from "./spool.ts"

/** A document to read: `records` fails where it is damaged, at its end at the latest. */
export interface DocumentSource {
  readonly path: string
  readonly records: Stream.Stream<GraphRecord, MigrationError>
}

/** Where the records of a run come from: a store, or a document. */
export interface Origin {
  readonly backend: string
  readonly location: string
  readonly total: number | undefined
  readonly bytes: number | undefined
  /** True for documents: then nothing is known of their keys and ends before they were read. */
  readonly isDocument: boolean
  /** What the store can do; undefined for documents. */
  readonly capabilities: Capabilities | undefined
  readonly records: Stream.Stream<GraphRecord, MigrationError>
  /** The source's stats once everything was read; compares with the source's own counts where it has any. */
  readonly settle: (spool: Spool.Spool) => Effect.Effect<Stats, MigrationError>
}

/** A store as an origin; `examined` is what the preflight found. */
export const storeOrigin = (source: GraphBackend, examined: Examined): Origin => ({
  backend: source.kind,
  location: source.location,
  total: examined.statistics.nodes + examined.statistics.relationships,
  bytes: examined.health.bytes,
  isDocument: false,
  capabilities: source.capabilities,
  records: source.read(),
  settle: (spool) =>
    Effect.gen(function* () {
      const { nodes, relationships } = spool.census
      const after = yield* source.statistics
      const agrees = (counts: { readonly nodes: number; readonly relationships: number }) =>
        counts.nodes === nodes && counts.relationships === relationships
      if (!agrees(after) && !agrees(examined.statistics)) {
        return yield* new SourceDataInvalid({
          backend: source.kind,
          location: source.location,
          reason: "counts-differ",
          keys: { first: [], total: 0 },
          message: `${source.location} counts ${after.nodes} nodes and ${after.relationships} relationships, but ${nodes} and ${relationships} were read. Nothing was written. If something writes to it, stop that and run again.`
        })
      }
      return toStats(source, examined.health, { ...spool.census }, spool.summary.fingerprint.text)
    })
})

/** A document as an origin. */
export const documentOrigin = (document: DocumentSource): Origin => ({
  backend: "document",
  location: document.path,
  total: undefined,
  bytes: undefined,
  isDocument: true,
  capabilities: undefined,
  records: document.records,
  settle: (spool) =>
    Effect.succeed({
      backend: "document",
      location: document.path,
      version: "",
      nodes: spool.census.nodes,
      relationships: spool.census.relationships,
      labels: spool.census.labels,
      types: spool.census.types,
      fingerprint: spool.summary.fingerprint.text
    })
})
