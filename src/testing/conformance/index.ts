/**
 * The conformance suite: what every backend owes to the port, as data. {@link conformance} lists the cases,
 * {@link register} hands them to any test runner, {@link run} runs them without one.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { MigrationError } from "../../domain/Errors.ts"
import { connecting } from "./connecting.ts"
import { fitting } from "./fitting.ts"
import { type ConformanceCase, type ConformanceFailure, type Harness, reasonToSkip } from "./Harness.ts"
import { lookingUp } from "./lookingUp.ts"
import { overwriting } from "./overwriting.ts"
import { publishing } from "./publishing.ts"
import { random } from "./random.ts"
import { reading } from "./reading.ts"
import { refusing } from "./refusing.ts"
import { removing } from "./removing.ts"
import { takingBack } from "./takingBack.ts"
import { undoing } from "./undoing.ts"
import { carryingValues } from "./values.ts"
import { writing } from "./writing.ts"

export { type ConformanceCase, ConformanceFailure, type Harness, type Place, reasonToSkip } from "./Harness.ts"

/** All cases, in the order in which it helps to see them fail. */
export const conformance: ReadonlyArray<ConformanceCase> = [
  ...connecting,
  ...fitting,
  ...writing,
  ...overwriting,
  ...refusing,
  ...removing,
  ...publishing,
  ...undoing,
  ...takingBack,
  ...reading,
  ...lookingUp,
  ...carryingValues,
  ...random
]

/** A test as runners call it: vitest and node:test pass a context. */
export type Test = (...context: ReadonlyArray<unknown>) => Promise<void>

/** As much of a runner's `it` as the suite needs: that of vitest, jest and mocha, and node:test's. */
export interface It {
  (name: string, test: Test): unknown
  readonly skip: (name: string, test: Test) => unknown
}

type Skip = { readonly skip: (reason: string) => void }

const canSkip = (context: unknown): context is Skip =>
  typeof context === "object" && context !== null && "skip" in context && typeof context.skip === "function"

/**
 * Registers every case as a test, inside whatever `describe` is open. A case with nothing to test on this backend goes
 * to `it.skip`, with the reason in its name; run all the same, it skips itself by its context, so that a host may give
 * an `it` whose `skip` registers it like any other and so learn the reason as a note. A test of a case that fails
 * rejects with its `ConformanceFailure`, or with the error of the backend.
 *
 * @example
 * ```ts
 * describe("my backend", () => register(it, harness))
 * ```
 */
export const register = (it: It, harness: Harness): void => {
  for (const one of conformance) {
    const skipped = reasonToSkip(one, harness)
    if (skipped !== undefined) {
      it.skip(`${one.name} [${skipped}]`, async (context) => {
        if (canSkip(context)) context.skip(skipped)
      })
      continue
    }
    it(one.name, async () => {
      const exit = await Effect.runPromiseExit(Effect.scoped(one.run(harness)))
      // The error itself, not a fiber's: its message says what is wrong.
      if (Exit.isFailure(exit)) throw Cause.squash(exit.cause)
    })
  }
}

/** How a case ended. */
export type CaseResult =
  | { readonly name: string; readonly result: "passed" }
  | { readonly name: string; readonly result: "skipped"; readonly reason: string }
  | {
      readonly name: string
      readonly result: "failed"
      readonly cause: Cause.Cause<ConformanceFailure | MigrationError>
    }

/**
 * Runs cases one after another, all unless given, and returns how each ended: one that fails is no failure of this.
 *
 * @example
 * ```ts
 * const harness: Harness = {
 *   name: "memory",
 *   without: ["spoil", "refuse"],
 *   place: Effect.sync(() => {
 *     const store = new MemoryBackend.MemoryStore(crypto.randomUUID())
 *     return { connect: MemoryBackend.make({ store }) }
 *   })
 * }
 * const failed = (yield* run(harness)).filter(({ result }) => result === "failed")
 * ```
 */
export const run = (
  harness: Harness,
  cases: ReadonlyArray<ConformanceCase> = conformance
): Effect.Effect<ReadonlyArray<CaseResult>> =>
  Effect.forEach(cases, (one): Effect.Effect<CaseResult> => {
    const { name } = one
    const reason = reasonToSkip(one, harness)
    if (reason !== undefined) return Effect.succeed({ name, result: "skipped", reason })
    return Effect.scoped(one.run(harness)).pipe(
      Effect.exit,
      Effect.map((exit) =>
        Exit.isSuccess(exit) ? { name, result: "passed" } : { name, result: "failed", cause: exit.cause }
      )
    )
  })
