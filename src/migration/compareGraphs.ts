/** The `verify` command's program: are two graphs the same, wherever they are? */
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { GraphBackend } from "../backend/GraphBackend.ts"
import { canonicalLine } from "../domain/Canonical.ts"
import { type MigrationError, SourceDataInvalid } from "../domain/Errors.ts"
import * as Fingerprint from "../domain/Fingerprint.ts"
import { compare, DifferenceList } from "./differences.ts"
import { type DocumentSource, documentOrigin, type Origin, storeOrigin } from "./origin.ts"
import { EXIT } from "./outcome.ts"
import { examineSource } from "./preflight.ts"
import type { RunReport, Stats } from "./report.ts"
import { makeRunId, type Meter, phase, Recorder } from "./Run.ts"
import * as Sketch from "./sketch.ts"
import { inSpan } from "./spans.ts"

/** How to compare. */
export interface CompareOptions {
  /** How many differences are named; all are counted. Default 100. */
  readonly limit?: number | undefined
  /** Gathers the report: see `WriteOptions`. */
  readonly recorder?: Recorder | undefined
}

/** One side of a comparison: an origin, and what the preflight knows of it. */
export interface Side {
  readonly origin: Origin
  /** A store's own counts, which the reading must agree with; undefined for a document. */
  readonly stats: Stats | undefined
}

/**
 * A store as a side: looked at first, so that its own counts are known. Fails with `SourceDataInvalid` (`dangling`)
 * where a relationship has an end that is not there.
 */
export const storeSide = (store: GraphBackend): Effect.Effect<Side, MigrationError> =>
  Effect.map(examineSource(store), (examined) => ({ origin: storeOrigin(store, examined), stats: examined.stats }))

/** A document as a side: its footer, or its own counts, say whether it was read in full. */
export const documentSide = (document: DocumentSource): Side => ({
  origin: documentOrigin(document),
  stats: undefined
})

const placeOf = ({ origin }: Side) => ({ kind: origin.backend, location: origin.location })

/**
 * Compares two graphs record by record, each read in full. The report's outcome is `equal` (exit 0) or `different`
 * (exit 8); its `source` is the first graph and its `target.after` the second. That they differ is no failure. Fails
 * with `SourceDataInvalid` (`counts-differ`) where a store was not read in full, with `DocumentInvalid` where a
 * document is damaged, and with `StoreUnavailable`. Changes nothing.
 *
 * @example
 * ```ts
 * const document = yield* openDocument("memories.json", "auto")
 * const { outcome } = yield* compareGraphs(yield* storeSide(store), documentSide(document))
 * ```
 */
export const compareGraphs = (
  a: Side,
  b: Side,
  options: CompareOptions = {}
): Effect.Effect<RunReport, MigrationError> =>
  Effect.gen(function* () {
    const recorder = options.recorder ?? new Recorder({ run: makeRunId(new Date()), command: "verify" })
    const total =
      a.origin.total === undefined || b.origin.total === undefined ? undefined : a.origin.total + b.origin.total
    const [left, right] = yield* phase(recorder, "verify", total, (meter) =>
      Effect.all([fingerprintOf(a, meter), fingerprintOf(b, meter)])
    )
    const equal = Fingerprint.equals(left, right)
    const differences = equal ? new DifferenceList() : yield* compare(lines(a.origin), b.origin.records, options.limit)
    if (!equal && differences.total === 0) {
      // The two readings of one of them disagree with each other: that is a difference too.
      differences.add({ kind: "changed", record: "node", key: "(one of them changes while it is read)" })
    }
    const seeds = differences.shown.flatMap(({ key, record }) => (record === "node" ? [key] : []))
    yield* Sketch.ofRecords(recorder, a.origin.records, { nodes: left.nodes.count, seeds })
    recorder.source = statsOf(a, left)
    recorder.after = statsOf(b, right)
    recorder.before = b.stats ?? recorder.after
    recorder.verification = {
      mode: "full",
      checked: left.nodes.count + left.relationships.count,
      differences: differences.shown,
      differencesTotal: differences.total,
      sourceFingerprint: left.text,
      targetFingerprint: right.text
    }
    return recorder.report(
      equal
        ? { outcome: "equal", exitCode: EXIT.done, error: null }
        : { outcome: "different", exitCode: EXIT.differences, error: null }
    )
  }).pipe(inSpan("verify", { source: placeOf(a), target: placeOf(b) }))

const fingerprintOf = (side: Side, meter: Meter): Effect.Effect<Fingerprint.Fingerprint, MigrationError> =>
  Effect.suspend(() => {
    const builder = new Fingerprint.Builder()
    return side.origin.records.pipe(
      Stream.chunks,
      Stream.runForEach((chunk) =>
        Effect.suspend(() => {
          for (const record of chunk) builder.addLine(record._tag, canonicalLine(record))
          meter.tick(Chunk.size(chunk))
          return Effect.yieldNow()
        })
      ),
      Effect.map(() => builder.finish()),
      Effect.tap((found) => checkCounts(side, found))
    )
  })

// Two graphs that were read in part can look equal. A store's own count says whether it was read in full; of a document
// its footer has said so.
const checkCounts = (
  { origin, stats }: Side,
  { nodes, relationships }: Fingerprint.Fingerprint
): Effect.Effect<void, SourceDataInvalid> =>
  stats === undefined || (stats.nodes === nodes.count && stats.relationships === relationships.count)
    ? Effect.void
    : new SourceDataInvalid({
        backend: origin.backend,
        location: origin.location,
        reason: "counts-differ",
        keys: { first: [], total: 0 },
        message: `${origin.location} counts ${stats.nodes} nodes and ${stats.relationships} relationships, but ${nodes.count} and ${relationships.count} were read: nothing can be said of it. If something writes to it, stop that and run again.`
      })

const lines = (origin: Origin) =>
  origin.records.pipe(
    Stream.chunks,
    Stream.map((chunk) => ({ lines: Chunk.toReadonlyArray(chunk).map(canonicalLine) }))
  )

const statsOf = (side: Side, fingerprint: Fingerprint.Fingerprint): Stats => ({
  backend: side.origin.backend,
  location: side.origin.location,
  version: "",
  labels: {},
  types: {},
  ...side.stats,
  nodes: fingerprint.nodes.count,
  relationships: fingerprint.relationships.count,
  fingerprint: fingerprint.text
})
