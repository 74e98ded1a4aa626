/** Backends that read, count or look up wrongly. */
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { node } from "../../../src/domain/Graph.ts"
import { MemoryGraph } from "../../../src/testing/MemoryGraph.ts"
import { type Broken, inBackend, lookup, read } from "./decorate.ts"

let connections = 0

export const reading: ReadonlyArray<Broken> = [
  inBackend(
    "reads a node twice",
    ["nodes come before relationships, each exactly once"],
    read((all) => [...all.slice(0, 1), ...all])
  ),
  inBackend(
    "reads only 10,000 records at most, or rather 20",
    ["nodes come before relationships, each exactly once"],
    read((all) => all.slice(0, 20))
  ),
  inBackend(
    "reads relationships first",
    ["nodes come before relationships, each exactly once"],
    read((all) => all.toReversed())
  ),
  inBackend("reads record by record", ["a large graph is read in chunks"], (backend) => ({
    ...backend,
    read: (selection) => Stream.rechunk(backend.read(selection), 1)
  })),
  inBackend("takes no notice of the selection", ["a selection reads only its kind"], (backend) => ({
    ...backend,
    read: () => backend.read()
  })),
  inBackend(
    "writes while reading",
    ["reading changes nothing", "a store that is not there counts as empty"],
    (backend, store) => ({
      ...backend,
      read: (selection) =>
        Stream.suspend(() => {
          const graph = store.graph.copy()
          graph.apply({ create: [node(`seen ${graph.statistics().nodes}`, ["Seen"], {})], overwrite: [] })
          store.graph = graph
          return backend.read(selection)
        })
    })
  ),
  inBackend("skips what it cannot decode", ["a record that cannot be decoded fails the read"], (backend) => ({
    ...backend,
    read: (selection) => Stream.catchAll(backend.read(selection), () => Stream.empty)
  })),
  inBackend(
    "is no snapshot though it says so",
    ["a read is not disturbed by what is written meanwhile"],
    (backend) => ({
      ...backend,
      read: (selection) =>
        Stream.concat(Stream.take(backend.read(selection), 1), Stream.drop(backend.read(selection), 1))
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
  inBackend("does not tell the newest time", ["the newest time tells of a later write"], (backend) => ({
    ...backend,
    statistics: Effect.map(backend.statistics, ({ labels, nodes, relationships, types }) => ({
      labels,
      nodes,
      relationships,
      types
    }))
  })),
  inBackend(
    "tells when a memory was made, and not when it was changed",
    ["the newest time tells of a later write"],
    (backend, store) => ({
      ...backend,
      statistics: Effect.map(backend.statistics, (statistics) => ({
        ...statistics,
        newest: store.graph
          .records("nodes")
          .map(({ properties }) => String(properties["created_at"]))
          .sort()
          .at(-1)
      }))
    })
  ),
  inBackend(
    "counts a node under its first label only",
    ["statistics count every label and type"],
    (backend, store) => ({
      ...backend,
      statistics: Effect.sync(() => {
        const graph = new MemoryGraph()
        const nodes = store.graph
          .records("nodes")
          .map((one) => (one._tag === "Node" ? { ...one, labels: one.labels.slice(0, 1) } : one))
        graph.apply({ create: nodes, overwrite: [] })
        graph.apply({ create: store.graph.records("relationships"), overwrite: [] })
        return graph.statistics()
      })
    })
  ),
  inBackend(
    "has another identity at every connection",
    ["two connections to one place have one identity"],
    (backend) => ({ ...backend, identity: `${backend.identity} ${++connections}` })
  ),
  inBackend("calls every place the same", ["two places have two identities"], (backend) => ({
    ...backend,
    identity: "memory"
  })),
  inBackend(
    "misses one in a lookup",
    ["lookup finds every stored record"],
    lookup((found) => found.slice(1))
  ),
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
  inBackend(
    "returns a record twice",
    ["lookup returns no record twice", "lookup finds every stored record"],
    lookup((found) => [...found, ...found])
  ),
  inBackend(
    "returns what was asked",
    ["lookup returns what is stored, not what was asked"],
    lookup((_, asked) => asked)
  ),
  inBackend("looks keys up without regard to case", ["lookup yields nothing for what is not there"], (backend) => ({
    ...backend,
    lookup: (records) =>
      backend.lookup([
        ...records,
        ...records.flatMap((one) => (one._tag === "Node" ? [node(one.key.toLowerCase(), [], {})] : []))
      ])
  }))
]
