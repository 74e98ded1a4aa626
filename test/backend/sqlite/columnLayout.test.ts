import * as fs from "node:fs"
import fc from "fast-check"
import * as Effect from "effect/Effect"
import { describe, expect, it } from "vitest"
import { composeContext, flattenContext } from "../../../src/backend/sqlite/MemoryContext.ts"
import { canonicalLine } from "../../../src/domain/Canonical.ts"
import {
  type GraphRecord,
  type MutableProperties,
  node,
  type Properties,
  relationship,
  setProperty
} from "../../../src/domain/Graph.ts"
import { Temporal, type PropertyValue } from "../../../src/domain/PropertyValue.ts"
import { connect, copyOf, failure, fixture, lines, newPath, read, readFrom, rows, run, sql, write } from "./support.ts"
import * as wild from "./wild.ts"

const ENDS = new Set(["from_id", "to_id", "rel_type"])

// A row's properties by plain means, but for the context.
const plainly = (row: Record<string, unknown>): Record<string, unknown> => {
  const properties: Record<string, unknown> = {}
  for (const [name, cell] of Object.entries(row)) {
    if (cell === null || ENDS.has(name) || (name === "context" && "title" in row)) continue
    properties[name] = name === "tags" ? JSON.parse(String(cell)) : cell
  }
  return properties
}

describe("a file of the TypeScript port", () => {
  it("is read completely, every column as it stands", async () => {
    const file = fixture("ts-small.db")
    const records = await read(file)
    const byKey = new Map(records.map((record) => [`${record._tag} ${record.key}`, record]))
    expect(byKey.size).toBe(90)
    for (const row of rows(file, "memories")) {
      const record = byKey.get(`Node ${String(row["id"])}`)
      const { properties } = record ?? {}
      const own = Object.fromEntries(Object.entries(properties ?? {}).filter(([name]) => !name.startsWith("context_")))
      expect(record).toMatchObject({ labels: ["Memory"] })
      expect(own).toStrictEqual(plainly(row))
    }
    for (const row of rows(file, "relationships")) {
      const record = byKey.get(`Relationship ${String(row["id"])}`)
      expect(record).toMatchObject({ from: row["from_id"], to: row["to_id"], type: row["rel_type"] })
      expect(record?.properties).toStrictEqual(plainly(row))
    }
  })

  it("has its contexts flattened as the Python program flattens them", async () => {
    const records = await read(fixture("ts-small.db"))
    const found = records.find(({ properties }) => properties["title"] === "Full context (updated)")
    const context = Object.fromEntries(
      Object.entries(found?.properties ?? {}).filter(([name]) => name.startsWith("context"))
    )
    expect(context).toStrictEqual({
      context_project_path: "/home/dev/proj ünï",
      context_files_involved: ["src/a.py", "src/b c.ts"],
      context_languages: ["python", "c++"],
      context_frameworks: ["fastapi"],
      context_technologies: ["redis", "neo4j"],
      context_git_commit: "0f3c9a1",
      context_git_branch: "feature/x",
      context_working_directory: "/home/dev",
      context_timestamp: "2025-12-31T23:59:59.999Z",
      context_session_id: "sess-1",
      context_user_id: "dev@example.com",
      context_additional_metadata:
        '{"nested": {"a": [1, 2.5, null, true], "\\u65e5": "\\u672c"}, "n": 12345678901234568}',
      context_tenant_id: "acme",
      context_team_id: "core",
      context_visibility: "team",
      context_created_by: "alice"
    })
    const partial = records.find(({ properties }) => properties["title"] === "Partial context")
    expect(partial?.properties).toMatchObject({ context_files_involved: "[]", context_additional_metadata: "{}" })
    expect(partial?.properties).not.toHaveProperty("context_git_commit")
  })

  it("comes back from the seed layout with every column the same", async () => {
    const source = fixture("ts-small.db")
    const [seed, column] = [newPath(), newPath()]
    await write(seed, await read(source))
    await write(column, await read(seed), "column")
    for (const table of ["memories", "relationships"]) expect(rows(column, table)).toEqual(rows(source, table))
    const types = (file: string) =>
      sql(file, (db) =>
        db.prepare("SELECT typeof(importance), typeof(usage_count), typeof(tags) FROM memories ORDER BY id").raw().all()
      )
    expect(types(column)).toEqual(types(source))
    expect(lines(await read(column))).toEqual(lines(await read(source)))
  })

  it("is counted as plain SQL counts it", async () => {
    const { nodes, relationships, labels } = await run(
      Effect.flatMap(connect(fixture("ts-small.db")), (backend) => backend.statistics)
    )
    expect({ nodes, relationships, labels }).toEqual({ nodes: 30, relationships: 60, labels: { Memory: 30 } })
  })

  it("stays in its layout when records are added", async () => {
    const file = copyOf("ts-small.db")
    const [first] = await read(file)
    const added = node("new", ["Memory"], { ...first?.properties, id: "new" })
    await write(file, [added])
    expect(rows(file, "memories")).toHaveLength(31)
    expect((await read(file)).find(({ key }) => key === "new")).toEqual(added)
  })

  it("is read by what the cells hold, not by what their columns were declared for", async () => {
    const file = copyOf("ts-small.db")
    const id = "decision-2026-001"
    sql(file, (db) =>
      db
        .prepare(
          "UPDATE memories SET importance = 'high', usage_count = 1.5, tags = '[ \"a\"]', context = '{}' WHERE id = ?"
        )
        .run(id)
    )
    const records = await read(file)
    const found = records.find(({ key }) => key === id)
    expect(found?.properties).toMatchObject({ importance: "high", usage_count: 1.5, tags: '[ "a"]', context: "{}" })
    const target = newPath()
    await write(target, records, "column")
    expect(rows(target, "memories")).toEqual(rows(file, "memories"))
  })

  it("fails by name where a cell is a blob", async () => {
    const file = copyOf("ts-small.db")
    sql(file, (db) => db.exec("UPDATE memories SET title = x'00' WHERE id = 'decision-2026-001'"))
    const error = await failure(Effect.flatMap(connect(file), (backend) => readFrom(backend)))
    expect(error).toMatchObject({ reason: "undecodable", keys: { first: ["decision-2026-001"] } })
  })
})

describe("a context", () => {
  it.each([
    '{"project_path":"/x"}',
    '{"files_involved":[],"timestamp":"t","additional_metadata":{"a":1,"b":1.5,"c":[true,null,"x"]}}',
    '{"languages":["a","b"],"visibility":"team"}',
    '{"additional_metadata":"{\\"a\\":1}"}',
    '{"files_involved":[["a"]]}',
    '{"additional_metadata":{"big":12345678901234568,"float":1e+21}}'
  ])("%s is flattened and composed again", (text) => {
    const flat = flattenContext(text)
    expect(flat).toBeDefined()
    expect(composeContext(flat ?? {})).toBe(text)
  })

  it.each([
    "{}",
    "",
    "no json",
    "[]",
    '"text"',
    '{"project_path": "/x"}',
    '{"project_path":null}',
    '{"unknown":1}',
    '{"visibility":"team","project_path":"/x"}',
    '{"files_involved":"[]"}',
    '{"additional_metadata":{"a":1.50}}',
    '{"additional_metadata":{"b":1,"1":2}}',
    '{"project_path":"\\u0041"}'
  ])("%s stays whole", (text) => expect(flattenContext(text)).toBeUndefined())
})

const memory = (properties: Properties, labels = ["Memory"]): GraphRecord =>
  node("m", labels, {
    id: "m",
    type: "general",
    title: "t",
    content: "c",
    tags: ["x"],
    importance: 0.5,
    confidence: 0.8,
    usage_count: 0n,
    created_at: "2026-01-05T09:00:00.000Z",
    updated_at: "2026-01-05T09:00:00.000Z",
    version: 1n,
    ...properties
  })

const link = (properties: Properties, key: string | null = "r"): GraphRecord =>
  relationship(key, "m", "T", "m", {
    id: "r",
    strength: 0.5,
    confidence: 0.8,
    evidence_count: 1n,
    created_at: "c",
    last_validated: "l",
    validation_count: 0n,
    counter_evidence_count: 0n,
    valid_from: "f",
    recorded_at: "r",
    ...properties
  })

const without = (record: GraphRecord, name: string): GraphRecord => {
  const { [name]: _gone, ...properties } = record.properties
  return { ...record, properties }
}

describe("what the layout cannot hold", () => {
  const fit = async (record: GraphRecord) =>
    run(Effect.map(connect(newPath(), "column"), (backend) => backend.fit(record)))

  it.each<readonly [string, GraphRecord]>([
    ["label Entity", memory({}, ["Entity"])],
    ["several labels", memory({}, ["Entity", "Memory"])],
    ["no label", memory({}, [])],
    ["key that is not its id property", memory({ id: "other" })],
    ["key that is not its id property", without(memory({}), "id")],
    ["no title", without(memory({}), "title")],
    ["no version", without(memory({}), "version")],
    ["property foo has no column", memory({ foo: 1n })],
    ["property __proto__ has no column", memory(JSON.parse('{"__proto__": "x"}'))],
    ["importance is not a float", memory({ importance: 1n })],
    ["importance is text that reads as a number", memory({ importance: "0.5" })],
    ["usage_count is not an integer", memory({ usage_count: 1 })],
    ["title is not a string", memory({ title: 1n })],
    ["title is not a string", memory({ title: new Temporal("date", "2024-01-01") })],
    ["lone surrogate in title", memory({ title: "\ud800" })],
    ["NaN", memory({ importance: Number.NaN })],
    ["negative zero", memory({ importance: -0 })],
    ["integer beyond 64 bits", memory({ usage_count: 2n ** 63n })],
    ["tags is not a list of strings", memory({ tags: [1n] })],
    ["tags text that reads as a list", memory({ tags: '["a"]' })],
    ["context text that reads as fields", memory({ context: '{"project_path":"/x"}' })],
    ["context beside context_ properties", memory({ context: "x", context_project_path: "/x" })],
    ["context_ property the column cannot hold", memory({ context_files_involved: [] })],
    [
      "context_ property the column cannot hold",
      memory({ context_timestamp: new Temporal("dateTime", "2026-01-01T00:00:00Z") })
    ],
    ["property context_foo has no column", memory({ context_foo: "x" })],
    ["reserved property name _mg_x", memory({ _mg_x: "x" })],
    ["relationship without id", link({}, null)],
    ["key that is not its id property", link({ id: "x" })],
    ["no valid_from", without(link({}), "valid_from")],
    ["strength is not a float", link({ strength: 1n })],
    ["property note has no column", link({ note: "x" })]
  ])("is called impossible: %s", async (kind, record) => {
    expect(await fit(record)).toEqual([{ level: "impossible", kind }])
  })

  it("leaves what it can hold", async () => {
    for (const record of [
      memory({}),
      memory({ importance: Infinity, effectiveness: 5e-324, tags: [], summary: "\0é😀" }),
      memory({ context_files_involved: ["a"], context_additional_metadata: '{"a":1}' }),
      memory({ tags: "not a list", context: "text" }),
      link({ context: '{"text": "x"}', invalidated_by: "not there" })
    ]) {
      expect(await fit(record)).toEqual([])
    }
  })

  it("is all that it cannot hold: whatever else is written comes back as it was", async () => {
    const columns = [
      "summary",
      "tags",
      "importance",
      "effectiveness",
      "usage_count",
      "title",
      "context",
      "version",
      "foo"
    ]
    const contexts = [
      "context_project_path",
      "context_files_involved",
      "context_additional_metadata",
      "context_visibility"
    ]
    const cell: fc.Arbitrary<PropertyValue> = fc.oneof(
      wild.value,
      wild.anyText,
      wild.integer,
      wild.float,
      fc.array(wild.anyText, { maxLength: 2 }),
      fc.constantFrom(
        "[]",
        '["a"]',
        '{"a": 1}',
        '{"a":1}',
        '{"a": 1.0}',
        '["a", {"b": []}]',
        '{"project_path":"/x"}',
        " 5",
        "1e3",
        "0x1",
        "5\0"
      )
    )
    const names = fc.oneof(
      { weight: 6, arbitrary: fc.constantFrom(...columns) },
      { weight: 4, arbitrary: fc.constantFrom(...contexts) },
      { weight: 1, arbitrary: wild.name }
    )
    const links = fc.constantFrom(
      "strength",
      "confidence",
      "evidence_count",
      "success_rate",
      "context",
      "valid_from",
      "valid_until"
    )
    const some = (name: fc.Arbitrary<string>) =>
      fc.array(fc.tuple(name, cell), { maxLength: 3 }).map((members) => {
        const properties: MutableProperties = {}
        for (const [key, item] of members) setProperty(properties, key, item)
        return properties
      })
    let held = 0
    await fc.assert(
      fc.asyncProperty(some(names), some(links), async (own, theirs) => {
        const file = newPath()
        const backend = connect(file, "column")
        const records = [memory(own), link(theirs)]
        const fits = await run(Effect.map(backend, ({ fit: of }) => records.map((record) => of(record).length === 0)))
        const possible = fits[0] === true ? records.filter((_, i) => fits[i]) : []
        await write(file, possible, "column")
        expect((await read(file, "column")).map(canonicalLine)).toEqual(possible.map(canonicalLine))
        held += possible.length
        fs.rmSync(file)
      }),
      { numRuns: 150, seed: wild.SEED }
    )
    // The property would hold as well if nothing were possible.
    expect(held).toBeGreaterThan(50)
  }, 300_000)
})

it("reports Python's memories as impossible where they lack what the columns need", async () => {
  const records = await read(fixture("python-small.db"))
  const kinds = await run(
    Effect.map(connect(copyOf("ts-small.db")), (backend) => records.flatMap((record) => backend.fit(record)))
  )
  expect(new Set(kinds.map(({ kind }) => kind))).toEqual(new Set(["no version"]))
})
