/**
 * Opening a database for reading, so that neither its content nor its folder is changed:
 *
 * - a file in rollback-journal mode is opened read-only;
 * - a file in WAL mode that nobody has open would be left with empty `-wal` and `-shm` files by a read-only
 *   connection, which may not remove them: it is opened for writing with `query_only`, and the last close removes them;
 * - a WAL with content beside it and its `-shm` is opened read-only, which leaves both as they are (a connection for
 *   writing would fold the WAL into the file when it closes);
 * - a WAL file where this is not possible (read-only folder, WAL without `-shm`), and a file with a hot journal, is
 *   read from a private copy, which is removed afterwards.
 *
 * Closing any descriptor of a file drops the POSIX locks that this process holds on it, those of an open session
 * included: so the header is looked at by other means than SQLite's only while this process has no connection to the
 * file, and a copy is made only where no session can be open.
 */
import Database from "better-sqlite3"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import type { StoreUnavailable } from "../../domain/Errors.ts"
import { codeOf, notWritable, readFailed, says } from "./errors.ts"
import { OWNER, sweep } from "../../files/ownedFiles.ts"

/** How long a locked database is waited for. The wait is asynchronous: SQLite's own would block signals. */
export const LOCK_PATIENCE = "5 seconds"

/** Tries again for a while what fails because the database is locked. */
export const whileLocked = <A, E extends { readonly _tag: string }, R>(
  effect: Effect.Effect<A, E, R>,
  patience: "5 seconds" | "30 seconds" = LOCK_PATIENCE
): Effect.Effect<A, E, R> =>
  Effect.retry(effect, {
    schedule: Schedule.spaced("50 millis").pipe(Schedule.upTo(patience)),
    while: (error) => "reason" in error && error.reason === "locked"
  })

const connections = new Map<string, Set<Database.Database>>()
const inodes = new WeakMap<Database.Database, string>()

const inodeOf = (file: string): string => {
  const { dev, ino } = fs.statSync(file, { bigint: true })
  return `${dev}:${ino}`
}

/** Opens an existing file without waiting on locks; to be closed by {@link disconnect}. */
export const connect = (file: string, mode: "ro" | "rw"): Database.Database => {
  const db = new Database(file, { readonly: mode === "ro", fileMustExist: true, timeout: 0 })
  const inode = inodeOf(file)
  const others = connections.get(inode) ?? new Set()
  connections.set(inode, others.add(db))
  inodes.set(db, inode)
  return db
}

/** Closes a connection; right also for one that is closed already. */
export const disconnect = (db: Database.Database): void => {
  if (db.open) db.close()
  const inode = inodes.get(db) ?? ""
  const others = connections.get(inode)
  others?.delete(db)
  if (others?.size === 0) connections.delete(inode)
}

// Any statement that makes SQLite read the file's header and look for journals.
const touch = (db: Database.Database): Database.Database => {
  try {
    // Reading goes through the file once: a large cache would only take memory.
    db.pragma("cache_size = -4096")
    db.pragma("schema_version")
    return db
  } catch (cause) {
    disconnect(db)
    throw cause
  }
}

// https://www.sqlite.org/fileformat.html: the file format's read version is 2 for WAL.
const READ_VERSION_OFFSET = 19
const isWal = (file: string): boolean => {
  for (const db of connections.get(inodeOf(file)) ?? []) return db.pragma("journal_mode", { simple: true }) === "wal"
  const header = Buffer.alloc(1)
  const descriptor = fs.openSync(file, "r")
  try {
    fs.readSync(descriptor, header, 0, 1, READ_VERSION_OFFSET)
  } finally {
    fs.closeSync(descriptor)
  }
  return header[0] === 2
}

/** How a file is read; see the head of this module. `live`: somebody else's WAL is in use. */
export type Access = "plain" | "wal" | "live" | "copy"

/** Decides how a file is read, by what lies beside it. */
export const accessOf = (file: string): Access => {
  if (fs.existsSync(`${file}-wal`)) return fs.existsSync(`${file}-shm`) ? "live" : "copy"
  if (!isWal(file)) return "plain"
  return notWritable(file) === undefined ? "wal" : "copy"
}

const openInPlace = (file: string, access: Access): Database.Database => {
  if (access !== "wal") return touch(connect(file, "ro"))
  const db = connect(file, "rw")
  db.pragma("query_only = ON")
  return touch(db)
}

// A read-only connection cannot roll back a hot journal, nor set up a WAL index where it may not write.
const needsCopy = (cause: unknown, access: Access): boolean => {
  const code = codeOf(cause)
  if (/^SQLITE_READONLY_(ROLLBACK|RECOVERY|CANTINIT|CANTLOCK)/.test(code)) return true
  return access === "live" && code.startsWith("SQLITE_CANTOPEN")
}

const COPY_PREFIX = "memorygraph-migrate-"
const SIDE_FILES = ["", "-wal", "-journal"] as const

/** Changes whenever the file or what lies beside it is written. */
export const versionOf = (file: string): string =>
  SIDE_FILES.map((suffix) => {
    const stat = fs.statSync(file + suffix, { bigint: true, throwIfNoEntry: false })
    return stat === undefined ? "-" : `${stat.ino}:${stat.size}:${stat.mtimeNs}`
  }).join()

const copyTo = async (file: string, folder: string): Promise<boolean> => {
  const before = versionOf(file)
  const copy = path.join(folder, "copy.db")
  for (const suffix of SIDE_FILES) {
    if (!fs.existsSync(file + suffix)) continue
    await fs.promises.copyFile(file + suffix, copy + suffix, fs.constants.COPYFILE_FICLONE)
    await fs.promises.chmod(copy + suffix, 0o600)
  }
  return versionOf(file) === before
}

const openCopy = (location: string, file: string): Effect.Effect<Database.Database, StoreUnavailable, Scope.Scope> =>
  Effect.gen(function* () {
    const folder = yield* Effect.acquireRelease(
      Effect.try({
        try: () => {
          sweep(os.tmpdir(), COPY_PREFIX)
          const made = fs.mkdtempSync(path.join(os.tmpdir(), COPY_PREFIX))
          const owned = `${made}.${OWNER}`
          fs.renameSync(made, owned)
          return owned
        },
        catch: (cause) => readFailed(location, file, cause)
      }),
      (made) => Effect.promise(() => fs.promises.rm(made, { recursive: true, force: true }))
    )
    const settled = yield* Effect.tryPromise({
      try: () => copyTo(file, folder),
      catch: (cause) => readFailed(location, file, cause)
    })
    if (!settled) return yield* says(location, "locked")
    return yield* open(location, () => touch(connect(path.join(folder, "copy.db"), "rw")), file)
  })

const open = (
  location: string,
  make: () => Database.Database,
  file: string
): Effect.Effect<Database.Database, StoreUnavailable, Scope.Scope> =>
  Effect.acquireRelease(Effect.try({ try: make, catch: (cause) => readFailed(location, file, cause) }), (db) =>
    Effect.sync(() => disconnect(db))
  )

/** A database open for reading. `access` tells whether it may be kept: not while somebody else's WAL is in use. */
export interface Opened {
  readonly db: Database.Database
  readonly access: Access
}

/** Opens an existing, non-empty file for reading until the scope closes; waits a while for one that is locked. */
export const openForReading = (location: string, file: string): Effect.Effect<Opened, StoreUnavailable, Scope.Scope> =>
  Effect.suspend((): Effect.Effect<Opened, StoreUnavailable, Scope.Scope> => {
    const copied = Effect.map(openCopy(location, file), (db): Opened => ({ db, access: "copy" }))
    return Effect.flatMap(
      Effect.try({ try: () => accessOf(file), catch: (cause) => readFailed(location, file, cause) }),
      (access) => {
        if (access === "copy") return copied
        const inPlace = open(location, () => openInPlace(file, access), file)
        return Effect.catchAll(
          Effect.map(inPlace, (db): Opened => ({ db, access })),
          (error) => (needsCopy(error.cause, access) ? copied : Effect.fail(error))
        )
      }
    )
  }).pipe(whileLocked)
