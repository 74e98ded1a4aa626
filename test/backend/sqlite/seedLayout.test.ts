import * as fs from "node:fs"
import fc from "fast-check"
import * as Effect from "effect/Effect"
import { describe, expect, it } from "vitest"
import { canonicalLine } from "../../../src/domain/Canonical.ts"
import { type GraphRecord, node, relationship } from "../../../src/domain/Graph.ts"
import { Temporal } from "../../../src/domain/PropertyValue.ts"
import { connect, copyOf, fixture, failure, lines, newPath, read, readFrom, rows, run, sql, write } from "./support.ts"
import * as wild from "./wild.ts"

// A row's record by plain means: JSON.parse with the source of each number, the four columns over it.
const exact = (json: string): Record<string, unknown> =>
  JSON.parse(json, (_key, item: unknown, context?: { readonly source?: string }) =>
    typeof item === "number" && /^-?\d+$/.test(context?.source ?? "") ? BigInt(context?.source ?? "") : item
  )

const lineOf = (head: string, properties: Record<string, unknown>): string => {
  const value = (item: unknown): string => {
    if (typeof item === "bigint") return item.toString()
    if (typeof item === "number") return Number.isInteger(item) && Math.abs(item) < 1e21 ? `${item}.0` : String(item)
    return Array.isArray(item) ? `[${item.map(value).join()}]` : JSON.stringify(item)
  }
  const members = Object.keys(properties)
    .filter((name) => properties[name] !== null)
    .sort()
    .map((name) => `${JSON.stringify(name)}:${value(properties[name])}`)
  return `${head},"properties":{${members.join()}}}`
}

const COLUMNS = ["valid_from", "valid_until", "recorded_at", "invalidated_by"]

describe("a file of the Python program", () => {
  it("is read completely, every value as it stands", async () => {
    const file = fixture("python-small.db")
    const expected = [
      ...rows(file, "nodes").map((row) =>
        lineOf(
          `{"node":${JSON.stringify(row["id"])},"labels":["${String(row["label"])}"]`,
          exact(String(row["properties"]))
        )
      ),
      ...rows(file, "relationships").map((row) => {
        const outranking = Object.fromEntries(COLUMNS.map((name) => [name, row[name]]))
        const ends = `"from":${JSON.stringify(row["from_id"])},"to":${JSON.stringify(row["to_id"])}`
        const head = `{"relationship":${JSON.stringify(row["id"])},"type":"${String(row["rel_type"])}",${ends}`
        return lineOf(head, { ...exact(String(row["properties"])), ...outranking })
      })
    ]
    expect(expected).toHaveLength(90)
    expect(lines(await read(file))).toEqual(expected.sort())
  })

  it("comes nodes first, and in part where only part is asked for", async () => {
    const tags = await run(
      Effect.gen(function* () {
        const backend = yield* connect(fixture("python-small.db"))
        const all = yield* readFrom(backend)
        const nodes = yield* readFrom(backend, { only: "nodes" })
        const relationships = yield* readFrom(backend, { only: "relationships" })
        return { all: all.map(({ _tag }) => _tag), nodes: nodes.length, relationships: relationships.length }
      })
    )
    expect(tags.all).toEqual([...Array<string>(30).fill("Node"), ...Array<string>(60).fill("Relationship")])
    expect([tags.nodes, tags.relationships]).toEqual([30, 60])
  })

  it("is counted as plain SQL counts it", async () => {
    const { statistics, dangling } = await run(
      Effect.flatMap(connect(fixture("python-small.db")), (backend) =>
        Effect.all({ statistics: backend.statistics, dangling: backend.dangling })
      )
    )
    const types = sql(fixture("python-small.db"), (db) =>
      db.prepare<[], [string, number]>("SELECT rel_type, count(*) FROM relationships GROUP BY 1").raw().all()
    )
    expect(statistics).toEqual({
      nodes: 30,
      relationships: 60,
      labels: { Memory: 30 },
      types: Object.fromEntries(types),
      newest: sql(fixture("python-small.db"), (db) =>
        db.prepare<[], string>("SELECT max(max(created_at), max(updated_at)) FROM nodes").pluck().get()
      )
    })
    expect(dangling).toEqual({ first: [], total: 0 })
  })

  it("survives a copy, with the columns that the program reads as they were", async () => {
    const source = fixture("python-small.db")
    const target = newPath()
    const records = await read(source)
    await write(target, records)
    expect(lines(await read(target))).toEqual(lines(records))
    const columns = (file: string, table: string) =>
      rows(file, table).map(({ properties, ...others }) => ({
        ...others,
        json: Object.keys(exact(String(properties))).length > 0
      }))
    for (const table of ["nodes", "relationships"]) expect(columns(target, table)).toEqual(columns(source, table))
    expect(fs.statSync(target).mode & 0o777).toBe(0o600)
  })
})

describe("the columns of a relationship", () => {
  const nodes = [node("a", ["Memory"], { id: "a" }), node("b", ["Memory"], { id: "b" })]
  const time = "2026-01-05T10:07:06.002565+00:00"
  const changed = async (properties: Record<string, string | bigint | Temporal>, change: string) => {
    const file = newPath()
    await write(file, [...nodes, relationship("r", "a", "T", "b", properties)])
    if (change !== "") sql(file, (db) => db.exec(`UPDATE relationships SET ${change}`))
    const found = (await read(file)).filter(({ _tag }) => _tag === "Relationship")[0]
    return { properties: found?.properties, row: rows(file, "relationships")[0] }
  }

  it("outrank the JSON: an invalidation is seen, NULL takes a value away", async () => {
    const { properties } = await changed(
      { valid_from: time, recorded_at: time, valid_until: time },
      "valid_until = NULL, invalidated_by = 'other'"
    )
    expect(properties).toEqual({ valid_from: time, recorded_at: time, invalidated_by: "other" })
  })

  it("hold a derived text where the property is absent, which does not come back", async () => {
    const { properties, row } = await changed({ created_at: "2024-02-29T23:30:00.5+05:30" }, "")
    expect(properties).toEqual({ created_at: "2024-02-29T23:30:00.5+05:30" })
    expect(row).toMatchObject({
      created_at: "2024-02-29 18:00:00",
      valid_from: "2024-02-29T18:00:00.500000+00:00",
      recorded_at: "2024-02-29T18:00:00.500000+00:00",
      valid_until: null,
      invalidated_by: null
    })
  })

  it("hold a fixed text where there is no time at all", async () => {
    const { properties, row } = await changed({}, "")
    expect(properties).toEqual({})
    expect(row).toMatchObject({ created_at: "1970-01-01 00:00:00", valid_from: "1970-01-01T00:00:00+00:00" })
  })

  it("show the Python program that a date-time value ends a relationship", async () => {
    const until = new Temporal("dateTime", "2026-02-01T09:08:07.5Z")
    const { properties, row } = await changed({ valid_until: until }, "")
    expect(properties).toEqual({ valid_until: until })
    expect(row?.["valid_until"]).toBe("2026-02-01T09:08:07.500000+00:00")
  })

  it("win over an encoded value once somebody has changed them", async () => {
    const until = new Temporal("dateTime", "2026-02-01T09:08:07.5Z")
    expect((await changed({ valid_until: until }, `valid_until = '${time}'`)).properties).toEqual({ valid_until: time })
    expect((await changed({ valid_until: until }, "valid_until = NULL")).properties).toEqual({})
    expect((await changed({ valid_from: "2024" }, `valid_from = '${time}'`)).properties).toEqual({ valid_from: time })
    expect((await changed({ invalidated_by: 7n }, "invalidated_by = 'x'")).properties).toEqual({ invalidated_by: "x" })
  })

  it.each(["2024", "1e5", " 12 ", "12\0x", "-.5", "1.", "12\v"])(
    "keep the text %j, which SQLite makes a number of",
    async (text) => {
      const { properties } = await changed(
        { valid_from: text, valid_until: text, recorded_at: text, invalidated_by: text },
        ""
      )
      expect(properties).toEqual({ valid_from: text, valid_until: text, recorded_at: text, invalidated_by: text })
    }
  )

  it("are a text still where SQLite has made a number of the program's own text", async () => {
    const file = copyOf("python-small.db")
    const id = "ba004c97-494c-4a2f-adaf-0555b89208ea"
    sql(file, (db) => {
      db.prepare(
        "UPDATE relationships SET properties = json_set(properties, '$.valid_from', '2023'), valid_from = '2023' WHERE id = ?"
      ).run(id)
    })
    expect(rows(file, "relationships").find((row) => row["id"] === id)?.["valid_from"]).toBe(2023n)
    const found = (await read(file)).find(({ key }) => key === id)
    expect(found?.properties["valid_from"]).toBe("2023")
  })
})

describe("records that the tables have no room for", () => {
  it("come back: several labels, none, an empty one, odd maps, unkeyed relationships", async () => {
    const file = newPath()
    const records: ReadonlyArray<GraphRecord> = [
      node("a", ["Zebra", "Memory"], { n: 1n }),
      node("b", [], {}),
      node("c", [""], {}),
      node("d", ["b", "a"], { map: { $float: "NaN", _mg_labels: ["x"] }, other: "_mg_labels" }),
      relationship(null, "a", "T", "b", { w: 1 }),
      relationship(null, "a", "T", "b", { w: 1 }),
      relationship(null, "a", "T", "b", { w: 1n }),
      relationship("k", "a", "T", "a", { id: "another" })
    ]
    await write(file, records)
    expect(lines(await read(file))).toEqual(lines(records))
    expect(rows(file, "nodes").map((row) => row["label"])).toEqual(["Memory", "", "", "a"])
    const { labels } = await run(Effect.flatMap(connect(file), (backend) => backend.statistics))
    expect(labels).toEqual({ Zebra: 1, Memory: 1, "": 2, a: 1, b: 1 })
    // The ids of unkeyed relationships depend on nothing but the records.
    const again = newPath()
    await write(again, records)
    expect(rows(again, "relationships")).toEqual(rows(file, "relationships"))
    expect(rows(file, "relationships").map((row) => String(row["id"]).replace(/^mg-[0-9a-f]{32}-/, "mg-"))).toEqual(
      expect.arrayContaining(["k", "mg-0", "mg-0", "mg-1"])
    )
  })

  it("are numbered on where the store has equal ones already", async () => {
    const file = newPath()
    const records = [node("a", ["A"], {}), relationship(null, "a", "T", "a", {}), relationship(null, "a", "T", "a", {})]
    await write(file, records)
    const more = Array.from({ length: 12 }, () => relationship(null, "a", "T", "a", {}))
    await write(file, more)
    expect(lines(await read(file))).toEqual(lines([...records, ...more]))
  })
})

describe("wild graphs", () => {
  it("come back as they were, read whole and looked up", async () => {
    await fc.assert(
      fc.asyncProperty(wild.graph, async (records) => {
        const file = newPath()
        await run(
          Effect.gen(function* () {
            const backend = yield* connect(file)
            expect(
              records.flatMap((record) => backend.fit(record)).filter(({ level }) => level === "impossible")
            ).toEqual([])
          })
        )
        await write(file, records)
        await run(
          Effect.gen(function* () {
            const backend = yield* connect(file)
            expect(lines(yield* readFrom(backend))).toEqual(lines(records))
            expect(lines(yield* backend.lookup(records))).toEqual(lines(records))
            const { nodes, relationships } = yield* backend.statistics
            expect(nodes + relationships).toBe(records.length)
          })
        )
        fs.rmSync(file)
      }),
      { numRuns: 100, seed: wild.SEED }
    )
  }, 300_000)
})

describe("what cannot be stored", () => {
  const fit = async (record: GraphRecord) => run(Effect.map(connect(newPath()), (backend) => backend.fit(record)))

  it.each<readonly [string, GraphRecord]>([
    ["reserved property name _mg_x", node("a", ["A"], { _mg_x: 1n })],
    ["lone surrogate in a key", node("\ud800", ["A"], {})],
    ["lone surrogate in a label", node("a", ["A", "\udc00"], {})],
    ["lone surrogate in a key", relationship("\ud800", "a", "T", "b", {})],
    ["lone surrogate in a key", relationship(null, "a\ud800", "T", "b", {})],
    ["lone surrogate in a key", relationship(null, "a", "T", "b\ud800", {})],
    ["lone surrogate in a type", relationship(null, "a", "T\ud800", "b", {})]
  ])("is called impossible: %s", async (kind, record) => {
    expect(await fit(record)).toEqual([{ level: "impossible", kind }])
    const error = await write(newPath(), [record]).then(
      () => undefined,
      (cause: unknown) => cause
    )
    expect(error).toMatchObject({ _tag: "WriteFailed", reason: "refused-record" })
  })

  it("is encoded where text can carry it", async () => {
    const record = node("a", ["A"], { at: new Temporal("date", "2024-02-29"), raw: new Uint8Array([1]), s: "\ud800" })
    expect(await fit(record)).toEqual([
      { level: "encoded", kind: "date value" },
      { level: "encoded", kind: "bytes" }
    ])
  })
})

describe("rows that cannot be read exactly", () => {
  it.each([
    [
      "invalid UTF-8 in the properties",
      "UPDATE nodes SET properties = CAST(x'7b2261223a2022ff227d' AS TEXT) WHERE id = ?"
    ],
    ["properties that are no JSON", "UPDATE nodes SET properties = '{\"a\": 1' WHERE id = ?"],
    ["properties that are no object", "UPDATE nodes SET properties = '[1]' WHERE id = ?"],
    ["a blob", "UPDATE nodes SET properties = CAST(properties AS BLOB) WHERE id = ?"],
    ["a repeated key", 'UPDATE nodes SET properties = \'{"a": {"b": 1, "b": 1.0}}\' WHERE id = ?'],
    ["labels that are no list", 'UPDATE nodes SET properties = \'{"_mg_labels": "A"}\' WHERE id = ?'],
    ["labels against the column", 'UPDATE nodes SET properties = \'{"_mg_labels": ["A", "B"]}\' WHERE id = ?'],
    ["a note that is none", "UPDATE nodes SET properties = '{\"_mg_enc\": 1}' WHERE id = ?"]
  ])("fail by name: %s", async (_what, change) => {
    const file = copyOf("python-small.db")
    sql(file, (db) => db.prepare(change).run("decision-2026-001"))
    const error = await failure(Effect.flatMap(connect(file), (backend) => readFrom(backend)))
    expect(error).toMatchObject({
      _tag: "SourceDataInvalid",
      reason: "undecodable",
      keys: { first: ["decision-2026-001"], total: 1 }
    })
  })

  it("fail by name: no id, invalid UTF-8 in an id", async () => {
    const file = copyOf("python-small.db")
    sql(file, (db) => db.exec("UPDATE nodes SET id = NULL WHERE id = 'decision-2026-001'"))
    const error = await failure(Effect.flatMap(connect(file), (backend) => readFrom(backend)))
    expect(error).toMatchObject({ reason: "undecodable", keys: { first: [expect.stringMatching(/^rowid \d+$/)] } })
    const other = copyOf("python-small.db")
    sql(other, (db) => db.exec("UPDATE relationships SET rel_type = CAST(x'54ff' AS TEXT) WHERE rel_type = 'CAUSES'"))
    const second = await failure(Effect.flatMap(connect(other), (backend) => readFrom(backend)))
    expect(second).toMatchObject({ reason: "undecodable", message: expect.stringContaining("rel_type") })
  })

  it("do not include a U+FFFD that is really stored", async () => {
    const file = copyOf("python-small.db")
    sql(file, (db) =>
      db.exec("UPDATE nodes SET label = 'x\ufffdy', properties = '{\"t\": \"\ufffd\"}' WHERE id = 'decision-2026-001'")
    )
    const found = (await read(file)).find(({ key }) => key === "decision-2026-001")
    expect(found).toEqual(node("decision-2026-001", ["x\ufffdy"], { t: "\ufffd" }))
  })

  it("nor one in a database of another encoding", async () => {
    const file = newPath()
    sql(file, (db) => db.pragma("encoding = 'UTF-16be'"))
    const records = [node("ä\ufffd", ["Memory"], { t: "\ufffd😀" })]
    sql(file, (db) => db.exec("PRAGMA encoding = 'UTF-16be'; CREATE TABLE x(y); DROP TABLE x"))
    await write(file, records)
    expect(sql(file, (db) => db.pragma("encoding", { simple: true }))).toBe("UTF-16be")
    expect((await read(file)).map(canonicalLine)).toEqual(records.map(canonicalLine))
  })
})

it("names relationships whose ends are missing", async () => {
  const file = copyOf("python-small.db")
  sql(file, (db) => db.exec("DELETE FROM nodes WHERE id = 'decision-2026-001'"))
  const expected = sql(file, (db) =>
    db
      .prepare<[], string>(
        "SELECT id FROM relationships WHERE from_id = 'decision-2026-001' OR to_id = 'decision-2026-001'"
      )
      .pluck()
      .all()
  )
  const { first, total } = await run(Effect.flatMap(connect(file), (backend) => backend.dangling))
  expect(total).toBe(expected.length)
  expect([...first].sort()).toEqual([...expected].sort())
  expect(total).toBeGreaterThan(0)
})

it("pages by rowids of any size, negative and beyond 2^53 alike", async () => {
  const file = newPath()
  const nodes = Array.from({ length: 3000 }, (_, i) => node(`n${i}`, ["A"], {}))
  await write(file, nodes)
  sql(file, (db) => {
    db.exec("UPDATE nodes SET rowid = -9223372036854775807 - 1 WHERE rowid = 1")
    db.exec("UPDATE nodes SET rowid = -rowid WHERE rowid = 2")
    db.exec("UPDATE nodes SET rowid = rowid + 9223372036854770000 WHERE rowid > 100")
  })
  expect(lines(await read(file))).toEqual(lines(nodes))
})

describe("a look-up", () => {
  it("finds relationships by key too, whatever their ends, each once", async () => {
    const file = newPath()
    const records = [
      node("a", ["A"], {}),
      node("b\0", ["A"], {}),
      relationship("r", "a", "T", "b\0", {}),
      relationship("s", "a", "T", "b\0", {}),
      relationship(null, "b\0", "U", "a", {})
    ]
    await write(file, records)
    const lookup = (asked: ReadonlyArray<GraphRecord>) =>
      run(Effect.flatMap(connect(file), (backend) => Effect.map(backend.lookup(asked), lines)))
    expect(await lookup([relationship("r", "x", "Y", "z", {})])).toEqual(lines(records.slice(2, 3)))
    expect(await lookup([relationship("r", "a", "T", "b\0", {})])).toEqual(lines(records.slice(2, 4)))
    expect(await lookup([relationship("t", "b\0", "U", "a", {})])).toEqual(lines(records.slice(4)))
    expect(await lookup([node("b\0", [], {}), node("b", [], {}), node("b\ud800", [], {})])).toEqual(
      lines(records.slice(1, 2))
    )
    expect(
      await lookup([relationship(null, "a", "U", "b\0", {}), relationship("\ud800", "a\ud800", "T", "b\0", {})])
    ).toEqual([])
  })

  it("does not take the replacement character for a lone surrogate", async () => {
    const file = newPath()
    await write(file, [node("\ufffd", ["A"], {})])
    expect(await run(Effect.flatMap(connect(file), (backend) => backend.lookup([node("\ud800", [], {})])))).toEqual([])
  })
})
