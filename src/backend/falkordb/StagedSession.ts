/**
 * The write session for a graph key that does not exist: everything goes into a staging key, `GRAPH.mg-RUN`, which
 * RENAMENX puts in place at once, unless somebody has made the graph meanwhile. Beside it stands `GRAPH.mg-RUN.owner`,
 * which names the process: what a killed run left is deleted by the next one that can tell that the owner is dead.
 */
import * as Effect from "effect/Effect"
import * as ExecutionStrategy from "effect/ExecutionStrategy"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { type MigrationError, UndoIncomplete, WriteFailed } from "../../domain/Errors.ts"
import { isOrphan, OWNER } from "../sqlite/ownedFiles.ts"
import type { SessionDriver, SessionOptions } from "../WriteSession.ts"
import { type CommandFailed, type Connection, unavailable, writeFailed } from "./Connection.ts"
import * as Finder from "./Finder.ts"
import { type Graph, query, writeQuery } from "./graph.ts"
import * as indexes from "./indexes.ts"
import { read } from "./reading.ts"
import { integer } from "./replies.ts"
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

/** Opens the session; the graph's key is not there. Leaves nothing behind when it fails. */
export const open = (
  target: Graph,
  options: SessionOptions
): Effect.Effect<SessionDriver, MigrationError, Scope.Scope> =>
  Effect.gen(function* () {
    const { connection, key } = target
    const { backend, location } = connection
    const staging = `${key}.mg-${options.run}`
    const graph: Graph = { connection, key: staging }
    const work = yield* Scope.fork(yield* Effect.scope, ExecutionStrategy.sequential)

    const begin = Effect.gen(function* () {
      // A user without the right to look around leaves what the dead have left.
      yield* Effect.catchIf(
        sweep(connection, key),
        ({ reason }) => reason === "permission",
        () => Effect.void
      )
      yield* connection.command("SET", ownerKey(staging), OWNER)
      // A graph without records is a graph, too.
      yield* writeQuery(graph, "RETURN 1")
    })
    yield* Effect.mapError(begin, unavailable(connection)).pipe(
      Effect.onError(() => Effect.exit(remove(connection, staging)))
    )
    const writer = yield* Scope.extend(Writing.makePrivate(graph), work).pipe(
      Effect.onError(() => Effect.exit(remove(connection, staging)))
    )

    const notPublished = (reason: WriteFailed["reason"], message: string, cause?: unknown) =>
      new WriteFailed({ backend, location, phase: "publish", reason, message, cause })

    const index = Effect.gen(function* () {
      const [memories] = yield* query(graph, "MATCH (n:Memory) RETURN count(n)")
      if (integer(memories?.[0]) > 0) yield* indexes.make(graph, () => Effect.void)
    }).pipe(
      Effect.mapError((error) =>
        error._tag === "CommandFailed"
          ? writeFailed(connection, "publish")(error)
          : notPublished("driver", `${error.message} Nothing was published.`, error)
      )
    )

    // After a lost answer: whoever takes the staging key away decides it. If it is still there, a late rename finds none.
    const settle = (failed: CommandFailed): Effect.Effect<void, WriteFailed | UndoIncomplete> =>
      ifThere(connection.command("RENAMENX", staging, undoneKey(staging))).pipe(
        Effect.mapError(
          (cause) =>
            new UndoIncomplete({
              backend,
              location,
              outcome: "unknown",
              left: [{ what: `the key ${staging}`, why: "the server does not answer" }],
              message:
                `The connection to ${location} was lost while the graph was published: it may be there, complete, or not. ` +
                `Look for the keys ${key} and ${staging} when the server is back; if ${staging} is there, nothing was published.`,
              cause
            })
        ),
        Effect.flatMap((kept) =>
          kept === undefined ? Effect.void : Effect.fail(writeFailed(connection, "publish")(failed))
        )
      )

    const publish = Effect.gen(function* () {
      yield* index
      const renamed = yield* connection
        .command("RENAMENX", staging, key)
        .pipe(
          Effect.catchAll((failed) =>
            failed.answered ? Effect.fail(writeFailed(connection, "publish")(failed)) : Effect.as(settle(failed), "1")
          )
        )
      if (renamed !== "1") {
        return yield* notPublished(
          "store-changed",
          `Somebody has made the graph ${key} in ${location} meanwhile. It was left as it is. Run again.`
        )
      }
      // The graph is published; keys that stay behind are swept by a later run.
      yield* Effect.exit(connection.command("DEL", ownerKey(staging), telemetryKey(staging)))
    })

    return {
      backend,
      location,
      fresh: true,
      exposed: false,
      write: (batch) =>
        Effect.gen(function* () {
          const number = yield* options.journal.intend(batch, { durable: false })
          yield* Writing.writeBatch(writer, batch, undefined)
          yield* options.journal.acknowledge(number)
        }),
      read: Stream.suspend(() => read(graph)),
      lookup: (records) => Finder.lookup(writer.finder, records),
      publish,
      undo: Effect.as(Effect.mapError(remove(connection, staging), writeFailed(connection, "undo")), [])
    }
  })
