/** The journaled session's engine over Bolt: fence, schema, batches and their undoing, for both dialects. */
import * as Effect from "effect/Effect"
import { StoreUnavailable } from "../../domain/Errors.ts"
import type { JournaledEngine } from "../JournaledSession.ts"
import { type CatalogEntry, isPresent, MEMORY_LABEL } from "./Dialect.ts"
import type { DriverFailure } from "./failures.ts"
import * as fence from "./fence.ts"
import { lookup } from "./finding.ts"
import { assumeRemoved, assumeWritten } from "./marks.ts"
import { putBack } from "./putBack.ts"
import { isEmpty, read, unavailable } from "./reading.ts"
import { remove, restore } from "./undoing.ts"
import { writeBatch, type Writer } from "./writing.ts"

/** True where the engine finds a memory by its id without a scan. */
export const hasMemoryIndex = (catalog: ReadonlyArray<CatalogEntry>): boolean =>
  catalog.some(
    ({ entity, kind, names, properties, online, name }) =>
      entity === "node" &&
      online &&
      // A unique constraint brings an index with it in Neo4j, where things have names; in Memgraph it does not.
      (kind === "range" || (kind === "unique" && name !== "")) &&
      names.length === 1 &&
      names[0] === MEMORY_LABEL &&
      properties.length === 1 &&
      properties[0] === "id"
  )

/** Fails where the server says that it cannot be written (read-only, or no transactions). */
export const writable = ({ reader: { connection, dialect } }: Writer): Effect.Effect<void, StoreUnavailable> =>
  Effect.gen(function* () {
    const { unwritable } = yield* Effect.mapError(dialect.describe(connection), unavailable(connection))
    if (unwritable === undefined) return
    const { kind, title, location } = connection.server
    yield* new StoreUnavailable({
      backend: kind,
      location,
      reason: unwritable.reason,
      message: `${title} at ${location} cannot be written: ${unwritable.why}. Nothing was changed.`
    })
  })

/** The least time that a batch is given, in seconds. */
const SHORTEST_BATCH = 5

/**
 * Makes the engine of one session. `prepare` makes MemoryGraph's schema in a store that is empty; a store in use keeps
 * the schema it has: nodes are found by the engine's ids, so the load needs no index there.
 */
export const makeEngine = (writer: Writer): JournaledEngine => {
  const { reader, locator } = writer
  const { connection, dialect } = reader
  const statement = (text: Effect.Effect<unknown, DriverFailure>, phase: string) =>
    Effect.catchTag(Effect.asVoid(text), "DriverFailure", fence.failWriting(connection, phase))
  // A process that was paused in the middle of a batch, or of a sign of life, keeps its locks for no longer than this.
  let batchSeconds: number | undefined
  return {
    backend: connection.server.kind,
    location: connection.server.location,
    isEmpty: isEmpty(reader),
    raiseFence: (claim) =>
      Effect.tap(fence.raise(reader, claim), () =>
        Effect.sync(() => {
          batchSeconds = Math.max(SHORTEST_BATCH, (2 * claim.lease) / 1000)
          locator.pin(true)
        })
      ),
    beat: (held, dirty) => fence.beat(reader, held, dirty, batchSeconds),
    raiseEpoch: (held, claim) =>
      Effect.tap(fence.raiseEpoch(reader, held, claim), () =>
        Effect.sync(() => {
          locator.pin(true)
          locator.doubt()
        })
      ),
    dropFence: (held) => Effect.tap(fence.drop(reader, held), () => Effect.sync(() => locator.pin(false))),
    prepare: (note) =>
      Effect.gen(function* () {
        if (!(yield* isEmpty(reader))) return
        const catalog = yield* Effect.mapError(dialect.catalog(connection), unavailable(connection))
        for (const item of dialect.schema) {
          if (isPresent(catalog, item)) continue
          yield* note({ what: item.what, undo: item.drop })
          yield* statement(connection.run(item.create), "preflight")
        }
        yield* statement(dialect.online(connection), "preflight")
        locator.memoryIndex(true)
      }),
    dismantle: (made) =>
      Effect.gen(function* () {
        locator.memoryIndex(false)
        yield* statement(connection.run(made.undo), "undo")
      }),
    write: (batch, held) => writeBatch(writer, batch, held, batchSeconds),
    remove: (records, held) => remove(writer, records, held),
    restore: (overwrites, held) => restore(writer, overwrites, held),
    assumeWritten: (batch, records, held) => assumeWritten(reader, batch, records, held),
    putBack: (records, held) => putBack(writer, records, held),
    assumeRemoved: (batch, records, held) => assumeRemoved(reader, batch, records, held),
    read: read(reader),
    lookup: (records) => lookup(reader, locator, records)
  }
}
