/**
 * A small backend of one's own: a graph in two lists, published by swapping them. What a real one adds is the reading
 * and writing of its store; the shape is the same. `test/testing/example.test.ts` runs the conformance suite on it.
 */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import {
  Canonical,
  Fingerprint,
  type GraphBackend,
  type GraphRecord,
  type Left,
  type Misfit,
  Refused,
  type Statistics,
  WriteFailed,
  WriteSession
} from "memorygraph-migrate"

const KIND = "list"

/** Where the graph is kept. */
export class ListStore {
  records: ReadonlyArray<GraphRecord> = []
  /** The run whose session is open: there is one at a time. */
  run: string | undefined
}

const isNode = (record: GraphRecord) => record._tag === "Node"

const endsAt = (record: GraphRecord, key: string | null) =>
  record._tag === "Relationship" && (record.from === key || record.to === key)

const sameKey = (a: GraphRecord, b: GraphRecord) => a._tag === b._tag && a.key !== null && a.key === b.key

const ordered = (records: ReadonlyArray<GraphRecord>) => [
  ...records.filter(isNode),
  ...records.filter((record) => !isNode(record))
]

const statistics = (records: ReadonlyArray<GraphRecord>): Statistics => {
  const labels = new Map<string, number>()
  const types = new Map<string, number>()
  const count = (counts: Map<string, number>, name: string) => counts.set(name, (counts.get(name) ?? 0) + 1)
  for (const record of records) {
    if (record._tag === "Relationship") count(types, record.type)
    else for (const label of record.labels.length === 0 ? [""] : record.labels) count(labels, label)
  }
  const nodes = records.filter(isNode)
  const times = nodes.flatMap(({ properties }) => [properties["created_at"], properties["updated_at"]])
  return {
    nodes: nodes.length,
    relationships: records.length - nodes.length,
    labels: Object.fromEntries(labels),
    types: Object.fromEntries(types),
    newest: times
      .filter((time) => typeof time === "string")
      .sort()
      .at(-1)
  }
}

const lookup = (stored: ReadonlyArray<GraphRecord>, asked: ReadonlyArray<GraphRecord>) => {
  const place = (record: GraphRecord) =>
    record._tag === "Node" ? `n${record.key}` : `r${JSON.stringify([record.from, record.type, record.to])}`
  const places = new Set(asked.map(place))
  return stored.filter((record) => places.has(place(record)))
}

const { canonicalLine } = Canonical
const hashOf = (record: GraphRecord) => Fingerprint.lineHash(canonicalLine(record))

// This store keeps no name that the product needs for itself.
const fit = (record: GraphRecord): ReadonlyArray<Misfit> =>
  Object.keys(record.properties).some((name) => name.startsWith("_mg_"))
    ? [{ level: "impossible", kind: "reserved property name" }]
    : []

const openDriver = (store: ListStore, { journal }: WriteSession.SessionOptions): WriteSession.SessionDriver => {
  let working = store.records
  const release = () => {
    store.run = undefined
  }
  const refused = (message: string, reason: WriteFailed["reason"] = "refused-record") =>
    new WriteFailed({ backend: KIND, location: KIND, phase: "import", reason, message })
  const write = (batch: WriteSession.WriteBatch) => {
    const keyOf = (record: GraphRecord) => (record.key === null ? undefined : record._tag + record.key)
    const { remove = [] } = batch
    // One of several equal ones for each that is named.
    const removing = new Map<string, number>()
    for (const line of remove.map(canonicalLine)) removing.set(line, (removing.get(line) ?? 0) + 1)
    const remaining = working.filter((record) => {
      const line = canonicalLine(record)
      const count = removing.get(line) ?? 0
      if (count > 0) removing.set(line, count - 1)
      return count === 0
    })
    const linked = remove.some((record) => isNode(record) && remaining.some((other) => endsAt(other, record.key)))
    if (linked || working.length - remaining.length !== remove.length)
      return refused("A record to be removed has changed, or relationships.", "store-changed")
    const before = new Set(batch.overwrite.map(({ before: old }) => canonicalLine(old)))
    const kept = remaining.filter((record) => !before.has(canonicalLine(record)))
    if (remaining.length - kept.length !== before.size) return refused("A record to be replaced is not there any more.")
    const next = [...kept, ...batch.overwrite.map(({ after }) => after), ...batch.create]
    const keys = next.map(keyOf).filter((key) => key !== undefined)
    if (new Set(keys).size !== keys.length) return refused("A key is there already.")
    const nodes = new Set(next.filter(isNode).map(({ key }) => key))
    const dangling = next.find(
      (record) => record._tag === "Relationship" && !(nodes.has(record.from) && nodes.has(record.to))
    )
    if (dangling !== undefined) return refused("A relationship has an end that is not there.")
    working = next
    return Effect.void
  }
  const takenBack = new Set<string>()
  const takeBack: WriteSession.SessionDriver["takeBack"] = (batch, part) =>
    Effect.sync(() => {
      // Equal relationships cannot be told apart: a second time would take somebody else's.
      if (takenBack.has(`${batch.number} ${part}`)) return []
      takenBack.add(`${batch.number} ${part}`)
      const left: Array<Left> = []
      if (part === "overwritten") {
        for (const { before, after } of batch.overwritten) {
          const [line, old] = [canonicalLine(after), canonicalLine(before)]
          const at = working.findIndex((record) => canonicalLine(record) === line)
          if (at !== -1) working = working.with(at, before)
          else if (working.some((record) => sameKey(record, after) && canonicalLine(record) !== old))
            left.push({ what: `the state before of ${after.key}`, why: "it was changed since" })
        }
        return left
      }
      if (part === "removed") {
        for (const record of batch.removed) {
          const line = canonicalLine(record)
          const there = working.find((other) => sameKey(other, record))
          const hasEnds =
            record._tag === "Node" ||
            [record.from, record.to].every((end) => working.some((other) => isNode(other) && other.key === end))
          if (there === undefined && hasEnds) working = [...working, record]
          else if (there === undefined || canonicalLine(there) !== line)
            left.push({ what: `the removed ${line}`, why: hasEnds ? "its key is taken" : "an end of it is gone" })
        }
        return left
      }
      for (const one of batch.created.filter(({ tag }) => tag === part)) {
        const at = working.findIndex((record) => hashOf(record).equals(one.hash))
        const linked = part === "Node" && working.some((record) => !isNode(record) && endsAt(record, one.key))
        if (at !== -1 && !linked) working = working.toSpliced(at, 1)
        else if (working.some((record) => record._tag === part && one.key !== null && record.key === one.key))
          left.push({
            what: `${part} ${one.key}`,
            why: at === -1 ? "it was changed since" : "something is linked to it"
          })
      }
      return left
    })
  return {
    backend: KIND,
    location: KIND,
    fresh: store.records.length === 0,
    exposed: false,
    fit,
    // The journal knows a batch before the store does: a published run can be rolled back from it.
    write: (batch) =>
      Effect.gen(function* () {
        const number = yield* journal.intend(batch, { durable: false })
        yield* Effect.suspend((): Effect.Effect<void, WriteFailed> => write(batch)).pipe(
          Effect.tapError(() => journal.withdraw(number))
        )
        yield* journal.acknowledge(number)
      }),
    takeBack,
    read: Stream.suspend(() => Stream.fromIterable(ordered(working))),
    lookup: (records) => Effect.sync(() => lookup(working, records)),
    publish: Effect.sync(() => {
      store.records = working
      release()
    }),
    undo: Effect.sync(() => {
      release()
      return []
    })
  }
}

/** Makes the backend on a store. */
export const make = (store: ListStore): GraphBackend => ({
  kind: KIND,
  location: KIND,
  identity: KIND,
  capabilities: { isolated: true, snapshot: true, fulltext: false },
  health: Effect.succeed({ version: "a list", writable: true, notes: [] }),
  statistics: Effect.sync(() => statistics(store.records)),
  dangling: Effect.succeed({ first: [], total: 0 }),
  read: (selection) =>
    Stream.suspend(() =>
      Stream.fromIterable(
        ordered(store.records).filter(
          (record) => selection?.only === undefined || isNode(record) === (selection.only === "nodes")
        )
      )
    ),
  lookup: (records) => Effect.sync(() => lookup(store.records, records)),
  fit,
  openSession: (options) =>
    Effect.uninterruptible(
      Effect.gen(function* () {
        if (store.run !== undefined) {
          return yield* new Refused({ reason: "locked", message: `The run ${store.run} is writing. Try again later.` })
        }
        store.run = options.run
        return yield* WriteSession.make(openDriver(store, options), options)
      })
    )
})
