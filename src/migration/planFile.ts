/**
 * A plan as a file: made by one call, looked at by a person, carried out exactly as it is by another call. It holds no
 * secret: passwords are asked for, or taken from the environment, again.
 */
import * as crypto from "node:crypto"
import * as fs from "node:fs"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { writeAtomic } from "../document/file.ts"
import { DocumentInvalid, type DocumentReason, type FileFailed } from "../domain/Errors.ts"
import { codeOf } from "../files/errorCode.ts"
import { GENERATOR } from "../version.ts"
import { StoreName } from "./manifest.ts"
import { hashOf, PlanBasis } from "./planHash.ts"
import { Plan, Stats } from "./report.ts"

/** The version of the format that this release writes and reads. */
const VERSION = 1

const hex = Schema.String.pipe(Schema.pattern(/^[0-9a-f]{64}$/))

const Side = Schema.Struct({
  store: StoreName.annotations({ description: "How the store is reached, without its password." }),
  stats: Stats
})

/** What stands in the file. */
export const PlanDocument = Schema.Struct({
  memorygraph: Schema.Literal("plan"),
  version: Schema.Literal(VERSION),
  generator: Schema.String,
  created: Schema.String.annotations({ description: "ISO 8601." }),
  source: Side,
  target: Side,
  basis: PlanBasis.annotations({ description: "What the plan rests on; must be the same when it is carried out." }),
  plan: Plan,
  hash: hex.annotations({ description: "SHA-256 of the basis." }),
  digest: hex.annotations({ description: "SHA-256 over everything else in this document." })
}).annotations({ identifier: "PlanDocument", title: "A plan of memorygraph migrate, version 1" })
export type PlanDocument = typeof PlanDocument.Type

// Members in one order, so that a file which was only laid out anew is still the same plan.
const ordered = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(ordered)
  if (typeof value !== "object" || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, member]) => [name, ordered(member)])
  )
}

/** Over every member but the digest itself, also over members that are not ours. */
const digestOf = (document: object): string => {
  const covered = Object.entries(document).filter(([name]) => name !== "digest")
  return crypto.hash("sha256", JSON.stringify(ordered(Object.fromEntries(covered))), "hex")
}

const encode = Schema.encodeSync(PlanDocument)
const decode = Schema.decodeUnknownEither(PlanDocument, { onExcessProperty: "error" })

/** What a plan file is made of. */
export type PlanContent = Pick<PlanDocument, "source" | "target" | "basis" | "plan">

/**
 * The document of a plan; `created` is ISO 8601. The basis is that of a dry run with `hashPlan` (`Recorder.basis`).
 *
 * @example
 * ```ts
 * const document = makePlanDocument({ source, target, basis, plan }, new Date().toISOString())
 * yield* writePlan("plan.json", document, "refuse")
 * const { basis: expectPlan } = yield* readPlan("plan.json")
 * ```
 */
export const makeDocument = (content: PlanContent, created: string): PlanDocument => {
  const hash = hashOf(content.basis)
  const whole = { memorygraph: "plan", version: VERSION, generator: GENERATOR, created, ...content, hash } as const
  return { ...whole, digest: digestOf(encode({ ...whole, digest: hash })) }
}

/**
 * Writes a plan: 0600, whole or not at all. Fails with `FileFailed`: `exists` where something is there and `existing`
 * is `refuse`.
 */
export const writePlan = (
  file: string,
  document: PlanDocument,
  existing: "refuse" | "replace"
): Effect.Effect<void, FileFailed> =>
  writeAtomic(file, Stream.make(`${JSON.stringify(encode(document), null, 2)}\n`), { existing })

const invalid = (file: string, reason: DocumentReason, why: string): DocumentInvalid =>
  new DocumentInvalid({ path: file, reason, message: `${file} ${why}. Nothing was written.` })

const NEW_ONE = "Make a new plan with --plan-out"

const textOf = (file: string): Effect.Effect<string, DocumentInvalid> =>
  Effect.try({
    try: () => fs.readFileSync(file, "utf8"),
    catch: (cause) => {
      const isMissing = codeOf(cause) === "ENOENT"
      const why = isMissing ? "does not exist. Check the path" : `cannot be read: ${String(cause)}`
      return invalid(file, isMissing ? "not-found" : "permission", why)
    }
  })

const jsonOf = (file: string, text: string): Effect.Effect<unknown, DocumentInvalid> =>
  Effect.try({
    try: (): unknown => JSON.parse(text),
    catch: () => invalid(file, "syntax", `is no plan: it is not JSON. ${NEW_ONE}`)
  })

/** Reads a plan; `DocumentInvalid` where it is none, is of another version, or is not what was written (`digest`). */
export const readPlan = (file: string): Effect.Effect<PlanDocument, DocumentInvalid> =>
  Effect.gen(function* () {
    const value = yield* jsonOf(file, yield* textOf(file))
    const { memorygraph, version }: { memorygraph?: unknown; version?: unknown } =
      typeof value === "object" && value !== null ? value : {}
    if (memorygraph !== "plan") return yield* invalid(file, "unknown-format", `is no plan of this program. ${NEW_ONE}`)
    if (version !== VERSION) {
      return yield* invalid(file, "unsupported-version", `is a plan of a version that is not known here. ${NEW_ONE}`)
    }
    const decoded = decode(value)
    if (Either.isLeft(decoded)) {
      const [issue] = ParseResult.ArrayFormatter.formatErrorSync(decoded.left)
      return yield* invalid(file, "schema", `is not as a plan is (${(issue?.path ?? []).join(".")}). ${NEW_ONE}`)
    }
    const plan = decoded.right
    if (plan.digest !== digestOf(encode(plan)) || plan.hash !== hashOf(plan.basis)) {
      return yield* invalid(
        file,
        "digest",
        `was changed after it was written: a plan is carried out as it was made, or not at all. ${NEW_ONE}`
      )
    }
    return plan
  })
