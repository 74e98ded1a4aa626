/**
 * The identity of a plan: one hash over everything that a plan rests on, so that a plan which was looked at can be
 * carried out later exactly as it was, or refused because something has changed meanwhile.
 *
 * The basis holds both graphs' fingerprints in full, so both are read in full for it: the price of a plan that is kept,
 * never of a plain run. What is no part of the plan (free space, estimated time, warnings) is no part of the basis.
 */
import * as crypto from "node:crypto"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { canonicalLine } from "../domain/Canonical.ts"
import { Refused } from "../domain/Errors.ts"
import * as Fingerprint from "../domain/Fingerprint.ts"
import type { GraphRecord } from "../domain/Graph.ts"
import { VERSION } from "../version.ts"
import type { Plan } from "./report.ts"

const Figures = Schema.Struct({ count: Schema.Number, sum: Schema.String })

/** One side: which graph it is, and what it holds, to the last property. */
const Side = Schema.Struct({
  /** The kind of store; `document` for a document. */
  backend: Schema.String,
  /** The port's `identity`; of a document its path. */
  identity: Schema.String,
  nodes: Figures,
  relationships: Figures
})

const Kinds = Schema.Array(Schema.Struct({ kind: Schema.String, count: Schema.Number }))

/** What a plan rests on, and what it comes to. */
export const PlanBasis = Schema.Struct({
  /** The release that made the plan: another one may plan otherwise. */
  release: Schema.String,
  source: Side,
  target: Side,
  options: Schema.Struct({
    onConflict: Schema.Literal("skip", "overwrite", "fail"),
    onUnkeyed: Schema.Literal("fail", "add"),
    onError: Schema.Literal("stop", "reject"),
    verify: Schema.Boolean,
    backup: Schema.Boolean,
    /** The instant of `--since`, as it was given. */
    since: Schema.NullOr(Schema.String),
    /** Where the target is to hold nothing else: then what is removed follows from the two fingerprints. */
    replace: Schema.optionalWith(Schema.Boolean, { exact: true })
  }),
  counts: Schema.Struct({
    new: Schema.Number,
    same: Schema.Number,
    conflicts: Schema.Number,
    native: Schema.Number,
    encoded: Kinds,
    impossible: Kinds,
    unkeyed: Schema.Number,
    /** Records of the source that are left behind. */
    rejected: Schema.Number
  })
}).annotations({ identifier: "PlanBasis" })
export type PlanBasis = typeof PlanBasis.Type

type Options = PlanBasis["options"]

const figuresOf = ({ nodes, relationships }: Fingerprint.Fingerprint) => ({ nodes, relationships })

const kinds = (list: Plan["encoded"]) =>
  list.map(({ count, kind }) => ({ kind, count })).toSorted((a, b) => (a.kind < b.kind ? -1 : 1))

/** One side of a {@link makeBasis}. */
export interface PlanSide {
  readonly backend: string
  readonly identity: string
  readonly fingerprint: Fingerprint.Fingerprint
}

/** Puts a basis together; `rejected` counts the records of the source that are left behind. */
export const makeBasis = (parts: {
  readonly source: PlanSide
  readonly target: PlanSide
  readonly options: Options
  readonly plan: Pick<Plan, "new" | "same" | "conflicts" | "native" | "encoded" | "impossible" | "unkeyed">
  readonly rejected: number
}): PlanBasis => {
  const { options, plan, rejected, source, target } = parts
  const side = ({ backend, fingerprint, identity }: PlanSide) => ({ backend, identity, ...figuresOf(fingerprint) })
  return {
    release: VERSION,
    source: side(source),
    target: side(target),
    options,
    counts: {
      new: plan.new,
      same: plan.same,
      conflicts: plan.conflicts,
      native: plan.native,
      encoded: kinds(plan.encoded),
      impossible: kinds(plan.impossible),
      unkeyed: plan.unkeyed,
      rejected
    }
  }
}

// Decoding lays the members out in the order of the schema, whatever order they stood in.
const laidOut = Schema.decodeSync(PlanBasis)

/** The hash of a basis: SHA-256, 64 hex digits. Equal for equal plans, in every process. */
export const hashOf = (basis: PlanBasis): string => crypto.hash("sha256", JSON.stringify(laidOut(basis)), "hex")

/** Adds up everything that passes through a stream; a stream that is run again begins anew. */
export const fingerprinted = <E, R>(
  records: Stream.Stream<GraphRecord, E, R>
): {
  readonly records: Stream.Stream<GraphRecord, E, R>
  /** Of the latest reading, once it has ended. */
  readonly fingerprint: Effect.Effect<Fingerprint.Fingerprint>
} => {
  let builder = new Fingerprint.Builder()
  return {
    records: Stream.suspend(() => {
      builder = new Fingerprint.Builder()
      return Stream.mapChunks(records, (chunk) => {
        for (const record of chunk) builder.addLine(record._tag, canonicalLine(record))
        return chunk
      })
    }),
    fingerprint: Effect.sync(() => builder.finish())
  }
}

/** The fingerprint of everything in a stream; `tick` hears of each chunk. */
export const fingerprintOf = <E, R>(
  records: Stream.Stream<GraphRecord, E, R>,
  tick: (records: number) => void
): Effect.Effect<Fingerprint.Fingerprint, E, R> =>
  Effect.suspend(() => {
    const all = fingerprinted(records)
    return all.records.pipe(
      Stream.chunks,
      Stream.runForEach((chunk) =>
        Effect.suspend(() => {
          tick(Chunk.size(chunk))
          return Effect.yieldNow()
        })
      ),
      Effect.zipRight(all.fingerprint)
    )
  })

const short = ({ nodes, relationships }: PlanBasis["source"]): string => Fingerprint.make(nodes, relationships).text

const changesOf = (then: PlanBasis, now: PlanBasis): ReadonlyArray<string> => {
  const differ = (a: unknown, b: unknown): boolean => JSON.stringify(a) !== JSON.stringify(b)
  const side = (name: "source" | "target"): ReadonlyArray<string> => {
    if (then[name].identity !== now[name].identity) return [`the ${name} is another store or file than it was`]
    return differ(then[name], now[name])
      ? [`the ${name} has changed: it was ${short(then[name])} and is ${short(now[name])}`]
      : []
  }
  const found = [
    ...(then.release === now.release
      ? []
      : [`the plan is of release ${then.release}, and this is release ${now.release}`]),
    ...side("source"),
    ...side("target"),
    ...(differ(then.options, now.options) ? ["other options were given"] : [])
  ]
  if (found.length > 0) return found
  return differ(then.counts, now.counts) ? ["it would do something else now"] : []
}

/**
 * Refuses (`stale-plan`) where the plan of now is not the one that is expected: a hash, or a whole basis, of which the
 * message can say what has changed.
 */
export const checkExpected = (
  expected: string | PlanBasis,
  now: PlanBasis,
  target: string
): Effect.Effect<void, Refused> => {
  const isSame = (typeof expected === "string" ? expected : hashOf(expected)) === hashOf(now)
  if (isSame) return Effect.void
  const why =
    typeof expected === "string"
      ? "source, target, options or what would be done are not what they were when it was made"
      : changesOf(laidOut(expected), laidOut(now)).join("; ")
  return new Refused({
    reason: "stale-plan",
    message: `The plan is stale: ${why}. ${target} is untouched. Make a new plan, look at it, and carry that one out.`
  })
}
