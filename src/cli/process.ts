/**
 * The process: how it begins, is interrupted and ends. An interrupted run is undone before the process exits; that is
 * waited for, but not for ever.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { EXIT } from "../migration/outcome.ts"
import * as terminal from "./terminal.ts"

/** The exit code of an undo that was not waited for to its end. */
const UNDO_INCOMPLETE = 7

/** How long an undo is waited for, in milliseconds. */
const PATIENCE = 10 * 60_000

// npm, npx and the terminal each pass on the one key that was pressed.
const ONE_KEY_PRESS = 300

// The run that may have written; empty where its id was not told.
let writing: string | undefined

/** From now on the run of this id may have written something that an undo takes back. */
export const noteWriting = (run = ""): void => {
  writing = run
}

const whatNext = (run: string): string =>
  run === ""
    ? `"memorygraph runs" shows the run and how to go on.`
    : `"memorygraph runs rollback ${run}" takes back what it wrote, "memorygraph runs resume ${run}" goes on with it.`

const leave = (sentence: string): never => {
  if (writing === undefined) {
    terminal.err(`${sentence} Nothing had been written.`)
    return process.exit(EXIT.interrupted)
  }
  terminal.err(
    `${sentence} Whether the target is as it was is not known; the run's journal is kept. ${whatNext(writing)}`
  )
  return process.exit(UNDO_INCOMPLETE)
}

/**
 * Runs the program to its exit code and ends the process with it. The program is never interrupted as a whole: it makes
 * interruptible what can be undone (see `runCommand`), so that it can still report.
 */
export const runMain = (program: Effect.Effect<number>): void => {
  terminal.guardStreams()
  // Nothing but this timer need be alive while a driver waits.
  const alive = setInterval(() => {}, 2 ** 30)
  let interruptedAt: number | undefined
  let isDefect = false
  const isVerbose = process.argv.includes("--verbose")

  // Before its first asynchronous step a fiber runs ahead of any signal.
  // What it ends with is noted by itself: the fiber of one that was interrupted too late ends interrupted all the same.
  let ended: number | undefined
  const noted = Effect.tap(program, (code) =>
    Effect.sync(() => {
      ended = code
    })
  )
  const fiber = Effect.runFork(Effect.zipRight(Effect.yieldNow(), Effect.uninterruptible(noted)))

  const interrupt = () => {
    interruptedAt = performance.now()
    fiber.unsafeInterruptAsFork(fiber.id())
    setTimeout(() => leave("The undo did not end within ten minutes."), PATIENCE).unref()
  }
  const onSignal = (signal: NodeJS.Signals) => {
    if (interruptedAt === undefined) {
      terminal.err(
        `${signal === "SIGINT" ? "Interrupted" : `Ended by ${signal}`}: undoing what was begun. Ctrl-C once more leaves at once.`
      )
      interrupt()
    } else if (signal === "SIGINT" && performance.now() - interruptedAt > ONE_KEY_PRESS) {
      leave("Left at once.")
    }
  }
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, onSignal)

  // A driver's error outside of any fiber: what was begun is undone all the same.
  process.on("uncaughtException", (cause) => {
    // What follows the first one follows from it.
    if (isDefect) return
    terminal.err(`Unexpected error, which is a defect of this program or of a driver: ${cause.message}`)
    terminal.err(isVerbose ? (cause.stack ?? "") : terminal.DEFECT)
    isDefect = true
    if (interruptedAt === undefined) interrupt()
  })

  fiber.addObserver((exit) => {
    clearInterval(alive)
    terminal.setLive("")
    const code = ended ?? (Exit.isInterrupted(exit) ? EXIT.interrupted : EXIT.defect)
    if (Exit.isFailure(exit) && !Exit.isInterrupted(exit))
      terminal.err(isVerbose ? Cause.pretty(exit.cause) : `Unexpected error: ${String(Cause.squash(exit.cause))}`)
    void terminal.flush().then(() => process.exit(isDefect && code === EXIT.interrupted ? EXIT.defect : code))
  })
}
