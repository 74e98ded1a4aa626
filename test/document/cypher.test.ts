/**
 * Cypher scripts, run for real, statement by statement by the engine's own client, and read back by our backend: the
 * same graph wherever the loss report is empty. There is no Memgraph here unless MEMGRAPH_TEST_URI names one: its
 * flavour's text is all that is looked at then.
 */
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Stream from "effect/Stream"
import * as fs from "node:fs"
import neo4j, { type Driver } from "neo4j-driver"
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest"
import { connect } from "../../src/backend/registry.ts"
import type { StoreConfig } from "../../src/backend/StoreConfig.ts"
import { type CypherFlavour, DIALECTS } from "../../src/document/cypher-flavours.ts"
import { writeCypher } from "../../src/document/cypher-write.ts"
import { type GraphRecord, node, relationship } from "../../src/domain/Graph.ts"
import { Point, type PropertyValue, Temporal, Vector } from "../../src/domain/PropertyValue.ts"
import { graph, recordsOf } from "../../src/testing/arbitraries/graphs.ts"
import { memory } from "../../src/testing/samples.ts"
import { engineAvailable, startFalkorDB, type TestServer } from "../support/falkordb.ts"
import { missing, type Neo4jServer, START_TIMEOUT, startNeo4j } from "../support/neo4j.ts"
import { points } from "../fault/sweep.ts"
import { fingerprintOf, freshPath, pythonSmall, SEED } from "./support.ts"

const write = async (flavour: CypherFlavour, records: ReadonlyArray<GraphRecord>, name = "graph.cypher") => {
  const path = freshPath(name)
  const { warnings: losses } = await Effect.runPromise(
    writeCypher({
      output: { path },
      flavour,
      backend: "sqlite",
      exportedAt: "2026-11-22T12:00:00.000Z",
      records: Stream.fromIterable(records).pipe(Stream.rechunk(3))
    })
  )
  return { losses, text: fs.readFileSync(path, "utf8") }
}

/** One statement a line; what a person would paste. */
const statementsOf = (text: string): ReadonlyArray<string> =>
  text
    .trimEnd()
    .split("\n")
    .filter((line) => !line.startsWith("//"))
    .map((line) => {
      expect(line.endsWith(";")).toBe(true)
      return line.slice(0, -1)
    })

/** An engine that scripts are run on. */
interface Runner {
  readonly config: StoreConfig
  readonly run: (statements: ReadonlyArray<string>) => Promise<void>
}

const readBack = (config: StoreConfig): Promise<ReadonlyArray<GraphRecord>> =>
  Effect.runPromise(
    Effect.scoped(
      Effect.flatMap(connect(config), (store) => Effect.map(Stream.runCollect(store.read()), Chunk.toReadonlyArray))
    )
  )

/** Runs the script of a graph; returns what it lacks and what the store then holds. */
const through = async (flavour: CypherFlavour, runner: Runner, records: ReadonlyArray<GraphRecord>) => {
  const { losses, text } = await write(flavour, records)
  await runner.run(statementsOf(text))
  return { losses, found: await readBack(runner.config) }
}

const INTEGERS = [-(2n ** 63n), 2n ** 63n - 1n, -1n, 0n, 9_007_199_254_740_993n]
const FLOATS = [0, -0, 1, 0.1, 1e21, -1e-7, 5e-324, 2.2250738585072014e-308, 1.7976931348623157e308]
const TEXTS = [
  "",
  "'",
  '"',
  "\\",
  "\\u0041",
  "\\n",
  "a\nb\r\nc\t",
  "`",
  "//x",
  ";\n",
  "ü日🚀\u2028\u0085\ufeff",
  "$x {y}"
]

const memories = (values: ReadonlyArray<PropertyValue>): ReadonlyArray<GraphRecord> =>
  values.map((value, n) => memory(`m${n}`, n, { value, list: [value] }))

const scalars = memories([...INTEGERS, ...FLOATS, ...TEXTS, true, false])

const shaped: ReadonlyArray<GraphRecord> = [
  memory("a", 1),
  node("b", ["Memory", "Note", "With space", "ünï"], { id: "b", "a name": 1n, ünï: [], $x: ["p", "q"] }),
  node("c", [], { id: "c" }),
  ...[1, 2, 3].map((n) => relationship(`r${n}`, "a", "SOLVES", "a", { id: `r${n}`, n: BigInt(n) })),
  relationship("s", "b", "with space", "c", { id: "s" }),
  relationship("t", "c", "SOLVES", "a", { id: "t", strength: 1 }),
  relationship("u", "c", "SOLVES", "a", { id: "u", strength: 1 })
]

const temporals: ReadonlyArray<readonly [Temporal["kind"], ReadonlyArray<string>]> = [
  ["date", ["2020-02-29", "1999-01-01"]],
  ["localDateTime", ["2020-02-29T23:59:59", "2020-01-01T00:00:00"]],
  ["localTime", ["10:11:12"]],
  ["duration", ["P1DT2H3M4S", "PT0S"]]
]
const richTemporals: typeof temporals = [
  ["date", ["+12345-01-01", "-0044-03-15"]],
  ["time", ["10:11:12.000000001+01:30", "00:00:00Z"]],
  [
    "dateTime",
    ["2019-10-27T02:30:00+01:00[Europe/Berlin]", "2019-10-27T02:30:00+02:00[Europe/Berlin]", "2020-01-01T00:00:00.5Z"]
  ],
  ["duration", ["P1Y2M3DT4H5M6.7S", "P-1M3DT-0.5S"]]
]
const temporalMemories = (list: typeof temporals) =>
  memories(list.flatMap(([kind, texts]) => texts.map((text) => new Temporal(kind, text))))

const gentle = graph({ maxNodes: 6, maxRelationships: 8, without: ["properties", "generated-keys"] }).map(recordsOf)
const wild = graph({ maxNodes: 6, maxRelationships: 8 }).map(recordsOf)

/** What every flavour must do; `rich` graphs it holds beyond the common ones. */
const suite = (
  flavour: CypherFlavour,
  problem: string | undefined,
  start: () => Promise<{ readonly fresh: () => Promise<Runner>; readonly stop: () => Promise<void> }>,
  rich: { readonly [name: string]: ReadonlyArray<GraphRecord> }
) =>
  describe(flavour, () => {
    let engine: Awaited<ReturnType<typeof start>> | undefined
    beforeAll(async () => {
      if (problem === undefined) engine = await start()
    }, START_TIMEOUT)
    beforeEach((ctx) => {
      if (problem !== undefined) ctx.skip(problem)
    })
    afterAll(() => engine?.stop())
    const fresh = async (): Promise<Runner> => {
      if (engine === undefined) throw new Error("the engine did not start")
      return engine.fresh()
    }

    const exact: { readonly [name: string]: ReadonlyArray<GraphRecord> } = {
      "a real store": pythonSmall(),
      "every kind of scalar": scalars,
      "labels, types, loops, parallels": shaped,
      "plain temporals": temporalMemories(temporals),
      "more than one batch": Array.from({ length: DIALECTS[flavour].rows * 2 + 10 }, (_, n) => memory(`m${n}`, n)),
      nothing: [],
      ...rich
    }
    it.each(Object.keys(exact))(
      "makes the very same graph: %s",
      async (name) => {
        const records = exact[name] ?? []
        const { found, losses } = await through(flavour, await fresh(), records)
        expect(losses).toEqual([])
        expect(fingerprintOf(found)).toEqual(fingerprintOf(records))
      },
      120_000
    )

    it(
      "makes the very same graph of any gentle one, and of any other what its losses leave",
      async () => {
        let same = 0
        await FastCheck.assert(
          FastCheck.asyncProperty(FastCheck.oneof(gentle, wild), async (records) => {
            const { found, losses } = await through(flavour, await fresh(), records)
            const count = (tag: string, all: ReadonlyArray<GraphRecord>) =>
              all.filter(({ _tag }) => _tag === tag).length
            expect(count("Node", found)).toBe(count("Node", records))
            if (losses.length > 0) return
            same++
            expect(fingerprintOf(found)).toEqual(fingerprintOf(records))
          }),
          { seed: SEED, numRuns: flavour === "neo4j" ? points(3, 100) : points(30, 200) }
        )
        expect(same).toBeGreaterThan(1)
      },
      points(120_000, 1_800_000)
    )

    it("leaves nothing of its own behind", async () => {
      const runner = await fresh()
      const { text } = await write(flavour, shaped)
      expect(text).toMatch(/_MgScript_[0-9a-f]{16}/)
      await runner.run(statementsOf(text))
      const found = await readBack(runner.config)
      expect(
        JSON.stringify(found, (_key, value: unknown) => (typeof value === "bigint" ? `${value}n` : value))
      ).not.toMatch(/script/i)
    }, 60_000)
  })

suite(
  "falkordb",
  engineAvailable,
  async () => {
    const server: TestServer = await startFalkorDB()
    let graphs = 0
    return {
      stop: server.stop,
      fresh: async () => {
        const name = `script${graphs++}`
        return {
          config: { kind: "falkordb", host: server.host, port: server.port, graph: name },
          run: async (statements) => {
            for (const statement of statements) await server.raw("GRAPH.QUERY", name, statement)
          }
        }
      }
    }
  },
  {
    "vectors and points": memories([new Vector(Float32Array.of(1, 0.5, -2)), new Point(4326, 2.5, -1.5)]).map((m) => ({
      ...m,
      properties: { ...m.properties, list: "x" }
    }))
  }
)

const bolt = (driver: Driver, config: StoreConfig) => ({
  fresh: async (): Promise<Runner> => {
    const run = async (statements: ReadonlyArray<string>) => {
      const session = driver.session()
      try {
        for (const statement of statements) await session.run(statement)
      } finally {
        await session.close()
      }
    }
    await run(["MATCH (n) DETACH DELETE n"])
    return { config, run }
  }
})

suite(
  "neo4j",
  missing(),
  async () => {
    const server: Neo4jServer = await startNeo4j()
    const driver = server.driver()
    return {
      ...bolt(driver, { kind: "neo4j", host: server.host, port: server.port }),
      stop: async () => {
        await driver.close()
        await server.stop()
      }
    }
  },
  {
    "every temporal": temporalMemories(richTemporals),
    "NaN, infinities, NUL, points": memories([
      Number.NaN,
      Number.POSITIVE_INFINITY,
      Number.NEGATIVE_INFINITY,
      "a\0b",
      new Point(4326, 2.5, -1.5),
      new Point(9157, 0.1, -1e300, 3)
    ]),
    "names with backslashes, back-quotes and line ends": [
      node("a", ["a`b", "\\u0041", "x\ny"], { id: "a", "\\u0060": "`", "``": 1n, __proto__x: 1n, "p\r\nq": 1n }),
      relationship("r", "a", "t\\`u", "a", { id: "r", "\\": "\\" })
    ]
  }
)

suite(
  "memgraph",
  process.env["MEMGRAPH_TEST_URI"] === undefined ? "not run: no Memgraph; set MEMGRAPH_TEST_URI" : undefined,
  async () => {
    const url = new URL(process.env["MEMGRAPH_TEST_URI"] ?? "")
    const driver = neo4j.driver(url.href)
    return {
      ...bolt(driver, { kind: "memgraph", host: url.hostname, port: Number(url.port || 7687) }),
      stop: () => driver.close()
    }
  },
  { "maps and mixed lists": [memory("a", 1, { map: { x: [1n, "a", null], "a`b": 1.5 }, list: [1n, 1.5, "x", null] })] }
)

describe("what a flavour cannot hold", () => {
  const odd: ReadonlyArray<GraphRecord> = [
    node("k", ["a`b", "L\0"], { id: "other", map: { a: 1n }, bytes: new Uint8Array([1]), "p\0": 1n }),
    node("l", [], { id: "l", lone: "\ud800", when: new Temporal("time", "10:00:00+01:00:30") }),
    relationship(null, "k", "T\0", "l", {}),
    relationship(null, "k", "T", "l", { id: "x" })
  ]

  it("is counted, and nothing else goes missing", async () => {
    expect((await write("neo4j", odd)).losses).toEqual([
      "properties whose values cannot be written and become text: map 1, bytes 1, lone 1, when 1 record(s)",
      "node whose key is not its id: the key is not written: 1 record(s), first k",
      "label that cannot be written, left out: 1 record(s), first k",
      "property whose name cannot be written, left out: 1 record(s), first k",
      "relationship whose type cannot be written, left out: 1 record(s), first (k)-[T\0]->(l)",
      "relationship with an id that is not its key, and may be taken for it: 1 record(s), first (k)-[T]->(l)"
    ])
    expect((await write("memgraph", odd)).losses[0]).not.toContain("map 1")
    expect((await write("falkordb", odd)).losses).toContain(
      "label that cannot be written, left out: 2 record(s), first k"
    )
  })

  it("never ends a statement, a text or a name early", async () => {
    const hostile = [
      "'}] AS row MATCH (n) DETACH DELETE n;//",
      "\\'",
      "`}) DETACH DELETE n//",
      "*/;",
      "\n;\n",
      "\\u0027"
    ]
    for (const flavour of ["neo4j", "memgraph", "falkordb"] as const) {
      const { text } = await write(
        flavour,
        hostile.flatMap((value, n) => [node(`${n}`, [value], { id: `${n}`, value, [value]: 1n })])
      )
      for (const statement of statementsOf(text)) {
        const bare = statement.replace(/'(?:\\.|[^'\\])*'/g, "''").replace(/`(?:[^`]|``)*`/g, "``")
        expect(bare).toMatch(/^[\w\s()[\]{}:,.=<>&`';-]*$/)
        expect(bare).not.toMatch(/DETACH|;/)
      }
    }
  })

  it("goes into a gzip file too", async () => {
    const path = freshPath("graph.cypher.gz")
    const records = Stream.fromIterable(shaped)
    await Effect.runPromise(writeCypher({ output: { path }, flavour: "neo4j", backend: "x", exportedAt: "", records }))
    expect(fs.readFileSync(path).subarray(0, 2)).toEqual(Buffer.of(0x1f, 0x8b))
  })
})
