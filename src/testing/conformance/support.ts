/** What the cases share: sessions with a real journal, graphs written and read back, states compared. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as crypto from "node:crypto"
import * as fs from "node:fs/promises"
import * as os from "node:os"
import * as path from "node:path"
import type { GraphBackend, Statistics } from "../../backend/GraphBackend.ts"
import * as Journal from "../../backend/Journal.ts"
import type { SessionOutcome, WriteSession } from "../../backend/WriteSession.ts"
import { canonicalLine, compareCodePoints } from "../../domain/Canonical.ts"
import { FileFailed, type Left, type MigrationError } from "../../domain/Errors.ts"
import type { GraphRecord } from "../../domain/Graph.ts"
import { type Graph, recordsOf } from "../arbitraries/graphs.ts"
import { collect, differences, showDifferences } from "../compare.ts"
import { sampleGraph } from "../samples.ts"
import { type CaseError, type Harness, Mismatch, type Place } from "./Harness.ts"

/** Fails the case. */
export const fail = (message: string): Effect.Effect<never, Mismatch> => Effect.fail(new Mismatch({ message }))

/** Fails the case unless the condition holds. */
export const check = (condition: boolean, message: string): Effect.Effect<void, Mismatch> =>
  condition ? Effect.void : fail(message)

/** Fails the case unless the records are just those expected, in any order. */
export const expectRecords = (
  what: string,
  actual: ReadonlyArray<GraphRecord>,
  expected: ReadonlyArray<GraphRecord>
): Effect.Effect<void, Mismatch> => {
  const found = differences(expected, actual)
  return check(found.length === 0, `${what}: ${showDifferences(found)}`)
}

const fileFailed = (place: string) => (cause: unknown) =>
  new FileFailed({ path: place, reason: "io", message: `The test's folder ${place} could not be made.`, cause })

// A store that does not exist counts as empty, and may yet refuse to be read.
const NOT_THERE: ReadonlySet<string> = new Set(["not-found", "empty-file", "missing-database"])

/** All records of a store; none where it says that it does not exist. */
export const readAll = (backend: GraphBackend): Effect.Effect<ReadonlyArray<GraphRecord>, MigrationError> =>
  Effect.catchIf(
    collect(backend.read()),
    (error) => error._tag === "StoreUnavailable" && NOT_THERE.has(error.reason),
    () => Effect.succeed([])
  )

/** A folder of its own, removed with the scope. */
export const temporaryFolder: Effect.Effect<string, FileFailed, Scope.Scope> = Effect.acquireRelease(
  Effect.tryPromise({
    try: () => fs.mkdtemp(path.join(os.tmpdir(), "memorygraph-conformance-")),
    catch: fileFailed(os.tmpdir())
  }),
  (folder) => Effect.promise(() => fs.rm(folder, { recursive: true, force: true }))
)

/** A session, and the journal it was opened with. */
export interface OpenSession {
  readonly session: WriteSession
  readonly journal: Journal.Journal
}

/** Opens a session under a run id of its own. */
export const openSession = (backend: GraphBackend): Effect.Effect<OpenSession, MigrationError, Scope.Scope> =>
  Effect.gen(function* () {
    const journal = yield* Journal.make(path.join(yield* temporaryFolder, "journal.db"))
    const session = yield* backend.openSession({ run: `conformance-${crypto.randomUUID()}`, journal })
    return { session, journal }
  })

/** A run whose journal outlives its sessions. */
export interface Run {
  readonly run: string
  readonly file: string
}

/** A run that has done nothing yet. */
export const newRun: Effect.Effect<Run, FileFailed, Scope.Scope> = Effect.map(temporaryFolder, (folder) => ({
  run: `conformance-${crypto.randomUUID()}`,
  file: path.join(folder, "journal.db")
}))

/** Opens a session of the run, with its journal, over a connection of its own. */
export const openRun = (place: Place, { file, run }: Run): Effect.Effect<OpenSession, MigrationError, Scope.Scope> =>
  Effect.gen(function* () {
    const backend = yield* place.connect
    const journal = yield* Journal.make(file)
    return { session: yield* backend.openSession({ run, journal }), journal }
  })

/** Opens a session of the run, writes and publishes. */
export const publishRun = <E>(
  place: Place,
  run: Run,
  write: (session: WriteSession) => Effect.Effect<void, E>
): Effect.Effect<void, E | MigrationError> =>
  Effect.scoped(Effect.flatMap(openRun(place, run), ({ session }) => Effect.zipRight(write(session), session.publish)))

/** Takes back all that the run's journal knows of, in a session of the run; returns what had to stay. */
export const takeBackAll = ({ journal, session }: OpenSession): Effect.Effect<ReadonlyArray<Left>, MigrationError> =>
  Effect.gen(function* () {
    const left: Array<Left> = []
    yield* Stream.runForEach(journal.batches, (batch) =>
      Effect.forEach(
        Journal.UNDO_ORDER,
        (part) =>
          Effect.map(session.takeBack(batch, part), (stayed) => {
            left.push(...stayed)
          }),
        { discard: true }
      )
    )
    return left
  })

/** Writes records, all of one kind, in batches of at most `size`. */
const create = (session: WriteSession, records: ReadonlyArray<GraphRecord>, size: number) =>
  Effect.gen(function* () {
    for (let start = 0; start < records.length; start += size) {
      yield* session.write({ create: records.slice(start, start + size), overwrite: [] })
    }
  })

/** Writes a graph into a session: nodes first, in batches. */
export const writeGraph = (session: WriteSession, graph: Graph, size = 500): Effect.Effect<void, MigrationError> =>
  Effect.zipRight(create(session, graph.nodes, size), create(session, graph.relationships, size))

/** Overwrites one record in a session. */
export const overwrite = (session: WriteSession, before: GraphRecord, after: GraphRecord) =>
  session.write({ create: [], overwrite: [{ before, after }] })

/** Fails the case where an undo left something. */
export const expectUndone = (outcome: SessionOutcome): Effect.Effect<void, Mismatch> => {
  if (outcome._tag === "Undone") return Effect.void
  const left = outcome._tag === "Incomplete" ? `${JSON.stringify(outcome.left)} ${String(outcome.cause)}` : ""
  return fail(`the undo ended as ${outcome._tag} ${left}`)
}

/**
 * Puts a graph into a place: one session, published, on a connection of its own; `size` is that of its batches, in
 * records. Fails as the session does, and the place is then as it was.
 */
export const fill = (place: Place, graph: Graph, size = 500): Effect.Effect<void, MigrationError> =>
  Effect.scoped(
    Effect.gen(function* () {
      const { session } = yield* openSession(yield* place.connect)
      yield* writeGraph(session, graph, size)
      yield* session.publish
    })
  )

/** Everything that can be seen of a place. */
export interface State {
  readonly records: ReadonlyArray<GraphRecord>
  readonly statistics: Statistics
  readonly traces: ReadonlyArray<string>
}

/** Looks at a place over a connection of its own. */
export const stateOf = (place: Place): Effect.Effect<State, MigrationError> =>
  Effect.gen(function* () {
    const traces = yield* place.traces ?? Effect.succeed([])
    return yield* Effect.scoped(
      Effect.gen(function* () {
        const backend = yield* place.connect
        return { records: yield* readAll(backend), statistics: yield* backend.statistics, traces }
      })
    )
  })

const counts = (byName: { readonly [name: string]: number }): string =>
  Object.keys(byName)
    .filter((name) => byName[name] !== 0)
    .sort(compareCodePoints)
    .map((name) => `${JSON.stringify(name)} ${byName[name]}`)
    .join(", ")

const statisticsText = (statistics: Statistics): string =>
  `${statistics.nodes} nodes (${counts(statistics.labels)}), ${statistics.relationships} relationships (${counts(statistics.types)})`

/** Fails the case unless the counts are just those expected. */
export const expectStatistics = (
  what: string,
  actual: Statistics,
  expected: Statistics
): Effect.Effect<void, Mismatch> => {
  const [a, b] = [statisticsText(actual), statisticsText(expected)]
  return check(a === b, `${what}: the statistics should be ${b} and are ${a}`)
}

/** Fails the case unless the place looks as it did. */
export const expectState = (what: string, place: Place, before: State): Effect.Effect<void, CaseError> =>
  Effect.gen(function* () {
    const now = yield* stateOf(place)
    yield* expectRecords(what, now.records, before.records)
    yield* expectStatistics(what, now.statistics, before.statistics)
    const added = now.traces.filter((trace) => !before.traces.includes(trace))
    const gone = before.traces.filter((trace) => !now.traces.includes(trace))
    yield* check(added.length === 0, `${what}: this should not be there: ${added.join("; ")}`)
    yield* check(gone.length === 0, `${what}: this should still be there: ${gone.join("; ")}`)
  })

/** Fails the case unless the place holds just these records, seen over a new connection. */
export const expectHolds = (
  what: string,
  place: Place,
  expected: ReadonlyArray<GraphRecord>
): Effect.Effect<void, CaseError> =>
  Effect.scoped(
    Effect.gen(function* () {
      const backend = yield* place.connect
      yield* expectRecords(what, yield* readAll(backend), expected)
    })
  )

/** Makes one record of the place impossible to decode. */
export const spoil = (place: Place): Effect.Effect<void, CaseError> =>
  place.spoil ?? fail("the harness gives no `spoil`: give one, or list the feature in `without`")

/** Makes the place refuse a record. */
export const refuse = (place: Place, record: GraphRecord): Effect.Effect<void, CaseError> =>
  place.refuse?.(record) ?? fail("the harness gives no `refuse`: give one, or list the feature in `without`")

/** Whether the store holds somebody's data already: the same obligation is kept by other means. */
export type Mode = "new store" | "store in use"
export const MODES: ReadonlyArray<Mode> = ["new store", "store in use"]

/** A place to write to, a connection to it, and what it holds. */
export interface Start {
  readonly place: Place
  readonly backend: GraphBackend
  readonly own: Graph
}

/** A place of that mode. A store in use holds a graph of twelve memories. */
export const start = (harness: Harness, mode: Mode): Effect.Effect<Start, CaseError, Scope.Scope> =>
  Effect.gen(function* () {
    const place = yield* harness.place
    const own = mode === "new store" ? { nodes: [], relationships: [] } : sampleGraph("own", 12, harness.without)
    if (mode === "store in use") yield* fill(place, own)
    return { place, backend: yield* place.connect, own }
  })

/** The records that a store can hold, and the relationships among them whose ends it can hold. */
export const storable = (backend: GraphBackend, graph: Graph): Graph => {
  const possible = (record: GraphRecord) => backend.fit(record).every((misfit) => misfit.level !== "impossible")
  const nodes = graph.nodes.filter(possible)
  const keys = new Set(nodes.map((one) => one.key))
  const relationships = graph.relationships.filter((one) => keys.has(one.from) && keys.has(one.to) && possible(one))
  return { nodes, relationships }
}

/** The graph of both. */
export const union = (a: Graph, b: Graph): Graph => ({
  nodes: [...a.nodes, ...b.nodes],
  relationships: [...a.relationships, ...b.relationships]
})

/** Writes a graph to a new place and reads it back over a new connection. */
export const roundTrip = (harness: Harness, what: string, graph: Graph): Effect.Effect<void, CaseError, Scope.Scope> =>
  Effect.gen(function* () {
    const place = yield* harness.place
    yield* fill(place, graph)
    yield* expectHolds(what, place, recordsOf(graph))
  })

/** True where two records are the same by canonical line. */
export const same = (a: GraphRecord, b: GraphRecord): boolean => canonicalLine(a) === canonicalLine(b)
