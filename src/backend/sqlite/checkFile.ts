/** Checks of a whole file: its pages by SQLite, its counts against what was written. */
import type Database from "better-sqlite3"
import * as Effect from "effect/Effect"
import { codeOf } from "./errors.ts"
import type { Layout } from "./layout.ts"
import type { Load } from "./Load.ts"
import { breathe } from "./graphStream.ts"
import { counts } from "./statistics.ts"
import type { StoredGraph } from "./StoredGraph.ts"

/** `quick_check` of the layout's own tables (a check of the full-text table is its owner's business). */
export const findDamage = (db: Database.Database, layout: Layout): Effect.Effect<string | undefined, unknown> =>
  Effect.gen(function* () {
    const tables = [
      ...(layout.hasNodes ? [layout.codec.nodeTable] : []),
      ...(layout.hasRelationships ? ["relationships"] : [])
    ]
    for (const table of tables) {
      yield* breathe
      const found = yield* Effect.try({
        try: () => String(db.pragma(`quick_check("${table}")`, { simple: true })),
        // Some damage is found before the check itself gets to it.
        catch: (cause) => cause
      }).pipe(
        Effect.catchIf(
          (cause) => codeOf(cause).startsWith("SQLITE_CORRUPT"),
          (cause) => Effect.succeed(String(cause))
        )
      )
      if (found !== "ok") return found
    }
    return undefined
  })

/** Checks pages and counts over a connection of its own; returns what is wrong in a clause, or undefined. */
export const findFault = (db: Database.Database, load: Load): Effect.Effect<string | undefined, unknown> =>
  Effect.gen(function* () {
    const graph: StoredGraph = { ...load.graph, db }
    const damage = yield* findDamage(db, graph.layout)
    if (damage !== undefined) return `it is damaged (${damage})`
    const found = yield* Effect.try({ try: () => counts(graph), catch: (cause) => cause })
    const { nodes, relationships } = load.expected
    return found.nodes === nodes && found.relationships === relationships
      ? undefined
      : `it holds ${found.nodes} nodes and ${found.relationships} relationships where ${nodes} and ${relationships} were written`
  })
