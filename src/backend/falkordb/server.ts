/** A graph on a running engine: a FalkorDB server, or the live server of a FalkorDBLite file. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { FalkorDBOptions } from "falkordb"
import { type MigrationError, StoreUnavailable } from "../../domain/Errors.ts"
import type { GraphBackend, Health, Statistics } from "../GraphBackend.ts"
import * as JournaledSession from "../JournaledSession.ts"
import * as WriteSession from "../WriteSession.ts"
import {
  type CommandFailed,
  type Connection,
  make as connect,
  type Reply,
  TIME_LIMIT,
  unavailable
} from "./Connection.ts"
import { diagnose } from "./diagnosis.ts"
import * as Finder from "./Finder.ts"
import { exists, type Graph, graphs, statistics } from "./graph.ts"
import * as journaled from "./journaled.ts"
import { read } from "./reading.ts"
import * as StagedSession from "./StagedSession.ts"
import { fit } from "./stored.ts"

/** Which graph, where, and how to call it. */
export interface ServerOptions {
  readonly backend: string
  readonly location: string
  readonly identity: string
  readonly key: string
  readonly driver: FalkorDBOptions
  /** See `ConnectionOptions`. */
  readonly timeLimit?: number | undefined
}

const EMPTY: Statistics = { nodes: 0, relationships: 0, labels: {}, types: {} }

const info = (
  connection: Connection,
  section: string,
  field: string
): Effect.Effect<string | undefined, CommandFailed> =>
  Effect.map(connection.command("INFO", section), (reply) =>
    new RegExp(`^${field}:(.*)$`, "m").exec(String(reply))?.[1]?.trim()
  )

// Settings that a user may not be allowed to see are not shown.
const setting = (effect: Effect.Effect<Reply, CommandFailed>): Effect.Effect<string | undefined> =>
  Effect.map(
    Effect.orElseSucceed(effect, () => null),
    (reply) => (Array.isArray(reply) && reply.length > 1 ? String(reply[1]) : undefined)
  )

const limits = (connection: Connection): Effect.Effect<ReadonlyArray<string>> =>
  Effect.gen(function* () {
    const notes: Array<string> = []
    const rows = yield* setting(connection.command("GRAPH.CONFIG", "GET", "RESULTSET_SIZE"))
    if (rows !== undefined && Number(rows) >= 0) {
      notes.push(
        `RESULTSET_SIZE is ${rows}: clients see no more rows of a result than that; this product reads around it.`
      )
    }
    for (const name of ["TIMEOUT", "TIMEOUT_DEFAULT", "TIMEOUT_MAX"]) {
      const milliseconds = yield* setting(connection.command("GRAPH.CONFIG", "GET", name))
      if (milliseconds !== undefined && Number(milliseconds) > 0) {
        notes.push(`${name} is ${milliseconds} ms: long queries are broken off.`)
      }
    }
    const save = yield* setting(connection.command("CONFIG", "GET", "save"))
    const append = yield* setting(connection.command("CONFIG", "GET", "appendonly"))
    if (save === "" && append === "no") notes.push("Persistence is off: what is written is lost when the server stops.")
    return notes
  })

const versions = (connection: Connection): Effect.Effect<string, CommandFailed> =>
  Effect.gen(function* () {
    const redis = yield* info(connection, "server", "redis_version")
    const code = Number(/name=graph,ver=(\d+)/.exec(String(yield* connection.command("INFO", "modules")))?.[1] ?? 0)
    const module = [Math.floor(code / 10_000), Math.floor(code / 100) % 100, code % 100].join(".")
    return `FalkorDB ${code === 0 ? "of an unknown version" : module} on Redis ${redis ?? "of an unknown version"}`
  })

// Why nothing can be written, or undefined.
const barred = (connection: Connection): Effect.Effect<string | undefined, CommandFailed> =>
  Effect.gen(function* () {
    if ((yield* info(connection, "replication", "role")) !== "slave") return undefined
    const readOnly = yield* info(connection, "replication", "slave_read_only")
    return readOnly === "0" ? undefined : "It is a read-only replica: write to its primary."
  })

/** Connects; fails where the server cannot be reached, refuses us, or is none with FalkorDB. */
export const make = (options: ServerOptions): Effect.Effect<GraphBackend, MigrationError, Scope.Scope> =>
  Effect.gen(function* () {
    const { backend, identity, key, location } = options
    const failed = unavailable({ backend, location })
    const connection = yield* Effect.mapError(
      connect({
        backend,
        location,
        driver: options.driver,
        reconnect: true,
        timeLimit: options.timeLimit ?? TIME_LIMIT
      }),
      failed
    )
    yield* graphs(connection)
    const graph: Graph = { connection, key }
    yield* exists(graph)
    const finder = yield* Finder.make(graph, { pinned: false })
    const ifThere = <A, E>(missing: A, effect: Effect.Effect<A, E>) =>
      Effect.flatMap(exists(graph), (there): Effect.Effect<A, E> => (there ? effect : Effect.succeed(missing)))

    const health = Effect.gen(function* () {
      const why = yield* barred(connection)
      const notes = [...(why === undefined ? [] : [why]), ...(yield* limits(connection))]
      const found = yield* graphs(connection)
      if (!found.includes(key)) {
        notes.push(`There is no graph ${key} yet; the server holds ${found.length === 0 ? "none" : found.join(", ")}.`)
      }
      return { version: yield* versions(connection), writable: why === undefined, notes }
    }).pipe(Effect.mapError((error): StoreUnavailable => (error._tag === "CommandFailed" ? failed(error) : error)))

    return {
      kind: backend,
      location,
      identity,
      capabilities: { isolated: false, snapshot: false, fulltext: true },
      health: health satisfies Effect.Effect<Health, StoreUnavailable>,
      diagnose: Effect.flatMap(exists(graph), (there) => diagnose(graph, there)),
      statistics: ifThere(EMPTY, statistics(graph)),
      dangling: Effect.succeed({ first: [], total: 0 }),
      read: (selection) => read(graph, selection),
      lookup: (records) => ifThere([], Finder.lookup(finder, records)),
      fit,
      openSession: (session) =>
        Effect.gen(function* () {
          const why = yield* Effect.mapError(barred(connection), failed)
          if (why !== undefined) {
            const message = `${location} cannot be written. ${why} Nothing was changed.`
            return yield* new StoreUnavailable({ backend, location, reason: "read-only", message })
          }
          const driver = (yield* exists(graph))
            ? yield* JournaledSession.open(yield* journaled.make(graph, session.patience), session)
            : yield* StagedSession.open(graph, session)
          return yield* WriteSession.make(driver, session)
        })
    }
  })
