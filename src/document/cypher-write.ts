/**
 * A graph as a Cypher script, for engines and tools that this product does not reach: statements that make its nodes,
 * then its relationships, one statement a line. While it runs, every node carries a number under a label of the
 * script's own, by which ends are found; the last statements take both away again.
 */
import * as crypto from "node:crypto"
import type Database from "better-sqlite3"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { encodeValue } from "../backend/Encoding.ts"
import { canonicalValue } from "../domain/Canonical.ts"
import type { FileFailed } from "../domain/Errors.ts"
import {
  describe,
  type GraphRecord,
  isGeneratedKey,
  type Node,
  property,
  type Properties,
  type Relationship
} from "../domain/Graph.ts"
import { type CypherFlavour, type Dialect, DIALECTS, type Temporary } from "./cypher-flavours.ts"
import { type Output, writeOutput } from "./file-write.ts"
import { Losses, type WrittenDocument } from "./losses.ts"
import { temporaryDatabase as openTemporary } from "../files/temporaryDatabase.ts"

/** What is to be written. */
export interface CypherContent<E> {
  readonly output: Output
  readonly flavour: CypherFlavour
  /** The kind of store that the graph comes from: `sqlite`. */
  readonly backend: string
  /** When it was exported, ISO 8601. */
  readonly exportedAt: string
  /** All nodes before all relationships; read once. */
  readonly records: Stream.Stream<GraphRecord, E>
}

const STATEMENT_CHARACTERS = 200_000
/** Characters that wait for more of their kind, at most. */
const WAITING_CHARACTERS = 16_000_000
/** Kinds of record that wait, at most. */
const MAX_GROUPS = 500
const REMOVED_AT_ONCE = 10_000

/** The number of each node, on disk beyond what a cache holds. */
class Numbers {
  private readonly db = openTemporary()
  private readonly insert: Database.Statement<[string]>
  private readonly select: Database.Statement<[string], number>
  private last = 0

  constructor() {
    this.db.exec("CREATE TABLE node (at INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE); BEGIN")
    this.insert = this.db.prepare("INSERT INTO node (key) VALUES (?)")
    this.select = this.db.prepare<[string], number>("SELECT at FROM node WHERE key = ?").pluck()
  }

  // As JSON: SQLite's text would merge lone surrogates.
  add(key: string): number {
    this.insert.run(JSON.stringify(key))
    return ++this.last
  }

  get(key: string): number | undefined {
    return this.select.get(JSON.stringify(key))
  }

  get size(): number {
    return this.last
  }

  close(): void {
    this.db.close()
  }
}

/** Rows that go under the same clause, until they are a statement. */
interface Group {
  rows: Array<string>
  characters: number
}

class ScriptWriter {
  readonly losses = new Losses()
  readonly numbers = new Numbers()
  private readonly dialect: Dialect
  private readonly temporary: Temporary
  private readonly groups = new Map<string, Group>()
  private waiting = 0
  private kind: GraphRecord["_tag"] = "Node"

  constructor(dialect: Dialect, temporary: Temporary) {
    this.dialect = dialect
    this.temporary = temporary
  }

  /** The statements that are complete with these records. */
  take(records: Iterable<GraphRecord>): string {
    let text = ""
    for (const record of records) {
      if (record._tag !== this.kind) {
        text += this.flush()
        this.kind = record._tag
      }
      text += record._tag === "Node" ? this.node(record) : this.relationship(record)
    }
    return text
  }

  /** All statements that are not complete yet. */
  flush(): string {
    let text = ""
    for (const [clause, group] of this.groups) text += statement(clause, group)
    this.groups.clear()
    this.waiting = 0
    return text
  }

  private add(clause: string, row: string): string {
    let group = this.groups.get(clause)
    if (group === undefined) this.groups.set(clause, (group = { rows: [], characters: 0 }))
    group.rows.push(row)
    group.characters += row.length
    this.waiting += row.length
    if (group.rows.length >= this.dialect.rows || group.characters >= STATEMENT_CHARACTERS) {
      this.groups.delete(clause)
      this.waiting -= group.characters
      return statement(clause, group)
    }
    return this.waiting > WAITING_CHARACTERS || this.groups.size > MAX_GROUPS ? this.flush() : ""
  }

  private node(record: Node): string {
    const { label, property: number } = this.temporary
    const { dialect, losses } = this
    if (isGeneratedKey(record)) losses.add("node whose key is not its id: the key is not written", record.key)
    const labels = record.labels.filter((name) => {
      const held = dialect.holdsName(name)
      if (!held) losses.add("label that cannot be written, left out", record.key)
      return held
    })
    const at = this.numbers.add(record.key)
    const names = [label, ...labels].map((name) => `:${dialect.name(name)}`).join("")
    const members = [...this.members(record.properties, record), `${dialect.name(number)}:${at}`]
    return this.add(`AS row CREATE (n${names}) SET n = row`, `{${members.join(",")}}`)
  }

  private relationship(record: Relationship): string {
    const { dialect, losses, temporary } = this
    const name = describe(record)
    const from = this.numbers.get(record.from)
    const to = this.numbers.get(record.to)
    if (from === undefined || to === undefined || !dialect.holdsName(record.type)) {
      losses.leave("relationship whose type cannot be written", name)
      return ""
    }
    const id = property(record.properties, "id")
    if (isGeneratedKey(record)) losses.add("relationship whose key is not its id: the key is not written", name)
    if (record.key === null && typeof id === "string") {
      losses.add("relationship with an id that is not its key, and may be taken for it", name)
    }
    const end = (variable: string, index: number) =>
      `MATCH (${variable}:${dialect.name(temporary.label)}) WHERE ${variable}.${dialect.name(temporary.property)} = row[${index}]`
    const clause = `AS row ${end("a", 0)} ${end("b", 1)} CREATE (a)-[r:${dialect.name(record.type)}]->(b) SET r = row[2]`
    return this.add(clause, `[${from},${to},{${this.members(record.properties, record).join(",")}}]`)
  }

  private members(properties: Properties, record: GraphRecord): Array<string> {
    const { dialect, losses } = this
    const members: Array<string> = []
    for (const name of Object.keys(properties)) {
      const value = property(properties, name)
      if (value === undefined) continue
      if (!dialect.holdsName(name)) {
        losses.add("property whose name cannot be written, left out", describe(record))
        continue
      }
      let held = value
      if (!dialect.holdsValue(value)) {
        losses.addName("properties whose values cannot be written and become text", name)
        held = encodeValue(value).text
        // The text of a temporal value may be anything; as JSON it is plain.
        if (!dialect.holdsValue(held)) held = canonicalValue(held)
      }
      members.push(`${dialect.name(name)}:${dialect.literal(held)}`)
    }
    return members
  }
}

const statement = (clause: string, { rows }: Group): string => `UNWIND [${rows.join(",")}] ${clause};\n`

const lines = (statements: ReadonlyArray<string>): string => statements.map((text) => `${text};\n`).join("")

const removal = (dialect: Dialect, { label, property: number }: Temporary, count: number): string => {
  const statements: Array<string> = []
  for (let from = 1; from <= count; from += REMOVED_AT_ONCE) {
    const at = `n.${dialect.name(number)}`
    statements.push(
      `MATCH (n:${dialect.name(label)}) WHERE ${at} >= ${from} AND ${at} < ${from + REMOVED_AT_ONCE} REMOVE ${at} REMOVE n:${dialect.name(label)}`
    )
  }
  return lines(statements)
}

/** Writes a script; returns what it does not hold: no warning where it makes the very same graph. */
export const writeCypher = <E>(content: CypherContent<E>): Effect.Effect<WrittenDocument, E | FileFailed> =>
  Effect.scoped(
    Effect.gen(function* () {
      const { backend, exportedAt, flavour, output, records } = content
      const dialect = DIALECTS[flavour]
      // So that a script finds nothing of another's that broke off.
      const unique = crypto.randomBytes(8).toString("hex")
      const temporary = { label: `_MgScript_${unique}`, property: `_mg_script_${unique}` }
      const writer = yield* Effect.acquireRelease(
        Effect.sync(() => new ScriptWriter(dialect, temporary)),
        (made) => Effect.sync(() => made.numbers.close())
      )
      const head = [
        `// A graph of MemoryGraph (${backend}, ${exportedAt.replace(/[^\w:.+-]/g, "")}) as Cypher for ${flavour}: one statement a line, in this order.`,
        `// For an empty store. Where it breaks off: MATCH (n:${temporary.label}) DETACH DELETE n, then run it again from the start.`,
        ""
      ].join("\n")
      const text = (chunk: Chunk.Chunk<GraphRecord>): Chunk.Chunk<string> => {
        const statements = writer.take(chunk)
        return statements === "" ? Chunk.empty() : Chunk.of(statements)
      }
      const tail = Effect.sync(
        () => writer.flush() + removal(dialect, temporary, writer.numbers.size) + lines(dialect.dropIndex(temporary))
      )
      yield* writeOutput(
        output,
        Stream.make(head + lines(dialect.createIndex(temporary))).pipe(
          Stream.concat(Stream.mapChunks(records, text)),
          Stream.concat(Stream.fromEffect(tail))
        )
      )
      return writer.losses.finish()
    })
  )
