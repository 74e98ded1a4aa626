/**
 * The engine of a journaled session (see `backend/JournaledSession.ts`) on a graph that others use. Nodes are found by
 * the engine's ids, so a load needs no index; a graph without records gets the indexes that MemoryGraph's tools use.
 */
import * as Effect from "effect/Effect"
import * as ExecutionStrategy from "effect/ExecutionStrategy"
import * as Scope from "effect/Scope"
import { type ReadError, type StoreUnavailable, WriteFailed } from "../../domain/Errors.ts"
import type { JournaledEngine } from "../JournaledSession.ts"
import { unavailable, writeFailed } from "./Connection.ts"
import * as fence from "./fence.ts"
import { lookup } from "./Finder.ts"
import { counts, type Graph } from "./graph.ts"
import * as indexes from "./indexes.ts"
import { read } from "./reading.ts"
import { remove, restore } from "./undoing.ts"
import { make as makeWriter, type Writer, writeBatch } from "./writing.ts"

const notWritten = (graph: Graph) => (error: ReadError | WriteFailed) =>
  error._tag === "WriteFailed"
    ? error
    : new WriteFailed({
        backend: graph.connection.backend,
        location: graph.connection.location,
        phase: "import",
        reason: error._tag === "StoreUnavailable" ? "went-away" : "store-changed",
        message: error.message,
        cause: error
      })

/** Makes the engine of one session. What it learns of the graph goes with the scope. */
export const make = (graph: Graph): Effect.Effect<JournaledEngine, never, Scope.Scope> =>
  Effect.gen(function* () {
    // Forked here, so that it is closed after the session's own end, which still learns anew.
    const scope = yield* Scope.fork(yield* Effect.scope, ExecutionStrategy.sequential)
    let current: Writer | undefined

    // Made under the fence, and anew for an undo: a batch without an answer is known to nobody.
    const learn = Effect.gen(function* () {
      current = yield* Scope.extend(makeWriter(graph, current?.rule, current?.untouched), scope)
      return current
    })
    const writer = Effect.suspend((): Effect.Effect<Writer, ReadError> =>
      current === undefined ? learn : Effect.succeed(current)
    )
    const isEmpty = Effect.map(counts(graph), ({ nodes, relationships }) => nodes === 0 && relationships === 0)

    return {
      backend: graph.connection.backend,
      location: graph.connection.location,
      isEmpty,
      raiseFence: (run) =>
        Effect.gen(function* () {
          const raised = yield* fence.raise(graph, run)
          // Whoever fails here has no session that would take the fence away again.
          yield* Effect.onError(learn, () => Effect.exit(fence.drop(graph, run)))
          return raised
        }),
      raiseEpoch: (held) => Effect.zipLeft(fence.raiseEpoch(graph, held), Effect.mapError(learn, notWritten(graph))),
      dropFence: (run) => fence.drop(graph, run),
      prepare: (note) =>
        Effect.gen(function* () {
          if (!(yield* isEmpty)) return
          yield* Effect.catchTag(indexes.make(graph, note), "CommandFailed", (failed) =>
            Effect.fail<StoreUnavailable>(unavailable(graph.connection)(failed))
          )
        }),
      dismantle: (made) => Effect.mapError(indexes.drop(graph, made), writeFailed(graph.connection, "undo")),
      tidy: Effect.void,
      write: (batch, held) =>
        Effect.flatMap(writer, (known) => writeBatch(known, batch, held)).pipe(Effect.mapError(notWritten(graph))),
      remove: (records, held) =>
        Effect.flatMap(Effect.mapError(writer, notWritten(graph)), (known) => remove(known, records, held)),
      restore: (records, held) =>
        Effect.flatMap(Effect.mapError(writer, notWritten(graph)), (known) => restore(known, records, held)),
      read: read(graph),
      lookup: (records) => Effect.flatMap(writer, (known) => lookup(known.finder, records))
    }
  })
