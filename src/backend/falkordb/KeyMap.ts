/** Keys and the engine's ids, in constant memory: a temporary SQLite database that vanishes with its connection. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { isNativeText } from "./literals.ts"
import { temporaryDatabase as openTemporary } from "../../files/temporaryDatabase.ts"

/** A map from keys to the engine's ids. */
export interface KeyMap {
  readonly get: (key: string) => number | undefined
  /** Adds entries; returns the first key that was there already, in which case nothing is added. */
  readonly add: (entries: ReadonlyArray<readonly [string, number]>) => string | undefined
  /** Adds entries over those that were there. */
  readonly put: (entries: ReadonlyArray<readonly [string, number]>) => void
  /** Takes entries away. */
  readonly remove: (keys: ReadonlyArray<string>) => void
  readonly clear: () => void
}

/** Makes an empty map; closed with the scope. */
export const make: Effect.Effect<KeyMap, never, Scope.Scope> = Effect.gen(function* () {
  const db = yield* Effect.acquireRelease(
    Effect.sync(() => {
      // No name: SQLite keeps it in memory while it is small and in an unlinked file otherwise.
      const opened = openTemporary()
      opened.pragma("journal_mode = OFF")
      opened.pragma("synchronous = OFF")
      opened.exec("CREATE TABLE map (key TEXT PRIMARY KEY, id INTEGER NOT NULL) WITHOUT ROWID")
      return opened
    }),
    (opened) => Effect.sync(() => opened.close())
  )
  const select = db.prepare<[string], number>("SELECT id FROM map WHERE key = ?").pluck()
  const upsert = db.prepare("INSERT INTO map VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET id = excluded.id")
  const remove = db.prepare("DELETE FROM map WHERE key = ?")
  const clear = db.prepare("DELETE FROM map")
  // A lone surrogate would be bound as U+FFFD and find another key; no key in the engine has one.
  const get = (key: string) => (isNativeText(key) ? select.get(key) : undefined)
  const put = (entries: ReadonlyArray<readonly [string, number]>) => {
    db.exec("BEGIN")
    for (const [key, id] of entries) upsert.run(key, id)
    db.exec("COMMIT")
  }
  return {
    get,
    put,
    add: (entries) => {
      const seen = new Set<string>()
      for (const [key] of entries) {
        if (seen.has(key) || get(key) !== undefined) return key
        seen.add(key)
      }
      put(entries)
      return undefined
    },
    remove: (keys) => {
      for (const key of keys) if (isNativeText(key)) remove.run(key)
    },
    clear: () => {
      clear.run()
    }
  }
})
