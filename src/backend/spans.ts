/** The spans of what takes a store time: one for each call of the port, and one for each batch of a session. */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { GraphBackend } from "./GraphBackend.ts"
import type { WriteSession } from "./WriteSession.ts"

interface Place {
  readonly kind: string
  readonly location: string
}

/** Names an operation of a store in the trace. A location never holds a secret. */
const inSpan =
  ({ kind, location }: Place, operation: string, counts: { readonly [name: string]: number } = {}) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.withSpan(effect, `memorygraph.store.${operation}`, {
      attributes: { "memorygraph.backend": kind, "memorygraph.location": location, ...counts }
    })

/** The backend, each of whose operations has a span. */
export const traced = (backend: GraphBackend): GraphBackend => ({
  ...backend,
  health: inSpan(backend, "health")(backend.health),
  statistics: inSpan(backend, "statistics")(backend.statistics),
  dangling: inSpan(backend, "dangling")(backend.dangling),
  ...(backend.diagnose !== undefined && { diagnose: inSpan(backend, "diagnose")(backend.diagnose) }),
  read: (selection) =>
    Stream.withSpan(backend.read(selection), "memorygraph.store.read", {
      attributes: { "memorygraph.backend": backend.kind, "memorygraph.location": backend.location }
    }),
  lookup: (records) => inSpan(backend, "lookup", { "memorygraph.records": records.length })(backend.lookup(records)),
  openSession: (options) => inSpan(backend, "openSession")(backend.openSession(options))
})

/** The session, each of whose batches has a span, and so have its publication and its undo. */
export const tracedSession = (session: WriteSession): WriteSession => {
  const place = { kind: session.backend, location: session.location }
  return {
    ...session,
    write: (batch) =>
      inSpan(place, "write", {
        "memorygraph.created": batch.create.length,
        "memorygraph.overwritten": batch.overwrite.length,
        "memorygraph.removed": batch.remove?.length ?? 0
      })(session.write(batch)),
    lookup: (records) => inSpan(place, "lookup", { "memorygraph.records": records.length })(session.lookup(records)),
    takeBack: (batch, part) => inSpan(place, "takeBack")(session.takeBack(batch, part)),
    publish: inSpan(place, "publish")(session.publish),
    undo: inSpan(place, "undo")(session.undo)
  }
}
