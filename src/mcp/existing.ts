/** What is at a path before a document goes there: part of the plan that a person agrees to. */
import * as fs from "node:fs/promises"
import * as path from "node:path"
import * as Effect from "effect/Effect"
import type { FileFailed } from "../domain/Errors.ts"
import { codeOf } from "../files/errorCode.ts"

/** A file or a folder, in as much as it tells it from what it was before or will be. */
interface Trace {
  readonly name: string
  readonly size: number
  readonly changed: number
  readonly file: string
}

/** What was found; of a folder itself and all that is directly in it, as an export of ours is. */
export interface Existing {
  readonly kind: "nothing" | "file" | "folder"
  readonly traces: ReadonlyArray<Trace>
}

const NOTHING: Existing = { kind: "nothing", traces: [] }

const isGone = (cause: unknown): boolean => ["ENOENT", "ENOTDIR"].includes(codeOf(cause))

/** At one time, so that a folder of many pages neither blocks nor exhausts anything. */
const AT_ONCE = 32

const traceOf = async (file: string, name: string): Promise<ReadonlyArray<Trace>> => {
  try {
    const { ino, mtimeMs, size } = await fs.stat(file)
    return [{ name, size, changed: mtimeMs, file: String(ino) }]
  } catch (cause) {
    if (isGone(cause)) return []
    throw cause
  }
}

const lookAt = async (at: string): Promise<Existing> => {
  const own = await traceOf(at, "")
  if (own.length === 0) return NOTHING
  if (!(await fs.stat(at)).isDirectory()) return { kind: "file", traces: own }
  const names = (await fs.readdir(at)).toSorted()
  const traces: Array<Trace> = [...own]
  for (let from = 0; from < names.length; from += AT_ONCE) {
    const part = names.slice(from, from + AT_ONCE)
    traces.push(...(await Promise.all(part.map((name) => traceOf(path.join(at, name), name)))).flat())
  }
  return { kind: "folder", traces }
}

/** Looks at what is at a path now: another content under that name is another thing to agree to. */
export const existingAt = (at: string): Effect.Effect<Existing, FileFailed> =>
  Effect.gen(function* () {
    const { attempt } = yield* Effect.promise(() => import("../document/file-write.ts"))
    return yield* attempt(at, () => lookAt(at))
  })
