/**
 * Writes as Cypher. Rows that go under the same clause are gathered in one UNWIND; several such groups follow each
 * other in one query, which is atomic. In a store that others use every query hangs on the fence: without it, none of
 * the clauses has a row to work on.
 */
import type { Node, Relationship } from "../../domain/Graph.ts"
import { guard, type Hold } from "./fence.ts"
import type { Constraints } from "./graph.ts"
import { mapLiteral, quoteName, quoteText } from "./literals.ts"
import { type KeyRule, storeNode, type StoredNode, storeRelationship } from "./stored.ts"

/** Requests beyond this are parsed ever more slowly, and the server does nothing else meanwhile. */
const REQUEST_BYTES = 400_000
const ROWS_PER_QUERY = 1000
const GROUPS_PER_QUERY = 40

/**
 * One row of a write. Rows of the same `group` share a clause, which binds `row`, ends with a WITH that carries
 * `soFar` on, and whose last column lists what was done: one item a row that took effect.
 */
export interface Row {
  readonly group: string
  readonly text: string
  readonly clause: (soFar: string) => string
}

/** A query. Its one row has a list per group and, under a fence, its steps; no row where the fence does not stand. */
export interface WriteQuery {
  readonly cypher: string
  /** How many rows each group has. */
  readonly groups: ReadonlyArray<number>
}

// What two values of one type must have in common for `=` to be exact: the signs of zeros, the types inside of lists.
const traits = (value: string): string =>
  `([x IN [${value}] WHERE typeOf(x) = 'Float' | 1.0 / x] + [l IN [${value}] WHERE typeOf(l) = 'List' | ` +
  "[[x IN l | typeOf(x)], [x IN l WHERE typeOf(x) = 'Float' | 1.0 / x]]])"

/** Cypher that is true where the properties of `v` are exactly those of the map `m`. */
const sameProperties = (v: string, m: string): string =>
  `size(keys(${v})) = size(keys(${m})) AND all(k IN keys(${v}) WHERE typeOf(${v}[k]) = typeOf(${m}[k]) AND ` +
  `${v}[k] = ${m}[k] AND ${traits(`${v}[k]`)} = ${traits(`${m}[k]`)})`

const labelText = (labels: ReadonlyArray<string>): string => labels.map((label) => `:${quoteName(label)}`).join("")

const sameLabels = (v: string, labels: ReadonlyArray<string>): string =>
  `size(labels(${v})) = ${labels.length}` + labels.map((label) => ` AND ${v}:${quoteName(label)}`).join("")

/** The properties that a graph wants of what has these labels or this type: see `Constraints`. */
export type Required = Constraints["required"]

const NOTHING: Required = () => []

// A mandatory property has to stand in the CREATE itself: the engine looks before SET is done (measured on 4.16). A map
// as a whole may not stand there.
const inline = (names: ReadonlyArray<string>, map: string): string =>
  names.length === 0 ? "" : ` {${names.map((name) => `${quoteName(name)}: ${map}.${quoteName(name)}`).join(", ")}}`

/** A node to create; the column lists pairs of engine id and key. */
export const createNode = (record: Node, rule: KeyRule, required: Required = NOTHING): Row => {
  const { labels, properties } = storeNode(record, rule)
  const names = labelText(labels)
  const wanted = inline(required("Node", labels), "row")
  return {
    group: `+n${names}`,
    text: mapLiteral(properties),
    clause: (soFar) =>
      `CREATE (n${names}${wanted}) SET n = row WITH ${soFar}, collect([ID(n), coalesce(n._mg_id, n.id)])`
  }
}

const bindEnds = (soFar: string): string =>
  `WITH ${soFar}, row, row[0] AS i, row[1] AS j MATCH (a) WHERE ID(a) = i ` +
  `WITH ${soFar}, row, a, j MATCH (b) WHERE ID(b) = j WITH ${soFar}, row, a, b`

// The engine gives the id of a deleted node to the next one: in a store that others use the ends must have their keys.
// A generated key is no property; there the id is all there is.
const keyCheck = (key: string, engineId: number, rule: KeyRule): string =>
  key === `${rule.prefix}${engineId}` ? "null" : quoteText(key)

const endsHaveKeys = ["a", "b"]
  .map((v, i) => `(row[${i + 3}] IS NULL OR coalesce(${v}._mg_id, ${v}.id) = row[${i + 3}])`)
  .join(" AND ")

/** A relationship to create between the nodes of those ids; the column lists engine ids. */
export const createRelationship = (
  record: Relationship,
  start: number,
  end: number,
  rule: KeyRule,
  shared: boolean,
  required: Required = NOTHING
): Row => {
  const { properties, type } = storeRelationship(record, rule)
  const name = quoteName(type)
  const wanted = inline(required("Relationship", [type]), "row[2]")
  const keys = shared ? `,${keyCheck(record.from, start, rule)},${keyCheck(record.to, end, rule)}` : ""
  const where = shared ? ` WHERE ${endsHaveKeys}` : ""
  return {
    group: `+r:${name}`,
    text: `[${start},${end},${mapLiteral(properties)}${keys}]`,
    clause: (soFar) =>
      `${bindEnds(soFar)}${where} CREATE (a)-[r:${name}${wanted}]->(b) SET r = row[2] WITH ${soFar}, collect(ID(r))`
  }
}

// OPTIONAL, so that a row without a match is not the end of the whole query. What is not there is set by nothing and
// deleted by nothing; but only straight after the match (behind a WITH the engine refuses to set it).
const bindNode = (soFar: string, labels: ReadonlyArray<string>): string =>
  `WITH ${soFar}, row[0] AS i, row[1] AS old, row ` +
  `OPTIONAL MATCH (n) WHERE ID(n) = i AND ${sameLabels("n", labels)} AND ${sameProperties("n", "old")}`

const hit = (variable: string, id: string): string => `CASE WHEN ${variable} IS NULL THEN null ELSE ${id} END`

const without = (labels: ReadonlyArray<string>, others: ReadonlyArray<string>) =>
  labels.filter((label) => !others.includes(label))

/** Replaces the node of that id where it is exactly what `before` says; the column lists engine ids. */
export const replaceNode = (engineId: number, before: Node, after: Node, rule: KeyRule): Row => {
  const old = storeNode(before, rule)
  const now = storeNode(after, rule)
  const added = labelText(without(now.labels, old.labels))
  const removed = labelText(without(old.labels, now.labels))
  return {
    group: `=n${labelText(old.labels)} ${labelText(now.labels)}`,
    text: `[${engineId},${mapLiteral(old.properties)},${mapLiteral(now.properties)}]`,
    clause: (soFar) =>
      `${bindNode(soFar, old.labels)} SET n = row[2]${added === "" ? "" : ` SET n${added}`}` +
      `${removed === "" ? "" : ` REMOVE n${removed}`} WITH ${soFar}, collect(${hit("n", "i")})`
  }
}

/** Deletes the node of that id where it is exactly so and has no relationships (DELETE alone would take them along). */
export const deleteNode = (engineId: number, { labels, properties }: StoredNode): Row => ({
  group: `-n${labelText(labels)}`,
  text: `[${engineId},${mapLiteral(properties)}]`,
  clause: (soFar) =>
    `${bindNode(soFar, labels)} AND indegree(n) = 0 AND outdegree(n) = 0 ` +
    `WITH ${soFar}, n, ${hit("n", "i")} AS hit DELETE n WITH ${soFar}, collect(hit)`
})

/** Finds the node of that id where it is exactly so and has no relationships; the column lists nodes. */
export const findNode = (engineId: number, { labels, properties }: StoredNode): Row => ({
  group: `?n${labelText(labels)}`,
  text: `[${engineId},${mapLiteral(properties)}]`,
  clause: (soFar) => `${bindNode(soFar, labels)} AND indegree(n) = 0 AND outdegree(n) = 0 WITH ${soFar}, collect(n)`
})

/** Where a stored relationship is. */
export interface Place {
  readonly start: number
  readonly end: number
  readonly engineId: number
}

const bindRelationship = (soFar: string, name: string): string =>
  `WITH ${soFar}, row, row[0] AS i, row[1] AS j OPTIONAL MATCH (a) WHERE ID(a) = i ` +
  `WITH ${soFar}, row, a, j OPTIONAL MATCH (b) WHERE ID(b) = j WITH ${soFar}, row, a, b, row[2] AS e, row[3] AS old ` +
  `OPTIONAL MATCH (a)-[r:${name}]->(b) WHERE ID(r) = e AND ${sameProperties("r", "old")}`

/** Replaces the properties of a relationship where it is exactly what `before` says; the column lists engine ids. */
export const replaceRelationship = (place: Place, before: Relationship, after: Relationship, rule: KeyRule): Row => {
  const old = storeRelationship(before, rule)
  const now = storeRelationship(after, rule)
  const name = quoteName(old.type)
  return {
    group: `=r:${name}`,
    text: `[${place.start},${place.end},${place.engineId},${mapLiteral(old.properties)},${mapLiteral(now.properties)}]`,
    clause: (soFar) => `${bindRelationship(soFar, name)} SET r = row[4] WITH ${soFar}, collect(${hit("r", "e")})`
  }
}

/** Deletes a relationship where it is exactly so; the column lists engine ids. */
export const deleteRelationship = (place: Place, record: Relationship, rule: KeyRule): Row => {
  const { properties, type } = storeRelationship(record, rule)
  const name = quoteName(type)
  return {
    group: `-r:${name}`,
    text: `[${place.start},${place.end},${place.engineId},${mapLiteral(properties)}]`,
    clause: (soFar) =>
      `${bindRelationship(soFar, name)} WITH ${soFar}, r, ${hit("r", "e")} AS hit DELETE r WITH ${soFar}, collect(hit)`
  }
}

/** Finds a relationship where it is exactly so; the column lists relationships. */
export const findRelationship = (place: Place, record: Relationship, rule: KeyRule): Row => {
  const { properties, type } = storeRelationship(record, rule)
  const name = quoteName(type)
  return {
    group: `?r:${name}`,
    text: `[${place.start},${place.end},${place.engineId},${mapLiteral(properties)}]`,
    clause: (soFar) => `${bindRelationship(soFar, name)} WITH ${soFar}, collect(r)`
  }
}

/**
 * A relationship to create again, as the `index`-th of its part; the column lists those indexes. Its ends must have their
 * keys, whoever else uses the store.
 */
export const recreateRelationship = (
  record: Relationship,
  ends: Pick<Place, "start" | "end">,
  index: number,
  rule: KeyRule,
  required: Required = NOTHING
): Row => {
  const { properties, type } = storeRelationship(record, rule)
  const name = quoteName(type)
  const { end, start } = ends
  const keys = `${keyCheck(record.from, start, rule)},${keyCheck(record.to, end, rule)}`
  const wanted = inline(required("Relationship", [type]), "row[2]")
  return {
    group: `+r:${name}`,
    text: `[${start},${end},${mapLiteral(properties)},${keys},${index}]`,
    clause: (soFar) =>
      `${bindEnds(soFar)} WHERE ${endsHaveKeys} CREATE (a)-[r:${name}${wanted}]->(b) SET r = row[2] ` +
      `WITH ${soFar}, collect(row[5])`
  }
}

/** The rows of one query, in the order that they were given in. */
export type Part = ReadonlyArray<Row>

/** Splits rows into parts that each fit a request. A single row that is larger goes alone: it cannot be split. */
export const split = (rows: Iterable<Row>): ReadonlyArray<Part> => {
  const parts: Array<Array<Row>> = []
  let part: Array<Row> = []
  let bytes = 0
  let groups = new Set<string>()
  for (const row of rows) {
    const size = Buffer.byteLength(row.text)
    const full = bytes + size > REQUEST_BYTES || part.length === ROWS_PER_QUERY || groups.size === GROUPS_PER_QUERY
    if (part.length > 0 && full) {
      parts.push(part)
      part = []
      bytes = 0
      groups = new Set()
    }
    part.push(row)
    bytes += size
    groups.add(row.group)
  }
  return part.length === 0 ? parts : [...parts, part]
}

// One UNWIND a group, each with its column; `f` and the columns are what is bound at the end.
const gather = (part: Part, head: string) => {
  const groups = new Map<string, Array<Row>>()
  for (const row of part) {
    const rows = groups.get(row.group)
    if (rows === undefined) groups.set(row.group, [row])
    else rows.push(row)
  }
  let cypher = head
  let soFar = "f"
  let column = 0
  for (const rows of groups.values()) {
    const texts = rows.map((row) => row.text).join(",")
    cypher += ` UNWIND [${texts}] AS row ${rows[0]?.clause(soFar) ?? ""} AS c${column}`
    soFar += `, c${column++}`
  }
  return { cypher, columns: soFar.split(", ").slice(1), groups: Array.from(groups.values(), (rows) => rows.length) }
}

const headOf = (hold: Hold | undefined, marks?: string): string =>
  hold === undefined ? "WITH 1 AS f" : guard(hold, marks)

const stepsOf = (hold: Hold | undefined): ReadonlyArray<string> => (hold === undefined ? [] : ["f.steps"])

/** The query for one part. `marks` is what the fence's marks become in the same step: they tell what took effect. */
export const compile = (part: Part, hold: Hold | undefined, marks?: string): WriteQuery => {
  const { columns, cypher, groups } = gather(part, headOf(hold, marks))
  return { cypher: `${cypher} RETURN ${[...columns, ...stepsOf(hold)].join(", ")}`, groups }
}

/**
 * The query that deletes what the rows of one part find, if they find all of it, and else nothing: then it has no row. Its
 * first column is how many went. The fence's marks become `marks` only if they do.
 */
export const compileRemoval = (part: Part, hold: Hold | undefined, marks?: string): string => {
  const { columns, cypher, groups } = gather(part, headOf(hold))
  const all = groups.map((size, i) => `size(c${i}) = ${size}`).join(" AND ")
  const marking = hold === undefined || marks === undefined ? "" : ` SET f.marks = ${marks}`
  return (
    `${cypher} WITH ${["f", ...columns].join(", ")} WHERE ${all}${marking} WITH f, ${columns.join(" + ")} AS found ` +
    `UNWIND found AS x DELETE x WITH f, count(x) AS gone RETURN ${["gone", ...stepsOf(hold)].join(", ")}`
  )
}
