/**
 * What the command is put under fire with: a source that takes a while to move, and targets of every kind, each with a
 * reading of all it holds that calls none of the project's code (plain SQL, raw replies, a driver of the test's own).
 */
import * as crypto from "node:crypto"
import * as fs from "node:fs"
import type * as net from "node:net"
import * as path from "node:path"
import Database from "better-sqlite3"
import type { Driver } from "neo4j-driver"
import { copyOf, tempFolder } from "../support/migrating.ts"
import { withRawEngine } from "../support/rawEngine.ts"
import { raw, rows } from "../support/rawRedis.ts"
import { runBin } from "../cli/runBin.ts"

/** How many nodes a source has besides the thirty memories of the fixture. */
export interface SourceSize {
  readonly nodes: number
  readonly relationships: number
  /** Characters of each added memory's content. */
  readonly characters?: number
}

/**
 * A source that takes long enough to be hit in any phase: the fixture with ten of its memories changed, so that a
 * target with the fixture is overwritten in part, and many more records.
 */
export const makeSource = ({ characters = 400, nodes, relationships }: SourceSize): string => {
  const file = copyOf("python-small.db")
  const db = new Database(file)
  db.exec(`
    UPDATE nodes SET properties = json_set(properties, '$.title', 'Changed ' || id)
      WHERE id IN (SELECT id FROM nodes ORDER BY id LIMIT 10);
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${nodes})
    INSERT INTO nodes SELECT 'big-' || i, 'Memory', json_object('id', 'big-' || i, 'type', 'task', 'title', 'Big ' || i,
      'content', hex(randomblob(${characters / 2})), 'importance', 0.5), '2026-01-05 09:00:00', '2026-01-05 09:00:00' FROM n;
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${relationships})
    INSERT INTO relationships (id, from_id, to_id, rel_type, properties, created_at)
      SELECT 'rel-' || i, 'big-' || i, 'big-' || (i + 1), 'RELATED_TO', json_object('id', 'rel-' || i, 'strength', 0.5),
        '2026-01-05 09:00:00' FROM n WHERE i < ${nodes}`)
  db.close()
  return file
}

const sha = (text: string | Buffer): string => crypto.hash("sha256", text, "hex")

/** All rows of a file in the layout of the Python MemoryGraph, and its schema, as a digest. */
export const readSqlite = (file: string): string => {
  const db = new Database(file, { readonly: true })
  try {
    const all = (sql: string) => JSON.stringify(db.prepare(sql).raw().all())
    return sha(
      all("SELECT * FROM nodes ORDER BY id") +
        all("SELECT * FROM relationships ORDER BY id") +
        all("SELECT type, name, sql FROM sqlite_master ORDER BY name")
    )
  } finally {
    db.close()
  }
}

/** A file's bytes as a digest; undefined where there is no file. */
export const bytesOf = (file: string): string | undefined =>
  fs.existsSync(file) ? sha(fs.readFileSync(file)) : undefined

const PAGE = 1000

/** Every node, relationship and index of a graph as the engine prints them, without its ids; and all keys beside it. */
export const readGraph = async (address: net.NetConnectOpts, graph: string): Promise<string> => {
  const page = async (match: string, id: string, result: string) => {
    const lines: Array<string> = []
    const [[highest] = []] = await rows(address, graph, `${match} RETURN max(ID(${id}))`)
    for (let from = 0; from <= Number(highest ?? -1); from += PAGE) {
      const query = `${match} WHERE ID(${id}) >= ${from} AND ID(${id}) < ${from + PAGE} RETURN ${result}`
      for (const row of await rows(address, graph, query)) lines.push(JSON.stringify(row))
    }
    return lines.toSorted()
  }
  const nodes = await page("MATCH (n)", "n", "labels(n), properties(n)")
  const relationships = await page("MATCH (a)-[r]->(b)", "r", "a.id, type(r), b.id, properties(r)")
  const indexes = await rows(
    address,
    graph,
    "CALL db.indexes() YIELD label, properties, types RETURN label, properties, types"
  )
  const keys = ((await raw(address, "KEYS", "*")) as ReadonlyArray<string>).filter(
    (key) => !key.startsWith("telemetry{")
  )
  return sha(
    JSON.stringify([nodes, relationships, indexes.map((row) => JSON.stringify(row)).toSorted(), keys.toSorted()])
  )
}

/** Every node, relationship, index and constraint of a Neo4j database, by a driver of the test's own. */
export const readNeo4j = async (driver: Driver): Promise<string> => {
  const lines: Array<string> = []
  const show = (_key: string, value: unknown): unknown => {
    if (typeof value === "bigint") return `${value}n`
    if (typeof value !== "object" || value === null || Array.isArray(value)) return value
    return Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)))
  }
  for (const query of [
    "MATCH (n) RETURN labels(n) AS labels, properties(n) AS properties",
    "MATCH (a)-[r]->(b) RETURN a.id AS a, type(r) AS type, b.id AS b, properties(r) AS properties",
    "SHOW INDEXES YIELD name, type, labelsOrTypes, properties",
    "SHOW CONSTRAINTS YIELD name, type, labelsOrTypes, properties"
  ]) {
    const { records } = await driver.executeQuery(query)
    lines.push(...records.map((record) => JSON.stringify(record.toObject(), show)).toSorted())
  }
  return sha(lines.join("\n"))
}

/** A target: how it is named on the command line, and all that it holds. */
export interface Target {
  readonly words: ReadonlyArray<string>
  /** The folder of its file, where nothing but the file may be; undefined for servers. */
  readonly folder: string | undefined
  /** What must be equal where nothing was changed, to the byte where it is a file. */
  readonly untouched: () => Promise<string | undefined>
  /** The records that it holds. */
  readonly records: () => Promise<string>
}

const OVERWRITE = ["--yes", "--on-conflict", "overwrite"]

/** A file that does not exist yet. */
export const newSqlite = async (): Promise<Target> => {
  const folder = tempFolder()
  const file = path.join(folder, "new.db")
  return { words: [file, "--yes"], folder, untouched: async () => bytesOf(file), records: async () => readSqlite(file) }
}

/** A file that holds the fixture; ten of its memories will be overwritten. */
export const usedSqlite = async (): Promise<Target> => {
  const file = copyOf("python-small.db")
  return {
    words: [file, ...OVERWRITE],
    folder: path.dirname(file),
    untouched: async () => bytesOf(file),
    records: async () => readSqlite(file)
  }
}

const filled = async (words: ReadonlyArray<string>): Promise<void> => {
  const { code, stderr } = await runBin(["migrate", copyOf("python-small.db"), ...words, "--yes", "--quiet"])
  if (code !== 0) throw new Error(`the target could not be made: ${stderr}`)
}

/** A FalkorDBLite file that holds the fixture, made once and copied. */
export const usedLite = (): (() => Promise<Target>) => {
  let made: string | undefined
  return async () => {
    if (made === undefined) {
      const first = path.join(tempFolder(), "graph.fdb")
      await filled([`falkordblite:${first}`])
      made = first
    }
    const folder = tempFolder()
    const file = path.join(folder, "graph.fdb")
    fs.copyFileSync(made, file)
    return {
      words: [`falkordblite:${file}`, ...OVERWRITE],
      folder,
      untouched: async () => bytesOf(file),
      records: () => withRawEngine(file, (address) => readGraph(address, "memorygraph"))
    }
  }
}

/** A graph on a FalkorDB server that holds the fixture and something of somebody else's. */
export const usedFalkorDB = (server: { readonly host: string; readonly port: number }): (() => Promise<Target>) => {
  const address = { host: server.host, port: server.port }
  return async () => {
    await raw(address, "FLUSHALL")
    const uri = `falkordb://${server.host}:${server.port}/fired`
    await filled([uri])
    await raw(
      address,
      "GRAPH.QUERY",
      "fired",
      "MATCH (m:Memory) WITH m ORDER BY m.id LIMIT 1 CREATE (:Other {id: 'theirs'})-[:NOTES]->(m)"
    )
    const read = () => readGraph(address, "fired")
    return { words: [uri, ...OVERWRITE], folder: undefined, untouched: read, records: read }
  }
}

/** A Neo4j database that holds the fixture and something of somebody else's. */
export const usedNeo4j =
  (server: { readonly uri: string }, driver: Driver): (() => Promise<Target>) =>
  async () => {
    await driver.executeQuery("MATCH (n) DETACH DELETE n")
    await filled([server.uri])
    await driver.executeQuery(
      "MATCH (m:Memory) WITH m ORDER BY m.id LIMIT 1 CREATE (:Other {id: 'theirs'})-[:NOTES]->(m)"
    )
    const read = () => readNeo4j(driver)
    return { words: [server.uri, ...OVERWRITE], folder: undefined, untouched: read, records: read }
  }
