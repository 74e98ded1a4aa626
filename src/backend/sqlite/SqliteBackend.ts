/**
 * SQLite files as MemoryGraph programs keep them, in either layout. A file that does not exist is an empty store as a
 * target and not there as a source; an empty (0-byte) one likewise.
 */
import Database from "better-sqlite3"
import * as Effect from "effect/Effect"
import * as ExecutionStrategy from "effect/ExecutionStrategy"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as path from "node:path"
import type { MigrationError, ReadError, StoreUnavailable } from "../../domain/Errors.ts"
import type { GraphBackend, Health, Statistics } from "../GraphBackend.ts"
import type { SqliteConfig } from "../StoreConfig.ts"
import * as WriteSession from "../WriteSession.ts"
import { KIND, notWritable, readFailed, says, unavailable } from "./errors.ts"
import { diagnose, NOTHING } from "./diagnosis.ts"
import * as existingFileSession from "./existingFileSession.ts"
import { resolvePath } from "../../files/filePath.ts"
import { bytesOf, type FileState, stateOf } from "./fileState.ts"
import { codecFor, inspect, type Layout } from "./layout.ts"
import * as newFileSession from "./newFileSession.ts"
import { type Access, openForReading, versionOf, whileLocked } from "./open.ts"
import { type Place, readError, stream } from "./graphStream.ts"
import { statistics } from "./statistics.ts"
import { dangling, lookup, type StoredGraph } from "./StoredGraph.ts"

const EMPTY: Statistics = { nodes: 0, relationships: 0, labels: {}, types: {} }

/** A connection for short questions, kept while the file stays the same one. */
interface Held {
  readonly graph: StoredGraph
  readonly access: Access
  /** The file's inode, and for a private copy its version. */
  readonly file: string
  /** SQLite's `data_version`: changes when somebody else commits. */
  readonly version: unknown
  readonly scope: Scope.CloseableScope
}

/** Connects a file; fails for what cannot be a store in any role (a folder, another program's database, damage). */
export const make = (config: SqliteConfig): Effect.Effect<GraphBackend, MigrationError, Scope.Scope> =>
  Effect.gen(function* () {
    const location = config.path
    const scope = yield* Effect.scope
    const lock = yield* Effect.makeSemaphore(1)
    const asking = <A>(run: () => A): Effect.Effect<A, StoreUnavailable> =>
      Effect.try({ try: run, catch: (cause) => readFailed(location, config.path, cause) })
    const file = yield* asking(() => resolvePath(config.path))
    if (file !== file.trim()) {
      return yield* unavailable(
        location,
        "unsupported",
        `The name of ${location} ends with white space, which the SQLite driver cuts off. Rename the file.`
      )
    }
    const place: Place = { location, file }
    let codec = codecFor(config.layout ?? "seed")
    let held: Held | undefined

    const state: Effect.Effect<FileState, StoreUnavailable> = Effect.flatMap(
      asking(() => stateOf(file)),
      (found) =>
        found._tag === "Other"
          ? unavailable(
              location,
              "not-this-kind",
              `${location} is ${found.what}, not an SQLite database. Give the path of a file.`
            )
          : Effect.succeed(found)
    )

    const look = (db: Database.Database) =>
      whileLocked(
        asking((): Layout => {
          const layout = inspect(db, config.layout)
          codec = layout.codec
          return layout
        })
      )

    const letGo = Effect.suspend(() => {
      const last = held
      held = undefined
      return last === undefined ? Effect.void : Scope.close(last.scope, Exit.void)
    })

    const hold = (inode: string): Effect.Effect<Held, StoreUnavailable> =>
      Effect.uninterruptibleMask((restore) =>
        Effect.gen(function* () {
          const own = yield* Scope.fork(scope, ExecutionStrategy.sequential)
          const opened = Effect.gen(function* () {
            const { db, access } = yield* openForReading(location, file)
            const layout = yield* look(db)
            const version = db.pragma("data_version", { simple: true })
            return {
              graph: { db, layout, location },
              access,
              file: access === "copy" ? versionOf(file) : inode,
              version,
              scope: own
            }
          })
          held = yield* restore(Scope.extend(opened, own)).pipe(
            Effect.onError((cause) => Scope.close(own, Exit.failCause(cause)))
          )
          return held
        })
      )

    // The connection at hand, or a new one where the file, its schema or its owner has changed. Undefined for a store
    // that does not exist yet.
    const current: Effect.Effect<StoredGraph | undefined, StoreUnavailable> = Effect.gen(function* () {
      const found = yield* state
      if (found._tag !== "File") {
        yield* letGo
        return undefined
      }
      if (held !== undefined && held.file !== (held.access === "copy" ? versionOf(file) : found.inode)) yield* letGo
      if (held === undefined) return (yield* hold(found.inode)).graph
      const version = held.graph.db.pragma("data_version", { simple: true })
      if (version !== held.version) {
        const layout = yield* look(held.graph.db)
        held = { ...held, graph: { ...held.graph, layout }, version }
      }
      return held.graph
    })

    // A connection beside somebody else's WAL is not kept: were it the last one, it would leave the WAL behind.
    const withGraph = <A>(missing: A, use: (graph: StoredGraph, access: Access) => A): Effect.Effect<A, ReadError> =>
      lock.withPermits(1)(
        Effect.flatMap(current, (graph) =>
          graph === undefined
            ? Effect.succeed(missing)
            : whileLocked(
                Effect.try({
                  try: () => use(graph, held?.access ?? "plain"),
                  catch: (cause) => readError(place, cause)
                })
              )
        ).pipe(Effect.ensuring(Effect.suspend(() => (held?.access === "live" ? letGo : Effect.void))))
      )

    const health: Effect.Effect<Health, StoreUnavailable> = Effect.gen(function* () {
      const { _tag } = yield* state
      const barred = notWritable(file)
      const engine = `SQLite ${sqliteVersion()}`
      // What bars writing comes first: it is what a refusal quotes.
      const notes = (more: ReadonlyArray<string>) => (barred === undefined ? more : [BARRED[barred], ...more])
      const nothing: Health = {
        version: `${engine}, ${codec.layout} layout`,
        writable: barred === undefined,
        barred,
        notes: notes([
          _tag === "Missing"
            ? `A new file, in the ${codec.layout} layout.`
            : `The file is empty; it would be filled in the ${codec.layout} layout.`
        ]),
        // A new file grows beside its place; a file in use is written where it is.
        ...(_tag === "Missing" && { folder: path.dirname(file) })
      }
      return yield* withGraph(nothing, ({ db, layout }, access) => ({
        version: `${engine}, ${layout.codec.layout} layout`,
        writable: barred === undefined && !layout.blocked,
        barred,
        notes: notes(
          describeStore(layout, access, String(db.pragma("journal_mode", { simple: true })), barred === undefined)
        ),
        bytes: bytesOf(file)
      })).pipe(Effect.catchTag("SourceDataInvalid", Effect.die))
    })

    const read: GraphBackend["read"] = (selection) =>
      Stream.unwrapScoped(
        Effect.gen(function* () {
          const found = yield* state
          if (found._tag === "Missing") return yield* says(location, "not-found")
          if (found._tag === "Empty") return yield* says(location, "empty-file")
          const { db } = yield* openForReading(location, file)
          // One read transaction for the whole stream; it begins with the first look.
          yield* asking(() => db.exec("BEGIN"))
          const layout = yield* look(db)
          if (layout.isEmpty) return yield* says(location, "empty-file")
          return stream({ db, layout, location }, place, selection?.only)
        })
      )

    // What can be no store at all is said at once.
    yield* withGraph(undefined, () => undefined).pipe(Effect.catchTag("SourceDataInvalid", Effect.die))
    const initially = yield* state

    return {
      kind: KIND,
      location,
      identity:
        initially._tag === "Missing" || initially._tag === "Other" ? `${KIND}:${file}` : `${KIND}:${initially.inode}`,
      capabilities: { isolated: true, snapshot: true, fulltext: false },
      health,
      diagnose: withGraph(NOTHING, diagnose),
      statistics: withGraph(EMPTY, statistics),
      dangling: withGraph({ first: [], total: 0 }, dangling),
      read,
      lookup: (records) => withGraph([], (graph) => lookup(graph, records)),
      fit: (record) => codec.fit(record),
      openSession: (options) =>
        Effect.gen(function* () {
          const found = yield* state
          const driver =
            found._tag === "Missing"
              ? yield* newFileSession.open(place, config.layout ?? "seed", options)
              : yield* existingFileSession.open(place, config.layout, options)
          return yield* WriteSession.make(driver, options)
        })
    }
  })

let version: string | undefined
const sqliteVersion = (): string => {
  if (version === undefined) {
    const db = new Database(":memory:")
    version = String(db.prepare("SELECT sqlite_version()").pluck().get())
    db.close()
  }
  return version
}

const BARRED = {
  permission: "The file or its folder may not be written by this user.",
  "read-only": "The file or its folder is read-only.",
  "not-found": "The folder of the file does not exist."
} as const

const describeStore = (
  layout: Layout,
  access: Access,
  journalMode: string,
  writable: boolean
): ReadonlyArray<string> => {
  const notes: Array<string> = []
  if (layout.isEmpty) notes.push(`The database has no tables; it would be filled in the ${layout.codec.layout} layout.`)
  if (layout.blocked) notes.push("Its table relationships has the other layout: nothing can be written in this one.")
  if (layout.otherTables.length > 0) {
    notes.push(
      `It holds other tables, which are no part of the graph and stay as they are: ${layout.otherTables.join(", ")}.`
    )
  }
  if (
    layout.codec.layout === "seed" &&
    layout.hasRelationships &&
    !layout.codec.relationshipColumns.includes("valid_from")
  ) {
    notes.push("It was made before relationships had times of validity: they stand in the properties alone.")
  }
  if (access === "copy")
    notes.push(
      "It can only be read from a private copy: it or its folder is read-only, or a crash has left its journal behind."
    )
  if (writable && journalMode !== "wal")
    notes.push("While a run is written into it, other programs may be told that the database is busy.")
  return notes
}
