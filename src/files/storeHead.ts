/** What a file is by its first bytes: the file of a store, or not. */
import * as fs from "node:fs"

const HEAD_BYTES = 64

/**
 * The first bytes of a file, one character each; undefined for what cannot be read, and for what is no plain file: a
 * pipe would be waited for, and its bytes would be gone.
 */
export const headOf = (file: string): string | undefined => {
  try {
    if (!fs.statSync(file).isFile()) return undefined
    const fd = fs.openSync(file, "r")
    try {
      const head = Buffer.alloc(HEAD_BYTES)
      return head.toString("latin1", 0, fs.readSync(fd, head, 0, head.length, 0))
    } finally {
      fs.closeSync(fd)
    }
  } catch {
    // Whoever opens it for its content says why it cannot be read.
    return undefined
  }
}

/** The kind of store whose file begins so. */
export const storeOfHead = (head: string): "sqlite" | "falkordblite" | undefined => {
  if (head.startsWith("SQLite format 3\0")) return "sqlite"
  return head.startsWith("REDIS") ? "falkordblite" : undefined
}

/**
 * What of a store a file is, in words: the store itself, or what SQLite keeps beside it; a file that cannot be read may
 * be one. Undefined where it is none.
 */
export const storeFile = (file: string): string | undefined => {
  const head = headOf(file)
  if (head === undefined) return "nothing that can be looked into"
  const kind = storeOfHead(head)
  if (kind !== undefined) return kind === "sqlite" ? "an SQLite database" : "a FalkorDB graph"
  const base = /^(.+)-(?:wal|shm|journal)$/.exec(file)?.[1]
  return base !== undefined && storeOfHead(headOf(base) ?? "") === "sqlite"
    ? `a part of the SQLite database ${base}`
    : undefined
}
