/** `memorygraph backup`: making backups, listing them, proving that they can be restored, restoring and deleting them. */
import * as path from "node:path"
import * as Command from "@effect/cli/Command"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { connect } from "../backend/registry.ts"
import type { StoreConfig } from "../backend/StoreConfig.ts"
import { type MigrationError, UsageError } from "../domain/Errors.ts"
import type { Entry } from "../migration/backupFiles.ts"
import type { Pruned } from "../migration/pruneBackups.ts"
import type { RunReport } from "../migration/report.ts"
import { once } from "./arguments.ts"
import { expandHome } from "../settings/environment.ts"
import { mustExist } from "./health.ts"
import {
  argument,
  flag,
  integer,
  output,
  type OutputOptions,
  reportFile,
  storeFlags,
  text,
  writing
} from "./options.ts"
import { graphSize, table } from "./render.ts"
import { type CommandContext, type Listing, runCommand, runListing } from "./run.ts"
import type { Naming, StoreFlags } from "../settings/stores.ts"
import { type WritingFlags, writeOptions } from "./writing.ts"

interface Options {
  readonly action: string | undefined
  readonly first: string | undefined
  readonly second: string | undefined
  readonly backend: string | undefined
  readonly folder: string | undefined
  readonly keep: number | undefined
  readonly restoreDrill: boolean
  readonly replace: boolean
  readonly flags: StoreFlags
  readonly writing: WritingFlags
  readonly report: string | undefined
  readonly output: OutputOptions
}

type Taken = "STORE" | "--keep" | "--restore-drill" | "--replace" | "--dry-run" | "--report" | "writing"

/** The actions: what each takes besides the shared options, and how many words follow it. */
const ACTIONS = {
  create: { takes: ["STORE", "--report"], words: 1 },
  list: { takes: [], words: 0 },
  verify: { takes: ["--restore-drill", "--report"], words: 1 },
  restore: { takes: ["STORE", "--replace", "--dry-run", "--report", "writing"], words: 2 },
  prune: { takes: ["STORE", "--keep", "--dry-run"], words: 1 }
} as const satisfies { readonly [action: string]: { readonly takes: ReadonlyArray<Taken>; readonly words: number } }
type Action = keyof typeof ACTIONS

const NAMES = Object.keys(ACTIONS).join(", ")
const isAction = (word: string): word is Action => Object.hasOwn(ACTIONS, word)

const namesStore = ({ backend, flags }: Options): boolean =>
  backend !== undefined || Object.values(flags).some((value) => value !== undefined)

/** The first option that was given and has no meaning for the action. */
const misplaced = (action: Action, options: Options): string | undefined => {
  const { dryRun, ...more } = options.writing
  const given: ReadonlyArray<readonly [Taken, boolean, string]> = [
    ["STORE", namesStore(options), "A store"],
    ["--keep", options.keep !== undefined, "--keep"],
    ["--restore-drill", options.restoreDrill, "--restore-drill"],
    ["--replace", options.replace, "--replace"],
    ["--dry-run", dryRun, "--dry-run"],
    ["--report", options.report !== undefined, "--report"],
    [
      "writing",
      Object.values(more).some((value) => value !== undefined && value !== false),
      "An option of writing (--on-conflict and the like)"
    ]
  ]
  const takes: ReadonlyArray<Taken> = ACTIONS[action].takes
  return given.find(([what, isGiven]) => isGiven && !takes.includes(what))?.[2]
}

const checkCall = (options: Options): Effect.Effect<Action, UsageError> => {
  const { action = "list", first, second } = options
  if (!isAction(action)) return new UsageError({ message: `backup has no action "${action}"; it has ${NAMES}.` })
  const extra = [first, second].slice(ACTIONS[action].words).find((word) => word !== undefined)
  const wrong = extra ?? misplaced(action, options)
  return wrong === undefined
    ? Effect.succeed(action)
    : new UsageError({ message: `${wrong} has no meaning for "backup ${action}". Leave it out.` })
}

const load = Effect.promise(() => import("../migration/backupFiles.ts"))

const folderOf = (context: CommandContext, { folder }: Options): Effect.Effect<string> =>
  folder === undefined
    ? Effect.map(load, (files) => files.backupsFolder(context.stateFolder))
    : Effect.succeed(path.resolve(expandHome(folder)))

const find = (context: CommandContext, options: Options, id: string | undefined) =>
  Effect.gen(function* () {
    if (id === undefined || id === "") {
      return yield* new UsageError({ message: 'Which backup? Give its id; "memorygraph backup list" lists them.' })
    }
    return yield* (yield* load).find(yield* folderOf(context, options), id)
  })

const storeOf = (
  context: CommandContext,
  options: Options,
  role: Naming["role"],
  positional: string | undefined
): Effect.Effect<StoreConfig, UsageError> =>
  Effect.flatMap(once(positional, "--backend", options.backend), (word) =>
    context.resolve({ role, prefix: "", word, flags: options.flags })
  )

type Reporting = (context: CommandContext, options: Options) => Effect.Effect<RunReport, MigrationError, Scope.Scope>

const create: Reporting = (context, options) =>
  Effect.gen(function* () {
    const config = yield* storeOf(context, options, "store", options.first)
    yield* mustExist(config)
    const { storeName } = yield* Effect.promise(() => import("../migration/manifest.ts"))
    const { createBackup } = yield* Effect.promise(() => import("../migration/backup.ts"))
    return yield* createBackup(yield* connect(config), {
      stateFolder: context.stateFolder,
      folder: yield* folderOf(context, options),
      store: storeName(config),
      recorder: context.recorder
    })
  })

const verify: Reporting = (context, options) =>
  Effect.gen(function* () {
    const { recorder, stateFolder } = context
    const backup = yield* find(context, options, options.first)
    if (options.restoreDrill) {
      const { restoreDrill } = yield* Effect.promise(() => import("../migration/restoreDrill.ts"))
      return yield* restoreDrill(backup, { stateFolder, recorder })
    }
    const { verifyBackup } = yield* Effect.promise(() => import("../migration/backup.ts"))
    return yield* verifyBackup(backup, { recorder })
  })

const restore: Reporting = (context, options) =>
  Effect.gen(function* () {
    const backup = yield* find(context, options, options.first)
    // Not even a setting may choose what is written here.
    if (options.second === undefined && !namesStore(options)) {
      return yield* new UsageError({
        message: `Into which store is backup ${backup.id} to be restored? Name it: "memorygraph backup restore ${backup.id} STORE".`
      })
    }
    const target = yield* storeOf(context, options, "target", options.second)
    const { onConflict, skipDuplicates } = options.writing
    if (options.replace && (skipDuplicates || (onConflict !== undefined && onConflict !== "overwrite"))) {
      return yield* new UsageError({
        message:
          "--replace makes the store hold just what the backup does: it goes with no other --on-conflict than overwrite."
      })
    }
    const settings = yield* writeOptions(options.writing, options.output, context, { target })
    const { openBackup } = yield* Effect.promise(() => import("../migration/backup.ts"))
    const { importRecords } = yield* Effect.promise(() => import("../migration/migrate.ts"))
    const { replace } = options
    return yield* importRecords(yield* openBackup(backup), yield* connect(target), { ...settings, replace })
  })

const MEGABYTE = 1_000_000
const KILOBYTE = 1000

const size = (bytes: number): string =>
  bytes >= MEGABYTE ? `${(bytes / MEGABYTE).toFixed(1)} MB` : `${Math.max(1, Math.round(bytes / KILOBYTE))} kB`

const TIME = 16

const rowOf = (entry: Entry): ReadonlyArray<string> => {
  if ("why" in entry) return [entry.id, "DAMAGED", entry.why]
  const { created, file, fingerprint, store } = entry.manifest
  return [
    entry.id,
    created.slice(0, TIME).replace("T", " "),
    graphSize(entry.manifest),
    size(file.bytes),
    fingerprint,
    store.location
  ]
}

type Telling = (context: CommandContext, options: Options) => Effect.Effect<Listing, MigrationError>

const list: Telling = (context, options) =>
  Effect.gen(function* () {
    const files = yield* load
    const folder = yield* folderOf(context, options)
    const entries = yield* files.list(folder)
    const [whole, damaged] = [entries.filter((entry) => !files.isDamaged(entry)), entries.filter(files.isDamaged)]
    return {
      json: {
        folder,
        backups: entries.map((entry) =>
          files.isDamaged(entry)
            ? { id: entry.id, damaged: entry.why }
            : { damaged: null, folder: entry.folder, ...entry.manifest }
        )
      },
      lines:
        entries.length === 0
          ? [`There are no backups in ${folder}.`]
          : [...table(whole.map(rowOf)), ...table(damaged.map(rowOf))]
    }
  })

const idsOf = (entries: ReadonlyArray<{ readonly id: string }>): ReadonlyArray<string> => entries.map(({ id }) => id)

const pruneLines = ({ damaged, deleted, kept }: Pruned, dryRun: boolean): ReadonlyArray<string> => [
  deleted.length === 0
    ? `Nothing to delete: ${kept.length} kept.`
    : `${dryRun ? "Would delete" : "Deleted"} ${idsOf(deleted).join(", ")}; ${kept.length} kept.`,
  ...damaged.map(({ id, why }) => `Left alone: ${id}, which is damaged: ${why}.`)
]

const prune: Telling = (context, options) =>
  Effect.gen(function* () {
    const { keep, writing: how } = options
    if (keep === undefined) {
      return yield* new UsageError({ message: "How many backups of each store are to stay? Say it with --keep N." })
    }
    const { storeName } = yield* Effect.promise(() => import("../migration/manifest.ts"))
    const { pruneBackups } = yield* Effect.promise(() => import("../migration/pruneBackups.ts"))
    const isNamed = options.first !== undefined || namesStore(options)
    const pruned = yield* pruneBackups({
      folder: yield* folderOf(context, options),
      keep,
      dryRun: how.dryRun,
      store: isNamed ? storeName(yield* storeOf(context, options, "store", options.first)) : undefined
    })
    const { damaged, deleted, kept } = pruned
    return {
      json: { dryRun: how.dryRun, kept: idsOf(kept), deleted: idsOf(deleted), damaged },
      lines: pruneLines(pruned, how.dryRun)
    }
  })

export const backup = Command.make(
  "backup",
  {
    action: argument("ACTION", `${NAMES} (default: list)`),
    first: argument(
      "ID|STORE",
      "verify, restore: the backup's id, or as much of its beginning as tells it from the others; create: the store (default: the one that MEMORY_BACKEND names); prune: only this store's backups"
    ),
    second: argument("TO", "restore: the target"),
    backend: text("backend", "STORE", "the same as STORE or TO"),
    folder: text("output", "FOLDER", "the folder of the backups (default: backups in the state folder)"),
    restoreDrill: flag("restore-drill", "verify: restore into a scratch store too, and compare that"),
    replace: flag("replace", "restore: remove from TO what the backup does not have, so that it holds just the backup"),
    keep: integer("keep", { min: 1, max: 1_000_000 }, "prune: how many of each store stay, the newest ones"),
    flags: storeFlags(""),
    writing,
    report: reportFile,
    output
  },
  (options) => {
    const { action = "list" } = options
    const name = isAction(action) ? `backup ${action}` : "backup"
    const how = { ...options, dryRun: action === "restore" && options.writing.dryRun }
    const checked = checkCall(options)
    const reporting = { create, verify, restore }
    const telling = { list, prune }
    return action === "create" || action === "verify" || action === "restore"
      ? runCommand(name, how, (context) => Effect.zipRight(checked, reporting[action](context, options)))
      : runListing(name, how, (context) =>
          Effect.flatMap(checked, () => telling[action === "prune" ? "prune" : "list"](context, options))
        )
  }
).pipe(Command.withDescription("Make backups; list, verify, restore and prune them"))
