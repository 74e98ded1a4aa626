/**
 * FalkorDBLite files: redis dumps with a FalkorDB graph, as Python's falkordblite keeps them. Our own engine loads a
 * file and never saves it; where the file is being served by a program (see liveServer.ts), that server is used.
 */
import * as Effect from "effect/Effect"
import * as RcMap from "effect/RcMap"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as fs from "node:fs"
import * as path from "node:path"
import { type MigrationError, type Refused, StoreUnavailable } from "../../domain/Errors.ts"
import type { GraphBackend, Health, Statistics } from "../GraphBackend.ts"
import { resolvePath } from "../../files/filePath.ts"
import { DEFAULT_GRAPH, type FalkorDBLiteConfig } from "../StoreConfig.ts"
import * as WriteSession from "../WriteSession.ts"
import { choose, type Engine, engineFailed } from "./engine.ts"
import { diagnose } from "./diagnosis.ts"
import * as Finder from "./Finder.ts"
import { exists, type Graph, graphs, statistics } from "./graph.ts"
import { loadable } from "./liteFile.ts"
import * as LiteSession from "./LiteSession.ts"
import { liveSocket } from "./liveServer.ts"
import { start } from "./process.ts"
import { readHeader } from "./rdb.ts"
import { read } from "./reading.ts"
import * as server from "./server.ts"
import { fit } from "./stored.ts"

const KIND = "falkordblite"

const EMPTY: Statistics = { nodes: 0, relationships: 0, labels: {}, types: {} }

/** An engine that has loaded one state of the file. */
interface Loaded {
  readonly engine: Engine
  readonly graph: Graph
  readonly finder: Finder.Finder
}

const unavailable = (location: string, reason: StoreUnavailable["reason"], message: string, cause?: unknown) =>
  new StoreUnavailable({ backend: KIND, location, reason, message, cause })

// Reading accepts any engine that opens the file; only writing asks for one that keeps its version.
const chooseReader = (
  config: FalkorDBLiteConfig,
  file: string,
  location: string
): Effect.Effect<Engine, StoreUnavailable> =>
  Effect.flatMap(readHeader(file), (header) =>
    choose({ location, header, keepVersion: false, engine: config.engine })
  ).pipe(Effect.catchTag("Refused", Effect.die))

const chooseWriter = (
  config: FalkorDBLiteConfig,
  file: string,
  location: string
): Effect.Effect<Engine, StoreUnavailable | Refused> =>
  Effect.flatMap(readHeader(file), (header) =>
    choose({ location, header, keepVersion: config.allowUpgrade !== true, engine: config.engine })
  )

// Why nothing can be put in the file's place, or undefined.
const barred = (file: string): string | undefined => {
  const folder = path.dirname(file)
  const may = (place: string, mode: number) => {
    try {
      fs.accessSync(place, mode)
      return true
    } catch {
      return false
    }
  }
  if (!fs.existsSync(folder)) return `The folder ${folder} does not exist.`
  if (!may(folder, fs.constants.W_OK)) return `The folder ${folder} may not be written by this user.`
  return !fs.existsSync(file) || may(file, fs.constants.W_OK) ? undefined : `${file} may not be written by this user.`
}

const fileBackend = (
  config: FalkorDBLiteConfig,
  file: string,
  location: string,
  key: string
): Effect.Effect<GraphBackend, StoreUnavailable, Scope.Scope> =>
  Effect.gen(function* () {
    // One engine for each state of the file that is in use; a reader keeps the state that it began with.
    const engines = yield* RcMap.make({
      lookup: (_marks: string) =>
        Effect.gen(function* () {
          const engine = yield* chooseReader(config, file, location)
          const { connection } = yield* Effect.mapError(
            start(engine, { backend: KIND, location, load: file }),
            engineFailed(location)
          )
          const graph: Graph = { connection, key }
          return { engine, graph, finder: yield* Finder.make(graph, { pinned: false }) }
        }),
      idleTimeToLive: "20 seconds"
    })
    const loaded: Effect.Effect<Loaded | undefined, StoreUnavailable, Scope.Scope> = Effect.suspend(() => {
      const marks = loadable(file)
      return marks === undefined ? Effect.succeed(undefined) : RcMap.get(engines, marks)
    })
    const withGraph = <A, E>(
      missing: A,
      use: (loaded: Loaded) => Effect.Effect<A, E>
    ): Effect.Effect<A, E | StoreUnavailable> =>
      Effect.scoped(
        Effect.flatMap(loaded, (found) =>
          found === undefined
            ? Effect.succeed(missing)
            : Effect.flatMap(exists(found.graph), (there) => (there ? use(found) : Effect.succeed(missing)))
        )
      )

    const health: Effect.Effect<Health, StoreUnavailable> = Effect.scoped(
      Effect.gen(function* () {
        const why = barred(file)
        const notes = why === undefined ? [] : [why]
        const found = yield* loaded
        const engine = found?.engine ?? (yield* chooseReader(config, file, location))
        const version = `FalkorDB ${engine.falkordb} on Redis ${engine.redis} (${engine.from})`
        const folder = path.dirname(file)
        const base = { version, writable: why === undefined, folder }
        if (found === undefined) return { ...base, notes: [...notes, "A new file, or an empty one."] }
        const header = yield* readHeader(file)
        if (header !== undefined && header.version < engine.rdb) {
          notes.push(
            `The file has dump version ${header.version}; this engine would write ${engine.rdb}, which needs consent.`
          )
        }
        if (!(yield* exists(found.graph))) {
          const others = yield* graphs(found.graph.connection)
          notes.push(
            `There is no graph ${key} in it yet; it holds ${others.length === 0 ? "none" : others.join(", ")}.`
          )
        }
        return { ...base, notes, bytes: fs.statSync(file).size }
      })
    )

    // What cannot be a store is said at once, not at the first read.
    yield* readHeader(file)
    const stat = fs.statSync(file, { throwIfNoEntry: false })
    return {
      kind: KIND,
      location,
      identity: `${KIND}:${stat === undefined ? file : `${stat.dev}:${stat.ino}`}#${key}`,
      capabilities: { isolated: true, snapshot: true, fulltext: true },
      health,
      diagnose: withGraph({ facts: [], indexes: [], duplicates: { first: [], total: 0 } }, ({ graph }) =>
        diagnose(graph, true)
      ),
      statistics: withGraph(EMPTY, ({ graph }) => statistics(graph)),
      dangling: Effect.succeed({ first: [], total: 0 }),
      read: (selection) =>
        Stream.unwrapScoped(
          Effect.flatMap(loaded, (found) =>
            found === undefined
              ? Effect.fail(
                  unavailable(location, "not-found", `${location} does not exist, or is empty. Check the path.`)
                )
              : Effect.succeed(read(found.graph, selection))
          )
        ),
      lookup: (records) => withGraph([], ({ finder }) => Finder.lookup(finder, records)),
      fit,
      openSession: (options) =>
        Effect.gen(function* () {
          const why = barred(file)
          if (why !== undefined) return yield* unavailable(location, "permission", `${why} Nothing was changed.`)
          if ((yield* liveSocket(file)) !== undefined) {
            return yield* unavailable(
              location,
              "locked",
              `A program has begun to serve ${location}. Run again to write through it.`
            )
          }
          const engine = yield* chooseWriter(config, file, location)
          const target = { file, location, graph: key, engine, allowUpgrade: config.allowUpgrade === true }
          return yield* WriteSession.make(yield* LiteSession.open(target, options), options)
        })
    }
  })

/** Connects a file, or the live server that serves it; fails for what is no FalkorDBLite file. */
export const make = (config: FalkorDBLiteConfig): Effect.Effect<GraphBackend, MigrationError, Scope.Scope> =>
  Effect.gen(function* () {
    const key = config.graph ?? DEFAULT_GRAPH
    const location = config.graph === undefined ? config.path : `${config.path}#${config.graph}`
    const file = yield* Effect.try({
      try: () => resolvePath(config.path),
      catch: (cause) => unavailable(location, "permission", `${location} cannot be reached: ${String(cause)}.`, cause)
    })
    const socket = yield* liveSocket(file)
    if (socket === undefined) return yield* fileBackend(config, file, location, key)
    return yield* server.make({
      backend: KIND,
      location,
      identity: `${KIND}:${file}#${key}`,
      key,
      driver: { socket: { path: socket } }
    })
  })
