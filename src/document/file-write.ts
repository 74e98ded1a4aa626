/** Files as documents are written: all or nothing, 0600, gzip where the name says so, durable once it is said so. */
import * as crypto from "node:crypto"
import * as fs from "node:fs/promises"
import * as os from "node:os"
import * as nodePath from "node:path"
import type { Writable } from "node:stream"
import * as zlib from "node:zlib"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { FileFailed } from "../domain/Errors.ts"
import { codeOf } from "../files/errorCode.ts"
import { OWNER, sweep } from "../files/ownedFiles.ts"
import { storeFile } from "../files/storeHead.ts"

const CHUNK_BYTES = 256 * 1024

const textOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause))

const WRITE_REASONS: ReadonlyMap<string, FileFailed["reason"]> = new Map([
  ["ENOENT", "not-found"],
  ["ENOTDIR", "not-found"],
  ["EACCES", "permission"],
  ["EPERM", "permission"],
  ["EROFS", "permission"],
  ["ENOSPC", "no-space"],
  ["EDQUOT", "no-space"],
  ["EEXIST", "exists"]
])

const writeFailure = (path: string, cause: unknown): FileFailed => {
  const reason = WRITE_REASONS.get(codeOf(cause)) ?? "io"
  const why = {
    superseded: "another process writes it.",
    "not-found": "its folder does not exist. Make the folder first.",
    permission: "the folder may not be written. Choose another place.",
    "no-space": "the disk is full. Make room or choose another place.",
    exists:
      "there is something of that name already, which is left as it was. Choose another name, or replace it with --yes.",
    io: `${textOf(cause)}.`
  }[reason]
  return new FileFailed({ path, reason, message: `${path} was not written: ${why}`, cause })
}

/** Runs something on the file `path`; its failure as a {@link FileFailed}. */
export const attempt = <A>(path: string, run: () => Promise<A>): Effect.Effect<A, FileFailed> =>
  Effect.tryPromise({ try: run, catch: (cause) => writeFailure(path, cause) })

/** What a document is made of: text, which must be well-formed UTF-16, and bytes. */
export type Content<E> = Stream.Stream<string | Uint8Array, E>

// A lone surrogate would silently become U+FFFD; whoever writes text escapes it, so one that arrives here is a defect.
const encode = (parts: Chunk.Chunk<string | Uint8Array>): Chunk.Chunk<Uint8Array> => {
  const bytes = Chunk.toReadonlyArray(parts).map((part) => {
    if (typeof part !== "string") return part
    if (!part.isWellFormed()) throw new TypeError("text with a lone surrogate cannot be written as UTF-8")
    return Buffer.from(part)
  })
  return Chunk.of(bytes.length === 1 && bytes[0] !== undefined ? bytes[0] : Buffer.concat(bytes))
}

const gzip = <E>(content: Stream.Stream<Uint8Array, E>): Stream.Stream<Uint8Array, E> =>
  Stream.unwrapScoped(
    Effect.gen(function* () {
      const packer = yield* Effect.acquireRelease(
        Effect.sync(() => zlib.createGzip({ chunkSize: CHUNK_BYTES })),
        (opened) => Effect.sync(() => opened.close())
      )
      let ready: Array<Uint8Array> = []
      packer.on("data", (bytes: Buffer) => ready.push(bytes))
      const take = () => {
        const taken = Chunk.unsafeFromArray(ready)
        ready = []
        return taken
      }
      const pack = (bytes: Uint8Array) =>
        Effect.async<Chunk.Chunk<Uint8Array>>((resume) => {
          packer.write(bytes, () => resume(Effect.sync(take)))
        })
      const rest = Effect.async<Chunk.Chunk<Uint8Array>>((resume) => {
        packer.once("end", () => resume(Effect.sync(take)))
        packer.end()
      })
      return content.pipe(
        Stream.mapConcatChunkEffect(pack),
        Stream.concat(Stream.unwrap(Effect.map(rest, Stream.fromChunk)))
      )
    })
  )

// Beside its callback, and after it, a failing Writable emits `error`, which ends the process where nobody listens. So
// the listener stays unless all went well.
const heard = () => {}

/**
 * Writes a document to something that takes bytes (standard output), which is neither ended nor destroyed. Fails with
 * `io` where its reader has gone.
 */
export const writeTo = <E>(
  output: Writable,
  content: Content<E>,
  options?: { readonly gzip?: boolean }
): Effect.Effect<void, E | FileFailed> => {
  const plain = Stream.mapChunks(content, encode)
  const write = (part: Uint8Array) =>
    Effect.async<void, FileFailed>((resume) => {
      output.write(part, (cause) =>
        resume(cause === null || cause === undefined ? Effect.void : Effect.fail(writeFailure("The output", cause)))
      )
    })
  return Effect.sync(() => output.on("error", heard)).pipe(
    Effect.zipRight(Stream.runForEach(options?.gzip === true ? gzip(plain) : plain, write)),
    Effect.zipLeft(Effect.sync(() => output.off("error", heard)))
  )
}

const stats = (path: string) =>
  attempt(path, () =>
    fs.stat(path).catch((cause: unknown) => {
      if (codeOf(cause) === "ENOENT") return undefined
      throw cause
    })
  )

const syncFolder = async (folder: string): Promise<void> => {
  // Windows opens no folders; a rename is durable there without this.
  if (os.platform() === "win32") return
  await using handle = await fs.open(folder, "r")
  await handle.sync()
}

// Temporary files name their process: what a killed one has left is swept by the next that writes to the same folder.
const TEMPORARY = ".mg-"
const temporaryIn = (folder: string): string => nodePath.join(folder, `${TEMPORARY}${crypto.randomUUID()}.${OWNER}.tmp`)

/**
 * Fails with what would end a writing of `path` at once: something is there that may not be replaced, or its folder is
 * not there. Returns true where a file is there that may be. A store is never replaced: a document is no copy of what
 * makes one, and nothing could bring it back.
 */
export const mayWriteFile = (path: string, existing: "refuse" | "replace"): Effect.Effect<boolean, FileFailed> =>
  Effect.gen(function* () {
    const found = yield* stats(path)
    if (found === undefined) {
      yield* attempt(path, () => fs.access(nodePath.dirname(nodePath.resolve(path))))
      return false
    }
    if (existing === "refuse") return yield* writeFailure(path, existsError())
    const store = found.isFile() ? storeFile(path) : "no file"
    if (store === undefined) return true
    return yield* new FileFailed({
      path,
      reason: "exists",
      message: `${path} was not written: it is ${store}, which nothing replaces. It is left as it was. Choose another name.`
    })
  })

const existsError = () => Object.assign(new Error("it exists"), { code: "EEXIST" })

// A hard link never replaces; file systems without them get the next best, a look before the rename.
const linkInto = async (temp: string, target: string): Promise<void> => {
  try {
    await fs.link(temp, target)
  } catch (cause) {
    if (!["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS"].includes(codeOf(cause))) throw cause
    const taken = await fs.lstat(target).then(
      () => true,
      () => false
    )
    if (taken) throw existsError()
    await fs.rename(temp, target)
  }
}

/**
 * Writes a file all or nothing: into a temporary file beside it (0600), synced, put in its place, its folder synced.
 * Where that fails or is interrupted, what was there before is there and the temporary file is gone; after a kill it is
 * swept by the next writing into that folder. A name that ends in `.gz` is written as gzip. What exists already is left
 * alone (`exists`) unless `existing` is `replace`; a symbolic link is followed; a device, a pipe, a folder or the file of
 * a store is always refused.
 */
export const writeAtomic = <E>(
  path: string,
  content: Content<E>,
  options?: { readonly existing?: "refuse" | "replace" }
): Effect.Effect<void, E | FileFailed> =>
  Effect.scoped(
    Effect.gen(function* () {
      const replace = options?.existing === "replace"
      const isThere = yield* mayWriteFile(path, options?.existing ?? "refuse")
      const target = !isThere ? path : yield* attempt(path, () => fs.realpath(path))
      const folder = nodePath.dirname(target)
      yield* Effect.sync(() => sweep(folder, TEMPORARY))
      const temp = temporaryIn(folder)
      const handle = yield* Effect.acquireRelease(
        attempt(path, () => fs.open(temp, "wx", 0o600)),
        (opened) =>
          Effect.promise(async () => {
            await opened.close()
            await fs.rm(temp, { force: true })
          })
      )
      const plain = Stream.mapChunks(content, encode)
      yield* Stream.runForEach(nodePath.extname(path) === ".gz" ? gzip(plain) : plain, (part) =>
        attempt(path, async () => {
          for (let at = 0; at < part.length;) at += (await handle.write(part, at)).bytesWritten
        })
      )
      yield* Effect.uninterruptible(
        attempt(path, async () => {
          await handle.sync()
          await (replace ? fs.rename(temp, target) : linkInto(temp, target))
          await syncFolder(folder)
        })
      )
    })
  )

/**
 * Where a document goes: a file (gzip where its name ends in `.gz`), or something that takes bytes (standard output),
 * which is neither ended nor destroyed. `existing` says what becomes of a file that is there: `refuse` (`FileFailed`,
 * `exists`) unless given.
 */
export type Output =
  | { readonly path: string; readonly existing?: "refuse" | "replace" | undefined }
  | { readonly writable: Writable }

/** Writes a document where it goes: {@link writeAtomic} or {@link writeTo}. */
export const writeOutput = <E>(output: Output, content: Content<E>): Effect.Effect<void, E | FileFailed> =>
  "path" in output
    ? writeAtomic(output.path, content, { existing: output.existing ?? "refuse" })
    : writeTo(output.writable, content)
