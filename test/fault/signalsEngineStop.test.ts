/** A signal that comes while an engine is being stopped: it is stopped all the same, and its folder goes. */
import * as fs from "node:fs"
import * as path from "node:path"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { beforeEach, describe, expect, it } from "vitest"
import { start } from "../../src/backend/falkordb/process.ts"
import { engine, engineAvailable } from "../support/falkordb.ts"

describe("an engine that is being stopped", () => {
  beforeEach((ctx) => {
    if (engineAvailable !== undefined) ctx.skip(engineAvailable)
  })

  it.each([0, 1, 2, 4])("is stopped, folder and all, though its fiber is interrupted %d ms into it", async (delay) => {
    let home = ""
    const fiber: Fiber.RuntimeFiber<void, unknown> = Effect.runFork(
      Effect.gen(function* () {
        const running = yield* start(engine(), { backend: "falkordblite", location: "a test" })
        home = path.dirname(running.socket)
        // Finalizers run in reverse: this one is the beginning of the stopping.
        yield* Effect.addFinalizer(() =>
          Effect.sync(() => setTimeout(() => fiber.unsafeInterruptAsFork(fiber.id()), delay))
        )
      }).pipe(Effect.scoped, Effect.uninterruptible)
    )
    await Effect.runPromise(Fiber.await(fiber))
    expect(home).not.toBe("")
    expect(fs.existsSync(home)).toBe(false)
  })
})
