/**
 * A Neo4j in use as the target of a migration that overwrites: put back for every point of a sweep, and looked at by
 * the engine's own driver alone.
 */
import type { Driver } from "neo4j-driver"
import { connect } from "../../src/backend/registry.ts"
import * as Neo4jBackend from "../../src/backend/bolt/Neo4jBackend.ts"
import type { Limits } from "../../src/backend/bolt/connection.ts"
import { failedReport } from "../../src/migration/outcome.ts"
import { migrate, type WriteOptions } from "../../src/migration/migrate.ts"
import type { RunReport } from "../../src/migration/report.ts"
import { rollback } from "../../src/migration/rollback.ts"
import { makeRunId, Recorder } from "../../src/migration/Run.ts"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import { type Dump, record } from "../pairs/dump.ts"
import { copyOf, tempFolder } from "../support/migrating.ts"

/** A rested target can wait; one under fire is given up sooner. Seconds. */
export const IMPATIENT: Limits = {
  connect: 4,
  begin: 3,
  statement: 5,
  transaction: 3,
  commit: 3,
  close: 0.5,
  grace: 1.5
}

type Row = ReadonlyArray<unknown>

/** One statement by the driver itself. */
export const query = async (
  driver: Driver,
  text: string,
  parameters: Record<string, unknown> = {}
): Promise<ReadonlyArray<Row>> => {
  const session = driver.session()
  try {
    const result = await session.run(text, parameters)
    return result.records.map((row) => row.keys.map((key): unknown => row.get(key)))
  } finally {
    await session.close()
  }
}

const NODES = "MATCH (n) RETURN elementId(n), labels(n), properties(n)"
const RELATIONSHIPS = "MATCH (a)-[r]->(b) RETURN elementId(a), type(r), elementId(b), properties(r), a.id, b.id"
const INDEXES = "SHOW INDEXES YIELD name, type, state RETURN name, type, state"

const texts = (value: unknown): ReadonlyArray<string> => (Array.isArray(value) ? value.map(String).sort() : [])
const properties = (value: unknown): { readonly [name: string]: unknown } => ({ ...Object(value) })

/** Everything that is there, marks of ours included: records, then indexes. */
export const dump = async (driver: Driver): Promise<Dump> => {
  const nodes = await query(driver, NODES)
  const relationships = await query(driver, RELATIONSHIPS)
  const indexes = await query(driver, INDEXES)
  return [
    ...nodes.map(([, labels, has]) => record(texts(labels), properties(has))),
    ...relationships.map(([, type, , has, from, to]) =>
      record([String(from), String(type), String(to)], properties(has))
    ),
    ...indexes.map((row) => row.join(" "))
  ].sort()
}

/** What is there now, as something to be put back later; the schema stays. */
export const snapshot = async (from: Driver): Promise<(driver: Driver) => Promise<void>> => {
  const nodes = (await query(from, NODES)).map(([id, labels, has]) => ({ id, labels, has }))
  const relationships = (await query(from, RELATIONSHIPS)).map(([a, type, b, has]) => ({ from: a, type, to: b, has }))
  return async (driver) => {
    await query(driver, "MATCH (n) DETACH DELETE n")
    const made = await query(
      driver,
      "UNWIND $nodes AS row CREATE (n:$(row.labels)) SET n = row.has RETURN row.id, elementId(n)",
      { nodes }
    )
    const ids = new Map(made.map(([id, now]) => [id, now]))
    const rows = relationships.map((row) => ({ ...row, from: ids.get(row.from), to: ids.get(row.to) }))
    await query(
      driver,
      "UNWIND $rows AS row MATCH (a) WHERE elementId(a) = row.from MATCH (b) WHERE elementId(b) = row.to " +
        "CREATE (a)-[r:$(row.type)]->(b) SET r = row.has",
      { rows }
    )
  }
}

/**
 * Makes a store in use out of one that holds the whole fixture: half of it is not there, some of the rest has changed,
 * and there is what the migration knows nothing of.
 */
export const occupy = async (driver: Driver): Promise<void> => {
  const ids = (await query(driver, "MATCH (m:Memory) RETURN m.id ORDER BY m.id")).map(([id]) => id)
  const gone = ids.filter((_, at) => at % 2 === 0)
  const changed = ids.filter((_, at) => at % 4 === 1)
  await query(driver, "MATCH (m:Memory) WHERE m.id IN $gone DETACH DELETE m", { gone })
  await query(driver, "MATCH (m:Memory) WHERE m.id IN $changed SET m.title = 'theirs', m.extra = 1.5, m:Theirs", {
    changed
  })
  await query(driver, "MATCH (a)-[r]->(b) WITH r ORDER BY r.id LIMIT 3 SET r.strength = 0.125")
  await query(
    driver,
    "MATCH (m:Memory) WITH m ORDER BY m.id LIMIT 1 " +
      "CREATE (p:Person {id: 'p', born: date('2020-02-29')})-[:KNOWS]->(m), (p)-[:KNOWS]->(m), (p)-[:SELF {id: 's'}]->(p)"
  )
}

/** How a migration is run. */
export interface Running {
  readonly port: number
  readonly limits?: Limits
  readonly options?: Partial<WriteOptions>
}

const target = ({ port, limits }: Running) => Neo4jBackend.make({ kind: "neo4j", host: "127.0.0.1", port }, limits)

/** Migrates the fixture into the server at `port`, overwriting; the report also of a run that failed. */
export const migrateTo = async (running: Running): Promise<{ readonly report: RunReport; readonly state: string }> => {
  const state = `${tempFolder()}/state`
  const recorder = new Recorder({ run: makeRunId(new Date()), command: "migrate" })
  const program = Effect.gen(function* () {
    const source = yield* connect({ kind: "sqlite", path: copyOf("python-small.db") })
    const options = { stateFolder: state, onConflict: "overwrite" as const, recorder, ...running.options }
    return yield* migrate(source, yield* target(running), options)
  })
  const report = await Effect.runPromise(
    Effect.scoped(program).pipe(
      Logger.withMinimumLogLevel(LogLevel.None),
      Effect.catchAllCause((cause) => Effect.sync(() => failedReport(recorder, cause)))
    )
  )
  return { report, state }
}

/** Takes the run back, as `runs rollback` does. */
export const rollBack = (running: Running, state: string, run: string): Promise<RunReport> =>
  Effect.runPromise(Effect.scoped(Effect.flatMap(target(running), (to) => rollback(to, { stateFolder: state, run }))))
