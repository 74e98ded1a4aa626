/**
 * The fence (see `backend/Fence.ts`) over Bolt.
 *
 * Two runs cannot both hold it, without any constraint: where none stands, a run first commits its own and looks
 * afterwards whether there is another. Of two that come at the same moment, the later to commit sees the earlier; at
 * worst both give way. Where one stands, it is changed or replaced in one transaction that holds its lock, and decided
 * about anew under that lock: whoever comes second finds what the first has made of it.
 *
 * All times are the server's own, in milliseconds.
 */
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import { type MigrationError, Refused, WriteFailed } from "../../domain/Errors.ts"
import { type Claim, type Fence, type Holder, isOfClaim, LEASE, type RaisedFence, verdict } from "../Fence.ts"
import { PATIENCE } from "../WriteSession.ts"
import type { Connection, Row, Transaction } from "./connection.ts"
import { type Dialect, FENCE_LABEL } from "./Dialect.ts"
import { DriverFailure, writeFailed } from "./failures.ts"

/** Which server, and how to speak to it. */
export interface Place {
  readonly connection: Connection
  readonly dialect: Dialect
}

const MINE = `MATCH (f:${FENCE_LABEL} {run: $run})`
const MINE_NOW = `MATCH (f:${FENCE_LABEL} {run: $run, epoch: $epoch})`
const ALL = `MATCH (f:${FENCE_LABEL}) WHERE f.run IS NOT NULL`

/** Makes a `WriteFailed` of the driver's failure, in a phase. */
export const failWriting =
  (connection: Connection, phase: string) =>
  (failure: DriverFailure): Effect.Effect<never, WriteFailed> =>
    Effect.fail(writeFailed(connection.server, phase, failure))

// Fences of older versions name their host with the owner, have no lease, and a heartbeat of the client's own clock.
const holderOf = (row: Row): Holder => {
  const [owner, host, heartbeat, lease] = [row.get("owner"), row.get("host"), row.get("heartbeat"), row.get("lease")]
  const beat = typeof heartbeat === "string" ? Date.parse(heartbeat) : Number(heartbeat)
  return {
    run: String(row.get("run")),
    epoch: Number(row.get("epoch")),
    owner: String(owner),
    host: typeof host === "string" ? host : String(owner).replace(/:\d+$/, ""),
    lease: lease === null ? LEASE : Number(lease),
    age: Number(row.get("now")) - (Number.isNaN(beat) ? 0 : beat),
    dirty: row.get("dirty") !== false
  }
}

/** The fences that stand in the store: one at most, but for a moment. */
export const holders = (
  { dialect }: Pick<Place, "dialect">,
  { run }: Pick<Transaction, "run">
): Effect.Effect<ReadonlyArray<Holder>, DriverFailure> =>
  Effect.map(
    run(
      `${ALL} RETURN f.run AS run, f.epoch AS epoch, f.owner AS owner, f.host AS host, f.heartbeat AS heartbeat, ` +
        `f.lease AS lease, f.dirty AS dirty, ${dialect.now} AS now`
    ),
    (rows) => rows.map(holderOf)
  )

// A property is set to a value that does not depend on what it was: what was read before the lock was given may be old.
const lockMine = (dialect: Dialect) => `${MINE} SET f.heartbeat = ${dialect.now}`

const identify = ({ run, epoch }: Fence) => ({ run, epoch: BigInt(epoch) })

const parametersOf = (claim: Claim) => ({ ...claim, ...identify(claim), lease: BigInt(claim.lease) })

const create = ({ dialect }: Place, transaction: Transaction, claim: Claim, dirty: boolean) =>
  transaction.run(
    `CREATE (f:${FENCE_LABEL} {run: $run, epoch: $epoch, owner: $owner, host: $host, lease: $lease, ` +
      `heartbeat: ${dialect.now}, dirty: $dirty})`,
    { ...parametersOf(claim), dirty }
  )

const taken = ({ connection: { server } }: Place, run: string): Refused =>
  new Refused({
    reason: "locked",
    message: `Another process has taken over run ${run} in ${server.location}. Nothing was changed. "memorygraph runs" shows what became of it.`
  })

/** What is to be done about the fences that stand: the first reason to refuse, else those to replace and to take up. */
const decide = (place: Place, standing: ReadonlyArray<Holder>, claim: Claim) =>
  Effect.gen(function* () {
    const replace: Array<Holder> = []
    let takeUp = false
    for (const holder of standing) {
      const decided = verdict(place.connection.server.location, holder, claim)
      if (decided instanceof Refused) return yield* decided
      // A claim of this run that came later must not be thrown back by one that was slow.
      if (holder.run === claim.run && holder.epoch > claim.epoch) return yield* taken(place, claim.run)
      if (decided === "replace") replace.push(holder)
      else takeUp = true
    }
    return { replace, takeUp }
  })

/** Fails, having taken away what this claim has made, where another fence stands beside it. */
const giveWay = (place: Place, claim: Claim, epoch: number) =>
  Effect.gen(function* () {
    const standing = yield* holders(place, place.connection)
    const others = standing.filter((holder) => holder.run !== claim.run || holder.epoch !== epoch)
    if (others.length === 0) return
    yield* place.connection.run(`${MINE_NOW} DELETE f`, identify({ run: claim.run, epoch }))
    yield* decide(place, others, claim)
    // It stands there abandoned, so it did not come at the same moment.
    yield* taken(place, claim.run)
  })

/**
 * Tries again where the connection was lost: a fence of this very claim is then taken up. A fence that may stand there
 * without anybody knowing is waited for longer, so that nothing is left in the store.
 */
const trying = () => {
  let tries = 0
  let isUnanswered = false
  return {
    schedule: Schedule.intersect(Schedule.spaced("500 millis"), Schedule.upTo(Schedule.forever, PATIENCE)),
    while: (error: unknown) => {
      if (!(error instanceof DriverFailure) || !error.lost) return false
      isUnanswered ||= error.moment === "commit"
      return isUnanswered || tries++ < 2
    }
  }
}

/** The engine's `raiseFence` (see `JournaledEngine`). */
export const raise = (place: Place, claim: Claim): Effect.Effect<RaisedFence, MigrationError> =>
  Effect.suspend(() => {
    const { connection, dialect } = place
    let made = false
    let stood = false
    return Effect.gen(function* () {
      yield* connection.transact(
        (transaction) =>
          Effect.gen(function* () {
            // Whoever is refused is so without waiting for a batch that is being written.
            const seen = yield* holders(place, transaction)
            yield* decide(place, seen, claim)
            if (seen.length > 0) yield* transaction.run(`${ALL} ${dialect.lock("f")} RETURN count(f) AS total`)
            const { replace, takeUp } = yield* decide(place, yield* holders(place, transaction), claim)
            for (const holder of replace) yield* transaction.run(`${MINE_NOW} DELETE f`, identify(holder))
            stood = takeUp
            if (takeUp) {
              yield* transaction.run(
                `${MINE} SET f.epoch = $epoch, f.owner = $owner, f.host = $host, f.lease = $lease, f.heartbeat = ${dialect.now}`,
                parametersOf(claim)
              )
              return
            }
            made = made || replace.length === 0
            yield* create(place, transaction, claim, false)
          }),
        "patient"
      )
      if (made) yield* giveWay(place, claim, claim.epoch)
      // Taken up at a second try, it may be the one that the first has made.
      return { run: claim.run, epoch: claim.epoch, stood: stood && !made }
    }).pipe(Effect.retry(trying()), Effect.catchTag("DriverFailure", failWriting(connection, "preflight")))
  })

const lost = (place: Place, run: string, phase: string, holder: string): WriteFailed => {
  const { server } = place.connection
  return new WriteFailed({
    backend: server.kind,
    location: server.location,
    phase,
    reason: "locked",
    message: `Run ${run} does not hold ${server.title} at ${server.location} any more: ${holder}. "memorygraph runs" shows what became of it.`
  })
}

/**
 * The engine's `raiseEpoch` (see `JournaledEngine`). Waits for a batch that is being written, for longer than the
 * server lets one take.
 */
export const raiseEpoch = (place: Place, fence: Fence, claim: Claim): Effect.Effect<RaisedFence, WriteFailed> => {
  const { connection, dialect } = place
  return Effect.gen(function* () {
    let made = false
    const epoch = yield* connection.transact(
      (transaction) =>
        Effect.gen(function* () {
          yield* transaction.run(lockMine(dialect), { run: fence.run })
          const standing = yield* holders(place, transaction)
          const mine = standing.find(({ run }) => run === fence.run)
          if (mine === undefined) {
            const [stranger] = standing
            if (stranger !== undefined) yield* lost(place, fence.run, "undo", `run ${stranger.run} holds it`)
            made = true
            yield* create(place, transaction, { ...claim, epoch: fence.epoch + 1 }, true)
            return fence.epoch + 1
          }
          if (!isOfClaim(claim, mine.epoch)) yield* lost(place, fence.run, "undo", `another process has taken it over`)
          yield* transaction.run(`${MINE} SET f.epoch = $epoch`, identify({ run: fence.run, epoch: mine.epoch + 1 }))
          return mine.epoch + 1
        }),
      "patient"
    )
    if (made) {
      yield* Effect.catchTag(giveWay(place, claim, epoch), "Refused", (refused) =>
        Effect.fail(lost(place, fence.run, "undo", refused.message))
      )
    }
    return { run: fence.run, epoch, stood: !made }
  }).pipe(Effect.catchTag("DriverFailure", failWriting(connection, "undo")))
}

/** The engine's `dropFence` (see `JournaledEngine`). */
export const drop = (place: Place, fence: Fence): Effect.Effect<void, WriteFailed> => {
  const { connection, dialect } = place
  return connection
    .transact(
      (transaction) =>
        Effect.gen(function* () {
          yield* transaction.run(lockMine(dialect), { run: fence.run })
          const other = (yield* holders(place, transaction)).find(
            ({ run, epoch }) => run === fence.run && epoch !== fence.epoch
          )
          if (other !== undefined) {
            yield* lost(place, fence.run, "publish", `its fence is at epoch ${other.epoch}, not ${fence.epoch}`)
          }
          yield* transaction.run(`MATCH (f:${FENCE_LABEL}) WHERE f.run = $run OR f.of = $run DELETE f`, {
            run: fence.run
          })
        }),
      "patient"
    )
    .pipe(Effect.catchTag("DriverFailure", failWriting(connection, "publish")))
}

/**
 * First in every transaction that writes: takes the fence's lock, gives the sign of life, notes that something is
 * changed under it (unless `dirty` is false), and fails where the fence is not at this epoch.
 */
export const take = (
  { connection, dialect }: Place,
  transaction: Transaction,
  fence: Fence,
  phase: string,
  dirty = true
): Effect.Effect<void, WriteFailed | DriverFailure> =>
  Effect.gen(function* () {
    // What depends on the fence is read by a statement of its own: it then is what was committed before the lock was
    // given.
    yield* transaction.run(lockMine(dialect), { run: fence.run })
    const [row] = yield* transaction.run(
      `${MINE} SET f.heartbeat = ${dialect.now}, f.dirty = coalesce(f.dirty, true) OR $dirty RETURN f.epoch AS epoch`,
      { run: fence.run, dirty }
    )
    const epoch = row === undefined ? undefined : Number(row.get("epoch"))
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

/** The engine's `beat` (see `JournaledEngine`); the server ends one that takes longer than so many seconds. */
export const beat = (place: Place, fence: Fence, dirty: boolean, seconds?: number): Effect.Effect<void, WriteFailed> =>
  place.connection
    .transact((transaction) => take(place, transaction, fence, "import", dirty), seconds ?? "patient")
    .pipe(Effect.catchTag("DriverFailure", failWriting(place.connection, "import")))
