/**
 * Reading a graph as a stream. Pages are ranges of literal node ids, which the engine seeks (measured with EXPLAIN:
 * NodeByIdSeek; an id that comes out of an expression, or `ID(r)`, is searched by scanning everything); relationships
 * come with their start nodes. Each page is one row that holds a list, so that RESULTSET_SIZE cuts nothing, and what
 * was read is compared with the engine's own counters.
 */
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { type ReadError, StoreUnavailable } from "../../domain/Errors.ts"
import type { GraphRecord, Node } from "../../domain/Graph.ts"
import type { Selection } from "../GraphBackend.ts"
import { type Located, type LocatedRelationship, type Page, readNodes, readRelationships } from "./entities.ts"
import { counts, dataInvalid, decode, exists, type Graph, graphs, keyRule, query } from "./graph.ts"
import { integer, listItems, textOnly } from "./replies.ts"
import { type KeyRule, nodeKey, relationshipKey } from "./stored.ts"

const FIRST_RANGE = 64
const MAX_RANGE = 65_536
const ROWS = 2000
const BYTES = 2_000_000

// The next range of ids: so that it brings about the rows and bytes that a page is meant to have.
const nextRange = (range: number, page: Page<unknown>): number => {
  const fit = Math.min(ROWS / Math.max(1, page.located.length), BYTES / Math.max(1, page.weight), 4)
  return Math.max(1, Math.min(MAX_RANGE, Math.floor(range * fit)))
}

const lastId = (graph: Graph): Effect.Effect<number, ReadError> =>
  Effect.flatMap(query(graph, "MATCH (n) RETURN coalesce(max(ID(n)), -1)"), (found) =>
    decode(graph, () => integer(found[0]?.[0]))
  )

interface Position {
  readonly from: number
  readonly range: number
  /** Inside a node with more relationships than a page has: those after this id. */
  readonly after?: number | undefined
}

const START: Position = { from: 0, range: FIRST_RANGE }

const paged = <L>(
  graph: Graph,
  page: (position: Position) => Effect.Effect<readonly [ReadonlyArray<L>, Position], ReadError>
): Stream.Stream<L, ReadError> =>
  Stream.unwrap(
    Effect.map(lastId(graph), (last) =>
      Stream.unfoldChunkEffect(START, (position) =>
        position.from > last
          ? Effect.succeed(Option.none())
          : Effect.map(page(position), ([located, next]) =>
              Option.some([Chunk.unsafeFromArray(located), next] as const)
            )
      )
    )
  )

/** All nodes with the engine's ids. */
export const nodes = (graph: Graph, rule: KeyRule): Stream.Stream<Located<Node>, ReadError> =>
  paged(graph, ({ from, range }) =>
    Effect.map(
      readNodes(graph, `MATCH (n) WHERE ID(n) >= ${from} AND ID(n) < ${from + range} WITH n`, rule),
      (page) => [page.located, { from: from + range, range: nextRange(range, page) }] as const
    )
  )

/** All relationships with the engine's ids. */
export const relationships = (graph: Graph, rule: KeyRule): Stream.Stream<LocatedRelationship, ReadError> => {
  const pattern = "MATCH (a)-[r]->(b) WHERE"
  // A node with more relationships than a page: by their ids, in order.
  const ofOneNode = (from: number, after: number) =>
    Effect.map(
      readRelationships(
        graph,
        `${pattern} ID(a) = ${from} AND ID(r) > ${after} WITH a, r, b ORDER BY ID(r) LIMIT ${ROWS}`,
        rule
      ),
      (page): readonly [ReadonlyArray<LocatedRelationship>, Position] => {
        const last = page.located.at(-1)
        return page.located.length < ROWS || last === undefined
          ? [page.located, { from: from + 1, range: 1 }]
          : [page.located, { from, range: 1, after: last.engineId }]
      }
    )
  const page = ({
    after,
    from,
    range
  }: Position): Effect.Effect<readonly [ReadonlyArray<LocatedRelationship>, Position], ReadError> => {
    if (after !== undefined) return ofOneNode(from, after)
    const starts = `${pattern} ID(a) >= ${from} AND ID(a) < ${from + range}`
    return Effect.flatMap(readRelationships(graph, `${starts} WITH a, r, b LIMIT ${ROWS + 1}`, rule), (found) => {
      if (found.located.length <= ROWS) {
        return Effect.succeed([found.located, { from: from + range, range: nextRange(range, found) }] as const)
      }
      return range === 1 ? ofOneNode(from, -1) : page({ from, range: Math.floor(range / 2) })
    })
  }
  return paged(graph, page)
}

/** Keys and engine ids of all nodes: to find nodes by key without an index. */
export const nodeKeys = (graph: Graph, rule: KeyRule): Stream.Stream<readonly [string, number], ReadError> =>
  paged(graph, ({ from }) => {
    const range = ROWS * 5
    const match = `MATCH (n) WHERE ID(n) >= ${from} AND ID(n) < ${from + range} AND NOT n:_MgRun`
    return Effect.flatMap(query(graph, `${match} RETURN collect([ID(n), n._mg_id, n.id])`), (found) =>
      decode(graph, () => {
        const keys = listItems(found[0]?.[0]).map((row) => {
          const [id, kept, own] = listItems(row)
          const engineId = integer(id)
          return [nodeKey(textOnly(kept), textOnly(own), engineId, rule), engineId] as const
        })
        return [keys, { from: from + range, range }] as const
      })
    )
  })

/** Keys of all relationships that have one. */
export const relationshipKeys = (graph: Graph, rule: KeyRule): Stream.Stream<readonly [string, number], ReadError> =>
  paged(graph, ({ from }) => {
    const match = `MATCH (a)-[r]->() WHERE ID(a) >= ${from} AND ID(a) < ${from + ROWS}`
    return Effect.flatMap(query(graph, `${match} RETURN collect([ID(r), r._mg_id, r.id, r._mg_enc])`), (found) =>
      decode(graph, () => {
        const keys = listItems(found[0]?.[0]).flatMap((row) => {
          const [id, kept, own, note] = listItems(row)
          const key = relationshipKey(textOnly(kept), textOnly(own), textOnly(note), rule)
          return key === null ? [] : [[key, integer(id)] as const]
        })
        return [keys, { from: from + ROWS, range: ROWS }] as const
      })
    )
  })

const missing = (graph: Graph): Effect.Effect<never, ReadError> =>
  Effect.flatMap(graphs(graph.connection), (found) => {
    const { backend, location } = graph.connection
    const there = found.length === 0 ? "It holds no graph." : `It holds ${found.join(", ")}.`
    const message = `There is no graph ${graph.key} in ${location}. ${there} Name the graph.`
    return Effect.fail(new StoreUnavailable({ backend, location, reason: "missing-database", message }))
  })

/** The whole graph: nodes, then relationships, each counted and compared with the engine's counters. */
export const read = (graph: Graph, selection?: Selection): Stream.Stream<GraphRecord, ReadError> =>
  Stream.unwrap(
    Effect.gen(function* () {
      if (!(yield* exists(graph))) return yield* missing(graph)
      const before = yield* counts(graph)
      const rule = yield* keyRule(graph)
      const counted = (kind: "nodes" | "relationships", located: Stream.Stream<Located<GraphRecord>, ReadError>) => {
        let seen = 0
        return located.pipe(
          Stream.mapChunks((chunk) => {
            seen += chunk.length
            return Chunk.map(chunk, ({ record }) => record)
          }),
          Stream.concat(Stream.execute(Effect.suspend(() => compare(graph, kind, seen, before[kind]))))
        )
      }
      const wanted = selection?.only
      return Stream.concat(
        wanted === "relationships" ? Stream.empty : counted("nodes", nodes(graph, rule)),
        wanted === "nodes" ? Stream.empty : counted("relationships", relationships(graph, rule))
      )
    })
  )

// While others write, the counters before and after differ, and what was read lies between them.
const compare = (
  graph: Graph,
  kind: "nodes" | "relationships",
  seen: number,
  before: number
): Effect.Effect<void, ReadError> =>
  Effect.flatMap(counts(graph), ({ [kind]: after }) => {
    if (seen >= Math.min(before, after) && seen <= Math.max(before, after)) return Effect.void
    const { location } = graph.connection
    const message =
      before === after
        ? `${location} counts ${before} ${kind} but ${seen} were read. Nothing was written. Run again, and report it if it stays.`
        : `${location} changed while it was read: ${before} ${kind} before, ${after} after, ${seen} read. Nothing was written. Run again when nobody writes.`
    return Effect.fail(dataInvalid(graph, before === after ? "counts-differ" : "changed-while-read", [], message))
  })
