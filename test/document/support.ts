/** What the tests of documents share: graphs, temporary folders, running effects. */
import Database from "better-sqlite3"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as FastCheck from "effect/FastCheck"
import * as Stream from "effect/Stream"
import * as fs from "node:fs"
import * as os from "node:os"
import * as zlib from "node:zlib"
import * as nodePath from "node:path"
import { afterAll } from "vitest"
import { canonicalLine, parseLine } from "../../src/domain/Canonical.ts"
import type { DocumentInvalid } from "../../src/domain/Errors.ts"
import * as Fingerprint from "../../src/domain/Fingerprint.ts"
import { type GraphRecord, node, type Properties, relationship, setProperty } from "../../src/domain/Graph.ts"
import {
  CONTEXT_PREFIX,
  Memory,
  MemoryContext,
  MemoryRelationship,
  RelationshipProperties
} from "../../src/domain/Memory.ts"
import type { PropertyValue } from "../../src/domain/PropertyValue.ts"
import { Ajv2020 } from "ajv/dist/2020.js"
import { type JsonSummary, writeJson } from "../../src/document/json.ts"
import { graph, recordsOf } from "../../src/testing/arbitraries/graphs.ts"
import { text } from "../../src/testing/arbitraries/text.ts"
import { timestamp } from "../../src/testing/arbitraries/memories.ts"
import { map, value } from "../../src/testing/arbitraries/values.ts"

/** The seed of every property test here; a failure prints it with the path to its counterexample. */
export const SEED = 20261122

const folder = fs.mkdtempSync(nodePath.join(os.tmpdir(), "mg-document-"))
afterAll(() => fs.rmSync(folder, { recursive: true, force: true }))

let files = 0

/** A path that nobody used yet, in a folder that goes at the end. */
export const freshPath = (name = "document.json"): string => {
  const made = nodePath.join(folder, String(files++))
  fs.mkdirSync(made)
  return nodePath.join(made, name)
}

/** Writes a file and returns its path. */
export const fileOf = (content: string | Uint8Array, name?: string): string => {
  const path = freshPath(name)
  fs.writeFileSync(path, content)
  return path
}

/** A fixture's path. */
export const fixture = (name: string): string => new URL(`../fixtures/${name}`, import.meta.url).pathname

export const fingerprintOf = (records: Iterable<GraphRecord>): Fingerprint.Fingerprint => {
  const builder = new Fingerprint.Builder()
  for (const record of records) builder.addLine(record._tag, canonicalLine(record))
  return builder.finish()
}

/** All that a stream gives. */
export const collect = <A, E>(stream: Stream.Stream<A, E>): Promise<ReadonlyArray<A>> =>
  Effect.runPromise(Effect.map(Stream.runCollect(stream), Chunk.toReadonlyArray))

/** The document error that a stream fails with. */
export const refusal = async <A, E>(stream: Stream.Stream<A, E>): Promise<DocumentInvalid> => {
  const outcome = await Effect.runPromise(Effect.either(Stream.runDrain(stream)))
  if (Either.isRight(outcome)) throw new Error("it was accepted")
  const error: unknown = outcome.left
  if (typeof error === "object" && error !== null && "_tag" in error && error._tag === "DocumentInvalid") {
    return error as DocumentInvalid
  }
  throw new Error(`not a DocumentInvalid: ${String(error)}`)
}

const ajv = new Ajv2020({ strict: true })
const isDocument = ajv.compile(
  JSON.parse(fs.readFileSync(new URL("../../schemas/document-2.1.schema.json", import.meta.url), "utf8"))
)

/** Writes records as a JSON document, which a validator that is not ours then holds to the published schema. */
export const exportTo = async (path: string, records: ReadonlyArray<GraphRecord>): Promise<JsonSummary> => {
  const summary = await Effect.runPromise(
    writeJson({
      output: { path },
      backend: "sqlite",
      exportedAt: "2026-11-22T12:00:00.000Z",
      records: Stream.fromIterable(records).pipe(Stream.rechunk(3))
    })
  )
  const bytes = fs.readFileSync(path)
  const text = bytes[0] === 0x1f ? zlib.gunzipSync(bytes) : bytes
  if (!isDocument(JSON.parse(text.toString("utf8")))) throw new Error(ajv.errorsText(isDocument.errors))
  return summary
}

/** The records of the fixture python-small.db, read without any of our backends. */
export const pythonSmall = (): ReadonlyArray<GraphRecord> => {
  const db = new Database(fixture("python-small.db"), { readonly: true })
  const rows = <A>(sql: string) => db.prepare<[], A>(sql).all()
  const properties = (json: string): Properties =>
    Either.getOrThrow(parseLine(`{"node":"","labels":[],"properties":${json}}`)).properties
  const nodes = rows<{ id: string; label: string; properties: string }>("SELECT id, label, properties FROM nodes").map(
    (row) => node(row.id, [row.label], properties(row.properties))
  )
  const links = rows<{ id: string; from_id: string; to_id: string; rel_type: string; properties: string }>(
    "SELECT id, from_id, to_id, rel_type, properties FROM relationships"
  ).map((row) => relationship(row.id, row.from_id, row.rel_type, row.to_id, properties(row.properties)))
  db.close()
  return [...nodes, ...links]
}

const names = (fields: object, prefix = ""): ReadonlyArray<string> => Object.keys(fields).map((name) => prefix + name)

/** Every property that a view shows, and some that only look like it. */
const TYPED_NAMES = [
  ...names(MemoryContext.fields, CONTEXT_PREFIX),
  ...names(Memory.fields),
  ...names(RelationshipProperties.fields),
  ...names(MemoryRelationship.fields),
  "labels",
  "extra_properties",
  "context_",
  "context_function_name",
  "from",
  "__proto__"
].filter((name) => !["id", "type", "title", "content"].includes(name))

/** Text that is JSON, laid out as some program does, or nearly JSON. */
const jsonText = FastCheck.oneof(
  { weight: 2, arbitrary: FastCheck.json() },
  { weight: 1, arbitrary: FastCheck.array(text, { maxLength: 3 }).map((items) => JSON.stringify(items)) },
  { weight: 1, arbitrary: FastCheck.dictionary(text, FastCheck.jsonValue()).map((object) => JSON.stringify(object)) },
  {
    weight: 4,
    arbitrary: FastCheck.constantFrom(
      "[]",
      "{}",
      "{ }",
      "[ ]",
      '{"a": 1, "a": 2}',
      '{"a": NaN}',
      '{"2": 1, "1": 2}',
      '{"__proto__": 1}',
      '{"n": 9007199254740993, "f": 1.0, "g": 1e5, "h": -0.0, "z": -0}',
      '{"\\u65e5": "\\u672c", "\\ud800": "\\u007f"}',
      '{"日": "本"}',
      '{"a":[1,2]}',
      `{"n": ${"9".repeat(4301)}}`,
      `{"n": ${"9".repeat(4300)}}`,
      `${'{"a":'.repeat(600)}1${"}".repeat(600)}`,
      '{"a": 1} '
    )
  }
)

const typedValue: FastCheck.Arbitrary<PropertyValue> = FastCheck.oneof(
  { weight: 4, arbitrary: value },
  { weight: 3, arbitrary: jsonText },
  { weight: 1, arbitrary: FastCheck.array(text, { maxLength: 3 }) },
  { weight: 1, arbitrary: map },
  { weight: 1, arbitrary: timestamp },
  { weight: 1, arbitrary: FastCheck.double({ min: 0, max: 1, noNaN: true }) },
  { weight: 1, arbitrary: FastCheck.boolean() }
)

const typedProperties: FastCheck.Arbitrary<Properties> = FastCheck.uniqueArray(
  FastCheck.oneof(
    { weight: 9, arbitrary: FastCheck.tuple(FastCheck.constantFrom(...TYPED_NAMES), typedValue) },
    { weight: 2, arbitrary: FastCheck.tuple(FastCheck.constant("context_additional_metadata"), jsonText) },
    { weight: 1, arbitrary: FastCheck.tuple(FastCheck.constantFrom("type", "title", "content"), typedValue) }
  ),
  { maxLength: 8, selector: ([name]) => name }
).map((pairs) => {
  const properties: { [name: string]: PropertyValue } = {}
  for (const [name, item] of pairs) setProperty(properties, name, item)
  return properties
})

const withTyped = (record: GraphRecord, typed: Properties): GraphRecord => {
  const properties: { [name: string]: PropertyValue } = {}
  for (const source of [record.properties, typed]) {
    for (const name of Object.keys(source)) {
      const item = source[name]
      if (item !== undefined) setProperty(properties, name, item)
    }
  }
  return { ...record, properties }
}

const baseGraph = FastCheck.oneof(
  { weight: 1, arbitrary: graph({ maxNodes: 6, maxRelationships: 8 }) },
  { weight: 2, arbitrary: graph({ maxNodes: 4, maxRelationships: 6, without: ["properties"] }) },
  { weight: 1, arbitrary: graph({ maxNodes: 4, maxRelationships: 6, without: ["labels", "properties", "types"] }) }
).map(recordsOf)

/** Graphs with everything in them, above all typed fields that hold values of the wrong kind. */
export const wildGraph: FastCheck.Arbitrary<ReadonlyArray<GraphRecord>> = baseGraph.chain((records) =>
  FastCheck.array(FastCheck.oneof(FastCheck.constant({}), typedProperties), {
    minLength: records.length,
    maxLength: records.length
  }).map((typed) => records.map((record, i) => withTyped(record, typed[i] ?? {})))
)
