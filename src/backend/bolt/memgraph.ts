/**
 * Memgraph's dialect (3.x). Schema statements and `SHOW` stand outside of transactions; constraints have no names and a
 * unique constraint is no index; a unique constraint's violation comes at commit.
 */
import * as Effect from "effect/Effect"
import { type CatalogEntry, type Description, type Dialect, MEMORY_LABEL, type SchemaItem } from "./Dialect.ts"
import type { Connection, Row } from "./connection.ts"
import type { DriverFailure } from "./failures.ts"
import { memgraphProfile } from "./values.ts"

const index = (property: string): SchemaItem => ({
  what: `index Memory(${property})`,
  entry: { entity: "node", kind: "range", names: [MEMORY_LABEL], properties: [property], name: "" },
  create: `CREATE INDEX ON :Memory(${property})`,
  drop: `DROP INDEX ON :Memory(${property})`
})

const SCHEMA: ReadonlyArray<SchemaItem> = [
  {
    what: "unique constraint Memory(id)",
    entry: { entity: "node", kind: "unique", names: [MEMORY_LABEL], properties: ["id"], name: "" },
    create: "CREATE CONSTRAINT ON (m:Memory) ASSERT m.id IS UNIQUE",
    drop: "DROP CONSTRAINT ON (m:Memory) ASSERT m.id IS UNIQUE"
  },
  // MemoryGraph makes none for the id: it takes the constraint for one.
  index("id"),
  index("type"),
  index("created_at"),
  index("tags"),
  index("importance"),
  index("confidence")
]

// The driver would lose a property named `__proto__` in silence: such a row comes without its entity, which is an error.
const returning = (variable: string, columns: ReadonlyArray<string>): string =>
  `RETURN ${columns.map((column) => `${column}, `).join("")}` +
  `CASE WHEN ${variable}.\`__proto__\` IS NULL THEN ${variable} ELSE null END AS entity, null AS parts`

const listed = (value: unknown): ReadonlyArray<string> =>
  Array.isArray(value) ? value.map(String) : typeof value === "string" ? [value] : []

const entry = (row: Row, kind: CatalogEntry["kind"]): CatalogEntry => ({
  entity: "node",
  kind,
  names: listed(row.get("label")),
  properties: kind === "unique" ? listed(row.get("properties")) : listed(row.get("property")),
  name: "",
  online: true
})

const catalog = (connection: Connection): Effect.Effect<ReadonlyArray<CatalogEntry>, DriverFailure> =>
  Effect.gen(function* () {
    const indexes = yield* connection.run("SHOW INDEX INFO")
    const constraints = yield* connection.run("SHOW CONSTRAINT INFO")
    return [
      ...constraints.filter((row) => row.get("constraint type") === "unique").map((row) => entry(row, "unique")),
      ...indexes.filter((row) => row.get("index type") === "label+property").map((row) => entry(row, "range"))
    ]
  })

const storage = (connection: Connection): Effect.Effect<(name: string) => string, DriverFailure> =>
  Effect.map(connection.run("SHOW STORAGE INFO"), (rows) => {
    const values = new Map(rows.map((row) => [String(row.get("storage info")), String(row.get("value"))]))
    return (name) => values.get(name) ?? ""
  })

/** What is shown of the storage, under the engine's own names. */
const FACTS = [
  "storage_mode",
  "global_isolation_level",
  "memory_res",
  "memory_tracked",
  "allocation_limit",
  "disk_usage"
]

const describe = (connection: Connection): Effect.Effect<Description, DriverFailure> =>
  Effect.gen(function* () {
    const value = yield* storage(connection)
    const [row] = yield* connection.run("SHOW VERSION")
    const version: unknown = row?.get("version")
    const [role] = yield* Effect.catchAll(connection.run("SHOW REPLICATION ROLE"), () => Effect.succeed([]))
    const mode = value("storage_mode")
    return {
      version: `Memgraph ${typeof version === "string" ? version : "of unknown version"}, ${mode}`,
      storeId: undefined,
      unwritable: /ANALYTICAL/i.test(mode)
        ? {
            reason: "unsupported",
            why: "Memgraph is in analytical storage mode, which can take nothing back; run STORAGE MODE IN_MEMORY_TRANSACTIONAL first"
          }
        : role?.get("replication role") === "replica"
          ? { reason: "read-only", why: "this Memgraph is a replica" }
          : undefined,
      notes: ["Memgraph keeps times in microseconds: finer ones are stored encoded."],
      facts: FACTS.flatMap((name) => (value(name) === "" ? [] : [{ name, value: value(name) }]))
    }
  })

/** See {@link Dialect}. */
export const memgraph: Dialect = {
  kind: "memgraph",
  title: "Memgraph",
  profile: memgraphProfile,
  snapshot: true,
  fulltext: false,
  keyBytes: undefined,
  id: (variable) => `id(${variable})`,
  idParameter: (id) => BigInt(id),
  text: (expression) => `(CASE WHEN valueType(${expression}) = 'STRING' THEN ${expression} ELSE null END)`,
  // It counts in microseconds; whole numbers are divided as such.
  now: "(timestamp() / 1000)",
  returning,
  // Snapshot isolation: a write to what somebody else has written since fails and is tried again.
  lock: () => "",
  createNodes: (labelled) =>
    `UNWIND $rows AS row CREATE (n) SET n = row.properties ${labelled ? "SET n:row.labels " : ""}RETURN row.at AS at, id(n) AS id`,
  between: "MATCH (a)-[r]->(b) WHERE type(r) = row.type",
  createRelationship: "CREATE (a)-[r:row.type]->(b)",
  addLabels: "SET n:row.labels",
  removeLabels: "REMOVE n:row.labels",
  degree: "OPTIONAL MATCH (n)-[attached]-() WITH n, count(attached) AS degree",
  schema: SCHEMA,
  catalog,
  online: () => Effect.void,
  describe,
  changeMark: (connection) =>
    Effect.map(
      storage(connection),
      (value) => `${value("vertex_count")} ${value("edge_count")} ${Math.floor(Date.now() / 4000)}`
    )
}
