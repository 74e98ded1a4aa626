/** Questions to a person; only where there is a terminal to ask and answer on. */
import * as readline from "node:readline"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { Refused } from "../domain/Errors.ts"
import type { Question } from "../migration/migrate.ts"
import { count } from "../report/words.ts"
import { planLines } from "./renderPlan.ts"
import type { OutputOptions } from "./options.ts"
import * as terminal from "./terminal.ts"

/** One line that is typed behind the question; undefined at the end of the input. The terminal's own editing is used. */
const askLine = (question: string): Effect.Effect<string | undefined> =>
  Effect.async((resume) => {
    terminal.ask(question)
    const reader = readline.createInterface({ input: process.stdin, terminal: false })
    reader.once("line", (line) => {
      resume(Effect.succeed(line))
      reader.close()
    })
    reader.once("close", () => {
      resume(Effect.succeed(undefined))
    })
    return Effect.sync(() => reader.close())
  })

const KEY = {
  enter: "\r",
  newline: "\n",
  end: "\u0004",
  interrupt: "\u0003",
  backspace: "\u007f",
  erase: "\b"
} as const

const GONE = ["end", "close", "error"] as const

/** What is typed until Enter, with the terminal in raw mode. */
const readHidden: Effect.Effect<string> = Effect.async((resume) => {
  const { stdin } = process
  let typed = ""
  const stop = () => {
    stdin.off("data", onKeys)
    for (const event of GONE) stdin.off(event, onGone)
    stdin.pause()
  }
  // A terminal that is closed answers nothing any more.
  const onGone = () => {
    stop()
    resume(Effect.succeed(""))
  }
  const onKeys = (keys: Buffer) => {
    for (const key of keys.toString("utf8")) {
      if (key === KEY.enter || key === KEY.newline || key === KEY.end) {
        stop()
        resume(Effect.succeed(typed))
        return
      }
      // In raw mode the terminal sends no signal of its own.
      if (key === KEY.interrupt) process.kill(process.pid, "SIGINT")
      else if (key === KEY.backspace || key === KEY.erase) typed = Array.from(typed).slice(0, -1).join("")
      else typed += key
    }
  }
  stdin.on("data", onKeys)
  for (const event of GONE) stdin.on(event, onGone)
  stdin.resume()
  return Effect.sync(stop)
})

/** A password, typed without echo; undefined where nobody can be asked, or nothing was typed. */
export const askPassword = (question: string): Effect.Effect<Redacted.Redacted | undefined> =>
  Effect.suspend(() => {
    if (!terminal.isInteractive()) return Effect.succeed(undefined)
    return Effect.acquireUseRelease(
      Effect.sync(() => {
        // Before the question: whoever answers it at once would see the password.
        process.stdin.setRawMode(true)
        terminal.ask(question)
      }),
      () => Effect.map(readHidden, (typed) => (typed === "" ? undefined : Redacted.make(typed))),
      () =>
        Effect.sync(() => {
          process.stdin.setRawMode(false)
          terminal.err("")
        })
    )
  })

/**
 * Shows the plan, then tells whether the run may write: `--yes` says so, a person is asked, and where there is neither
 * the run is refused. `--quiet` and `--progress json` keep the plan to the person who is asked.
 */
export const confirmWrite =
  (options: Pick<OutputOptions, "yes" | "quiet" | "progress">) =>
  (question: Question): Effect.Effect<boolean, Refused> =>
    Effect.suspend(() => {
      const isAsked = !options.yes && terminal.isInteractive()
      if (isAsked || !(options.quiet || options.progress === "json"))
        for (const line of planLines(question)) terminal.err(line)
      if (options.yes) return Effect.succeed(true)
      const { removes } = question.plan
      if (isAsked)
        return askYes(removes === 0 ? "Go on? [y/N] " : `Go on, and remove ${count(removes)} record(s)? [y/N] `)
      return new Refused({
        reason: "needs-yes",
        message: `Nobody can be asked here whether that may be written into ${question.target.location}. Nothing was written. Run again with --yes to carry the plan out, or with --dry-run to see no more than the plan.`
      })
    })

const askYes = (question: string): Effect.Effect<boolean> =>
  Effect.map(askLine(question), (answer) => /^\s*y(es)?\s*$/i.test(answer ?? ""))

/** What a person, or a flag, has said about clearing a store. */
export interface ClearAnswer {
  /** The name of the store, as `--confirm` gave it. */
  readonly confirm: string | undefined
  /** Whether a backup is made first; undefined asks where somebody can be asked. */
  readonly backup: boolean | undefined
}

/**
 * Shows what a store holds and lets a person type its name, or takes the name that a flag gave; then asks about a backup.
 * Answers whether a backup is wanted. Refused where the name is another one, or nobody can be asked.
 */
export const confirmClear = (
  name: string,
  { backup, confirm }: ClearAnswer,
  question: Question
): Effect.Effect<boolean, Refused> =>
  Effect.gen(function* () {
    const { location } = question.target
    const isAsked = confirm === undefined && terminal.isInteractive()
    if (confirm === undefined && !isAsked) {
      return yield* new Refused({
        reason: "needs-yes",
        message: `Nobody can be asked here whether ${location} is to be cleared. Nothing was removed. Run again with --confirm ${name}, or with --dry-run to see no more than the plan.`
      })
    }
    if (isAsked) for (const line of planLines({ ...question, source: null })) terminal.err(line)
    const typed = confirm ?? (yield* askLine(`Type the name of the store (${name}) to remove all of it: `))
    yield* mustBeNamed(name, typed, location)
    if (backup !== undefined || !isAsked) return backup === true
    const answer = yield* askLine("Make a backup first? [Y/n] ")
    if (answer !== undefined) return !/^\s*no?\s*$/i.test(answer)
    return yield* new Refused({ reason: "declined", message: `Declined: ${location} is untouched.` })
  })

/** Fails where what was typed is not the name of the store that is to be cleared. */
export const mustBeNamed = (name: string, typed: string | undefined, location: string): Effect.Effect<void, Refused> =>
  typed?.trim() === name
    ? Effect.void
    : new Refused({
        reason: "declined",
        message: `${typed === undefined || typed.trim() === "" ? "No name was given" : `"${typed.trim()}" is not the name of this store`}: ${location} is untouched. Its name is ${name}.`
      })

/** As {@link confirmWrite}, before a published run is taken back. */
export const confirmRollback = (
  options: { readonly yes: boolean },
  run: { readonly run: string; readonly target: string }
): Effect.Effect<void, Refused> =>
  Effect.gen(function* () {
    if (options.yes) return
    if (!terminal.isInteractive()) {
      return yield* new Refused({
        reason: "needs-yes",
        message: `Run ${run.run} was published in ${run.target}, and nobody can be asked here whether it is to be taken back. Nothing was changed. Run again with --yes.`
      })
    }
    if (!(yield* askYes(`Take run ${run.run} back out of ${run.target}? [y/N] `))) {
      return yield* new Refused({ reason: "declined", message: `Declined: ${run.target} is untouched.` })
    }
  })
