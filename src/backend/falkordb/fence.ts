/**
 * The fence (see `backend/JournaledSession.ts`): the node `(:_MgRun {run, epoch, owner, heartbeat, marks})`. Every query
 * of the engine is atomic and they run one after the other, so that looking for a fence and making one is one step.
 *
 * `marks` says how far batches came that hold relationships without a key, which cannot be told from equal ones of
 * others: `NAME:WRITTEN` (the first so many of the batch; one entry a query) and, while they are taken back,
 * `NAME:WRITTEN:REMOVED`. Equal batches have the same name and are told apart by their order.
 */
import * as Effect from "effect/Effect"
import { type MigrationError, type ReadError, Refused, WriteFailed } from "../../domain/Errors.ts"
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
  Effect.gen(function* () {
    const rows = yield* query(graph, `MATCH (f:${FENCE_LABEL}) RETURN f.run, f.owner, f.heartbeat LIMIT 1`)
    const [run, owner, heartbeat] = yield* decode(graph, () => {
      const [name, process, time] = rows[0] ?? []
      return [optionalText(name), optionalText(process), time === undefined ? 0 : integer(time)] as const
    })
    return yield* new Refused({
      reason: "locked",
      message:
        `${graph.connection.location} is held by run ${run ?? "?"} of process ${owner ?? "?"}, which gave its last sign of life at ` +
        `${new Date(heartbeat).toISOString()}. Nothing was changed. Wait for it; if that run is dead, ` +
        `runs/${run ?? "?"} in the state folder knows what it wrote, and deleting the ${FENCE_LABEL} node frees the store.`
    })
  })

/** Takes the fence for a run: at epoch 1, or at the next epoch where this very run holds it already. */
export const raise = (graph: Graph, run: string): Effect.Effect<Fence, MigrationError> =>
  Effect.gen(function* () {
    const failed = unavailable(graph.connection)
    if (yield* Effect.mapError(createAlone(graph, { run, epoch: 1 }), failed)) return { run, epoch: 1 }
    const take = `SET f.epoch = f.epoch + 1, f.owner = ${quoteText(OWNER)}, f.heartbeat = timestamp() RETURN f.epoch`
    const rows = yield* Effect.mapError(writeQuery(graph, `${mine(run)} ${take}`), failed)
    const epoch = yield* decode(graph, () => rows.map(([held]) => integer(held))[0])
    return epoch === undefined ? yield* locked(graph) : { run, epoch }
  })

/** Raises the epoch; puts the fence back where somebody has taken it away. No older write takes effect from then on. */
export const raiseEpoch = (graph: Graph, { epoch, run }: Fence): Effect.Effect<Fence, WriteFailed> =>
  Effect.gen(function* () {
    const raising = `${mine(run)} SET f.epoch = f.epoch + 1, f.heartbeat = timestamp() RETURN f.epoch`
    // An undo begins here, often because the connection was lost: raised twice is as good as once.
    const rows = yield* Effect.retry(writeQuery(graph, raising), { times: 2, while: ({ answered }) => !answered })
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

/** True where the fence stands at that epoch. */
export const stands = (graph: Graph, fence: Fence): Effect.Effect<boolean, ReadError> =>
  Effect.map(query(graph, `${mine(fence.run)} AND f.epoch = ${fence.epoch} RETURN 1`), (rows) => rows.length > 0)

/** Takes the fence away; right also where it is gone. */
export const drop = (graph: Graph, run: string): Effect.Effect<void, WriteFailed> =>
  Effect.asVoid(Effect.mapError(writeQuery(graph, `${mine(run)} DELETE f`), writeFailed(graph.connection, "publish")))

/** One time that a batch of some name was written: how far it came, and how much of it has been taken back. */
export interface Mark {
  readonly written: number
  readonly removed: number
}

const all = "coalesce(f.marks, [])"

/** Cypher for the marks after so many of the batch's records were written. */
export const markWritten = (name: string, written: number): string => `${all} + [${quoteText(`${name}:${written}`)}]`

/** Cypher for the marks when those of a name are just these. */
export const markRest = (name: string, marks: ReadonlyArray<Mark>): string => {
  const left = marks.filter(({ removed, written }) => removed < written)
  const texts = left.map(({ removed, written }) => quoteText(`${name}:${written}${removed === 0 ? "" : `:${removed}`}`))
  return `[x IN ${all} WHERE NOT x STARTS WITH ${quoteText(`${name}:`)}] + [${texts.join(",")}]`
}

// Parts of one writing count up; a number that does not is the first of the next, equal batch.
const gather = (entries: ReadonlyArray<Mark>): ReadonlyArray<Mark> => {
  const marks: Array<Mark> = []
  for (const entry of entries) {
    const last = marks.at(-1)
    if (last !== undefined && entry.written > last.written) marks.pop()
    marks.push(entry)
  }
  return marks
}

/** The marks of all batches of that name, earliest first: none where nothing of any was written. */
export const marksOf = (graph: Graph, run: string, name: string): Effect.Effect<ReadonlyArray<Mark>, ReadError> =>
  Effect.flatMap(query(graph, `${mine(run)} RETURN ${all}`), (rows) =>
    decode(graph, () => {
      const texts = rows.flatMap(([marks]) => listItems(marks).map((mark) => optionalText(mark) ?? ""))
      const ours = texts.map((mark) => mark.split(":")).filter(([batch]) => batch === name)
      return gather(
        ours.map(([, written = "0", removed = "0"]) => ({ written: Number(written), removed: Number(removed) }))
      )
    })
  )

/** Forgets the marks of a name but for these. */
export const setMarks = (
  graph: Graph,
  held: Fence,
  name: string,
  marks: ReadonlyArray<Mark>
): Effect.Effect<void, WriteFailed> =>
  Effect.asVoid(
    Effect.mapError(
      writeQuery(graph, `${mine(held.run)} AND f.epoch = ${held.epoch} SET f.marks = ${markRest(name, marks)}`),
      writeFailed(graph.connection, "undo")
    )
  )
