/** One thing wrong with a good backend: what the broken backends are made with. */
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { GraphBackend } from "../../../src/backend/GraphBackend.ts"
import type { SessionDriver, WriteBatch, WriteSession } from "../../../src/backend/WriteSession.ts"
import { type GraphRecord, property, setProperty } from "../../../src/domain/Graph.ts"
import type { PropertyValue } from "../../../src/domain/PropertyValue.ts"
import type { Harness } from "../../../src/testing/conformance/index.ts"
import type { MemoryStore } from "../../../src/testing/MemoryBackend.ts"
import { memoryHarness } from "../harnesses.ts"

export interface Broken {
  readonly harness: Harness
  readonly caughtBy: ReadonlyArray<string>
}

export const inDriver = (
  name: string,
  caughtBy: ReadonlyArray<string>,
  wrapDriver: (driver: SessionDriver) => SessionDriver,
  exposed = false
): Broken => ({ harness: memoryHarness(name, { wrapDriver, exposed }), caughtBy })

export const inBackend = (
  name: string,
  caughtBy: ReadonlyArray<string>,
  decorate: (backend: GraphBackend, store: MemoryStore) => GraphBackend,
  exposed = false
): Broken => ({ harness: memoryHarness(name, { exposed }, decorate), caughtBy })

/** Changes batches on their way. */
export const batches =
  (change: (batch: WriteBatch) => WriteBatch) =>
  (driver: SessionDriver): SessionDriver => ({ ...driver, write: (batch) => driver.write(change(batch)) })

/** Changes, drops or repeats records that are created. */
export const created = (change: (record: GraphRecord) => ReadonlyArray<GraphRecord>) =>
  batches((batch) => ({ ...batch, create: batch.create.flatMap(change) }))

/** Changes the values of records that are created; undefined drops one. */
export const values = (change: (value: PropertyValue) => PropertyValue | undefined) =>
  created((record) => {
    const properties = {}
    for (const name of Object.keys(record.properties)) {
      const value = property(record.properties, name)
      const changed = value === undefined || name === "id" ? value : change(value)
      if (changed !== undefined) setProperty(properties, name, changed)
    }
    return [{ ...record, properties }]
  })

/** Changes what is read. */
export const read =
  (change: (records: ReadonlyArray<GraphRecord>) => ReadonlyArray<GraphRecord>) =>
  (backend: GraphBackend): GraphBackend => ({
    ...backend,
    read: (selection) =>
      Stream.unwrap(
        Effect.map(Stream.runCollect(backend.read(selection)), (all) =>
          Stream.fromIterable(change(Chunk.toReadonlyArray(all)))
        )
      )
  })

/** Changes what is looked up. */
export const lookup =
  (change: (found: ReadonlyArray<GraphRecord>, asked: ReadonlyArray<GraphRecord>) => ReadonlyArray<GraphRecord>) =>
  (backend: GraphBackend): GraphBackend => ({
    ...backend,
    lookup: (records) => Effect.map(backend.lookup(records), (found) => change(found, records))
  })

/** Changes sessions. */
export const session =
  (change: (session: WriteSession, store: MemoryStore) => WriteSession) =>
  (backend: GraphBackend, store: MemoryStore): GraphBackend => ({
    ...backend,
    openSession: (options) => Effect.map(backend.openSession(options), (opened) => change(opened, store))
  })
