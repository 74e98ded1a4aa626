/**
 * Taking back what a run did. A record is read exactly and compared by the hash of its line;
 * then it is deleted or replaced by a query that compares once more, in the same atomic step. What somebody else has
 * changed or linked to stays and is reported.
 */
import * as Effect from "effect/Effect"
import { canonicalLine } from "../../domain/Canonical.ts"
import type { Left, ReadError, WriteFailed } from "../../domain/Errors.ts"
import { recordHash } from "../../domain/Fingerprint.ts"
import { describe, type GraphRecord, relationship } from "../../domain/Graph.ts"
import type { BatchPart, CreatedRecord, JournalBatch } from "../Journal.ts"
import type { Overwrite } from "../WriteSession.ts"
import * as cypher from "./cypher.ts"
import type { LocatedRelationship } from "./entities.ts"
import type { Hold } from "./fence.ts"
import { endsOf, lookup } from "./Finder.ts"
import { markRest, marksOf, setMarks } from "./marks.ts"
import { putBack } from "./removing.ts"
import { integer } from "./replies.ts"
import { storeNode } from "./stored.ts"
import { batchName, engineIdOf, placesOf, replacing, runPart, type Writer } from "./writing.ts"

const CHANGED = "it is not what this run wrote any more"
const LINKED = "somebody else has linked to it"

const nameOf = (record: GraphRecord): string =>
  `${record._tag === "Node" ? "node" : "relationship"} ${describe(record)}`

/** A row to run, what it is about, and how to call that where it had no effect. */
interface Step {
  readonly row: cypher.Row
  readonly engineId: number
  readonly record: GraphRecord
  readonly left: Left
}

// Runs the steps. Returns those that had an effect, and what the others leave. `markAfter` gives the fence's marks for
// so many steps done.
const runSteps = (
  writer: Writer,
  steps: ReadonlyArray<Step>,
  hold: Hold | undefined,
  markAfter?: (steps: number) => string
) =>
  Effect.gen(function* () {
    const left: Array<Left> = []
    const effective: Array<Step> = []
    let done = 0
    for (const part of cypher.split(steps.map(({ row }) => row))) {
      const some = steps.slice(done, done + part.length)
      const result = yield* runPart(writer.graph, part, hold, "undo", markAfter?.(done + part.length))
      const hit = new Set(result?.groups.flatMap((items) => items.map(integer)))
      for (const step of some) {
        if (hit.has(step.engineId)) effective.push(step)
        else left.push(step.left)
      }
      done += part.length
    }
    return { left, effective }
  })

// Deletes, and forgets what is gone: it may be written again.
const runDeletions = (
  writer: Writer,
  steps: ReadonlyArray<Step>,
  hold: Hold | undefined,
  markAfter?: (steps: number) => string
) =>
  Effect.map(runSteps(writer, steps, hold, markAfter), ({ effective, left }) => {
    const keysOf = (tag: GraphRecord["_tag"]) =>
      effective.flatMap(({ record: { _tag, key } }) => (_tag === tag && key !== null ? [key] : []))
    const nodes = keysOf("Node")
    writer.finder.ids.remove(nodes)
    writer.keys.remove(keysOf("Relationship"))
    // The engine gives their ids again.
    if (writer.loader !== undefined && nodes.length > 0) writer.loader.next = undefined
    const last = effective.findLast(({ record }) => record.key !== null)
    if (last !== undefined) writer.witness = { record: last.record, there: false }
    return left
  })

const removeNodes = (writer: Writer, records: ReadonlyArray<CreatedRecord>, hold: Hold | undefined) =>
  Effect.gen(function* () {
    const expected = new Map(records.map(({ hash, key }) => [key ?? "", hash.toString("hex")]))
    const found = yield* writer.finder.nodes(expected.keys())
    const steps: Array<Step> = []
    const left: Array<Left> = []
    for (const { engineId, record } of found) {
      const what = `node ${record.key}`
      if (recordHash(record) !== expected.get(record.key)) {
        left.push({ what, why: CHANGED })
        continue
      }
      const row = cypher.deleteNode(engineId, storeNode(record, writer.rule))
      steps.push({ row, engineId, record, left: { what, why: LINKED } })
    }
    return [...left, ...(yield* runDeletions(writer, steps, hold))]
  })

interface Wanted extends CreatedRecord {
  readonly from: string
  readonly type: string
  readonly to: string
}

const isLink = (record: CreatedRecord): record is Wanted =>
  record.from !== undefined && record.type !== undefined && record.to !== undefined

const deleting = (writer: Writer, found: LocatedRelationship): Step => ({
  row: cypher.deleteRelationship(found, found.record, writer.rule),
  engineId: found.engineId,
  record: found.record,
  left: { what: `relationship ${describe(found.record)}`, why: CHANGED }
})

// Those with a key: by it. One that stands there changed is left; one that is gone is somebody's wish.
const keyedSteps = (writer: Writer, records: ReadonlyArray<Wanted>, found: ReadonlyArray<LocatedRelationship>) => {
  const expected = new Map(records.map(({ hash, key }) => [key, hash.toString("hex")]))
  const steps: Array<Step> = []
  const left: Array<Left> = []
  for (const one of found) {
    const hash = one.record.key === null ? undefined : expected.get(one.record.key)
    if (hash === undefined) continue
    const step = deleting(writer, one)
    if (recordHash(one.record) === hash) steps.push(step)
    else left.push(step.left)
  }
  return { steps, left }
}

// Those without a key: as many equal ones as are wanted. Where too few are there, one that is left between the same ends
// may be ours, changed; where none is left either, ours is gone.
const unkeyedSteps = (writer: Writer, records: ReadonlyArray<Wanted>, found: ReadonlyArray<LocatedRelationship>) => {
  const equal = new Map<string, Array<LocatedRelationship>>()
  for (const one of found) {
    if (one.record.key !== null) continue
    const hash = recordHash(one.record)
    equal.set(hash, [...(equal.get(hash) ?? []), one])
  }
  const steps: Array<Step> = []
  const missing: Array<Wanted> = []
  // How many of the records each step and those before it account for.
  const passed: Array<number> = []
  records.forEach((record, i) => {
    const one = equal.get(record.hash.toString("hex"))?.pop()
    if (one === undefined) return missing.push(record)
    steps.push(deleting(writer, one))
    return passed.push(i + 1)
  })
  const others = Map.groupBy([...equal.values()].flat(), ({ record }) => endsOf(record))
  const left = missing.flatMap((record): ReadonlyArray<Left> => {
    if (others.get(endsOf(record))?.pop() === undefined) return []
    const { from, to, type } = record
    return [{ what: `relationship ${describe(relationship(null, from, type, to, {}))}`, why: CHANGED }]
  })
  return { steps, left, passed }
}

// Under a fence: as many as its marks say were written and not yet taken back. `name` is that of the whole batch.
const removeMarked = (writer: Writer, records: ReadonlyArray<Wanted>, hold: Hold, name: string) =>
  Effect.gen(function* () {
    const { graph } = writer
    const marks = yield* marksOf(graph, hold.fence.run, name)
    const latest = marks.findLastIndex(({ removed, written }) => removed < written)
    const mark = marks[latest]
    if (mark === undefined) {
      if (marks.length > 0) return []
      // Never written, or published and forgotten: an equal one that stands there may be ours or not, and stays.
      const unkeyed = records.filter(({ key }) => key === null)
      const standing = unkeyedSteps(writer, unkeyed, yield* writer.finder.relationships(unkeyed)).steps
      return standing.map(({ left: { what } }) => ({ what, why: "it cannot be told from one that is not of this run" }))
    }
    const removed = (count: number) => marks.with(latest, { written: mark.written, removed: count })
    const mine = records.slice(0, mark.written).filter(({ key }) => key === null)
    const open = mine.slice(mark.removed)
    const { left, passed, steps } = unkeyedSteps(writer, open, yield* writer.finder.relationships(open))
    const markAfter = (done: number) => markRest(name, removed(mark.removed + (passed[done - 1] ?? 0)))
    const more = yield* runDeletions(writer, steps, hold, markAfter)
    yield* setMarks(graph, hold, name, removed(mark.written))
    return [...left, ...more]
  })

const removeUnkeyed = (writer: Writer, records: ReadonlyArray<Wanted>, hold: Hold | undefined, name: string) =>
  Effect.gen(function* () {
    if (hold !== undefined) return yield* removeMarked(writer, records, hold, name)
    const unkeyed = records.filter(({ key }) => key === null)
    const { left, steps } = unkeyedSteps(writer, unkeyed, yield* writer.finder.relationships(unkeyed))
    return [...left, ...(yield* runDeletions(writer, steps, hold))]
  })

const removeRelationships = (writer: Writer, records: ReadonlyArray<Wanted>, hold: Hold | undefined, name: string) =>
  Effect.gen(function* () {
    const keyed = records.filter(({ key }) => key !== null)
    const { left, steps } = keyedSteps(writer, keyed, yield* writer.finder.relationships(keyed))
    const more = yield* runDeletions(writer, steps, hold)
    const unkeyed = keyed.length === records.length ? [] : yield* removeUnkeyed(writer, records, hold, name)
    return [...left, ...more, ...unkeyed]
  })

/**
 * The engine's `remove` (see `JournaledEngine`): `records` are what one batch created, of one kind, or the first so many
 * of them; then `name` is that of the whole batch. Without a fence, for a graph that nobody else sees, all records are
 * taken for written.
 */
export const remove = (
  writer: Writer,
  records: ReadonlyArray<CreatedRecord>,
  hold: Hold | undefined,
  name: string = batchName(records.map(({ hash }) => hash))
): Effect.Effect<ReadonlyArray<Left>, WriteFailed | ReadError> =>
  Effect.gen(function* () {
    const links = records.filter(isLink)
    const nodes = records.filter(({ tag }) => tag === "Node")
    const relationships = links.length === 0 ? [] : yield* removeRelationships(writer, links, hold, name)
    return [...relationships, ...(nodes.length === 0 ? [] : yield* removeNodes(writer, nodes, hold))]
  })

/** The engine's `restore` (see `JournaledEngine`). */
export const restore = (
  writer: Writer,
  overwrites: ReadonlyArray<Overwrite>,
  hold: Hold | undefined
): Effect.Effect<ReadonlyArray<Left>, WriteFailed | ReadError> =>
  Effect.gen(function* () {
    const stored = yield* lookup(
      writer.finder,
      overwrites.map(({ before }) => before)
    )
    const lines = new Set(stored.map(canonicalLine))
    const names = new Set(stored.map(nameOf))
    // A batch that never took effect left the state before, which is what is wanted. What is gone is somebody's wish.
    const open = overwrites.filter(({ before }) => names.has(nameOf(before)) && !lines.has(canonicalLine(before)))
    const places = yield* placesOf(
      writer,
      open.map(({ before }) => before)
    )
    const steps: Array<Step> = []
    const left: Array<Left> = []
    for (const { after, before } of open) {
      const row = replacing(writer, { before: after, after: before }, places)
      const engineId = engineIdOf(writer, before, places)
      const stays: Left = { what: `the state before of ${nameOf(before)}`, why: CHANGED }
      if (row === undefined || engineId === undefined) left.push(stays)
      else steps.push({ row, engineId, record: before, left: stays })
    }
    const { effective, left: more } = yield* runSteps(writer, steps, hold)
    const last = effective.at(-1)
    if (last !== undefined) writer.witness = { record: last.record, there: true }
    return [...left, ...more]
  })

/**
 * Takes back a part of a published batch in a graph that nobody else sees: a session driver's `takeBack`. `done` remembers
 * for the session what was taken back of relationships without a key, which cannot be told from equal ones of others.
 */
export const takeBack = (
  writer: Writer,
  batch: JournalBatch,
  part: BatchPart,
  done: Set<string>
): Effect.Effect<ReadonlyArray<Left>, WriteFailed | ReadError> =>
  Effect.suspend(() => {
    if (part === "overwritten") return restore(writer, batch.overwritten, undefined)
    const name = `${batch.number} ${part}`
    const isDone = done.size === done.add(name).size
    const open = <R extends { readonly key: string | null }>(records: ReadonlyArray<R>) =>
      isDone ? records.filter(({ key }) => key !== null) : records
    if (part === "removed") return putBack(writer, open(batch.removed), undefined)
    const created = open(batch.created.filter(({ tag }) => tag === part))
    return remove(writer, created, undefined)
  })
