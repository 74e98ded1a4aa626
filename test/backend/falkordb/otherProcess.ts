/** A process of its own that holds a session and does what it is told: it can be stopped, continued and killed. */
import { type ChildProcess, spawn } from "node:child_process"
import * as readline from "node:readline"
import { root } from "./support.ts"

/** A running process with an open session. */
export interface OtherProcess {
  readonly child: ChildProcess
  /** Has it `write ID`, `publish` or `undo`; what came of it, as JSON. */
  readonly ask: (command: string) => Promise<string>
}

/** Starts it; returns when the session is open, with what opening came to where it failed. */
export const startOther = async (
  config: object,
  journal: string,
  options: { readonly run: string; readonly lease?: number; readonly patience?: number }
): Promise<OtherProcess> => {
  const { run, ...more } = options
  const code = `
    import * as Effect from "effect/Effect"
    import * as Cause from "effect/Cause"
    import * as readline from "node:readline"
    import { make } from "${root}src/backend/falkordb/FalkorDBBackend.ts"
    import * as Journal from "${root}src/backend/Journal.ts"
    import { memory } from "${root}test/backend/falkordb/support.ts"
    const say = (value) => process.stdout.write(JSON.stringify(value) + "\\n")
    const told = (exit) => exit._tag === "Success" ? exit.value ?? "done" : Cause.squash(exit.cause)
    Effect.runPromise(Effect.scoped(Effect.gen(function* () {
      const backend = yield* make(${JSON.stringify(config)})
      const journal = yield* Journal.make(${JSON.stringify(journal)})
      const session = yield* backend.openSession({ run: ${JSON.stringify(run)}, journal, ...${JSON.stringify(more)} })
      say("open")
      yield* Effect.promise(async () => {
        for await (const line of readline.createInterface({ input: process.stdin })) {
          const [what, id] = line.split(" ")
          const effect =
            what === "write" ? session.write({ create: [memory(id)], overwrite: [] }) : session[what]
          say(told(await Effect.runPromise(Effect.exit(effect))))
        }
      })
    })))`
  const child = spawn(process.execPath, ["--input-type=module", "-e", code], {
    cwd: root,
    stdio: ["pipe", "pipe", "inherit"]
  })
  const said = readline.createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const next = async () => {
    const line = await said.next()
    if (line.done === true) throw new Error("the other process ended")
    return line.value
  }
  await next()
  return {
    child,
    ask: (command) => {
      child.stdin.write(`${command}\n`)
      return next()
    }
  }
}
