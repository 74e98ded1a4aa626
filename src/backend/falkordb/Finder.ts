/**
 * Finding stored records again. An index would not do: only labelled nodes can be indexed, and the engine's range
 * index does not find empty strings (measured on 4.16). So keys are mapped to the engine's ids once, and every record
 * is read by id, which is exact and fast, and checked to still have the key.
 */
import * as Effect from "effect/Effect"
import * as Chunk from "effect/Chunk"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { ReadError } from "../../domain/Errors.ts"
import type { GraphRecord, Node, Relationship } from "../../domain/Graph.ts"
import { unavailable } from "./Connection.ts"
import { type Located, type LocatedRelationship, readNodes, readRelationships } from "./entities.ts"
import { exists, type Graph, keyRule } from "./graph.ts"
import * as KeyMap from "./KeyMap.ts"
import { isNativeName, quoteName } from "./literals.ts"
import { nodeKeys } from "./reading.ts"
import { EMPTY_RULE, type KeyRule, STAND_IN_TYPE } from "./stored.ts"

/** Finds the stored records of one graph. */
export interface Finder {
  /** The key rule that the finder goes by. */
  readonly rule: Effect.Effect<KeyRule, ReadError>
  /** Engine ids of nodes, by key. */
  readonly ids: KeyMap.KeyMap
  /** Stored nodes by key. */
  readonly nodes: (keys: Iterable<string>) => Effect.Effect<ReadonlyArray<Located<Node>>, ReadError>
  /** All stored relationships between the same ends and of the same type as one of those given. */
  readonly relationships: (
    records: Iterable<Pick<Relationship, "from" | "type" | "to">>
  ) => Effect.Effect<ReadonlyArray<LocatedRelationship>, ReadError>
}

const IDS_PER_QUERY = 200
const PAIRS_PER_QUERY = 500

// Changes of the whole server, which is more than of this graph: what stays equal has not changed. A server that was
// restarted begins to count anew, and may have forgotten something.
const VERSION = /^(?:run_id|rdb_changes_since_last_save|rdb_saves|rdb_last_save_time):.*$/gm

const version = (graph: Graph): Effect.Effect<string, ReadError> =>
  graph.connection.command("INFO", "server", "persistence").pipe(
    Effect.mapError(unavailable(graph.connection)),
    Effect.map((reply) => (String(reply).match(VERSION) ?? []).join("\n"))
  )

const slices = <A>(items: Iterable<A>, size: number): ReadonlyArray<ReadonlyArray<A>> =>
  Chunk.toReadonlyArray(Chunk.chunksOf(Chunk.fromIterable(items), size)).map(Chunk.toReadonlyArray)

interface Pair {
  readonly start: number
  readonly end: number
}

/** The clauses that bind `a`, `r` and `b` to the relationships of a stored type between the nodes of those ids. */
export const matchPairs = (type: string, pairs: ReadonlyArray<Pair>): string =>
  `UNWIND [${pairs.map(({ start, end }) => `[${start},${end}]`).join(",")}] AS p WITH p[0] AS i, p[1] AS j ` +
  `MATCH (a) WHERE ID(a) = i WITH a, j MATCH (b) WHERE ID(b) = j WITH a, b MATCH (a)-[r:${quoteName(type)}]->(b) WITH a, r, b`

/** How a finder keeps up with its store. */
export interface FinderOptions {
  /**
   * True: the map is that of the moment it is made, kept up by the session that writes. False: it is made anew when the
   * server has changed and something was not found.
   */
  readonly pinned: boolean
  /** The rule to go by; found out where it is not given. */
  readonly rule?: KeyRule | undefined
}

/** Makes a finder; nothing is read before it is asked something. */
export const make = (graph: Graph, options: FinderOptions): Effect.Effect<Finder, never, Scope.Scope> =>
  Effect.gen(function* () {
    const ids = yield* KeyMap.make
    const building = yield* Effect.makeSemaphore(1)
    let built: { readonly rule: KeyRule; readonly version: string } | undefined

    const build = Effect.gen(function* () {
      ids.clear()
      const now = yield* version(graph)
      const there = yield* exists(graph)
      const rule = options.rule ?? (there ? yield* keyRule(graph) : EMPTY_RULE)
      if (there)
        yield* Stream.runForEachChunk(nodeKeys(graph, rule), (entries) => Effect.sync(() => ids.put([...entries])))
      built = { rule, version: now }
      return built
    })
    const ensure = building.withPermits(1)(Effect.suspend(() => (built === undefined ? build : Effect.succeed(built))))
    const rule = Effect.map(ensure, (state) => state.rule)

    // True where looking again may find what was not found.
    const refreshed = building.withPermits(1)(
      Effect.gen(function* () {
        if (options.pinned || built === undefined || (yield* version(graph)) === built.version) return false
        yield* build
        return true
      })
    )

    const readByKey = (keys: ReadonlyArray<string>) =>
      Effect.gen(function* () {
        const known = yield* rule
        const wanted = new Set(keys)
        const engineIds = new Set(keys.map(ids.get).filter((id) => id !== undefined))
        const pages = yield* Effect.forEach(slices(engineIds, IDS_PER_QUERY), (some) =>
          readNodes(graph, `UNWIND [${some.join(",")}] AS i MATCH (n) WHERE ID(n) = i WITH n`, known)
        )
        return pages.flatMap(({ located }) => located.filter(({ record }) => wanted.has(record.key)))
      })

    const nodes: Finder["nodes"] = (given) =>
      Effect.gen(function* () {
        const keys = [...new Set(given)]
        const found = yield* readByKey(keys)
        return found.length < keys.length && (yield* refreshed) ? yield* readByKey(keys) : found
      })

    const readByEnds = (records: ReadonlyArray<Pick<Relationship, "from" | "type" | "to">>) =>
      Effect.gen(function* () {
        const known = yield* rule
        const wanted = new Set(records.map(endsOf))
        const byType = new Map<string, Map<string, Pair>>()
        for (const { from, to, type } of records) {
          const start = ids.get(from)
          const end = ids.get(to)
          if (start === undefined || end === undefined) continue
          const stored = isNativeName(type) ? type : STAND_IN_TYPE
          const pairs = byType.get(stored) ?? new Map<string, Pair>()
          byType.set(stored, pairs.set(`${start} ${end}`, { start, end }))
        }
        const found: Array<LocatedRelationship> = []
        for (const [type, pairs] of byType) {
          for (const some of slices(pairs.values(), PAIRS_PER_QUERY)) {
            found.push(...(yield* readRelationships(graph, matchPairs(type, some), known)).located)
          }
        }
        // What the ids lead to may have other keys by now, or, under a stand-in, another type.
        const located = found.filter(({ record }) => wanted.has(endsOf(record)))
        return { located, complete: new Set(located.map(({ record }) => endsOf(record))).size === wanted.size }
      })

    const relationships: Finder["relationships"] = (given) =>
      Effect.gen(function* () {
        const records = [...given]
        const found = yield* readByEnds(records)
        return found.complete || !(yield* refreshed) ? found.located : (yield* readByEnds(records)).located
      })

    return { rule, ids, nodes, relationships }
  })

/** Names what a relationship without a key is found by. */
export const endsOf = ({ from, to, type }: Pick<Relationship, "from" | "type" | "to">): string =>
  JSON.stringify([from, type, to])

/** The port's `lookup`. */
export const lookup = (
  finder: Finder,
  records: ReadonlyArray<GraphRecord>
): Effect.Effect<ReadonlyArray<GraphRecord>, ReadError> =>
  Effect.gen(function* () {
    const keys = records.flatMap((record) => (record._tag === "Node" ? [record.key] : []))
    const links = records.flatMap((record) => (record._tag === "Relationship" ? [record] : []))
    const nodes = keys.length === 0 ? [] : yield* finder.nodes(keys)
    const relationships = links.length === 0 ? [] : yield* finder.relationships(links)
    return [...nodes, ...relationships].map(({ record }) => record)
  })
