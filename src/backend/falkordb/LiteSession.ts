/**
 * The write session on a FalkorDBLite file. Our own engine loads the file, takes the writes, and saves them into a
 * private folder beside it; what is verified is read by an engine that was started anew on that dump, so that the very
 * file that is published has been proven to open and to hold everything. Publishing renames it into place if the
 * original has not changed; undoing removes the folder.
 */
import * as Effect from "effect/Effect"
import * as ExecutionStrategy from "effect/ExecutionStrategy"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as path from "node:path"
import { type MigrationError, StoreUnavailable, WriteFailed } from "../../domain/Errors.ts"
import { PUBLISHED, type SessionDriver, type SessionOptions } from "../WriteSession.ts"
import { CommandFailed, type Connection, writeFailed } from "./Connection.ts"
import { engineFailed } from "./engine.ts"
import * as Finder from "./Finder.ts"
import { counts, exists, type Graph, query, writeQuery } from "./graph.ts"
import * as indexes from "./indexes.ts"
import { look, replace, type Seen, workFolder } from "./liteFile.ts"
import { liveSocket } from "./liveServer.ts"
import { DUMP, type EngineFiles, type EngineProcess, start } from "./process.ts"
import { readHeader } from "./rdb.ts"
import { read } from "./reading.ts"
import { integer } from "./replies.ts"
import { takeBack } from "./undoing.ts"
import { writeNoted } from "./wholeBatch.ts"
import * as Writing from "./writing.ts"

/** The store that a session is opened on. */
export interface LiteTarget {
  readonly file: string
  readonly location: string
  readonly graph: string
  readonly engine: EngineFiles
  readonly allowUpgrade: boolean
}

const BACKEND = "falkordblite"

const went = new CommandFailed({
  reason: "went-away",
  answered: true,
  message: "the engine of this session has been stopped",
  cause: undefined
})

// An engine that can be stopped and started again behind one connection.
const restartable = (target: LiteTarget, folder: string, scope: Scope.Scope) => {
  let running: { readonly engine: EngineProcess; readonly scope: Scope.CloseableScope } | undefined
  const stop = Effect.suspend(() => {
    const last = running
    running = undefined
    return last === undefined ? Effect.void : Scope.close(last.scope, Exit.void)
  })
  const run = (load?: string) =>
    Effect.uninterruptibleMask((restore) =>
      Effect.gen(function* () {
        yield* stop
        const own = yield* Scope.fork(scope, ExecutionStrategy.sequential)
        const options = { backend: BACKEND, location: target.location, folder, load }
        const engine = yield* restore(Scope.extend(start(target.engine, options), own)).pipe(
          Effect.onError((cause) => Scope.close(own, Exit.failCause(cause)))
        )
        running = { engine, scope: own }
      })
    ).pipe(Effect.mapError(engineFailed(target.location)))
  const connection: Connection = {
    backend: BACKEND,
    location: target.location,
    command: (...args) =>
      Effect.suspend(() => (running === undefined ? Effect.fail(went) : running.engine.connection.command(...args))),
    get pinned() {
      return connection
    }
  }
  return { connection, run, stop }
}

const notPublished = (target: LiteTarget, reason: WriteFailed["reason"], message: string, cause?: unknown) =>
  new WriteFailed({
    backend: BACKEND,
    location: target.location,
    phase: "publish",
    reason,
    message: `${message} ${target.location} is untouched.`,
    cause
  })

/** Opens the session. Leaves nothing behind when it fails. */
export const open = (
  target: LiteTarget,
  options: SessionOptions
): Effect.Effect<SessionDriver, MigrationError, Scope.Scope> =>
  Effect.gen(function* () {
    const { file, location } = target
    // Closed by an undo, or with the session.
    const work = yield* Scope.fork(yield* Effect.scope, ExecutionStrategy.sequential)
    const before: Seen | undefined = yield* look(file)
    const had = yield* readHeader(file)
    const folder = yield* Scope.extend(workFolder(file, options.run), work)
    const dump = path.join(folder, DUMP)
    const { connection, run, stop } = restartable(target, folder, work)
    const graph: Graph = { connection, key: target.graph }
    const command = (...args: ReadonlyArray<string>) =>
      Effect.mapError(connection.command(...args), writeFailed(connection, "import"))

    yield* run(before === undefined || before.stat.size === 0 ? undefined : file)
    // Of a published run whose graph is gone there is nothing to take back, and nothing to publish, but for what it removed.
    let isGone = (yield* options.journal.note(PUBLISHED)) !== undefined && !(yield* exists(graph))
    // A graph without records is a graph, too.
    yield* Effect.mapError(writeQuery(graph, "RETURN 1"), writeFailed(connection, "import"))
    const held = yield* counts(graph)
    const fresh = held.nodes === 0 && held.relationships === 0
    const writer = yield* Scope.extend(Writing.makePrivate(graph, true), work)

    const takenBack = new Set<string>()
    let saved = false
    const save = Effect.gen(function* () {
      const [memories] = yield* query(graph, "MATCH (n:Memory) RETURN count(n)")
      if (fresh && integer(memories?.[0]) > 0) {
        yield* Effect.catchTag(
          indexes.make(graph, () => Effect.void),
          "CommandFailed",
          (failed) => Effect.fail(writeFailed(connection, "import")(failed))
        )
      }
      const written = yield* counts(graph)
      yield* command("SAVE")
      const header = yield* readHeader(dump)
      if (!target.allowUpgrade && header !== undefined && had !== undefined && header.version > had.version) {
        return yield* notPublished(target, "driver", "The engine has saved a newer dump version than the file had.")
      }
      yield* run()
      const reopened = yield* counts(graph)
      if (reopened.nodes !== written.nodes || reopened.relationships !== written.relationships) {
        return yield* notPublished(target, "driver", "The saved file does not hold what was written into it.")
      }
      saved = true
    })
    const settle = Effect.suspend(() => (saved ? Effect.void : save))

    const publish = Effect.gen(function* () {
      if (isGone) return yield* Scope.close(work, Exit.void)
      yield* settle
      // Its server would write its own state over the file when it stops.
      if ((yield* liveSocket(file)) !== undefined) {
        return yield* notPublished(
          target,
          "store-changed",
          `Another program has begun to serve ${location} meanwhile. Run again.`
        )
      }
      yield* stop
      yield* replace(dump, file, before)
      yield* Scope.close(work, Exit.void)
    }).pipe(
      Effect.mapError((error) =>
        error._tag === "WriteFailed" ? error : notPublished(target, "driver", error.message, error)
      )
    )

    return {
      backend: BACKEND,
      location,
      fresh,
      exposed: false,
      write: (batch) =>
        Effect.suspend(() => {
          saved = false
          return writeNoted(writer, options.journal, batch)
        }),
      takeBack: (batch, part) =>
        Effect.suspend(() => {
          saved = false
          if (part === "removed" && batch.removed.length > 0) isGone = false
          return takeBack(writer, batch, part, takenBack)
        }),
      read: Stream.unwrap(Effect.as(Effect.catchTag(settle, "WriteFailed", unreadable), read(graph))),
      lookup: (records) => Finder.lookup(writer.finder, records),
      publish,
      undo: Effect.as(Scope.close(work, Exit.void), [])
    }
  })

// What could not be saved cannot be read either.
const unreadable = (error: WriteFailed) =>
  Effect.fail(
    new StoreUnavailable({
      backend: error.backend,
      location: error.location,
      reason: error.reason === "store-full" ? "driver" : "engine-failed",
      message: error.message,
      cause: error
    })
  )
