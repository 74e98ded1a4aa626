/** The backend over Bolt, put together; `Neo4jBackend.ts` and `MemgraphBackend.ts` only choose the dialect. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as crypto from "node:crypto"
import * as dns from "node:dns/promises"
import * as fs from "node:fs/promises"
import { type MigrationError, StoreUnavailable } from "../../domain/Errors.ts"
import type { Diagnosis, GraphBackend, Health } from "../GraphBackend.ts"
import * as JournaledSession from "../JournaledSession.ts"
import type { ServerConfig } from "../StoreConfig.ts"
import * as WriteSession from "../WriteSession.ts"
import { connect, type Connection, type Limits, LIMITS } from "./connection.ts"
import type { CatalogEntry, Description, Dialect } from "./Dialect.ts"
import { type Server, storeUnavailable } from "./failures.ts"
import { holders } from "./fence.ts"
import { lookup } from "./finding.ts"
import { indexLimits } from "./indexLimits.ts"
import { engineKeys, repeatedTexts } from "./keys.ts"
import * as Locator from "./Locator.ts"
import { countNodes, isEmpty, read, type Reader, statistics, unavailable } from "./reading.ts"
import { fit } from "./records.ts"
import { hasMemoryIndex, makeEngine, writable } from "./session.ts"
import { makeSlicer } from "./slices.ts"
import type { Writer } from "./writing.ts"

/** The part of a config that both servers share. */
export interface BoltConfig extends ServerConfig {
  readonly database?: string | undefined
  readonly routing?: boolean | undefined
}

const locationOf = (dialect: Dialect, config: BoltConfig): string => {
  const host = config.host.includes(":") ? `[${config.host}]` : config.host
  const scheme = dialect.kind === "memgraph" ? "memgraph" : config.routing === true ? "neo4j" : "bolt"
  return `${scheme}://${host}:${config.port}${config.database === undefined ? "" : `/${config.database}`}`
}

const unavailableAs = (
  server: Server,
  reason: "not-this-kind" | "driver" | "unsupported",
  message: string,
  cause?: unknown
) => new StoreUnavailable({ backend: server.kind, location: server.location, reason, message, cause })

// The driver would read the file in a callback of its own, where a failure ends the process.
const checkCaFile = (server: Server, { caFile }: BoltConfig): Effect.Effect<void, StoreUnavailable> =>
  caFile === undefined
    ? Effect.void
    : Effect.tryPromise({
        try: () => fs.access(caFile, fs.constants.R_OK),
        catch: (cause) =>
          unavailableAs(
            server,
            "driver",
            `The certificate file ${caFile} cannot be read. Check the path given with --ca-file.`,
            cause
          )
      })

const checkKind = ({ agent, server }: Connection): Effect.Effect<void, StoreUnavailable> => {
  const isMemgraph = /Memgraph/i.test(agent)
  if (isMemgraph === (server.kind === "memgraph")) return Effect.void
  const rest = server.location.replace(/^\w+:\/\//, "")
  const [is, scheme] = isMemgraph ? ["Memgraph", "memgraph"] : ["Neo4j", "bolt"]
  const message = `${server.location} answers as ${is}, not as ${server.title}. Name it as ${scheme}://${rest}.`
  return Effect.fail(unavailableAs(server, "not-this-kind", message))
}

const address = (host: string): Effect.Effect<string> =>
  Effect.tryPromise(() => dns.lookup(host)).pipe(
    Effect.map((found) => found.address.replace(/^::1$/, "127.0.0.1")),
    Effect.orElseSucceed(() => host.toLowerCase())
  )

const identityOf = (dialect: Dialect, config: BoltConfig, { storeId }: Description): Effect.Effect<string> =>
  storeId !== undefined
    ? Effect.succeed(`${dialect.kind}:${storeId}`)
    : Effect.map(address(config.host), (host) => `${dialect.kind}:${host}:${config.port}/${config.database ?? ""}`)

const NOT_ONLINE = "is not online: it is being built, or it failed"

const healthOf = ({ connection, dialect }: Reader): Effect.Effect<Health, StoreUnavailable> =>
  Effect.gen(function* () {
    const description = yield* dialect.describe(connection)
    const catalog = yield* dialect.catalog(connection)
    const held = (yield* holders({ dialect }, connection)).map(
      ({ run, host, age, dirty }) =>
        `Run ${run} on ${host} holds this store (last sign of life ${Math.max(0, Math.round(age / 1000))} s ago)` +
        (dirty ? "; what it has written is not published." : " and has written nothing yet.")
    )
    const waiting = catalog.filter((entry) => !entry.online).map((entry) => `Index ${entry.name} ${NOT_ONLINE}.`)
    const { unwritable } = description
    return {
      version: description.version,
      writable: unwritable === undefined,
      notes: [
        ...(unwritable === undefined ? [] : [`It cannot be written: ${unwritable.why}.`]),
        ...description.notes,
        ...waiting,
        ...held
      ]
    }
  }).pipe(Effect.mapError(unavailable(connection)))

const FIRST = 20

const diagnose = ({ connection, dialect }: Reader): Effect.Effect<Diagnosis, StoreUnavailable> =>
  Effect.scoped(
    Effect.gen(function* () {
      const { facts } = yield* dialect.describe(connection)
      const catalog = yield* dialect.catalog(connection)
      const transaction = yield* connection.reading
      const repeated = yield* repeatedTexts(transaction, dialect, "nodes", yield* countNodes(transaction))
      return {
        facts,
        indexes: catalog.map(({ kind, name, names, online, properties, state }) => ({
          name: `${kind === "unique" ? "unique constraint" : "index"} ${names.join("|")}(${properties.join(", ")})${name === "" ? "" : ` ${name}`}`,
          state: state ?? (online ? "online" : "not online")
        })),
        duplicates: { first: repeated.toSorted().slice(0, FIRST), total: repeated.length }
      }
    })
  ).pipe(Effect.mapError(unavailable(connection)))

/** The indexes that a load will meet: those of the store, and ours where the store is empty. */
const limitsOf = (dialect: Dialect, catalog: ReadonlyArray<CatalogEntry>, empty: boolean) =>
  indexLimits(empty ? [...catalog, ...dialect.schema.map(({ entry }) => entry)] : catalog, dialect.keyBytes)

/** Connects over Bolt; the connection closes with the scope. */
export const make = (
  dialect: Dialect,
  config: BoltConfig,
  limits: Limits = LIMITS
): Effect.Effect<GraphBackend, MigrationError, Scope.Scope> =>
  Effect.gen(function* () {
    const location = locationOf(dialect, config)
    const server: Server = { kind: dialect.kind, title: dialect.title, location }
    yield* checkCaFile(server, config)
    const options = { server, database: config.database, routing: config.routing === true, limits }
    const connection = yield* Effect.mapError(connect(config, options), (failure) => storeUnavailable(server, failure))
    yield* checkKind(connection)
    const description = yield* Effect.mapError(dialect.describe(connection), unavailable(connection))
    if (description.unwritable?.reason === "unsupported" && dialect.kind === "neo4j") {
      yield* unavailableAs(server, "unsupported", `${location}: ${description.unwritable.why}.`)
    }
    const identity = yield* identityOf(dialect, config, description)
    const reader: Reader = { connection, dialect, engineKeys: engineKeys(dialect, scopeOf(identity)) }
    const catalog = yield* Effect.mapError(dialect.catalog(connection), unavailable(connection))
    const locator = yield* Locator.make(connection, dialect, reader.engineKeys, hasMemoryIndex(catalog))
    const storing = { profile: dialect.profile, limits: limitsOf(dialect, catalog, yield* isEmpty(reader)) }
    const writer: Writer = { reader, locator, storing, slicer: makeSlicer() }

    return {
      kind: dialect.kind,
      location,
      identity,
      capabilities: { isolated: false, snapshot: dialect.snapshot, fulltext: dialect.fulltext },
      health: healthOf(reader),
      diagnose: diagnose(reader),
      statistics: statistics(reader),
      dangling: Effect.succeed({ first: [], total: 0 }),
      read: (selection) => read(reader, selection),
      lookup: (records) => lookup(reader, locator, records),
      fit: fit(storing),
      // Not to be interrupted between taking the fence and guarding it by the scope; every call has its time limit.
      openSession: (session) =>
        Effect.uninterruptible(
          Effect.gen(function* () {
            yield* writable(writer)
            const driver = yield* JournaledSession.open(makeEngine(writer), session)
            return yield* WriteSession.make({ ...driver, fit: fit(storing) }, session)
          })
        )
    }
  })

const scopeOf = (identity: string): string => crypto.hash("sha256", identity).slice(0, 8)
