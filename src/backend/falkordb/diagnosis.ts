/** A closer look at a FalkorDB graph: limits of the server, its indexes and constraints, ids that are there twice. */
import * as Effect from "effect/Effect"
import type { ReadError } from "../../domain/Errors.ts"
import type { Diagnosis, Fact, IndexState } from "../GraphBackend.ts"
import type { CommandFailed, Connection, Reply } from "./Connection.ts"
import { decode, type Graph, query } from "./graph.ts"
import { integer, listItems, optionalText } from "./replies.ts"
import { FENCE_LABEL } from "./stored.ts"

/** What is to be said of a graph that is not there. */
const NO_DUPLICATES = { first: [], total: 0 }

const GRAPH_SETTINGS = ["RESULTSET_SIZE", "TIMEOUT_DEFAULT", "TIMEOUT_MAX", "QUERY_MEM_CAPACITY"] as const
const SERVER_SETTINGS = ["maxmemory", "maxmemory-policy", "save", "appendonly"] as const

// Settings that a user may not be allowed to see are not shown.
const setting = (name: string, asked: Effect.Effect<Reply, CommandFailed>): Effect.Effect<ReadonlyArray<Fact>> =>
  Effect.map(
    Effect.orElseSucceed(asked, () => null),
    (reply) => (Array.isArray(reply) && reply.length > 1 ? [{ name, value: String(reply[1]) }] : [])
  )

const serverFacts = (connection: Connection): Effect.Effect<ReadonlyArray<Fact>> =>
  Effect.map(
    Effect.all([
      ...GRAPH_SETTINGS.map((name) => setting(name, connection.command("GRAPH.CONFIG", "GET", name))),
      ...SERVER_SETTINGS.map((name) => setting(name, connection.command("CONFIG", "GET", name)))
    ]),
    (found) => found.flat()
  )

const stateOf = (status: string): string => (status === "OPERATIONAL" ? "online" : status.toLowerCase())

// Lists of lists come as one row: a result is cut at RESULTSET_SIZE, a list is not.
const lists = (graph: Graph, cypher: string): Effect.Effect<ReadonlyArray<ReadonlyArray<Reply>>, ReadError> =>
  Effect.flatMap(query(graph, cypher), (found) => decode(graph, () => listItems(found[0]?.[0]).map(listItems)))

const named = (kind: string, label: Reply | undefined, properties: Reply | undefined): string =>
  `${kind} ${optionalText(label) ?? ""}(${listItems(properties)
    .map((property) => optionalText(property) ?? "")
    .join(", ")})`

const indexesOf = (graph: Graph): Effect.Effect<ReadonlyArray<IndexState>, ReadError> =>
  Effect.gen(function* () {
    const indexes = yield* lists(
      graph,
      "CALL db.indexes() YIELD label, properties, status RETURN collect([label, properties, status])"
    )
    const constraints = yield* lists(
      graph,
      "CALL db.constraints() YIELD type, label, properties, status RETURN collect([type, label, properties, status])"
    )
    return yield* decode(graph, () => [
      ...indexes.map(([label, properties, status]) => ({
        name: named("index", label, properties),
        state: stateOf(optionalText(status) ?? "")
      })),
      ...constraints.map(([type, label, properties, status]) => ({
        name: named(`${(optionalText(type) ?? "").toLowerCase()} constraint`, label, properties),
        state: stateOf(optionalText(status) ?? "")
      }))
    ])
  })

const repeated = `MATCH (n) WHERE NOT n:${FENCE_LABEL} WITH coalesce(n._mg_id, n.id) AS k WHERE typeOf(k) = 'String' WITH k, count(*) AS c WHERE c > 1`

const duplicatesOf = (graph: Graph): Effect.Effect<Diagnosis["duplicates"], ReadError> =>
  Effect.gen(function* () {
    const found = yield* query(graph, `${repeated} WITH k ORDER BY k RETURN count(k), collect(k)[..20]`)
    return yield* decode(graph, () => ({
      first: listItems(found[0]?.[1]).map((key) => optionalText(key) ?? ""),
      total: found[0]?.[0] === undefined ? 0 : integer(found[0][0])
    }))
  })

/** `there` is false for a graph that nobody has made yet: only its server is looked at. */
export const diagnose = (graph: Graph, there: boolean): Effect.Effect<Diagnosis, ReadError> =>
  Effect.gen(function* () {
    const facts = yield* serverFacts(graph.connection)
    return there
      ? { facts, indexes: yield* indexesOf(graph), duplicates: yield* duplicatesOf(graph) }
      : { facts, indexes: [], duplicates: NO_DUPLICATES }
  })
