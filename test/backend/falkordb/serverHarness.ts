/** Graphs on a FalkorDB server as the conformance suite takes them. */
import * as Effect from "effect/Effect"
import * as crypto from "node:crypto"
import * as FalkorDB from "../../../src/backend/falkordb/FalkorDBBackend.ts"
import type { Harness, Place } from "../../../src/testing/conformance/index.ts"
import type { TestServer } from "../../support/falkordb.ts"
import { spoilGraph } from "./liteHarness.ts"

const strings = (reply: unknown): ReadonlyArray<string> => (Array.isArray(reply) ? reply.map(String) : [])

/**
 * All keys that have to do with a graph, and its indexes. The engine keeps `telemetry{GRAPH}` of every graph that is
 * asked something, at its leisure: that of the graph itself is nobody's trace.
 */
export const tracesOf = async (server: TestServer, graph: string): Promise<ReadonlyArray<string>> => {
  const keys = strings(await server.raw("KEYS", "*")).filter(
    (key) => key.includes(graph) && key !== `telemetry{${graph}}`
  )
  if (!keys.includes(graph)) return keys.sort()
  const indexes = await server.raw(
    "GRAPH.RO_QUERY",
    graph,
    "CALL db.indexes() YIELD label, properties RETURN label, properties"
  )
  return [...keys, `indexes ${JSON.stringify(Array.isArray(indexes) ? indexes[1] : indexes)}`].sort()
}

/** A new graph key for each place; `prepare` may make the graph. */
export const serverHarness = (
  name: string,
  server: () => TestServer,
  options: { readonly prepare?: (server: TestServer, graph: string) => Promise<unknown>; readonly runs?: number } = {}
): Harness => ({
  name,
  runs: options.runs,
  without: ["refuse"],
  place: Effect.acquireRelease(
    Effect.promise(async () => {
      const graph = `c-${crypto.randomUUID()}`
      await options.prepare?.(server(), graph)
      return graph
    }),
    (graph) =>
      Effect.promise(() =>
        server()
          .raw("GRAPH.DELETE", graph)
          .catch(() => undefined)
      )
  ).pipe(
    Effect.map((graph): Place => {
      const { host, port } = server()
      return {
        connect: FalkorDB.make({ kind: "falkordb", host, port, graph }),
        traces: Effect.promise(() => tracesOf(server(), graph)),
        spoil: Effect.asVoid(spoilGraph({ host, port }, graph))
      }
    })
  )
})
