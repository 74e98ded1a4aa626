/** What kind of store or document a path means. */
import * as fs from "node:fs"
import { type Kind, KINDS } from "../backend/StoreConfig.ts"
import { headOf, storeOfHead } from "../files/storeHead.ts"
import { expandHome } from "./environment.ts"

/** A path's kind; documents are files or folders that are imported, not stores. */
export type FileKind = Kind | "document"

/** True for the bare name of a kind. */
export const isKind = (word: string): word is Kind => KINDS.some((kind) => kind === word)

/** True for a word that is meant as a file: it has a separator or an extension, or there is such a file. */
export const isPath = (word: string): boolean =>
  !isKind(word) && (/[/\\]|^[.~]|\.\w+$/.test(word) || fs.existsSync(word))

/** What a file is, by its first bytes; by its name where it is not there, empty or unreadable. */
export const kindOfFile = (file: string): FileKind | undefined => {
  const path = expandHome(file)
  if (isFolder(path)) return "document"
  const head = headOf(path) ?? ""
  const store = storeOfHead(head)
  if (store !== undefined) return store
  // gzip, or JSON behind a byte order mark and blanks.
  if (head.startsWith("\x1f\x8b") || /^(\xef\xbb\xbf)?\s*\{/.test(head)) return "document"
  return kindOfName(file)
}

const isFolder = (path: string): boolean => {
  try {
    return fs.statSync(path).isDirectory()
  } catch {
    return false
  }
}

const kindOfName = (file: string): FileKind | undefined => {
  if (/\.(db|db3|sqlite|sqlite3)$/i.test(file)) return "sqlite"
  if (/\.(fdb|rdb)$/i.test(file)) return "falkordblite"
  return /\.(jsonl?|md|tar)(\.gz)?$/i.test(file) ? "document" : undefined
}
