/**
 * Deleting records that are still as expected, in a transaction that holds their locks: those that a batch removes, and
 * those that an undo takes back. Nodes go by a plain delete, and only without relationships.
 */
import * as Effect from "effect/Effect"
import { canonicalLine } from "../../domain/Canonical.ts"
import type { Left, ReadError } from "../../domain/Errors.ts"
import { lineHash, recordHash } from "../../domain/Fingerprint.ts"
import { describe, type GraphRecord, relationship } from "../../domain/Graph.ts"
import type { CreatedRecord } from "../Journal.ts"
import type { Transaction } from "./connection.ts"
import type { DriverFailure } from "./failures.ts"
import { betweenHead, lockBetween, lockNodes, nodesById, pairsOf, relationshipsBetween } from "./finding.ts"
import { decodeNode, decodeRelationship } from "./records.ts"
import type { Writer } from "./writing.ts"

/** Why a record stays that somebody has changed. */
export const CHANGED = "it is not what this run wrote any more"

/** How many were deleted, and what of the rest stands there changed; what is gone is not reported. */
export interface Deleted {
  readonly deleted: number
  readonly left: ReadonlyArray<Left>
}

type Deleting = Effect.Effect<Deleted, DriverFailure | ReadError>

/** A record as something to be found again by its hash. */
export const expectedOf = (record: GraphRecord): CreatedRecord => {
  const hash = lineHash(canonicalLine(record))
  return record._tag === "Node"
    ? { tag: "Node", key: record.key, hash }
    : { tag: "Relationship", key: record.key, from: record.from, type: record.type, to: record.to, hash }
}

/** Deletes nodes; one with many relationships costs no more than others. */
export const deleteNodes = (
  writer: Writer,
  transaction: Transaction,
  records: ReadonlyArray<CreatedRecord>
): Deleting =>
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
    if (ours.size === 0) return { deleted: 0, left }
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
    return { deleted: ours.size, left }
  })

/** Deletes relationships; of those without a key as many equal ones as are given. */
export const deleteRelationships = (
  writer: Writer,
  transaction: Transaction,
  records: ReadonlyArray<CreatedRecord>
): Deleting =>
  Effect.gen(function* () {
    const { reader, locator } = writer
    const { dialect } = reader
    const sought = records.flatMap(({ key, from, type, to, hash }) =>
      from === undefined || type === undefined || to === undefined
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
    const left = [...wanted]
      .filter((one) => standing.has(placeOf(one)))
      .map(({ key, from, type, to }): Left => {
        const what = describe(relationship(key, from, type, to, {}))
        return { what: `relationship ${what}`, why: CHANGED }
      })
    return { deleted: rows.length, left }
  })

const placeOf = (one: {
  readonly key: string | null
  readonly from: string
  readonly type: string
  readonly to: string
}) => JSON.stringify(one.key === null ? [one.from, one.type, one.to] : one.key)
