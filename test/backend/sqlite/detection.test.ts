import * as Effect from "effect/Effect"
import { describe, expect, it } from "vitest"
import { DDL } from "../../../src/backend/sqlite/ddl.ts"
import { node, relationship } from "../../../src/domain/Graph.ts"
import {
  connect,
  copyOf,
  failure,
  fixture,
  lines,
  newPath,
  openSession,
  read,
  rows,
  run,
  sha256,
  sql,
  write
} from "./support.ts"

// What the Python program does to any file it opens, and what the TypeScript port does.
const openedByPython = (file: string) =>
  sql(file, (db) => {
    const { nodes, relationships, fulltext, indexes } = DDL.seed
    for (const text of [nodes.sql, relationships, ...Object.values(fulltext), ...Object.values(indexes)]) {
      db.exec(text.replace(/^CREATE ((?:VIRTUAL )?TABLE|INDEX) /, "CREATE $1 IF NOT EXISTS "))
    }
  })
const openedByPort = (file: string) =>
  sql(file, (db) => {
    const { nodes, relationships, indexes } = DDL.column
    for (const text of [nodes.sql, relationships, ...Object.values(indexes)]) {
      db.exec(text.replace(/^CREATE (TABLE|INDEX) /, "CREATE $1 IF NOT EXISTS "))
    }
  })

const version = (file: string) =>
  run(Effect.flatMap(connect(file), ({ health }) => Effect.map(health, (found) => found.version)))

describe("the layout that has rows counts", () => {
  it("in a Python file that the port has opened", async () => {
    const file = copyOf("python-small.db")
    openedByPort(file)
    expect(await version(file)).toMatch(/, seed layout$/)
    expect(lines(await read(file))).toEqual(lines(await read(fixture("python-small.db"))))
    await write(file, [node("n", ["Entity"], {}), relationship("r", "n", "T", "decision-2026-001", {})])
    expect(rows(file, "relationships")).toHaveLength(61)
  })

  it("in a file of the port that Python has opened", async () => {
    const file = copyOf("ts-small.db")
    openedByPython(file)
    expect(await version(file)).toMatch(/, column layout$/)
    expect(lines(await read(file))).toEqual(lines(await read(fixture("ts-small.db"))))
  })

  it("and without rows the tables, and the shape of relationships", async () => {
    const [both, python, port] = [newPath(), newPath(), newPath()]
    openedByPort(both)
    openedByPython(both)
    openedByPython(python)
    openedByPort(port)
    expect(await version(both)).toMatch(/, column layout$/)
    expect(await version(python)).toMatch(/, seed layout$/)
    expect(await version(port)).toMatch(/, column layout$/)
    expect(await read(python)).toEqual([])
  })
})

describe("rows in both layouts", () => {
  const mixed = () => {
    const file = copyOf("ts-small.db")
    openedByPython(file)
    sql(file, (db) => db.exec("INSERT INTO nodes (id, label, properties) VALUES ('n', 'Memory', '{\"id\": \"n\"}')"))
    return file
  }

  it("need the layout to be named", async () => {
    const error = await failure(connect(mixed()))
    expect(error).toMatchObject({ _tag: "StoreUnavailable", reason: "ambiguous-layout" })
    expect(error).toMatchObject({ message: expect.stringMatching(/--layout.*--from-layout.*--to-layout/s) })
  })

  it("are read in the layout that was named", async () => {
    const file = mixed()
    expect(await read(file, "seed")).toEqual([node("n", ["Memory"], { id: "n" })])
    expect(await read(file, "column")).toHaveLength(90)
  })

  it("cannot be added to where relationships has the other layout", async () => {
    const file = mixed()
    const before = sha256(file)
    const error = await failure(Effect.flatMap(connect(file, "seed"), openSession))
    expect(error).toMatchObject({ _tag: "StoreUnavailable", reason: "foreign-schema" })
    expect(sha256(file)).toBe(before)
  })
})

it("does not read an empty layout because it was named", async () => {
  expect(await failure(connect(fixture("python-small.db"), "column"))).toMatchObject({ reason: "foreign-schema" })
  const file = copyOf("python-small.db")
  openedByPort(file)
  expect(await failure(connect(file, "column"))).toMatchObject({ reason: "foreign-schema" })
})

describe("an older file of the Python program", () => {
  const older = () => {
    const file = copyOf("python-small.db")
    sql(file, (db) =>
      db.exec(`DROP INDEX idx_relationships_temporal; DROP INDEX idx_relationships_current; DROP INDEX idx_relationships_recorded;
        CREATE TABLE r (id TEXT PRIMARY KEY, from_id TEXT NOT NULL, to_id TEXT NOT NULL, rel_type TEXT NOT NULL,
          properties TEXT NOT NULL, created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP);
        INSERT INTO r SELECT id, from_id, to_id, rel_type, properties, created_at FROM relationships;
        DROP TABLE relationships; ALTER TABLE r RENAME TO relationships`)
    )
    return file
  }

  it("is read by its JSON alone", async () => {
    const records = await read(older())
    expect(records).toHaveLength(90)
    const ended = records.find(({ key }) => key === "2913d7f7-a832-4a43-b2d8-8d7c2d52ce57")
    expect(ended?.properties).not.toHaveProperty("valid_until")
    expect(ended?.properties["valid_from"]).toBe("2026-02-01T09:02:01.502258+00:00")
  })

  it("is written without the columns that it lacks, looked up without the indexes", async () => {
    const file = older()
    const added = relationship("new", "decision-2026-001", "T", "decision-2026-002", { valid_from: 1n })
    await write(file, [added])
    const found = await run(Effect.flatMap(connect(file), (backend) => backend.lookup([added])))
    expect(found).toEqual([added])
  })
})

describe("what is not ours", () => {
  const schema = (...statements: ReadonlyArray<string>) => {
    const file = newPath()
    sql(file, (db) => statements.forEach((text) => db.exec(text)))
    return file
  }

  it.each([
    ["another program's tables", ["CREATE TABLE customers (id, name)"], "customers"],
    ["a column that we do not know", [DDL.seed.nodes.sql, "ALTER TABLE nodes ADD COLUMN embedding BLOB"], "embedding"],
    ["a column that we need", ["CREATE TABLE nodes (id TEXT PRIMARY KEY, name TEXT)"], "label, properties"],
    ["a relationships table of no known shape", ["CREATE TABLE relationships (id TEXT PRIMARY KEY, a, b)"], "from_id"],
    ["a view", ["CREATE VIEW nodes AS SELECT 1 AS id, 2 AS label, 3 AS properties"], "no plain table"],
    ["an id that is no key", ["CREATE TABLE nodes (id TEXT, label TEXT, properties TEXT)"], "primary key"]
  ])("is refused and named: %s", async (_what, statements, named) => {
    const error = await failure(connect(schema(...statements)))
    expect(error).toMatchObject({ _tag: "StoreUnavailable", reason: "foreign-schema" })
    expect(error).toMatchObject({ message: expect.stringContaining(named) })
  })

  it("is left alone where it stands beside our tables, and mentioned", async () => {
    const file = copyOf("python-small.db")
    sql(file, (db) => db.exec("CREATE TABLE tenants (id TEXT); INSERT INTO tenants VALUES ('acme')"))
    const { notes } = await run(Effect.flatMap(connect(file), (backend) => backend.health))
    expect(notes.join(" ")).toContain("tenants")
    expect(await read(file)).toHaveLength(90)
  })

  it("tables without a rowid are paged by their key", async () => {
    const file = newPath()
    sql(file, (db) => {
      db.exec(`${DDL.seed.nodes.sql} WITHOUT ROWID`)
      db.exec(`${DDL.seed.relationships} WITHOUT ROWID`)
    })
    const nodes = Array.from({ length: 2500 }, (_, i) => node(`n${i}`, ["Memory"], { id: `n${i}` }))
    await write(file, nodes)
    expect(lines(await read(file))).toEqual(lines(nodes))
  })
})
