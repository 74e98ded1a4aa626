/**
 * A FalkorDB graph as the target of a run that overwrites; looked at by raw replies alone.
 */
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Stream from "effect/Stream"
import * as FalkorDB from "../../src/backend/falkordb/FalkorDBBackend.ts"
import { importRecords, type WriteOptions } from "../../src/migration/migrate.ts"
import { failedReport } from "../../src/migration/outcome.ts"
import type { RunReport } from "../../src/migration/report.ts"
import { rollback } from "../../src/migration/rollback.ts"
import { makeRunId, Recorder } from "../../src/migration/Run.ts"
import { tempFolder } from "../support/migrating.ts"
import { raw, type Reply, rows } from "../support/rawRedis.ts"
import { incoming } from "./killing.ts"

const HOST = "127.0.0.1"
const SIZE = 40

/** All that there is under a graph's name, marks of ours included: records, indexes and other keys. */
export const dump = async (port: number, graph: string): Promise<ReadonlyArray<string>> => {
  const address = { host: HOST, port }
  const keys = await raw(address, "KEYS", "*")
  const names = (Array.isArray(keys) ? keys.map(String) : []).filter((key) => key.includes(graph))
  const others = names.filter((key) => key !== graph && !key.startsWith("telemetry{"))
  if (!names.includes(graph)) return others
  const has = (v: string) => `[k IN keys(${v}) | [k, typeOf(${v}[k]), ${v}[k]]]`
  // Properties are in the order that they were set in.
  const text = (value: Reply): string =>
    Array.isArray(value)
      ? value
          .map((item) => JSON.stringify(item))
          .sort()
          .join()
      : JSON.stringify(value)
  const sorted = (found: ReadonlyArray<ReadonlyArray<Reply>>) => found.map((row) => row.map(text).join(" ")).sort()
  return [
    ...others,
    ...sorted(await rows(address, graph, `MATCH (n) RETURN labels(n), ${has("n")}`)),
    ...sorted(await rows(address, graph, `MATCH (a)-[r]->(b) RETURN a.id, type(r), b.id, ${has("r")}`)),
    ...sorted(await rows(address, graph, "CALL db.indexes() YIELD label, properties RETURN label, properties"))
  ]
}

/** One run, into a graph behind a port. */
export interface Running {
  readonly port: number
  readonly graph: string
  /** Milliseconds. */
  readonly timeLimit?: number
  readonly options?: Partial<WriteOptions>
}

const target = ({ graph, port, timeLimit }: Running) =>
  FalkorDB.make({ kind: "falkordb", host: HOST, port, graph }, { timeLimit })

/** Brings the records in; how that ended, as the report says it. */
export const load = async (running: Running): Promise<{ readonly report: RunReport; readonly state: string }> => {
  const state = `${tempFolder()}/state`
  const recorder = new Recorder({ run: makeRunId(new Date()), command: "import" })
  const document = { path: "given", records: Stream.fromIterable(incoming(SIZE)) }
  const options = { stateFolder: state, onConflict: "overwrite" as const, recorder, ...running.options }
  const report = await Effect.runPromise(
    Effect.scoped(Effect.flatMap(target(running), (to) => importRecords(document, to, options))).pipe(
      Logger.withMinimumLogLevel(LogLevel.None),
      Effect.catchAllCause((cause) => Effect.sync(() => failedReport(recorder, cause)))
    )
  )
  return { report, state }
}

/** Takes a run back, as `runs rollback` does. */
export const rollBack = (running: Running, state: string, run: string): Promise<RunReport> =>
  Effect.runPromise(Effect.scoped(Effect.flatMap(target(running), (to) => rollback(to, { stateFolder: state, run }))))
