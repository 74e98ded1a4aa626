/**
 * The settings that are not a store's: for each its value in force and where that comes from. The order is the same for
 * all: flag, environment, config file, default.
 */
import * as Effect from "effect/Effect"
import { UsageError } from "../domain/Errors.ts"
import {
  type Config,
  CONFIG_VARIABLE,
  ON_CONFLICT,
  type OnConflict,
  PROGRESS_MODES,
  type ProgressMode
} from "./configFile.ts"
import {
  BACKEND_VARIABLE,
  DEFAULT_BACKEND,
  type Environment,
  lookup,
  ON_CONFLICT_VARIABLE,
  PROGRESS_VARIABLE,
  STATE_VARIABLE,
  stateFolder
} from "./environment.ts"

/** Where a value comes from. */
export type Origin =
  | { readonly from: "flag"; readonly name: string }
  | { readonly from: "environment"; readonly name: string }
  | { readonly from: "config file"; readonly name: string; readonly line: number | undefined }
  | { readonly from: "default" }

/** A value and its origin. */
export interface Effective<A> {
  readonly value: A
  readonly origin: Origin
}

/** A setting's names: in flags, in the environment, in the config file. */
export interface SettingNames {
  readonly flag?: string
  readonly variable?: string
  readonly key?: string
}

/** The names of every setting that is not a store's. */
export const NAMES = {
  config: { variable: CONFIG_VARIABLE },
  backend: { flag: "--backend, --from", variable: BACKEND_VARIABLE, key: "backend" },
  stateDir: { variable: STATE_VARIABLE, key: "state-dir" },
  progress: { flag: "--progress", variable: PROGRESS_VARIABLE, key: "progress" },
  onConflict: { flag: "--on-conflict", variable: ON_CONFLICT_VARIABLE, key: "on-conflict" },
  roots: { flag: "--root", key: "mcp.roots" },
  allowAny: { flag: "--allow-any", key: "mcp.allow-any" }
} as const satisfies { readonly [name: string]: SettingNames }

/** What was said of a setting, by whoever can say it. */
export interface Said<A> {
  readonly flag?: A | undefined
  readonly environment?: A | undefined
  readonly configured?: A | undefined
  readonly otherwise: A
}

const pick = <A>(names: SettingNames, config: Config, said: Said<A>): Effective<A> => {
  if (said.flag !== undefined) return { value: said.flag, origin: { from: "flag", name: names.flag ?? "" } }
  if (said.environment !== undefined) {
    return { value: said.environment, origin: { from: "environment", name: names.variable ?? "" } }
  }
  return said.configured === undefined
    ? { value: said.otherwise, origin: { from: "default" } }
    : {
        value: said.configured,
        origin: { from: "config file", name: config.file ?? "", line: config.lines.get(names.key ?? "") }
      }
}

const oneOf = <A extends string>(
  variable: string,
  words: ReadonlyArray<A>,
  env: Environment
): Effect.Effect<A | undefined, UsageError> => {
  const text = lookup(env, [variable])
  const known = words.find((word) => word === text)
  return text !== undefined && known === undefined
    ? new UsageError({ message: `${variable} is "${text}"; it is one of ${words.join(", ")}.` })
    : Effect.succeed(known)
}

/** How progress is shown. */
export const progressMode = (
  flag: ProgressMode | undefined,
  env: Environment,
  config: Config
): Effect.Effect<Effective<ProgressMode>, UsageError> =>
  Effect.map(oneOf(PROGRESS_VARIABLE, PROGRESS_MODES, env), (environment) =>
    pick(NAMES.progress, config, { flag, environment, configured: config.progress, otherwise: "auto" })
  )

/** What is done about records that the target holds with another content. */
export const onConflict = (
  flag: OnConflict | undefined,
  env: Environment,
  config: Config
): Effect.Effect<Effective<OnConflict>, UsageError> =>
  Effect.map(oneOf(ON_CONFLICT_VARIABLE, ON_CONFLICT, env), (environment) =>
    pick(NAMES.onConflict, config, { flag, environment, configured: config.onConflict, otherwise: "skip" })
  )

/** The word that names the store in use. */
export const backendInUse = (flag: string | undefined, env: Environment, config: Config): Effective<string> =>
  pick(NAMES.backend, config, {
    flag,
    environment: lookup(env, [BACKEND_VARIABLE]),
    configured: config.backend,
    otherwise: DEFAULT_BACKEND
  })

/** The folder of runs and backups. */
export const stateDir = (env: Environment, config: Config): Effective<string> => ({
  ...pick(NAMES.stateDir, config, {
    environment: lookup(env, [STATE_VARIABLE]),
    configured: config.stateDir,
    otherwise: ""
  }),
  value: stateFolder(env, config.stateDir)
})

/** The folders that the MCP server may use, and whether any store may be named. */
export const mcpRoots = (config: Config): Effective<ReadonlyArray<string>> =>
  pick(NAMES.roots, config, {
    configured: config.lines.has("mcp.roots") ? config.mcp.roots : undefined,
    otherwise: []
  })

/** Whether the MCP server may be given stores that the config file does not name. */
export const allowAny = (flag: boolean, config: Config): Effective<boolean> =>
  pick(NAMES.allowAny, config, {
    flag: flag ? true : undefined,
    configured: config.lines.has("mcp.allow-any") ? config.mcp.allowAny : undefined,
    otherwise: false
  })
