/** `migrate --plan-out` and `--apply`: a plan goes into a file, and is carried out from there exactly as it is. */
import * as path from "node:path"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { connect } from "../backend/registry.ts"
import type { StoreConfig } from "../backend/StoreConfig.ts"
import { type MigrationError, UsageError } from "../domain/Errors.ts"
import type { StoreName } from "../migration/manifest.ts"
import type { WriteOptions } from "../migration/migrate.ts"
import type { PlanDocument } from "../migration/planFile.ts"
import type { RunReport } from "../migration/report.ts"
import { expandHome } from "../settings/environment.ts"
import { namingOf } from "../settings/storeName.ts"
import type { Naming } from "../settings/stores.ts"
import type { OutputOptions } from "./options.ts"
import type { CommandContext } from "./run.ts"
import * as terminal from "./terminal.ts"
import { type WritingFlags, writeOptions } from "./writing.ts"

const load = Effect.promise(() => import("../migration/planFile.ts"))

/** The two stores of a call. */
export interface Stores {
  readonly source: StoreConfig
  readonly target: StoreConfig
}

/** Plans, writes the plan into a file, and nothing into the target. */
export const planOut = (
  file: string,
  { source, target }: Stores,
  settings: WriteOptions,
  output: OutputOptions,
  { recorder }: CommandContext
): Effect.Effect<RunReport, MigrationError, Scope.Scope> =>
  Effect.gen(function* () {
    const { makeDocument, writePlan } = yield* load
    const { mayWriteFile } = yield* Effect.promise(() => import("../document/file-write.ts"))
    const { storeName } = yield* Effect.promise(() => import("../migration/manifest.ts"))
    const { migrate } = yield* Effect.promise(() => import("../migration/migrate.ts"))
    const at = path.resolve(expandHome(file))
    const existing = output.yes ? "replace" : "refuse"
    // Before the work, not after it.
    yield* mayWriteFile(at, existing)
    const report = yield* migrate(yield* connect(source), yield* connect(target), {
      ...settings,
      dryRun: true,
      hashPlan: true
    })
    const { basis } = recorder
    if (basis === null || report.plan === null || report.source === null || report.target?.before == null) {
      return yield* Effect.die(new Error("a plan was made that has no basis"))
    }
    const document = makeDocument(
      {
        source: { store: storeName(source), stats: report.source },
        target: { store: storeName(target), stats: report.target.before },
        basis,
        plan: report.plan
      },
      new Date().toISOString()
    )
    yield* writePlan(at, document, existing)
    if (!output.quiet) {
      terminal.err(
        `The plan is in ${at}. "memorygraph migrate --apply ${file}" carries it out, if nothing has changed.`
      )
    }
    return report
  })

/** What was said beside `--apply`. */
export interface Beside {
  readonly source: Naming
  readonly target: Naming
  readonly planOut: string | undefined
  readonly since: string | undefined
  readonly writing: WritingFlags
}

const contradicts = (what: string): UsageError =>
  new UsageError({ message: `${what} contradicts the plan of --apply, which says it already. Leave it out.` })

const contradictionOf = (
  { planOut: out, since, writing }: Beside,
  options: PlanDocument["basis"]["options"]
): string | undefined => {
  const differs = (given: string | undefined, planned: string): boolean => given !== undefined && given !== planned
  if (out !== undefined) return "--plan-out"
  if (differs(writing.onConflict, options.onConflict)) return "--on-conflict"
  if (writing.skipDuplicates && options.onConflict !== "skip") return "--skip-duplicates"
  if (since !== undefined && since !== options.since) return "--since"
  if (differs(writing.onError, options.onError)) return "--on-error"
  if (differs(writing.onUnkeyed, options.onUnkeyed)) return "--on-unkeyed"
  if (writing.noVerify && options.verify) return "--no-verify"
  return writing.backup && !options.backup ? "--backup" : undefined
}

const isNamed = ({ flags, word }: Naming): boolean =>
  word !== undefined || Object.entries(flags).some(([name, value]) => name !== "password-file" && value !== undefined)

const sameStore = (a: StoreName, b: StoreName): boolean => {
  const text = (name: StoreName) => JSON.stringify(Object.entries(name).toSorted(([x], [y]) => (x < y ? -1 : 1)))
  return text(a) === text(b)
}

/** A store of the plan. One that is named all the same must be that very one, and may bring its password along. */
const storeOf = (
  context: CommandContext,
  naming: Naming,
  { store }: PlanDocument["source"]
): Effect.Effect<StoreConfig, MigrationError> =>
  Effect.gen(function* () {
    const { flags, prefix, role } = naming
    if (!isNamed(naming)) {
      if (prefix === "" || role === "store") return yield* Effect.die(new Error("a plan has a source and a target"))
      return yield* context.resolve(
        namingOf(role, prefix, store, { passwordFile: flags["password-file"], config: context.settings })
      )
    }
    const { storeName } = yield* Effect.promise(() => import("../migration/manifest.ts"))
    const config = yield* context.resolve(naming)
    return sameStore(storeName(config), store) ? config : yield* contradicts(`The ${role} that is named`)
  })

/** Carries out the plan of a file: nobody is asked, since it was looked at; refused where anything has changed. */
export const apply = (
  file: string,
  beside: Beside,
  output: OutputOptions,
  context: CommandContext
): Effect.Effect<RunReport, MigrationError, Scope.Scope> =>
  Effect.gen(function* () {
    const { readPlan } = yield* load
    const plan = yield* readPlan(path.resolve(expandHome(file)))
    const { options } = plan.basis
    const contradiction = contradictionOf(beside, options)
    if (contradiction !== undefined) return yield* contradicts(contradiction)
    const source = yield* storeOf(context, beside.source, plan.source)
    const target = yield* storeOf(context, beside.target, plan.target)
    const flags = {
      dryRun: beside.writing.dryRun,
      backup: options.backup,
      onConflict: options.onConflict,
      skipDuplicates: false,
      noVerify: !options.verify,
      onError: options.onError,
      onUnkeyed: options.onUnkeyed
    }
    const settings = yield* writeOptions(flags, output, context, { source, target })
    const { migrate } = yield* Effect.promise(() => import("../migration/migrate.ts"))
    return yield* migrate(yield* connect(source), yield* connect(target), {
      ...settings,
      since: options.since ?? undefined,
      confirm: undefined,
      expectPlan: plan.basis
    })
  })
