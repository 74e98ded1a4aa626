/**
 * The connection over Bolt: one driver a scope, statements, transactions with bounded retries, and streamed results.
 * Whatever the driver throws leaves this file as a {@link DriverFailure}.
 *
 * The driver waits for a dead server up to a minute (its own retries), and for a silent one for ever: every call here
 * has a time limit of its own, counted by a timer beside the promise, so that it also holds where a fiber may not be
 * interrupted.
 */
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import neo4j, { type Config, type Driver, type Result, type ServerInfo, type Session } from "neo4j-driver"
import { driverFailure, DriverFailure, type Moment, type Server, timedOut } from "./failures.ts"
import { probe } from "./probe.ts"
import type { ServerConfig } from "../StoreConfig.ts"

/** One row of a result. */
export interface Row {
  readonly get: (column: string) => unknown
}

/** Statement parameters, in the driver's own values. */
export interface Parameters {
  readonly [name: string]: unknown
}

/** A transaction under way. */
export interface Transaction {
  readonly run: (text: string, parameters?: Parameters) => Effect.Effect<ReadonlyArray<Row>, DriverFailure>
}

/** A reading transaction whose results may be of any size. */
export interface ReadTransaction extends Transaction {
  readonly stream: (text: string, parameters?: Parameters) => Stream.Stream<Row, DriverFailure>
}

/** A connected server. */
export interface Connection {
  readonly server: Server
  readonly agent: string
  /**
   * One statement by itself, again where that may help: schema statements and `SHOW` must not stand in a transaction.
   * Only for what may be done twice.
   */
  readonly run: (text: string, parameters?: Parameters) => Effect.Effect<ReadonlyArray<Row>, DriverFailure>
  /** A reading transaction that ends with the scope. */
  readonly reading: Effect.Effect<ReadTransaction, DriverFailure, Scope.Scope>
  /**
   * Runs the body in one transaction and commits it, again from the start where that may help. The body must be safe to
   * run again; it sees nothing of the attempt before.
   */
  readonly transact: <A, E>(
    body: (transaction: Transaction) => Effect.Effect<A, E | DriverFailure>
  ) => Effect.Effect<A, E | DriverFailure>
  /** Changes whenever anything is committed to the database; undefined where the server gives no such mark. */
  readonly bookmark: Effect.Effect<string | undefined, DriverFailure>
}

/** What is needed to connect, besides the {@link ServerConfig}. */
export interface ConnectOptions {
  readonly server: Server
  readonly database: string | undefined
  readonly routing: boolean
}

const CONNECT_SECONDS = 4
const STATEMENT_SECONDS = 600
const COMMIT_SECONDS = 120
const CLOSE_SECONDS = 3
/** Rows that the driver asks for at a time, and that a chunk holds at most. */
const FETCH_SIZE = 1000

const call = <A>(moment: Moment, seconds: number, promise: () => PromiseLike<A>): Effect.Effect<A, DriverFailure> =>
  Effect.tryPromise({
    try: () =>
      new Promise<A>((resolve, reject) => {
        const timer = setTimeout(() => reject(timedOut(moment, seconds)), seconds * 1000)
        const settle = (end: () => void) => {
          clearTimeout(timer)
          end()
        }
        promise().then(
          (value) => settle(() => resolve(value)),
          (cause: unknown) => settle(() => reject(cause))
        )
      }),
    catch: (cause) => (cause instanceof DriverFailure ? cause : driverFailure(cause, moment))
  })

// What cannot be closed in time is left to the operating system: an end must not hang.
const close = (what: { close(): Promise<void> }): Effect.Effect<void> =>
  call("run", CLOSE_SECONDS, () => what.close()).pipe(
    Effect.catchAll((failure) => Effect.logDebug("a Bolt connection did not close cleanly", failure.message))
  )

const tls = (config: ServerConfig): Pick<Config, "encrypted" | "trust" | "trustedCertificates"> => {
  const mode = config.tls ?? (config.caFile === undefined ? "off" : "verify")
  if (mode === "off") return { encrypted: "ENCRYPTION_OFF" }
  if (mode === "trust") return { encrypted: "ENCRYPTION_ON", trust: "TRUST_ALL_CERTIFICATES" }
  return config.caFile === undefined
    ? { encrypted: "ENCRYPTION_ON", trust: "TRUST_SYSTEM_CA_SIGNED_CERTIFICATES" }
    : {
        encrypted: "ENCRYPTION_ON",
        trust: "TRUST_CUSTOM_CA_SIGNED_CERTIFICATES",
        trustedCertificates: [config.caFile]
      }
}

const openDriver = (config: ServerConfig, options: ConnectOptions): Driver => {
  const host = config.host.includes(":") ? `[${config.host}]` : config.host
  const secret = config.password === undefined ? "" : Redacted.value(config.password)
  const named = config.user ?? (options.server.kind === "neo4j" ? "neo4j" : "")
  const anonymous = config.user === undefined && config.password === undefined
  return neo4j.driver(
    `${options.routing ? "neo4j" : "bolt"}://${host}:${config.port}`,
    anonymous ? undefined : neo4j.auth.basic(named, secret),
    {
      ...tls(config),
      useBigInt: true,
      fetchSize: FETCH_SIZE,
      maxConnectionPoolSize: 10,
      connectionTimeout: (CONNECT_SECONDS - 1) * 1000,
      connectionAcquisitionTimeout: (CONNECT_SECONDS - 1) * 1000,
      telemetryDisabled: true,
      userAgent: "memorygraph-migrate"
    }
  )
}

const RETRIES = Schedule.exponential("50 millis", 2).pipe(Schedule.jittered, Schedule.intersect(Schedule.recurs(7)))

/** Connects and verifies; fails fast where nobody answers. The driver closes with the scope. */
export const connect = (
  config: ServerConfig,
  options: ConnectOptions
): Effect.Effect<Connection, DriverFailure, Scope.Scope> =>
  Effect.gen(function* () {
    const encrypted = tls(config).encrypted === "ENCRYPTION_ON"
    yield* probe(config.host, config.port, encrypted, CONNECT_SECONDS)
    const driver = yield* Effect.acquireRelease(
      Effect.try({ try: () => openDriver(config, options), catch: (cause) => driverFailure(cause, "connect") }),
      close
    )
    const { database } = options
    const where = database === undefined ? {} : { database }
    // Sessions of one store read what the ones before them wrote, also in a cluster.
    const bookmarkManager = neo4j.bookmarkManager()
    const open = (access: "READ" | "WRITE") => driver.session({ ...where, bookmarkManager, defaultAccessMode: access })
    const info: ServerInfo = yield* call("connect", CONNECT_SECONDS, () => driver.getServerInfo(where))

    const session = (access: "READ" | "WRITE"): Effect.Effect<Session, never, Scope.Scope> =>
      Effect.acquireRelease(
        Effect.sync(() => open(access)),
        close
      )

    const collect = (result: () => Result): Effect.Effect<ReadonlyArray<Row>, DriverFailure> =>
      Effect.map(
        call("run", STATEMENT_SECONDS, () => result()),
        (done) => done.records
      )

    const reading: Connection["reading"] = Effect.gen(function* () {
      const held = yield* session("READ")
      const transaction = yield* call("run", STATEMENT_SECONDS, () => held.beginTransaction())
      return {
        run: (text, parameters) => collect(() => transaction.run(text, parameters)),
        stream: (text, parameters) => rows(() => transaction.run(text, parameters))
      }
    })

    const transact: Connection["transact"] = <A, E>(
      body: (transaction: Transaction) => Effect.Effect<A, E | DriverFailure>
    ) =>
      Effect.scoped(
        Effect.gen(function* () {
          const held = yield* session("WRITE")
          const transaction = yield* call("run", STATEMENT_SECONDS, () => held.beginTransaction())
          const value = yield* body({ run: (text, parameters) => collect(() => transaction.run(text, parameters)) })
          yield* Effect.uninterruptible(call("commit", COMMIT_SECONDS, () => transaction.commit()))
          return value
        })
      ).pipe(
        Effect.retry({
          schedule: RETRIES,
          while: (error) => error instanceof DriverFailure && error.retriable
        })
      )

    return {
      server: options.server,
      agent: info.agent ?? "",
      run: (text, parameters) =>
        Effect.scoped(Effect.flatMap(session("WRITE"), (held) => collect(() => held.run(text, parameters)))).pipe(
          Effect.retry({ schedule: RETRIES, while: (failure) => failure.retriable })
        ),
      reading,
      transact,
      bookmark: Effect.scoped(
        Effect.gen(function* () {
          const held = yield* session("READ")
          yield* collect(() => held.run("RETURN 1"))
          return held.lastBookmarks()[0]
        })
      )
    }
  })

// The driver keeps at most two fetches ahead of the reader, so that a result of any size needs constant memory.
const rows = (start: () => Result): Stream.Stream<Row, DriverFailure> =>
  Stream.suspend(() => {
    const iterator = start()[Symbol.asyncIterator]()
    const take = async (): Promise<ReadonlyArray<Row>> => {
      const taken: Array<Row> = []
      while (taken.length < FETCH_SIZE) {
        const next = await iterator.next()
        if (next.done === true) break
        taken.push(next.value)
      }
      return taken
    }
    return Stream.repeatEffectChunkOption(
      call("run", STATEMENT_SECONDS, take).pipe(
        Effect.mapError(Option.some),
        Effect.flatMap((taken) =>
          taken.length === 0 ? Effect.fail(Option.none()) : Effect.succeed(Chunk.unsafeFromArray(taken))
        )
      )
    )
  })
