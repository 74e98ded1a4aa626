/**
 * How far batches came that hold relationships without a key, which cannot be told from equal ones of others: the
 * fence's list `marks` has `NAME:WRITTEN` for each (the first so many of the batch; one entry a query) and, while they
 * are taken back and afterwards, `NAME:WRITTEN:REMOVED`. Equal batches have the same name and are told apart by their
 * order.
 */
import * as Effect from "effect/Effect"
import type { ReadError, WriteFailed } from "../../domain/Errors.ts"
import { writeFailed } from "./Connection.ts"
import { guard, type Hold, whyNotHeld } from "./fence.ts"
import { decode, type Graph, query, writeQuery } from "./graph.ts"
import { quoteText } from "./literals.ts"
import { integer, listItems, optionalText } from "./replies.ts"
import { FENCE_LABEL } from "./stored.ts"

/** One time that a batch of some name was written: how far it came, and how much of it has been taken back. */
export interface Mark {
  readonly written: number
  readonly removed: number
}

const all = "coalesce(f.marks, [])"
const assumed = "coalesce(f.assumed, [])"

/** Cypher for the marks after so many of the batch's records were written. */
export const markWritten = (name: string, written: number): string => `${all} + [${quoteText(`${name}:${written}`)}]`

/** Cypher for the marks when those of a name are just these. */
export const markRest = (name: string, marks: ReadonlyArray<Mark>): string => {
  const texts = marks.map(({ removed, written }) =>
    quoteText(`${name}:${written}${removed === 0 ? "" : `:${removed}`}`)
  )
  return `[x IN ${all} WHERE NOT x STARTS WITH ${quoteText(`${name}:`)}] + [${texts.join(",")}]`
}

// Parts of one writing count up; a number that does not is the first of the next, equal batch.
const gather = (entries: ReadonlyArray<Mark>): ReadonlyArray<Mark> => {
  const marks: Array<Mark> = []
  for (const entry of entries) {
    const last = marks.at(-1)
    if (last?.removed === 0 && entry.written > last.written) marks.pop()
    marks.push(entry)
  }
  return marks
}

/** The marks of all batches of that name, earliest first: none where nothing of any was written. */
export const marksOf = (graph: Graph, run: string, name: string): Effect.Effect<ReadonlyArray<Mark>, ReadError> =>
  Effect.flatMap(query(graph, `MATCH (f:${FENCE_LABEL}) WHERE f.run = ${quoteText(run)} RETURN ${all}`), (rows) =>
    decode(graph, () => {
      const texts = rows.flatMap(([marks]) => listItems(marks).map((mark) => optionalText(mark) ?? ""))
      const ours = texts.map((mark) => mark.split(":")).filter(([batch]) => batch === name)
      return gather(
        ours.map(([, written = "0", removed = "0"]) => ({ written: Number(written), removed: Number(removed) }))
      )
    })
  )

// Changes the fence, and nothing besides.
const change = (graph: Graph, hold: Hold, marks: string, more = ""): Effect.Effect<void, WriteFailed | ReadError> =>
  Effect.gen(function* () {
    const changing = `${guard(hold, marks)} ${more} RETURN f.steps`
    const [row] = yield* Effect.mapError(writeQuery(graph, changing), writeFailed(graph.connection, "undo"))
    if (row === undefined) {
      const why = yield* whyNotHeld(graph, hold, "undo")
      return why === undefined ? undefined : yield* why
    }
    hold.steps.answered = yield* decode(graph, () => integer(row[0]))
  })

/** Sets the marks of a name. */
export const setMarks = (
  graph: Graph,
  hold: Hold,
  name: string,
  marks: ReadonlyArray<Mark>
): Effect.Effect<void, WriteFailed | ReadError> => change(graph, hold, markRest(name, marks))

/**
 * The engine's `assumeWritten`, for a batch of that number, name and length; `assumeRemoved` has negative numbers, which
 * no batch has.
 */
export const assume = (
  graph: Graph,
  hold: Hold,
  number: number,
  name: string,
  written: number
): Effect.Effect<void, WriteFailed | ReadError> =>
  change(
    graph,
    hold,
    `CASE WHEN (${number}) IN ${assumed} THEN ${all} ELSE ${markWritten(name, written)} END`,
    `SET f.assumed = CASE WHEN (${number}) IN ${assumed} THEN ${assumed} ELSE ${assumed} + [${number}] END`
  )
