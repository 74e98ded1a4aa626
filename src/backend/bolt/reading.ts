/** Reading a store over Bolt: the whole graph as a stream, counts by the engine, and lookups by key and by ends. */
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { type ReadError, SourceDataInvalid, type StoreUnavailable } from "../../domain/Errors.ts"
import type { GraphRecord } from "../../domain/Graph.ts"
import { ENCODING_PROPERTY, LABELS_PROPERTY, parseNote } from "../Encoding.ts"
import type { Selection, Statistics } from "../GraphBackend.ts"
import type { Connection, ReadTransaction, Row, Transaction } from "./connection.ts"
import { type Dialect, FENCE_LABEL, MEMORY_LABEL, STAND_IN_TYPE } from "./Dialect.ts"
import { DriverFailure, storeUnavailable } from "./failures.ts"
import { type EngineKeys, findRepeated } from "./keys.ts"
import { decodeNode, decodeRelationship, parseLabels } from "./records.ts"
import { rawKey, rawKeyOf, storedNode, storedRelationship } from "./stored.ts"
import { isNativeToken, Undecodable } from "./values.ts"

/** What reading needs. */
export interface Reader {
  readonly connection: Connection
  readonly dialect: Dialect
  readonly engineKeys: EngineKeys
}

/** Maps the driver's failures to the port's. */
export const unavailable =
  (connection: Connection) =>
  (failure: DriverFailure): StoreUnavailable =>
    storeUnavailable(connection.server, failure)

const invalid = (
  { server }: Connection,
  reason: "undecodable" | "counts-differ" | "changed-while-read",
  message: string,
  cause?: unknown
): SourceDataInvalid =>
  new SourceDataInvalid({
    backend: server.kind,
    location: server.location,
    reason,
    keys: { first: [], total: 0 },
    message,
    cause
  })

/** Runs a decoding of rows; what the domain cannot say becomes an error that names the record. */
export const decoding = <A>(connection: Connection, decode: () => A): Effect.Effect<A, SourceDataInvalid> =>
  Effect.suspend(() => {
    try {
      return Effect.succeed(decode())
    } catch (cause) {
      if (!(cause instanceof Undecodable)) throw cause
      const { title, location } = connection.server
      const message = `${title} at ${location} holds a value that cannot be read exactly (${cause.message}). Nothing was skipped: change that value, then run again.`
      return Effect.fail(invalid(connection, "undecodable", message, cause))
    }
  })

const NOT_FENCE = `NOT n:${FENCE_LABEL}`
const NOT_AT_FENCE = `NOT a:${FENCE_LABEL} AND NOT b:${FENCE_LABEL}`

// All, which the engine knows without looking, less the few that are not seen.
const COUNTS = {
  nodes: ["MATCH (n) RETURN count(n) AS total", `MATCH (n:${FENCE_LABEL}) RETURN count(n) AS total`],
  relationships: [
    "MATCH ()-[r]->() RETURN count(r) AS total",
    `MATCH (:${FENCE_LABEL})-[r]-() RETURN count(DISTINCT r) AS total`
  ]
}

const count = (transaction: Transaction, kind: keyof typeof COUNTS): Effect.Effect<number, DriverFailure> =>
  Effect.map(
    Effect.forEach(COUNTS[kind], (text) => transaction.run(text)),
    ([all, unseen]) => Number(all?.[0]?.get("total") ?? 0) - Number(unseen?.[0]?.get("total") ?? 0)
  )

/** How many nodes there are, besides a fence. */
export const countNodes = (transaction: Transaction): Effect.Effect<number, DriverFailure> =>
  count(transaction, "nodes")

/** True where the store holds no node, besides a fence. */
export const isEmpty = ({ connection }: Reader): Effect.Effect<boolean, StoreUnavailable> =>
  Effect.mapError(
    Effect.map(count(connection, "nodes"), (nodes) => nodes === 0),
    unavailable(connection)
  )

/**
 * The whole graph. Neo4j shows what others commit meanwhile; so the engine's own count before and after tells whether
 * every record can have been seen. A result of the driver is held back while nobody takes it, so memory is constant.
 */
export const read = (reader: Reader, selection: Selection = {}): Stream.Stream<GraphRecord, ReadError> => {
  const { connection, dialect, engineKeys } = reader
  const part = (
    transaction: ReadTransaction,
    kind: "nodes" | "relationships",
    text: string,
    decode: (row: Row) => GraphRecord
  ): Stream.Stream<GraphRecord, ReadError | DriverFailure> =>
    Stream.unwrap(
      Effect.gen(function* () {
        const before = yield* count(transaction, kind)
        let seen = 0
        const records = transaction.stream(text).pipe(
          Stream.mapChunksEffect((rows) =>
            decoding(connection, () => {
              seen += rows.length
              return Chunk.map(rows, decode)
            })
          )
        )
        const check = Effect.gen(function* () {
          const after = yield* count(transaction, kind)
          if (seen >= Math.min(before, after) && seen <= Math.max(before, after)) return
          const { title, location } = connection.server
          const what = `${title} at ${location} counts ${before} ${kind} before reading and ${after} after it, but ${seen} were read.`
          yield* before === after
            ? invalid(connection, "counts-differ", `${what} Nothing of it is used.`)
            : invalid(connection, "changed-while-read", `${what} Stop what writes to it, then run again.`)
        })
        return Stream.concat(records, Stream.execute(check))
      })
    )

  return Stream.unwrapScoped(
    Effect.gen(function* () {
      const transaction = yield* connection.reading
      const nodeTexts = yield* findRepeated(transaction, dialect, "nodes", yield* count(transaction, "nodes"))
      const keyOf = (raw: unknown, id: string) =>
        typeof raw === "string" && !nodeTexts.has(raw) ? raw : engineKeys.make(id)
      const nodes = part(transaction, "nodes", `MATCH (n) WHERE ${NOT_FENCE} ${dialect.returning("n", [])}`, (row) => {
        const stored = storedNode(row)
        return decodeNode(stored, keyOf(rawKey(stored.properties), stored.id))
      })
      if (selection.only === "nodes") return nodes
      const relationshipTexts = yield* findRepeated(
        transaction,
        dialect,
        "relationships",
        yield* count(transaction, "relationships")
      )
      const own = (raw: string) => (relationshipTexts.has(raw) ? null : raw)
      const ends = `${rawKeyOf(dialect.text, "a")} AS f, ${rawKeyOf(dialect.text, "b")} AS t`
      const relationships = part(
        transaction,
        "relationships",
        `MATCH (a)-[r]->(b) WHERE ${NOT_AT_FENCE} WITH r, ${ends} ${dialect.returning("r", ["f", "t"])}`,
        (row) => {
          const stored = storedRelationship(row)
          const [from, to] = [keyOf(row.get("f"), stored.from), keyOf(row.get("t"), stored.to)]
          return decodeRelationship(stored, from, to, own)
        }
      )
      return selection.only === "relationships" ? relationships : Stream.concat(nodes, relationships)
    })
  ).pipe(Stream.mapError((error) => (error instanceof DriverFailure ? unreadable(connection, error) : error)))
}

// Neo4j gives up a result when somebody deletes what is in it before it was sent.
const unreadable = (connection: Connection, failure: DriverFailure): ReadError => {
  if (!failure.code.endsWith(".Transaction.Outdated")) return unavailable(connection)(failure)
  const { title, location } = connection.server
  const message = `Somebody deleted records of ${title} at ${location} while they were read. Stop what writes to it, then run again.`
  return invalid(connection, "changed-while-read", message, failure.cause)
}

const add = (counts: { [name: string]: number }, name: string, more: number) => {
  counts[name] = (counts[name] ?? 0) + more
}

/**
 * Counts by the engine, grouped by label set and by type; labels and types that stand aside count as what they are. A
 * time that is no text does not say which memory is the newest.
 */
export const statistics = ({ connection, dialect }: Reader): Effect.Effect<Statistics, ReadError> =>
  Effect.scoped(
    Effect.gen(function* () {
      const transaction = yield* connection.reading
      const nodeRows = yield* transaction.run(
        `MATCH (n) WHERE ${NOT_FENCE} WITH labels(n) AS labels, ${dialect.text(`n.${LABELS_PROPERTY}`)} AS aside ` +
          "RETURN labels, aside, count(*) AS total"
      )
      const typeRows = yield* transaction.run(
        `MATCH (a)-[r]->(b) WHERE ${NOT_AT_FENCE} WITH type(r) AS type, ` +
          `CASE WHEN type(r) = '${STAND_IN_TYPE}' THEN ${dialect.text(`r.${ENCODING_PROPERTY}`)} END AS aside ` +
          "RETURN type, aside, count(*) AS total"
      )
      const text = (name: string) => dialect.text(`m.${name}`)
      const [latest] = yield* transaction.run(
        `MATCH (m:${MEMORY_LABEL}) RETURN max(${text("updated_at")}) AS updated, max(${text("created_at")}) AS created`
      )
      const labels: { [name: string]: number } = Object.create(null)
      const types: { [name: string]: number } = Object.create(null)
      let nodes = 0
      let relationships = 0
      for (const row of nodeRows) {
        const total = Number(row.get("total"))
        const stored: unknown = row.get("labels")
        const aside = row.get("aside")
        const all = new Set(Array.isArray(stored) ? stored.map(String) : [])
        for (const label of typeof aside === "string" ? (parseLabels(aside) ?? []) : []) {
          if (!isNativeToken(label)) all.add(label)
        }
        nodes += total
        for (const label of all.size === 0 ? [""] : all) add(labels, label, total)
      }
      for (const row of typeRows) {
        const aside = row.get("aside")
        const type = (typeof aside === "string" ? parseNote(aside)?.type : undefined) ?? String(row.get("type"))
        relationships += Number(row.get("total"))
        add(types, type, Number(row.get("total")))
      }
      const newest = [latest?.get("updated"), latest?.get("created")]
        .filter((time) => typeof time === "string")
        .sort()
        .pop()
      return { nodes, relationships, labels: { ...labels }, types: { ...types }, newest }
    })
  ).pipe(Effect.mapError(unavailable(connection)))
