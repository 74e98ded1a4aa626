/**
 * The fence (see `backend/JournaledSession.ts`): the node `(:_MgRun {run, epoch, owner, heartbeat, marks})`. Every query
 * of the engine is atomic and they run one after the other, so that looking for a fence and making one is one step.
 *
 * `marks` says how far batches came that hold relationships without a key, which cannot be told from equal ones of
 * others: `NAME:WRITTEN` (the first so many of the batch) and, while they are taken back, `NAME:WRITTEN:REMOVED`.
 */
import * as Effect from "effect/Effect"
import { Refused, type MigrationError, WriteFailed } from "../../domain/Errors.ts"
import type { Fence } from "../JournaledSession.ts"
import { OWNER } from "../sqlite/ownedFiles.ts"
import { unavailable, writeFailed } from "./Connection.ts"
import { decode, type Graph, query, writeQuery } from "./graph.ts"
import { quoteText } from "./literals.ts"
import { integer, listItems, optionalText } from "./replies.ts"
import { FENCE_LABEL } from "./stored.ts"

const properties = (fence: Fence): string =>
  `{run: ${quoteText(fence.run)}, epoch: ${fence.epoch}, owner: ${quoteText(OWNER)}, heartbeat: timestamp(), marks: []}`

// Makes the fence if there is none at all.
const createAlone = (graph: Graph, fence: Fence) =>
  Effect.map(
    writeQuery(
      graph,
      `OPTIONAL MATCH (f:${FENCE_LABEL}) WITH count(f) AS held WHERE held = 0 CREATE (n:${FENCE_LABEL} ${properties(fence)}) RETURN n.epoch`
    ),
    (rows) => rows.length > 0
  )

const mine = (run: string): string => `MATCH (f:${FENCE_LABEL}) WHERE f.run = ${quoteText(run)}`

const locked = (graph: Graph) =>
  Effect.flatMap(query(graph, `MATCH (f:${FENCE_LABEL}) RETURN f.run, f.owner LIMIT 1`), (rows) =>
    Effect.flatMap(
      decode(graph, () => rows.map(([run, owner]) => [optionalText(run) ?? "?", optionalText(owner) ?? "?"] as const)),
      ([holder]) =>
        Effect.fail(
          new Refused({
            reason: "locked",
            message:
              `${graph.connection.location} is held by run ${holder?.[0] ?? "?"} (of process ${holder?.[1] ?? "?"}). Nothing was changed. ` +
              `Wait for it; if that run is dead, take it back with: memorygraph runs rollback ${holder?.[0] ?? "?"}`
          })
        )
    )
  )

/** Takes the fence for a run: at epoch 1, or as it stands where this very run holds it. */
export const raise = (graph: Graph, run: string): Effect.Effect<Fence, MigrationError> =>
  Effect.gen(function* () {
    const failed = unavailable(graph.connection)
    if (yield* Effect.mapError(createAlone(graph, { run, epoch: 1 }), failed)) return { run, epoch: 1 }
    const rows = yield* query(graph, `${mine(run)} RETURN f.epoch`)
    const epoch = yield* decode(graph, () => rows.map(([held]) => integer(held))[0])
    return epoch === undefined ? yield* locked(graph) : { run, epoch }
  })

/** Raises the epoch; puts the fence back where somebody has taken it away. No older write takes effect from then on. */
export const raiseEpoch = (graph: Graph, { epoch, run }: Fence): Effect.Effect<Fence, WriteFailed> =>
  Effect.gen(function* () {
    const rows = yield* writeQuery(graph, `${mine(run)} SET f.epoch = f.epoch + 1, f.heartbeat = timestamp() RETURN f.epoch`)
    const raised = rows.map(([held]) => integer(held))[0]
    if (raised !== undefined) return { run, epoch: raised }
    const next = { run, epoch: epoch + 1 }
    if (yield* createAlone(graph, next)) return next
    return yield* new WriteFailed({
      backend: graph.connection.backend,
      location: graph.connection.location,
      phase: "undo",
      reason: "locked",
      message: `Another run holds ${graph.connection.location} now: run ${run} could not be taken back. Its journal is kept.`
    })
  }).pipe(Effect.catchTag("CommandFailed", (failed) => Effect.fail(writeFailed(graph.connection, "undo")(failed))))

/** Takes the fence away; right also where it is gone. */
export const drop = (graph: Graph, run: string): Effect.Effect<void, WriteFailed> =>
  Effect.asVoid(Effect.mapError(writeQuery(graph, `${mine(run)} DELETE f`), writeFailed(graph.connection, "publish")))

/** How far a marked batch came, and how much of it has been taken back. */
export interface Mark {
  readonly written: number
  readonly removed: number
}

/** The mark of a batch; zeros where there is none: nothing of it was written. */
export const markOf = (graph: Graph, run: string, name: string) =>
  Effect.flatMap(query(graph, `${mine(run)} RETURN coalesce(f.marks, [])`), (rows) =>
    decode(graph, (): Mark => {
      const marks = listItems(rows[0]?.[0] ?? ["6", []]).map((mark) => (optionalText(mark) ?? "").split(":"))
      const ours = marks.filter(([batch]) => batch === name)
      const numbers = ([, written = "0", removed = "0"]: ReadonlyArray<string>) => [Number(written), Number(removed)] as const
      // Each part of the batch has added one.
      return ours.map(numbers).reduce<Mark>(
        (mark, [written, removed]) => ({ written: Math.max(mark.written, written), removed: Math.max(mark.removed, removed) }),
        { written: 0, removed: 0 }
      )
    })
  )
