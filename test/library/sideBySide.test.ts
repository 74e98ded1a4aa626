/** The library in one process: runs side by side, a host's own stream, a comparison of a store with a document. */
import * as fs from "node:fs"
import * as path from "node:path"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { describe, expect, it } from "vitest"
import {
  compareGraphs,
  type ConfigOf,
  documentSide,
  exportRecords,
  exportStore,
  migrate,
  openDocument,
  Runs,
  type SqliteConfig,
  SqliteBackend,
  storeSide,
  withProgress
} from "../../src/index.ts"
import { node, relationship } from "../../src/domain/Graph.ts"
import { fixture, tempFolder } from "../support/migrating.ts"

const store = (config: ConfigOf<SqliteConfig>) => SqliteBackend.make(config)

describe("several migrations in one process", () => {
  it.each([
    ["one state folder", false],
    ["a state folder each", true]
  ] as const)("do not touch each other, with %s", async (_, apart) => {
    const folder = tempFolder()
    const one = (name: string, from: string) =>
      Effect.scoped(
        Effect.gen(function* () {
          const source = yield* store({ path: fixture(from) })
          const target = yield* store({ path: path.join(folder, `${name}.db`) })
          const stateFolder = path.join(folder, apart ? `state-${name}` : "state")
          const observed = yield* withProgress(migrate(source, target, { stateFolder }))
          const report = yield* observed.result
          const last = yield* Stream.runLast(observed.events)
          return { report, last, runs: (yield* Runs.list(stateFolder)).runs.length }
        })
      )
    const names = ["a", "b", "c", "d"]
    const ended = await Effect.runPromise(
      Effect.all(
        names.map((name, at) => one(name, at % 2 === 0 ? "python-small.db" : "ts-small.db")),
        { concurrency: "unbounded" }
      )
    )
    expect(ended.map(({ report }) => report.outcome)).toEqual(names.map(() => "done"))
    expect(new Set(ended.map(({ report }) => report.run)).size).toBe(names.length)
    for (const { report } of ended)
      expect(report.verification?.targetFingerprint).toBe(report.verification?.sourceFingerprint)
    const fingerprints = ended.map(({ report }) => report.verification?.targetFingerprint)
    expect([fingerprints[0], fingerprints[1]]).toEqual([fingerprints[2], fingerprints[3]])
    expect(fingerprints[0]).not.toBe(fingerprints[1])
  })
})

describe("a stream of one's own", () => {
  const write = (records: ReadonlyArray<ReturnType<typeof node> | ReturnType<typeof relationship>>) => {
    const folder = tempFolder()
    const file = path.join(folder, "made.jsonl")
    const document = { path: "made here", records: Stream.fromIterable(records) }
    const options = { stateFolder: path.join(folder, "state"), format: "jsonl", output: { path: file } } as const
    return { file, program: exportRecords(document, options) }
  }
  const memory = (id: string) => node(id, ["Memory"], { id, type: "general", title: id, content: id })
  const link = (from: string, to: string) => relationship("r1", from, "RELATED_TO", to, { id: "r1" })

  it("becomes a document that can be read again", async () => {
    const { file, program } = write([memory("m1"), memory("m2"), link("m1", "m2")])
    const report = await Effect.runPromise(program)
    expect(report.records).toMatchObject({ read: 3, written: 3 })
    const count = Effect.flatMap(openDocument(file, "auto"), ({ records }) => Stream.runCount(records))
    expect(await Effect.runPromise(count)).toBe(3)
  })

  it("is refused where a relationship leads nowhere, and nothing is written", async () => {
    const { file, program } = write([memory("m1"), link("m1", "gone")])
    expect(await Effect.runPromise(Effect.flip(program))).toMatchObject({ reason: "dangling" })
    expect(fs.existsSync(file)).toBe(false)
  })
})

describe("a comparison", () => {
  it("takes a store and a document alike", async () => {
    const folder = tempFolder()
    const output = { path: path.join(folder, "graph.json.gz") }
    const report = await Effect.runPromise(
      Effect.scoped(
        Effect.gen(function* () {
          const memories = yield* store({ path: fixture("python-small.db") })
          yield* exportStore(memories, { stateFolder: path.join(folder, "state"), format: "json", output })
          return yield* compareGraphs(
            yield* storeSide(memories),
            documentSide(yield* openDocument(output.path, "auto"))
          )
        })
      )
    )
    expect(report).toMatchObject({ outcome: "equal", source: { nodes: 30, relationships: 60 } })
  })
})
