/** An open session after a load: what stands between import and verification. */
import * as fs from "node:fs"
import * as path from "node:path"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { GraphBackend } from "../../src/backend/GraphBackend.ts"
import * as Journal from "../../src/backend/Journal.ts"
import type { WriteSession } from "../../src/backend/WriteSession.ts"
import type { MigrationError } from "../../src/domain/Errors.ts"
import { type GraphRecord, node, relationship } from "../../src/domain/Graph.ts"
import { Census } from "../../src/migration/census.ts"
import { load } from "../../src/migration/load.ts"
import type { Verification } from "../../src/migration/report.ts"
import { makeRunId } from "../../src/migration/Run.ts"
import { takeAll } from "../../src/migration/sift.ts"
import * as Spool from "../../src/migration/spool.ts"
import { verify } from "../../src/migration/verify.ts"
import { emptyGraph, type Graph, graph, recordsOf } from "../../src/testing/arbitraries.ts"
import { storable, union, writeGraph } from "../../src/testing/conformance/support.ts"
import { pythonSmall } from "../document/support.ts"
import { tempFolder } from "../support/migrating.ts"
import { SEED } from "./sweep.ts"

const meter = { tick: () => {} }
const isNode = (record: GraphRecord) => record._tag === "Node"
const isRelationship = (record: GraphRecord) => record._tag === "Relationship"

/** A real graph and random ones beside it: about 30 memories and 30 nodes with everything in them. */
const coming = (): Graph => {
  const real = pythonSmall()
  const random = FastCheck.sample(graph({ maxNodes: 10, maxRelationships: 14 }), { numRuns: 24, seed: SEED })
    .toSorted((a, b) => b.relationships.length - a.relationships.length)
    .slice(0, 4)
    .map((one, i) => prefixed(one, `g${i}-`))
  return random.reduce(union, { nodes: real.filter(isNode), relationships: real.filter(isRelationship) })
}

// The arbitrary's own prefix needs another arbitrary for each graph; keys are what the prefix is for.
const prefixed = ({ nodes, relationships }: Graph, prefix: string): Graph => {
  const own = (key: string, properties: GraphRecord["properties"]) =>
    properties["id"] === key ? { ...properties, id: prefix + key } : properties
  return {
    nodes: nodes.map(({ key, labels, properties }) => node(prefix + key, labels, own(key, properties))),
    relationships: relationships.map(({ from, key, properties, to, type }) =>
      relationship(
        key === null ? null : prefix + key,
        prefix + from,
        type,
        prefix + to,
        key === null ? properties : own(key, properties)
      )
    )
  }
}

const altered = <A extends GraphRecord>(record: A): A => ({
  ...record,
  properties: { ...record.properties, altered: "before", zz: 1n }
})

/** What a target in use holds: records of its own, some of ours, and some of ours with another content. */
const inUse = ({ nodes, relationships }: Graph): Graph => {
  const own = prefixed(
    FastCheck.sample(graph(), { numRuns: 1, seed: SEED + 1 })[0] ?? { nodes: [], relationships: [] },
    "own-"
  )
  const there = nodes.filter((_, i) => i % 4 < 2).map((one, i) => (i % 2 === 0 ? altered(one) : one))
  const keys = new Set(there.map(({ key }) => key))
  const links = relationships
    .filter(({ from, to }) => keys.has(from) && keys.has(to))
    .map((one, i) => (i % 2 === 0 && one.key !== null ? altered(one) : one))
  return union(own, { nodes: there, relationships: links })
}

/** A loaded session. */
export interface Loaded {
  readonly session: WriteSession
  /** What was to be moved. */
  readonly records: ReadonlyArray<GraphRecord>
  /** Relationships without a key that the target held before: more of them may be anybody's. */
  readonly held: ReadonlyArray<GraphRecord>
  readonly verify: Effect.Effect<Verification, MigrationError>
  /** Everything that the session would publish. */
  readonly content: Effect.Effect<ReadonlyArray<GraphRecord>, MigrationError>
}

/** The state of the target, and what happens to records that it holds with another content. */
export const STATES = ["fresh", "in use, skip", "in use, overwrite"] as const
export type State = (typeof STATES)[number]

const spoolOf = (records: ReadonlyArray<GraphRecord>, folder: string) =>
  Effect.acquireUseRelease(
    Effect.sync(() => new Census({ checkRelationshipKeys: true })),
    (census) =>
      Spool.write({
        path: path.join(folder, "spool.jsonl"),
        header: { created: "2026-11-22T12:00:00.000Z", generator: "test", backend: "test" },
        records: Stream.fromIterable(records),
        census,
        sift: takeAll(census),
        meter
      }),
    (census) => Effect.sync(() => census.close())
  )

const newJournal = (folder: string) =>
  Journal.make(path.join(fs.mkdtempSync(path.join(folder, "journal-")), "journal.db"))

/** Fills the target as the state says, opens a session on it, and loads the graph. */
export const openLoaded = (target: GraphBackend, state: State): Effect.Effect<Loaded, MigrationError, Scope.Scope> =>
  Effect.gen(function* () {
    const folder = tempFolder()
    const whole = storable(target, coming())
    const before = state === "fresh" ? emptyGraph : storable(target, inUse(whole))
    if (state !== "fresh") {
      yield* Effect.scoped(
        Effect.gen(function* () {
          const filling = yield* target.openSession({ run: makeRunId(new Date()), journal: yield* newJournal(folder) })
          yield* writeGraph(filling, before)
          yield* filling.publish
        })
      )
    }
    const records = recordsOf(whole)
    const spool = yield* spoolOf(records, folder)
    const journal = yield* newJournal(folder)
    const session = yield* target.openSession({ run: makeRunId(new Date()), journal })
    const onConflict = state === "in use, overwrite" ? "overwrite" : "skip"
    const { kept, unkeyed } = yield* load({ spool, session, journal, onConflict, onError: "stop", meter })
    return {
      session,
      records,
      held: before.relationships.filter(({ key }) => key === null),
      verify: Effect.suspend(() => verify({ spool, session, kept, unkeyed, meter })),
      content: Effect.map(Stream.runCollect(session.read), (found) => [...found])
    }
  })
