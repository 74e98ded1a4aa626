/** Creates records again that a batch removed: each only where nothing stands under its key, in one transaction. */
import * as Effect from "effect/Effect"
import { canonicalLine } from "../../domain/Canonical.ts"
import type { Left, WriteFailed } from "../../domain/Errors.ts"
import type { GraphRecord, Node, Relationship } from "../../domain/Graph.ts"
import type { Fence } from "../Fence.ts"
import { NO_END, removedName, TAKEN } from "../putBack.ts"
import type { Transaction } from "./connection.ts"
import * as fence from "./fence.ts"
import { lockNodes, nodesById, pairsOf, relationshipsBetween } from "./finding.ts"
import { removalName, unmark } from "./marks.ts"
import { decodeNode, decodeRelationship } from "./records.ts"
import { undoing } from "./undoing.ts"
import { createNodes, createRelationships, isNode, isRelationship, type Writer } from "./writing.ts"

const nodesBack = (writer: Writer, transaction: Transaction, records: ReadonlyArray<Node>, left: Array<Left>) =>
  Effect.gen(function* () {
    const { locator, reader } = writer
    const located = yield* locator.locate(
      records.map(({ key }) => key),
      "every"
    )
    const ids = [...located.values()].flat()
    yield* lockNodes(transaction, reader, ids)
    const stored = new Map((yield* nodesById(transaction, reader, ids)).map((one) => [one.id, one]))
    const missing = records.filter((record) => {
      const candidates = (located.get(record.key) ?? []).flatMap((id) => stored.get(id) ?? [])
      const line = canonicalLine(record)
      const isSame = candidates.some((one) => canonicalLine(decodeNode(one, record.key)) === line)
      if (candidates.length > 0 && !isSame) left.push({ what: removedName(record), why: TAKEN })
      return candidates.length === 0
    })
    return yield* createNodes(writer, transaction, missing)
  })

const relationshipsBack = (
  writer: Writer,
  transaction: Transaction,
  records: ReadonlyArray<Relationship>,
  left: Array<Left>
) =>
  Effect.gen(function* () {
    const { locator, reader } = writer
    const located = yield* locator.locate(
      records.flatMap(({ from, to }) => [from, to]),
      "every"
    )
    const pairs = pairsOf(
      records.filter(({ key }) => key !== null),
      located
    )
    const standing = new Map<string | null, string>()
    for (const { at, stored } of yield* relationshipsBetween(transaction, reader, pairs)) {
      const [first] = pairs[at]?.sought ?? []
      if (first === undefined) continue
      const found = decodeRelationship(stored, first.from, first.to, (raw) => raw)
      if (found.key !== null) standing.set(found.key, canonicalLine(found))
    }
    const ends = new Map<string, string>()
    for (const [key, [id, another]] of located) if (id !== undefined && another === undefined) ends.set(key, id)
    const missing = records.filter((record) => {
      const found = record.key === null ? undefined : standing.get(record.key)
      const hasEnds = ends.has(record.from) && ends.has(record.to)
      if (found !== undefined && found !== canonicalLine(record)) left.push({ what: removedName(record), why: TAKEN })
      else if (found === undefined && !hasEnds) left.push({ what: removedName(record), why: NO_END })
      return found === undefined && hasEnds
    })
    yield* createRelationships(writer, transaction, missing, ends)
  })

/** The engine's `putBack` (see `JournaledEngine`). */
export const putBack = (
  writer: Writer,
  records: ReadonlyArray<GraphRecord>,
  held: Fence
): Effect.Effect<ReadonlyArray<Left>, WriteFailed> => {
  const { locator, reader } = writer
  return undoing(
    writer,
    reader.connection.transact(
      (transaction) =>
        Effect.gen(function* () {
          const left: Array<Left> = []
          yield* fence.take(reader, transaction, held, "undo")
          const unkeyed = records.filter(({ key }) => key === null)
          // Without its mark nothing of it was removed, or it has come back already.
          if (unkeyed.length > 0 && !(yield* unmark(transaction, held.run, removalName(unkeyed))))
            return { created: [], left }
          const created = yield* nodesBack(writer, transaction, records.filter(isNode), left)
          yield* relationshipsBack(writer, transaction, records.filter(isRelationship), left)
          return { created, left }
        }),
      "patient"
    )
  ).pipe(
    Effect.map(({ created, left }) => {
      locator.remember(created)
      return left
    })
  )
}
