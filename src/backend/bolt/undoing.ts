/**
 * Taking back what a batch created: each record only while it is still what was written, in a transaction that holds
 * its lock. Nodes go by a plain delete, and only without relationships; what somebody else has changed or attached to
 * stays and is reported.
 */
import * as Effect from "effect/Effect"
import { type Left, WriteFailed, type WriteReason } from "../../domain/Errors.ts"
import { recordHash } from "../../domain/Fingerprint.ts"
import { describe, relationship } from "../../domain/Graph.ts"
import type { CreatedRecord } from "../Journal.ts"
import type { Fence } from "../Fence.ts"
import type { Overwrite } from "../WriteSession.ts"
import type { Transaction } from "./connection.ts"
import * as fence from "./fence.ts"
import { betweenHead, lockBetween, lockNodes, nodesById, pairsOf, relationshipsBetween } from "./finding.ts"
import { batchName, unmark } from "./marks.ts"
import { decodeNode, decodeRelationship } from "./records.ts"
import { replaceNodes, replaceRelationships } from "./replacing.ts"
import type { Writer } from "./writing.ts"

const CHANGED = "it is not what this run wrote any more"

/** Nodes one after another in slices; a node with many relationships costs no more than others. */
const removeNodes = (writer: Writer, transaction: Transaction, records: ReadonlyArray<CreatedRecord>) =>
  Effect.gen(function* () {
    const { reader, locator } = writer
    const { dialect } = reader
    const left: Array<Left> = []
    const located = yield* locator.locate(
      records.map((record) => record.key ?? ""),
      "every"
    )
    const ids = [...located.values()].flat()
    yield* lockNodes(transaction, reader, ids)
    const stored = new Map((yield* nodesById(transaction, reader, ids)).map((one) => [one.id, one]))
    const ours = new Map<string, string>()
    for (const { key, hash } of records) {
      const candidates = (located.get(key ?? "") ?? []).flatMap((id) => stored.get(id) ?? [])
      const found = candidates.find((one) => recordHash(decodeNode(one, key ?? "")) === hash.toString("hex"))
      if (found !== undefined) ours.set(found.id, key ?? "")
      else if (candidates.length > 0) left.push({ what: `node ${key ?? ""}`, why: CHANGED })
    }
    if (ours.size === 0) return left
    const byId = `UNWIND $ids AS i MATCH (n) WHERE ${dialect.id("n")} = i`
    const degrees = yield* transaction.run(`${byId} ${dialect.degree} RETURN ${dialect.id("n")} AS id, degree`, {
      ids: [...ours.keys()].map(dialect.idParameter)
    })
    for (const row of degrees) {
      const [id, degree] = [String(row.get("id")), Number(row.get("degree"))]
      if (degree === 0) continue
      left.push({ what: `node ${ours.get(id) ?? id}`, why: `somebody else attached ${degree} relationship(s) to it` })
      ours.delete(id)
    }
    yield* transaction.run(`${byId} DELETE n`, { ids: [...ours.keys()].map(dialect.idParameter) })
    return left
  })

const removeRelationships = (
  writer: Writer,
  transaction: Transaction,
  records: ReadonlyArray<CreatedRecord>,
  run: string
) =>
  Effect.gen(function* () {
    const { reader, locator } = writer
    const { dialect } = reader
    // Without its mark the batch was never written, or is undone already: an equal relationship is somebody else's.
    const unkeyed = records.some((record) => record.key === null)
    const marked = unkeyed && (yield* unmark(transaction, run, batchName(records.map((record) => record.hash))))
    const sought = records.flatMap(({ key, from, type, to, hash }) =>
      from === undefined || type === undefined || to === undefined || (key === null && !marked)
        ? []
        : [{ key, from, type, to, hash: hash.toString("hex") }]
    )
    const located = yield* locator.locate(
      sought.flatMap(({ from, to }) => [from, to]),
      "every"
    )
    const pairs = pairsOf(sought, located)
    yield* lockBetween(transaction, reader, pairs)
    const wanted = new Set(sought)
    const rows: Array<unknown> = []
    // What stands where ours should be: by key, and between which ends for those that have none.
    const standing = new Set<string>()
    for (const { at, stored } of yield* relationshipsBetween(transaction, reader, pairs)) {
      const pair = pairs[at]
      if (pair === undefined) continue
      const as = (one: { readonly key: string | null; readonly from: string; readonly to: string }) =>
        decodeRelationship(stored, one.from, one.to, (raw) => (one.key === null ? null : raw))
      const ours = pair.sought.find((one) => wanted.has(one) && recordHash(as(one)) === one.hash)
      if (ours === undefined) {
        for (const one of pair.sought) standing.add(placeOf({ ...one, key: as(one).key }))
        continue
      }
      wanted.delete(ours)
      const [f, t, id] = [pair.f, pair.t, stored.id].map(dialect.idParameter)
      rows.push({ f, t, type: pair.type, id })
    }
    const text = `${betweenHead(dialect)} WITH row, r WHERE ${dialect.id("r")} = row.id DELETE r`
    if (rows.length > 0) yield* transaction.run(text, { rows })
    // One that is gone altogether is somebody's wish; one that stands there changed is left.
    return [...wanted]
      .filter((one) => standing.has(placeOf(one)))
      .map(({ key, from, type, to }): Left => {
        const what = describe(relationship(key, from, type, to, {}))
        return { what: `relationship ${what}`, why: CHANGED }
      })
  })

const placeOf = (one: {
  readonly key: string | null
  readonly from: string
  readonly type: string
  readonly to: string
}) => JSON.stringify(one.key === null ? [one.from, one.type, one.to] : one.key)

const RECORDS_AT_ONCE = 2000

/** The engine's `remove` (see `JournaledEngine`): `records` are what one batch created, of one kind. */
export const remove = (
  writer: Writer,
  records: ReadonlyArray<CreatedRecord>,
  held: Fence
): Effect.Effect<ReadonlyArray<Left>, WriteFailed> => {
  const { connection } = writer.reader
  const nodes = records.filter((record) => record.tag === "Node")
  const relationships = records.filter((record) => record.tag === "Relationship")
  return undoing(
    writer,
    Effect.gen(function* () {
      const left: Array<Left> = []
      for (let at = 0; at < nodes.length; at += RECORDS_AT_ONCE) {
        const slice = nodes.slice(at, at + RECORDS_AT_ONCE)
        const more = yield* connection.transact(
          (transaction) =>
            Effect.zipRight(
              fence.take(writer.reader, transaction, held, "undo"),
              removeNodes(writer, transaction, slice)
            ),
          "patient"
        )
        left.push(...more)
      }
      if (relationships.length > 0) {
        const more = yield* connection.transact(
          (transaction) =>
            Effect.zipRight(
              fence.take(writer.reader, transaction, held, "undo"),
              removeRelationships(writer, transaction, relationships, held.run)
            ),
          "patient"
        )
        left.push(...more)
      }
      return left
    })
  )
}

/** The engine's `restore` (see `JournaledEngine`). */
export const restore = (
  writer: Writer,
  overwrites: ReadonlyArray<Overwrite>,
  held: Fence
): Effect.Effect<ReadonlyArray<Left>, WriteFailed> =>
  undoing(
    writer,
    writer.reader.connection.transact(
      (transaction) =>
        Effect.gen(function* () {
          yield* fence.take(writer.reader, transaction, held, "undo")
          const refused = [
            ...(yield* replaceNodes(writer, transaction, overwrites, "after")),
            ...(yield* replaceRelationships(writer, transaction, overwrites, "after"))
          ]
          return refused.map(({ before }): Left => {
            const kind = before._tag === "Node" ? "node" : "relationship"
            return { what: `the state before of ${kind} ${describe(before)}`, why: CHANGED }
          })
        }),
      "patient"
    )
  )

type UndoError = Effect.Effect.Error<ReturnType<typeof removeNodes>> | WriteFailed

const undoing = <A>(writer: Writer, effect: Effect.Effect<A, UndoError>): Effect.Effect<A, WriteFailed> => {
  const { connection } = writer.reader
  const { kind, location } = connection.server
  const unreadable = (reason: WriteReason) => (error: { readonly message: string }) =>
    Effect.fail(
      new WriteFailed({
        backend: kind,
        location,
        phase: "undo",
        reason,
        message: `${error.message} The undo stopped there; the run's journal is kept.`,
        cause: error
      })
    )
  return effect.pipe(
    Effect.catchTag("DriverFailure", fence.failWriting(connection, "undo")),
    Effect.catchTags({ StoreUnavailable: unreadable("went-away"), SourceDataInvalid: unreadable("store-changed") })
  )
}
