/** Finding stored records by what names them: nodes by key, relationships by their ends and type. */
import * as Effect from "effect/Effect"
import type { ReadError } from "../../domain/Errors.ts"
import type { GraphRecord, Node, Relationship } from "../../domain/Graph.ts"
import { property } from "../../domain/Graph.ts"
import type { Transaction } from "./connection.ts"
import { type Dialect, FENCE_LABEL } from "./Dialect.ts"
import { DriverFailure } from "./failures.ts"
import type { Located, Locator } from "./Locator.ts"
import { decoding, type Reader, unavailable } from "./reading.ts"
import { decodeNode, decodeRelationship, storedType } from "./records.ts"
import { type StoredNode, storedNode, type StoredRelationship, storedRelationship } from "./stored.ts"

/** Between which nodes (the engine's ids) relationships are looked for; `type` is the stored one. */
export interface Pair {
  readonly f: string
  readonly t: string
  readonly type: string
}

/** The nodes with these ids of the engine that are still there, in no order. */
export const nodesById = (
  { run }: Pick<Transaction, "run">,
  reader: Reader,
  ids: Iterable<string>
): Effect.Effect<ReadonlyArray<StoredNode>, DriverFailure | ReadError> => {
  const { connection, dialect } = reader
  const wanted = Array.from(new Set(ids), dialect.idParameter)
  if (wanted.length === 0) return Effect.succeed([])
  const text = `UNWIND $ids AS i MATCH (n) WHERE ${dialect.id("n")} = i AND NOT n:${FENCE_LABEL} ${dialect.returning("n", [])}`
  return Effect.flatMap(run(text, { ids: wanted }), (rows) => decoding(connection, () => rows.map(storedNode)))
}

/** The head of a statement over `$rows` {at, f, t, type}: binds `row`, `a`, `b` and `r`. */
export const betweenHead = (dialect: Dialect): string =>
  `UNWIND $rows AS row MATCH (a) WHERE ${dialect.id("a")} = row.f MATCH (b) WHERE ${dialect.id("b")} = row.t ${dialect.between}`

const pairRows = (dialect: Dialect, pairs: ReadonlyArray<Pair>) =>
  pairs.map(({ f, t, type }, at) => ({ at: BigInt(at), f: dialect.idParameter(f), t: dialect.idParameter(t), type }))

/** All relationships between the pairs, each with the place of its pair in the list. */
export const relationshipsBetween = (
  { run }: Pick<Transaction, "run">,
  { connection, dialect }: Reader,
  pairs: ReadonlyArray<Pair>
): Effect.Effect<
  ReadonlyArray<{ readonly at: number; readonly stored: StoredRelationship }>,
  DriverFailure | ReadError
> => {
  if (pairs.length === 0) return Effect.succeed([])
  const text = `${betweenHead(dialect)} WITH row.at AS at, r ${dialect.returning("r", ["at"])}`
  return Effect.flatMap(run(text, { rows: pairRows(dialect, pairs) }), (rows) =>
    decoding(connection, () => rows.map((row) => ({ at: Number(row.get("at")), stored: storedRelationship(row) })))
  )
}

/** Takes the write locks of nodes, or of the relationships between pairs, where the engine has such locks. */
export const lockNodes = (transaction: Transaction, { dialect }: Reader, ids: Iterable<string>) => {
  const lock = dialect.lock("n")
  // In one order for everybody, so that two who lock the same nodes do not wait for each other.
  const sorted = [...new Set(ids)].sort().map(dialect.idParameter)
  return lock === "" || sorted.length === 0
    ? Effect.void
    : transaction.run(`UNWIND $ids AS i MATCH (n) WHERE ${dialect.id("n")} = i ${lock}`, { ids: sorted })
}

/** See {@link lockNodes}. */
export const lockBetween = (transaction: Transaction, { dialect }: Reader, pairs: ReadonlyArray<Pair>) => {
  const lock = dialect.lock("r")
  return lock === "" || pairs.length === 0
    ? Effect.void
    : transaction.run(`${betweenHead(dialect)} WITH r ${lock}`, { rows: pairRows(dialect, pairs) })
}

/** A relationship as something to look for; its ends may be several nodes each where a key is repeated in the store. */
export interface Sought {
  readonly from: string
  readonly type: string
  readonly to: string
}

/** The pairs to look between for what is sought, and for each pair the sought ones that it may hold. */
export const pairsOf = <A extends Sought>(
  sought: ReadonlyArray<A>,
  located: Located
): ReadonlyArray<Pair & { readonly sought: ReadonlyArray<A> }> => {
  const pairs = new Map<string, Pair & { readonly sought: Array<A> }>()
  for (const one of sought) {
    for (const f of located.get(one.from) ?? []) {
      for (const t of located.get(one.to) ?? []) {
        const name = `${f} ${t} ${one.from.length} ${one.from} ${one.to.length} ${one.to} ${one.type}`
        const pair = pairs.get(name)
        if (pair === undefined) pairs.set(name, { f, t, type: storedType(one.type), sought: [one] })
        else pair.sought.push(one)
      }
    }
  }
  return [...pairs.values()]
}

// Several nodes have the key only where `id` is no key in this store. The most alike is taken: it is better to find a
// conflict that is none than to create a node that is there.
const mostAlike = (record: Node, candidates: ReadonlyArray<StoredNode>): StoredNode | undefined => {
  const likeness = (stored: StoredNode) => {
    const shared = stored.labels.filter((label) => record.labels.includes(label)).length
    return shared * 1000 - stored.labels.length
  }
  const sorted = [...candidates].sort((a, b) => likeness(b) - likeness(a) || (a.id < b.id ? -1 : 1))
  return sorted[0]
}

const lookupNodes = (reader: Reader, locator: Locator, records: ReadonlyArray<Node>) =>
  Effect.gen(function* () {
    const located = yield* locator.locate(records.map((record) => record.key))
    const stored = new Map<string, StoredNode>()
    for (const one of yield* nodesById(reader.connection, reader, [...located.values()].flat())) stored.set(one.id, one)
    const found = new Map<string, Node>()
    for (const record of records) {
      if (found.has(record.key)) continue
      const ids = located.get(record.key) ?? []
      const chosen = mostAlike(
        record,
        ids.flatMap((id) => stored.get(id) ?? [])
      )
      if (chosen === undefined) continue
      locator.remember([[record.key, chosen.id]])
      found.set(record.key, decodeNode(chosen, record.key))
    }
    return [...found.values()]
  })

const lookupRelationships = (reader: Reader, locator: Locator, records: ReadonlyArray<Relationship>) =>
  Effect.gen(function* () {
    const located = yield* locator.locate(records.flatMap((record) => [record.from, record.to]))
    const pairs = pairsOf(records, located)
    const found = new Map<string, Relationship>()
    for (const { at, stored } of yield* relationshipsBetween(reader.connection, reader, pairs)) {
      const asked = pairs[at]?.sought ?? []
      const first = asked[0]
      if (first === undefined || found.has(stored.id)) continue
      // Whether an `id` is a key is told by whoever asks: a graph in which ids are repeated asks without keys.
      const unkeyed = (raw: string) =>
        !asked.some((record) => record.key === raw) &&
        asked.some((record) => record.key === null && property(record.properties, "id") === raw)
      const record = decodeRelationship(stored, first.from, first.to, (raw) => (unkeyed(raw) ? null : raw))
      // The stand-in type is shared by all types that the engine cannot hold.
      if (record.type === first.type) found.set(stored.id, record)
    }
    return [...found.values()]
  })

/** The port's `lookup`. */
export const lookup = (
  reader: Reader,
  locator: Locator,
  records: ReadonlyArray<GraphRecord>
): Effect.Effect<ReadonlyArray<GraphRecord>, ReadError> =>
  Effect.gen(function* () {
    const nodes = yield* lookupNodes(
      reader,
      locator,
      records.filter((record) => record._tag === "Node")
    )
    const relationships = yield* lookupRelationships(
      reader,
      locator,
      records.filter((record) => record._tag === "Relationship")
    )
    return [...nodes, ...relationships]
  }).pipe(Effect.mapError((error) => (error instanceof DriverFailure ? unavailable(reader.connection)(error) : error)))
