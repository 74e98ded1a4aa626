/** What is at a path before a document goes there: part of the plan that a person agrees to. */
import type { Stats } from "node:fs"
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

const statOf = (file: string): Promise<Stats | undefined> =>
  fs.stat(file).catch((cause: unknown) => {
    if (isGone(cause)) return undefined
    throw cause
  })

const traceOf = (name: string, { ino, mtimeMs, size }: Stats): Trace => ({
  name,
  size,
  changed: mtimeMs,
  file: String(ino)
})

const traceIn = async (folder: string, name: string): Promise<ReadonlyArray<Trace>> => {
  const found = await statOf(path.join(folder, name))
  return found === undefined ? [] : [traceOf(name, found)]
}

const lookAt = async (at: string): Promise<Existing> => {
  const own = await statOf(at)
  if (own === undefined) return NOTHING
  const traces = [traceOf("", own)]
  if (!own.isDirectory()) return { kind: "file", traces }
  const names = (await fs.readdir(at)).toSorted()
  for (let from = 0; from < names.length; from += AT_ONCE) {
    const part = names.slice(from, from + AT_ONCE)
    traces.push(...(await Promise.all(part.map((name) => traceIn(at, name)))).flat())
  }
  return { kind: "folder", traces }
}

/** Looks at what is at a path now: another content under that name is another thing to agree to. */
export const existingAt = (at: string): Effect.Effect<Existing, FileFailed> =>
  Effect.gen(function* () {
    const { attempt } = yield* Effect.promise(() => import("../document/file-write.ts"))
    return yield* attempt(at, () => lookAt(at))
  })
