/**
 * A connection to a FalkorDB engine: raw commands and replies, with the driver's errors sorted out in one place.
 *
 * Replies are taken raw, not through the driver's own result parser: that one reads names from a cache of ids (wrong
 * names after another client has renamed a graph), integers beyond 2^53 inexactly, and text that is not UTF-8 as
 * U+FFFD. Here integers arrive as decimal strings and text as bytes.
 */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { FalkorDB, type FalkorDBOptions } from "falkordb"
import { StoreUnavailable, type StoreReason, WriteFailed, type WriteReason } from "../../domain/Errors.ts"

/** A raw reply: integers and simple strings as strings, text as bytes. */
export type Reply = string | Buffer | null | ReadonlyArray<Reply>

/** A command that failed, sorted. `answered` is false where nobody can tell whether the command took effect. */
export class CommandFailed extends Data.TaggedError("CommandFailed")<{
  readonly reason: StoreReason | "store-full" | "refused-record"
  readonly answered: boolean
  readonly message: string
  readonly cause: unknown
}> {}

/** An open connection. Commands are sent one after the other; none is ever sent twice. */
export interface Connection {
  /** Where it leads, for people. */
  readonly location: string
  /** The registry's name of the backend that uses it. */
  readonly backend: string
  readonly command: (...args: ReadonlyArray<string | Buffer>) => Effect.Effect<Reply, CommandFailed>
  /**
   * The same connection for as long as the server lives that it leads to now: after a restart, which may have made the
   * server forget, nothing more is sent and every command fails with `went-away`.
   */
  readonly pinned: Connection
}

/** How to connect, and how to call the place in messages. */
export interface ConnectionOptions {
  readonly backend: string
  readonly location: string
  readonly driver: FalkorDBOptions
  /** Connect again, before the next command, when the connection was lost: for servers, not for our own child. */
  readonly reconnect: boolean
  /**
   * How long an answer is waited for, in milliseconds; then the connection counts as lost. Without one for ever: the end
   * of our own child does not go unnoticed.
   */
  readonly timeLimit?: number | undefined
}

/** How long the answer of a server is waited for unless something else is said: longer than any query of ours takes. */
export const TIME_LIMIT = 600_000

// Keys of the driver's type mapping are RESP type bytes: ":" integers (as text: exact beyond 2^53), "$" bulk strings.
const EXACT = { [":".charCodeAt(0)]: String, ["$".charCodeAt(0)]: Buffer }

const CONNECT_TIMEOUT = 10_000

const text = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause))

const code = (cause: unknown): string =>
  typeof cause === "object" && cause !== null && "code" in cause ? String(cause.code) : ""

// The order matters: the first that fits. Server errors carry no code, their text begins with a word for the kind.
const KINDS: ReadonlyArray<readonly [RegExp, CommandFailed["reason"]]> = [
  [/^(NOAUTH|WRONGPASS|ERR invalid password|ERR AUTH|NOPERM.*auth)/i, "authentication"],
  [/certificate|self[- ]signed|CERT_/i, "authentication"],
  [/^NOPERM/, "permission"],
  [/unknown command/i, "not-this-kind"],
  [/^WRONGTYPE|not a graph|wrong kind of value/i, "not-this-kind"],
  [/^READONLY|read only replica/i, "read-only"],
  [/^(OOM|MISCONF)|No space left/i, "store-full"],
  [/query timed out/i, "timeout"],
  [/^LOADING|^MASTERDOWN|^CLUSTERDOWN/, "unreachable"],
  [/constraint violation/i, "refused-record"],
  [/empty key/i, "missing-database"]
]

const LOST = /socket closed|client is closed|connection (?:is )?closed|disconnects|ECONNRESET|EPIPE/i
const UNREACHABLE = /ECONNREFUSED|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ENOENT|connection timeout/i

const sort = (cause: unknown): CommandFailed => {
  const message = text(cause)
  const known = `${code(cause)} ${message}`
  if (LOST.test(known)) return new CommandFailed({ reason: "went-away", answered: false, message, cause })
  if (UNREACHABLE.test(known)) return new CommandFailed({ reason: "unreachable", answered: true, message, cause })
  const kind = KINDS.find(([pattern]) => pattern.test(message))
  return new CommandFailed({ reason: kind?.[1] ?? "driver", answered: true, message, cause })
}

const ADVICE: { readonly [reason: string]: string } = {
  authentication: "Check the user and the password, or the certificate.",
  permission: "Give the user the rights for the commands of this store.",
  "not-this-kind": "It is a Redis server or key without a FalkorDB graph: check host, port and graph.",
  "read-only": "It is a replica: use the address of the primary.",
  "refused-record": "A constraint of this store does not allow it.",
  "store-full": "Free memory or disk space on the server first.",
  timeout: "Raise the server's TIMEOUT settings (GRAPH.CONFIG SET TIMEOUT_MAX 0) and run again.",
  unreachable: "Check that the server runs and that host and port are right.",
  "went-away": "Check the server and run again."
}

const sentence = (failed: CommandFailed, location: string): string =>
  `${location}: ${failed.message.replace(/\.$/, "")}. ${ADVICE[failed.reason] ?? ""}`.trim()

/** A failed command as the failure of a store that cannot be used. */
export const unavailable =
  (connection: { readonly backend: string; readonly location: string }) =>
  (failed: CommandFailed): StoreUnavailable =>
    new StoreUnavailable({
      backend: connection.backend,
      location: connection.location,
      reason: failed.reason === "store-full" || failed.reason === "refused-record" ? "driver" : failed.reason,
      message: sentence(failed, connection.location),
      cause: failed.cause
    })

const writeReason = (reason: CommandFailed["reason"]): WriteReason => {
  switch (reason) {
    case "read-only":
    case "store-full":
    case "refused-record":
    case "went-away":
      return reason
    case "unreachable":
      return "went-away"
    default:
      return "driver"
  }
}

/** A failed command as a failed write. */
export const writeFailed =
  (connection: { readonly backend: string; readonly location: string }, phase: string) =>
  (failed: CommandFailed): WriteFailed =>
    new WriteFailed({
      backend: connection.backend,
      location: connection.location,
      phase,
      reason: writeReason(failed.reason),
      message: sentence(failed, connection.location),
      cause: failed.cause
    })

interface Open {
  readonly send: (args: ReadonlyArray<string | Buffer>) => Promise<Reply>
  readonly isOpen: () => boolean
  readonly close: () => Promise<void>
}

// While it connects, the driver forwards a lost connection to an emitter that nobody can listen to yet; an `error`
// event that nobody hears ends the process, and leaves the connecting undecided. Only while we connect, it is not sent.
let connecting = 0
// oxlint-disable-next-line typescript/unbound-method -- it is called with its own `this` below
const { emit } = FalkorDB.prototype
FalkorDB.prototype.emit = function (this: FalkorDB, event: string | symbol, ...args: Array<unknown>) {
  if (event === "error" && connecting > 0 && this.listenerCount("error") === 0) return false
  return emit.call(this, event, ...args)
}

// A promise with a time limit; what becomes of it later is nobody's concern.
const within = <A>(limit: number | undefined, promise: Promise<A>, late: () => Error): Promise<A> => {
  if (limit === undefined) return promise
  return new Promise<A>((resolve, reject) => {
    const timer = setTimeout(() => reject(late()), limit)
    promise.then(resolve, reject).finally(() => clearTimeout(timer))
  })
}

const connect = async (options: FalkorDBOptions, limit: number | undefined): Promise<Open> => {
  // A driver that refuses the login has already opened its socket, and hands it to nobody: the signal ends it.
  const abort = new AbortController()
  const socket = { connectTimeout: CONNECT_TIMEOUT, ...options.socket, signal: abort.signal, reconnectStrategy: false }
  const patience = limit === undefined ? CONNECT_TIMEOUT : Math.min(limit, CONNECT_TIMEOUT)
  let db: FalkorDB
  connecting++
  try {
    const opening = FalkorDB.connect({ ...options, socket })
    // The driver's own limit ends with the socket's opening; a server may hang after that.
    db = await within(patience, opening, () => new Error(`Connection timeout: no answer within ${patience} ms`))
  } catch (cause) {
    abort.abort()
    // The socket's own end is told a moment later.
    await new Promise((resolve) => setTimeout(resolve, 10))
    throw cause
  } finally {
    connecting--
  }
  // Without a listener a lost connection would end the process; the pending command fails by itself.
  db.on("error", () => {})
  const client = await db.connection
  const close = async () => {
    if (client.isOpen) client.destroy()
    abort.abort()
  }
  return {
    send: (args) => {
      const answer = client.sendCommand<Reply>([...args], { typeMapping: EXACT })
      return within(limit, answer, () => {
        // What comes late must not be taken for the answer to something else.
        void close()
        return new Error(`Socket closed: no answer within ${limit} ms`)
      })
    },
    isOpen: () => client.isReady,
    close
  }
}

// What the server says to a question that not every user may ask; undefined where it does not say it.
const asked = async (open: Open, ...args: ReadonlyArray<string>): Promise<string | undefined> => {
  try {
    return String(await open.send(args))
  } catch (cause) {
    if (sort(cause).answered) return undefined
    throw cause
  }
}

/** An open connection, what the server calls it, and the life of the server that it leads to. */
interface Line {
  readonly open: Open
  readonly id: string | undefined
  readonly life: string | symbol
}

// One life of a server is told from the next by its own id; where that may not be asked, each connection is one.
const introduce = async (open: Open): Promise<Line> => {
  const [server, id] = await Promise.all([asked(open, "INFO", "server"), asked(open, "CLIENT", "ID")])
  return { open, id, life: /^run_id:(.*)$/m.exec(server ?? "")?.[1] ?? Symbol("life") }
}

const RESTARTED = new CommandFailed({
  reason: "went-away",
  answered: true,
  message: "the server was restarted meanwhile",
  cause: undefined
})

/** Connects; the connection closes with the scope. */
export const make = (options: ConnectionOptions): Effect.Effect<Connection, CommandFailed, Scope.Scope> =>
  Effect.gen(function* () {
    const { backend, location, reconnect, timeLimit } = options
    const dial: Effect.Effect<Line, CommandFailed> = Effect.tryPromise({
      try: async () => {
        const open = await connect(options.driver, timeLimit)
        try {
          return reconnect ? await introduce(open) : { open, id: undefined, life: Symbol("life") }
        } catch (cause) {
          await open.close()
          throw cause
        }
      },
      catch: sort
    })
    const held = yield* Effect.acquireRelease(
      Effect.map(dial, (line) => ({ line })),
      ({ line }) => Effect.promise(() => line.open.close())
    )
    const dialing = yield* Effect.makeSemaphore(1)
    const isReady = () => held.line.open.isOpen() || !reconnect
    // What is still on its way over the old connection must not arrive behind what is sent over the new one: the server
    // ends the old one, where the user may ask for it.
    const redial = Effect.uninterruptible(
      Effect.gen(function* () {
        const old = held.line
        const line = yield* dial
        yield* Effect.promise(() => old.open.close())
        const { id } = old
        if (id !== undefined && old.life === line.life) {
          yield* Effect.tryPromise({ try: () => asked(line.open, "CLIENT", "KILL", "ID", id), catch: sort }).pipe(
            Effect.tapError(() => Effect.promise(() => line.open.close()))
          )
        }
        held.line = line
      })
    )
    const ready = Effect.suspend(() =>
      isReady() ? Effect.void : dialing.withPermits(1)(Effect.suspend(() => (isReady() ? Effect.void : redial)))
    )
    const open = (pinnedTo: string | symbol | undefined): Connection => ({
      backend,
      location,
      command: (...args) =>
        Effect.flatMap(ready, () =>
          pinnedTo !== undefined && pinnedTo !== held.line.life
            ? Effect.fail(RESTARTED)
            : Effect.tryPromise({ try: () => held.line.open.send(args), catch: sort })
        ),
      get pinned() {
        return open(pinnedTo ?? held.line.life)
      }
    })
    return open(undefined)
  })
