/** What is at a database's path. */
import * as fs from "node:fs"

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
