/** What a backend brings to the conformance suite, and what a case of the suite is. */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { GraphBackend } from "../../backend/GraphBackend.ts"
import type { MigrationError } from "../../domain/Errors.ts"
import type { GraphRecord } from "../../domain/Graph.ts"
import type { Feature } from "../features.ts"

/** Somewhere that a graph can be kept: a path, a graph on a server. It holds nothing when the suite gets it. */
export interface Place {
  /**
   * Connects to the place; closed with the scope. The suite connects several times, also at once. Where stores come
   * into being by writing (a file, a graph key), the place must not exist yet at first.
   */
  readonly connect: Effect.Effect<GraphBackend, MigrationError, Scope.Scope>
  /**
   * Everything at the place besides records, by the engine's own means, in a fixed order: files, tables, indexes,
   * constraints, keys. An undo must bring it back.
   */
  readonly traces?: Effect.Effect<ReadonlyArray<string>, MigrationError> | undefined
  /**
   * Makes one of the stored records impossible to decode, by the engine's own means and as an accident would; every
   * record stays countable.
   */
  readonly spoil?: Effect.Effect<void, MigrationError> | undefined
  /**
   * Makes the store refuse this record (known by its key) from now on, as a constraint of its owner's would; called
   * while the store holds records of that kind.
   */
  readonly refuse?: ((record: GraphRecord) => Effect.Effect<void, MigrationError>) | undefined
}

/** A backend as the suite takes it. */
export interface Harness {
  /** Shown in the names of tests. */
  readonly name: string
  /** A new place each time it runs; removed with the scope. */
  readonly place: Effect.Effect<Place, MigrationError, Scope.Scope>
  /** What the store does without. Cases that need it are shown as skipped. */
  readonly without?: ReadonlyArray<Feature> | undefined
  /** How many random graphs are tried; 25 unless given. */
  readonly runs?: number | undefined
  /** Where the random graphs begin; fixed unless given, and named in every failure. */
  readonly seed?: number | undefined
}

/** A backend does not keep an obligation. */
export class ConformanceFailure extends Data.TaggedError("ConformanceFailure")<{
  /** The case's. */
  readonly name: string
  /** The case's. */
  readonly obligation: string
  /** The harness, the case, what was found instead, and the obligation. */
  readonly message: string
}> {}

/** What a check inside a case fails with; {@link makeCase} puts the case's name on it. */
export class Mismatch extends Data.TaggedError("Mismatch")<{ readonly message: string }> {}

/** Everything a check can fail with. */
export type CaseError = Mismatch | MigrationError

/** One case: a sentence, the line of the port's docstrings that it tests, and a program that any runner can run. */
export interface ConformanceCase {
  readonly name: string
  readonly obligation: string
  /** Features without which the case has nothing to test. */
  readonly needs: ReadonlyArray<Feature>
  readonly run: (harness: Harness) => Effect.Effect<void, ConformanceFailure | MigrationError, Scope.Scope>
}

/** Makes a case. */
export const makeCase = (
  name: string,
  obligation: string,
  run: (harness: Harness) => Effect.Effect<void, CaseError, Scope.Scope>,
  needs: ReadonlyArray<Feature> = []
): ConformanceCase => ({
  name,
  obligation,
  needs,
  run: (harness) =>
    Effect.suspend(() => run(harness)).pipe(
      Effect.catchTag("Mismatch", (mismatch) =>
        Effect.fail(
          new ConformanceFailure({
            name,
            obligation,
            message: `${harness.name}: ${name}: ${mismatch.message}. Obligation: ${obligation}`
          })
        )
      )
    )
})

/** Why a case has nothing to test on a backend; undefined where it has. */
export const reasonToSkip = (conformanceCase: ConformanceCase, harness: Harness): string | undefined => {
  const missing = conformanceCase.needs.filter((feature) => harness.without?.includes(feature) === true)
  return missing.length === 0 ? undefined : `the store does without ${missing.join(", ")}`
}
