/** A folder of files, written all or nothing: beside its place, then renamed into it. */
import * as crypto from "node:crypto"
import * as fs from "node:fs/promises"
import * as nodePath from "node:path"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { FileFailed } from "../domain/Errors.ts"
import { codeOf } from "../files/errorCode.ts"
import { attempt } from "./file-write.ts"
import { INDEX_FILE, isOurFileName } from "./markdown-names.ts"
import type { MarkdownPage } from "./markdown-pages.ts"

/** How many files are written at a time: each is synced. */
const CONCURRENCY = 8

/** What is at a path that a folder shall take. */
type Found = "nothing" | "ours" | "something"

const lookAt = async (path: string): Promise<Found> => {
  let names: ReadonlyArray<string>
  try {
    names = await fs.readdir(path)
  } catch (cause) {
    if (codeOf(cause) === "ENOENT") return "nothing"
    if (codeOf(cause) === "ENOTDIR") return "something"
    throw cause
  }
  if (names.length === 0) return "nothing"
  return names.includes(INDEX_FILE) && names.every(isOurFileName) ? "ours" : "something"
}

const taken = (path: string, found: Found): FileFailed =>
  new FileFailed({
    path,
    reason: "exists",
    message:
      found === "ours"
        ? `${path} was not written: there is an export already, which is left as it was. Choose another name, or run again with --yes to replace it.`
        : `${path} was not written: there is something else of that name, which is left as it was. Choose another name.`
  })

const writeFile = (folder: string, { name, text }: MarkdownPage): Effect.Effect<void, FileFailed> => {
  const path = nodePath.join(folder, name)
  return attempt(path, async () => {
    await using handle = await fs.open(path, "wx", 0o600)
    await handle.writeFile(text)
    await handle.sync()
  })
}

const writeIndex = (folder: string, parts: Iterable<string>): Effect.Effect<void, FileFailed> => {
  const path = nodePath.join(folder, INDEX_FILE)
  return attempt(path, async () => {
    await using handle = await fs.open(path, "wx", 0o600)
    let pending = ""
    for (const part of parts) {
      pending += part
      if (pending.length < 256 * 1024) continue
      await handle.writeFile(pending)
      pending = ""
    }
    await handle.writeFile(pending)
    await handle.sync()
  })
}

const sync = async (folder: string): Promise<void> => {
  // Windows opens no folders.
  if (process.platform === "win32") return
  await using handle = await fs.open(folder, "r")
  await handle.sync()
}

// The old folder is out of the way for a moment only, under a name beside the new one, and comes back if that fails.
const replace = async (temp: string, target: string): Promise<void> => {
  const aside = nodePath.join(nodePath.dirname(target), `.mg-${crypto.randomUUID()}.old`)
  await fs.rename(target, aside)
  try {
    await fs.rename(temp, target)
  } catch (cause) {
    await fs.rename(aside, target)
    throw cause
  }
  await fs.rm(aside, { recursive: true, force: true })
}

/** Fails with what would end {@link writeFolder} at once. */
export const mayWriteFolder = (path: string, existing: "refuse" | "replace"): Effect.Effect<Found, FileFailed> =>
  Effect.gen(function* () {
    const found = yield* attempt(path, () => lookAt(path))
    if (found === "something" || (found === "ours" && existing === "refuse")) return yield* taken(path, found)
    if (found === "nothing") yield* attempt(path, () => fs.access(nodePath.dirname(nodePath.resolve(path))))
    return found
  })

/**
 * Writes a folder (0700, its files 0600). An existing one is replaced where `existing` is `replace` and nothing stands in
 * it but an export of ours; anything else is left alone (`exists`).
 */
export const writeFolder = <E>(
  output: { readonly path: string; readonly existing?: "refuse" | "replace" | undefined },
  index: () => Iterable<string>,
  pages: Stream.Stream<MarkdownPage, E>
): Effect.Effect<void, E | FileFailed> =>
  Effect.scoped(
    Effect.gen(function* () {
      const { path } = output
      const found = yield* mayWriteFolder(path, output.existing ?? "refuse")
      const target = found === "nothing" ? nodePath.resolve(path) : yield* attempt(path, () => fs.realpath(path))
      const folder = nodePath.dirname(target)
      const temp = nodePath.join(folder, `.mg-${crypto.randomUUID()}.tmp`)
      yield* Effect.acquireRelease(
        attempt(path, () => fs.mkdir(temp, { mode: 0o700 })),
        () => Effect.promise(() => fs.rm(temp, { recursive: true, force: true }))
      )
      yield* Stream.runDrain(Stream.mapEffect(pages, (page) => writeFile(temp, page), { concurrency: CONCURRENCY }))
      yield* writeIndex(temp, index())
      yield* Effect.uninterruptible(
        attempt(path, async () => {
          await sync(temp)
          if (found === "ours") await replace(temp, target)
          // Renaming a folder never takes the place of one that is not empty.
          else await fs.rename(temp, target)
          await sync(folder)
        })
      )
    })
  )
