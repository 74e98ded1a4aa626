/** Cases: what a store says of a record before it is written. */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { Difference, MigrationError } from "../../domain/Errors.ts"
import { canonicalLine } from "../../domain/Canonical.ts"
import { type GraphRecord, node, relationship } from "../../domain/Graph.ts"
import type { PropertyValue } from "../../domain/PropertyValue.ts"
import type { GraphBackend } from "../../backend/GraphBackend.ts"
import { recordsOf } from "../arbitraries/graphs.ts"
import { collect, differences, showDifferences } from "../compare.ts"
import { keyOf, link, memory, sampleGraph } from "../samples.ts"
import { makeCase } from "./Harness.ts"
import { check, expectState, fill, openSession, stateOf } from "./support.ts"
import { VALUES } from "./values.ts"

const impossible = (backend: GraphBackend, record: GraphRecord) =>
  backend.fit(record).filter((misfit) => misfit.level === "impossible")

const KEY = keyOf("fit", 0)
const OTHER = keyOf("fit", 1)
const withValue = (value: PropertyValue) => node(KEY, ["Memory"], { ...memory(KEY, 0).properties, value })

// Records that some engine cannot hold; which one can is for `fit` to say.
const DOUBTFUL: ReadonlyArray<GraphRecord> = [
  memory("lone \ud800 surrogate", 1),
  memory("nul \0 in a key", 1),
  memory("", 1),
  memory("k".repeat(100_000), 1),
  node(KEY, ["lone \udc00 surrogate"], { id: KEY }),
  node(KEY, ["Back`tick"], { id: KEY }),
  node(KEY, ["nul \0 in a label"], { id: KEY }),
  node(KEY, ["Memory", ""], { id: KEY }),
  node(KEY, ["_MgRun"], { id: KEY }),
  node(KEY, ["Memory"], { id: KEY }),
  node(KEY, ["Memory"], {}),
  node(KEY, ["Memory"], { id: 7n }),
  memory(KEY, 1, { "lone \ud800 surrogate": 1n }),
  memory(KEY, 1, { "back`tick": 1n }),
  memory(KEY, 1, { "": 1n }),
  memory(KEY, 1, { title: 5n, content: [1n, "x"], tags: "none", importance: "high", created_at: true }),
  memory(KEY, 1, { _mg_id: "taken" }),
  memory(KEY, 1, { _mg_labels: ["Other"] }),
  memory(KEY, 1, { _mg_enc: "{}" }),
  ...["", "_MG_TYPE", "_MgRun", "lone \ud800 surrogate", "nul \0", "Back`tick", "T".repeat(70_000)].map((type) =>
    relationship(keyOf("fitr", 0), KEY, type, OTHER, link(keyOf("fitr", 0), KEY, OTHER, 0).properties)
  ),
  relationship("lone \udc00 surrogate", KEY, "SOLVES", OTHER, { id: "lone \udc00 surrogate" }),
  relationship(keyOf("fitr", 0), KEY, "SOLVES", OTHER, { id: keyOf("fitr", 0), _mg_id: "taken" }),
  link(null, KEY, OTHER, 0, { id: keyOf("fitr", 0) })
]

const shown = (record: GraphRecord): string => {
  const line = canonicalLine(record)
  return line.length > 160 ? `${line.slice(0, 80)} ... ${line.slice(-80)}` : line
}

const problemOfWrite = (
  backend: GraphBackend,
  record: GraphRecord,
  written: Exit.Exit<void, MigrationError>,
  found: Exit.Exit<ReadonlyArray<Difference>, MigrationError>
): string | undefined => {
  if (Exit.isFailure(written)) {
    return impossible(backend, record).length > 0 ? undefined : `what fits is refused: ${String(written.cause)}`
  }
  if (Exit.isFailure(found)) return `written without complaint, yet cannot be read: ${String(found.cause)}`
  return found.value.length === 0 ? undefined : `written without complaint, yet ${showDifferences(found.value)}`
}

// Writes the record and undoes it; returns what is wrong, and whether the store is as it was.
const tryToWrite = (backend: GraphBackend, record: GraphRecord, there: ReadonlyArray<GraphRecord>) =>
  Effect.scoped(
    Effect.gen(function* () {
      const { session } = yield* openSession(backend)
      const nodes = record._tag === "Node" ? [] : [memory(KEY, 0), memory(OTHER, 1)]
      if (nodes.length > 0) yield* session.write({ create: nodes, overwrite: [] })
      const written = yield* Effect.exit(session.write({ create: [record], overwrite: [] }))
      const expected = [...there, ...nodes, record]
      const found = yield* Effect.exit(Effect.map(collect(session.read), (all) => differences(expected, all)))
      const outcome = yield* session.undo
      const left = yield* Effect.exit(Effect.map(collect(backend.read()), (all) => differences(there, all)))
      const isClean = Exit.isSuccess(left) && left.value.length === 0
      const problems = [problemOfWrite(backend, record, written, found) ?? []].flat()
      if (outcome._tag !== "Undone") problems.push(`undone as ${JSON.stringify(outcome)}`)
      if (!isClean)
        problems.push(`after the undo ${Exit.isSuccess(left) ? showDifferences(left.value) : String(left.cause)}`)
      return { problems, isClean }
    })
  )

export const fitting = [
  makeCase("fit is pure", "fit: pure and fast; called for every record", (harness) =>
    Effect.gen(function* () {
      const place = yield* harness.place
      const before = yield* stateOf(place)
      const records = [...recordsOf(sampleGraph("pur", 8, harness.without)), ...VALUES.map(withValue), ...DOUBTFUL]
      yield* Effect.scoped(
        Effect.gen(function* () {
          const backend = yield* place.connect
          for (const record of records) {
            const line = canonicalLine(record)
            const [first, second] = [backend.fit(record), backend.fit(record)].map((misfits) => JSON.stringify(misfits))
            yield* check(first === second, `it says ${first} and then ${second}`)
            yield* check(canonicalLine(record) === line, `it changes the record ${line.slice(0, 200)}`)
          }
        })
      )
      yield* expectState("after fit", place, before)
    })
  ),
  makeCase("ordinary records fit", "fit: impossible is only what cannot be stored without change", (harness) =>
    Effect.gen(function* () {
      const backend = yield* Effect.flatMap(harness.place, (place) => place.connect)
      for (const record of recordsOf(sampleGraph("ord", 12, harness.without))) {
        const misfits = impossible(backend, record)
        yield* check(misfits.length === 0, `an ordinary record is impossible: ${JSON.stringify(misfits)}`)
      }
    })
  ),
  makeCase(
    "a value of any kind fits",
    "fit: encoded is stored as text with its kind beside it, comes back as it was; so no value is impossible",
    (harness) =>
      Effect.gen(function* () {
        const backend = yield* Effect.flatMap(harness.place, (place) => place.connect)
        for (const value of VALUES) {
          const misfits = impossible(backend, withValue(value))
          const line = canonicalLine(withValue(value)).slice(-200)
          yield* check(misfits.length === 0, `a value is impossible: ${JSON.stringify(misfits)}, in ${line}`)
        }
      }),
    ["properties"]
  ),
  makeCase(
    "reserved property names are impossible",
    "fit: a user's own `_mg_*` property is refused, never overwritten",
    (harness) =>
      Effect.gen(function* () {
        const backend = yield* Effect.flatMap(harness.place, (place) => place.connect)
        for (const name of ["_mg_id", "_mg_labels", "_mg_enc", "_mg_other"]) {
          const own = [memory(KEY, 0, { [name]: "own" }), link(keyOf("fitr", 0), KEY, OTHER, 0, { [name]: "own" })]
          for (const record of own) {
            yield* check(impossible(backend, record).length > 0, `a ${record._tag} with its own ${name} is let in`)
          }
        }
      })
  ),
  makeCase(
    "a misfit's kind is the same for the same cause",
    "Misfit.kind: the same for the same cause, so that it can be counted",
    (harness) =>
      Effect.gen(function* () {
        const backend = yield* Effect.flatMap(harness.place, (place) => place.connect)
        const pairs: ReadonlyArray<readonly [PropertyValue, PropertyValue]> = [
          [{ a: 1n }, { b: "x", c: [null] }],
          [2n ** 64n, 2n ** 80n],
          ["\ud800", "x\ud801y"],
          [new Uint8Array([1]), new Uint8Array([2, 3])]
        ]
        for (const [one, two] of pairs) {
          const [a, b] = [backend.fit(withValue(one)), backend.fit(withValue(two))].map((misfits) =>
            JSON.stringify(misfits)
          )
          yield* check(a === b, `the same cause is called ${a} and ${b}`)
        }
      })
  ),
  makeCase(
    "what does not fit is refused or kept as it was",
    "fit: impossible cannot be stored without change; write: writes the batch completely or fails",
    (harness) =>
      Effect.gen(function* () {
        const place = yield* harness.place
        const ends = [memory(keyOf("fite", 0), 0)]
        yield* fill(place, { nodes: ends, relationships: [] })
        const before = yield* stateOf(place)
        const problems: Array<string> = []
        yield* Effect.scoped(
          Effect.gen(function* () {
            const backend = yield* place.connect
            for (const record of DOUBTFUL) {
              const tried = yield* tryToWrite(backend, record, ends)
              const about = `${shown(record)}, fit ${JSON.stringify(backend.fit(record))}`
              problems.push(...tried.problems.map((problem) => `${problem}, of ${about}`))
              // What one of them has left would be in the way of the next.
              if (!tried.isClean) break
            }
          })
        )
        yield* check(problems.length === 0, problems.join("; "))
        yield* expectState("after the undo", place, before)
      })
  )
]
