/**
 * Did it arrive? A session that others see nothing of before its publication was broken off while it published: either
 * all of it took effect or nothing, and the target says which.
 */
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { GraphBackend } from "../backend/GraphBackend.ts"
import type { CreatedRecord, Journal } from "../backend/Journal.ts"
import { canonicalLine } from "../domain/Canonical.ts"
import type { MigrationError } from "../domain/Errors.ts"
import { lineHash } from "../domain/Fingerprint.ts"
import { type GraphRecord, node, relationship } from "../domain/Graph.ts"

const stub = ({ from, key, tag, to, type }: CreatedRecord): GraphRecord =>
  tag === "Node" ? node(key ?? "", [], {}) : relationship(key, from ?? "", type ?? "", to ?? "", {})

/** True where the target holds a record as this run was to publish it; false also where it was to publish nothing. */
export const hasArrived = (target: GraphBackend, journal: Journal): Effect.Effect<boolean, MigrationError> =>
  journal.batches.pipe(
    Stream.mapEffect(({ created, overwritten }) =>
      Effect.gen(function* () {
        const keyed = created.filter(({ key }) => key !== null)
        const some = keyed.length > 0 ? keyed : created
        const stored = yield* target.lookup([...some.map(stub), ...overwritten.map(({ before }) => before)])
        const lines = stored.map(canonicalLine)
        const replaced = new Set(overwritten.map(({ after }) => canonicalLine(after)))
        if (lines.some((line) => replaced.has(line))) return true
        const wanted = new Set(some.map(({ hash }) => hash.toString("hex")))
        const found = lines.filter((line) => wanted.has(lineHash(line).toString("hex")))
        // Equal ones without a key may have been there before: then all of ours must be there beside them.
        return keyed.length > 0 ? found.length > 0 : some.length > 0 && found.length >= some.length
      })
    ),
    Stream.filter((arrived) => arrived),
    Stream.take(1),
    Stream.runCollect,
    Effect.map((found) => !Chunk.isEmpty(found))
  )
