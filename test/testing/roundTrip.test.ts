import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Stream from "effect/Stream"
import { describe, expect, it } from "vitest"
import type { GraphBackend } from "../../src/backend/GraphBackend.ts"
import type { MigrationError } from "../../src/domain/Errors.ts"
import * as Arbitraries from "../../src/testing/arbitraries.ts"
import { collect } from "../../src/testing/compare.ts"
import { openSession, writeGraph } from "../../src/testing/conformance/support.ts"
import { roundTrip } from "../../src/testing/roundTrip.ts"
import { memory, sampleGraph } from "../../src/testing/samples.ts"
import { memoryHarness } from "./harnesses.ts"

const stops = ["A", "B", "C", "A"].map((name) => memoryHarness(name))

const write = (target: GraphBackend, graph: Arbitraries.Graph): Effect.Effect<void, MigrationError> =>
  Effect.scoped(
    Effect.gen(function* () {
      const { session } = yield* openSession(target)
      yield* writeGraph(session, graph)
      yield* session.publish
    })
  )

const move = (source: GraphBackend, target: GraphBackend): Effect.Effect<void, MigrationError> =>
  Effect.gen(function* () {
    const nodes = yield* collect(source.read({ only: "nodes" }))
    const relationships = yield* collect(source.read({ only: "relationships" }))
    yield* write(target, {
      nodes: nodes.filter((record) => record._tag === "Node"),
      relationships: relationships.filter((record) => record._tag === "Relationship")
    })
  })

describe("the round trip", () => {
  it("brings random graphs home", async () => {
    const fingerprints = new Set<string>()
    await FastCheck.assert(
      FastCheck.asyncProperty(Arbitraries.graph(), async (graph) => {
        const legs = await Effect.runPromise(roundTrip({ stops, graph, migrate: move }))
        expect(legs.map((leg) => `${leg.from}${leg.to}`)).toEqual(["AB", "BC", "CA"])
        expect(new Set(legs.map((leg) => leg.fingerprint.text)).size).toBe(1)
        fingerprints.add(legs[0]?.fingerprint.text ?? "")
      }),
      { seed: 11, numRuns: 30 }
    )
    expect(fingerprints.size).toBeGreaterThan(20)
  })

  it("names what did not arrive, and where", async () => {
    const graph = sampleGraph("trp", 5)
    const lossy = (source: GraphBackend, target: GraphBackend) =>
      move(
        { ...source, read: (selection) => Stream.drop(source.read(selection), selection?.only === "nodes" ? 0 : 1) },
        target
      )
    const failure = await Effect.runPromise(Effect.flip(roundTrip({ stops, graph, migrate: lossy })))
    expect(failure).toMatchObject({ _tag: "RoundTripFailure", from: "A", to: "B" })
    expect(failure.message).toContain("is missing")
  })

  it("notices a source that is changed by being read", async () => {
    const graph = sampleGraph("trp", 5)
    const meddle = (source: GraphBackend, target: GraphBackend) =>
      Effect.zipRight(move(source, target), write(source, { nodes: [memory("new", 1)], relationships: [] }))
    const failure = await Effect.runPromise(Effect.flip(roundTrip({ stops, graph, migrate: meddle })))
    expect(failure).toMatchObject({ _tag: "RoundTripFailure", from: "A", to: "B" })
    expect(failure.message).toContain("A was changed by being read")
  })
})
