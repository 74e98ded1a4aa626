/**
 * Compare-and-set: records that are still as expected take another state, inside a transaction that holds their locks.
 * Writing overwrites (`before` becomes `after`) and undoing restores (`after` becomes `before`) with the same code.
 */
import * as Effect from "effect/Effect"
import type { ReadError } from "../../domain/Errors.ts"
import { canonicalLine } from "../../domain/Canonical.ts"
import type { Node, Relationship } from "../../domain/Graph.ts"
import type { Overwrite } from "../WriteSession.ts"
import type { Transaction } from "./connection.ts"
import type { DriverFailure } from "./failures.ts"
import { betweenHead, lockBetween, lockNodes, nodesById, type Pair, pairsOf, relationshipsBetween } from "./finding.ts"
import { decodeNode, decodeRelationship, type Encoded, encodeNode, encodeRelationship, movedNames } from "./records.ts"
import type { StoredNode, StoredRelationship } from "./stored.ts"
import type { Writer } from "./writing.ts"

/** Which side of an overwrite the store is expected to show; the other side is what it gets. */
export type Expected = "before" | "after"

const other = (expected: Expected): Expected => (expected === "before" ? "after" : "before")

interface Change {
  readonly id: string
  readonly encoded: Encoded
  /** Labels to take away. */
  readonly remove: ReadonlyArray<string>
  readonly add: ReadonlyArray<string>
}

type Replacing = Effect.Effect<ReadonlyArray<Overwrite>, DriverFailure | ReadError>

/** Replaces nodes; returns those that are neither as expected nor already as they should become. */
export const replaceNodes = (
  writer: Writer,
  transaction: Transaction,
  overwrites: ReadonlyArray<Overwrite>,
  expected: Expected
): Replacing =>
  Effect.gen(function* () {
    const { reader, locator, storing } = writer
    const { engineKeys } = reader
    const mine = overwrites.filter(isNodes)
    if (mine.length === 0) return []
    const located = yield* locator.locate(
      mine.map(({ before }) => before.key),
      expected === "after" ? "every" : undefined
    )
    const ids = [...located.values()].flat()
    yield* lockNodes(transaction, reader, ids)
    const stored = new Map<string, StoredNode>()
    for (const one of yield* nodesById(transaction, reader, ids)) stored.set(one.id, one)

    const refused: Array<Overwrite> = []
    const changes: Array<Change> = []
    for (const overwrite of mine) {
      const [from, to] = [overwrite[expected], overwrite[other(expected)]]
      const [was, becomes] = [canonicalLine(from), canonicalLine(to)]
      const candidates = (located.get(from.key) ?? []).flatMap((id) => stored.get(id) ?? [])
      const lineOf = (one: StoredNode) => canonicalLine(decodeNode(one, from.key))
      const found = candidates.find((one) => lineOf(one) === was)
      if (found === undefined) {
        if (expected === "before" || !candidates.some((one) => lineOf(one) === becomes)) refused.push(overwrite)
        continue
      }
      const encoded = encodeNode(to, storing, {
        engineKey: engineKeys.idOf(to.key) === found.id,
        moved: movedNames(found.properties)
      })
      changes.push({
        id: found.id,
        encoded,
        remove: found.labels.filter((label) => !encoded.names.includes(label)),
        add: encoded.names.filter((label) => !found.labels.includes(label))
      })
    }
    yield* applyToNodes(writer, transaction, changes)
    return refused
  })

const applyToNodes = ({ reader: { dialect } }: Writer, transaction: Transaction, changes: ReadonlyArray<Change>) =>
  Effect.gen(function* () {
    if (changes.length === 0) return
    const head = `UNWIND $rows AS row MATCH (n) WHERE ${dialect.id("n")} = row.id `
    const rowsOf = (labels: (change: Change) => ReadonlyArray<string>) =>
      changes
        .filter((change) => labels(change).length > 0)
        .map((change) => ({ id: dialect.idParameter(change.id), labels: labels(change) }))
    yield* transaction.run(`${head} SET n = row.properties`, {
      rows: changes.map(({ id, encoded }) => ({ id: dialect.idParameter(id), properties: encoded.properties }))
    })
    const [removals, additions] = [rowsOf((change) => change.remove), rowsOf((change) => change.add)]
    if (removals.length > 0) yield* transaction.run(head + dialect.removeLabels, { rows: removals })
    if (additions.length > 0) yield* transaction.run(head + dialect.addLabels, { rows: additions })
  })

/** Replaces relationships, as {@link replaceNodes}; ends and type of a relationship never change. */
export const replaceRelationships = (
  writer: Writer,
  transaction: Transaction,
  overwrites: ReadonlyArray<Overwrite>,
  expected: Expected
): Replacing =>
  Effect.gen(function* () {
    const { reader, locator, storing } = writer
    const { dialect } = reader
    const mine = overwrites.filter(areRelationships)
    if (mine.length === 0) return []
    const sought = mine.map((overwrite) => {
      const { from, type, to } = overwrite[expected]
      return { from, type, to, overwrite }
    })
    const located = yield* locator.locate(
      sought.flatMap(({ from, to }) => [from, to]),
      expected === "after" ? "every" : undefined
    )
    const pairs = pairsOf(sought, located)
    yield* lockBetween(transaction, reader, pairs)
    const candidates = new Map<Overwrite, Array<Candidate>>()
    for (const { at, stored } of yield* relationshipsBetween(transaction, reader, pairs)) {
      const pair = pairs[at]
      for (const { overwrite } of pair?.sought ?? []) {
        if (pair !== undefined) candidates.set(overwrite, [...(candidates.get(overwrite) ?? []), { pair, stored }])
      }
    }

    const taken = new Set<string>()
    const pick = (overwrite: RelationshipOverwrite, side: Expected) => {
      const record = overwrite[side]
      const line = canonicalLine(record)
      const keyOf = (raw: string) => (record.key === null ? null : raw)
      const found = candidates
        .get(overwrite)
        ?.find(
          ({ stored }) =>
            !taken.has(stored.id) && canonicalLine(decodeRelationship(stored, record.from, record.to, keyOf)) === line
        )
      if (found !== undefined) taken.add(found.stored.id)
      return found
    }
    const rows: Array<unknown> = []
    const refused: Array<Overwrite> = []
    for (const overwrite of mine) {
      const found = pick(overwrite, expected)
      if (found === undefined) {
        if (expected === "before" || pick(overwrite, "before") === undefined) refused.push(overwrite)
        continue
      }
      const { pair, stored } = found
      const replaced = { engineKey: false, moved: movedNames(stored.properties) }
      const { properties } = encodeRelationship(overwrite[other(expected)], storing, replaced)
      const [f, t, id] = [pair.f, pair.t, stored.id].map(dialect.idParameter)
      rows.push({ f, t, type: pair.type, id, properties })
    }
    // By way of their ends, which are found at once: few engines find relationships by id without a scan.
    const text = `${betweenHead(dialect)} WITH row, r WHERE ${dialect.id("r")} = row.id SET r = row.properties`
    if (rows.length > 0) yield* transaction.run(text, { rows })
    return refused
  })

interface Candidate {
  readonly pair: Pair
  readonly stored: StoredRelationship
}

type NodeOverwrite = { readonly before: Node; readonly after: Node }
type RelationshipOverwrite = { readonly before: Relationship; readonly after: Relationship }

const isNodes = (overwrite: Overwrite): overwrite is NodeOverwrite =>
  overwrite.before._tag === "Node" && overwrite.after._tag === "Node"

const areRelationships = (overwrite: Overwrite): overwrite is RelationshipOverwrite =>
  overwrite.before._tag === "Relationship" && overwrite.after._tag === "Relationship"
