/** Neo4j's dialect: 5.26 and newer (dynamic labels and types). */
import * as Effect from "effect/Effect"
import { type CatalogEntry, type Description, type Dialect, MEMORY_LABEL, type SchemaItem } from "./Dialect.ts"
import type { Connection } from "./connection.ts"
import type { DriverFailure } from "./failures.ts"
import { neo4jProfile } from "./values.ts"

const index = (name: string, property: string): SchemaItem => ({
  what: `index ${name} on Memory(${property})`,
  entry: { entity: "node", kind: "range", names: [MEMORY_LABEL], properties: [property], name },
  create: `CREATE INDEX ${name} IF NOT EXISTS FOR (m:Memory) ON (m.${property})`,
  drop: `DROP INDEX ${name} IF EXISTS`
})

const SCHEMA: ReadonlyArray<SchemaItem> = [
  {
    what: "constraint memory_id_unique on Memory(id)",
    entry: { entity: "node", kind: "unique", names: [MEMORY_LABEL], properties: ["id"], name: "memory_id_unique" },
    create: "CREATE CONSTRAINT memory_id_unique IF NOT EXISTS FOR (m:Memory) REQUIRE m.id IS UNIQUE",
    drop: "DROP CONSTRAINT memory_id_unique IF EXISTS"
  },
  {
    what: "constraint relationship_id_unique on RELATIONSHIP(id)",
    entry: {
      entity: "relationship",
      kind: "unique",
      names: ["RELATIONSHIP"],
      properties: ["id"],
      name: "relationship_id_unique"
    },
    create: "CREATE CONSTRAINT relationship_id_unique IF NOT EXISTS FOR (r:RELATIONSHIP) REQUIRE r.id IS UNIQUE",
    drop: "DROP CONSTRAINT relationship_id_unique IF EXISTS"
  },
  index("memory_type_index", "type"),
  index("memory_created_at_index", "created_at"),
  index("memory_tags_index", "tags"),
  {
    what: "fulltext index memory_content_index on Memory(title, content, summary)",
    entry: {
      entity: "node",
      kind: "fulltext",
      names: [MEMORY_LABEL],
      properties: ["title", "content", "summary"],
      name: "memory_content_index"
    },
    create:
      "CREATE FULLTEXT INDEX memory_content_index IF NOT EXISTS FOR (m:Memory) ON EACH [m.title, m.content, m.summary]",
    drop: "DROP INDEX memory_content_index IF EXISTS"
  },
  index("memory_importance_index", "importance"),
  index("memory_confidence_index", "confidence"),
  index("memory_project_path_index", "context_project_path")
]

// The driver cannot read a moment in a named zone where JavaScript does not know the zone or the year, and it loses a
// property named `__proto__`: rows with such properties come in parts, those moments as the server's text.
const zoned = (value: string): string =>
  `(${value} IS :: ZONED DATETIME NOT NULL AND toStringOrNull(${value}) ENDS WITH ']')`
const zonedList = (value: string): string =>
  `(${value} IS :: LIST<ZONED DATETIME NOT NULL> NOT NULL AND size(${value}) > 0)`

const returning = (variable: string, columns: ReadonlyArray<string>): string => {
  const kept = [variable, ...columns].join(", ")
  const value = "p[k]"
  const labels = variable === "r" ? `[type(${variable})]` : `labels(${variable})`
  const ends = variable === "r" ? `[elementId(startNode(r)), elementId(endNode(r))]` : "[]"
  return (
    `WITH ${kept}, properties(${variable}) AS p ` +
    `WITH ${kept}, p, (p.\`__proto__\` IS NOT NULL OR ` +
    `any(k IN keys(p) WHERE ${zoned(value)} OR ${zonedList(value)})) AS odd ` +
    `RETURN ${columns.map((column) => `${column}, `).join("")}` +
    `CASE WHEN odd THEN null ELSE ${variable} END AS entity, ` +
    `CASE WHEN odd THEN [elementId(${variable}), ${labels}, ${ends}, [k IN keys(p) | ` +
    `[k, ${zoned(value)} OR ${zonedList(value)}, CASE WHEN ${zoned(value)} THEN toString(${value}) ` +
    `WHEN ${zonedList(value)} THEN [x IN ${value} | toString(x)] ELSE ${value} END]]] END AS parts`
  )
}

const KINDS: { readonly [type: string]: CatalogEntry["kind"] } = {
  RANGE: "range",
  TEXT: "text",
  FULLTEXT: "fulltext",
  UNIQUENESS: "unique",
  NODE_PROPERTY_UNIQUENESS: "unique",
  RELATIONSHIP_UNIQUENESS: "unique",
  RELATIONSHIP_PROPERTY_UNIQUENESS: "unique",
  NODE_KEY: "unique",
  RELATIONSHIP_KEY: "unique"
}

const strings = (value: unknown): ReadonlyArray<string> => (Array.isArray(value) ? value.map(String) : [])

const catalog = (connection: Connection): Effect.Effect<ReadonlyArray<CatalogEntry>, DriverFailure> =>
  Effect.gen(function* () {
    const indexes = yield* connection.run(
      "SHOW INDEXES YIELD name, type, entityType, labelsOrTypes, properties, state WHERE type <> 'LOOKUP' " +
        "RETURN name, type, entityType, labelsOrTypes, properties, state"
    )
    const constraints = yield* connection.run(
      "SHOW CONSTRAINTS YIELD name, type, entityType, labelsOrTypes, properties " +
        "RETURN name, type, entityType, labelsOrTypes, properties, 'ONLINE' AS state"
    )
    return [...constraints, ...indexes].map((row) => ({
      entity: row.get("entityType") === "RELATIONSHIP" ? "relationship" : "node",
      kind: KINDS[String(row.get("type"))] ?? "other",
      names: strings(row.get("labelsOrTypes")),
      properties: strings(row.get("properties")),
      name: String(row.get("name")),
      online: row.get("state") === "ONLINE",
      state: String(row.get("state")).toLowerCase()
    }))
  })

const MINIMUM = [5, 26] as const

const tooOld = (agent: string): boolean => {
  const [, major, minor] = /^Neo4j\/(\d+)\.(\d+)/.exec(agent) ?? []
  if (major === undefined) return false
  return Number(major) < MINIMUM[0] || (Number(major) === MINIMUM[0] && Number(minor) < MINIMUM[1])
}

// What only informs may be forbidden to a user who can read and write all the same.
const optional = (rows: ReturnType<Connection["run"]>) =>
  Effect.catchIf(
    rows,
    (failure) => /Forbidden|ProcedureNotFound/.test(failure.code),
    () => Effect.succeed([])
  )

const describe = (connection: Connection): Effect.Effect<Description, DriverFailure> =>
  Effect.gen(function* () {
    const [info] = yield* optional(connection.run("CALL db.info() YIELD id, name RETURN id, name"))
    const [component] = yield* optional(
      connection.run("CALL dbms.components() YIELD versions, edition RETURN versions[0] AS version, edition")
    )
    const found: unknown = component?.get("version")
    const version = typeof found === "string" ? found : connection.agent.replace(/^Neo4j\//, "")
    const named: unknown = info?.get("name")
    const database = typeof named === "string" ? named : undefined
    const databases = yield* optional(
      connection.run("SHOW DATABASES YIELD name, access, serverID WHERE name = $database RETURN access, serverID", {
        database: database ?? ""
      })
    )
    // A copy of a store keeps its id, so the servers that have it belong to the name.
    const servers = databases.map((row) => String(row.get("serverID"))).sort()
    const readOnly = databases.length > 0 && databases.every((row) => row.get("access") === "read-only")
    return {
      version: `Neo4j ${version}${component ? ` ${String(component.get("edition"))}` : ""}, database ${database ?? "(default)"}`,
      storeId: info === undefined ? undefined : [String(info.get("id")), ...servers].join("@"),
      unwritable: tooOld(connection.agent)
        ? { reason: "unsupported", why: `Neo4j ${MINIMUM.join(".")} or newer is needed, this is ${version}` }
        : readOnly
          ? { reason: "read-only", why: "the database is read-only" }
          : undefined,
      notes: [],
      facts: []
    }
  })

/** See {@link Dialect}. */
export const neo4j: Dialect = {
  kind: "neo4j",
  title: "Neo4j",
  profile: neo4jProfile,
  snapshot: false,
  fulltext: true,
  // Measured on 5.26; see `indexLimits.ts` for what counts.
  keyBytes: { range: 8167, text: 32_766 },
  id: (variable) => `elementId(${variable})`,
  idParameter: (id) => id,
  text: (expression) => `(CASE WHEN ${expression} IS :: STRING NOT NULL THEN ${expression} END)`,
  now: "timestamp()",
  returning,
  // A property set to itself takes no lock, this does (measured on 5.26).
  lock: (variable) => `SET ${variable} += {}`,
  createNodes: () =>
    "UNWIND $rows AS row CREATE (n:$(row.labels)) SET n = row.properties RETURN row.at AS at, elementId(n) AS id",
  // Without the subquery the planner expands all relationships of one end and looks for the other among them.
  between: "CALL (a, b, row) { MATCH (a)-[r]->(b) WHERE type(r) = row.type RETURN r }",
  createRelationship: "CREATE (a)-[r:$(row.type)]->(b)",
  addLabels: "SET n:$(row.labels)",
  removeLabels: "REMOVE n:$(row.labels)",
  degree: "WITH n, COUNT { (n)--() } AS degree",
  schema: SCHEMA,
  catalog,
  online: (connection) => Effect.asVoid(connection.run("CALL db.awaitIndexes(300)")),
  describe,
  changeMark: (connection) => Effect.map(connection.bookmark, (mark) => mark ?? String(Date.now()))
}
