/** Compare-and-set in one query: what is not exactly the before-image is left alone, and the rows beside it are done. */
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import * as Connection from "../../../src/backend/falkordb/Connection.ts"
import {
  compile,
  createNode,
  deleteNode,
  deleteRelationship,
  replaceNode,
  replaceRelationship,
  split
} from "../../../src/backend/falkordb/cypher.ts"
import { type Graph, writeQuery } from "../../../src/backend/falkordb/graph.ts"
import { integer, listItems } from "../../../src/backend/falkordb/replies.ts"
import { EMPTY_RULE, storeNode } from "../../../src/backend/falkordb/stored.ts"
import { node, type Properties, relationship } from "../../../src/domain/Graph.ts"
import { Point, Temporal, Vector } from "../../../src/domain/PropertyValue.ts"
import { engineAvailable, startFalkorDB, type TestServer } from "../../support/falkordb.ts"

let server: TestServer
let scope: Scope.CloseableScope
let graph: Graph
let number = 0

beforeAll(async () => {
  if (engineAvailable !== undefined) return
  server = await startFalkorDB()
  scope = Effect.runSync(Scope.make())
  const driver = { socket: { host: server.host, port: server.port } }
  const connect = Connection.make({ backend: "test", location: "test", reconnect: true, driver })
  graph = { connection: await Effect.runPromise(Scope.extend(connect, scope)), key: "" }
})
afterAll(async () => {
  if (engineAvailable !== undefined) return
  await Effect.runPromise(Scope.close(scope, Exit.void))
  await server.stop()
})

const fresh = () => (graph = { ...graph, key: `cas-${number++}` })

// The ids that each group of the rows has hit.
const hits = async (rows: Parameters<typeof split>[0]): Promise<ReadonlyArray<ReadonlyArray<number>>> => {
  const found: Array<ReadonlyArray<number>> = []
  for (const part of split(rows)) {
    const [row] = await Effect.runPromise(writeQuery(graph, compile(part, undefined).cypher))
    found.push(...(row ?? []).map((items) => listItems(items).map(integer)))
  }
  return found
}

const FULL: Properties = {
  id: "a",
  int: 1n,
  float: 1,
  zero: 0,
  minus: -0,
  text: "it's",
  yes: true,
  list: [1n, 1, "a", true, 0],
  nested: [[1n], [0.5]],
  tiny: 5e-324,
  sum: 0.1 + 0.2,
  point: new Point(4326, 1.5, 2.5),
  vector: new Vector(Float32Array.of(0.1, 2)),
  date: new Temporal("date", "2026-01-02"),
  duration: new Temporal("duration", "P1DT1H"),
  map: { a: [null] }
}

const OTHERS: ReadonlyArray<readonly [string, Properties]> = [
  ["an integer for a float", { float: 1n }],
  ["a float for an integer", { int: 1 }],
  ["another zero", { zero: -0 }],
  ["another zero yet", { minus: 0 }],
  ["another type in a list", { list: [1, 1, "a", true, 0] }],
  ["another zero in a list", { list: [1n, 1, "a", true, -0] }],
  ["another order of a list", { list: [1, 1n, "a", true, 0] }],
  ["the next float", { sum: 0.3 }],
  ["another small float", { tiny: 1e-323 }],
  ["text for a boolean", { yes: "true" }],
  ["another point", { point: new Point(4326, 1.5, 2.25) }],
  ["another vector", { vector: new Vector(Float32Array.of(0.1, 3)) }],
  ["another date", { date: new Temporal("date", "2026-01-03") }],
  ["another kind of text", { date: "2026-01-02" }],
  ["another map", { map: { a: [] } }],
  ["one property more", { more: 1n }]
]

describe.skipIf(engineAvailable !== undefined)(`compare and set ${engineAvailable ?? ""}`, () => {
  const before = node("a", ["Memory", "More"], FULL)
  const bystander = node("b", ["Memory"], { id: "b", n: 1n })
  const changed = node("a", ["Memory", "Other"], { id: "a", done: true })

  it("replaces and deletes what is exactly so", async () => {
    fresh()
    await Effect.runPromise(
      writeQuery(graph, compile([createNode(before, EMPTY_RULE), createNode(bystander, EMPTY_RULE)], undefined).cypher)
    )
    expect(await hits([replaceNode(0, before, changed, EMPTY_RULE)])).toEqual([[0]])
    expect(
      await hits([deleteNode(0, storeNode(changed, EMPTY_RULE)), deleteNode(1, storeNode(bystander, EMPTY_RULE))])
    ).toEqual([[0], [1]])
    expect(JSON.stringify(await server.raw("GRAPH.RO_QUERY", graph.key, "MATCH (n) RETURN count(n)"))).toContain(
      "[[0]]"
    )
  })

  it.each(OTHERS)("leaves a node with %s alone, and does its neighbours", async (_, difference) => {
    fresh()
    const rows = [createNode(before, EMPTY_RULE), createNode(bystander, EMPTY_RULE)]
    await Effect.runPromise(writeQuery(graph, compile(rows, undefined).cypher))
    const other = node("a", before.labels, { ...FULL, ...difference })
    expect(
      await hits([replaceNode(0, other, changed, EMPTY_RULE), replaceNode(1, bystander, bystander, EMPTY_RULE)])
    ).toEqual([[], [1]])
    expect(
      await hits([deleteNode(0, storeNode(other, EMPTY_RULE)), deleteNode(1, storeNode(bystander, EMPTY_RULE))])
    ).toEqual([[], [1]])
    expect(await hits([replaceNode(0, before, changed, EMPTY_RULE)])).toEqual([[0]])
  })

  it("leaves a node with other labels or without a property alone", async () => {
    fresh()
    await Effect.runPromise(writeQuery(graph, compile([createNode(before, EMPTY_RULE)], undefined).cypher))
    const { map: _, ...less } = FULL
    for (const other of [
      node("a", ["Memory"], FULL),
      node("a", ["Memory", "More", "Most"], FULL),
      node("a", before.labels, less)
    ]) {
      expect((await hits([replaceNode(0, other, changed, EMPTY_RULE)])).flat()).toEqual([])
    }
  })

  it("leaves a node that has relationships, in either direction", async () => {
    fresh()
    await server.raw("GRAPH.QUERY", graph.key, "CREATE ({id: 'a'})-[:T]->({id: 'b'}), ({id: 'c'})")
    const rows = ["a", "b", "c"].map((id, i) => deleteNode(i, storeNode(node(id, [], { id }), EMPTY_RULE)))
    expect(await hits(rows)).toEqual([[2]])
  })

  it("compares relationships as exactly, by the engine's id and both ends", async () => {
    fresh()
    await server.raw(
      "GRAPH.QUERY",
      graph.key,
      "CREATE (a {id: 'a'})-[:T {id: 'r', n: 1}]->(b {id: 'b'}), (a)-[:T {id: 's', n: 1.0}]->(b)"
    )
    const link = (id: string, n: bigint | number) => relationship(id, "a", "T", "b", { id, n })
    const place = (engineId: number, start = 0, end = 1) => ({ start, end, engineId })
    expect(await hits([deleteRelationship(place(0), link("r", 1), EMPTY_RULE)])).toEqual([[]])
    expect(await hits([deleteRelationship(place(1), link("r", 1n), EMPTY_RULE)])).toEqual([[]])
    expect(await hits([deleteRelationship(place(0, 1, 0), link("r", 1n), EMPTY_RULE)])).toEqual([[]])
    expect(await hits([deleteRelationship(place(0, 77, 1), link("r", 1n), EMPTY_RULE)])).toEqual([[]])
    expect(await hits([replaceRelationship(place(0), link("r", 1n), link("r", 2n), EMPTY_RULE)])).toEqual([[0]])
    expect(
      await hits([
        deleteRelationship(place(0), link("r", 2n), EMPTY_RULE),
        deleteRelationship(place(1), link("s", 1), EMPTY_RULE)
      ])
    ).toEqual([[0, 1]])
  })

  it("splits what is too large for one request, and only then", () => {
    const row = createNode(node("a", ["Memory"], { id: "a", text: "x".repeat(100_000) }), EMPTY_RULE)
    expect(split([row, row, row, row, row].slice(0, 3))).toHaveLength(1)
    expect(split(Array(9).fill(row)).map((part) => part.length)).toEqual([3, 3, 3])
    const giant = createNode(node("a", ["Memory"], { id: "a", text: "x".repeat(2_000_000) }), EMPTY_RULE)
    expect(split([row, giant, row]).map((part) => part.length)).toEqual([1, 1, 1])
    expect(split([])).toEqual([])
  })
})
