/** The indexes that a new graph gets, so that MemoryGraph's own tools find memories as fast as in one they made. */
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import type { ReadError } from "../../domain/Errors.ts"
import type { Made } from "../JournaledSession.ts"
import type { CommandFailed } from "./Connection.ts"
import { decode, type Graph, query, writeQuery } from "./graph.ts"
import { listItems, optionalText } from "./replies.ts"

const LABEL = "Memory"

/** Properties of memories that are indexed: those that the Python MemoryGraph indexes, and the id that it looks up. */
const PROPERTIES = ["id", "type", "created_at", "importance", "confidence"] as const

const ALREADY = /already indexed/i
const NOT_THERE = /no such index/i

// Properties of memories that have an index.
const indexed = (graph: Graph): Effect.Effect<ReadonlySet<string>, ReadError> =>
  Effect.flatMap(
    query(
      graph,
      "CALL db.indexes() YIELD label, properties, entitytype RETURN collect([label, entitytype, properties])"
    ),
    (found) =>
      decode(graph, () => {
        const all = listItems(found[0]?.[0]).map(listItems)
        const ours = all.filter(([label, kind]) => optionalText(label) === LABEL && optionalText(kind) === "NODE")
        return new Set(
          ours.flatMap(([, , properties]) => listItems(properties).map((name) => optionalText(name) ?? ""))
        )
      })
  )

const underConstruction = (graph: Graph): Effect.Effect<boolean, ReadError> =>
  Effect.flatMap(query(graph, "CALL db.indexes() YIELD status RETURN collect(status)"), (found) =>
    decode(graph, () => listItems(found[0]?.[0]).some((status) => optionalText(status) !== "OPERATIONAL"))
  )

/** Makes the indexes that are missing, telling `note` of each before, and waits until they are built. */
export const make = <E>(
  graph: Graph,
  note: (made: Made) => Effect.Effect<void, E>
): Effect.Effect<void, E | ReadError | CommandFailed> =>
  Effect.gen(function* () {
    const there = yield* indexed(graph)
    for (const property of PROPERTIES) {
      if (there.has(property)) continue
      const on = `INDEX FOR (n:${LABEL}) ON (n.${property})`
      yield* note({ what: `index ${LABEL}(${property})`, undo: `DROP ${on}` })
      yield* writeQuery(graph, `CREATE ${on}`).pipe(
        Effect.catchIf(
          (failed) => ALREADY.test(failed.message),
          () => Effect.void
        )
      )
    }
    // Building goes on in the background, one index after the other, and always ends.
    yield* Effect.repeat(underConstruction(graph), {
      while: (building) => building,
      schedule: Schedule.spaced("20 millis")
    })
  })

/** Takes an index away; right also where it is gone. */
export const drop = (graph: Graph, made: Made): Effect.Effect<void, CommandFailed> =>
  Effect.asVoid(writeQuery(graph, made.undo)).pipe(
    Effect.catchIf(
      (failed) => NOT_THERE.test(failed.message),
      () => Effect.void
    )
  )
