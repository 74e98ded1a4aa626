/** Progress of long work, for whoever wants to see it; silent unless somebody provides a sink. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Mailbox from "effect/Mailbox"
import type * as Stream from "effect/Stream"

/** The phases of a migration, in order. */
export const PHASES = [
  "preflight",
  "export",
  "validate",
  "plan",
  "remove",
  "import",
  "verify",
  "publish",
  "undo",
  "cleanup"
] as const
/** A phase of a migration. */
export type Phase = (typeof PHASES)[number]

/** What a phase does, for people. */
export const PHASE_TITLES: { readonly [P in Phase]: string } = {
  preflight: "Looking at both sides",
  export: "Reading",
  validate: "Validating",
  plan: "Planning",
  remove: "Removing",
  import: "Writing",
  verify: "Verifying",
  publish: "Publishing",
  undo: "Undoing",
  cleanup: "Cleaning up"
}

/** One notice. */
export interface ProgressEvent {
  readonly phase: Phase
  /** Records so far; stays 0 in phases that count none (`preflight`, `publish`, `undo`, `cleanup`). */
  readonly done: number
  /** Records to come in all, undefined where that is not known; batches in the `undo` of a rollback. */
  readonly total: number | undefined
  readonly state: "started" | "running" | "ended"
}

/**
 * Takes notices; called synchronously, once for each chunk or batch of records (1000 at most, mostly), so it must be
 * cheap.
 */
export interface ProgressSink {
  readonly emit: (event: ProgressEvent) => void
}

/**
 * The sink in force; by default one that does nothing.
 *
 * @example
 * ```ts
 * const counted = Effect.provideService(migrate(source, target, { stateFolder: "state" }), Progress, {
 *   emit: ({ done, phase }) => counts.set(phase, done)
 * })
 * ```
 */
export class Progress extends Context.Reference<Progress>()("memorygraph-migrate/Progress", {
  defaultValue: (): ProgressSink => ({ emit: () => {} })
}) {}

/** How notices are passed on. */
export interface ProgressOptions {
  /** The least number of milliseconds between two notices that a phase is `running`; default 100. */
  readonly interval?: number | undefined
  /** How many notices wait for a slow consumer before the oldest are dropped; default 64. */
  readonly capacity?: number | undefined
}

/** A program and its notices, to be run and consumed side by side. */
export interface Observed<A, E, R> {
  /**
   * The notices, for one consumer; ends when the program has ended, however it did. It may be consumed late, slowly or
   * not at all: the program never waits for it.
   */
  readonly events: Stream.Stream<ProgressEvent>
  /** The program; to be run once. */
  readonly result: Effect.Effect<A, E, R>
}

/**
 * Makes the progress of a program a stream. Every phase is told when it starts and ends, and at most once an interval
 * in between. A consumer that is slower than that loses the oldest notices, never the newest, and never holds up the
 * program. The stream takes the place of the {@link Progress} sink in force. `result` fails as the program does, and
 * `events` never fails.
 *
 * @example
 * ```ts
 * const { events, result } = yield* withProgress(migrate(source, target, { stateFolder: "state" }))
 * const display = yield* Effect.fork(Stream.runForEach(events, (event) => Effect.logInfo(event)))
 * const report = yield* result
 * yield* Fiber.join(display)
 * ```
 */
export const withProgress = <A, E, R>(
  program: Effect.Effect<A, E, R>,
  options: ProgressOptions = {}
): Effect.Effect<Observed<A, E, R>> =>
  Effect.map(
    Mailbox.make<ProgressEvent>({ capacity: options.capacity ?? 64, strategy: "sliding" }),
    (mailbox): Observed<A, E, R> => {
      const interval = options.interval ?? 100
      let passed = Number.NEGATIVE_INFINITY
      const emit = (event: ProgressEvent) => {
        const now = performance.now()
        if (event.state === "running" && now - passed < interval) return
        passed = now
        mailbox.unsafeOffer(event)
      }
      return {
        events: Mailbox.toStream(mailbox),
        result: program.pipe(Effect.provideService(Progress, { emit }), Effect.ensuring(mailbox.end))
      }
    }
  )
