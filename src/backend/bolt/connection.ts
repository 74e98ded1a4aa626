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
   * run again; it sees nothing of the attempt before. The server itself ends a transaction that takes longer than
   * {@link Limits.transaction}: one that was cut off holds its locks no longer. A patient one has twice that time, so
   * that it can wait for another's locks until that one is ended; only such a one is tried again where the connection
   * was lost before the commit. A number of seconds makes the time shorter.
   */
  readonly transact: <A, E>(
    body: (transaction: Transaction) => Effect.Effect<A, E | DriverFailure>,
    time?: "patient" | number
  ) => Effect.Effect<A, E | DriverFailure>
  /** Changes whenever anything is committed to the database; undefined where the server gives no such mark. */
  readonly bookmark: Effect.Effect<string | undefined, DriverFailure>
}

/** What is needed to connect, besides the {@link ServerConfig}. */
export interface ConnectOptions {
  readonly server: Server
  readonly database: string | undefined
  readonly routing: boolean
  readonly limits?: Limits | undefined
}

/** How long a server that says nothing is waited for, in seconds. */
export interface Limits {
  readonly connect: number
  /** To begin a transaction. */
  readonly begin: number
  /** One statement by itself, or the next rows of a large result. */
  readonly statement: number
  /** A transaction that writes, without its commit. */
  readonly transaction: number
  readonly commit: number
  readonly close: number
  /** By how much the server may be late: it looks for transactions that it is to end every two seconds. */
  readonly grace: number
}

/** The limits unless a test has others. */
export const LIMITS: Limits = {
  connect: 4,
  begin: 30,
  statement: 600,
  transaction: 120,
  commit: 120,
  close: 3,
  grace: 5
}
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
const closing = (seconds: number) => (what: { close(): Promise<void> }) =>
  call("run", seconds, () => what.close()).pipe(
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
  const connectMillis = ((options.limits ?? LIMITS).connect - 1) * 1000
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
      connectionTimeout: connectMillis,
      connectionAcquisitionTimeout: connectMillis,
      telemetryDisabled: true,
      userAgent: "memorygraph-migrate"
    }
  )
}

const BACKOFF = Schedule.jittered(Schedule.exponential("50 millis", 2))
const RETRIES = Schedule.intersect(BACKOFF, Schedule.recurs(7))
/** For a connection that was lost. Whether to wait for a server is decided by whoever writes. */
const FEW_RETRIES = Schedule.intersect(BACKOFF, Schedule.recurs(2))

/** Connects and verifies; fails fast where nobody answers. The driver closes with the scope. */
export const connect = (
  config: ServerConfig,
  options: ConnectOptions
): Effect.Effect<Connection, DriverFailure, Scope.Scope> =>
  Effect.gen(function* () {
    const encrypted = tls(config).encrypted === "ENCRYPTION_ON"
    const { limits = LIMITS } = options
    const close = closing(limits.close)
    yield* probe(config.host, config.port, encrypted, limits.connect)
    const driver = yield* Effect.acquireRelease(
      Effect.try({ try: () => openDriver(config, options), catch: (cause) => driverFailure(cause, "connect") }),
      close
    )
    const { database } = options
    const where = database === undefined ? {} : { database }
    // Sessions of one store read what the ones before them wrote, also in a cluster.
    const bookmarkManager = neo4j.bookmarkManager()
    const open = (access: "READ" | "WRITE") => driver.session({ ...where, bookmarkManager, defaultAccessMode: access })
    const info: ServerInfo = yield* call("connect", limits.connect, () => driver.getServerInfo(where))

    const session = (access: "READ" | "WRITE"): Effect.Effect<Session, never, Scope.Scope> =>
      Effect.acquireRelease(
        Effect.sync(() => open(access)),
        close
      )

    const collect = (
      result: () => Result,
      seconds: number = limits.statement
    ): Effect.Effect<ReadonlyArray<Row>, DriverFailure> =>
      Effect.map(
        call("run", seconds, () => result()),
        (done) => done.records
      )

    const reading: Connection["reading"] = Effect.gen(function* () {
      const held = yield* session("READ")
      const transaction = yield* call("run", limits.begin, () => held.beginTransaction())
      return {
        run: (text, parameters) => collect(() => transaction.run(text, parameters)),
        stream: (text, parameters) => rows(() => transaction.run(text, parameters), limits.statement)
      }
    })

    const transact: Connection["transact"] = <A, E>(
      body: (transaction: Transaction) => Effect.Effect<A, E | DriverFailure>,
      time: "patient" | number = limits.transaction
    ) => {
      const isPatient = time === "patient"
      const seconds = isPatient ? limits.transaction * 2 : Math.min(limits.transaction, time)
      const again = (error: unknown, isLost: boolean) =>
        error instanceof DriverFailure && error.retriable && error.lost === isLost
      // Where a lock that is taken makes a transaction fail at once, waiting is trying again.
      const waiting = Schedule.intersect(
        Schedule.either(BACKOFF, Schedule.spaced("2 seconds")),
        Schedule.upTo(Schedule.forever, `${seconds} seconds`)
      )
      return Effect.scoped(
        Effect.gen(function* () {
          const held = yield* session("WRITE")
          const transaction = yield* call("run", limits.begin, () => held.beginTransaction({ timeout: seconds * 1000 }))
          const value = yield* body({
            run: (text, parameters) => collect(() => transaction.run(text, parameters), seconds + limits.grace)
          })
          yield* Effect.uninterruptible(call("commit", limits.commit, () => transaction.commit()))
          return value
        })
      ).pipe(
        Effect.retry({ schedule: FEW_RETRIES, while: (error) => isPatient && again(error, true) }),
        Effect.retry({ schedule: isPatient ? waiting : RETRIES, while: (error) => again(error, false) })
      )
    }

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
const rows = (start: () => Result, seconds: number): Stream.Stream<Row, DriverFailure> =>
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
      call("run", seconds, take).pipe(
        Effect.mapError(Option.some),
        Effect.flatMap((taken) =>
          taken.length === 0 ? Effect.fail(Option.none()) : Effect.succeed(Chunk.unsafeFromArray(taken))
        )
      )
    )
  })
