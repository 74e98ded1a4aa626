/** `memorygraph health`: what stores are, whether they can be used, and what they hold. */
import * as fs from "node:fs"
import * as Command from "@effect/cli/Command"
import * as Effect from "effect/Effect"
import { connect } from "../backend/registry.ts"
import type { StoreConfig } from "../backend/StoreConfig.ts"
import { type MigrationError, StoreUnavailable } from "../domain/Errors.ts"
import type { Candidate } from "../migration/health.ts"
import type { RunReport, StoreHealth } from "../migration/report.ts"
import { BACKEND_VARIABLE, lookup } from "../settings/environment.ts"
import type { StoreFlags } from "../settings/stores.ts"
import { once } from "./arguments.ts"
import { argument, output, storeFlags, text } from "./options.ts"
import { type CommandContext, runCommand } from "./run.ts"
import { NO_FLAGS } from "../settings/storeName.ts"

/** A file that is not there is an empty store to a target, but nothing to look at. */
export const mustExist = (config: StoreConfig): Effect.Effect<void, StoreUnavailable> =>
  "path" in config && !fs.existsSync(config.path)
    ? new StoreUnavailable({
        backend: config.kind,
        location: config.path,
        reason: "not-found",
        message: `${config.path} does not exist. Check the path; "memorygraph migrate" and "import" make a new store.`
      })
    : Effect.void

/** A store to look at, as it was named; where its settings are wrong, that is what is found. */
const candidate = (
  context: CommandContext,
  word: string | undefined,
  flags: StoreFlags,
  name: string | null,
  inUse: boolean
): Effect.Effect<Candidate> =>
  Effect.map(Effect.either(context.resolve({ role: "store", prefix: "", word, flags })), (resolved): Candidate => {
    if (resolved._tag === "Left") {
      const backend = context.settings.stores.get(name ?? "")?.kind ?? "unknown"
      return { name, inUse, backend, location: name ?? "the store in use", connect: resolved.left }
    }
    const config = resolved.right
    return {
      name,
      inUse,
      backend: config.kind,
      location: "path" in config ? config.path : `${config.kind}://${config.host}:${config.port}`,
      connect: Effect.zipRight(mustExist(config), connect(config))
    }
  })

/** The store in use, unless it is the default one that nobody set up, and all of the config file. */
const configured = (context: CommandContext): Effect.Effect<ReadonlyArray<Candidate>> =>
  Effect.gen(function* () {
    const { stores } = context.settings
    const said = lookup(process.env, [BACKEND_VARIABLE]) ?? context.settings.backend
    const found: Array<Candidate> = []
    if (!stores.has(said ?? "")) {
      const inUse = yield* candidate(context, undefined, NO_FLAGS, null, true)
      if (said !== undefined || stores.size === 0 || fs.existsSync(inUse.location)) found.push(inUse)
    }
    for (const name of stores.keys()) found.push(yield* candidate(context, name, NO_FLAGS, name, name === said))
    return found
  })

const failed = (context: CommandContext, health: ReadonlyArray<StoreHealth>): RunReport => {
  const unreachable = health.filter(({ reachable }) => !reachable)
  const { backend = "", location = "" } = unreachable[0] ?? {}
  const names = unreachable.map(({ name, location: place }) => name ?? place).join(", ")
  return context.recorder.report({
    outcome: "failed",
    exitCode: 3,
    error: {
      tag: "StoreUnavailable",
      backend,
      location,
      message: `${unreachable.length} of ${health.length} stores cannot be used: ${names}. Nothing was changed. What is wrong with each stands above.`
    }
  })
}

const lookAtAll = (context: CommandContext): Effect.Effect<RunReport, MigrationError> =>
  Effect.gen(function* () {
    const { healthOfAll, noteUnfinished } = yield* Effect.promise(() => import("../migration/health.ts"))
    const candidates = yield* configured(context)
    const [only] = candidates
    const { recorder } = context
    if (only !== undefined && candidates.length === 1) return yield* lookAt(context, only)
    recorder.health = yield* noteUnfinished(context.stateFolder, yield* healthOfAll(candidates))
    return recorder.health.every(({ reachable }) => reachable)
      ? recorder.report({ outcome: "done", exitCode: 0, error: null })
      : failed(context, recorder.health)
  })

const lookAt = (
  { recorder, stateFolder }: CommandContext,
  store: Candidate
): Effect.Effect<RunReport, MigrationError> =>
  Effect.gen(function* () {
    const { healthOf, noteUnfinished } = yield* Effect.promise(() => import("../migration/health.ts"))
    const found = yield* healthOf(store)
    recorder.health = yield* noteUnfinished(stateFolder, [found])
    recorder.source = {
      backend: found.backend,
      location: found.location,
      version: found.version ?? "",
      nodes: found.nodes ?? 0,
      relationships: found.relationships ?? 0,
      labels: found.labels,
      types: found.types,
      fingerprint: null
    }
    return recorder.report({ outcome: "done", exitCode: 0, error: null })
  })

export const health = Command.make(
  "health",
  {
    store: argument("STORE", "a store (default: the one in use and all of the config file)"),
    backend: text("backend", "STORE", "the same as the argument"),
    flags: storeFlags(""),
    output
  },
  (options) =>
    runCommand("health", options, (context) =>
      Effect.gen(function* () {
        const word = yield* once(options.store, "--backend", options.backend)
        if (word === undefined && Object.values(options.flags).every((flag) => flag === undefined)) {
          return yield* lookAtAll(context)
        }
        const named = word !== undefined && context.settings.stores.has(word) ? word : null
        return yield* lookAt(context, yield* candidate(context, word, options.flags, named, false))
      })
    )
).pipe(Command.withDescription("Look at stores: what they are, whether they can be used, what they hold"))
