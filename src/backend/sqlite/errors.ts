/** Errors of SQLite and of the file system as this product's, in the words of a person who wants to get on. */
import Database from "better-sqlite3"
import * as fs from "node:fs"
import * as path from "node:path"
import { StoreUnavailable, type StoreReason, WriteFailed, type WriteReason } from "../../domain/Errors.ts"
import { LayoutProblem } from "./layout.ts"

/** The registry's name of this backend. */
export const KIND = "sqlite"

const text = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause))

/** SQLite's (`SQLITE_BUSY`) or the system's (`EACCES`) code of an error. */
export const codeOf = (cause: unknown): string => {
  if (cause instanceof Database.SqliteError) return cause.code
  return cause instanceof Error && "code" in cause && typeof cause.code === "string" ? cause.code : ""
}

/** Makes a {@link StoreUnavailable} of this backend. */
export const unavailable = (
  location: string,
  reason: StoreReason,
  message: string,
  cause?: unknown
): StoreUnavailable =>
  new StoreUnavailable({ backend: KIND, location, reason, message, ...(cause !== undefined && { cause }) })

const SAYS: { readonly [R in StoreReason]?: string } = {
  "not-found": "does not exist. Check the path",
  locked: "is locked: another program is writing to it or keeps it for itself. Wait for it or stop it, and try again",
  corrupt: "is damaged. Restore it from a backup, or rescue what is left with `sqlite3 FILE .recover`",
  "not-this-kind": "is not an SQLite database. Check the path and the kind of store",
  "empty-file": "is an empty file: it holds no database, and so nothing that could be read. Check the path",
  permission: "may not be opened by this user. Check the permissions of the file and of its folder",
  "read-only": "cannot be written: the file or its folder is read-only. Change that, or choose another target"
}

/** A sentence for a reason that needs no details. */
export const says = (location: string, reason: StoreReason, cause?: unknown): StoreUnavailable =>
  unavailable(location, reason, `${location} ${SAYS[reason] ?? `cannot be used (${reason})`}.`, cause)

/** What an error of SQLite or of the system says about the store. */
export const reasonOf = (cause: unknown): StoreReason => {
  const code = codeOf(cause)
  if (/^SQLITE_(BUSY|LOCKED|PROTOCOL)/.test(code)) return "locked"
  if (code.startsWith("SQLITE_NOTADB")) return "not-this-kind"
  if (code.startsWith("SQLITE_CORRUPT") || code === "SQLITE_IOERR_SHORT_READ") return "corrupt"
  if (code.startsWith("SQLITE_READONLY") || code === "EROFS") return "read-only"
  if (/^SQLITE_(PERM|AUTH)/.test(code) || code === "EACCES" || code === "EPERM") return "permission"
  if (code === "ENOENT" || code === "ENOTDIR") return "not-found"
  return "driver"
}

// SQLite says CANTOPEN for many things: the file system knows better.
const mayRead = (file: string): boolean => {
  try {
    fs.accessSync(file, fs.constants.R_OK)
    return true
  } catch {
    return false
  }
}

/** An error met while opening or reading `file`, which exists. */
export const readFailed = (location: string, file: string, cause: unknown): StoreUnavailable => {
  if (cause instanceof StoreUnavailable) return cause
  if (cause instanceof LayoutProblem)
    return unavailable(location, cause.reason, `${location} cannot be used: ${cause.message}.`, cause)
  const reason = codeOf(cause).startsWith("SQLITE_CANTOPEN") && !mayRead(file) ? "permission" : reasonOf(cause)
  return reason === "driver"
    ? unavailable(location, reason, `${location} could not be read: ${text(cause)}. Nothing was changed.`, cause)
    : says(location, reason, cause)
}

/** Why the file or its folder cannot be written, or undefined where it can, as far as the system says beforehand. */
export const notWritable = (file: string): "permission" | "read-only" | "not-found" | undefined => {
  for (const place of fs.existsSync(file) ? [file, path.dirname(file)] : [path.dirname(file)]) {
    try {
      fs.accessSync(place, fs.constants.W_OK)
    } catch (cause) {
      const reason = reasonOf(cause)
      return reason === "read-only" || reason === "not-found" ? reason : "permission"
    }
  }
  return undefined
}

/** True for what SQLite says to a record, and not to a statement or a file: its own constraints and a user's. */
export const isRecordRefused = (cause: unknown): boolean => /^SQLITE_(CONSTRAINT|MISMATCH$|TOOBIG$)/.test(codeOf(cause))

const writeReason = (cause: unknown): WriteReason => {
  const code = codeOf(cause)
  if (code === "SQLITE_FULL" || code === "ENOSPC" || code === "EDQUOT") return "store-full"
  if (isRecordRefused(cause)) return "refused-record"
  const reason = reasonOf(cause)
  return reason === "locked" || reason === "read-only" ? reason : "driver"
}

const WRITE_SAYS: { readonly [R in WriteReason]?: string } = {
  "store-full": "there is no space left for it. Make room and run the migration again",
  "read-only": "it has become read-only. Make it writable and run the migration again",
  locked: "another program holds it. Wait for that program or stop it, and run the migration again"
}

/** An error met while writing. `what` completes "... could not be": `written`, `published`. */
export const writeFailed = (location: string, phase: string, what: string, cause: unknown): WriteFailed => {
  if (cause instanceof WriteFailed) return cause
  const reason = writeReason(cause)
  return failed(
    location,
    phase,
    reason,
    `${location} could not be ${what}: ${WRITE_SAYS[reason] ?? text(cause)}. What this run had written there is undone.`,
    cause
  )
}

/** Makes a {@link WriteFailed} of this backend. */
export const failed = (
  location: string,
  phase: string,
  reason: WriteReason,
  message: string,
  cause?: unknown
): WriteFailed =>
  new WriteFailed({ backend: KIND, location, phase, reason, message, ...(cause !== undefined && { cause }) })
