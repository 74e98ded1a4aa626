/**
 * Marks of batches that create or remove relationships without a key: `_MgRun {of, batch}`. A mark is written together with its
 * batch and taken away together with it: relationships without a key can have equal twins that somebody else made, and
 * only the mark tells whether ours were written at all and are still to be taken back. All of a run's marks go with its
 * fence; a later session of the run, which takes back what was published, puts each there again, once.
 */
import * as Effect from "effect/Effect"
import * as crypto from "node:crypto"
import { canonicalLine } from "../../domain/Canonical.ts"
import type { WriteFailed } from "../../domain/Errors.ts"
import { lineHash } from "../../domain/Fingerprint.ts"
import type { GraphRecord } from "../../domain/Graph.ts"
import type { Fence } from "../Fence.ts"
import type { CreatedRecord } from "../Journal.ts"
import type { Transaction } from "./connection.ts"
import { FENCE_LABEL } from "./Dialect.ts"
import type { DriverFailure } from "./failures.ts"
import * as fence from "./fence.ts"

/** A batch's name: the digest of what it creates, in order. The journal holds the same hashes. */
export const batchName = (hashes: Iterable<Buffer>): string => {
  const digest = crypto.createHash("sha256")
  for (const hash of hashes) digest.update(hash)
  return digest.digest("hex").slice(0, 32)
}

/** The name of what a batch removes of relationships without a key; another than that of a batch which creates them. */
export const removalName = (records: ReadonlyArray<GraphRecord>): string =>
  `-${batchName(records.map((record) => lineHash(canonicalLine(record))))}`

/** Marks a batch as written. */
export const mark = (transaction: Transaction, run: string, batch: string): Effect.Effect<unknown, DriverFailure> =>
  transaction.run(`CREATE (m:${FENCE_LABEL} {of: $run, batch: $batch})`, { run, batch })

/** Takes the mark of a batch away; false where there is none. */
export const unmark = (transaction: Transaction, run: string, batch: string): Effect.Effect<boolean, DriverFailure> =>
  Effect.map(
    transaction.run(
      `MATCH (m:${FENCE_LABEL} {of: $run, batch: $batch}) WITH m LIMIT 1 DELETE m RETURN count(*) AS total`,
      { run, batch }
    ),
    (rows) => Number(rows[0]?.get("total") ?? 0) > 0
  )

/** The engine's `assumeWritten` (see `JournaledEngine`). */
export const assumeWritten = (
  place: fence.Place,
  batch: number,
  records: ReadonlyArray<CreatedRecord>,
  held: Fence
): Effect.Effect<void, WriteFailed> => assume(place, batch, batchName(records.map(({ hash }) => hash)), held)

/** The engine's `assumeRemoved`: as {@link assumeWritten}, under the negative number, which no batch has. */
export const assumeRemoved = (
  place: fence.Place,
  batch: number,
  records: ReadonlyArray<GraphRecord>,
  held: Fence
): Effect.Effect<void, WriteFailed> => assume(place, -batch, removalName(records), held)

// A node `_MgRun {of, assumed}` notes that it was done.
const assume = (place: fence.Place, number: number, name: string, held: Fence): Effect.Effect<void, WriteFailed> =>
  place.connection
    .transact(
      (transaction) =>
        Effect.gen(function* () {
          yield* fence.take(place, transaction, held, "undo")
          const parameters = { run: held.run, assumed: BigInt(number) }
          const noted = yield* transaction.run(
            `MATCH (m:${FENCE_LABEL} {of: $run, assumed: $assumed}) RETURN count(m) AS total`,
            parameters
          )
          if (Number(noted[0]?.get("total") ?? 0) > 0) return
          yield* transaction.run(`CREATE (m:${FENCE_LABEL} {of: $run, assumed: $assumed})`, parameters)
          yield* mark(transaction, held.run, name)
        }),
      "patient"
    )
    .pipe(Effect.catchTag("DriverFailure", fence.failWriting(place.connection, "undo")))
