/** The files of a Markdown document, one by one: of a folder, or of a tar archive of one. */
import { isUtf8 } from "node:buffer"
import { constants } from "node:fs"
import * as fs from "node:fs/promises"
import * as nodePath from "node:path"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { DocumentInvalid, FileFailed } from "../domain/Errors.ts"
import { MaxSize, readBytes } from "./file-read.ts"
import { DocumentProblem } from "./json-element.ts"
import { documentInvalid } from "./problems.ts"
import { type TarEntry, TarReader } from "./tar-read.ts"

/** A file longer than this is refused; a record and its text, at their largest, need less. */
const MAX_FILE_BYTES = 256 * 1024 * 1024

/** One file; names are without folders. */
export interface MarkdownFile {
  readonly name: string
  readonly text: string
}

/** Reads a document's files; those whose names begin with a dot are other programs' and are passed over. */
export type MarkdownFiles = Stream.Stream<MarkdownFile, DocumentInvalid | FileFailed>

const textOf = (path: string, name: string, bytes: Buffer): MarkdownFile | DocumentInvalid => {
  if (!isUtf8(bytes)) {
    return documentInvalid(path, new DocumentProblem("not-utf8", "it is not UTF-8 text"), name)
  }
  const text = bytes.toString("utf8")
  return { name, text: text.startsWith("\ufeff") ? text.slice(1) : text }
}

const succeedOrFail = (file: MarkdownFile | DocumentInvalid): Effect.Effect<MarkdownFile, DocumentInvalid> =>
  file instanceof DocumentInvalid ? Effect.fail(file) : Effect.succeed(file)

const refuse = (path: string, name: string, message: string, reason: "schema" | "too-large" = "schema") =>
  documentInvalid(path, new DocumentProblem(reason, message), name)

const readEntry = (path: string, name: string): Effect.Effect<MarkdownFile, DocumentInvalid | FileFailed> =>
  Effect.tryPromise({
    try: async () => {
      const file = nodePath.join(path, name)
      const found = await fs.lstat(file)
      if (found.isSymbolicLink()) throw refuse(path, name, "it is a symbolic link, which is not followed")
      if (!found.isFile()) throw refuse(path, name, "it is no file; a document's folder holds files only")
      if (found.size > MAX_FILE_BYTES)
        throw refuse(path, name, `it is longer than ${MAX_FILE_BYTES} bytes`, "too-large")
      // Should it have become a link since: not that one either.
      await using handle = await fs.open(file, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0))
      return textOf(path, name, await handle.readFile())
    },
    catch: (cause) =>
      cause instanceof DocumentInvalid
        ? cause
        : new FileFailed({
            path: nodePath.join(path, name),
            reason: "io",
            message: `${nodePath.join(path, name)} could not be read: ${cause instanceof Error ? cause.message : String(cause)}.`,
            cause
          })
  }).pipe(Effect.flatMap(succeedOrFail))

/** Fails where the files together hold more than {@link MaxSize}. */
const limited = (path: string, files: MarkdownFiles): MarkdownFiles =>
  Stream.unwrap(
    Effect.map(MaxSize, (limit) =>
      limit === undefined
        ? files
        : Stream.mapAccumEffect(files, 0, (before, file) => {
            const size = before + Buffer.byteLength(file.text)
            const message = `it holds more than ${limit} bytes. Where it is meant to, set a larger limit (--max-size)`
            return size > limit
              ? Effect.fail(documentInvalid(path, new DocumentProblem("too-large", message)))
              : Effect.succeed([size, file] as const)
          })
    )
  )

/** The files of a folder, in the order of their names. */
export const folderFiles = (path: string): MarkdownFiles => limited(path, allFiles(path))

const allFiles = (path: string): MarkdownFiles =>
  Stream.unwrap(
    Effect.tryPromise({
      try: () => fs.readdir(path),
      catch: (cause) =>
        new FileFailed({
          path,
          reason: "io",
          message: `${path} could not be read: ${cause instanceof Error ? cause.message : String(cause)}.`,
          cause
        })
    }).pipe(
      Effect.map((names) =>
        Stream.fromIterable(names.filter((name) => !name.startsWith(".")).sort()).pipe(
          Stream.mapEffect((name) => readEntry(path, name))
        )
      )
    )
  )

/** The files of a tar archive, packed or not. */
export const tarFiles = (path: string): MarkdownFiles =>
  Stream.suspend(() => {
    const reader = new TarReader({ maxFile: MAX_FILE_BYTES })
    const attempt = <A>(run: () => A) => Effect.try({ try: run, catch: (cause) => documentInvalid(path, cause) })
    const end = Stream.drain(Stream.fromEffect(attempt(() => reader.end())))
    return readBytes(path).pipe(
      Stream.mapConcatEffect((bytes) => attempt((): ReadonlyArray<TarEntry> => reader.push(bytes))),
      Stream.concat(end),
      Stream.filter(({ name }) => !name.startsWith(".")),
      Stream.mapEffect(({ bytes, name }) => succeedOrFail(textOf(path, name, bytes)))
    )
  })
