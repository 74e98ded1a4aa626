/** `memory.jsonl` of the MCP reference memory server, in and out. */
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Stream from "effect/Stream"
import * as fs from "node:fs"
import { describe, expect, it } from "vitest"
import { canonicalLine } from "../../src/domain/Canonical.ts"
import { type GraphRecord, node, relationship } from "../../src/domain/Graph.ts"
import { openDocument } from "../../src/document/read.ts"
import { writeMcpMemory } from "../../src/document/mcp-memory.ts"
import { fileOf, freshPath, pythonSmall, refusal, SEED, wildGraph } from "./support.ts"

const read = (path: string) =>
  Effect.runPromise(
    Effect.gen(function* () {
      const document = yield* openDocument(path, "auto")
      const records = Chunk.toReadonlyArray(yield* Stream.runCollect(document.records))
      return { format: document.format, records, losses: yield* document.losses }
    })
  )
const refused = (text: string) =>
  refusal(Stream.unwrap(Effect.map(openDocument(fileOf(text), "auto"), ({ records }) => records)))

const write = async (records: ReadonlyArray<GraphRecord>) => {
  const path = freshPath("memory.jsonl")
  const { warnings: losses } = await Effect.runPromise(
    writeMcpMemory({ output: { path }, records: Stream.fromIterable(records).pipe(Stream.rechunk(3)) })
  )
  return { losses, path, text: fs.readFileSync(path, "utf8") }
}

const ENTITIES = `{"type":"entity","name":"John","entityType":"person","observations":["Speaks Spanish","1.0"]}
{"type":"entity","name":"Acme","entityType":"organization","observations":[]}
`
const RELATION = '{"type":"relation","from":"John","to":"Acme","relationType":"works_at"}\n'

describe("reading memory.jsonl", () => {
  it("makes nodes of entities and relationships of relations", async () => {
    const { format, losses, records } = await read(fileOf(ENTITIES + RELATION))
    expect(format).toBe("mcp-memory")
    expect(records.map(canonicalLine)).toEqual([
      '{"node":"John","labels":["person"],"properties":{"id":"John","name":"John","observations":["Speaks Spanish","1.0"]}}',
      '{"node":"Acme","labels":["organization"],"properties":{"id":"Acme","name":"Acme","observations":[]}}',
      '{"relationship":null,"type":"works_at","from":"John","to":"Acme","properties":{}}'
    ])
    expect(losses).toEqual([])
  })

  it("takes relations before entities, blank lines, CRLF, a byte order mark, and fields of the server's relatives", async () => {
    const more = '{"entityType":"x","createdAt":"2025-01-01","observations":["a"],"name":"New","type":"entity"}'
    const text = `\ufeff${RELATION}\n${ENTITIES}${more}\n  \n`
    const { losses, records } = await read(fileOf(text.replaceAll("\n", "\r\n")))
    expect(records.map((record) => record._tag)).toEqual(["Node", "Node", "Node", "Relationship"])
    expect(records[2]?.properties).toEqual({ id: "New", name: "New", observations: ["a"], createdAt: "2025-01-01" })
    expect(losses).toEqual(["fields that the format does not know, kept as properties: createdAt 1 record(s)"])
    expect((await read(fileOf(`${more}\n`))).format).toBe("mcp-memory")
  })

  it("leaves out what cannot be held, and says so", async () => {
    const [first = ""] = ENTITIES.split("\n")
    const { losses, records } = await read(fileOf(`${ENTITIES}${first}\n${RELATION.replace("Acme", "Gone")}`))
    expect(records).toHaveLength(2)
    expect(losses).toEqual([
      "entity that stands there again word by word, taken once: 1 record(s), first John",
      "relation of an entity that the file does not hold, left out: 1 record(s), first (John)-[works_at]->(Gone)"
    ])
  })

  it.each([
    ["a line that is no JSON", `${ENTITIES}{"type":`, "syntax", 3],
    ["a line that is no object", `${ENTITIES}[]`, "schema", 3],
    ["another type of line", `${ENTITIES}{"type":"thing"}`, "schema", 3],
    ["an entity without a name", `${ENTITIES}{"type":"entity","entityType":"x","observations":[]}`, "schema", 3],
    ["observations that are no list", ENTITIES.replace("[]", '"x"'), "schema", 2],
    ["an observation that is no text", ENTITIES.replace("[]", "[1]"), "schema", 2],
    ["two entities of a name", ENTITIES.replace("Acme", "John"), "duplicate-record", 2],
    ["a key that stands twice", ENTITIES.replace('"name":"Acme"', '"name":"Acme","name":"B"'), "duplicate-key", 2],
    ["a field that is its key", ENTITIES.replace('"name":"Acme"', '"id":"x","name":"Acme"'), "schema", 2],
    ["a relation without an end", `${ENTITIES}{"type":"relation","from":"John","relationType":"x"}`, "schema", 3],
    ["NaN where a text is due", ENTITIES.replace('"organization"', "NaN"), "schema", 2]
  ])("refuses %s", async (_what, text, reason, line) => {
    const error = await refused(text)
    expect(error).toMatchObject({ reason, line })
    expect(error.message).toContain("Nothing was written.")
  })
})

describe("writing memory.jsonl", () => {
  it("gives back what was read from one, line by line", async () => {
    const { records } = await read(fileOf(ENTITIES + RELATION))
    const { losses, text } = await write(records)
    expect(text).toBe(ENTITIES + RELATION)
    expect(losses).toEqual([
      "memory.jsonl holds names, types, texts and links only: it is no backup of this graph, and nobody can verify it"
    ])
  })

  it("counts every value that it cannot hold, and each relationship it cannot tell from another", async () => {
    const { losses, text } = await write([
      node("a", ["Memory", "Note"], { id: "a", title: "A \ud800", importance: 1, observations: "no list" }),
      node("b", [], { id: "another" }),
      relationship("r", "a", "SOLVES", "b", { id: "r", strength: 0.5 }),
      relationship("s", "a", "SOLVES", "b", { id: "s" }),
      relationship("t", "b", "SOLVES", "a", {})
    ])
    expect(
      text
        .trimEnd()
        .split("\n")
        .map((line): unknown => JSON.parse(line))
    ).toEqual([
      {
        type: "entity",
        name: "a",
        entityType: "Memory",
        observations: ["importance: 1.0", "observations: no list", "title: A \ud800"]
      },
      { type: "entity", name: "b", entityType: "", observations: ["id: another"] },
      { type: "relation", from: "a", to: "b", relationType: "SOLVES" },
      { type: "relation", from: "b", to: "a", relationType: "SOLVES" }
    ])
    expect(losses.slice(1)).toEqual([
      "properties that become texts of observations: importance 1, observations 1, title 1, id 1 record(s)",
      "properties of relationships, left out: id 1, strength 1 record(s)",
      "node with more labels than one, which are left out: 1 record(s), first a",
      "relationship beside another of its type between the same nodes, left out: 1 record(s), first s"
    ])
  })

  it("a real store: every memory and every distinct link is there", async () => {
    const graph = pythonSmall()
    const { path } = await write(graph)
    const { losses, records } = await read(path)
    const links = graph.flatMap((record) =>
      record._tag === "Relationship" ? [`${record.from} ${record.type} ${record.to}`] : []
    )
    expect(records.filter(({ _tag }) => _tag === "Node")).toHaveLength(30)
    expect(records.filter(({ _tag }) => _tag === "Relationship")).toHaveLength(new Set(links).size)
    expect(losses).toEqual([])
  })

  it("of any graph is read again, with as many nodes and the same links", async () => {
    await FastCheck.assert(
      FastCheck.asyncProperty(wildGraph, async (records) => {
        const { path } = await write(records)
        const back = Chunk.toReadonlyArray(
          await Effect.runPromise(
            Effect.flatMap(openDocument(path, "mcp-memory"), (document) => Stream.runCollect(document.records))
          )
        )
        const keys = (all: ReadonlyArray<GraphRecord>) => all.flatMap((r) => (r._tag === "Node" ? [r.key] : []))
        const links = (all: ReadonlyArray<GraphRecord>) =>
          new Set(all.flatMap((r) => (r._tag === "Node" ? [] : [JSON.stringify([r.from, r.type, r.to])])))
        expect(keys(back)).toEqual(keys(records))
        expect(links(back)).toEqual(links(records))
      }),
      { seed: SEED, numRuns: 100 }
    )
  })
})
