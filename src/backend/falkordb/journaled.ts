/**
 * The engine of a journaled session (see `backend/JournaledSession.ts`) on a graph that others use. Nodes are found by
 * the engine's ids, so a load needs no index; a graph without records gets the indexes that MemoryGraph's tools use.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as ExecutionStrategy from "effect/ExecutionStrategy"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import { canonicalLine } from "../../domain/Canonical.ts"
import { type ReadError, type StoreUnavailable, WriteFailed } from "../../domain/Errors.ts"
import { beatEvery, type Claim, type Fence } from "../Fence.ts"
import type { JournaledEngine } from "../JournaledSession.ts"
import { PATIENCE } from "../WriteSession.ts"
import { unavailable, writeFailed } from "./Connection.ts"
import * as fence from "./fence.ts"
import { lookup } from "./Finder.ts"
import { counts, exists, type Graph } from "./graph.ts"
import * as indexes from "./indexes.ts"
import { assume } from "./marks.ts"
import { awaited } from "./patience.ts"
import { read } from "./reading.ts"
import { putBack, removalName } from "./removing.ts"
import { remove, restore } from "./undoing.ts"
import { writeWhole } from "./wholeBatch.ts"
import { batchName, make as makeWriter, type Writer } from "./writing.ts"

// What could not be read is no refusal of what was to be written: some of it may be there.
const notDone =
  (graph: Graph, phase: string) =>
  (error: ReadError | WriteFailed): WriteFailed => {
    if (error._tag === "WriteFailed") return error
    const { backend, location } = graph.connection
    const lost = error.reason === "went-away" || error.reason === "unreachable"
    const { message } = error
    return new WriteFailed({ backend, location, phase, reason: lost ? "went-away" : "driver", message, cause: error })
  }

interface Known {
  readonly writer: Writer
  readonly scope: Scope.CloseableScope
}

/**
 * Makes the engine of one session. What it learns of the graph goes with the scope. `patience` is how long, in
 * milliseconds, a server that went away is waited for where a session that could not be opened has to clean up.
 */
export const make = (graph: Graph, patience: number = PATIENCE): Effect.Effect<JournaledEngine, never, Scope.Scope> =>
  Effect.gen(function* () {
    // Forked here, so that it is closed after the session's own end, which still learns anew.
    const scope = yield* Scope.fork(yield* Effect.scope, ExecutionStrategy.sequential)
    const steps: fence.Steps = { answered: 0 }
    let current: Known | undefined
    // The server has lost something that it had answered for: nothing more is built on it.
    let forgotten = false
    // A drop of the fence was tried.
    let dropping = false

    // Made under the fence, and anew for an undo: a batch without an answer is known to nobody.
    const learn = Effect.gen(function* () {
      const own = yield* Scope.fork(scope, ExecutionStrategy.sequential)
      const writer = yield* Scope.extend(makeWriter(graph, current?.writer.rule), own).pipe(
        Effect.onError((cause) => Scope.close(own, Exit.failCause(cause)))
      )
      const last = current
      current = { writer, scope: own }
      if (last !== undefined) yield* Scope.close(last.scope, Exit.void)
      return writer
    })
    const writer = Effect.suspend((): Effect.Effect<Writer, ReadError> =>
      current === undefined ? learn : Effect.succeed(current.writer)
    )
    // Learning a large graph takes its time.
    const learnUnder = (held: Fence, { lease }: Claim) =>
      Effect.scoped(
        Effect.gen(function* () {
          const beating = Effect.exit(fence.beat(graph, held, false))
          yield* Effect.forkScoped(Effect.interruptible(Effect.schedule(beating, Schedule.spaced(beatEvery(lease)))))
          yield* learn
        })
      )
    const isEmpty = Effect.map(counts(graph), ({ nodes, relationships }) => nodes === 0 && relationships === 0)

    const under = <A>(
      held: Fence,
      phase: string,
      run: (writer: Writer, hold: fence.Hold) => Effect.Effect<A, ReadError | WriteFailed>
    ) =>
      Effect.mapError(
        Effect.flatMap(writer, (known) => run(known, { fence: held, steps })),
        notDone(graph, phase)
      )

    // A fence that is gone was taken away by a drop of ours that was not answered, or lost by a restarted server. What is
    // lost is always the latest: where our last deed is known, everything is.
    const knowsWitness = Effect.gen(function* () {
      const witness = current?.writer.witness
      if (witness === undefined) return true
      const found = (yield* exists(graph)) ? yield* lookup((yield* learn).finder, [witness.record]) : []
      const line = canonicalLine(witness.record)
      return found.some((record) => canonicalLine(record) === line) === witness.there
    })

    return {
      backend: graph.connection.backend,
      location: graph.connection.location,
      isEmpty,
      raiseFence: (claim) =>
        Effect.gen(function* () {
          const raised = yield* fence.raise(graph, claim)
          steps.answered = raised.steps
          yield* learnUnder(raised.fence, claim)
          return { ...raised.fence, stood: raised.how === "taken-up" }
        }).pipe(
          // Whoever fails here has no session that would take a new fence away again; one that is taken up stays.
          Effect.tapErrorCause((cause) =>
            Cause.failureOption(cause).pipe(Option.exists(({ _tag }) => _tag === "Refused"))
              ? Effect.void
              : Effect.exit(awaited(patience, fence.dropClean(graph, { run: claim.run, epoch: claim.epoch })))
          )
        ),
      beat: (held, dirty) => Effect.mapError(fence.beat(graph, held, dirty), notDone(graph, "import")),
      raiseEpoch: (held, claim) =>
        Effect.gen(function* () {
          const raised = yield* fence.raiseEpoch(graph, held, claim)
          if (raised.how === "made" || raised.steps < steps.answered) forgotten = true
          steps.answered = raised.steps
          dropping = false
          yield* learnUnder(raised.fence, claim)
          return { ...raised.fence, stood: raised.how !== "made" }
        }).pipe(Effect.mapError(notDone(graph, "undo"))),
      dropFence: (held) =>
        Effect.gen(function* () {
          const gone = (yield* fence.drop(graph, { fence: held, steps })) || (dropping && (yield* knowsWitness))
          if (!gone) return yield* fence.gone(graph, "publish")
        }).pipe(Effect.ensuring(Effect.sync(() => (dropping = true))), Effect.mapError(notDone(graph, "publish"))),
      prepare: (note) =>
        Effect.gen(function* () {
          if (!(yield* isEmpty)) return
          yield* Effect.catchTag(indexes.make(graph, note), "CommandFailed", (failed) =>
            Effect.fail<StoreUnavailable>(unavailable(graph.connection)(failed))
          )
        }),
      dismantle: (made) =>
        Effect.gen(function* () {
          if (!(yield* exists(graph))) return
          yield* Effect.mapError(indexes.drop(graph, made), writeFailed(graph.connection, "undo"))
        }).pipe(Effect.mapError(notDone(graph, "undo"))),
      write: (batch, held) =>
        under(held, "import", (known, hold) =>
          forgotten ? fence.forgotten(graph, "import") : writeWhole(known, batch, hold)
        ),
      remove: (records, held) => under(held, "undo", (known, hold) => remove(known, records, hold)),
      restore: (records, held) => under(held, "undo", (known, hold) => restore(known, records, hold)),
      assumeWritten: (number, records, held) =>
        under(held, "undo", (_, hold) =>
          assume(graph, hold, number, batchName(records.map(({ hash }) => hash)), records.length)
        ),
      putBack: (records, held) => under(held, "undo", (known, hold) => putBack(known, records, hold)),
      assumeRemoved: (number, records, held) =>
        under(held, "undo", (_, hold) => assume(graph, hold, -number, removalName(records), records.length)),
      read: read(graph),
      lookup: (records) => Effect.flatMap(writer, (known) => lookup(known.finder, records))
    }
  })
