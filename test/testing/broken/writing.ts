/** Backends that lose or change records while they write. */
import * as Effect from "effect/Effect"
import { type GraphRecord, node, property, relationship, type Relationship } from "../../../src/domain/Graph.ts"
import { isList, type PropertyValue } from "../../../src/domain/PropertyValue.ts"
import { MemoryGraph } from "../../../src/testing/MemoryGraph.ts"
import type { MemoryStore } from "../../../src/testing/MemoryBackend.ts"
import { batches, type Broken, created, inBackend, inDriver, session, values } from "./decorate.ts"

const onText = (change: (text: string) => string) => (value: PropertyValue) =>
  typeof value === "string" ? change(value) : value

const onFloat = (change: (float: number) => PropertyValue | undefined) => (value: PropertyValue) =>
  typeof value === "number" ? change(value) : value

const unseen = () => {
  const seen = new Set<string>()
  return (name: string) => !seen.has(name) && seen.add(name) !== undefined
}

const slotOf = (record: GraphRecord) =>
  record._tag === "Node" ? record.key : JSON.stringify([record.from, record.type, record.to])

/** The store's graph with some relationships only. */
const graphOf = (store: MemoryStore, keep: (relationship: Relationship) => boolean): MemoryGraph => {
  const graph = new MemoryGraph()
  graph.apply({ create: store.graph.records("nodes"), overwrite: [] })
  const relationships = store.graph.records("relationships")
  graph.apply({ create: relationships.filter((one) => one._tag === "Relationship" && keep(one)), overwrite: [] })
  return graph
}

const BACK = "come back as they were"
const RANDOM = "random graphs come back as they were"

export const writing: ReadonlyArray<Broken> = [
  inDriver(
    "drops a relationship",
    ["batches of one are written (new store)", "publishing makes everything visible (new store)"],
    batches((batch) => ({
      ...batch,
      create: batch.create.filter((record, n) => record._tag === "Node" || n < batch.create.length - 1)
    }))
  ),
  inDriver(
    "drops self loops",
    ["self loops and directions are kept (new store)"],
    created((record) => (record._tag === "Relationship" && record.from === record.to ? [] : [record]))
  ),
  inDriver(
    "swaps directions",
    ["self loops and directions are kept (new store)", "lookup tells direction, ends and type apart"],
    created((record) =>
      record._tag === "Node"
        ? [record]
        : [relationship(record.key, record.to, record.type, record.from, record.properties)]
    )
  ),
  inDriver("merges parallel relationships", ["parallel relationships are kept (new store)"], (driver) => {
    const first = unseen()
    return created((record) => (record._tag === "Node" || first(slotOf(record)) ? [record] : []))(driver)
  }),
  inDriver(
    "merges equal relationships without a key",
    ["relationships without a key are kept as a multiset (new store)"],
    (driver) => {
      const first = unseen()
      return created((record) =>
        record.key !== null || first(slotOf(record) + JSON.stringify(Object.keys(record.properties))) ? [record] : []
      )(driver)
    }
  ),
  inDriver(
    "gives every relationship a key",
    ["relationships that share an id stay without a key (new store)"],
    created((record) => {
      const id = property(record.properties, "id")
      return record.key === null && typeof id === "string" ? [{ ...record, key: `${id} ${slotOf(record)}` }] : [record]
    })
  ),
  inDriver(
    "loses a label",
    [`labels ${BACK}`, "statistics count every label and type", RANDOM],
    created((record) => (record._tag === "Node" ? [{ ...record, labels: record.labels.slice(0, 1) }] : [record]))
  ),
  inDriver(
    "turns unknown types into RELATED_TO",
    [`relationship types ${BACK}`],
    created((record) =>
      record._tag === "Node" || /^[A-Z_]+$/.test(record.type) ? [record] : [{ ...record, type: "RELATED_TO" }]
    )
  ),
  inDriver(
    "takes the id for the key",
    ["generated keys are kept beside any id (new store)"],
    created((record) => {
      const id = property(record.properties, "id")
      return record._tag === "Node" && typeof id === "string" ? [{ ...record, key: id }] : [record]
    })
  ),
  inDriver(
    "rounds floats to 15 digits",
    [`floats ${BACK}`, `the fields of memories ${BACK}`],
    values(onFloat((x) => Number(x.toPrecision(15))))
  ),
  inDriver("drops the sign of zero", [`floats ${BACK}`], values(onFloat((x) => (x === 0 ? 0 : x)))),
  inDriver("stores NaN as null", [`floats ${BACK}`], values(onFloat((x) => (Number.isNaN(x) ? undefined : x)))),
  inDriver(
    "takes integral floats for integers",
    [`floats ${BACK}`],
    values(onFloat((x) => (Number.isSafeInteger(x) && !Object.is(x, -0) ? BigInt(x) : x)))
  ),
  inDriver(
    "takes integers for floats",
    [`integers ${BACK}`],
    values((value) => (typeof value === "bigint" ? BigInt(Number(value)) : value))
  ),
  inDriver(
    "cuts text at NUL",
    [`texts ${BACK}`, `the fields of memories ${BACK}`],
    values(onText((text) => text.split("\0")[0] ?? ""))
  ),
  inDriver("replaces lone surrogates", [`texts ${BACK}`], values(onText((text) => text.toWellFormed()))),
  inDriver("normalizes text", [`texts ${BACK}`], values(onText((text) => text.normalize("NFC")))),
  inDriver("translates line ends", [`texts ${BACK}`], values(onText((text) => text.replaceAll("\r\n", "\n")))),
  inDriver(
    "drops empty text",
    [`texts ${BACK}`, RANDOM],
    values((value) => (value === "" ? undefined : value))
  ),
  inDriver(
    "drops nulls in lists",
    [`lists and maps ${BACK}`],
    values((value) => (isList(value) ? value.filter((item) => item !== null) : value))
  ),
  inDriver(
    "loses a property called __proto__",
    [`property names ${BACK}`],
    created((record) => {
      const properties: { [name: string]: PropertyValue } = {}
      // eslint-disable-next-line no-proto -- plain assignment is the mistake that is made here
      for (const name of Object.keys(record.properties)) properties[name] = property(record.properties, name) ?? ""
      return [{ ...record, properties }]
    })
  ),
  inDriver(
    "skips a relationship without its end",
    ["a relationship without its end is not lost (new store)"],
    (driver) => ({
      ...driver,
      write: (batch) =>
        Effect.flatMap(
          driver.lookup(
            batch.create.flatMap((one) => (one._tag === "Node" ? [] : [node(one.from, [], {}), node(one.to, [], {})]))
          ),
          (ends) => {
            const there = new Set(ends.map((end) => end.key))
            const create = batch.create.filter(
              (one) => one._tag === "Node" || (there.has(one.from) && there.has(one.to))
            )
            return driver.write({ ...batch, create })
          }
        )
    })
  ),
  inDriver(
    "replaces what is there instead of refusing",
    ["creating a node that is there fails (store in use)"],
    (driver) => ({
      ...driver,
      write: (batch) =>
        Effect.flatMap(driver.lookup(batch.create.filter((one) => one._tag === "Node")), (found) => {
          const before = new Map(found.map((one) => [one.key, one]))
          const there = (one: GraphRecord) => one._tag === "Node" && before.has(one.key)
          return driver.write({
            create: batch.create.filter((one) => !there(one)),
            overwrite: [
              ...batch.overwrite,
              ...batch.create.filter(there).map((after) => ({ before: before.get(after.key) ?? after, after }))
            ]
          })
        })
    })
  ),
  inDriver(
    "overwrites by merging properties",
    ["an overwrite replaces the whole record (new store)", "random histories end as in the model"],
    batches((batch) => ({
      ...batch,
      overwrite: batch.overwrite.map(({ before, after }) => ({
        before,
        after: { ...after, properties: { ...before.properties, ...after.properties } }
      }))
    }))
  ),
  inDriver(
    "overwrites nothing that is not there, and says nothing",
    ["overwriting a node that is not there fails (new store)"],
    (driver) => ({
      ...driver,
      write: (batch) =>
        Effect.catchTag(driver.write(batch), "WriteFailed", (error) =>
          batch.overwrite.length > 0 ? Effect.void : Effect.fail(error)
        )
    })
  ),
  inDriver(
    "cuts large texts",
    ["large records come back as they were"],
    values(onText((text) => text.slice(0, 1_000_000)))
  ),
  inBackend(
    "replaces a node by deleting it and its relationships",
    ["an overwrite replaces the whole record (new store)", "one batch creates and replaces (store in use)"],
    session((opened, store) => {
      const replaced: Array<string> = []
      return {
        ...opened,
        write: (batch) =>
          Effect.tap(opened.write(batch), () => {
            for (const { after } of batch.overwrite) if (after._tag === "Node") replaced.push(after.key)
          }),
        publish: Effect.tap(opened.publish, () => {
          store.graph = graphOf(store, (one) => !replaced.includes(one.from) && !replaced.includes(one.to))
        })
      }
    })
  ),
  inBackend(
    "replaces every relationship of the same ends and type",
    ["an overwrite leaves parallel relationships alone (new store)"],
    session((opened, store) => {
      const replaced = new Map<string, Relationship>()
      return {
        ...opened,
        write: (batch) =>
          Effect.tap(opened.write(batch), () => {
            for (const { after } of batch.overwrite)
              if (after._tag === "Relationship") replaced.set(slotOf(after), after)
          }),
        publish: Effect.tap(opened.publish, () => {
          store.graph = graphOf(store, (one) => (replaced.get(slotOf(one)) ?? one).key === one.key)
        })
      }
    })
  )
]
