/**
 * What the driver's errors mean, decided in this one place. Neo4j has codes; Memgraph has nearly one code for
 * everything, so there the message is looked at too.
 */
import * as Data from "effect/Data"
import { type StoreReason, StoreUnavailable, WriteFailed, type WriteReason } from "../../domain/Errors.ts"

/** Where in its life a statement failed. After `commit` without an answer nobody knows whether it took effect. */
export type Moment = "connect" | "run" | "commit"

/** An error of the driver or the server, before it is given the shape that its user needs. */
export class DriverFailure extends Data.TaggedError("DriverFailure")<{
  readonly moment: Moment
  /** `Neo.ClientError...`, `ServiceUnavailable`, or empty. */
  readonly code: string
  readonly message: string
  /** The same work may succeed if it is tried again, and it is certain that this time it did not take effect. */
  readonly retriable: boolean
  /** The server, or the way to it, is gone: nothing can be said until it answers again. */
  readonly lost: boolean
  readonly cause: unknown
}> {}

/** Who failed, for messages. */
export interface Server {
  /** The registry's name of the backend. */
  readonly kind: "neo4j" | "memgraph"
  /** `Neo4j` or `Memgraph`. */
  readonly title: string
  /** `bolt://host:port/database`. */
  readonly location: string
}

const LOST = new Set(["ServiceUnavailable", "SessionExpired", "ProtocolError"])
// A server that starts or stops, or a statement that it ended because it took too long.
const AWAY = /TimedOut|DatabaseUnavailable|connection acquisition timed out/i

// Memgraph marks some errors as transient that will never pass; the retries are bounded for them.
const TRANSIENT = /^(Neo|Memgraph)\.TransientError\./
const NEVER_PASSES = /MemoryPoolOutOfMemory|memory limit|LockClientStopped|Transaction\.Terminated|asked to abort/i

/** Makes a failure of whatever the driver threw. */
export const driverFailure = (cause: unknown, moment: Moment): DriverFailure => {
  const code =
    typeof cause === "object" && cause !== null && "code" in cause && typeof cause.code === "string" ? cause.code : ""
  const message = cause instanceof Error ? cause.message : String(cause)
  const passing = TRANSIENT.test(code) && !NEVER_PASSES.test(`${code} ${message}`)
  const lost = LOST.has(code) || AWAY.test(`${code} ${message}`)
  // What a commit has done is certain only if the server says so by itself, being well.
  const retriable = lost ? moment === "run" && (passing || LOST.has(code)) : passing
  return new DriverFailure({ moment, code, message: firstSentence(message), retriable, lost, cause })
}

/** A driver call that did not answer in time. */
export const timedOut = (moment: Moment, seconds: number): DriverFailure =>
  new DriverFailure({
    moment,
    code: "TimedOut",
    message: `no answer within ${seconds} s`,
    retriable: false,
    lost: true,
    cause: undefined
  })

const firstSentence = (message: string): string => {
  const line = message.split("\n", 1)[0]?.trim() ?? ""
  return line.length > 300 ? `${line.slice(0, 300)}...` : line
}

type Rule<Reason> = readonly [reason: Reason, pattern: RegExp]

const match = <Reason>(rules: ReadonlyArray<Rule<Reason>>, failure: DriverFailure, otherwise: Reason): Reason => {
  const text = `${failure.code} ${failure.message}`
  return rules.find(([, pattern]) => pattern.test(text))?.[0] ?? otherwise
}

const STORE_RULES: ReadonlyArray<Rule<StoreReason>> = [
  ["authentication", /Security\.(Unauthorized|Authentication|Credentials|Token)|authentication failure/i],
  ["missing-database", /DatabaseNotFound|DatabaseDoesNotExist|database .* (does not|doesn't) exist|unknown database/i],
  ["permission", /Security\.Forbidden|not authorized|permission denied|not allowed to/i],
  ["read-only", /ReadOnly|AccessMode|read-only|read only|write query.* replica|on the replica|NotALeader/i],
  ["unsupported", /analytical/i],
  ["timeout", /TimedOut|timed out|timeout|asked to abort/i],
  ["unreachable", /DatabaseUnavailable/],
  ["not-this-kind", /responded HTTP/],
  ["driver", /ProtocolError|routing/i]
]

const NEXT_STEP: { readonly [Reason in StoreReason]?: string } = {
  authentication: "Check the user name and the password.",
  permission: "Ask for a user with the right to read (and, for a target, to write) this database.",
  "missing-database": "Check the name given with --database.",
  "read-only": "Connect to a server, or as a user, that may write.",
  unreachable: "Check host and port, and whether the server runs.",
  timeout: "Check the server's load and try again.",
  "not-this-kind": "Give the port for Bolt (7687 unless it was changed), not the one for browsers.",
  "went-away": "Check the server and run the command again."
}

const reasonOf = (failure: DriverFailure): StoreReason =>
  LOST.has(failure.code) && !/routing/i.test(failure.message)
    ? failure.moment === "connect"
      ? "unreachable"
      : "went-away"
    : match(STORE_RULES, failure, "driver")

const TLS = /certificate|TLS|SSL|ENCRYPTION|handshake/i

const advice = (server: Server, failure: DriverFailure, reason: StoreReason): string => {
  if (failure.moment === "connect" && TLS.test(failure.message)) {
    return "The encrypted connection could not be made: check --tls and --ca-file."
  }
  if (/routing/i.test(failure.message)) {
    return server.kind === "neo4j"
      ? "The server gives no routing table: use bolt:// instead of neo4j://, or memgraph:// if it is Memgraph."
      : "Use memgraph:// or bolt://."
  }
  return NEXT_STEP[reason] ?? ""
}

/** The failure of reading or connecting, for people. */
export const storeUnavailable = (server: Server, failure: DriverFailure): StoreUnavailable => {
  const reason = reasonOf(failure)
  const what: { readonly [reason: string]: string } = {
    authentication: "refused the credentials",
    unreachable: "could not be reached",
    "missing-database": "has no such database",
    permission: "does not permit this",
    "read-only": "can only be read",
    "went-away": "went away",
    timeout: "did not answer in time",
    "not-this-kind": "does not speak Bolt"
  }
  const said = what[reason] ?? "failed"
  return new StoreUnavailable({
    backend: server.kind,
    location: server.location,
    reason,
    message:
      `${server.title} at ${server.location} ${said} (${failure.message}). ${advice(server, failure, reason)}`.trim(),
    cause: failure.cause
  })
}

const WRITE_RULES: ReadonlyArray<Rule<WriteReason>> = [
  [
    "refused-record",
    /Schema\.ConstraintValidation|Statement\.(TypeError|ArgumentError)|TokenName|too large to index|Request\.Invalid|unique constraint|existence constraint/i
  ],
  ["store-changed", /EntityNotFound/],
  ["store-full", /no space|disk full|OutOfMemory|memory limit|out of memory/i],
  ["read-only", /ReadOnly|AccessMode|read-only|read only|replica|NotALeader|Security\.Forbidden/i],
  ["locked", /Deadlock|LockClient|LockAcquisition|conflicting transactions|ConcurrentModification/i]
]

// A server that fails of itself while it commits may find the transaction committed when it comes back.
const isCertain = ({ code, lost }: DriverFailure, reason: WriteReason): boolean =>
  !lost && (reason === "refused-record" || /^(Neo|Memgraph)\.(ClientError|TransientError)\./.test(code))

const UNANSWERED: { readonly [phase: string]: string } = {
  preflight: "Nothing was changed, but a mark of this run may stand there now; it gives way to the next run."
}

/** The failure of writing, for people; `phase` is the run's phase. */
export const writeFailed = (server: Server, phase: string, failure: DriverFailure): WriteFailed => {
  const reason: WriteReason = failure.lost ? "went-away" : match(WRITE_RULES, failure, "driver")
  const what: { readonly [reason: string]: string } = {
    "refused-record": "refused a record",
    "store-full": "is full",
    "read-only": "can only be read",
    locked: "kept the records locked for somebody else",
    "store-changed": "was changed by somebody else meanwhile",
    "went-away": "went away"
  }
  const said = what[reason] ?? "failed"
  const now =
    failure.moment !== "commit" || isCertain(failure, reason)
      ? "Nothing of this batch was written."
      : (UNANSWERED[phase] ?? "It is not known whether the last batch took effect; the undo looks for it.")
  return new WriteFailed({
    backend: server.kind,
    location: server.location,
    phase,
    reason,
    message: `${server.title} at ${server.location} ${said} (${failure.message}). ${now}`,
    cause: failure.cause
  })
}
