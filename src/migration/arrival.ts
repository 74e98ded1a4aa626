/**
 * Did it arrive? A session that others see nothing of before its publication was broken off while it published: either
 * all of it took effect or nothing, and the target says which.
 */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { GraphBackend } from "../backend/GraphBackend.ts"
import type { CreatedRecord, Journal } from "../backend/Journal.ts"
import type { MigrationError } from "../domain/Errors.ts"
import { recordHash } from "../domain/Fingerprint.ts"
import { type GraphRecord, node } from "../domain/Graph.ts"

/** `unknown` where the run wrote nothing but relationships without a key, which equal ones of others hide. */
export type Arrival = "arrived" | "absent" | "unknown"

const stub = ({ from, key, tag, to, type }: CreatedRecord): GraphRecord =>
  tag === "Node"
    ? node(key ?? "", [], {})
    : { _tag: "Relationship", key, from: from ?? "", type: type ?? "", to: to ?? "", properties: {} }

/**
 * Looks for what the run was to publish, by key, and for what it was to remove. Somebody may have changed some of it since, or have brought a few of
 * the same records in by other means: what the most of them say, counts.
 */
export const arrivalOf = (target: GraphBackend, journal: Journal): Effect.Effect<Arrival, MigrationError> =>
  journal.batches.pipe(
    Stream.runFoldEffect({ wanted: 0, found: 0 }, (soFar, { created, overwritten, removed }) =>
      Effect.gen(function* () {
        const keyed = created.filter(({ key }) => key !== null)
        const gone = removed.filter(({ key }) => key !== null)
        if (keyed.length + overwritten.length + gone.length === 0) return soFar
        const stored = yield* target.lookup([...keyed.map(stub), ...overwritten.map(({ before }) => before), ...gone])
        const hashes = new Set([
          ...keyed.map(({ hash }) => hash.toString("hex")),
          ...overwritten.map(({ after }) => recordHash(after))
        ])
        const found = stored.filter((record) => record.key !== null && hashes.has(recordHash(record)))
        const standing = new Set(stored.map(recordHash))
        const absent = gone.filter((record) => !standing.has(recordHash(record)))
        return {
          wanted: soFar.wanted + keyed.length + overwritten.length + gone.length,
          found: soFar.found + found.length + absent.length
        }
      })
    ),
    Effect.map(({ found, wanted }) => (wanted === 0 ? "unknown" : 2 * found >= wanted ? "arrived" : "absent"))
  )
