/**
 * Nodes and relationships out of a query, exactly: the columns to ask for, what becomes of them, and the second query
 * for the few floats that the first cannot bring.
 */
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import type { ReadError } from "../../domain/Errors.ts"
import type { GraphRecord, Node, Relationship } from "../../domain/Graph.ts"
import type { Reply } from "./Connection.ts"
import { decode, type Graph, query } from "./graph.ts"
import { literal, quoteText } from "./literals.ts"
import {
  decodeProperties,
  exactFloat,
  floatText,
  integer,
  listItems,
  lowPart,
  optionalText,
  propertyColumns,
  textOnly,
  Undecodable,
  type Unread,
  weigh
} from "./replies.ts"
import { FENCE_LABEL, type KeyRule, nodeKey, restoreNode, restoreRelationship } from "./stored.ts"

/** A record and the engine's own id for it. */
export interface Located<R extends GraphRecord> {
  readonly engineId: number
  readonly record: R
}

/** A relationship is found again by its start and its own id. */
export interface LocatedRelationship extends Located<Relationship> {
  readonly start: number
  readonly end: number
}

const nodeRow = `[ID(n), labels(n), ${propertyColumns("n")}]`
const relationshipRow = `[ID(r), type(r), ID(a), a._mg_id, a.id, ID(b), b._mg_id, b.id, ${propertyColumns("r")}]`

// Beyond about 2^996 a float has no low part (see replies.ts): there it is read scaled down, which is exact.
const LARGE = 1e290
const SCALE = 2 ** -100

const scaleOf = (unread: Unread): number => (Math.abs(Number(unread.text)) > LARGE ? SCALE : 1)

const pathExpression = (variable: string, unread: Unread): string => {
  const [name, ...indexes] = unread.path
  return `${variable}[${quoteText(name)}]${indexes.map((i) => `[${i}]`).join("")} * ${literal(scaleOf(unread))}`
}

const PATHS_PER_QUERY = 500

// Floats deep inside lists, and very large ones, by a query of their own.
const readFloats = (
  graph: Graph,
  match: string,
  variable: string,
  unread: ReadonlyArray<Unread>
): Effect.Effect<void, ReadError> =>
  Effect.forEach(
    Chunk.chunksOf(Chunk.fromIterable(unread), PATHS_PER_QUERY),
    (some) => {
      const paths = Chunk.toReadonlyArray(some)
      const wanted = paths.map((one) => pathExpression(variable, one)).join(",")
      return Effect.flatMap(query(graph, `${match} RETURN [x IN [${wanted}] | [x, ${lowPart("x")}]]`), (found) =>
        decode(graph, () => {
          const pairs = listItems(found[0]?.[0])
          paths.forEach((one, i) => {
            const [near, low] = listItems(pairs[i])
            const value = exactFloat(floatText(near), floatText(low))
            const printed = Number(one.text)
            const exact = (value ?? Number.NaN) / scaleOf(one)
            const same = !Number.isFinite(printed) || Math.abs(exact - printed) <= Math.abs(printed) * 1e-14
            if (!same || !Number.isFinite(exact))
              throw new Undecodable(`the float ${one.text} could not be read exactly`)
            one.put(exact)
          })
        })
      )
    },
    { discard: true }
  )

// A fence is no record; a node is located with what is still to be read of it.
const decodeNodes = (reply: Reply | undefined, rule: KeyRule) => {
  let weight = 0
  const pending: Array<{ readonly id: number; readonly unread: ReadonlyArray<Unread> }> = []
  const nodes: Array<Located<Node>> = []
  for (const row of listItems(reply)) {
    const [id, labels, ...columns] = listItems(row)
    const engineId = integer(id)
    const names = listItems(labels).map((label) => optionalText(label) ?? "")
    if (names.includes(FENCE_LABEL)) continue
    weight += weigh(columns[0])
    const { properties, unread } = decodeProperties(columns)
    if (unread.length > 0) pending.push({ id: engineId, unread })
    nodes.push({ engineId, record: restoreNode(engineId, names, properties, rule) })
  }
  return { weight, pending, located: nodes }
}

const decodeRelationships = (reply: Reply | undefined, rule: KeyRule) => {
  let weight = 0
  const pending: Array<{ readonly id: number; readonly start: number; readonly unread: ReadonlyArray<Unread> }> = []
  const located: Array<LocatedRelationship> = []
  for (const row of listItems(reply)) {
    const [id, type, a, aKept, aId, b, bKept, bId, ...columns] = listItems(row)
    const engineId = integer(id)
    const start = integer(a)
    const end = integer(b)
    weight += weigh(columns[0])
    const { properties, unread } = decodeProperties(columns)
    if (unread.length > 0) pending.push({ id: engineId, start, unread })
    const from = nodeKey(textOnly(aKept), textOnly(aId), start, rule)
    const to = nodeKey(textOnly(bKept), textOnly(bId), end, rule)
    const record = restoreRelationship(from, optionalText(type) ?? "", to, properties, rule)
    located.push({ engineId, start, end, record })
  }
  return { weight, pending, located }
}

/** Records that a query brought, and about how many bytes they take. */
export interface Page<L> {
  readonly located: ReadonlyArray<L>
  readonly weight: number
}

/** Reads the nodes `n` that the clauses match. */
export const readNodes = (graph: Graph, match: string, rule: KeyRule): Effect.Effect<Page<Located<Node>>, ReadError> =>
  Effect.gen(function* () {
    const found = yield* query(graph, `${match} RETURN collect(${nodeRow})`)
    const page = yield* decode(graph, () => decodeNodes(found[0]?.[0], rule))
    for (const { id, unread } of page.pending) yield* readFloats(graph, `MATCH (n) WHERE ID(n) = ${id}`, "n", unread)
    return page
  })

/** Reads the relationships `r` from `a` to `b` that the clauses match. */
export const readRelationships = (
  graph: Graph,
  match: string,
  rule: KeyRule
): Effect.Effect<Page<LocatedRelationship>, ReadError> =>
  Effect.gen(function* () {
    const found = yield* query(graph, `${match} RETURN collect(${relationshipRow})`)
    const page = yield* decode(graph, () => decodeRelationships(found[0]?.[0], rule))
    for (const { id, start, unread } of page.pending) {
      yield* readFloats(graph, `MATCH (a)-[r]->() WHERE ID(a) = ${start} AND ID(r) = ${id}`, "r", unread)
    }
    return page
  })
