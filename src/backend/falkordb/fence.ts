/**
 * The fence (see `backend/Fence.ts`): the node `(:_MgRun {run, epoch, owner, host, heartbeat, lease, dirty, steps, marks,
 * assumed})`. Every query of the engine is atomic and they run one after the other, so that looking for a fence and making
 * one is one step.
 *
 * `steps` counts the queries that took effect under the fence. A server that was restarted may have lost the latest of
 * what it had answered for, fence included, but never something in between: the count, compared by every write, tells.
 * A fence of an older form has no host, lease or dirty: it counts as dirty, with the usual lease.
 */
import * as Effect from "effect/Effect"
import {
  type MigrationError,
  type ReadError,
  Refused,
  type StoreUnavailable,
  WriteFailed,
  type WriteReason
} from "../../domain/Errors.ts"
import { type Claim, EPOCHS_A_CLAIM, type Fence, type Holder, isOfClaim, LEASE, verdict } from "../Fence.ts"
import { type CommandFailed, unavailable, writeFailed } from "./Connection.ts"
import { decode, exists, type Graph, query, writeQuery } from "./graph.ts"
import { quoteText } from "./literals.ts"
import { integer, optionalText } from "./replies.ts"
import { FENCE_LABEL } from "./stored.ts"

/** How many steps under the fence the server has answered for: it must count as many, or more. */
export interface Steps {
  answered: number
}

/** A fence that a session holds. */
export interface Hold {
  readonly fence: Fence
  readonly steps: Steps
}

/** A fence that was raised: with what the server counts under it. */
export interface Raised {
  readonly fence: Fence
  readonly steps: number
  /** `made` where there was none, `replaced` one that gave way, `taken-up` that of the same run, `raised` the own one. */
  readonly how: "made" | "replaced" | "taken-up" | "raised"
}

const nodeOf = (run: string): string => `MATCH (f:${FENCE_LABEL}) WHERE f.run = ${quoteText(run)}`

const standing = ({ epoch, run }: Fence): string => `${nodeOf(run)} AND f.epoch = ${epoch}`

const held = ({ fence, steps }: Hold): string => `${standing(fence)} AND coalesce(f.steps, 0) >= ${steps.answered}`

/**
 * Cypher that binds `f` to the fence at this epoch, counts a step (`f.steps`), and gives a sign of life. `marks` is what
 * the fence's marks become in the same step (see marks.ts), whatever the rest of the query finds to work on.
 */
export const guard = (hold: Hold, marks?: string): string =>
  `${held(hold)} SET f.heartbeat = timestamp(), f.dirty = true, f.steps = coalesce(f.steps, 0) + 1` +
  `${marks === undefined ? "" : `, f.marks = ${marks}`} WITH f`

const failed = (graph: Graph, reason: WriteReason, phase: string, message: string): WriteFailed => {
  const { backend, location } = graph.connection
  return new WriteFailed({ backend, location, phase, reason, message })
}

// Asked again where the answer was lost: everything here may be done twice.
const send = (graph: Graph, cypher: string) =>
  Effect.retry(writeQuery(graph, cypher), { times: 2, while: (problem: CommandFailed) => !problem.answered })

const owned = ({ host, lease, owner }: Claim): string =>
  `owner: ${quoteText(owner)}, host: ${quoteText(host)}, lease: ${lease}, heartbeat: timestamp()`

// Makes the fence if there is none at all.
const createAlone = (graph: Graph, claim: Claim, epoch: number, dirty: boolean) =>
  Effect.map(
    send(
      graph,
      `OPTIONAL MATCH (f:${FENCE_LABEL}) WITH count(f) AS held WHERE held = 0 CREATE (n:${FENCE_LABEL} ` +
        `{run: ${quoteText(claim.run)}, epoch: ${epoch}, ${owned(claim)}, dirty: ${dirty}, steps: 0, marks: [], assumed: []}) RETURN n.epoch`
    ),
    (rows) => rows.length > 0
  )

interface Standing extends Holder {
  readonly heartbeat: number
}

const holder = (graph: Graph): Effect.Effect<Standing | undefined, ReadError> =>
  Effect.flatMap(
    query(
      graph,
      `MATCH (f:${FENCE_LABEL}) RETURN f.run, f.epoch, f.owner, f.host, coalesce(f.lease, ${LEASE}), coalesce(f.heartbeat, 0), ` +
        "timestamp() - coalesce(f.heartbeat, 0), CASE WHEN coalesce(f.dirty, true) THEN 1 ELSE 0 END LIMIT 1"
    ),
    (rows) =>
      decode(graph, () => {
        const [row] = rows
        if (row === undefined) return undefined
        const [run, epoch, owner, host, lease, heartbeat, age, dirty] = row
        return {
          run: optionalText(run) ?? "?",
          epoch: integer(epoch),
          owner: optionalText(owner) ?? "?",
          host: optionalText(host) ?? "another machine",
          lease: integer(lease),
          heartbeat: integer(heartbeat),
          age: integer(age),
          dirty: integer(dirty) === 1
        }
      })
  )

const refused = (message: string): Refused => new Refused({ reason: "locked", message })

// How often a fence that changes hands under our eyes is looked at anew.
const LOOKS = 20

const raiseWithin = (graph: Graph, claim: Claim, looks: number): Effect.Effect<Raised, MigrationError> =>
  Effect.gen(function* () {
    const { location } = graph.connection
    const problem = unavailable(graph.connection)
    if (yield* Effect.mapError(createAlone(graph, claim, claim.epoch, false), problem)) {
      return { fence: { run: claim.run, epoch: claim.epoch }, steps: 0, how: "made" }
    }
    const found = yield* holder(graph)
    if (found !== undefined) {
      const decided = verdict(location, found, claim)
      if (typeof decided !== "string") return yield* decided
      if (decided === "take-up" && found.epoch >= claim.epoch + EPOCHS_A_CLAIM)
        return yield* refused(
          `Another process has taken run ${claim.run} on ${location} up since. Nothing was changed.`
        )
      // One whose answer was lost stands at an epoch of this claim already.
      const epoch = isOfClaim(claim, found.epoch) && decided === "take-up" ? found.epoch : claim.epoch
      // Whoever gives a sign of life meanwhile keeps it.
      const unchanged = `${standing(found)} AND coalesce(f.heartbeat, 0) = ${found.heartbeat}`
      const taking =
        `SET f.run = ${quoteText(claim.run)}, f.epoch = ${epoch}, f.owner = ${quoteText(claim.owner)}, f.host = ${quoteText(claim.host)}, ` +
        `f.lease = ${claim.lease}, f.heartbeat = timestamp(), ` +
        (decided === "replace"
          ? "f.dirty = false, f.steps = 0, f.marks = [], f.assumed = []"
          : "f.dirty = coalesce(f.dirty, true), f.steps = coalesce(f.steps, 0)")
      const rows = yield* Effect.mapError(send(graph, `${unchanged} ${taking} RETURN f.steps`), problem)
      const steps = yield* decode(graph, () => rows.map(([count]) => integer(count))[0])
      const how = decided === "replace" ? "replaced" : "taken-up"
      if (steps !== undefined) return { fence: { run: claim.run, epoch }, steps, how }
    }
    if (looks > 1) return yield* raiseWithin(graph, claim, looks - 1)
    return yield* refused(`${location} changes hands again and again. Nothing was changed. Run again.`)
  })

/** Takes the fence: the engine's `raiseFence`. */
export const raise = (graph: Graph, claim: Claim): Effect.Effect<Raised, MigrationError> =>
  raiseWithin(graph, claim, LOOKS)

/** The engine's `beat`. A graph that is gone is not made anew. */
export const beat = (graph: Graph, fence: Fence, dirty: boolean): Effect.Effect<void, WriteFailed | ReadError> =>
  Effect.gen(function* () {
    const beating = `${standing(fence)} SET f.heartbeat = timestamp()${dirty ? ", f.dirty = true" : ""} RETURN f.epoch`
    const rows = (yield* exists(graph))
      ? yield* Effect.mapError(writeQuery(graph, beating), writeFailed(graph.connection, "import"))
      : []
    if (rows.length > 0) return
    const message = `The mark of run ${fence.run} is gone from ${graph.connection.location}: another run has taken over or undone it.`
    return yield* failed(graph, "store-changed", "import", message)
  })

/**
 * The engine's `raiseEpoch`. In a graph that is gone altogether nothing is put back: nothing of a run can stand there,
 * and a query would make the graph anew. A server that was restarted may have gone back to an older epoch, which must
 * not be used again.
 */
export const raiseEpoch = (graph: Graph, fence: Fence, claim: Claim): Effect.Effect<Raised, WriteFailed | ReadError> =>
  Effect.gen(function* () {
    const { epoch, run } = fence
    const next: Raised = { fence: { run, epoch: epoch + 1 }, steps: 0, how: "made" }
    if (!(yield* exists(graph))) return next
    const ofClaim = `f.epoch >= ${claim.epoch} AND f.epoch < ${claim.epoch + EPOCHS_A_CLAIM}`
    const raising =
      `${nodeOf(run)} AND ${ofClaim} SET f.epoch = (CASE WHEN f.epoch > ${epoch} THEN f.epoch ELSE ${epoch} END) + 1, ` +
      "f.heartbeat = timestamp(), f.steps = coalesce(f.steps, 0) RETURN f.epoch, f.steps"
    // Raised twice is as good as once.
    const rows = yield* send(graph, raising)
    const [row] = rows
    if (row !== undefined) {
      const [now, steps] = yield* decode(graph, () => row.map(integer))
      const raised: Raised = { fence: { run, epoch: now ?? epoch + 1 }, steps: steps ?? 0, how: "raised" }
      return raised
    }
    if (yield* createAlone(graph, claim, epoch + 1, true)) return next
    const { location } = graph.connection
    return yield* failed(
      graph,
      "locked",
      "undo",
      `Somebody else has taken over ${location}: run ${run} writes nothing more there. Its journal is kept.`
    )
  }).pipe(Effect.catchTag("CommandFailed", (problem) => Effect.fail(writeFailed(graph.connection, "undo")(problem))))

/** Why a query under the fence found nothing to work on; undefined where the fence stands as it should. */
export const whyNotHeld = (
  graph: Graph,
  hold: Hold,
  phase: string
): Effect.Effect<WriteFailed | undefined, ReadError> =>
  Effect.gen(function* () {
    if ((yield* query(graph, `${held(hold)} RETURN 1`)).length > 0) return undefined
    if ((yield* query(graph, `${standing(hold.fence)} RETURN 1`)).length > 0) return forgotten(graph, phase)
    return gone(graph, phase)
  })

/** The failure of a run whose fence is not there. */
export const gone = (graph: Graph, phase: string): WriteFailed =>
  failed(
    graph,
    "locked",
    phase,
    `The mark of this run is gone from ${graph.connection.location}: another run has taken over or undone it, ` +
      "or the server was restarted and has forgotten it. Nothing more was written."
  )

/** The failure of a server that does not know any more what it has answered for. */
export const forgotten = (graph: Graph, phase: string): WriteFailed =>
  failed(
    graph,
    "conservation",
    phase,
    `${graph.connection.location} has lost some of what this run had written: the server was restarted without having saved it.`
  )

/**
 * Takes the fence away if it stands at this epoch and step: the engine's `dropFence`. Returns false where the run has
 * none.
 */
export const drop = (graph: Graph, hold: Hold): Effect.Effect<boolean, WriteFailed | ReadError> =>
  Effect.gen(function* () {
    if (!(yield* exists(graph))) return false
    const dropped = yield* writeQuery(graph, `${held(hold)} DELETE f RETURN 1`)
    if (dropped.length > 0) return true
    if ((yield* query(graph, `${nodeOf(hold.fence.run)} RETURN f.epoch`)).length === 0) return false
    const why = yield* whyNotHeld(graph, hold, "publish")
    // Seen just now by whoever has it.
    return why === undefined ? true : yield* why
  }).pipe(Effect.catchTag("CommandFailed", (problem) => Effect.fail(writeFailed(graph.connection, "publish")(problem))))

/** Takes away a fence at this epoch under which nothing was changed: one that was raised in vain. */
export const dropClean = (graph: Graph, fence: Fence): Effect.Effect<void, CommandFailed | StoreUnavailable> =>
  Effect.gen(function* () {
    if (yield* exists(graph)) yield* writeQuery(graph, `${standing(fence)} AND f.dirty = false DELETE f`)
  })
