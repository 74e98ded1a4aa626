/** Loading what is created into a graph that nobody else sees, by GRAPH.BULK as far as that can carry it. */
import * as Effect from "effect/Effect"
import { type ReadError, WriteFailed } from "../../domain/Errors.ts"
import type { Node, Properties, Relationship } from "../../domain/Graph.ts"
import { bulkNodes, bulkRelationships, isBulkNode, isBulkRelationship, type PlacedRelationship } from "./bulk.ts"
import { type CommandFailed, writeFailed } from "./Connection.ts"
import { decode, type Graph, query } from "./graph.ts"
import type { KeyMap } from "./KeyMap.ts"
import { integer, listItems, textOnly } from "./replies.ts"
import { type KeyRule, storeNode, type StoredNode, storeRelationship } from "./stored.ts"

/** What a loader knows of its graph. */
export interface Loader {
  /**
   * The engine's id that the next new node gets; undefined where that cannot be told (ids of deleted nodes are given
   * again): then nodes do not go in bulk, because the reply does not say their ids.
   */
  next: number | undefined
  /** False where the user may not use the command, or the graph has constraints, which it ignores (measured on 4.16). */
  allowed: boolean
  /** True once the command was used. */
  used: boolean
}

/** A record to create, with the ids of its ends. */
export type Placed =
  | { readonly record: Node }
  | { readonly record: Relationship; readonly start: number; readonly end: number }

/** Makes a loader for a graph that is there; `allowed` as in {@link Loader}. */
export const make = (graph: Graph, allowed: boolean): Effect.Effect<Loader, ReadError> =>
  Effect.gen(function* () {
    const rows = yield* query(graph, "MATCH (n) RETURN count(n), coalesce(max(ID(n)), -1)")
    const [count, last] = yield* decode(graph, () => (rows[0] ?? []).map(integer))
    const next = count !== undefined && count - 1 === last ? count : undefined
    return { next, allowed, used: false }
  })

const COMMAND_BYTES = 4_000_000
const COMMAND_ROWS = 2000

const weigh = (properties: Properties): number => {
  let bytes = 64
  for (const value of Object.values(properties)) {
    bytes += typeof value === "string" ? value.length * 2 : Array.isArray(value) ? value.length * 32 : 16
  }
  return bytes
}

const slices = <A extends { readonly properties: Properties }>(
  rows: ReadonlyArray<A>
): ReadonlyArray<ReadonlyArray<A>> => {
  const found: Array<Array<A>> = []
  let bytes = 0
  for (const row of rows) {
    const last = found.at(-1)
    const size = weigh(row.properties)
    if (last === undefined || last.length === COMMAND_ROWS || bytes + size > COMMAND_BYTES) {
      found.push([row])
      bytes = size
    } else {
      last.push(row)
      bytes += size
    }
  }
  return found
}

// The ids that the new nodes got: all those from `first` on.
const readNew = (graph: Graph, first: number) =>
  Effect.flatMap(
    query(graph, `MATCH (n) WHERE ID(n) >= ${first} RETURN collect([ID(n), coalesce(n._mg_id, n.id)])`),
    (rows) =>
      decode(graph, () =>
        listItems(rows[0]?.[0]).map((row) => {
          const [id, key] = listItems(row)
          return [textOnly(key) ?? "", integer(id)] as const
        })
      )
  )

/** Why a command is not available to this user: the slower way is open then. */
const isBarred = ({ reason }: CommandFailed): boolean => reason === "permission" || reason === "not-this-kind"

/**
 * Creates as many of the records as can go in bulk, and returns the others. The records are known not to be there, and
 * the ends to exist.
 */
export const load = (
  loader: Loader,
  graph: Graph,
  ids: KeyMap,
  rule: KeyRule,
  records: ReadonlyArray<Placed>
): Effect.Effect<ReadonlyArray<Placed>, WriteFailed | ReadError> => {
  const { backend, location } = graph.connection
  const failed = writeFailed(graph.connection, "import")
  const nodes: Array<StoredNode> = []
  const links: Array<PlacedRelationship> = []
  const others: Array<Placed> = []
  for (const placed of records) {
    if (!("start" in placed)) {
      const stored = storeNode(placed.record, rule)
      if (loader.next !== undefined && isBulkNode(stored)) nodes.push(stored)
      else others.push(placed)
    } else {
      const stored = storeRelationship(placed.record, rule)
      if (isBulkRelationship(stored)) links.push({ ...stored, ends: [placed.start, placed.end] })
      else others.push(placed)
    }
  }
  loader.used = true
  const send = (args: ReadonlyArray<string | Buffer>) => graph.connection.command("GRAPH.BULK", graph.key, ...args)
  return Effect.gen(function* () {
    for (const some of slices(nodes)) {
      yield* send(bulkNodes(some))
      const made = yield* readNew(graph, loader.next ?? 0)
      if (made.length !== some.length) {
        const message = `${some.length} nodes were loaded into ${location} and ${made.length} are there. The session is undone.`
        return yield* new WriteFailed({ backend, location, phase: "import", reason: "conservation", message })
      }
      ids.put(made)
      loader.next = (loader.next ?? 0) + made.length
    }
    for (const some of slices(links)) yield* send(bulkRelationships(some))
    return others
  }).pipe(
    Effect.catchTag("CommandFailed", (cause) => {
      if (!loader.allowed || !isBarred(cause)) return Effect.fail(failed(cause))
      loader.allowed = false
      return Effect.succeed(records)
    })
  )
}
