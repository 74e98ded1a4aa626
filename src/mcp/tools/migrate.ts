/** `migrate_database` and `validate_migration`: the whole graph of one store into another, and whether that can be. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { GraphBackend } from "../../backend/GraphBackend.ts"
import { connect } from "../../backend/registry.ts"
import { type MigrationError, UsageError } from "../../domain/Errors.ts"
import type { WriteOptions } from "../../migration/migrate.ts"
import type { Side } from "../../migration/compareGraphs.ts"
import type { Recorder } from "../../migration/Run.ts"
import { attend, twoSteps } from "../call.ts"
import { planText, workAnswer } from "../results.ts"
import { type ImportArguments, MigrateArguments, ValidateArguments, Work } from "../schemas.ts"
import { writingTerms } from "../terms.ts"
import { define, type ToolContext } from "../tool.ts"
import type { Product } from "../tasks.ts"
import type { StoreConfig } from "../../backend/StoreConfig.ts"

type Writing = Pick<
  ImportArguments,
  "skip_duplicates" | "on_conflict" | "on_error" | "on_unkeyed" | "verify" | "backup"
>

const conflictPolicy = ({
  on_conflict: policy,
  skip_duplicates: skip
}: Writing): Effect.Effect<"skip" | "overwrite" | "fail", UsageError> =>
  skip === true && policy !== undefined && policy !== "skip"
    ? new UsageError({
        message: `skip_duplicates and on_conflict ${policy} contradict each other. Nothing was written. Leave one of them out.`
      })
    : Effect.succeed(policy ?? (skip === false ? "fail" : "skip"))

/** The program's options, from a tool's arguments. */
export const writeOptions = (
  given: Writing,
  { stateFolder }: Pick<ToolContext, "stateFolder">,
  recorder: Recorder,
  stores: { readonly source?: StoreConfig; readonly target: StoreConfig }
): Effect.Effect<WriteOptions, UsageError> =>
  Effect.gen(function* () {
    const { storeName } = yield* Effect.promise(() => import("../../migration/manifest.ts"))
    const onConflict = yield* conflictPolicy(given)
    const target = storeName(stores.target)
    const { backUpFirst } =
      given.backup === true
        ? yield* Effect.promise(() => import("../../migration/backup.ts"))
        : { backUpFirst: undefined }
    return {
      stateFolder,
      recorder,
      onConflict,
      onError: given.on_error ?? "stop",
      onUnkeyed: given.on_unkeyed ?? "fail",
      verify: given.verify ?? true,
      names: { source: stores.source === undefined ? undefined : storeName(stores.source), target },
      beforeWrite: backUpFirst?.({ stateFolder, recorder, store: target })
    }
  })

/** The step that only plans. */
export const planning = { dryRun: true, hashPlan: true } as const

/** What a plan comes to, with the hash it is called by. */
export const planned =
  (given: Writing, recorder: Recorder) =>
  (report: Product["report"]): Product => ({
    report,
    planHash: report.plan?.hash ?? null,
    terms: writingTerms(given, report, recorder.basis?.counts.rejected)
  })

const storesOf = (given: Omit<ValidateArguments, "mode">, { stores }: ToolContext) =>
  Effect.all({
    source: stores.resolve("source", {
      name: given.source,
      backend: given.source_backend,
      config: given.source_config
    }),
    target: stores.resolve("target", { name: given.target, backend: given.target_backend, config: given.target_config })
  })

const migrating = (given: MigrateArguments, context: ToolContext, recorder: Recorder, more: Partial<WriteOptions>) =>
  Effect.gen(function* () {
    const configs = yield* storesOf(given, context)
    const options = yield* writeOptions(given, context, recorder, configs)
    const { migrate } = yield* Effect.promise(() => import("../../migration/migrate.ts"))
    return yield* migrate(yield* connect(configs.source), yield* connect(configs.target), {
      ...options,
      since: given.since,
      ...more
    })
  })

export const migrateDatabase = define({
  name: "migrate_database",
  title: "Migrate a database",
  description:
    "Moves the whole MemoryGraph graph of one store into another and verifies it record by record. The first call only plans: it returns the plan, its plan_hash and a run id. A second call with the same arguments and that plan_hash writes; nothing is kept unless everything was verified. A client that can ask its person is asked instead, in one call.",
  annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: true, openWorldHint: false },
  input: MigrateArguments,
  output: Work,
  run: (given, context) =>
    Effect.map(
      twoSteps(context, {
        tool: "migrate_database",
        command: "migrate",
        arguments: given,
        plan: (recorder) => Effect.map(migrating(given, context, recorder, planning), planned(given, recorder)),
        act: (recorder, hash) => migrating(given, context, recorder, { expectPlan: hash }),
        question: (work) => ["Carry out this migration?", ...planText(work)].join("\n")
      }),
      workAnswer
    )
})

const sideOf = (store: GraphBackend): Effect.Effect<Side, MigrationError> =>
  Effect.gen(function* () {
    const { examineSource } = yield* Effect.promise(() => import("../../migration/preflight.ts"))
    const { storeOrigin } = yield* Effect.promise(() => import("../../migration/origin.ts"))
    const examined = yield* examineSource(store)
    return { origin: storeOrigin(store, examined), stats: examined.stats }
  })

const comparing = (
  given: ValidateArguments,
  context: ToolContext,
  recorder: Recorder
): Effect.Effect<Product, MigrationError, Scope.Scope> =>
  Effect.gen(function* () {
    const configs = yield* storesOf(given, context)
    const { compareGraphs } = yield* Effect.promise(() => import("../../migration/compareGraphs.ts"))
    const a = yield* sideOf(yield* connect(configs.source))
    const b = yield* sideOf(yield* connect(configs.target))
    return { report: yield* compareGraphs(a, b, { recorder }) }
  })

export const validateMigration = define({
  name: "validate_migration",
  title: "Validate a migration",
  description:
    "Says what a migration would do and whether it can (mode plan), or whether two stores hold the same graph, record by record (mode compare). Reads both stores and writes nothing.",
  annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  input: ValidateArguments,
  output: Work,
  run: (given, context) =>
    Effect.gen(function* () {
      const isComparison = given.mode === "compare"
      const task = yield* context.tasks.start({
        tool: "validate_migration",
        command: isComparison ? "verify" : "migrate",
        does: isComparison ? "read" : "plan",
        program: (recorder) =>
          isComparison
            ? comparing(given, context, recorder)
            : Effect.map(migrating(given, context, recorder, { dryRun: true }), (report) => ({ report }))
      })
      return workAnswer(yield* attend(task, context, given.wait))
    })
})
