/** What is looked at before anything is read in full or written: reachable, writable, not the same store, enough space. */
import * as path from "node:path"
import * as Effect from "effect/Effect"
import type { GraphBackend, Health, Statistics } from "../backend/GraphBackend.ts"
import {
  type FileFailed,
  type MigrationError,
  Refused,
  SourceDataInvalid,
  showKeys,
  StoreUnavailable
} from "../domain/Errors.ts"
import type { ErrorPolicy } from "./rejecting.ts"
import type { Space, Stats } from "./report.ts"
import { freeSpace } from "./RunFolder.ts"

/** A store as the preflight found it. */
export interface Examined {
  readonly health: Health
  readonly statistics: Statistics
  readonly stats: Stats
}

/** The report's form of a store's counts. */
export const toStats = (
  store: GraphBackend,
  health: Health,
  statistics: Statistics,
  fingerprint: string | null = null
): Stats => ({
  backend: store.kind,
  location: store.location,
  version: health.version,
  nodes: statistics.nodes,
  relationships: statistics.relationships,
  labels: statistics.labels,
  types: statistics.types,
  fingerprint
})

/** Reaches a store and counts what it holds. */
export const examine = (store: GraphBackend): Effect.Effect<Examined, MigrationError> =>
  Effect.gen(function* () {
    const health = yield* store.health
    const statistics = yield* store.statistics
    return { health, statistics, stats: toStats(store, health, statistics) }
  })

/** Examines a source: its relationships must have both ends, unless those that have not are to be rejected. */
export const examineSource = (
  source: GraphBackend,
  onError: ErrorPolicy = "stop"
): Effect.Effect<Examined, MigrationError> =>
  Effect.gen(function* () {
    const examined = yield* examine(source)
    if (onError === "reject") return examined
    const dangling = yield* source.dangling
    if (dangling.total > 0) {
      return yield* new SourceDataInvalid({
        backend: source.kind,
        location: source.location,
        reason: "dangling",
        keys: { first: dangling.first, total: dangling.total },
        message: `${dangling.total} relationship(s) in ${source.location} lead to nodes that are not there: ${showKeys(dangling)}. Nothing was written. Mend or delete them at the source, or leave them behind with --on-error reject, then run again.`
      })
    }
    return examined
  })

/** Examines a target: it must be writable, and not the source. */
export const examineTarget = (
  target: GraphBackend,
  source: GraphBackend | undefined
): Effect.Effect<Examined, MigrationError> =>
  Effect.gen(function* () {
    if (source !== undefined && source.identity === target.identity) {
      return yield* new Refused({
        reason: "same-store",
        message: `Source and target are the same store: ${target.location}. Nothing was written. Name another target.`
      })
    }
    const examined = yield* examine(target)
    const { barred = "read-only", notes, writable } = examined.health
    if (!writable) {
      const why = notes[0] === undefined ? "" : `: ${notes[0].replace(/\.$/, "")}`
      const advice = barred === "not-found" ? "Make the folder" : "Check its permissions"
      return yield* new StoreUnavailable({
        backend: target.kind,
        location: target.location,
        reason: barred,
        message: `${target.location} cannot be written${why}. Nothing was written. ${advice}, or name another target.`
      })
    }
    return examined
  })

// A record that is not measured otherwise counts as this many bytes; spool and journal take about twice their data.
const BYTES_A_RECORD = 1024
const RESERVE = 32 * 1024 * 1024

/**
 * What spool, journal and the target's temporary copy may need, and what is free; refuses where they would not fit.
 */
export const checkSpace = (options: {
  readonly stateFolder: string
  readonly records: number
  readonly sourceBytes: number | undefined
  readonly target: Health | undefined
}): Effect.Effect<ReadonlyArray<Space>, Refused | FileFailed> =>
  Effect.gen(function* () {
    const data = options.sourceBytes ?? options.records * BYTES_A_RECORD
    const needs = [{ folder: options.stateFolder, needed: 2 * data + RESERVE }]
    if (options.target?.folder !== undefined) {
      needs.push({ folder: options.target.folder, needed: 2 * data + 2 * (options.target.bytes ?? 0) + RESERVE })
    }
    const found = yield* Effect.forEach(needs, ({ folder, needed }) =>
      Effect.map(freeSpace(folder), ({ device, free }) => ({ device, folder: path.resolve(folder), needed, free }))
    )
    for (const { device, folder, free } of found) {
      // Folders on one disk share what is free.
      const needed = found.filter((other) => other.device === device).reduce((sum, other) => sum + other.needed, 0)
      if (free < needed) {
        return yield* new Refused({
          reason: "no-space",
          message: `${folder} has ${megabytes(free)} MB free and this run may need ${megabytes(needed)} MB. Nothing was written. Free space there, or set MEMORYGRAPH_STATE_DIR to another disk.`
        })
      }
    }
    return found.map(({ folder, free, needed }) => ({ folder, needed, free }))
  })

const megabytes = (bytes: number): number => Math.ceil(bytes / 1e6)
