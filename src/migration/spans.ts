/** The spans of whole programs, over those of their phases (`Run.ts`) and of the stores (`backend/spans.ts`). */
import * as Effect from "effect/Effect"

interface Place {
  readonly kind: string
  readonly location: string
}

/** The two sides of a program, as far as it has them. */
export interface Sides {
  readonly source?: Place | undefined
  readonly target?: Place | undefined
}

const side = (name: string, place: Place | undefined): { readonly [attribute: string]: string } =>
  place === undefined
    ? {}
    : { [`memorygraph.${name}.backend`]: place.kind, [`memorygraph.${name}.location`]: place.location }

/** Names a program in the trace, with its stores; a location never holds a secret. */
export const inSpan =
  (name: string, { source, target }: Sides) =>
  <A, E, R>(program: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.withSpan(program, `memorygraph.${name}`, {
      attributes: { ...side("source", source), ...side("target", target) }
    })
