/**
 * Removing what a batch names, and creating it again when the batch is taken back. A query deletes all that its rows name
 * or nothing; where relationships without a key are among it, the fence's marks say in the same step how far the batch
 * came, and how much of that has come back.
 */
import * as Effect from "effect/Effect"
import { canonicalLine } from "../../domain/Canonical.ts"
import type { Left, ReadError, WriteFailed } from "../../domain/Errors.ts"
import { describe, type GraphRecord, type Relationship } from "../../domain/Graph.ts"
import { NO_END, removedName, TAKEN } from "../putBack.ts"
import { writeFailed } from "./Connection.ts"
import * as cypher from "./cypher.ts"
import { type Hold, whyNotHeld } from "./fence.ts"
import { writeQuery } from "./graph.ts"
import { markRest, markWritten, marksOf, setMarks } from "./marks.ts"
import { integer } from "./replies.ts"
import { storeNode } from "./stored.ts"
import { batchName, changed, hashesOf, type Progress, remember, runPart, type Writer } from "./writing.ts"

const isLink = (record: GraphRecord): record is Relationship => record._tag === "Relationship"
const isUnkeyed = (record: GraphRecord): record is Relationship => record.key === null

/** The name of what a batch removes of relationships without a key: no batch of creations has it. */
export const removalName = (records: ReadonlyArray<GraphRecord>): string => `-${batchName(hashesOf(records))}`

/** One type after the other, so that few queries take them; always the same order for the same batch. */
const byType = (records: ReadonlyArray<Relationship>): ReadonlyArray<Relationship> =>
  [...Map.groupBy(records, ({ type }) => type).values()].flat()

interface Doomed {
  readonly record: GraphRecord
  readonly row: cypher.Row
}

// Where they stand, each an entity of its own; fails where one is not there just so.
const find = (writer: Writer, records: ReadonlyArray<GraphRecord>) =>
  Effect.gen(function* () {
    const { finder, rule } = writer
    const rows = new Map<string, Array<cypher.Row>>()
    const add = (record: GraphRecord, row: cypher.Row) => {
      const line = canonicalLine(record)
      rows.set(line, [...(rows.get(line) ?? []), row])
    }
    const links = records.filter(isLink)
    const nodes = records.filter((record) => record._tag === "Node")
    for (const { engineId, record } of nodes.length === 0 ? [] : yield* finder.nodes(nodes.map(({ key }) => key)))
      add(record, cypher.findNode(engineId, storeNode(record, rule)))
    for (const found of links.length === 0 ? [] : yield* finder.relationships(links))
      add(found.record, cypher.findRelationship(found, found.record, rule))
    const doomed: Array<Doomed> = []
    for (const record of records) {
      const row = rows.get(canonicalLine(record))?.pop()
      if (row === undefined) return yield* changed(writer, `${describe(record)} is not there as it was`)
      doomed.push({ record, row })
    }
    return doomed
  })

const forget = (writer: Writer, records: ReadonlyArray<GraphRecord>): void => {
  const keysOf = (tag: GraphRecord["_tag"]) =>
    records.flatMap(({ _tag, key }) => (_tag === tag && key !== null ? [key] : []))
  const nodes = keysOf("Node")
  writer.finder.ids.remove(nodes)
  writer.keys.remove(keysOf("Relationship"))
  // The engine gives their ids again.
  if (writer.loader !== undefined && nodes.length > 0) writer.loader.next = undefined
  const last = records.findLast(({ key }) => key !== null)
  if (last !== undefined) writer.witness = { record: last, there: false }
}

/** Removes what a batch names; `progress` says what of it is gone where a later query fails. */
export const removeAll = (
  writer: Writer,
  records: ReadonlyArray<GraphRecord>,
  hold: Hold | undefined,
  progress: Progress
): Effect.Effect<void, WriteFailed | ReadError> =>
  Effect.gen(function* () {
    const { graph } = writer
    const unkeyed = records.filter(isUnkeyed)
    const doomed = yield* find(writer, [...byType(unkeyed), ...records.filter((record) => !isUnkeyed(record))])
    let done = 0
    for (const part of cypher.split(doomed.map(({ row }) => row))) {
      const reached = Math.min(unkeyed.length, done + part.length)
      const marks = reached > done ? markWritten(removalName(unkeyed), reached) : undefined
      const sent = writeQuery(graph, cypher.compileRemoval(part, hold, marks))
      const [row] = yield* Effect.mapError(sent, writeFailed(graph.connection, "import"))
      if (row === undefined) {
        const why = hold === undefined ? undefined : yield* whyNotHeld(graph, hold, "import")
        return yield* why ?? changed(writer, "a record that was to be removed has changed, or has relationships left")
      }
      if (hold !== undefined) hold.steps.answered = integer(row.at(-1))
      const gone = doomed.slice(done, done + part.length).map(({ record }) => record)
      progress.removed.push(...gone)
      forget(writer, gone)
      done += part.length
    }
  })

const nodesBack = (writer: Writer, records: ReadonlyArray<GraphRecord>, hold: Hold | undefined) =>
  Effect.gen(function* () {
    const { constraints, finder, graph, rule } = writer
    const nodes = records.filter((record) => record._tag === "Node")
    if (nodes.length === 0) return []
    const found = yield* finder.nodes(nodes.map(({ key }) => key))
    const lines = new Map(found.map(({ record }) => [record.key, canonicalLine(record)]))
    const taken = nodes.filter((record) => (lines.get(record.key) ?? canonicalLine(record)) !== canonicalLine(record))
    const missing = nodes.filter(({ key }) => !lines.has(key))
    for (const part of cypher.split(missing.map((record) => cypher.createNode(record, rule, constraints.required)))) {
      const done = yield* runPart(graph, part, hold, "undo")
      for (const items of done?.groups ?? []) remember(writer, items)
    }
    const last = missing.at(-1)
    if (last !== undefined) writer.witness = { record: last, there: true }
    return taken.map((record): Left => ({ what: removedName(record), why: TAKEN }))
  })

// Those whose ends are there come back; `marks` gives the fence's marks when so many of the records are done.
const linksBack = (
  writer: Writer,
  records: ReadonlyArray<Relationship>,
  hold: Hold | undefined,
  marks?: (done: number) => string
) =>
  Effect.gen(function* () {
    const { constraints, finder, graph, rule } = writer
    const left: Array<Left> = []
    const lost = (record: Relationship) => left.push({ what: removedName(record), why: NO_END })
    let before = 0
    // A clause that finds no end at all leaves no row for the next: each query has one.
    for (const some of Map.groupBy(records, ({ type }) => type).values()) {
      const rows: Array<cypher.Row> = []
      const passed: Array<number> = []
      some.forEach((record, i) => {
        const [start, end] = [finder.ids.get(record.from), finder.ids.get(record.to)]
        if (start === undefined || end === undefined) return lost(record)
        passed.push(before + i + 1)
        return rows.push(cypher.recreateRelationship(record, { start, end }, i, rule, constraints.required))
      })
      let sent = 0
      for (const part of cypher.split(rows)) {
        sent += part.length
        const done = yield* runPart(graph, part, hold, "undo", marks?.(passed[sent - 1] ?? 0))
        const back = new Set(done?.groups.flatMap((items) => items.map(integer)))
        for (const at of passed.slice(sent - part.length, sent)) {
          const record = some[at - before - 1]
          if (record === undefined) continue
          if (!back.has(at - before - 1)) lost(record)
          else if (record.key !== null) {
            writer.keys.put([[record.key, 0]])
            writer.witness = { record, there: true }
          }
        }
      }
      before += some.length
    }
    return left
  })

const keyedBack = (writer: Writer, records: ReadonlyArray<Relationship>, hold: Hold | undefined) =>
  Effect.gen(function* () {
    if (records.length === 0) return []
    const found = yield* writer.finder.relationships(records)
    const lines = new Map(found.map(({ record }) => [record.key, canonicalLine(record)]))
    const left: Array<Left> = []
    const missing = records.filter((record) => {
      const line = lines.get(record.key)
      // One of that key may stand between other nodes.
      const isTaken =
        line === undefined ? writer.keys.get(record.key ?? "") !== undefined : line !== canonicalLine(record)
      if (isTaken) left.push({ what: removedName(record), why: TAKEN })
      return line === undefined && !isTaken
    })
    return [...left, ...(yield* linksBack(writer, missing, hold))]
  })

const unkeyedBack = (writer: Writer, unkeyed: ReadonlyArray<Relationship>, hold: Hold | undefined, name: string) =>
  Effect.gen(function* () {
    const records = byType(unkeyed)
    if (records.length === 0) return []
    if (hold === undefined) return yield* linksBack(writer, records, hold)
    const { graph } = writer
    const all = yield* marksOf(graph, hold.fence.run, name)
    const latest = all.findLastIndex(({ removed, written }) => removed < written)
    const mark = all[latest]
    // Never removed, or back already.
    if (mark === undefined) return []
    const back = (count: number) => all.with(latest, { written: mark.written, removed: count })
    const open = records.slice(mark.removed, mark.written)
    const left = yield* linksBack(writer, open, hold, (done) => markRest(name, back(mark.removed + done)))
    yield* setMarks(graph, hold, name, back(mark.written))
    return left
  })

/**
 * The engine's `putBack` (see `JournaledEngine`): `records` are what one batch removed, or the first so many of them; then
 * `name` is that of the whole. Without a fence, for a graph that nobody else sees, all of them are taken for removed.
 */
export const putBack = (
  writer: Writer,
  records: ReadonlyArray<GraphRecord>,
  hold: Hold | undefined,
  name: string = removalName(records.filter(isUnkeyed))
): Effect.Effect<ReadonlyArray<Left>, WriteFailed | ReadError> =>
  Effect.gen(function* () {
    const links = records.filter(isLink)
    const left = [...(yield* nodesBack(writer, records, hold))]
    const keyed = links.filter((record) => !isUnkeyed(record))
    left.push(...(yield* keyedBack(writer, keyed, hold)))
    left.push(...(yield* unkeyedBack(writer, links.filter(isUnkeyed), hold, name)))
    return left
  })
