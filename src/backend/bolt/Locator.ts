/**
 * Finds nodes by key without an index of our own making: a temporary table maps keys to the engine's ids, filled by
 * what was found and created, by the store's index on Memory(id) where it has one, and by at most one scan of the
 * other nodes' keys as long as nothing changes. Looking a node up by the engine's id is the fastest way there is, and
 * nothing is left in the store.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Connection, Row } from "./connection.ts"
import { type Dialect, FENCE_LABEL, MEMORY_LABEL } from "./Dialect.ts"
import type { DriverFailure } from "./failures.ts"
import { type EngineKeys, temporaryDatabase } from "./keys.ts"
import { rawKeyOf } from "./stored.ts"

/** The engine's ids of the nodes with a key; usually one. */
export type Located = ReadonlyMap<string, ReadonlyArray<string>>

export interface Locator {
  /** Notes which node stands for a key from now on: one that was created, or chosen among several. */
  readonly remember: (found: Iterable<readonly [key: string, id: string]>) => void
  /** The remembered node of a key, as it was; asks nobody. None where there is doubt. */
  readonly recall: (key: string) => string | undefined
  /**
   * Where the keys are. A remembered node outranks the others of its key, unless `every` is wanted. What it returns was
   * true a moment ago: whoever writes checks again.
   */
  readonly locate: (keys: Iterable<string>, every?: "every") => Effect.Effect<Located, DriverFailure>
  /** While pinned, a scan stays true although the store changes: for a session, which itself does the changing. */
  readonly pin: (pinned: boolean) => void
  /**
   * From now on a remembered node is looked up before it is used: the server may have been started anew meanwhile, or a
   * batch taken back, and the engine's ids of nodes that are gone may be those of others.
   */
  readonly doubt: () => void
  /** Tells of a new index on Memory(id). */
  readonly memoryIndex: (exists: boolean) => void
}

const KEYS_AT_ONCE = 1000

/** Makes a locator; its table vanishes with the scope. */
export const make = (
  connection: Connection,
  dialect: Dialect,
  engineKeys: EngineKeys,
  hasMemoryIndex: boolean
): Effect.Effect<Locator, never, Scope.Scope> =>
  Effect.gen(function* () {
    const db = yield* temporaryDatabase
    db.exec(
      "CREATE TABLE known (key TEXT NOT NULL, id TEXT NOT NULL, chosen INTEGER NOT NULL, PRIMARY KEY (key, id)) WITHOUT ROWID"
    )
    const add = db.prepare(
      "INSERT INTO known VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET chosen = max(chosen, excluded.chosen)"
    )
    const find = db.prepare<[string], { id: string; chosen: number }>("SELECT id, chosen FROM known WHERE key = ?")
    const forget = db.prepare("DELETE FROM known WHERE key = ? AND id = ?")
    const forgetScan = db.prepare("DELETE FROM known WHERE chosen = 0")
    const unchoose = db.prepare("UPDATE known SET chosen = 0 WHERE key = ?")
    const note = db.transaction((found: Iterable<readonly [string, string]>, chosen: number) => {
      for (const [key, id] of found) {
        if (chosen === 1) unchoose.run(key)
        add.run(key, id, chosen)
      }
    })

    let indexed = hasMemoryIndex
    let pinned = false
    let doubted = false
    // What the last scan saw: `others` are the nodes that the index on Memory(id) does not find.
    let scanned: { readonly what: "others" | "all"; readonly mark: string } | undefined

    const scan = (what: "others" | "all") =>
      Effect.gen(function* () {
        const mark = yield* dialect.changeMark(connection)
        const covers = scanned !== undefined && (scanned.what === "all" || scanned.what === what)
        if (covers && (pinned || scanned?.mark === mark)) return
        forgetScan.run()
        scanned = undefined
        const which = what === "all" ? "" : ` AND (NOT n:${MEMORY_LABEL} OR n._mg_id IS NOT NULL)`
        const text =
          `MATCH (n) WHERE NOT n:${FENCE_LABEL}${which} ` +
          `WITH ${rawKeyOf(dialect.text, "n")} AS key, ${dialect.id("n")} AS id WHERE key IS NOT NULL RETURN key, id`
        yield* Effect.scoped(
          Effect.flatMap(connection.reading, (transaction) =>
            Stream.runForEachChunk(transaction.stream(text), (rows) => Effect.sync(() => note([...rows].map(pair), 0)))
          )
        )
        scanned = { what, mark }
      })

    const byIndex = (keys: ReadonlyArray<string>) =>
      Effect.map(
        connection.run(
          `UNWIND $keys AS key MATCH (n:${MEMORY_LABEL} {id: key}) WHERE n._mg_id IS NULL ` +
            `RETURN key, ${dialect.id("n")} AS id`,
          { keys }
        ),
        (rows) => note(rows.map(pair), 0)
      )

    /** Which of the keys are known, each with ids that still have it; drops what is not so any more. */
    const known = (
      keys: ReadonlyArray<string>,
      every: boolean
    ): Effect.Effect<Map<string, Array<string>>, DriverFailure> =>
      Effect.gen(function* () {
        const found = new Map<string, Array<string>>()
        const rows: Array<{ readonly key: string; readonly id: unknown }> = []
        for (const key of keys) {
          const all = find.all(key)
          const chosen = every ? [] : all.filter((row) => row.chosen === 1)
          for (const { id } of chosen.length > 0 ? chosen : all) rows.push({ key, id: dialect.idParameter(id) })
          const own = engineKeys.idOf(key)
          if (own !== undefined) rows.push({ key, id: dialect.idParameter(own) })
        }
        if (rows.length === 0) return found
        // A node of which the key is the engine's id has no key of its own; all others must still have theirs.
        const still = yield* connection.run(
          `UNWIND $rows AS row MATCH (n) WHERE ${dialect.id("n")} = row.id ` +
            `RETURN row.key AS key, ${dialect.id("n")} AS id, ${rawKeyOf(dialect.text, "n")} AS raw, n._mg_id IS NULL AS bare`,
          { rows }
        )
        for (const row of still) {
          const [key, id] = pair(row)
          if (row.get("raw") !== key && !(row.get("bare") === true && engineKeys.idOf(key) === id)) continue
          const ids = found.get(key)
          if (ids === undefined) found.set(key, [id])
          else if (!ids.includes(id)) ids.push(id)
        }
        for (const { key, id } of rows) if (found.get(key)?.includes(String(id)) !== true) forget.run(key, String(id))
        return found
      })

    const some = (keys: ReadonlyArray<string>, every: boolean) =>
      Effect.gen(function* () {
        const found = yield* known(keys, every)
        const missing = keys.filter((key) => !found.has(key))
        if (missing.length === 0) return found
        if (indexed && !every) {
          yield* byIndex(missing)
          for (const [key, ids] of yield* known(missing, false)) found.set(key, ids)
        }
        const rest = missing.filter((key) => !found.has(key) && engineKeys.idOf(key) === undefined)
        if (rest.length === 0) return found
        yield* scan(indexed && !every ? "others" : "all")
        for (const [key, ids] of yield* known(rest, every)) found.set(key, ids)
        return found
      })

    return {
      remember: (found) => note(found, 1),
      recall: (key) => (doubted ? undefined : find.all(key).find((row) => row.chosen === 1)?.id),
      locate: (keys, every) =>
        Effect.gen(function* () {
          const wanted = [...new Set(keys)]
          const located = new Map<string, ReadonlyArray<string>>()
          for (let at = 0; at < wanted.length; at += KEYS_AT_ONCE) {
            const found = yield* some(wanted.slice(at, at + KEYS_AT_ONCE), every !== undefined)
            for (const [key, ids] of found) located.set(key, ids)
          }
          return located
        }),
      pin: (next) => {
        pinned = next
        scanned = undefined
      },
      doubt: () => {
        doubted = true
      },
      memoryIndex: (exists) => {
        indexed = exists
      }
    }
  })

const pair = (row: Row): readonly [key: string, id: string] => [String(row.get("key")), String(row.get("id"))]
