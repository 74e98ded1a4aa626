/** The file that a path means, and what is there. */
import * as fs from "node:fs"
import * as path from "node:path"
import { codeOf } from "./errors.ts"

const MAX_LINKS = 40

/**
 * The real path: links resolved as far as they lead, also where the last one points to nothing yet. Throws what the
 * system throws for a loop of links, or for a folder that may not be searched.
 */
export const resolvePath = (given: string): string => {
  let file = path.resolve(given)
  for (let links = 0; links < MAX_LINKS; links++) {
    try {
      return fs.realpathSync(file)
    } catch (cause) {
      if (codeOf(cause) !== "ENOENT") throw cause
    }
    if (fs.lstatSync(file, { throwIfNoEntry: false })?.isSymbolicLink() !== true) break
    file = path.resolve(path.dirname(file), fs.readlinkSync(file))
  }
  const folder = path.dirname(file)
  return fs.existsSync(folder) ? path.join(fs.realpathSync(folder), path.basename(file)) : file
}

/** What is at a path. `inode` is equal exactly for names of the same file. */
export type FileState =
  | { readonly _tag: "Missing" }
  | { readonly _tag: "Empty" | "File"; readonly inode: string }
  | { readonly _tag: "Other"; readonly what: string }

/** Looks without opening the file: see the head of open.ts. Throws for a folder that may not be searched. */
export const stateOf = (file: string): FileState => {
  const stat = fs.statSync(file, { bigint: true, throwIfNoEntry: false })
  if (stat === undefined) return { _tag: "Missing" }
  if (!stat.isFile()) return { _tag: "Other", what: stat.isDirectory() ? "a folder" : "no regular file" }
  return {
    _tag: stat.size === 0n && !fs.existsSync(`${file}-wal`) ? "Empty" : "File",
    inode: `${stat.dev}:${stat.ino}`
  }
}

/** The size of a database with its write-ahead log. */
export const bytesOf = (file: string): number =>
  [file, `${file}-wal`].reduce((sum, one) => sum + (fs.statSync(one, { throwIfNoEntry: false })?.size ?? 0), 0)
