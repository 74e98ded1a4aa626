import { describe, expect, it } from "vitest"
import { DDL } from "../../../src/backend/sqlite/ddl.ts"
import { newPath, sql, fixture, write } from "./support.ts"
import { node } from "../../../src/domain/Graph.ts"

interface Entry {
  readonly type: string
  readonly name: string
  readonly tbl_name: string
  readonly sql: string | null
}

const master = (file: string): ReadonlyArray<Entry> =>
  sql(file, (db) => db.prepare<[], Entry>("SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY name").all())

const FIXTURES = { seed: "python-small.db", column: "ts-small.db" } as const

describe.each(["seed", "column"] as const)("the %s layout", (layout) => {
  const own = master(fixture(FIXTURES[layout]))

  it("is the statements of the program that owns it", () => {
    const ddl = DDL[layout]
    const ours = {
      [ddl.nodes.name]: ddl.nodes.sql,
      relationships: ddl.relationships,
      ...ddl.fulltext,
      ...ddl.indexes
    }
    const statements = own.filter(({ name, sql: text }) => text !== null && !name.startsWith("nodes_fts_"))
    expect(ours).toEqual(Object.fromEntries(statements.map(({ name, sql: text }) => [name, text])))
  })

  it("makes a file whose schema is byte for byte the owner's", async () => {
    const file = newPath()
    await write(file, [], layout)
    expect(master(file)).toEqual(own)
  })
})

it("writes no row into the full-text table", async () => {
  const file = newPath()
  await write(file, [node("a", ["Memory"], { id: "a", title: "t", content: "c" })])
  const tables = ["nodes_fts_data", "nodes_fts_idx", "nodes_fts_docsize", "nodes_fts_config"]
  const dump = (path: string) =>
    sql(path, (db) => tables.map((table) => db.prepare(`SELECT * FROM ${table}`).raw().all()))
  expect(dump(file)).toEqual(dump(fixture("python-small.db")))
})
