import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import { describe, expect, it } from "vitest"
import * as WriteSession from "../../src/backend/WriteSession.ts"
import { recordsOf } from "../../src/testing/arbitraries/graphs.ts"
import { collect, differences } from "../../src/testing/compare.ts"
import { openSession, writeGraph } from "../../src/testing/conformance/support.ts"
import { type Fault, FaultGate, faulty, faultyDriver } from "../../src/testing/faults.ts"
import * as MemoryBackend from "../../src/testing/MemoryBackend.ts"
import { sampleGraph } from "../../src/testing/samples.ts"

const own = sampleGraph("own", 6)
const given = sampleGraph("new", 8)

// A small migration: look, write, check, publish, look again.
const migration = (gate: FaultGate, exposed: boolean, level: "backend" | "driver") =>
  Effect.gen(function* () {
    const store = new MemoryBackend.MemoryStore("place")
    store.graph.apply({ create: own.nodes, overwrite: [] })
    store.graph.apply({ create: own.relationships, overwrite: [] })
    const good = yield* MemoryBackend.make({
      store,
      exposed,
      ...(level === "driver" && { wrapDriver: (driver) => faultyDriver(driver, gate) })
    })
    const backend = level === "backend" ? faulty(good, gate) : good
    const program = Effect.scoped(
      Effect.gen(function* () {
        yield* backend.health
        yield* backend.statistics
        yield* backend.dangling
        yield* collect(backend.read())
        yield* backend.lookup(given.nodes)
        const { session } = yield* openSession(backend)
        return yield* WriteSession.use(
          session,
          Effect.gen(function* () {
            yield* writeGraph(session, given, 6)
            yield* collect(session.read)
            yield* session.lookup(given.nodes)
          })
        )
      })
    )
    return { store, program }
  })

const holds = (store: MemoryBackend.MemoryStore, graphs: ReadonlyArray<typeof own>) =>
  differences(graphs.flatMap(recordsOf), [...store.graph.records("nodes"), ...store.graph.records("relationships")])
    .length === 0

const visit = (fault: Fault | undefined, exposed: boolean, level: "backend" | "driver") =>
  Effect.gen(function* () {
    const gate = new FaultGate(fault === undefined ? [] : [fault])
    const { program, store } = yield* migration(gate, exposed, level)
    // A call that hangs where nobody may interrupt it hangs for ever: that test does not wait for its end.
    const fiber = yield* Effect.forkDaemon(Effect.exit(program))
    const stuck = fault?.kind === "hang" && ["session.publish", "session.undo"].includes(fault.method)
    if (fault?.kind === "hang") {
      yield* Effect.repeat(Effect.sleep(2), { until: () => gate.happened.length > 0, times: 1000 })
      if (!stuck) yield* Fiber.interrupt(fiber)
    }
    const exit = stuck ? undefined : yield* Effect.exit(Effect.flatten(Fiber.join(fiber)))
    return { gate, store, exit }
  })

type Ended = Effect.Effect.Success<ReturnType<typeof visit>>

// What is wrong after a fault, if anything.
const problemOf = (fault: Fault, { exit, gate, store }: Ended): string | undefined => {
  if (gate.happened[0] !== fault || gate.happened.length !== 1) return "it did not happen"
  const after = holds(store, [own, given])
  const isPublication = fault.method === "session.publish"
  if (isPublication && fault.kind === "hang") return undefined
  if (!after && !holds(store, [own])) return "neither all nor nothing is there"
  if (exit === undefined) return undefined
  const outcome = Exit.isSuccess(exit) ? exit.value.outcome._tag : undefined
  if (outcome !== "Unknown" && after !== (outcome === "Published")) return "what is there is not what the program says"
  if (isPublication && fault.kind === "lose-reply" && !after) return "a lost reply to a publication became an undo"
  return undefined
}

describe.each([
  { level: "backend" as const, exposed: false },
  { level: "backend" as const, exposed: true },
  { level: "driver" as const, exposed: false },
  { level: "driver" as const, exposed: true }
])("a sweep over every call, $level, exposed $exposed", ({ exposed, level }) => {
  it("leaves all or nothing", async () => {
    const plain = await Effect.runPromise(visit(undefined, exposed, level))
    expect(holds(plain.store, [own, given])).toBe(true)
    const faults = plain.gate.sweep()
    expect(faults.length).toBeGreaterThanOrEqual(level === "backend" ? 50 : 30)
    const wrong: Array<unknown> = []
    for (const fault of faults) {
      const problem = await Effect.runPromise(
        Effect.map(visit(fault, exposed, level), (ended) => problemOf(fault, ended))
      )
      if (problem !== undefined) wrong.push({ ...fault, problem })
    }
    expect(wrong).toEqual([])
  })
})

describe("an undo that fails", () => {
  it("is reported as incomplete, with its cause", async () => {
    const gate = new FaultGate([
      { method: "session.write", call: 2, kind: "fail" },
      { method: "session.undo", call: 1, kind: "fail" }
    ])
    const { program } = await Effect.runPromise(migration(gate, true, "driver"))
    const result = await Effect.runPromise(program)
    expect(gate.happened).toHaveLength(2)
    expect(result.outcome).toMatchObject({ _tag: "Incomplete", cause: { _tag: "WriteFailed" } })
  })
})

describe("taking back", () => {
  it.each(["fail", "lose-reply"] as const)("can be made to %s", async (kind) => {
    const store = new MemoryBackend.MemoryStore("place")
    const gate = new FaultGate([{ method: "session.takeBack", call: 1, kind }])
    const left = await Effect.runPromise(
      Effect.gen(function* () {
        const good = yield* MemoryBackend.make({ store })
        const { journal, session } = yield* openSession(good)
        yield* writeGraph(session, { nodes: own.nodes, relationships: [] })
        yield* session.publish
        const again = yield* faulty(good, gate).openSession({ run: session.run, journal })
        const batch = yield* Effect.flatten(Stream.runHead(journal.batches))
        const error = yield* Effect.flip(again.takeBack(batch, "Node"))
        expect(error).toMatchObject({ _tag: "WriteFailed", reason: "went-away" })
        return (yield* collect(again.read)).length
      }).pipe(Effect.scoped)
    )
    expect([gate.happened.length, left]).toEqual([1, kind === "fail" ? own.nodes.length : 0])
  })
})
