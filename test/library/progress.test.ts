/** Progress as a stream: complete at its ends, bounded, and never a brake. */
import * as path from "node:path"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import { describe, expect, it } from "vitest"
import { connect } from "../../src/backend/registry.ts"
import { migrate } from "../../src/migration/migrate.ts"
import { Progress, type ProgressEvent, withProgress } from "../../src/migration/Progress.ts"
import { fixture, tempFolder } from "../support/migrating.ts"

const migration = Effect.scoped(
  Effect.gen(function* () {
    const folder = tempFolder()
    const source = yield* connect({ kind: "sqlite", path: fixture("python-small.db") })
    const target = yield* connect({ kind: "sqlite", path: path.join(folder, "to.db") })
    return yield* migrate(source, target, { stateFolder: path.join(folder, "state") })
  })
)

/** A program that gives so many notices and then ends. */
const noisy = (notices: number) =>
  Effect.flatMap(Progress, ({ emit }) =>
    Effect.sync(() => {
      emit({ phase: "import", done: 0, total: notices, state: "started" })
      for (let done = 1; done <= notices; done++) emit({ phase: "import", done, total: notices, state: "running" })
      emit({ phase: "import", done: notices, total: notices, state: "ended" })
      return notices
    })
  )

const collect = (events: Stream.Stream<ProgressEvent>) => Effect.map(Stream.runCollect(events), Chunk.toReadonlyArray)

describe("withProgress", () => {
  it("tells of every phase that it starts and ends, and ends with the program", async () => {
    const { events, phases } = await Effect.runPromise(
      Effect.gen(function* () {
        const observed = yield* withProgress(migration)
        const seen = yield* Effect.fork(collect(observed.events))
        const report = yield* observed.result
        return { events: yield* Fiber.join(seen), phases: report.phases.map(({ name }) => name) }
      })
    )
    const of = (state: ProgressEvent["state"]) =>
      events.filter((event) => event.state === state).map(({ phase }) => phase)
    expect(of("started")).toEqual(phases)
    expect(of("ended")).toEqual(phases)
    expect(phases).toContain("verify")
  })

  it("waits for no consumer: late, the newest are there, and nothing has grown", async () => {
    const { events, result } = await Effect.runPromise(
      Effect.gen(function* () {
        const observed = yield* withProgress(noisy(100_000), { capacity: 8, interval: 0 })
        const ended = yield* observed.result
        return { result: ended, events: yield* collect(observed.events) }
      })
    )
    expect(result).toBe(100_000)
    expect(events).toHaveLength(8)
    expect(events.at(-1)).toMatchObject({ state: "ended", done: 100_000 })
    expect(events.at(0)).toMatchObject({ state: "running", done: 99_994 })
  })

  it("is not held up by a consumer that hangs", async () => {
    const program = Effect.gen(function* () {
      const observed = yield* withProgress(noisy(1000), { capacity: 2, interval: 0 })
      yield* Effect.forkDaemon(Stream.runForEach(observed.events, () => Effect.never)).pipe(
        Effect.tap((fiber) => Effect.addFinalizer(() => Fiber.interrupt(fiber)))
      )
      return yield* observed.result
    })
    expect(await Effect.runPromise(Effect.timeout(Effect.scoped(program), "5 seconds"))).toBe(1000)
  })

  it("passes on few of many notices", async () => {
    const events = await Effect.runPromise(
      Effect.gen(function* () {
        const observed = yield* withProgress(noisy(10_000), { interval: 60_000 })
        yield* observed.result
        return yield* collect(observed.events)
      })
    )
    expect(events.map(({ state }) => state)).toEqual(["started", "ended"])
  })

  it("ends where the program fails or is interrupted", async () => {
    const events = await Effect.runPromise(
      Effect.gen(function* () {
        const failing = yield* withProgress(Effect.zipRight(noisy(1), Effect.fail("on purpose")))
        yield* Effect.flip(failing.result)
        const hanging = yield* withProgress(Effect.zipRight(noisy(1), Effect.never))
        const fiber = yield* Effect.fork(hanging.result)
        yield* Effect.yieldNow()
        yield* Fiber.interrupt(fiber)
        return [yield* collect(failing.events), yield* collect(hanging.events)]
      })
    )
    expect(events.map((seen) => seen.at(-1)?.state)).toEqual(["ended", "ended"])
  })
})
