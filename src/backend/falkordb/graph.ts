/**
 * One graph of an engine: its queries, counts and key rule. Everything that reads uses GRAPH.RO_QUERY, which cannot
 * change or create anything.
 */
import * as Effect from "effect/Effect"
import { type ReadError, SourceDataInvalid, type SourceReason, StoreUnavailable } from "../../domain/Errors.ts"
import { type GraphRecord, setProperty } from "../../domain/Graph.ts"
import { parseNote } from "../Encoding.ts"
import type { Statistics } from "../GraphBackend.ts"
import { type CommandFailed, type Connection, type Reply, unavailable } from "./Connection.ts"
import { isNativeName } from "./literals.ts"
import { integer, listItems, mapCounts, optionalText, rows, Undecodable } from "./replies.ts"
import { EMPTY_RULE, FENCE_LABEL, type KeyRule, parseLabels, STAND_IN_TYPE } from "./stored.ts"

/** A graph key on a connection. */
export interface Graph {
  readonly connection: Connection
  readonly key: string
}

/** A failure of the source's data at this graph. */
export const dataInvalid = (
  graph: Graph,
  reason: SourceReason,
  keys: ReadonlyArray<string>,
  message: string,
  cause?: unknown
): SourceDataInvalid =>
  new SourceDataInvalid({
    backend: graph.connection.backend,
    location: graph.connection.location,
    reason,
    keys: { first: keys, total: keys.length },
    message,
    cause
  })

/** Decodes what the engine sent; what cannot be decoded exactly is a failure, never a guess. */
export const decode = <A>(graph: Graph, run: () => A): Effect.Effect<A, SourceDataInvalid> =>
  Effect.try({
    try: run,
    catch: (cause) => {
      if (!(cause instanceof Undecodable)) throw cause
      return dataInvalid(
        graph,
        "undecodable",
        [],
        `${graph.connection.location} cannot be read exactly: ${cause.message}.`,
        cause
      )
    }
  })

/** Runs a reading query; its rows of compact values. Asked once more where the connection turns out to be lost. */
export const query = (graph: Graph, cypher: string): Effect.Effect<ReadonlyArray<ReadonlyArray<Reply>>, ReadError> =>
  graph.connection.command("GRAPH.RO_QUERY", graph.key, cypher, "--compact").pipe(
    Effect.retry({ times: 1, while: (failed) => !failed.answered }),
    Effect.mapError(unavailable(graph.connection)),
    Effect.flatMap((reply) => decode(graph, () => rows(reply)))
  )

/** Runs a writing query; its rows. Creates the graph where it is not there. */
export const writeQuery = (
  graph: Graph,
  cypher: string
): Effect.Effect<ReadonlyArray<ReadonlyArray<Reply>>, CommandFailed> =>
  Effect.map(graph.connection.command("GRAPH.QUERY", graph.key, cypher, "--compact"), rows)

/** True where the graph is there. Fails where the key holds something else. */
export const exists = (graph: Graph): Effect.Effect<boolean, StoreUnavailable> =>
  graph.connection.command("TYPE", graph.key).pipe(
    Effect.mapError(unavailable(graph.connection)),
    Effect.flatMap((type) => {
      if (type === "none") return Effect.succeed(false)
      if (type === "graphdata") return Effect.succeed(true)
      return Effect.fail(
        new StoreUnavailable({
          backend: graph.connection.backend,
          location: graph.connection.location,
          reason: "not-this-kind",
          message: `The key ${graph.key} of ${graph.connection.location} holds a redis ${String(type)}, not a graph. Name another graph.`
        })
      )
    })
  )

/** The graphs that a store holds. */
export const graphs = (connection: Connection): Effect.Effect<ReadonlyArray<string>, StoreUnavailable> =>
  Effect.map(Effect.mapError(connection.command("GRAPH.LIST"), unavailable(connection)), (list) =>
    Array.isArray(list) ? list.map(String) : []
  )

/** What the users of a graph have made of rules for it. */
export interface Constraints {
  readonly any: boolean
  /** The properties that nodes with these labels, or relationships of this type, must have. */
  readonly required: (tag: GraphRecord["_tag"], names: ReadonlyArray<string>) => ReadonlyArray<string>
}

/** Asks for the constraints of a graph that is there. */
export const constraints = (graph: Graph): Effect.Effect<Constraints, ReadError> =>
  Effect.gen(function* () {
    const wanted = "type, label, properties, entitytype"
    const found = yield* query(graph, `CALL db.constraints() YIELD ${wanted} RETURN collect([${wanted}])`)
    return yield* decode(graph, (): Constraints => {
      const all = listItems(found[0]?.[0]).map(listItems)
      const mandatory = all.filter(([type]) => optionalText(type) === "MANDATORY")
      const rules = mandatory.map(([, name, properties, entity]) => ({
        tag: optionalText(entity) === "NODE" ? "Node" : "Relationship",
        name: optionalText(name) ?? "",
        properties: listItems(properties).map((property) => optionalText(property) ?? "")
      }))
      return {
        any: all.length > 0,
        required: (tag, names) => [
          ...new Set(
            rules
              .filter((rule) => rule.tag === tag && names.includes(rule.name))
              .flatMap(({ properties }) => properties)
          )
        ]
      }
    })
  })

const counted = (graph: Graph, cypher: string): Effect.Effect<ReadonlyArray<number>, ReadError> =>
  Effect.flatMap(query(graph, cypher), (found) => decode(graph, () => (found[0] ?? []).map(integer)))

/** How many nodes and relationships there are, by the engine's own counters; without the fence. */
export const counts = (graph: Graph): Effect.Effect<{ nodes: number; relationships: number }, ReadError> =>
  Effect.gen(function* () {
    const [nodes = 0] = yield* counted(graph, "MATCH (n) RETURN count(n)")
    const [fences = 0] = yield* counted(graph, `MATCH (n:${FENCE_LABEL}) RETURN count(n)`)
    const [relationships = 0] = yield* counted(graph, "MATCH ()-[r]->() RETURN count(r)")
    return { nodes: nodes - fences, relationships }
  })

// Counts by name, grouped by the engine: `[[name, count], ...]` in one row.
const countedNames = (
  graph: Graph,
  cypher: string
): Effect.Effect<ReadonlyArray<readonly [string, number]>, ReadError> =>
  Effect.flatMap(query(graph, cypher), (found) =>
    decode(graph, () =>
      listItems(found[0]?.[0]).map((pair) => {
        const [name, count] = listItems(pair)
        return [optionalText(name) ?? "", integer(count)] as const
      })
    )
  )

const add = (into: { [name: string]: number }, name: string, count: number): void => {
  if (count > 0) setProperty(into, name, (Object.hasOwn(into, name) ? (into[name] ?? 0) : 0) + count)
}

/** Counts by label and type from the engine's own counters; only labels and types that we had to encode are looked up. */
export const statistics = (graph: Graph): Effect.Effect<Statistics, ReadError> =>
  Effect.gen(function* () {
    const { nodes, relationships } = yield* counts(graph)
    const found = yield* query(graph, "CALL db.meta.stats() YIELD labels, relTypes RETURN labels, relTypes")
    const [byLabel, byType] = yield* decode(graph, () => [mapCounts(found[0]?.[0]), mapCounts(found[0]?.[1])] as const)
    const labels: { [label: string]: number } = {}
    for (const [label, count] of byLabel) if (label !== FENCE_LABEL) add(labels, label, count)
    const lists = yield* countedNames(
      graph,
      "MATCH (n) WHERE n._mg_labels IS NOT NULL WITH n._mg_labels AS l, count(n) AS c RETURN collect([l, c])"
    )
    // Those that could be written as labels are in the engine's counters already.
    for (const [list, count] of lists) {
      for (const label of parseLabels(list) ?? []) if (!isNativeName(label)) add(labels, label, count)
    }
    const bare = yield* counted(graph, "MATCH (n) WHERE size(labels(n)) = 0 AND n._mg_labels IS NULL RETURN count(n)")
    add(labels, "", bare[0] ?? 0)
    const types: { [type: string]: number } = {}
    for (const [type, count] of byType) if (type !== STAND_IN_TYPE) add(types, type, count)
    const notes = yield* countedNames(
      graph,
      `MATCH ()-[r:${STAND_IN_TYPE}]->() WITH r._mg_enc AS e, count(r) AS c RETURN collect([e, c])`
    )
    for (const [note, count] of notes) add(types, parseNote(note)?.type ?? STAND_IN_TYPE, count)
    return { nodes, relationships, labels, types, newest: yield* newest(graph) }
  })

const textOf = (property: string): string => `CASE WHEN typeOf(n.${property}) = 'String' THEN n.${property} END`

// One pass over the memories.
const newest = (graph: Graph): Effect.Effect<string | undefined, ReadError> =>
  Effect.flatMap(
    query(graph, `MATCH (n:Memory) RETURN max(${textOf("updated_at")}), max(${textOf("created_at")})`),
    (found) =>
      decode(graph, () => {
        const times = (found[0] ?? []).map(optionalText).filter((time) => time !== undefined)
        return times.sort().at(-1)
      })
  )

/**
 * Where keys come from in this graph, asked of the engine: are there nodes without a string key, is one repeated? A node
 * without one gets a generated key, and the others keep theirs: a memory must be found again whatever else the graph
 * holds. Where a key is repeated all of them are generated. A generated key must not be one that a node has, so its prefix
 * grows until it is free.
 */
export const keyRule = (graph: Graph): Effect.Effect<KeyRule, ReadError> =>
  Effect.gen(function* () {
    const text = "CASE WHEN typeOf(k) = 'String' THEN k END"
    const check = `count(*), count(${text}), count(DISTINCT ${text})`
    const [all = 0, strings = 0, distinct = 0] = yield* counted(
      graph,
      `MATCH (n) WHERE NOT n:${FENCE_LABEL} WITH coalesce(n._mg_id, n.id) AS k RETURN ${check}`
    )
    const [, links = 0, distinctLinks = 0] = yield* counted(
      graph,
      "MATCH ()-[r]->() WITH coalesce(r._mg_id, r.id) AS k, r._mg_enc AS e " +
        `WHERE e IS NULL OR NOT e CONTAINS '"unkeyed":true' RETURN ${check}`
    )
    let prefix = EMPTY_RULE.prefix
    while (all > distinct) {
      const [taken = 0] = yield* counted(
        graph,
        `MATCH (n) WITH coalesce(n._mg_id, n.id) AS k WHERE typeOf(k) = 'String' AND k STARTS WITH '${prefix}' RETURN count(k)`
      )
      if (taken === 0) break
      prefix += EMPTY_RULE.prefix
    }
    return {
      nodes: strings === distinct ? "id" : "generated",
      prefix,
      relationships: links === distinctLinks ? "id" : "none"
    }
  })
