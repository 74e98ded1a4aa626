/** The five kinds of store as the pair table takes them: an empty one to use, and a dump by the engine's own client. */
import * as path from "node:path"
import neo4j from "neo4j-driver"
import type { Kind, StoreConfig } from "../../src/backend/StoreConfig.ts"
import { engineAvailable, startFalkorDB } from "../support/falkordb.ts"
import { tempFolder } from "../support/migrating.ts"
import { missing, startNeo4j, type Neo4jServer } from "../support/neo4j.ts"
import { readSeed } from "../support/plainSql.ts"
import { withRawEngine } from "../support/rawEngine.ts"
import { entity, type Reply, rows } from "../support/rawRedis.ts"
import { type Dump, record, text } from "./dump.ts"

/** A kind of store, ready for use in the table. */
export interface TestStore {
  /** A new, empty store of the kind; `side` keeps source and target apart where a server holds one graph. */
  readonly fresh: (side: "source" | "target") => Promise<StoreConfig>
  /** Everything in the store, read by the engine's own client. */
  readonly dump: (config: StoreConfig) => Promise<Dump>
  readonly stop: () => Promise<void>
}

/** Why a kind cannot be tested here, or how to make it. */
export const stores: {
  readonly [K in Kind]: { readonly missing: string | undefined; readonly start: () => Promise<TestStore> }
} = {
  sqlite: {
    missing: undefined,
    start: async () => ({
      fresh: async () => ({ kind: "sqlite", path: path.join(tempFolder(), "memory.db") }),
      dump: async (config) => (config.kind === "sqlite" ? dumpSeed(config.path) : []),
      stop: async () => {}
    })
  },
  falkordblite: {
    missing: engineAvailable,
    start: async () => ({
      fresh: async () => ({ kind: "falkordblite", path: path.join(tempFolder(), "graph.fdb") }),
      dump: async (config) =>
        config.kind === "falkordblite"
          ? withRawEngine(config.path, (address) => dumpFalkor(address, "memorygraph"))
          : [],
      stop: async () => {}
    })
  },
  falkordb: {
    missing: engineAvailable,
    start: async () => {
      const server = await startFalkorDB()
      let graphs = 0
      return {
        fresh: async () => ({ kind: "falkordb", host: server.host, port: server.port, graph: `pair${graphs++}` }),
        dump: async (config) =>
          config.kind === "falkordb" ? dumpFalkor({ host: server.host, port: server.port }, config.graph ?? "") : [],
        stop: server.stop
      }
    }
  },
  neo4j: {
    missing: missing(),
    start: async () => {
      const [source, target] = await Promise.all([startNeo4j(), startNeo4j()])
      const of = (config: StoreConfig) => (config.kind === "neo4j" && config.port === target.port ? target : source)
      return {
        fresh: async (side) => {
          const server = side === "source" ? source : target
          await wipe(server)
          return { kind: "neo4j", host: server.host, port: server.port }
        },
        dump: (config) => dumpNeo4j(of(config)),
        stop: async () => {
          await Promise.all([source.stop(), target.stop()])
        }
      }
    }
  },
  memgraph: {
    missing: process.env["MEMGRAPH_TEST_URI"] === undefined ? "not run: no Memgraph" : undefined,
    start: async () => {
      const url = new URL(process.env["MEMGRAPH_TEST_URI"] ?? "")
      const server = { uri: url.href, host: url.hostname, port: Number(url.port || 7687) }
      return {
        fresh: async () => {
          await wipe(server)
          return { kind: "memgraph", host: server.host, port: server.port }
        },
        dump: () => dumpNeo4j(server),
        stop: async () => {}
      }
    }
  }
}

const dumpSeed = (file: string): Dump => {
  const { nodes, relationships } = readSeed(file)
  return [
    ...[...nodes].map(([id, { label, properties }]) => record([label], { ...properties, id })),
    ...[...relationships.values()].map(({ from, properties, to, type }) =>
      record([String(from), String(type), String(to)], properties as { readonly [name: string]: unknown })
    )
  ].sort()
}

const NO_GRAPH = /empty key/

const dumpFalkor = async (address: Parameters<typeof rows>[0], graph: string): Promise<Dump> =>
  dumpGraph(address, graph).catch((cause: unknown) => {
    if (NO_GRAPH.test(String(cause))) return []
    throw cause
  })

const dumpGraph = async (address: Parameters<typeof rows>[0], graph: string): Promise<Dump> => {
  const texts = (reply: Reply | undefined) => (Array.isArray(reply) ? reply.map(String) : [])
  const nodes = await rows(address, graph, "MATCH (n) RETURN n")
  const relationships = await rows(address, graph, "MATCH (a)-[r]->(b) RETURN r, a.id, type(r), b.id")
  return [
    ...nodes.map(([reply]) => record(texts(entity(reply)["labels"]), entity(entity(reply)["properties"]))),
    ...relationships.map(([reply, ...ends]) => record(texts(ends), entity(entity(reply)["properties"])))
  ].sort()
}

interface Server {
  readonly uri: string
}

const session = async <A>(
  server: Server,
  use: (run: (query: string) => Promise<ReadonlyArray<ReadonlyArray<unknown>>>) => Promise<A>
): Promise<A> => {
  const driver = neo4j.driver(server.uri, undefined, { useBigInt: true })
  try {
    return await use(async (query) => {
      const opened = driver.session()
      try {
        const result = await opened.run(query)
        return result.records.map((row) => row.keys.map((key): unknown => row.get(key)))
      } finally {
        await opened.close()
      }
    })
  } finally {
    await driver.close()
  }
}

const dumpNeo4j = (server: Server): Promise<Dump> =>
  session(server, async (run) => {
    const nodes = await run("MATCH (n) RETURN labels(n), properties(n)")
    const relationships = await run("MATCH (a)-[r]->(b) RETURN [a.id, type(r), b.id], properties(r)")
    return [...nodes, ...relationships]
      .map(([head, properties]) =>
        record((head as ReadonlyArray<unknown>).map(text), properties as { readonly [name: string]: unknown })
      )
      .sort()
  })

const wipe = (server: Server | Neo4jServer): Promise<void> =>
  session(server, async (run) => {
    await run("MATCH (n) DETACH DELETE n")
    if (process.env["MEMGRAPH_TEST_URI"] === server.uri) return
    for (const [name] of await run("SHOW CONSTRAINTS YIELD name RETURN name"))
      await run(`DROP CONSTRAINT \`${text(name)}\``)
    for (const [name] of await run("SHOW INDEXES YIELD name, type WHERE type <> 'LOOKUP' RETURN name"))
      await run(`DROP INDEX \`${text(name)}\``)
  })
