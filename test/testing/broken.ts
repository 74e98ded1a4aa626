/**
 * Backends that lose, change or add something, each in one way that real programs have been seen to do it: the good
 * in-memory backend with one thing wrong. `caughtBy` names cases of the suite that must fail on it.
 */
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { GraphBackend } from "../../src/backend/GraphBackend.ts"
import type { SessionDriver, WriteBatch } from "../../src/backend/WriteSession.ts"
import { type GraphRecord, node, property, relationship, setProperty } from "../../src/domain/Graph.ts"
import { isList, type PropertyValue } from "../../src/domain/PropertyValue.ts"
import type { Harness } from "../../src/testing/conformance/index.ts"
import { MemoryGraph } from "../../src/testing/MemoryGraph.ts"
import type { MemoryStore } from "../../src/testing/MemoryBackend.ts"
import { memoryHarness } from "./harnesses.ts"

export interface Broken {
  readonly harness: Harness
  readonly caughtBy: ReadonlyArray<string>
}

const inDriver = (
  name: string,
  caughtBy: ReadonlyArray<string>,
  wrapDriver: (driver: SessionDriver) => SessionDriver,
  exposed = false
): Broken => ({ harness: memoryHarness(name, { wrapDriver, exposed }), caughtBy })

const inBackend = (
  name: string,
  caughtBy: ReadonlyArray<string>,
  decorate: (backend: GraphBackend, store: MemoryStore) => GraphBackend,
  exposed = false
): Broken => ({ harness: memoryHarness(name, { exposed }, decorate), caughtBy })

/** Changes batches on their way. */
const batches =
  (change: (batch: WriteBatch) => WriteBatch) =>
  (driver: SessionDriver): SessionDriver => ({ ...driver, write: (batch) => driver.write(change(batch)) })

/** Changes, drops or repeats records that are created. */
const created = (change: (record: GraphRecord) => ReadonlyArray<GraphRecord>) =>
  batches((batch) => ({ ...batch, create: batch.create.flatMap(change) }))

/** Changes the values of records that are created; undefined drops one. */
const values = (change: (value: PropertyValue) => PropertyValue | undefined) =>
  created((record) => {
    const properties = {}
    for (const name of Object.keys(record.properties)) {
      const value = property(record.properties, name)
      const changed = value === undefined || name === "id" ? value : change(value)
      if (changed !== undefined) setProperty(properties, name, changed)
    }
    return [{ ...record, properties }]
  })

/** Changes what is read. */
const read =
  (change: (records: ReadonlyArray<GraphRecord>) => ReadonlyArray<GraphRecord>) =>
  (backend: GraphBackend): GraphBackend => ({
    ...backend,
    read: (selection) =>
      Stream.unwrap(
        Effect.map(Stream.runCollect(backend.read(selection)), (all) =>
          Stream.fromIterable(change(Chunk.toReadonlyArray(all)))
        )
      )
  })

/** Changes what is looked up. */
const lookup =
  (change: (found: ReadonlyArray<GraphRecord>, asked: ReadonlyArray<GraphRecord>) => ReadonlyArray<GraphRecord>) =>
  (backend: GraphBackend): GraphBackend => ({
    ...backend,
    lookup: (records) => Effect.map(backend.lookup(records), (found) => change(found, records))
  })

const onText = (change: (text: string) => string) => (value: PropertyValue) =>
  typeof value === "string" ? change(value) : value

const onFloat = (change: (float: number) => PropertyValue | undefined) => (value: PropertyValue) =>
  typeof value === "number" ? change(value) : value

/** A graph with some records left out. */
const filtered = (graph: MemoryGraph, keep: (record: GraphRecord, n: number) => boolean): MemoryGraph => {
  const copy = new MemoryGraph()
  copy.apply({ create: graph.records("nodes"), overwrite: [] })
  copy.apply({ create: graph.records("relationships").filter(keep), overwrite: [] })
  return copy
}

const unseen = () => {
  const seen = new Set<string>()
  return (name: string) => !seen.has(name) && seen.add(name) !== undefined
}

const slotOf = (record: GraphRecord) =>
  record._tag === "Node" ? record.key : JSON.stringify([record.from, record.type, record.to])

const BACK = "come back as they were"
const RANDOM = "random graphs come back as they were"

/** Losing and changing while writing. */
const writing: ReadonlyArray<Broken> = [
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
      record._tag === "Node" ? [record] : [relationship(record.key, record.to, record.type, record.from, record.properties)]
    )
  ),
  inDriver("merges parallel relationships", ["parallel relationships are kept (new store)"], (driver) => {
    const first = unseen()
    return created((record) => (record._tag === "Node" || first(slotOf(record)) ? [record] : []))(driver)
  }),
  inDriver("merges equal relationships without a key", ["relationships without a key are kept as a multiset (new store)"], (driver) => {
    const first = unseen()
    return created((record) =>
      record.key !== null || first(slotOf(record) + JSON.stringify(Object.keys(record.properties))) ? [record] : []
    )(driver)
  }),
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
  inDriver("rounds floats to 15 digits", [`floats ${BACK}`, `the fields of memories ${BACK}`], values(onFloat((x) => Number(x.toPrecision(15))))),
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
  inDriver("cuts text at NUL", [`texts ${BACK}`, `the fields of memories ${BACK}`], values(onText((text) => text.split("\0")[0] ?? ""))),
  inDriver("replaces lone surrogates", [`texts ${BACK}`], values(onText((text) => text.toWellFormed()))),
  inDriver("normalizes text", [`texts ${BACK}`], values(onText((text) => text.normalize("NFC")))),
  inDriver("translates line ends", [`texts ${BACK}`], values(onText((text) => text.replaceAll("\r\n", "\n")))),
  inDriver("drops empty text", [`texts ${BACK}`, RANDOM], values((value) => (value === "" ? undefined : value))),
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
        Effect.flatMap(driver.lookup(batch.create.flatMap((one) => (one._tag === "Node" ? [] : [node(one.from, [], {}), node(one.to, [], {})]))), (ends) => {
          const there = new Set(ends.map((end) => end.key))
          const create = batch.create.filter((one) => one._tag === "Node" || (there.has(one.from) && there.has(one.to)))
          return driver.write({ ...batch, create })
        })
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
      write: (batch) => Effect.catchTag(driver.write(batch), "WriteFailed", (error) => (batch.overwrite.length > 0 ? Effect.void : Effect.fail(error)))
    })
  )
]

/** Publishing and undoing wrongly. */
const ending: ReadonlyArray<Broken> = [
  inDriver("says yes without writing", ["batches of one are written (new store)"], (driver) => ({
    ...driver,
    write: () => Effect.void
  })),
  inDriver("keeps no journal", ["the journal knows what was made and replaced (new store)"], (driver) => {
    // What another session would have noted: the driver of a store with a journal of its own, not this run's.
    return { ...driver, write: () => Effect.void, publish: Effect.void }
  }),
  {
    harness: memoryHarness("publishes half", undefined, (backend, store) => ({
      ...backend,
      openSession: (options) =>
        Effect.map(backend.openSession(options), (session) => ({
          ...session,
          publish: Effect.zipRight(
            session.publish,
            Effect.sync(() => {
              store.graph = filtered(store.graph, (_, n) => n % 2 === 0)
            })
          )
        }))
    })),
    caughtBy: ["publishing makes everything visible (new store)", "what was there is untouched"]
  },
  inDriver("publishes nothing", ["publishing makes everything visible (store in use)"], (driver) => ({
    ...driver,
    publish: Effect.asVoid(driver.undo)
  }), false),
  inDriver(
    "does not undo",
    ["undo leaves everything as it was (new store)", "undo brings overwritten records back"],
    (driver) => ({ ...driver, undo: Effect.as(driver.publish, []) }) as SessionDriver
  ),
  {
    harness: memoryHarness("undoes by deleting everything", undefined, (backend, store) => ({
      ...backend,
      openSession: (options) =>
        Effect.map(backend.openSession(options), (session) => ({
          ...session,
          undo: Effect.tap(session.undo, () =>
            Effect.sync(() => {
              store.graph = new MemoryGraph()
            })
          )
        }))
    })),
    caughtBy: ["undo leaves everything as it was (store in use)"]
  },
  {
    harness: memoryHarness("forgets overwritten records when undoing", undefined, (backend, store) => ({
      ...backend,
      openSession: (options) =>
        Effect.gen(function* () {
          const session = yield* backend.openSession(options)
          const replaced = yield* Ref.make<WriteBatch["overwrite"]>([])
          return {
            ...session,
            write: (batch) =>
              Effect.zipRight(session.write(batch), Ref.update(replaced, (all) => [...all, ...batch.overwrite])),
            undo: Effect.tap(session.undo, () =>
              Effect.flatMap(Ref.get(replaced), (all) =>
                Effect.sync(() => {
                  const last = new Map(all.filter(({ after }) => after._tag === "Node").map(({ after }) => [after.key, after]))
                  const graph = store.graph.copy()
                  for (const before of graph.records("nodes")) {
                    const after = last.get(before.key)
                    if (after !== undefined) graph.apply({ create: [], overwrite: [{ before, after }] })
                  }
                  store.graph = graph
                })
              )
            )
          }
        })
    })),
    caughtBy: ["undo brings overwritten records back"]
  },
  inBackend(
    "is not undone with its scope",
    ["a session that is not ended is undone with its scope (new store)"],
    (backend) => ({
      ...backend,
      openSession: (options) =>
        Effect.flatMap(Scope.make(), (scope) => Effect.provideService(backend.openSession(options), Scope.Scope, scope))
    }),
    true
  ),
  inBackend(
    "is not isolated though it says so",
    ["a session that is not exposed shows nothing (new store)", "a session that is not exposed shows nothing (store in use)"],
    (backend) => ({
      ...backend,
      capabilities: { ...backend.capabilities, isolated: true },
      openSession: (options) => Effect.map(backend.openSession(options), (session) => ({ ...session, exposed: false }))
    }),
    true
  ),
  {
    harness: memoryHarness("lets a late write land after the undo", undefined, (backend, store) => ({
      ...backend,
      openSession: (options) =>
        Effect.map(backend.openSession(options), (session) => ({
          ...session,
          write: (batch) =>
            session.write(batch).pipe(
              Effect.onInterrupt(() =>
                Effect.forkDaemon(
                  Effect.delay(
                    Effect.sync(() => {
                      const late = store.graph.copy()
                      late.apply(batch)
                      store.graph = late
                    }),
                    30
                  )
                )
              )
            )
        }))
    })),
    caughtBy: ["undo after a write that was interrupted (new store)"]
  },
  inBackend(
    "takes writes after its end",
    ["a published session takes no more (new store)", "an undone session takes no more (new store)"],
    (backend, store) => ({
      ...backend,
      openSession: (options) =>
        Effect.map(backend.openSession(options), (session) => ({
          ...session,
          write: (batch) =>
            Effect.flatMap(session.state, (state) =>
              state === "open" ? session.write(batch) : Effect.sync(() => store.graph.apply(batch))
            )
        }))
    })
  ),
  inBackend(
    "lets the last of two sessions win",
    ["two sessions at once do not mix (new store)", "two sessions at once do not mix (store in use)"],
    (backend, store) => ({
      ...backend,
      openSession: (options) =>
        Effect.suspend(() => {
          store.run = undefined
          return backend.openSession(options)
        })
    })
  )
]

/** Reading, counting and looking up wrongly. */
const reading: ReadonlyArray<Broken> = [
  inBackend("reads a node twice", ["nodes come before relationships, each exactly once"], read((all) => [...all.slice(0, 1), ...all])),
  inBackend(
    "reads only 10,000 records at most, or rather 20",
    ["nodes come before relationships, each exactly once"],
    read((all) => all.slice(0, 20))
  ),
  inBackend("reads relationships first", ["nodes come before relationships, each exactly once"], read((all) => all.toReversed())),
  inBackend("reads record by record", ["a large graph is read in chunks"], (backend) => ({
    ...backend,
    read: (selection) => Stream.rechunk(backend.read(selection), 1)
  })),
  inBackend("takes no notice of the selection", ["a selection reads only its kind"], (backend) => ({
    ...backend,
    read: () => backend.read()
  })),
  inBackend("writes while reading", ["reading changes nothing", "a store that is not there counts as empty"], (backend, store) => ({
    ...backend,
    read: (selection) =>
      Stream.suspend(() => {
        const graph = store.graph.copy()
        graph.apply({ create: [node(`seen ${graph.statistics().nodes}`, ["Seen"], {})], overwrite: [] })
        store.graph = graph
        return backend.read(selection)
      })
  })),
  inBackend("skips what it cannot decode", ["a record that cannot be decoded fails the read"], (backend) => ({
    ...backend,
    read: (selection) => Stream.catchAll(backend.read(selection), () => Stream.empty)
  })),
  inBackend(
    "is no snapshot though it says so",
    ["a read is not disturbed by what is written meanwhile"],
    (backend) => ({
      ...backend,
      read: (selection) => Stream.concat(Stream.take(backend.read(selection), 1), Stream.drop(backend.read(selection), 1))
    })
  ),
  inBackend("counts by reading", ["statistics do not depend on reading"], (backend) => ({
    ...backend,
    statistics: Effect.map(Stream.runCollect(backend.read()), (all) => {
      const graph = new MemoryGraph()
      graph.apply({ create: Chunk.toReadonlyArray(all).filter((one) => one._tag === "Node"), overwrite: [] })
      graph.apply({ create: Chunk.toReadonlyArray(all).filter((one) => one._tag === "Relationship"), overwrite: [] })
      return graph.statistics()
    })
  })),
  inBackend("counts a node under its first label only", ["statistics count every label and type"], (backend, store) => ({
    ...backend,
    statistics: Effect.sync(() => {
      const graph = new MemoryGraph()
      const nodes = store.graph.records("nodes").map((one) => (one._tag === "Node" ? { ...one, labels: one.labels.slice(0, 1) } : one))
      graph.apply({ create: nodes, overwrite: [] })
      graph.apply({ create: store.graph.records("relationships"), overwrite: [] })
      return graph.statistics()
    })
  })),
  inBackend("changes its identity when it is written", ["two connections to one place have one identity"], (backend, store) => ({
    ...backend,
    identity: `${backend.identity} ${store.graph.statistics().nodes}`
  })),
  inBackend("calls every place the same", ["two places have two identities"], (backend) => ({ ...backend, identity: "memory" })),
  inBackend("misses one in a lookup", ["lookup finds every stored record"], lookup((found) => found.slice(1))),
  inBackend(
    "looks relationships up by key alone",
    ["lookup finds all relationships of the same ends and type"],
    lookup((found, asked) => {
      const keys = new Set(asked.map((one) => one.key))
      return found.filter((one) => one._tag === "Node" || keys.has(one.key))
    })
  ),
  inBackend("looks up whatever the direction", ["lookup tells direction, ends and type apart"], (backend) => ({
    ...backend,
    lookup: (records) =>
      backend.lookup([
        ...records,
        ...records.flatMap((one) => (one._tag === "Node" ? [] : [{ ...one, key: null, from: one.to, to: one.from }]))
      ])
  })),
  inBackend("returns a record twice", ["lookup returns no record twice", "lookup finds every stored record"], lookup((found) => [...found, ...found])),
  inBackend("returns what was asked", ["lookup returns what is stored, not what was asked"], lookup((_, asked) => asked)),
  inBackend("looks keys up without regard to case", ["lookup yields nothing for what is not there"], (backend) => ({
    ...backend,
    lookup: (records) =>
      backend.lookup([
        ...records,
        ...records.flatMap((one) => (one._tag === "Node" ? [node(one.key.toLowerCase(), [], {})] : []))
      ])
  }))
]

/** Saying the wrong things of records. */
const fitting: ReadonlyArray<Broken> = [
  inBackend("lets reserved names in", ["reserved property names are impossible"], (backend) => ({ ...backend, fit: () => [] })),
  inBackend("calls ordinary records impossible", ["ordinary records fit"], (backend) => ({
    ...backend,
    fit: () => [{ level: "impossible", kind: "never" }]
  })),
  inBackend("calls maps impossible", ["a value of any kind fits"], (backend) => ({
    ...backend,
    fit: (record) =>
      Object.values(record.properties).some((value) => typeof value === "object" && Object.keys(value).length === 0)
        ? [{ level: "impossible", kind: "empty" }]
        : backend.fit(record)
  })),
  inBackend("names values in its misfits", ["a misfit's kind is the same for the same cause"], (backend) => ({
    ...backend,
    fit: (record) => [{ level: "encoded", kind: `value ${String(Option.getOrElse(Option.fromNullable(property(record.properties, "value")), () => ""))}` }]
  })),
  inBackend("says something else each time", ["fit is pure"], (backend) => {
    let calls = 0
    return { ...backend, fit: () => [{ level: "encoded", kind: `call ${++calls}` }] }
  })
]

export const broken: ReadonlyArray<Broken> = [...writing, ...ending, ...reading, ...fitting]
