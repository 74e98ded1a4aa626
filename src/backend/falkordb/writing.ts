/** Writing batches into a graph: what is created must not be there, what is replaced must be as its before-image says. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as crypto from "node:crypto"
import { canonicalLine } from "../../domain/Canonical.ts"
import { type ReadError, WriteFailed, type WriteReason } from "../../domain/Errors.ts"
import { lineHash } from "../../domain/Fingerprint.ts"
import { describe, type GraphRecord } from "../../domain/Graph.ts"
import type { Fence } from "../JournaledSession.ts"
import type { Overwrite, WriteBatch } from "../WriteSession.ts"
import { type Connection, type Reply, writeFailed } from "./Connection.ts"
import * as cypher from "./cypher.ts"
import { markWritten, stands } from "./fence.ts"
import * as Finder from "./Finder.ts"
import { exists, type Graph, writeQuery } from "./graph.ts"
import * as KeyMap from "./KeyMap.ts"
import { load, type Loader, make as makeLoader, type Placed } from "./loading.ts"
import { relationshipKeys } from "./reading.ts"
import { integer, listItems, textOnly } from "./replies.ts"
import { fit, type KeyRule } from "./stored.ts"

/** What a session writes with. */
export interface Writer {
  readonly graph: Graph
  readonly finder: Finder.Finder
  /** The rule of the session's first moment: what is written follows it to the end. */
  readonly rule: KeyRule
  /** Keys of relationships that are there. */
  readonly keys: KeyMap.KeyMap
  /** What the journal was told of and this session did not do, by the batch's name: an undo must let it be. */
  readonly untouched: Map<string, Untouched>
  /** The quick way, for graphs that nobody else sees. */
  readonly loader?: Loader | undefined
}

/** Of a batch that was refused: all that it would have created, and those replacements that found another state. */
export interface Untouched {
  readonly replaced: ReadonlySet<string>
}

/** Names a record among those of its kind. */
export const nameOf = (record: GraphRecord): string => `${record._tag} ${record.key ?? ""}`

/** A failure that says what is wrong with one record or with the store. */
export const failure = (
  { backend, location }: Pick<Connection, "backend" | "location">,
  reason: WriteReason,
  message: string
): WriteFailed => new WriteFailed({ backend, location, phase: "import", reason, message })

/** Makes a writer for a graph: learns the keys that are there, under the rule, or the one that it finds. */
export const make = (
  graph: Graph,
  given?: KeyRule,
  untouched?: Map<string, Untouched>
): Effect.Effect<Writer, ReadError, Scope.Scope> =>
  Effect.gen(function* () {
    const finder = yield* Finder.make(graph, { pinned: true, rule: given })
    const keys = yield* KeyMap.make
    const rule = yield* finder.rule
    if (yield* exists(graph)) {
      yield* Stream.runForEachChunk(relationshipKeys(graph, rule), (found) => Effect.sync(() => keys.put([...found])))
    }
    return { graph, finder, rule, keys, untouched: untouched ?? new Map() }
  })

/** As {@link make}, for a graph that is there and that nobody else sees. */
export const makePrivate = (graph: Graph): Effect.Effect<Writer, ReadError, Scope.Scope> =>
  Effect.gen(function* () {
    return { ...(yield* make(graph)), loader: yield* makeLoader(graph) }
  })

const changed = (writer: Writer, what: string): WriteFailed =>
  failure(
    writer.graph.connection,
    "store-changed",
    `${writer.graph.connection.location} is not as it was when this was planned: ${what}. Run again to plan anew.`
  )

// What is created, with the ids of its ends. Fails before anything is sent.
const placing = (writer: Writer, record: GraphRecord): Effect.Effect<Placed, WriteFailed> => {
  const { finder, keys } = writer
  if (record._tag === "Node") {
    return finder.ids.get(record.key) === undefined
      ? Effect.succeed({ record })
      : Effect.fail(changed(writer, `the node ${record.key} is there already`))
  }
  const start = finder.ids.get(record.from)
  const end = finder.ids.get(record.to)
  if (start === undefined || end === undefined) {
    const lost = start === undefined ? record.from : record.to
    return Effect.fail(changed(writer, `${describe(record)} has the end ${lost}, which is not there`))
  }
  if (record.key !== null && keys.get(record.key) !== undefined) {
    return Effect.fail(changed(writer, `the relationship ${record.key} is there already`))
  }
  return Effect.succeed({ record, start, end })
}

const creating = (writer: Writer, placed: Placed, shared: boolean): cypher.Row =>
  "start" in placed
    ? cypher.createRelationship(placed.record, placed.start, placed.end, writer.rule, shared)
    : cypher.createNode(placed.record, writer.rule)

/** The place of the stored relationship with that key between those ends; undefined where there is none. */
export const placesOf = (
  writer: Writer,
  records: ReadonlyArray<GraphRecord>
): Effect.Effect<ReadonlyMap<string, cypher.Place>, ReadError> =>
  Effect.map(
    writer.finder.relationships(records.flatMap((record) => (record._tag === "Relationship" ? [record] : []))),
    (found) =>
      new Map(found.flatMap(({ record, ...place }) => (record.key === null ? [] : [[record.key, place] as const])))
  )

/** Rows that replace `before` by `after`; undefined for what is not there at all. */
export const replacing = (
  writer: Writer,
  { after, before }: Overwrite,
  places: ReadonlyMap<string, cypher.Place>
): cypher.Row | undefined => {
  if (before._tag === "Node" && after._tag === "Node") {
    const id = writer.finder.ids.get(before.key)
    return id === undefined || before.key !== after.key ? undefined : cypher.replaceNode(id, before, after, writer.rule)
  }
  if (before._tag !== "Relationship" || after._tag !== "Relationship" || before.key === null) return undefined
  const place = places.get(before.key)
  const same =
    before.key === after.key && before.from === after.from && before.to === after.to && before.type === after.type
  return place === undefined || !same ? undefined : cypher.replaceRelationship(place, before, after, writer.rule)
}

/** A batch's name, from the hashes of what it creates: the journal holds the same ones. */
export const batchName = (hashes: Iterable<Buffer>): string => {
  const digest = crypto.createHash("sha256")
  for (const hash of hashes) digest.update(hash)
  return digest.digest("hex").slice(0, 24)
}

/** Runs one query of a batch; the items that each group lists. Undefined where the fence does not stand. */
export const runPart = (
  graph: Graph,
  part: cypher.Part,
  fence: Fence | undefined,
  phase: string,
  marks?: string
): Effect.Effect<
  { readonly groups: ReadonlyArray<ReadonlyArray<Reply>>; readonly complete: boolean } | undefined,
  WriteFailed
> => {
  const query = cypher.compile(part, fence, marks)
  return Effect.map(Effect.mapError(writeQuery(graph, query.cypher), writeFailed(graph.connection, phase)), (rows) => {
    const row = rows[0]
    if (row === undefined) return undefined
    const groups = row.map(listItems)
    return { groups, complete: groups.every((items, i) => items.length === query.groups[i]) }
  })
}

/** The failure of a write that found no fence. */
export const fenceLost = (graph: Graph): WriteFailed =>
  failure(
    graph.connection,
    "locked",
    `The mark of this run is gone from ${graph.connection.location}: another run has taken over or undone it. Nothing more was written.`
  )

const remember = (writer: Writer, items: ReadonlyArray<Reply>): void => {
  const pairs = items.flatMap((item) => {
    const [id, key] = listItems(item)
    const text = textOnly(key)
    return text === undefined ? [] : [[text, integer(id)] as const]
  })
  writer.finder.ids.put(pairs)
  const { loader } = writer
  if (loader?.next !== undefined) loader.next = Math.max(loader.next, ...pairs.map(([, id]) => id + 1))
}

// The plan has refused these already; a caller that made none must not lose anything either.
const impossible = (records: ReadonlyArray<GraphRecord>): string | undefined => {
  for (const record of records) {
    const misfit = fit(record).find(({ level }) => level === "impossible")
    if (misfit !== undefined) return `${describe(record)} cannot be stored in FalkorDB: ${misfit.kind}`
  }
  return undefined
}

const repeated = (records: ReadonlyArray<GraphRecord>): GraphRecord | undefined => {
  const seen = new Set<string>()
  return records.find((record) => record.key !== null && seen.size === seen.add(`${record._tag} ${record.key}`).size)
}

const hashes = (records: ReadonlyArray<GraphRecord>) => records.map((record) => lineHash(canonicalLine(record)))

/** The name of a batch's replacements. */
export const replacementsName = (overwrites: ReadonlyArray<Overwrite>): string =>
  batchName(hashes(overwrites.flatMap(({ after, before }) => [before, after])))

const replaceAll = (writer: Writer, overwrites: ReadonlyArray<Overwrite>, fence: Fence | undefined) =>
  Effect.gen(function* () {
    const places = yield* placesOf(
      writer,
      overwrites.map(({ before }) => before)
    )
    const replaced = overwrites.map((overwrite) => replacing(writer, overwrite, places))
    const pending = new Set(overwrites.map(({ before }) => nameOf(before)))
    const refuse = (what: string) => {
      writer.untouched.set(replacementsName(overwrites), { replaced: pending })
      return changed(writer, what)
    }
    const gone = overwrites[replaced.indexOf(undefined)]
    if (gone !== undefined) return yield* refuse(`${describe(gone.before)} is not there as it was`)
    const rows = replaced.filter((row) => row !== undefined)
    let done = 0
    for (const part of cypher.split(rows)) {
      const result = yield* runPart(writer.graph, part, fence, "import")
      if (result === undefined) return yield* fenceLost(writer.graph)
      const hit = new Set(result.groups.flatMap((items) => items.map(integer)))
      for (const { before } of overwrites.slice(done, done + part.length)) {
        const id = before._tag === "Node" ? writer.finder.ids.get(before.key) : places.get(before.key ?? "")?.engineId
        if (id !== undefined && hit.has(id)) pending.delete(nameOf(before))
      }
      if (!result.complete) return yield* refuse("a record that was to be replaced has been changed")
      done += part.length
    }
  })

const createAll = (writer: Writer, records: ReadonlyArray<GraphRecord>, fence: Fence | undefined) =>
  Effect.gen(function* () {
    const { finder, graph, keys, loader, rule } = writer
    const placed = yield* Effect.forEach(records, (record) => placing(writer, record)).pipe(
      // Found out before anything was sent: what stands there is not ours to take away.
      Effect.tapError(() =>
        Effect.sync(() => writer.untouched.set(batchName(hashes(records)), { replaced: new Set() }))
      )
    )
    const inBulk = loader?.allowed === true
    const rest = inBulk ? yield* load(loader, graph, finder.ids, rule, placed) : placed
    // Relationships without a key cannot be told from equal ones of others: the fence says how far the batch came.
    const marked = fence !== undefined && records.some(({ key }) => key === null)
    const name = marked ? batchName(hashes(records)) : undefined
    let written = 0
    for (const part of cypher.split(rest.map((one) => creating(writer, one, fence !== undefined)))) {
      const marks = name === undefined ? undefined : markWritten(name, written + part.length)
      const done = yield* runPart(graph, part, fence, "import", marks)
      // Nothing at all was matched: the fence is gone, or all the ends are.
      if (done === undefined && fence !== undefined && !(yield* stands(graph, fence))) return yield* fenceLost(graph)
      if (done?.complete !== true) return yield* changed(writer, "an end of a relationship is gone")
      if (rest[written]?.record._tag === "Node") for (const items of done.groups) remember(writer, items)
      written += part.length
    }
    keys.put(
      records.flatMap((record) =>
        record._tag === "Relationship" && record.key !== null ? [[record.key, 0] as const] : []
      )
    )
  })

/** Writes a batch completely or fails; on a failure some of its queries may have taken effect. */
export const writeBatch = (
  writer: Writer,
  batch: WriteBatch,
  fence: Fence | undefined
): Effect.Effect<void, WriteFailed | ReadError> =>
  Effect.gen(function* () {
    const { create, overwrite } = batch
    const twice = repeated(create)
    const misfit = impossible([...create, ...overwrite.map(({ after }) => after)])
    if (misfit !== undefined || twice !== undefined) {
      writer.untouched.set(batchName(hashes(create)), { replaced: new Set() })
      writer.untouched.set(replacementsName(overwrite), {
        replaced: new Set(overwrite.map(({ before }) => nameOf(before)))
      })
      return yield* failure(
        writer.graph.connection,
        "refused-record",
        `${misfit ?? `${twice === undefined ? "A record" : describe(twice)} comes twice in one batch`}. Nothing of its batch was written.`
      )
    }
    if (overwrite.length > 0) yield* replaceAll(writer, overwrite, fence)
    if (create.length > 0) yield* createAll(writer, create, fence)
  })
