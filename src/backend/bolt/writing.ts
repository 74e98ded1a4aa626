/**
 * Writing one batch: one transaction that takes the fence, compares what is overwritten with its before-image, writes,
 * and commits. Either all of it takes effect or nothing.
 */
import * as Effect from "effect/Effect"
import { type ReadError, WriteFailed } from "../../domain/Errors.ts"
import { canonicalLine } from "../../domain/Canonical.ts"
import { lineHash } from "../../domain/Fingerprint.ts"
import { describe, type GraphRecord, type Node, type Relationship } from "../../domain/Graph.ts"
import type { Fence } from "../Fence.ts"
import type { Overwrite, WriteBatch } from "../WriteSession.ts"
import type { Transaction } from "./connection.ts"
import * as fence from "./fence.ts"
import type { Locator } from "./Locator.ts"
import { deleteNodes, deleteRelationships, expectedOf } from "./deleting.ts"
import { batchName, mark, removalName } from "./marks.ts"
import type { Reader } from "./reading.ts"
import { type Encoded, encodeNode, encodeRelationship, type Storing } from "./records.ts"
import { replaceNodes, replaceRelationships } from "./replacing.ts"
import { type Slicer, weigh } from "./slices.ts"
import { rawKeyOf } from "./stored.ts"

/** What writing needs. */
export interface Writer {
  readonly reader: Reader
  readonly locator: Locator
  readonly storing: Storing
  readonly slicer: Slicer
}

/** A failure that names what has changed under our hands. */
export const storeChanged = ({ connection: { server } }: Reader, phase: string, what: string): WriteFailed =>
  new WriteFailed({
    backend: server.kind,
    location: server.location,
    phase,
    reason: "store-changed",
    message: `${server.title} at ${server.location} was changed by somebody else meanwhile: ${what}. Nothing of this batch was written.`
  })

interface NodeRow extends Encoded {
  readonly at: bigint
}

/** Creates nodes; returns their keys with the engine's ids. */
export const createNodes = (writer: Writer, transaction: Transaction, nodes: ReadonlyArray<Node>) =>
  Effect.gen(function* () {
    const { reader, storing, slicer } = writer
    const created: Array<readonly [key: string, id: string]> = []
    const rows: Array<NodeRow> = nodes.map((node, at) => ({ at: BigInt(at), ...encodeNode(node, storing) }))
    for (const labelled of [true, false]) {
      const some = rows.filter((row) => row.names.length > 0 === labelled)
      yield* slicer.forEach(some, weigh, (slice) =>
        Effect.gen(function* () {
          const parameters = {
            rows: slice.map(({ at, names, properties }) =>
              labelled ? { at, labels: names, properties } : { at, properties, labels: [] }
            )
          }
          for (const row of yield* transaction.run(reader.dialect.createNodes(labelled), parameters)) {
            const key = nodes[Number(row.get("at"))]?.key
            if (key !== undefined) created.push([key, String(row.get("id"))])
          }
        })
      )
    }
    return created
  })

interface RelationshipRow {
  readonly f: unknown
  readonly t: unknown
  readonly fk: string | null
  readonly tk: string | null
  readonly type: string
  readonly properties: Encoded["properties"]
}

/** Creates relationships between the nodes of those ids, which must still have their keys. */
export const createRelationships = (
  writer: Writer,
  transaction: Transaction,
  relationships: ReadonlyArray<Relationship>,
  ends: ReadonlyMap<string, string>
) =>
  Effect.gen(function* () {
    const { dialect, engineKeys } = writer.reader
    // The engine's id of a deleted node may be given to another one: the end must still have its key.
    const keyOf = (key: string) => (engineKeys.idOf(key) === undefined ? key : null)
    const rows = relationships.map((record): RelationshipRow => {
      const { names, properties } = encodeRelationship(record, writer.storing)
      return {
        f: dialect.idParameter(ends.get(record.from) ?? ""),
        t: dialect.idParameter(ends.get(record.to) ?? ""),
        fk: keyOf(record.from),
        tk: keyOf(record.to),
        type: names[0] ?? "",
        properties
      }
    })
    const is = (variable: string, key: string) => `(${key} IS NULL OR ${rawKeyOf(dialect.text, variable)} = ${key})`
    const text =
      `UNWIND $rows AS row MATCH (a) WHERE ${dialect.id("a")} = row.f AND ${is("a", "row.fk")} ` +
      `MATCH (b) WHERE ${dialect.id("b")} = row.t AND ${is("b", "row.tk")} ` +
      `${dialect.createRelationship} SET r = row.properties RETURN count(r) AS total`
    yield* writer.slicer.forEach(rows, weigh, (slice) =>
      Effect.gen(function* () {
        const [answer] = yield* transaction.run(text, { rows: slice })
        const total = Number(answer?.get("total") ?? 0)
        if (total === slice.length) return
        yield* storeChanged(
          writer.reader,
          "import",
          `${slice.length - total} of ${slice.length} relationships have an end that is not there any more`
        )
      })
    )
  })

/** The engine's ids of the ends; every one of them was created by this session or looked up before. */
const locateEnds = (writer: Writer, relationships: ReadonlyArray<Relationship>) =>
  Effect.gen(function* () {
    const ends = new Map<string, string>()
    const missing = new Set<string>()
    for (const { from, to } of relationships) {
      for (const key of [from, to]) {
        if (ends.has(key) || missing.has(key)) continue
        const id = writer.locator.recall(key)
        if (id === undefined) missing.add(key)
        else ends.set(key, id)
      }
    }
    for (const [key, ids] of yield* writer.locator.locate(missing)) {
      const [id, another] = ids
      if (id !== undefined && another === undefined) ends.set(key, id)
      if (another !== undefined) yield* storeChanged(writer.reader, "import", `several nodes have the key ${key}`)
    }
    const lost = [...missing].find((key) => !ends.has(key))
    if (lost !== undefined) yield* storeChanged(writer.reader, "import", `there is no node with the key ${lost}`)
    return ends
  })

/** True for relationships. */
export const isRelationship = (record: GraphRecord): record is Relationship => record._tag === "Relationship"
/** True for nodes. */
export const isNode = (record: GraphRecord): record is Node => record._tag === "Node"

const describeAll = (overwrites: ReadonlyArray<Overwrite>): string =>
  overwrites
    .slice(0, 3)
    .map(({ before }) => describe(before))
    .join(", ")

/** Deletes what a batch removes; fails where any of it is not there just so, or has relationships. */
const removeAll = (writer: Writer, transaction: Transaction, records: ReadonlyArray<GraphRecord>, run: string) =>
  Effect.gen(function* () {
    const expected = records.map(expectedOf)
    const nodes = expected.filter(({ tag }) => tag === "Node")
    const links = expected.filter(({ tag }) => tag === "Relationship")
    const gone = [
      ...(links.length > 0 ? [yield* deleteRelationships(writer, transaction, links)] : []),
      ...(nodes.length > 0 ? [yield* deleteNodes(writer, transaction, nodes)] : [])
    ]
    const deleted = gone.reduce((sum, one) => sum + one.deleted, 0)
    if (deleted < records.length) {
      const [first] = gone.flatMap(({ left }) => left)
      const what = first === undefined ? "they are not there any more" : `${first.what}: ${first.why}`
      yield* storeChanged(
        writer.reader,
        "import",
        `${records.length - deleted} record(s) could not be removed, ${what}`
      )
    }
    const unkeyed = records.filter(({ key }) => key === null)
    if (unkeyed.length > 0) yield* mark(transaction, run, removalName(unkeyed))
  })

/** The engine's `write` (see `JournaledEngine`); the server ends what takes longer than so many seconds. */
export const writeBatch = (
  writer: Writer,
  batch: WriteBatch,
  held: Fence,
  seconds?: number
): Effect.Effect<void, WriteFailed> => {
  const { reader, locator } = writer
  const { connection } = reader
  const [nodes, relationships] = [batch.create.filter(isNode), batch.create.filter(isRelationship)]
  const { remove = [] } = batch
  const marked = relationships.some((record) => record.key === null)
  return Effect.gen(function* () {
    const ends = yield* locateEnds(writer, relationships)
    const written = (transaction: Transaction) =>
      Effect.gen(function* () {
        yield* fence.take(reader, transaction, held, "import")
        if (remove.length > 0) yield* removeAll(writer, transaction, remove, held.run)
        const refused = [
          ...(yield* replaceNodes(writer, transaction, batch.overwrite, "before")),
          ...(yield* replaceRelationships(writer, transaction, batch.overwrite, "before"))
        ]
        if (refused.length > 0) {
          yield* storeChanged(reader, "import", `not as it was when the run was planned: ${describeAll(refused)}`)
        }
        const ids = yield* createNodes(writer, transaction, nodes)
        yield* createRelationships(writer, transaction, relationships, ends)
        if (marked) {
          const name = batchName(batch.create.map((record) => lineHash(canonicalLine(record))))
          yield* mark(transaction, held.run, name)
        }
        return ids
      })
    const created = yield* connection.transact(written, seconds)
    locator.remember(created)
  }).pipe(
    Effect.catchTag("DriverFailure", fence.failWriting(connection, "import")),
    Effect.catchTags({
      StoreUnavailable: (error) => Effect.fail(notWritten(reader, error, "went-away")),
      SourceDataInvalid: (error) => Effect.fail(notWritten(reader, error, "store-changed"))
    })
  )
}

// What a comparison inside of the write could not read.
const notWritten = (
  { connection: { server } }: Reader,
  error: ReadError,
  reason: "went-away" | "store-changed"
): WriteFailed =>
  new WriteFailed({
    backend: server.kind,
    location: server.location,
    phase: "import",
    reason,
    message: `${error.message} Nothing of this batch was written.`,
    cause: error
  })
