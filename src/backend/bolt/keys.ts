/**
 * Which records have a key of their own. A text that stands under `_mg_id` or `id` is a key where no other record of
 * its kind has the same; a node without one gets a key from the engine's own id, a relationship has none.
 *
 * Whether a text is unique is found out by the engine, which takes 180 bytes of the server's heap for each (measured on
 * Neo4j 5.26); so it is not asked about many, but all of them are streamed into a temporary SQLite table.
 */
import type Database from "better-sqlite3"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { ReadTransaction, Row } from "./connection.ts"
import { type Dialect, FENCE_LABEL } from "./Dialect.ts"
import type { DriverFailure } from "./failures.ts"
import { rawKeyOf } from "./stored.ts"
import { temporaryDatabase as openTemporary } from "../../files/temporaryDatabase.ts"

/** The texts that are no keys, because several records have them. */
export interface Repeated {
  readonly has: (text: string) => boolean
}

/** More repeated texts than this, and no text counts as a key: the set would not stay small. */
const MOST_REPEATED = 100_000

/** More records than this, and the engine is not asked: 45 MB of its heap. */
const MOST_COUNTED = 250_000

const EVERY: Repeated = { has: () => true }
const NONE: Repeated = { has: () => false }

/** An open SQLite database that vanishes with its process: an unlinked file in the system's temporary folder. */
export const temporaryDatabase: Effect.Effect<Database.Database, never, Scope.Scope> = Effect.acquireRelease(
  Effect.sync(() => {
    const db = openTemporary()
    db.pragma("journal_mode = OFF")
    db.pragma("synchronous = OFF")
    db.pragma("cache_size = -32768")
    return db
  }),
  (db) => Effect.sync(() => db.close())
)

const statement = (dialect: Dialect, kind: "nodes" | "relationships"): string => {
  if (kind === "nodes") {
    return `MATCH (n) WHERE NOT n:${FENCE_LABEL} WITH ${rawKeyOf(dialect.text, "n")} AS key WHERE key IS NOT NULL`
  }
  // Those that say of themselves that they have no key (see `backend/Encoding.ts`) do not make another's repeated.
  const unkeyed = `coalesce(${dialect.text("r._mg_enc")} CONTAINS '"unkeyed":true', false)`
  return `MATCH ()-[r]->() WITH r, ${rawKeyOf(dialect.text, "r")} AS key WHERE key IS NOT NULL AND NOT ${unkeyed}`
}

const countedByEngine = (transaction: ReadTransaction, texts: string) =>
  Effect.map(
    transaction.run(`${texts} WITH key, count(*) AS total WHERE total > 1 RETURN key LIMIT ${MOST_REPEATED + 1}`),
    (rows) => rows.map((row) => String(row.get("key")))
  )

const countedHere = (transaction: ReadTransaction, texts: string) =>
  Effect.scoped(
    Effect.gen(function* () {
      const db = yield* temporaryDatabase
      db.exec("CREATE TABLE seen (key TEXT NOT NULL)")
      const insert = db.prepare("INSERT INTO seen VALUES (?)")
      const add = db.transaction((rows: Iterable<Row>) => {
        for (const row of rows) insert.run(row.get("key"))
      })
      yield* transaction
        .stream(`${texts} RETURN key`)
        .pipe(Stream.runForEachChunk((rows) => Effect.sync(() => add(rows))))
      return db
        .prepare<[number], string>("SELECT key FROM seen GROUP BY key HAVING count(*) > 1 LIMIT ?")
        .pluck()
        .all(MOST_REPEATED + 1)
    })
  )

/** The texts that several records of a kind have, of which there are about `total`; at most {@link MOST_REPEATED} and one. */
export const repeatedTexts = (
  transaction: ReadTransaction,
  dialect: Dialect,
  kind: "nodes" | "relationships",
  total: number
): Effect.Effect<ReadonlyArray<string>, DriverFailure> => {
  const counted = total > MOST_COUNTED ? countedHere : countedByEngine
  return counted(transaction, statement(dialect, kind))
}

/** Finds the repeated texts of one kind of record, of which there are about `total`. */
export const findRepeated = (
  transaction: ReadTransaction,
  dialect: Dialect,
  kind: "nodes" | "relationships",
  total: number
): Effect.Effect<Repeated, DriverFailure> =>
  Effect.map(repeatedTexts(transaction, dialect, kind, total), (found) =>
    found.length === 0 ? NONE : found.length > MOST_REPEATED ? EVERY : new Set(found)
  )

/** Makes and reads the keys of nodes that have none of their own. `scope` tells one store from another. */
export interface EngineKeys {
  readonly make: (id: string) => string
  /** The engine's id in such a key; undefined for other keys. */
  readonly idOf: (key: string) => string | undefined
}

/** Keys like `neo4j:4:5b6a...:17`. A Neo4j id names its store already; Memgraph's ids are small numbers. */
export const engineKeys = (dialect: Dialect, scope: string): EngineKeys => {
  const prefix = dialect.kind === "neo4j" ? "neo4j:" : `memgraph:${scope}:`
  const form = dialect.kind === "neo4j" ? /^\d+:[0-9a-f-]+:\d+$/ : /^\d+$/
  return {
    make: (id) => prefix + id,
    idOf: (key) => {
      const id = key.startsWith(prefix) ? key.slice(prefix.length) : ""
      return form.test(id) ? id : undefined
    }
  }
}
