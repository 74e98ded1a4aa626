/**
 * Writing batches into a graph: what is created must not be there, what is replaced or removed must be as the batch says.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as crypto from "node:crypto"
import { canonicalLine } from "../../domain/Canonical.ts"
import { type ReadError, WriteFailed, type WriteReason } from "../../domain/Errors.ts"
import { lineHash } from "../../domain/Fingerprint.ts"
import { describe, type GraphRecord } from "../../domain/Graph.ts"
import type { Overwrite, WriteBatch } from "../WriteSession.ts"
import { type Connection, type Reply, writeFailed } from "./Connection.ts"
import * as cypher from "./cypher.ts"
import { type Hold, whyNotHeld } from "./fence.ts"
import * as Finder from "./Finder.ts"
import { type Constraints, constraints, exists, type Graph, writeQuery } from "./graph.ts"
import * as KeyMap from "./KeyMap.ts"
import { load, type Loader, make as makeLoader, type Placed } from "./loading.ts"
import { removeAll } from "./removing.ts"
import { markWritten } from "./marks.ts"
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
  /** The rules that the graph's users have made. */
  readonly constraints: Constraints
  /** The quick way, for graphs that nobody else sees. */
  readonly loader?: Loader | undefined
  /** The latest thing that was done: a server that knows of it has forgotten nothing that was done before. */
  witness?: Witness | undefined
}

/** A record that stands there just so, or that is gone. */
export interface Witness {
  readonly record: GraphRecord
  readonly there: boolean
}

/** A failure that says what is wrong with one record or with the store. */
export const failure = (
  { backend, location }: Pick<Connection, "backend" | "location">,
  reason: WriteReason,
  message: string
): WriteFailed => new WriteFailed({ backend, location, phase: "import", reason, message })

const NO_RULES: Constraints = { any: false, required: () => [] }

/** Makes a writer for a graph: learns the keys that are there, under the rule, or the one that it finds. */
export const make = (graph: Graph, given?: KeyRule): Effect.Effect<Writer, ReadError, Scope.Scope> =>
  Effect.gen(function* () {
    const finder = yield* Finder.make(graph, { pinned: true, rule: given })
    const keys = yield* KeyMap.make
    const rule = yield* finder.rule
    const there = yield* exists(graph)
    const rules = there ? yield* constraints(graph) : NO_RULES
    if (there) {
      yield* Stream.runForEachChunk(relationshipKeys(graph, rule), (found) => Effect.sync(() => keys.put([...found])))
    }
    return { graph, finder, rule, keys, constraints: rules }
  })

/** As {@link make}, for a graph that is there and that nobody else sees; `bulk` where the quick way may be taken. */
export const makePrivate = (graph: Graph, bulk: boolean): Effect.Effect<Writer, ReadError, Scope.Scope> =>
  Effect.gen(function* () {
    const writer = yield* make(graph)
    return { ...writer, loader: yield* makeLoader(graph, bulk && !writer.constraints.any) }
  })

/** The failure of a batch that meets another store than its plan. */
export const changed = (writer: Writer, what: string): WriteFailed =>
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
    ? cypher.createRelationship(
        placed.record,
        placed.start,
        placed.end,
        writer.rule,
        shared,
        writer.constraints.required
      )
    : cypher.createNode(placed.record, writer.rule, writer.constraints.required)

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

/** What a query of a batch did: the items that each group lists, and whether each row took effect. */
export interface Done {
  readonly groups: ReadonlyArray<ReadonlyArray<Reply>>
  readonly complete: boolean
}

/** Runs one query of a batch; undefined where it found nothing at all to work on. Fails where the fence does not stand. */
export const runPart = (
  graph: Graph,
  part: cypher.Part,
  hold: Hold | undefined,
  phase: string,
  marks?: string
): Effect.Effect<Done | undefined, WriteFailed | ReadError> =>
  Effect.gen(function* () {
    const query = cypher.compile(part, hold, marks)
    const [row] = yield* Effect.mapError(writeQuery(graph, query.cypher), writeFailed(graph.connection, phase))
    if (row === undefined) {
      const why = hold === undefined ? undefined : yield* whyNotHeld(graph, hold, phase)
      return why === undefined ? undefined : yield* why
    }
    if (hold !== undefined) hold.steps.answered = integer(row.at(-1))
    const groups = query.groups.map((_, i) => listItems(row[i]))
    return { groups, complete: groups.every((items, i) => items.length === query.groups[i]) }
  })

/** Notes the engine's ids of nodes that were created: pairs of id and key. */
export const remember = (writer: Writer, items: ReadonlyArray<Reply>): void => {
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

/** The hashes of records, as the journal has them. */
export const hashesOf = (records: ReadonlyArray<GraphRecord>): ReadonlyArray<Buffer> =>
  records.map((record) => lineHash(canonicalLine(record)))

/** What of a batch took effect so far, or may have. */
export interface Progress {
  created: ReadonlyArray<GraphRecord>
  readonly replaced: Array<Overwrite>
  readonly removed: Array<GraphRecord>
}

const replaceAll = (writer: Writer, overwrites: ReadonlyArray<Overwrite>, hold: Hold | undefined, progress: Progress) =>
  Effect.gen(function* () {
    const places = yield* placesOf(
      writer,
      overwrites.map(({ before }) => before)
    )
    const replaced = overwrites.map((overwrite) => replacing(writer, overwrite, places))
    const gone = overwrites[replaced.indexOf(undefined)]
    if (gone !== undefined) return yield* changed(writer, `${describe(gone.before)} is not there as it was`)
    const rows = replaced.filter((row) => row !== undefined)
    let done = 0
    for (const part of cypher.split(rows)) {
      const result = yield* runPart(writer.graph, part, hold, "import")
      const hit = new Set(result?.groups.flatMap((items) => items.map(integer)))
      for (const overwrite of overwrites.slice(done, done + part.length)) {
        const id = engineIdOf(writer, overwrite.before, places)
        if (id !== undefined && hit.has(id)) progress.replaced.push(overwrite)
      }
      if (result?.complete !== true) return yield* changed(writer, "a record that was to be replaced has been changed")
      done += part.length
    }
  })

/** The engine's id of a record that was placed. */
export const engineIdOf = (
  writer: Writer,
  record: GraphRecord,
  places: ReadonlyMap<string, cypher.Place>
): number | undefined =>
  record._tag === "Node" ? writer.finder.ids.get(record.key) : places.get(record.key ?? "")?.engineId

const createAll = (writer: Writer, records: ReadonlyArray<GraphRecord>, hold: Hold | undefined, progress: Progress) =>
  Effect.gen(function* () {
    const { finder, graph, keys, loader, rule } = writer
    const placed = yield* Effect.forEach(records, (record) => placing(writer, record))
    const inBulk = loader?.allowed === true
    const rest = inBulk ? yield* load(loader, graph, finder.ids, rule, placed) : placed
    const later = new Set(rest)
    const order = [...placed.filter((one) => !later.has(one)), ...rest].map(({ record }) => record)
    const loaded = records.length - rest.length
    progress.created = order.slice(0, loaded)
    // Relationships without a key cannot be told from equal ones of others: the fence says how far the batch came.
    const marked = hold !== undefined && records.some(({ key }) => key === null)
    const name = marked ? batchName(hashesOf(records)) : undefined
    let written = 0
    for (const part of cypher.split(rest.map((one) => creating(writer, one, hold !== undefined)))) {
      const marks = name === undefined ? undefined : markWritten(name, written + part.length)
      const done = yield* runPart(graph, part, hold, "import", marks)
      // Also where one of its clauses found nothing: those before it may have taken effect.
      progress.created = order.slice(0, loaded + written + part.length)
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

/** Writes a batch completely or fails; on a failure `progress` says what of it may have taken effect. */
export const writeBatch = (
  writer: Writer,
  batch: WriteBatch,
  hold: Hold | undefined,
  progress: Progress
): Effect.Effect<void, WriteFailed | ReadError> =>
  Effect.gen(function* () {
    const { create, overwrite, remove = [] } = batch
    const twice = repeated(create)
    const misfit = impossible([...create, ...overwrite.map(({ after }) => after), ...remove])
    if (misfit !== undefined || twice !== undefined) {
      return yield* failure(
        writer.graph.connection,
        "refused-record",
        `${misfit ?? `${twice === undefined ? "A record" : describe(twice)} comes twice in one batch`}. Nothing of its batch was written.`
      )
    }
    if (remove.length > 0) yield* removeAll(writer, remove, hold, progress)
    if (overwrite.length > 0) yield* replaceAll(writer, overwrite, hold, progress)
    if (create.length > 0) yield* createAll(writer, create, hold, progress)
    const last = create.findLast(({ key }) => key !== null) ?? overwrite.at(-1)?.after
    if (last !== undefined) writer.witness = { record: last, there: true }
  })
