/** One call of a tool: waiting for its work, telling how far it is, and the two steps to whatever writes. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { type MigrationError, Refused, UsageError } from "../domain/Errors.ts"
import { Progress } from "../migration/Progress.ts"
import type { RunReport } from "../migration/report.ts"
import type { Recorder } from "../migration/Run.ts"
import { notices, type Notify, WHOLE } from "./notices.ts"
import { follow } from "./progress.ts"
import type { Work } from "./schemas.ts"
import type { Product, Task, Tasks } from "./tasks.ts"

/** What a person said who was asked in the client; `unasked` where that could not be. */
export type Consent = "yes" | "no" | "unasked"

/** What a client brings to a call. */
export interface Call {
  readonly tasks: Tasks
  /** Sends a notice of progress, where the client asked for them: of 100, and a sentence. */
  readonly notify: Notify | undefined
  /** Asks the person at the client, where the client can (elicitation). */
  readonly ask: ((question: string) => Effect.Effect<Consent>) | undefined
}

/** How long a call without a progress token waits for its work before it answers with the run's id. */
export const PATIENCE = "20 seconds"

/** Carries an effect out and tells of its progress, where that is no task's. */
export const noticing = <A, E, R>(
  notify: Call["notify"],
  effect: Effect.Effect<A, E, R>
): Effect.Effect<A, E, Exclude<R, Progress>> =>
  notify === undefined
    ? Effect.provideService(effect, Progress, { emit: () => {} })
    : Effect.acquireUseRelease(
        Effect.sync(() => notices(notify, WHOLE)),
        ({ hear }) => {
          const position = follow()
          return Effect.provideService(effect, Progress, { emit: (event) => hear(position(event)) })
        },
        ({ end }) => Effect.sync(end)
      )

/**
 * Waits for a task: to its end where the client hears of its progress, else as long as {@link PATIENCE}, with `wait`
 * false not at all. Whoever cancels the call meanwhile cancels the task.
 */
export const attend = (
  task: Task,
  { notify }: Pick<Call, "notify">,
  wait: boolean | undefined,
  part = WHOLE
): Effect.Effect<Work> =>
  Effect.gen(function* () {
    if (wait === false) return task.work()
    if (notify === undefined) {
      return yield* Effect.raceFirst(task.ended, Effect.delay(Effect.sync(task.work), PATIENCE))
    }
    return yield* Effect.acquireUseRelease(
      Effect.sync(() => {
        const { end, hear } = notices(notify, part)
        return { end, stop: task.listen(hear) }
      }),
      () => task.ended,
      ({ end, stop }) =>
        Effect.sync(() => {
          stop()
          end()
        })
    )
  }).pipe(Effect.onInterrupt(() => task.cancel))

/** Work that a plan comes before. */
export interface TwoSteps {
  readonly tool: string
  readonly command: string
  /** The arguments that say which step it is. */
  readonly arguments: {
    readonly plan_hash?: string | undefined
    readonly dry_run?: boolean | undefined
    readonly wait?: boolean | undefined
  }
  /** Makes the plan; changes nothing. Its hash covers everything that a person agrees to. */
  readonly plan: (recorder: Recorder) => Effect.Effect<Product, MigrationError, Scope.Scope>
  /** Carries out the plan of that hash, and refuses where it does not hold any more. */
  readonly act: (recorder: Recorder, planHash: string) => Effect.Effect<RunReport, MigrationError, Scope.Scope>
  /** What a person is asked. */
  readonly question: (planned: Work) => string
}

const declined = () =>
  new Refused({ reason: "declined", message: "Declined by the person at the client. Nothing was written." })

/** Asks once more about a plan that the person has declined, and goes on with a yes only. */
const askAgain = (
  { ask, tasks }: Call,
  { question }: Pick<TwoSteps, "question">,
  hash: string
): Effect.Effect<void, Refused> =>
  Effect.gen(function* () {
    const plan = tasks.declined.get(hash)
    if (plan === undefined) return
    if (ask === undefined || (yield* ask(question(plan))) !== "yes") return yield* declined()
    tasks.declined.delete(hash)
  })

/** Where the planning ends in the notices of a call that does both steps. */
const PLANNED = 40

/**
 * The first call plans and returns the plan's hash; the second one, with that hash, acts. Where the client can ask its
 * person, one call does both, and the person stands in between.
 */
export const twoSteps = (call: Call, steps: TwoSteps): Effect.Effect<Work, MigrationError> =>
  Effect.gen(function* () {
    const { act, arguments: given, command, plan, question, tool } = steps
    const { ask, tasks } = call
    const carryOut = (hash: string) =>
      tasks.start({
        tool,
        command,
        does: "write",
        run: tasks.planned(tool, hash),
        program: (recorder) => Effect.map(act(recorder, hash), (report) => ({ report }))
      })
    if (given.plan_hash !== undefined) {
      if (given.dry_run === true) {
        return yield* new UsageError({
          message: "dry_run and plan_hash contradict each other. Nothing was written. Leave one of them out."
        })
      }
      yield* askAgain(call, steps, given.plan_hash)
      return yield* attend(yield* carryOut(given.plan_hash), call, given.wait)
    }
    const asks = given.dry_run !== true && given.wait !== false ? ask : undefined
    const planning = yield* tasks.start({ tool, command, does: "plan", program: plan })
    const planned = yield* attend(planning, call, given.wait, asks === undefined ? WHOLE : { from: 0, to: PLANNED })
    if (asks === undefined || planned.status !== "planned" || planned.plan_hash === null) return planned
    switch (yield* asks(question(planned))) {
      case "unasked":
        return planned
      case "no":
        tasks.declined.set(planned.plan_hash, planned)
        return yield* declined()
      case "yes":
        return yield* attend(yield* carryOut(planned.plan_hash), call, undefined, { from: PLANNED, to: 100 })
    }
  })
