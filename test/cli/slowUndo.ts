/**
 * A program under `runMain` that begins something and takes its time to undo it; run as a process of its own by
 * process.test.ts. Arguments: milliseconds of the undo, and `defect` for an error
 * outside of any fiber or `reading` where nothing is written.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { noteWriting, runMain } from "../../src/cli/process.ts"

const undoTakes = Number(process.argv[2])

runMain(
  Effect.gen(function* () {
    const exit = yield* Effect.never.pipe(
      Effect.onInterrupt(() =>
        Effect.zipRight(
          Effect.sleep(undoTakes),
          Effect.sync(() => process.stdout.write("undone\n"))
        )
      ),
      (work) =>
        Effect.zipRight(
          Effect.sync(() => {
            process.stdout.write("begun\n")
            if (process.argv[3] !== "reading") noteWriting("20260101T000000-abcdef")
            if (process.argv[3] === "defect") {
              setTimeout(() => {
                throw new Error("a driver broke")
              }, 10)
            }
          }),
          work
        ),
      Effect.interruptible,
      Effect.exit
    )
    return Exit.isSuccess(exit) ? 0 : 130
  })
)
