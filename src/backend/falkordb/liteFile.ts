/**
 * The file side of FalkorDBLite: what a file was when it was opened, and how a new one takes its place. A file is never
 * written to; a finished dump is renamed over it, or linked where there was none.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as crypto from "node:crypto"
import * as fs from "node:fs"
import * as fsp from "node:fs/promises"
import * as path from "node:path"
import { FileFailed, StoreUnavailable, WriteFailed } from "../../domain/Errors.ts"
import { putInPlace } from "../../files/putInPlace.ts"
import { OWNER, sweep } from "../../files/ownedFiles.ts"

const code = (cause: unknown): unknown => (cause instanceof Error && "code" in cause ? cause.code : undefined)

/** What tells cheaply whether a file is still the same one; undefined where there is none or an empty one. */
export const loadable = (file: string): string | undefined =>
  (fs.statSync(file, { throwIfNoEntry: false })?.size ?? 0) === 0 ? undefined : marksOf(file)

// The same, of an empty file too.
const marksOf = (file: string): string | undefined => {
  const stat = fs.statSync(file, { bigint: true, throwIfNoEntry: false })
  return stat === undefined ? undefined : [stat.dev, stat.ino, stat.size, stat.mtimeNs].join(":")
}

const digest = async (file: string): Promise<string> => {
  const hash = crypto.createHash("sha256")
  for await (const chunk of fs.createReadStream(file)) hash.update(chunk)
  return hash.digest("hex")
}

/** A file as it was at one moment, content and rights included. */
export interface Seen {
  readonly marks: string
  readonly digest: string
  readonly stat: fs.Stats
}

/** Looks at a file; undefined where there is none. */
export const look = (file: string): Effect.Effect<Seen | undefined, StoreUnavailable> =>
  Effect.tryPromise({
    try: async () => {
      const marks = marksOf(file)
      return marks === undefined ? undefined : { marks, stat: fs.statSync(file), digest: await digest(file) }
    },
    catch: (cause) =>
      new StoreUnavailable({
        backend: "falkordblite",
        location: file,
        reason: code(cause) === "EACCES" ? "permission" : "corrupt",
        message: `${file} cannot be read: ${String(cause)}.`,
        cause
      })
  })

const MAX_NAME = 100

// A name may have 255 bytes; long ones are told apart by their hash.
const prefixOf = (file: string): string => {
  const name = path.basename(file)
  return `.${Buffer.byteLength(name) > MAX_NAME ? crypto.hash("sha256", name, "hex").slice(0, 16) : name}.mg-`
}

const fileReason = (cause: unknown): FileFailed["reason"] => {
  switch (code(cause)) {
    case "EACCES":
    case "EPERM":
    case "EROFS":
      return "permission"
    case "ENOSPC":
      return "no-space"
    case "ENOENT":
      return "not-found"
    default:
      return "io"
  }
}

/**
 * A private folder beside the file, on its file system, so that what is made in it can be renamed into place at once.
 * Removed with the scope; what killed runs have left is swept first.
 */
export const workFolder = (file: string, run: string): Effect.Effect<string, FileFailed, Scope.Scope> => {
  const name = run.replace(/[^\w-]/g, "_").slice(0, 60)
  const folder = path.join(path.dirname(file), `${prefixOf(file)}${name}.${OWNER}.tmp`)
  return Effect.acquireRelease(
    Effect.try({
      try: () => {
        sweep(path.dirname(file), prefixOf(file))
        fs.mkdirSync(folder, { mode: 0o700 })
        return folder
      },
      catch: (cause) =>
        new FileFailed({
          path: folder,
          reason: fileReason(cause),
          message: `The private copy ${folder} could not be made: ${String(cause)}. ${file} is untouched.`,
          cause
        })
    }),
    (made) => Effect.sync(() => fs.rmSync(made, { recursive: true, force: true }))
  )
}

const sync = async (file: string): Promise<void> => {
  const handle = await fsp.open(file, "r")
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

class Changed extends Error {}

const publish = async (dump: string, file: string, before: Seen | undefined): Promise<void> => {
  if (before === undefined) {
    fs.chmodSync(dump, 0o600)
    await sync(dump)
    putInPlace(dump, file)
    return
  }
  const { gid, mode, uid } = before.stat
  fs.chmodSync(dump, mode & 0o7777)
  const made = fs.statSync(dump)
  if (made.uid !== uid || made.gid !== gid) fs.chownSync(dump, uid, gid)
  await sync(dump)
  if (marksOf(file) !== before.marks || (await digest(file)) !== before.digest || marksOf(file) !== before.marks)
    throw new Changed()
  fs.renameSync(dump, file)
}

/** Puts a finished dump in the file's place, durably, if the file is still what it was. All or nothing. */
export const replace = (dump: string, file: string, before: Seen | undefined): Effect.Effect<void, WriteFailed> =>
  Effect.tryPromise({
    try: () => publish(dump, file, before),
    catch: (cause) => {
      const changed = cause instanceof Changed || code(cause) === "EEXIST" || code(cause) === "ENOENT"
      const what = changed
        ? `${file} was changed by somebody else meanwhile`
        : `${file} could not be replaced: ${String(cause)}`
      return new WriteFailed({
        backend: "falkordblite",
        location: file,
        phase: "publish",
        reason: changed ? "store-changed" : code(cause) === "ENOSPC" ? "store-full" : "driver",
        message: `${what}. It was left as it is; nothing of this run is in it. Run again.`,
        cause
      })
    }
  }).pipe(
    // The new file is in its place: where its folder cannot be synced (some file systems refuse), nothing else can be done.
    Effect.zipLeft(Effect.exit(Effect.tryPromise(() => sync(path.dirname(file)))))
  )
