/** Reading from a server that does not give what it counts: it must not pass for the whole graph. */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import neo4j from "neo4j-driver"
import { expect, it } from "vitest"
import type { Connection, ReadTransaction, Row } from "../../../src/backend/bolt/connection.ts"
import { engineKeys } from "../../../src/backend/bolt/keys.ts"
import { neo4j as dialect } from "../../../src/backend/bolt/neo4j.ts"
import { read } from "../../../src/backend/bolt/reading.ts"

const row = (values: { readonly [column: string]: unknown }): Row => ({ get: (column) => values[column] })

/** A server with two nodes that counts `before` of them, and `after` once they were read. */
const server = (before: number, after: number, value: unknown = 1n): Connection => {
  // Counted for the look at the keys, before the reading and after it.
  let counted = 0
  const transaction: ReadTransaction = {
    run: (text) =>
      Effect.sync(() => {
        if (!text.startsWith("MATCH (n) RETURN count(n)")) return [row({ total: 0n })]
        return [row({ total: BigInt(counted++ < 2 ? before : after) })]
      }),
    stream: (text) =>
      text.includes("AS entity") && text.startsWith("MATCH (n)")
        ? Stream.fromIterable(
            ["a", "b"].map((id, i) =>
              row({ entity: new neo4j.types.Node(i, ["T"], { id, value }, `4:x:${i}`), parts: null })
            )
          )
        : Stream.empty
  }
  return {
    server: { kind: "neo4j", title: "Neo4j", location: "bolt://h:7687" },
    agent: "Neo4j/5.26.30",
    run: () => Effect.succeed([]),
    reading: Effect.succeed(transaction),
    transact: () => Effect.dieMessage("not here"),
    bookmark: Effect.succeed(undefined)
  }
}

const reading = (connection: Connection) =>
  Effect.runPromise(Effect.either(Stream.runCount(read({ connection, dialect, engineKeys: engineKeys(dialect, "x") }))))

it("takes what is counted", async () => {
  expect(await reading(server(2, 2))).toMatchObject({ right: 2 })
  // Somebody added a node behind the place where the reading was.
  expect(await reading(server(2, 3))).toMatchObject({ right: 2 })
})

it("refuses less, or more, than is counted", async () => {
  expect(await reading(server(3, 3))).toMatchObject({ left: { _tag: "SourceDataInvalid", reason: "counts-differ" } })
  expect(await reading(server(1, 1))).toMatchObject({ left: { reason: "counts-differ" } })
  expect(await reading(server(4, 3))).toMatchObject({ left: { reason: "changed-while-read" } })
})

it("names what cannot be decoded", async () => {
  const broken = new Proxy(
    {},
    {
      get: () => {
        throw new RangeError("Invalid time value")
      }
    }
  )
  for (const value of [broken, Symbol("x"), new Map()]) {
    expect(await reading(server(2, 2, value))).toMatchObject({
      left: { reason: "undecodable", message: expect.stringContaining("node 4:x:0, property value") }
    })
  }
})
