/**
 * The session on a file that exists: one transaction, begun IMMEDIATE, committed after verification. Others see nothing
 * of it before; the undo is a ROLLBACK, and after a kill it is the next opener's. The journal mode stays what it is.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { type MigrationError, UndoIncomplete, type WriteFailed } from "../../domain/Errors.ts"
import type { SqliteLayout } from "../StoreConfig.ts"
import type { SessionDriver, SessionOptions } from "../WriteSession.ts"
import { codeOf, KIND, notWritable, readFailed, says, unavailable, writeFailed } from "./errors.ts"
import { inspect } from "./layout.ts"
import { connect, disconnect, whileLocked } from "./open.ts"
import { findDamage } from "./checkFile.ts"
import { type Place, setUp } from "./graphStream.ts"
import { Load } from "./Load.ts"

/** Opens the transaction. Fails with nothing changed where the file is locked, damaged, read-only or of another kind. */
export const open = (
  place: Place,
  wanted: SqliteLayout | undefined,
  options: SessionOptions
): Effect.Effect<SessionDriver, MigrationError, Scope.Scope> =>
  Effect.gen(function* () {
    const { file, location } = place
    const reason = notWritable(file)
    if (reason === "permission") {
      return yield* unavailable(
        location,
        reason,
        `${location} or its folder may not be written by this user. Check their permissions, or choose another target.`
      )
    }
    if (reason !== undefined) return yield* says(location, reason)
    const reading = <A>(run: () => A) => Effect.try({ try: run, catch: (cause) => readFailed(location, file, cause) })
    const writing = <A>(what: string, run: () => A) =>
      Effect.try({ try: run, catch: (cause) => writeFailed(location, "publish", what, cause) })

    const db = yield* Effect.acquireRelease(
      reading(() => connect(file, "rw")),
      (opened) =>
        // Closing rolls back what is open.
        Effect.sync(() => disconnect(opened))
    )
    yield* reading(() => {
      setUp(db)
      db.pragma("synchronous = FULL")
    })
    yield* whileLocked(reading(() => db.exec("BEGIN IMMEDIATE")))
    const found = yield* reading(() => inspect(db, wanted))
    if (found.blocked) {
      const other = found.codec.layout === "seed" ? "column" : "seed"
      return yield* unavailable(
        location,
        "foreign-schema",
        `${location} cannot take records in the ${found.codec.layout} layout: its table relationships has the ${other} layout. Choose another file.`
      )
    }
    const damage = yield* findDamage(db, found).pipe(Effect.mapError((cause) => readFailed(location, file, cause)))
    if (damage !== undefined) return yield* says(location, "corrupt", new Error(damage))
    const load = yield* reading(() => new Load(place, db, found))

    const unknown = (message: string, cause?: unknown) =>
      new UndoIncomplete({
        backend: KIND,
        location,
        outcome: "unknown",
        left: [],
        message: `${message} Check ${location} (\`verify\`), and restore it from its backup if need be; the run's journal is kept.`,
        ...(cause !== undefined && { cause })
      })

    // Readers keep a commit waiting. An I/O error in it may have come before or after the moment that counts.
    const commit: Effect.Effect<void, WriteFailed | UndoIncomplete> = Effect.try({
      try: () => {
        db.exec("COMMIT")
      },
      catch: (cause) =>
        codeOf(cause).startsWith("SQLITE_IOERR")
          ? unknown(`It is not known whether ${location} took the run's records: ${String(cause)}.`, cause)
          : writeFailed(location, "publish", "published", cause)
    }).pipe((effect) => whileLocked(effect, "30 seconds"))

    const checkCommitted = Effect.acquireUseRelease(
      writing("checked", () => connect(file, "ro")),
      // Its counts were compared inside the transaction; by now somebody else may have written.
      (second) => findDamage(second, load.graph.layout),
      (second) => Effect.sync(() => disconnect(second))
    ).pipe(
      Effect.mapError((cause) =>
        unknown(
          `The run's records are in ${location}, but it could not be checked afterwards: ${String(cause)}.`,
          cause
        )
      ),
      Effect.filterOrFail(
        (fault) => fault === undefined,
        (fault) => unknown(`The run's records are in ${location}, but it is damaged (${fault ?? ""}).`)
      )
    )

    return {
      ...load.driver(options.journal),
      fresh: !found.hasRows,
      publish: Effect.gen(function* () {
        yield* load.seal
        yield* load.check
        yield* commit
        yield* checkCommitted
      }),
      undo: Effect.as(
        writing("rolled back", () => {
          if (db.inTransaction) db.exec("ROLLBACK")
        }),
        []
      )
    }
  })
