/**
 * The work of a server: the runs that it does or has planned, by their ids. Each goes on in a fiber of its own, whether
 * somebody waits for it or not; to cancel one is to interrupt it, which undoes it.
 */
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import { type MigrationError, Refused } from "../domain/Errors.ts"
import { EXIT, failedReport } from "../migration/outcome.ts"
import { Progress } from "../migration/Progress.ts"
import type { RunReport } from "../migration/report.ts"
import { makeRunId, Recorder } from "../migration/Run.ts"
import { follow, type Position } from "./progress.ts"
import { inTools } from "./results.ts"
import type { ToolError, Work } from "./schemas.ts"

/** What a job comes to: its report, and for a plan the hash by which it is called. */
export interface Product {
  readonly report: RunReport
  /** What is agreed to with a plan, one sentence each. */
  readonly terms?: ReadonlyArray<string>
  readonly planHash?: string | null
}

/** Something to do. */
export interface Job {
  readonly tool: string
  /** How the report names it: `migrate`. */
  readonly command: string
  /** `read` and `plan` change nothing. */
  readonly does: "read" | "plan" | "write"
  /** The id, where it is that of a plan which is carried out now. */
  readonly run?: string | undefined
  readonly program: (recorder: Recorder) => Effect.Effect<Product, MigrationError, Scope.Scope>
}

/** A job under way, or ended. */
export interface Task {
  readonly run: string
  readonly work: () => Work
  /** Ends with the task. */
  readonly ended: Effect.Effect<Work>
  /** Interrupts it and waits for its undo. */
  readonly cancel: Effect.Effect<void>
  /** Hears of its progress; the function that is returned ends that. */
  readonly listen: (listener: (position: Position) => void) => () => void
}

export interface Tasks {
  readonly start: (job: Job) => Effect.Effect<Task, Refused>
  /** The task of that run. */
  readonly find: (run: string) => Task | undefined
  /** Those that are remembered. */
  readonly all: () => ReadonlyArray<Task>
  /** The run whose plan has that hash and was not carried out yet. */
  readonly planned: (tool: string, hash: string) => string | undefined
  /** The plans to which the person at the client has said no, by their hashes. */
  readonly declined: Map<string, Work>
  /** At most a few at a time: for what reads stores and is no task. */
  readonly reading: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
  /** Cancels everything and waits for the undo; the exit code that tells how that ended. No task starts any more. */
  readonly close: Effect.Effect<number>
}

export interface TasksOptions {
  /** Told the id of a run before it can have written anything. */
  readonly onWriting: (run: string) => void
}

/** How many tasks read, and how many write, at the same time. */
const AT_ONCE = 4
/** How many ended tasks are remembered. */
const REMEMBERED = 200

const UNDO_INCOMPLETE = 7

const errorOf = ({ error, exitCode }: RunReport): ToolError | null =>
  error === null ? null : inTools({ ...error, exitCode })

const NEXT: { readonly [S in Work["status"]]: (work: Pick<Work, "run" | "tool" | "plan_hash">) => string } = {
  running: ({ run }) => `migration_status with run ${run} tells how it goes; rollback_run with it cancels it.`,
  planned: ({ plan_hash: hash, tool }) =>
    `Nothing was written. Once a person has agreed, call ${tool} with the same arguments and plan_hash ${hash}.`,
  done: () => "Nothing more is to be done.",
  failed: () => "The error says what is true of the target now, and what can be done."
}

const AFTER_VALIDATION: { readonly [O in RunReport["outcome"]]?: string } = {
  "dry-run": "migrate_database with the same arguments, but without mode, makes the plan that can be carried out.",
  different: "migrate_database plans what brings over what is missing; on_conflict says whose content stays.",
  equal: "Nothing more is to be done: both hold the same."
}

const nextOf = (work: Pick<Work, "status" | "run" | "tool" | "plan_hash" | "report">): string => {
  const { report, run, status, tool } = work
  const after = status === "done" ? report : null
  if (after === null) return NEXT[status](work)
  if (tool === "validate_migration") return AFTER_VALIDATION[after.outcome] ?? NEXT.done(work)
  return after.outcome === "done" && ["migrate", "import"].includes(after.command)
    ? `rollback_run with run ${run} takes it back, until the run is pruned.`
    : NEXT.done(work)
}

/** How a job has ended: its report in any case, and the hash of a plan. */
const productOf = (recorder: Recorder, exit: Exit.Exit<Product, MigrationError>): Product => {
  if (Exit.isSuccess(exit)) return exit.value
  // An interruption that comes after the publication changes nothing any more.
  return recorder.finished !== null && Cause.isInterruptedOnly(exit.cause)
    ? { report: recorder.finished }
    : { report: failedReport(recorder, exit.cause) }
}

const statusOf = ({ planHash, report }: Product): Work["status"] =>
  report.error !== null ? "failed" : typeof planHash === "string" ? "planned" : "done"

/** A plan after a call with its hash was refused: whoever did not wait for that call is told here. */
const stillPlanned = (plan: Task, why: string): Task => {
  const work = plan.work()
  const next = `${nextOf(work)} The last call with it was refused: ${why}`
  return { ...plan, work: () => ({ ...work, next }) }
}

/** Makes the registry of a server. */
export const make = (options: TasksOptions): Effect.Effect<Tasks> =>
  Effect.gen(function* () {
    const reads = yield* Effect.makeSemaphore(AT_ONCE)
    const writes = yield* Effect.makeSemaphore(AT_ONCE)
    const tasks = new Map<string, Task>()
    let isClosing = false

    const remember = (task: Task) => {
      // A plan that is carried out goes to the end of the line again.
      tasks.delete(task.run)
      tasks.set(task.run, task)
      for (const [run, old] of tasks) {
        if (tasks.size <= REMEMBERED) return
        if (old.work().status !== "running") tasks.delete(run)
      }
    }

    const start = (job: Job): Effect.Effect<Task, Refused> =>
      Effect.gen(function* () {
        if (isClosing) {
          return yield* new Refused({ reason: "not-allowed", message: "The server is ending. Nothing was written." })
        }
        const run = job.run ?? makeRunId(new Date())
        const plan = tasks.get(run)
        const recorder = new Recorder({ run, command: job.command, dryRun: job.does === "plan" })
        const listeners = new Set<(position: Position) => void>()
        const ended = yield* Deferred.make<Work>()
        const position = follow()
        let progress: Position | null = null
        let product: Product | undefined
        const work = (): Work => {
          const about = {
            run,
            tool: job.tool,
            status: product === undefined ? ("running" as const) : statusOf(product),
            plan_hash: product?.planHash ?? null,
            terms: product?.terms ?? [],
            progress,
            report: product?.report ?? null,
            error: product === undefined ? null : errorOf(product.report)
          }
          return { ...about, next: nextOf(about) }
        }
        const sink = Progress.of({
          emit: (event) => {
            const { phase, state } = event
            const begins = (phase === "plan" && state === "ended") || (phase === "undo" && state === "started")
            if (job.does === "write" && begins) options.onWriting(recorder.run)
            progress = position(event)
            for (const listener of listeners) listener(progress)
          }
        })
        const limit = job.does === "write" ? writes : reads
        const fiber = yield* job.program(recorder).pipe(
          Effect.scoped,
          Effect.provideService(Progress, sink),
          limit.withPermits(1),
          Effect.interruptible,
          Effect.exit,
          Effect.tap((exit) =>
            Exit.isFailure(exit) && Cause.isDie(exit.cause)
              ? Effect.logError(`${job.tool} failed unexpectedly, which is a defect`, exit.cause)
              : Effect.void
          ),
          Effect.flatMap((exit) => {
            product = productOf(recorder, exit)
            // A call that was refused, as one that does not hold to its plan, has not used the plan up.
            const { error, outcome } = product.report
            if (plan?.work().status === "planned" && error !== null && outcome === "refused") {
              remember(stillPlanned(plan, error.message))
            }
            return Deferred.succeed(ended, work())
          }),
          Effect.uninterruptible,
          Effect.forkDaemon
        )
        const task: Task = {
          run,
          work,
          ended: Deferred.await(ended),
          cancel: Effect.asVoid(Fiber.interrupt(fiber)),
          listen: (listener) => {
            listeners.add(listener)
            return () => listeners.delete(listener)
          }
        }
        remember(task)
        return task
      }).pipe(Effect.uninterruptible)

    return {
      start,
      find: (run) => tasks.get(run),
      all: () => [...tasks.values()],
      planned: (tool, hash) =>
        [...tasks.values()]
          .map((task) => task.work())
          .find((work) => work.status === "planned" && work.tool === tool && work.plan_hash === hash)?.run,
      declined: new Map(),
      reading: reads.withPermits(1),
      close: Effect.gen(function* () {
        isClosing = true
        const running = [...tasks.values()].filter((task) => task.work().status === "running")
        yield* Effect.forEach(running, ({ cancel }) => cancel, { concurrency: "unbounded", discard: true })
        const codes = running.map((task) => task.work().error?.exitCode)
        if (codes.includes(UNDO_INCOMPLETE)) return UNDO_INCOMPLETE
        return codes.includes(EXIT.interrupted) ? EXIT.interrupted : EXIT.done
      })
    }
  })
