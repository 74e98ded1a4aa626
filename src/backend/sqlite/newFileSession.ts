/**
 * The session on a file that does not exist yet: everything goes into a temporary file beside it, which is checked,
 * synced and linked into place. Nobody sees it before; linking never replaces what somebody else has put there
 * meanwhile. A kill leaves the temporary file, which the next session on that target sweeps.
 */
import type Database from "better-sqlite3"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as crypto from "node:crypto"
import * as fs from "node:fs"
import * as path from "node:path"
import { type MigrationError, type StoreUnavailable, UndoIncomplete } from "../../domain/Errors.ts"
import type { SqliteLayout } from "../StoreConfig.ts"
import type { SessionDriver, SessionOptions } from "../WriteSession.ts"
import { codeOf, failed, KIND, notWritable, readFailed, unavailable, writeFailed } from "./errors.ts"
import { inspect } from "./layout.ts"
import { connect, disconnect } from "./open.ts"
import { OWNER, sweep } from "../../files/ownedFiles.ts"
import { putInPlace } from "../../files/putInPlace.ts"
import { findFault } from "./checkFile.ts"
import { type Place, setUp } from "./graphStream.ts"
import { Load } from "./Load.ts"

const SIDE_FILES = ["", "-journal", "-wal", "-shm"]
const MAX_NAME = 100

// A name may have 255 bytes; long ones are told apart by their hash.
const prefixOf = (file: string): string => {
  const name = path.basename(file)
  const short = Buffer.byteLength(name) > MAX_NAME ? crypto.hash("sha256", name, "hex").slice(0, 16) : name
  return `.${short}.mg-`
}

/** The temporary file of a run: `.NAME.mg-RUN.OWNER.tmp` beside the target. */
export const temporaryOf = (file: string, run: string): string =>
  path.join(path.dirname(file), `${prefixOf(file)}${run}.${OWNER}.tmp`)

const sync = async (place: string): Promise<void> => {
  const handle = await fs.promises.open(place, "r")
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

// Windows cannot sync a folder, some file systems refuse to: then there is nothing that could be done.
const syncFolder = async (folder: string): Promise<void> => {
  try {
    await sync(folder)
  } catch (cause) {
    if (!["EPERM", "EINVAL", "EISDIR", "EACCES", "EBADF", "ENOTSUP"].includes(codeOf(cause))) throw cause
  }
}

const create = (temporary: string): Database.Database => {
  fs.closeSync(fs.openSync(temporary, "wx", 0o600))
  const db = connect(temporary, "rw")
  // Nobody else knows the file, and a crash costs nothing but the file: no journal on disk, no syncs, one lock. (The
  // driver's defensive mode ignores journal_mode = OFF, which is no faster for a file that only grows: measured.)
  db.pragma("journal_mode = MEMORY")
  db.pragma("synchronous = OFF")
  db.pragma("locking_mode = EXCLUSIVE")
  setUp(db)
  db.exec("BEGIN")
  return db
}

const remove = (temporary: string, db: Database.Database): void => {
  disconnect(db)
  for (const suffix of SIDE_FILES) fs.rmSync(temporary + suffix, { force: true })
}

const checkFolder = (place: Place): StoreUnavailable | undefined => {
  const folder = path.dirname(place.file)
  switch (notWritable(place.file)) {
    case "not-found":
      return unavailable(
        place.location,
        "not-found",
        `The folder ${folder} does not exist. Create it, or choose another path.`
      )
    case "permission":
    case "read-only":
      return unavailable(
        place.location,
        "permission",
        `Nothing can be created in the folder ${folder}. Check its permissions, or choose another path.`
      )
    case undefined: {
      // SQLite would take the journal of a lost database for the new one's, and play it back into it.
      const journal = SIDE_FILES.slice(1).find((suffix) => fs.existsSync(place.file + suffix))
      return journal === undefined
        ? undefined
        : unavailable(
            place.location,
            "corrupt",
            `There is no ${place.location}, but its ${path.basename(place.file + journal)} is still there and may hold what was in it. Put the database back beside it, or move that file away.`
          )
    }
  }
}

/** Opens a session that makes the file. Leaves nothing behind when it fails. */
export const open = (
  place: Place,
  layout: SqliteLayout,
  options: SessionOptions
): Effect.Effect<SessionDriver, MigrationError, Scope.Scope> =>
  Effect.gen(function* () {
    const { file, location } = place
    const problem = checkFolder(place)
    if (problem !== undefined) return yield* problem
    sweep(path.dirname(file), prefixOf(file))
    const temporary = temporaryOf(file, options.run)
    const attempt = <A>(what: string, run: () => A) =>
      Effect.try({ try: run, catch: (cause) => writeFailed(location, "publish", what, cause) })

    const db = yield* Effect.acquireRelease(
      Effect.try({ try: () => create(temporary), catch: (cause) => readFailed(location, file, cause) }),
      (opened) => Effect.sync(() => remove(temporary, opened))
    )
    const load = yield* Effect.try({
      try: () => new Load(place, db, inspect(db, layout)),
      catch: (cause) => readFailed(location, file, cause)
    })

    const checkFile = Effect.acquireUseRelease(
      attempt("checked", () => connect(temporary, "ro")),
      (second) => findFault(second, load),
      (second) => Effect.sync(() => disconnect(second))
    ).pipe(
      Effect.mapError((cause) => writeFailed(location, "publish", "checked", cause)),
      Effect.filterOrFail(
        (fault) => fault === undefined,
        (fault) =>
          failed(
            location,
            "publish",
            "driver",
            `The file made for ${location} is not what was written: ${fault}. It was removed.`
          )
      )
    )

    const moveIntoPlace = Effect.try({
      try: () => putInPlace(temporary, file),
      catch: (cause) =>
        codeOf(cause) === "EEXIST"
          ? failed(
              location,
              "publish",
              "store-changed",
              `Somebody else has created ${location} meanwhile. It was left as it is and nothing was published; choose another path, or run the migration again to add to it.`,
              cause
            )
          : writeFailed(location, "publish", "put in place", cause)
    })

    const publish: SessionDriver["publish"] = Effect.gen(function* () {
      yield* load.seal
      yield* load.check
      yield* attempt("finished", () => {
        db.exec("COMMIT")
        disconnect(db)
      })
      yield* checkFile
      yield* Effect.tryPromise({
        try: () => sync(temporary),
        catch: (cause) => writeFailed(location, "publish", "synced", cause)
      })
      yield* moveIntoPlace
      yield* Effect.tryPromise({
        try: () => syncFolder(path.dirname(file)),
        catch: (cause) =>
          new UndoIncomplete({
            backend: KIND,
            location,
            outcome: "unknown",
            left: [],
            message: `${location} is in place, but its folder could not be synced: whether it outlives a power failure is unknown. Check the disk, and verify the file.`,
            cause
          })
      })
    })

    return {
      ...load.driver(options.journal),
      fresh: true,
      publish,
      undo: Effect.as(
        attempt("removed", () => remove(temporary, db)),
        []
      )
    }
  })
