/** Which run a part of an id means: those of this server and those of the state folder are looked at together. */
import * as Effect from "effect/Effect"
import { type FileFailed, UsageError } from "../domain/Errors.ts"
import type { Task } from "./tasks.ts"
import type { ToolContext } from "./tool.ts"

/** The run of that id, or the only one whose id begins so; what is unknown stays as it was given. */
export const wholeId = (
  given: string,
  { stateFolder, tasks }: Pick<ToolContext, "stateFolder" | "tasks">,
  counts: (task: Task) => boolean
): Effect.Effect<string, UsageError | FileFailed> =>
  Effect.gen(function* () {
    if (tasks.find(given) !== undefined) return given
    const { list } = yield* Effect.promise(() => import("../migration/runs.ts"))
    const { runs } = yield* list(stateFolder)
    const ids = [...tasks.all().filter(counts), ...runs.map(({ summary }) => summary)].map(({ run }) => run)
    const [first, second] = new Set(ids.includes(given) ? [given] : ids.filter((id) => id.startsWith(given)))
    if (second === undefined) return first ?? given
    return yield* new UsageError({
      message: `Several runs begin with ${given}: ${first}, ${second}. Nothing was changed. Give more of the id.`
    })
  })
