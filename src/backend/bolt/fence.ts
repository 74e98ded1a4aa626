/**
 * The fence (see `backend/JournaledSession.ts`) over Bolt, and its marks.
 *
 * Two runs cannot both hold it, without any constraint: a run first commits its own fence and looks afterwards whether
 * there is another. Of two that come at the same moment, the later to commit sees the earlier; at worst both give way.
 *
 * A mark (`_MgRun {of, batch}`) is written together with a batch that holds relationships without a key, and taken away
 * together with them: relationships without a key can have equal twins that somebody else made, and only the mark tells
 * whether ours were written at all and are still to be taken back.
 */
import * as Effect from "effect/Effect"
import * as os from "node:os"
import { type MigrationError, Refused, WriteFailed } from "../../domain/Errors.ts"
import type { Fence } from "../JournaledSession.ts"
import type { Connection, Row, Transaction } from "./connection.ts"
import { FENCE_LABEL } from "./Dialect.ts"
import { type DriverFailure, writeFailed } from "./failures.ts"

const ALL = `MATCH (f:${FENCE_LABEL}) WHERE f.run IS NOT NULL RETURN f.run AS run, f.epoch AS epoch, f.owner AS owner, f.heartbeat AS heartbeat`
const MINE = `MATCH (f:${FENCE_LABEL} {run: $run})`

const now = () => new Date().toISOString()
const owner = () => `${os.hostname()}:${process.pid}`

/** Makes a `WriteFailed` of the driver's failure, in a phase. */
export const failWriting =
  (connection: Connection, phase: string) =>
  (failure: DriverFailure): Effect.Effect<never, WriteFailed> =>
    Effect.fail(writeFailed(connection.server, phase, failure))

const locked = ({ server }: Connection, holder: Row): Refused => {
  const run = String(holder.get("run"))
  return new Refused({
    reason: "locked",
    message:
      `${server.title} at ${server.location} is held by run ${run} of ${String(holder.get("owner"))}, which gave its last sign of life at ${String(holder.get("heartbeat"))}. ` +
      `Wait for it; if that run is dead, runs/${run} in the state folder knows what it wrote, and deleting the ${FENCE_LABEL} node frees the store.`
  })
}

const epochOf = (rows: ReadonlyArray<Row>): number | undefined => {
  const epoch = rows[0]?.get("epoch")
  return epoch === undefined ? undefined : Number(epoch)
}

/** Takes the fence for a run at epoch 1, or at the next epoch where this very run holds it already. */
export const raise = (connection: Connection, run: string): Effect.Effect<Fence, MigrationError> =>
  Effect.gen(function* () {
    const epoch = yield* connection.transact((transaction) =>
      Effect.gen(function* () {
        const stranger = (yield* transaction.run(ALL)).find((row) => row.get("run") !== run)
        if (stranger !== undefined) return yield* locked(connection, stranger)
        const again = yield* transaction.run(
          `${MINE} SET f.epoch = f.epoch + 1, f.owner = $owner, f.heartbeat = $now RETURN f.epoch AS epoch`,
          { run, owner: owner(), now: now() }
        )
        const held = epochOf(again)
        if (held !== undefined) return held
        yield* transaction.run(`CREATE (f:${FENCE_LABEL} {run: $run, epoch: 1, owner: $owner, heartbeat: $now})`, {
          run,
          owner: owner(),
          now: now()
        })
        return 1
      })
    )
    const stranger = (yield* connection.run(ALL)).find((row) => row.get("run") !== run)
    if (stranger === undefined) return { run, epoch }
    yield* connection.run(`${MINE} DELETE f`, { run })
    return yield* locked(connection, stranger)
  }).pipe(Effect.catchTag("DriverFailure", failWriting(connection, "preflight")))

/** Raises the epoch; puts the fence back where somebody has taken it away. Waits for a batch that is being written. */
export const raiseEpoch = (connection: Connection, fence: Fence): Effect.Effect<Fence, WriteFailed> =>
  connection
    .transact((transaction) =>
      Effect.gen(function* () {
        const raised = yield* transaction.run(
          `${MINE} SET f.epoch = f.epoch + 1, f.heartbeat = $now RETURN f.epoch AS epoch`,
          { run: fence.run, now: now() }
        )
        const epoch = epochOf(raised)
        if (epoch !== undefined) return { run: fence.run, epoch }
        const next = { run: fence.run, epoch: fence.epoch + 1 }
        yield* transaction.run(`CREATE (f:${FENCE_LABEL} {run: $run, epoch: $epoch, owner: $owner, heartbeat: $now})`, {
          run: next.run,
          epoch: BigInt(next.epoch),
          owner: owner(),
          now: now()
        })
        return next
      })
    )
    .pipe(Effect.catchTag("DriverFailure", failWriting(connection, "undo")))

/** Takes away the fence of a run, and its marks. */
export const drop = (connection: Connection, run: string): Effect.Effect<void, WriteFailed> =>
  connection
    .transact((transaction) =>
      transaction.run(`MATCH (f:${FENCE_LABEL}) WHERE f.run = $run OR f.of = $run DELETE f`, { run })
    )
    .pipe(Effect.asVoid, Effect.catchTag("DriverFailure", failWriting(connection, "publish")))

/**
 * First in every transaction that writes: takes the fence's lock, gives the sign of life, and fails where the fence is
 * not at this epoch.
 */
export const take = (
  connection: Connection,
  transaction: Transaction,
  fence: Fence,
  phase: string
): Effect.Effect<void, WriteFailed | DriverFailure> =>
  Effect.gen(function* () {
    // The epoch is read by a statement of its own: it then is what was committed before the lock was given.
    yield* transaction.run(`${MINE} SET f.heartbeat = $now`, { run: fence.run, now: now() })
    const epoch = epochOf(yield* transaction.run(`${MINE} RETURN f.epoch AS epoch`, { run: fence.run }))
    if (epoch === fence.epoch) return
    const { server } = connection
    return yield* new WriteFailed({
      backend: server.kind,
      location: server.location,
      phase,
      reason: "store-changed",
      message:
        `Run ${fence.run} does not hold ${server.title} at ${server.location} any more: ` +
        `${epoch === undefined ? "its fence is gone" : `its fence is at epoch ${epoch}, not ${fence.epoch}`}, so another process resumed or took back this run. Nothing of this batch was written.`
    })
  })

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
