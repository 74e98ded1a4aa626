/**
 * The main job on files that real MemoryGraph programs wrote, compared by plain SQL and raw replies, with none of the
 * project's reading code.
 */
import * as fs from "node:fs"
import * as path from "node:path"
import Database from "better-sqlite3"
import { beforeAll, describe, expect, it } from "vitest"
import { copyOf, fixture, run, tempFolder } from "../support/migrating.ts"
import { plainJson, readColumns, readSchema, readSeed } from "../support/plainSql.ts"
import { engineProblem, withRawEngine } from "../support/rawEngine.ts"
import { entity, rows } from "../support/rawRedis.ts"

const engine = engineProblem()

describe("python-small.db -> FalkorDBLite -> SQLite", () => {
  const folder = tempFolder()
  const lite = path.join(folder, "graph.fdb")
  const back = path.join(folder, "back.db")

  beforeAll(async () => {
    if (engine !== undefined) return
    const there = await run({ kind: "sqlite", path: fixture("python-small.db") }, { kind: "falkordblite", path: lite })
    const again = await run({ kind: "falkordblite", path: lite }, { kind: "sqlite", path: back })
    expect(there.verification?.mode).toBe("full")
    expect(again.verification?.targetFingerprint).toBe(there.verification?.sourceFingerprint)
  })

  it("comes back with no difference in any node, relationship, property, type, direction or text", (ctx) => {
    if (engine !== undefined) ctx.skip(engine)
    const [before, after] = [readSeed(fixture("python-small.db")), readSeed(back)]
    expect(before.nodes.size).toBe(30)
    expect(before.relationships.size).toBe(60)
    expect(after).toEqual(before)
  })

  it("has the schema that the Python MemoryGraph makes", (ctx) => {
    if (engine !== undefined) ctx.skip(engine)
    expect(readSchema(back)).toEqual(readSchema(fixture("python-small.db")))
  })

  it("stands in FalkorDBLite as raw replies show it", async (ctx) => {
    if (engine !== undefined) ctx.skip(engine)
    const expected = readSeed(fixture("python-small.db"))
    await withRawEngine(lite, async (address) => {
      const nodes = await rows(address, "memorygraph", "MATCH (n) RETURN n")
      expect(nodes).toHaveLength(expected.nodes.size)
      for (const [reply] of nodes) {
        const { labels, properties } = entity(reply)
        const { id, ...found } = entity(properties)
        const node = expected.nodes.get(String(id))
        expect(labels).toEqual([node?.label])
        expect(Object.keys(found).sort()).toEqual(
          Object.keys(node?.properties ?? {})
            .filter((name) => name !== "id")
            .sort()
        )
        for (const [name, value] of Object.entries(found)) {
          expect(value, `${String(id)}.${name}`).toEqual(asRawReply(node?.properties[name]))
        }
      }
      const relationships = await rows(address, "memorygraph", "MATCH (a)-[r]->(b) RETURN a.id, type(r), b.id, r")
      expect(relationships).toHaveLength(expected.relationships.size)
      for (const [from, type, to, reply] of relationships) {
        const { id, ...found } = entity(entity(reply)["properties"])
        const relationship = expected.relationships.get(String(id))
        expect({ from, to, type }).toEqual({
          from: relationship?.["from"],
          to: relationship?.["to"],
          type: relationship?.["type"]
        })
        const properties = relationship?.["properties"] as { readonly [name: string]: unknown }
        expect(Object.keys(found).sort()).toEqual(
          Object.keys(properties)
            .filter((name) => name !== "id")
            .sort()
        )
        for (const [name, value] of Object.entries(found)) {
          expect(value, `${String(id)}.${name}`).toEqual(asRawReply(properties[name]))
        }
      }
      // Raw replies print floats with 15 digits: the engine itself is asked whether each is the very double.
      for (const [id, { properties }] of expected.nodes) {
        for (const [name, value] of Object.entries(properties)) {
          if (!isNumber(value) || !value.float) continue
          const query = `MATCH (n) WHERE n.id = ${JSON.stringify(id)} AND ${isVery(`n.\`${name}\``, Number(value.number))} RETURN typeOf(n.\`${name}\`)`
          expect(await rows(address, "memorygraph", query), query).toEqual([["Float"]])
        }
      }
    })
  })
})

interface PlainNumber {
  readonly number: number | bigint
  readonly float: boolean
}
const isNumber = (value: unknown): value is PlainNumber =>
  typeof value === "object" && value !== null && "float" in value

// Cypher for "this is the very double": with enough digits for any, and always a float literal. The engine reads no
// literal below the normal range; the smallest double of all is the one that has no half.
const isVery = (property: string, value: number): string =>
  value === Number.MIN_VALUE
    ? `${property} > 0.0 AND ${property} / 2.0 = 0.0`
    : `${property} = ${value.toExponential(17)}`

const asRawReply = (value: unknown): unknown => {
  if (isNumber(value)) return value.float ? rawFloat(Number(value.number)) : Number(value.number)
  if (Array.isArray(value)) return `[${value.map((item) => String(asRawReply(item))).join(", ")}]`
  return value
}

// C's %.15g
const rawFloat = (value: number): string => {
  const [mantissa = "0", exponent = "0"] = value.toExponential(14).split("e")
  const digits = mantissa.replace(/\.?0+$/, "")
  const power = Number(exponent)
  if (power < -4 || power >= 15) return `${digits}e${power < 0 ? "-" : "+"}${String(Math.abs(power)).padStart(2, "0")}`
  const fixed = value.toFixed(14 - power)
  return fixed.includes(".") ? fixed.replace(/\.?0+$/, "") : fixed
}

describe("ts-small.db -> seed layout -> column layout", () => {
  const folder = tempFolder()
  const seed = path.join(folder, "seed.db")
  const columns = path.join(folder, "columns.db")

  beforeAll(async () => {
    // The column layout is written where the target has it: an empty database of the TypeScript port.
    fs.copyFileSync(copyOf("ts-small.db"), columns)
    const db = new Database(columns)
    db.exec("DELETE FROM relationships; DELETE FROM memories")
    db.close()
    await run({ kind: "sqlite", path: fixture("ts-small.db") }, { kind: "sqlite", path: seed })
    await run({ kind: "sqlite", path: seed }, { kind: "sqlite", path: columns })
  })

  it("comes back with every column as it was", () => {
    const before = readColumns(fixture("ts-small.db"))
    expect(before.memories).toHaveLength(30)
    expect(before.relationships).toHaveLength(60)
    expect(readColumns(columns)).toEqual(before)
  })

  it("keeps the target's own schema", () => expect(readSchema(columns)).toEqual(readSchema(fixture("ts-small.db"))))

  it("has in the seed layout every text, number and direction of the columns", () => {
    const { memories, relationships } = readColumns(fixture("ts-small.db"))
    const graph = readSeed(seed)
    for (const row of memories as ReadonlyArray<{ readonly [column: string]: unknown }>) {
      const { context, tags, ...columnsOfRow } = row
      const properties = graph.nodes.get(String(row["id"]))?.properties ?? {}
      for (const [name, value] of Object.entries(columnsOfRow)) {
        if (value === null) expect(properties).not.toHaveProperty([name])
        else expect(properties[name], name).toEqual(asJson(value))
      }
      expect(properties["tags"]).toEqual(JSON.parse(String(tags)))
      for (const [name, value] of Object.entries(
        (JSON.parse(String(context ?? "{}")) ?? {}) as { readonly [name: string]: unknown }
      )) {
        const flat = properties[`context_${name}`]
        // As MemoryGraph flattens it: objects and empty lists become JSON text.
        expect(typeof flat === "string" && typeof value !== "string" ? plainJson(flat) : flat).toEqual(
          plainJson(JSON.stringify(value))
        )
      }
    }
    for (const row of relationships as ReadonlyArray<{ readonly [column: string]: unknown }>) {
      const { from_id, id, rel_type, to_id, ...rest } = row
      const found = graph.relationships.get(String(id))
      expect({ from: found?.["from"], to: found?.["to"], type: found?.["type"] }).toEqual({
        from: from_id,
        to: to_id,
        type: rel_type
      })
      const properties = found?.["properties"] as { readonly [name: string]: unknown }
      for (const [name, value] of Object.entries(rest)) {
        if (value === null) expect(properties).not.toHaveProperty([name])
        else expect(properties[name], name).toEqual(asJson(value))
      }
    }
  })
})

const asJson = (value: unknown): unknown =>
  typeof value === "bigint"
    ? { number: value, float: false }
    : typeof value === "number"
      ? { number: value, float: true }
      : value

describe("falkordblite-small.fdb -> SQLite", () => {
  const target = path.join(tempFolder(), "memory.db")

  it("arrives with no difference, by the engine's raw replies and plain SQL", async (ctx) => {
    if (engine !== undefined) ctx.skip(engine)
    const source = copyOf("falkordblite-small.fdb")
    const bytes = fs.readFileSync(source)
    await run({ kind: "falkordblite", path: source }, { kind: "sqlite", path: target })
    expect(fs.readFileSync(source).equals(bytes)).toBe(true)
    const graph = readSeed(target)
    await withRawEngine(fixture("falkordblite-small.fdb"), async (address) => {
      const nodes = await rows(address, "memorygraph", "MATCH (n) RETURN n")
      expect(nodes).toHaveLength(32)
      expect(graph.nodes.size).toBe(32)
      for (const [reply] of nodes) {
        const { labels, properties } = entity(reply)
        const found = entity(properties)
        const node = graph.nodes.get(String(found["id"]))
        expect([node?.label]).toEqual(labels)
        expect(Object.keys(node?.properties ?? {}).sort()).toEqual(Object.keys(found).sort())
        for (const [name, value] of Object.entries(found))
          expect(asRawReply(node?.properties[name]), name).toEqual(value)
      }
      const relationships = await rows(address, "memorygraph", "MATCH (a)-[r]->(b) RETURN a.id, type(r), b.id, r")
      expect(relationships).toHaveLength(62)
      expect(graph.relationships.size).toBe(62)
      const left = new Map(graph.relationships)
      for (const [from, type, to, reply] of relationships) {
        const found = entity(entity(reply)["properties"])
        const match = [...left].find(
          ([key, relationship]) =>
            relationship["from"] === from &&
            relationship["to"] === to &&
            relationship["type"] === type &&
            (found["id"] === undefined || found["id"] === key)
        )
        expect(match, `${String(from)} ${String(type)} ${String(to)}`).toBeDefined()
        if (match === undefined) continue
        left.delete(match[0])
        const properties = match[1]["properties"] as { readonly [name: string]: unknown }
        for (const [name, value] of Object.entries(found)) expect(asRawReply(properties[name]), name).toEqual(value)
      }
      expect(left.size).toBe(0)
    })
  })
})

describe("an empty store and a single memory", () => {
  const stores = [
    { kind: "sqlite" as const, name: "x.db" },
    { kind: "falkordblite" as const, name: "x.fdb" }
  ]
  const single = () => {
    const file = copyOf("python-small.db")
    const db = new Database(file)
    db.exec("DELETE FROM relationships; DELETE FROM nodes WHERE id <> (SELECT min(id) FROM nodes)")
    db.close()
    return file
  }
  const none = () => {
    const file = copyOf("python-small.db")
    const db = new Database(file)
    db.exec("DELETE FROM relationships; DELETE FROM nodes")
    db.close()
    return file
  }
  for (const { kind, name } of stores) {
    it.each([
      ["empty", none, 0],
      ["single", single, 1]
    ] as const)(`${kind}: %s`, async (_name, make, count) => {
      if (kind === "falkordblite" && engine !== undefined) return
      const source = make()
      const target = path.join(tempFolder(), name)
      const back = path.join(tempFolder(), "back.db")
      const there = await run({ kind: "sqlite", path: source }, { kind, path: target })
      const again = await run({ kind, path: target }, { kind: "sqlite", path: back })
      expect(there.records.written).toBe(count)
      expect(again.verification?.targetFingerprint).toBe(there.verification?.sourceFingerprint)
      expect(readSeed(back)).toEqual(readSeed(source))
    })
  }
})
