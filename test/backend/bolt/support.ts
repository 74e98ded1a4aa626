/** What the tests over Bolt share: temporary journals, sessions, and a look at the store that does not use our code. */
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import type { Driver } from "neo4j-driver"
import type { GraphBackend } from "../../../src/backend/GraphBackend.ts"
import * as Journal from "../../../src/backend/Journal.ts"
import type { Overwrite, WriteSession } from "../../../src/backend/WriteSession.ts"
import type { MigrationError } from "../../../src/domain/Errors.ts"
import { canonicalLine } from "../../../src/domain/Canonical.ts"
import type { GraphRecord } from "../../../src/domain/Graph.ts"

/** A server that tests use. */
export interface Store {
  readonly connected: Effect.Effect<GraphBackend, MigrationError, Scope.Scope>
  /** Where it listens on 127.0.0.1. */
  readonly port: () => number
  /** A driver of the test's own. */
  readonly driver: () => Driver
  /** What {@link dump} shows while there is nothing. */
  readonly empty: () => ReadonlyArray<string>
}

/** A folder that goes with the scope. */
export const temporaryFolder: Effect.Effect<string, never, Scope.Scope> = Effect.acquireRelease(
  Effect.sync(() => fs.mkdtempSync(path.join(os.tmpdir(), "mg-bolt-"))),
  (folder) => Effect.sync(() => fs.rmSync(folder, { recursive: true, force: true }))
)

/** A new journal in a folder that goes with the scope, or the one at `file`. */
export const journal = (file?: string) =>
  Effect.gen(function* () {
    const at = file ?? path.join(yield* temporaryFolder, "journal.db")
    return yield* Journal.make(at)
  }).pipe(Effect.orDie)

let runs = 0

/** Opens a session of a new run, or of the run named. */
export const openSession = (
  backend: GraphBackend,
  options: {
    readonly run?: string
    readonly journal?: string
    readonly lease?: number
    readonly patience?: number
  } = {}
) =>
  Effect.gen(function* () {
    const run = options.run ?? `test-run-${process.pid}-${++runs}`
    return yield* backend.openSession({ ...options, run, journal: yield* journal(options.journal) })
  })

const BATCH = 1000

/** Creates records in batches of one kind, nodes first. */
export const create = (session: WriteSession, records: ReadonlyArray<GraphRecord>) =>
  Effect.gen(function* () {
    for (const tag of ["Node", "Relationship"]) {
      const some = records.filter((record) => record._tag === tag)
      for (let at = 0; at < some.length; at += BATCH) {
        yield* session.write({ create: some.slice(at, at + BATCH), overwrite: [] })
      }
    }
  })

export const overwrite = (session: WriteSession, pairs: ReadonlyArray<Overwrite>) =>
  session.write({ create: [], overwrite: pairs })

/** Writes and publishes. */
export const publish = (backend: GraphBackend, records: ReadonlyArray<GraphRecord>) =>
  Effect.gen(function* () {
    const session = yield* openSession(backend)
    yield* create(session, records)
    yield* session.publish
  })

/** Canonical lines, sorted: two graphs are the same exactly when these are. */
export const lines = (records: Iterable<GraphRecord>): ReadonlyArray<string> =>
  Array.from(records, canonicalLine).sort()

export const readAll = (from: Pick<GraphBackend, "read"> | Pick<WriteSession, "read">) =>
  Effect.map(Stream.runCollect(typeof from.read === "function" ? from.read() : from.read), (records) =>
    lines(Chunk.toReadonlyArray(records))
  )

/** Runs an effect with a scope of its own, as a promise. */
export const run = <A, E>(effect: Effect.Effect<A, E, Scope.Scope>): Promise<A> =>
  Effect.runPromise(Effect.scoped(effect))

/** Its failure, as a promise. */
export const failure = <A, E>(effect: Effect.Effect<A, E, Scope.Scope>): Promise<E> => run(Effect.flip(effect))

/** One statement by the driver itself. */
export const query = async (driver: Driver, text: string, parameters: Record<string, unknown> = {}) => {
  const session = driver.session()
  try {
    const result = await session.run(text, parameters)
    return result.records.map((record): Record<string, unknown> => record.toObject())
  } finally {
    await session.close()
  }
}

/** Removes all data, in portions that any server takes. */
export const wipe = async (driver: Driver) => {
  for (;;) {
    const [row] = await query(driver, "MATCH (n) WITH n LIMIT 5000 DETACH DELETE n RETURN count(*) AS total")
    if (Number(row?.["total"] ?? 0) === 0) return
  }
}

const show = (value: unknown): unknown => {
  if (typeof value === "bigint") return `${value}n`
  if (typeof value === "number") return `f:${Object.is(value, -0) ? "-0" : value}`
  if (typeof value !== "object" || value === null) return value
  if (Array.isArray(value) || ArrayBuffer.isView(value))
    return [value.constructor.name, ...Array.from(value as ArrayLike<unknown>, show)]
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
  return [value.constructor.name, entries.map(([name, item]) => [name, show(item)])]
}

/** Everything in a Neo4j store by the driver alone: the engine's ids, labels, properties with their kinds, the schema. */
export const dump = async (driver: Driver): Promise<ReadonlyArray<string>> => {
  const nodes = await query(
    driver,
    "MATCH (n) RETURN elementId(n) AS id, labels(n) AS names, properties(n) AS properties"
  )
  const relationships = await query(
    driver,
    "MATCH (a)-[r]->(b) RETURN elementId(r) AS id, [elementId(a), type(r), elementId(b)] AS names, properties(r) AS properties"
  )
  const schema = await query(
    driver,
    "SHOW INDEXES YIELD name, type, labelsOrTypes, properties RETURN name AS id, type, labelsOrTypes, properties"
  )
  const constraints = await query(driver, "SHOW CONSTRAINTS YIELD name, type RETURN name AS id, type")
  return [...nodes, ...relationships, ...schema, ...constraints].map((row) => JSON.stringify(show(row))).sort()
}
