/** Where the records of a run come from: a store or a document, seen alike. */
import * as Effect from "effect/Effect"
import type * as Stream from "effect/Stream"
import type { Capabilities, GraphBackend, Statistics } from "../backend/GraphBackend.ts"
import { type MigrationError, SourceDataInvalid } from "../domain/Errors.ts"
import type { GraphRecord } from "../domain/Graph.ts"
import * as Plan from "./plan.ts"
import { type Examined, toStats } from "./preflight.ts"
import type { Stats } from "./report.ts"
import type { Since } from "./since.ts"
import type * as Spool from "./spool.ts"

/** A document to read: `records` fails where it is damaged, at its end at the latest. */
export interface DocumentSource {
  /** What reports and messages call it; nothing is read from there. */
  readonly path: string
  /** All nodes before all relationships. May be read more than once. */
  readonly records: Stream.Stream<GraphRecord, MigrationError>
  /** True for a document of rejects, whose relationships may lead to nodes that the target holds. */
  readonly isPartial?: boolean | undefined
  /** The time of a document that holds what was new or changed since then, and the ends which that needs. */
  readonly since?: string | undefined
  /** How many records it says that it holds, where that is known: for progress and estimates. */
  readonly total?: number | undefined
  /** What the document lacks or leaves open, one sentence each; asked once its records have ended. */
  readonly losses?: Effect.Effect<ReadonlyArray<string>> | undefined
}

/** What is known of an origin once everything was read. */
export interface Settled {
  readonly stats: Stats
  /** What a person should know: that something wrote to it meanwhile. */
  readonly warnings: ReadonlyArray<string>
}

/** Counts of records. */
export interface Figures {
  readonly nodes: number
  readonly relationships: number
}

/** Where the records of a run come from: a store, or a document. */
export interface Origin {
  /** The kind of store; `document` for a document. */
  readonly backend: string
  /** Where it is, for people; never holds a secret. */
  readonly location: string
  /** Equal for the same store or document: the port's `identity`, or the document's path. */
  readonly identity: string
  /** How many records there are, where that is known: for progress and estimates. */
  readonly total: number | undefined
  /** About how many bytes the data takes on disk, where that can be told: for the check of free space. */
  readonly bytes: number | undefined
  /** True for documents: then nothing is known of their keys and ends before they were read. */
  readonly isDocument: boolean
  /** True for documents that hold the rest of a graph: see {@link DocumentSource}. */
  readonly isPartial: boolean
  /** Whether a node that did not come along is known to be in the target; see `selectSince.ts`. */
  readonly isThere?: ((key: string) => boolean) | undefined
  /** The time of a document that is a part: see {@link DocumentSource}. */
  readonly partSince?: string | undefined
  /** What the records are narrowed to; undefined for all of them. */
  readonly since?: Since | undefined
  /** What the store can do; undefined for documents. */
  readonly capabilities: Capabilities | undefined
  readonly records: Stream.Stream<GraphRecord, MigrationError>
  /**
   * The source's stats once everything was read; compares with the source's own counts where it has any. `read` is what
   * was read, where not all of it is in the spool.
   */
  readonly settle: (spool: Spool.Spool, read?: Figures) => Effect.Effect<Settled, MigrationError>
}

/** A store as an origin; `examined` is what the preflight found. */
export const storeOrigin = (source: GraphBackend, examined: Examined): Origin => ({
  backend: source.kind,
  location: source.location,
  identity: source.identity,
  total: examined.statistics.nodes + examined.statistics.relationships,
  bytes: examined.health.bytes,
  isDocument: false,
  isPartial: false,
  capabilities: source.capabilities,
  records: source.read(),
  settle: (spool, read) =>
    Effect.gen(function* () {
      const { nodes, relationships } = read ?? countsOf(spool)
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
      const whole = read === undefined && relationships + nodes === Plan.sizeOf(spool)
      return {
        stats: toStats(
          source,
          examined.health,
          read === undefined ? { ...spool.census, nodes, relationships } : after,
          whole ? spool.summary.fingerprint.text : null
        ),
        warnings: changes(source, examined.statistics, after)
      }
    })
})

// Counts and the newest change, before and after: what changes and changes back between them cannot be seen.
const changes = (source: GraphBackend, before: Statistics, after: Statistics): ReadonlyArray<string> => {
  const { newest, nodes, relationships } = before
  if (newest === after.newest && nodes === after.nodes && relationships === after.relationships) return []
  const what =
    nodes === after.nodes && relationships === after.relationships
      ? `its newest change is of ${after.newest ?? "nothing"} now, and was of ${newest ?? "nothing"}`
      : `it held ${nodes} nodes and ${relationships} relationships before and ${after.nodes} and ${after.relationships} afterwards`
  return [
    `something wrote to ${source.location} while it was read: ${what}. ${
      source.capabilities.snapshot
        ? "What was read is its state at the beginning"
        : "What was read is partly older and partly newer"
    }: run again to bring the rest`
  ]
}

const countsOf = ({ rejected, summary: { fingerprint } }: Spool.Spool) => ({
  nodes: fingerprint.nodes.count + rejected.nodes,
  relationships: fingerprint.relationships.count + rejected.relationships
})

/** A document as an origin. */
export const documentOrigin = (document: DocumentSource): Origin => ({
  backend: "document",
  location: document.path,
  identity: document.path,
  total: document.total,
  bytes: undefined,
  isDocument: true,
  isPartial: document.isPartial ?? false,
  partSince: document.since,
  capabilities: undefined,
  records: document.records,
  settle: (spool, read) =>
    Effect.map(document.losses ?? Effect.succeed([]), (warnings) => ({
      stats: {
        backend: "document",
        location: document.path,
        version: "",
        ...(read ?? countsOf(spool)),
        labels: spool.census.labels,
        types: spool.census.types,
        fingerprint:
          read !== undefined || spool.rejected.nodes + spool.rejected.relationships > 0
            ? null
            : spool.summary.fingerprint.text
      },
      warnings
    }))
})
