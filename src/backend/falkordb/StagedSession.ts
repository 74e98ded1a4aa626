/**
 * The write session for a graph key that does not exist: everything goes into a staging key,
 * `GRAPH.mg-RUN-CLAIM`, which RENAMENX puts in place at once, unless somebody has made the graph meanwhile. Beside it
 * stands the key's name and `.owner`, which names the process: what a killed run left is deleted by the next one that can
 * tell that the owner is dead. A server that was restarted may have forgotten a part of it: then nothing is published.
 */
import * as Effect from "effect/Effect"
import * as ExecutionStrategy from "effect/ExecutionStrategy"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { type MigrationError, UndoIncomplete, WriteFailed } from "../../domain/Errors.ts"
import { isOrphan, OWNER } from "../../files/ownedFiles.ts"
import { PATIENCE, PUBLISHED, type SessionDriver, type SessionOptions } from "../WriteSession.ts"
import { type CommandFailed, type Connection, unavailable, writeFailed } from "./Connection.ts"
import * as Finder from "./Finder.ts"
import { counts, type Graph, query, writeQuery } from "./graph.ts"
import * as indexes from "./indexes.ts"
import { awaited } from "./patience.ts"
import { read } from "./reading.ts"
import { integer } from "./replies.ts"
import { takeBack } from "./undoing.ts"
import { writeNoted } from "./wholeBatch.ts"
import * as Writing from "./writing.ts"

const ownerKey = (staging: string): string => `${staging}.owner`
const undoneKey = (staging: string): string => `${staging}.undone`
const telemetryKey = (staging: string): string => `telemetry{${staging}}`

const NO_GRAPH = /empty key|no such key/i

const ifThere = <A>(effect: Effect.Effect<A, CommandFailed>): Effect.Effect<A | undefined, CommandFailed> =>
  Effect.catchIf(
    effect,
    (failed) => NO_GRAPH.test(failed.message),
    () => Effect.succeed(undefined)
  )

const remove = (connection: Connection, staging: string): Effect.Effect<void, CommandFailed> =>
  Effect.gen(function* () {
    yield* ifThere(connection.command("GRAPH.DELETE", staging))
    yield* ifThere(connection.command("GRAPH.DELETE", undoneKey(staging)))
    yield* connection.command("DEL", ownerKey(staging), telemetryKey(staging), telemetryKey(undoneKey(staging)))
  })

const glob = (text: string): string => text.replace(/[*?[\]\\^-]/g, "\\$&")

// Keys that say whose they are, and whose owner is known to be gone.
const sweep = (connection: Connection, key: string): Effect.Effect<void, CommandFailed> =>
  Effect.gen(function* () {
    let cursor = "0"
    do {
      const reply = yield* connection.command(
        "SCAN",
        cursor,
        "MATCH",
        `${glob(key)}.mg-*.owner`,
        "COUNT",
        "1000",
        "TYPE",
        "string"
      )
      const [next, found] = Array.isArray(reply) ? reply : ["0", []]
      cursor = String(next)
      for (const owner of Array.isArray(found) ? found.map(String) : []) {
        const name = String(yield* connection.command("GET", owner))
        if (isOrphan(name)) yield* remove(connection, owner.slice(0, -".owner".length))
      }
    } while (cursor !== "0")
  })

const isThere = (connection: Connection, key: string): Effect.Effect<boolean, CommandFailed> =>
  Effect.map(connection.command("EXISTS", key), (count) => count === "1")

/**
 * True where somebody has to be told of every command: replicas, or the log of commands that a server is restored from.
 * They are not told of GRAPH.BULK (measured on 4.16: after a restart from such a log a graph loaded by it was empty).
 */
const isCopied = (connection: Connection): Effect.Effect<boolean, CommandFailed> =>
  Effect.gen(function* () {
    const said = String(yield* connection.command("INFO", "persistence", "replication"))
    return !/^aof_enabled:0/m.test(said) || !/^connected_slaves:0/m.test(said)
  })

/**
 * What became of a rename whose answer was lost. Whoever takes the staging key away decides it: if it is still there, a
 * late rename finds none. A restarted server may have forgotten the graph, in parts or altogether.
 */
const whatBecame = (
  connection: Connection,
  staging: string,
  key: string,
  isWhole: Effect.Effect<boolean, CommandFailed>
) =>
  Effect.gen(function* () {
    yield* ifThere(connection.command("RENAMENX", staging, undoneKey(staging)))
    if (yield* isThere(connection, undoneKey(staging))) return "undone"
    if (!(yield* isThere(connection, key))) return "undone"
    return (yield* isWhole) ? "published" : "unknown"
  })

/** Opens the session; the graph's key is not there. Leaves nothing behind when it fails. */
export const open = (
  target: Graph,
  options: SessionOptions
): Effect.Effect<SessionDriver, MigrationError, Scope.Scope> =>
  Effect.gen(function* () {
    const { connection, key } = target
    const { backend, location } = connection
    const { journal, patience = PATIENCE, run } = options
    // Claims on one run must not meet in one key.
    const staging = `${key}.mg-${run}-${journal.epoch}`
    const live = connection.pinned
    const graph: Graph = { connection: live, key: staging }
    const work = yield* Scope.fork(yield* Effect.scope, ExecutionStrategy.sequential)
    // The graph of a published run that is not there any more: there is nothing to take back, and nothing to publish, but
    // for what the run had removed from it.
    const takenBack = new Set<string>()
    let isBack = false
    let isRollback = (yield* journal.note(PUBLISHED)) !== undefined

    const begin = Effect.gen(function* () {
      // A user without the right to look around leaves what the dead have left.
      yield* Effect.catchIf(
        sweep(connection, key),
        ({ reason }) => reason === "permission",
        () => Effect.void
      )
      yield* live.command("SET", ownerKey(staging), OWNER)
      // A graph without records is a graph, too.
      yield* writeQuery(graph, "RETURN 1")
    })
    const abandon = () => Effect.exit(awaited(patience, remove(connection, staging)))
    yield* Effect.mapError(begin, unavailable(connection)).pipe(Effect.onError(abandon))
    const opening = Effect.gen(function* () {
      const bulk = !(yield* Effect.mapError(isCopied(live), unavailable(connection)))
      return yield* Scope.extend(Writing.makePrivate(graph, bulk), work)
    })
    const writer = yield* Effect.onError(opening, abandon)

    const notPublished = (reason: WriteFailed["reason"], message: string, cause?: unknown) =>
      new WriteFailed({ backend, location, phase: "publish", reason, message, cause })

    const index = Effect.gen(function* () {
      const [memories] = yield* query(graph, "MATCH (n:Memory) RETURN count(n)")
      if (integer(memories?.[0]) > 0) yield* indexes.make(graph, () => Effect.void)
      return yield* counts(graph)
    }).pipe(
      Effect.mapError((error) =>
        error._tag === "CommandFailed"
          ? writeFailed(connection, "publish")(error)
          : notPublished("driver", `${error.message} Nothing was published.`, error)
      )
    )

    const unknown = (why: string, cause: unknown) =>
      new UndoIncomplete({
        backend,
        location,
        outcome: "unknown",
        left: [{ what: `the key ${staging}`, why }],
        message:
          `The connection to ${location} was lost while the graph was published: it may be there, complete, or not. ` +
          `Look for the keys ${key} and ${staging} when the server is back; if ${staging} is there, nothing was published.`,
        cause
      })

    const settle = (failed: CommandFailed, written: Counts): Effect.Effect<void, WriteFailed | UndoIncomplete> => {
      const sameLife = Effect.match(live.command("PING"), { onFailure: () => false, onSuccess: () => true })
      const sameCounts = Effect.match(counts(target), {
        onFailure: () => false,
        onSuccess: (found) => found.nodes === written.nodes && found.relationships === written.relationships
      })
      const isWhole = Effect.flatMap(sameLife, (same) => (same ? Effect.succeed(true) : sameCounts))
      return awaited(patience, whatBecame(connection, staging, key, isWhole)).pipe(
        Effect.mapError((cause) => unknown("the server does not answer", cause)),
        Effect.flatMap((became): Effect.Effect<void, WriteFailed | UndoIncomplete> => {
          if (became === "published") return Effect.void
          return Effect.fail(
            became === "undone"
              ? writeFailed(connection, "publish")(failed)
              : unknown("the server was restarted, and holds another graph of that name", failed)
          )
        })
      )
    }

    const publish = Effect.gen(function* () {
      const written = yield* index
      if (
        writer.loader?.used === true &&
        (yield* Effect.mapError(isCopied(live), writeFailed(connection, "publish")))
      ) {
        return yield* notPublished(
          "store-changed",
          `The server of ${location} has got a replica, or a log of commands, meanwhile, which would miss a part of the graph. Nothing was published. Run again.`
        )
      }
      const renamed = yield* live
        .command("RENAMENX", staging, key)
        .pipe(
          Effect.catchAll((failed) =>
            failed.answered
              ? Effect.fail(writeFailed(connection, "publish")(failed))
              : Effect.as(settle(failed, written), "1")
          )
        )
      if (renamed !== "1") {
        return yield* notPublished(
          "store-changed",
          `Somebody has made the graph ${key} in ${location} meanwhile. It was left as it is. Run again.`
        )
      }
      // The graph is published; keys that stay behind are swept by a later run.
      yield* Effect.exit(
        Effect.retry(connection.command("DEL", ownerKey(staging), telemetryKey(staging)), { times: 2 })
      )
    })
    const discard = Effect.mapError(awaited(patience, remove(connection, staging)), writeFailed(connection, "undo"))

    return {
      backend,
      location,
      fresh: true,
      exposed: false,
      write: (batch) => writeNoted(writer, journal, batch),
      takeBack: (batch, part) =>
        Effect.suspend(() => {
          isBack ||= part === "removed" && batch.removed.length > 0
          isRollback = !isBack
          return part === "removed" ? takeBack(writer, batch, part, takenBack) : Effect.succeed([])
        }),
      read: Stream.suspend(() => read(graph)),
      lookup: (records) => Finder.lookup(writer.finder, records),
      publish: Effect.suspend(() => (isRollback ? discard : publish)),
      undo: Effect.as(discard, [])
    }
  })

type Counts = Effect.Effect.Success<ReturnType<typeof counts>>
