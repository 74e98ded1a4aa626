/**
 * Taking back what a run did in a store that others use. A record is read exactly and compared by the hash of its line;
 * then it is deleted or replaced by a query that compares once more, in the same atomic step. What somebody else has
 * changed or linked to stays and is reported.
 */
import * as Effect from "effect/Effect"
import { canonicalLine } from "../../domain/Canonical.ts"
import { type Left, type ReadError, WriteFailed } from "../../domain/Errors.ts"
import { lineHash } from "../../domain/Fingerprint.ts"
import { describe, type GraphRecord, relationship } from "../../domain/Graph.ts"
import type { CreatedRecord } from "../Journal.ts"
import type { Fence } from "../JournaledSession.ts"
import type { Overwrite } from "../WriteSession.ts"
import * as cypher from "./cypher.ts"
import type { LocatedRelationship } from "./entities.ts"
import { markRest, marksOf, setMarks } from "./fence.ts"
import { lookup } from "./Finder.ts"
import { integer } from "./replies.ts"
import { storeNode } from "./stored.ts"
import { batchName, fenceLost, nameOf, placesOf, replacementsName, replacing, runPart, type Writer } from "./writing.ts"

const CHANGED = "it is not what this run wrote any more"
const LINKED = "somebody else has linked to it"

const hashOf = (record: GraphRecord): string => lineHash(canonicalLine(record)).toString("hex")

/** A row to run, and how to call its record where it had no effect. */
interface Step {
  readonly row: cypher.Row
  readonly engineId: number
  readonly left: Left
}

// Runs the steps; those that did not match are left. `markAfter` gives the mark for so many steps done.
const runSteps = (writer: Writer, steps: ReadonlyArray<Step>, fence: Fence, markAfter?: (steps: number) => string) =>
  Effect.gen(function* () {
    const left: Array<Left> = []
    let done = 0
    for (const part of cypher.split(steps.map(({ row }) => row))) {
      const some = steps.slice(done, done + part.length)
      const result = yield* runPart(writer.graph, part, fence, "undo", markAfter?.(done + part.length))
      if (result === undefined) return yield* fenceLost(writer.graph)
      const hit = new Set(result.groups.flatMap((items) => items.map(integer)))
      left.push(...some.filter(({ engineId }) => !hit.has(engineId)).map((step) => step.left))
      done += part.length
    }
    return left
  })

const removeNodes = (writer: Writer, records: ReadonlyArray<CreatedRecord>, fence: Fence) =>
  Effect.gen(function* () {
    const expected = new Map(records.map(({ hash, key }) => [key ?? "", hash.toString("hex")]))
    const found = yield* writer.finder.nodes(expected.keys())
    const steps: Array<Step> = []
    const left: Array<Left> = []
    for (const { engineId, record } of found) {
      const what = `node ${record.key}`
      if (hashOf(record) !== expected.get(record.key)) {
        left.push({ what, why: CHANGED })
        continue
      }
      const row = cypher.deleteNode(engineId, storeNode(record, writer.rule))
      steps.push({ row, engineId, left: { what, why: LINKED } })
    }
    return [...left, ...(yield* runSteps(writer, steps, fence))]
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
    if (hashOf(one.record) === hash) steps.push(step)
    else left.push(step.left)
  }
  return { steps, left }
}

// Those without a key: as many equal ones as the fence says were written and not yet taken back.
const unkeyedSteps = (writer: Writer, records: ReadonlyArray<Wanted>, found: ReadonlyArray<LocatedRelationship>) => {
  const equal = new Map<string, Array<LocatedRelationship>>()
  for (const one of found) {
    if (one.record.key !== null) continue
    const hash = hashOf(one.record)
    equal.set(hash, [...(equal.get(hash) ?? []), one])
  }
  const steps: Array<Step> = []
  const left: Array<Left> = []
  // How many of the records each step and those before it account for.
  const passed: Array<number> = []
  records.forEach(({ from, hash, to, type }, i) => {
    const one = equal.get(hash.toString("hex"))?.pop()
    if (one !== undefined) {
      steps.push(deleting(writer, one))
      passed.push(i + 1)
    } else {
      left.push({ what: `relationship ${describe(relationship(null, from, type, to, {}))}`, why: CHANGED })
    }
  })
  return { steps, left, passed }
}

const removeUnkeyed = (writer: Writer, records: ReadonlyArray<Wanted>, fence: Fence) =>
  Effect.gen(function* () {
    const { graph } = writer
    const name = batchName(records.map(({ hash }) => hash))
    const marks = yield* marksOf(graph, fence.run, name)
    const earlier = marks.slice(0, -1)
    const mark = marks.at(-1)
    // Never written, or published and forgotten: an equal one that stands there may be ours or not, and stays.
    if (mark === undefined) {
      const unkeyed = records.filter(({ key }) => key === null)
      const standing = unkeyedSteps(writer, unkeyed, yield* writer.finder.relationships(unkeyed)).steps
      return standing.map(({ left: { what } }) => ({ what, why: "it cannot be told from one that is not of this run" }))
    }
    const mine = records.slice(0, mark.written).filter(({ key }) => key === null)
    const open = mine.slice(mark.removed)
    const { left, passed, steps } = unkeyedSteps(writer, open, yield* writer.finder.relationships(open))
    const markAfter = (done: number) =>
      markRest(name, [...earlier, { written: mark.written, removed: mark.removed + (passed[done - 1] ?? 0) }])
    const more = yield* runSteps(writer, steps, fence, markAfter)
    yield* setMarks(graph, fence, name, earlier)
    return [...left, ...more]
  })

const removeRelationships = (writer: Writer, records: ReadonlyArray<Wanted>, fence: Fence) =>
  Effect.gen(function* () {
    const keyed = records.filter(({ key }) => key !== null)
    const { left, steps } = keyedSteps(writer, keyed, yield* writer.finder.relationships(keyed))
    const more = yield* runSteps(writer, steps, fence)
    const unkeyed = keyed.length === records.length ? [] : yield* removeUnkeyed(writer, records, fence)
    return [...left, ...more, ...unkeyed]
  })

/** The engine's `remove` (see `JournaledEngine`): `records` are what one batch created, of one kind. */
export const remove = (
  writer: Writer,
  records: ReadonlyArray<CreatedRecord>,
  fence: Fence
): Effect.Effect<ReadonlyArray<Left>, WriteFailed> => {
  const links = records.filter(isLink)
  const nodes = records.filter(({ tag }) => tag === "Node")
  return undoing(
    writer,
    Effect.gen(function* () {
      // The latest batch of that name comes first; an earlier equal one did take effect.
      if (writer.untouched.delete(batchName(records.map(({ hash }) => hash)))) return []
      const relationships = links.length === 0 ? [] : yield* removeRelationships(writer, links, fence)
      return [...relationships, ...(nodes.length === 0 ? [] : yield* removeNodes(writer, nodes, fence))]
    })
  )
}

/** The engine's `restore` (see `JournaledEngine`). */
export const restore = (
  writer: Writer,
  overwrites: ReadonlyArray<Overwrite>,
  fence: Fence
): Effect.Effect<ReadonlyArray<Left>, WriteFailed> =>
  undoing(
    writer,
    Effect.gen(function* () {
      const stored = yield* lookup(
        writer.finder,
        overwrites.map(({ before }) => before)
      )
      const lines = new Set(stored.map(canonicalLine))
      const name = replacementsName(overwrites)
      const untouched = writer.untouched.get(name)?.replaced
      writer.untouched.delete(name)
      // A batch that never took effect left the state before, which is what is wanted.
      const open = overwrites.filter(
        ({ before }) => !lines.has(canonicalLine(before)) && untouched?.has(nameOf(before)) !== true
      )
      const places = yield* placesOf(
        writer,
        open.map(({ before }) => before)
      )
      const steps: Array<Step> = []
      const left: Array<Left> = []
      for (const { after, before } of open) {
        const row = replacing(writer, { before: after, after: before }, places)
        const engineId =
          before._tag === "Node" ? writer.finder.ids.get(before.key) : places.get(before.key ?? "")?.engineId
        const kind = before._tag === "Node" ? "node" : "relationship"
        const stays: Left = { what: `the state before of ${kind} ${describe(before)}`, why: CHANGED }
        if (row === undefined || engineId === undefined) left.push(stays)
        else steps.push({ row, engineId, left: stays })
      }
      return [...left, ...(yield* runSteps(writer, steps, fence))]
    })
  )

const undoing = <A>(writer: Writer, effect: Effect.Effect<A, ReadError | WriteFailed>): Effect.Effect<A, WriteFailed> =>
  Effect.mapError(effect, (error) =>
    error._tag === "WriteFailed"
      ? error
      : new WriteFailed({
          backend: writer.graph.connection.backend,
          location: writer.graph.connection.location,
          phase: "undo",
          reason: error._tag === "StoreUnavailable" ? "went-away" : "store-changed",
          message: `${error.message} The undo stopped there; the run's journal is kept.`,
          cause: error
        })
  )
