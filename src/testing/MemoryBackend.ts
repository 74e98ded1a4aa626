/**
 * A backend that keeps its graph in memory: an oracle to compare real ones with, and a store for the tests of host
 * programs. It fulfils the whole port and is run through the conformance suite like every other.
 */
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { reservedMisfits } from "../backend/Encoding.ts"
import { GraphBackend } from "../backend/GraphBackend.ts"
import type { Selection } from "../backend/GraphBackend.ts"
import * as WriteSession from "../backend/WriteSession.ts"
import { type MigrationError, type ReadError, Refused, SourceDataInvalid, WriteFailed } from "../domain/Errors.ts"
import { describe, type GraphRecord } from "../domain/Graph.ts"
import { BatchRefused, MemoryGraph, RemovalRefused } from "./MemoryGraph.ts"

const KIND = "memory"
const CHUNK_SIZE = 500

/** The place where a graph is kept: several backends on one of them see the same graph. */
export class MemoryStore {
  /** The identity of its backends: two stores of one name count as the same, and nothing is migrated between them. */
  readonly name: string
  /** What is published; may be looked at, and set. */
  graph = new MemoryGraph()
  /** The run whose session is open: there is one at a time. */
  run: string | undefined
  /** Names a record that cannot be decoded, where a test wants one. */
  undecodable: string | undefined
  /** The keys of records that the store refuses to take, where a test wants some. */
  readonly refused = new Set<string>()
  constructor(name: string) {
    this.name = name
  }
}

/** How an in-memory backend behaves. */
export interface MemoryConfig {
  /** Where the graph is kept, and what it is to refuse. */
  readonly store: MemoryStore
  /** Show batches before publication, as stores without a long transaction do. */
  readonly exposed?: boolean | undefined
  /** Wraps the driver of each session: to inject faults below the state machine. */
  readonly wrapDriver?: ((driver: WriteSession.SessionDriver) => WriteSession.SessionDriver) | undefined
}

const readGraph = (
  store: MemoryStore,
  graph: MemoryGraph,
  selection?: Selection
): Stream.Stream<GraphRecord, ReadError> => {
  const kinds = selection?.only === undefined ? (["nodes", "relationships"] as const) : [selection.only]
  const records = kinds.flatMap((kind) => graph.records(kind))
  const chunks = Chunk.chunksOf(Chunk.unsafeFromArray(records), CHUNK_SIZE)
  const stream = Stream.flattenChunks(Stream.fromChunk(chunks))
  return store.undecodable === undefined ? stream : Stream.concat(stream, Stream.fail(undecodable(store)))
}

const lookup = (
  store: MemoryStore,
  graph: MemoryGraph,
  records: ReadonlyArray<GraphRecord>
): Effect.Effect<ReadonlyArray<GraphRecord>, ReadError> =>
  store.undecodable !== undefined && records.some((record) => record.key === store.undecodable)
    ? Effect.fail(undecodable(store))
    : Effect.sync(() => graph.lookup(records))

const undecodable = (store: MemoryStore) =>
  new SourceDataInvalid({
    backend: KIND,
    location: store.name,
    reason: "undecodable",
    keys: { first: [store.undecodable ?? ""], total: 1 },
    message: `The record ${store.undecodable} in ${store.name} cannot be decoded. Nothing was changed; repair it and read again.`
  })

const openDriver = (config: MemoryConfig, options: WriteSession.SessionOptions): WriteSession.SessionDriver => {
  const { store, exposed = false } = config
  const { journal } = options
  const before = store.graph
  const working = before.copy()
  // Equal relationships cannot be told apart: a second time would take somebody else's.
  const takenBack = new Set<string>()
  const close = () => {
    store.run = undefined
  }
  return {
    backend: KIND,
    location: store.name,
    fresh: before.isEmpty,
    exposed,
    write: (batch) =>
      Effect.gen(function* () {
        const number = yield* journal.intend(batch, { durable: exposed })
        yield* Effect.try({
          try: () => {
            const bad = [...batch.create, ...batch.overwrite.map(({ after }) => after)].find(
              ({ key }) => key !== null && store.refused.has(key)
            )
            if (bad !== undefined) throw new BatchRefused(`${describe(bad)} is not wanted here`)
            working.apply(batch)
          },
          catch: (cause) =>
            new WriteFailed({
              backend: KIND,
              location: store.name,
              phase: "import",
              reason: cause instanceof RemovalRefused ? "store-changed" : "refused-record",
              message: `${cause instanceof BatchRefused ? cause.message : String(cause)}. Nothing of this batch was written.`,
              cause
            })
        }).pipe(Effect.tapError(() => journal.withdraw(number)))
        if (exposed) store.graph = working
        yield* journal.acknowledge(number)
      }),
    takeBack: (batch, part) =>
      Effect.sync(() => {
        const name = `${batch.number} ${part}`
        if (takenBack.has(name)) return []
        takenBack.add(name)
        const left = working.takeBack(batch, part)
        if (exposed) store.graph = working
        return left
      }),
    read: Stream.suspend(() => readGraph(store, working)),
    lookup: (records) => lookup(store, working, records),
    publish: Effect.sync(() => {
      store.graph = working
      close()
    }),
    undo: Effect.sync(() => {
      store.graph = before
      close()
      return []
    })
  }
}

const openSession = (
  config: MemoryConfig,
  options: WriteSession.SessionOptions
): Effect.Effect<WriteSession.WriteSession, MigrationError, Scope.Scope> =>
  Effect.uninterruptible(
    Effect.suspend(() => {
      const { store, wrapDriver = (driver) => driver } = config
      if (store.run !== undefined) {
        return Effect.fail(
          new Refused({
            reason: "locked",
            message: `The run ${store.run} is writing to ${store.name}. Nothing was changed; wait for its end and try again.`
          })
        )
      }
      store.run = options.run
      return WriteSession.make(wrapDriver(openDriver(config, options)), options)
    })
  )

/**
 * Makes a backend on a store. Where a session is open, opening another one fails with `Refused` (`locked`).
 *
 * @example
 * ```ts
 * const store = new MemoryBackend.MemoryStore("target")
 * const target = yield* MemoryBackend.make({ store })
 * yield* migrate(source, target, { stateFolder: "state" })
 * const { nodes } = store.graph.statistics()
 * ```
 */
export const make = (config: MemoryConfig): Effect.Effect<GraphBackend> =>
  Effect.sync(() => {
    const { store, exposed = false } = config
    return {
      kind: KIND,
      location: store.name,
      identity: `${KIND}:${store.name}`,
      capabilities: { isolated: !exposed, snapshot: true, fulltext: false },
      health: Effect.succeed({ version: "in memory", writable: true, notes: [] }),
      statistics: Effect.sync(() => store.graph.statistics()),
      dangling: Effect.succeed({ first: [], total: 0 }),
      read: (selection) => Stream.suspend(() => readGraph(store, store.graph, selection)),
      lookup: (records) => Effect.suspend(() => lookup(store, store.graph, records)),
      fit: reservedMisfits,
      openSession: (options) => openSession(config, options)
    }
  })

/** {@link make} as a layer. */
export const layer = (config: MemoryConfig): Layer.Layer<GraphBackend> => Layer.effect(GraphBackend, make(config))
