/** Every setting with its value in force and where it comes from; secrets never show. */
import * as Effect from "effect/Effect"
import { DEFAULT_GRAPH, KINDS, type Kind } from "../backend/StoreConfig.ts"
import type { UsageError } from "../domain/Errors.ts"
import { type Config, CONFIG_VARIABLE, locate, type NamedStore, type ProgressMode } from "./configFile.ts"
import { allowAny, backendInUse, type Effective, mcpRoots, onConflict, progressMode, stateDir } from "./effective.ts"
import { DEFAULT_PATHS, type Environment, lookup, type Settings, SETTINGS } from "./environment.ts"
import { DEFAULT_HOST, DEFAULT_PORTS } from "./stores.ts"

/** One setting; `from` is a flag, a variable, `FILE:LINE` or `default`. */
export interface SettingInForce {
  readonly name: string
  readonly value: string
  readonly from: string
}

const SECRET = "***"

const fromOf = ({ origin }: Effective<unknown>): string => {
  switch (origin.from) {
    case "flag":
    case "environment":
      return origin.name
    case "config file":
      return origin.line === undefined ? origin.name : `${origin.name}:${origin.line}`
    case "default":
      return "default"
  }
}

const said = (name: string, effective: Effective<string | boolean | ReadonlyArray<string>>): SettingInForce => {
  const { value } = effective
  const text = typeof value === "string" ? value : typeof value === "boolean" ? String(value) : value.join(", ")
  return { name, value: text === "" ? "(none)" : text, from: fromOf(effective) }
}

/** A URI without the password that it may hold. */
export const withoutPassword = (uri: string): string => uri.replace(/^([a-z0-9+.-]+:\/\/[^:@]*:).*@/is, `$1${SECRET}@`)

const defaultOf = (kind: Kind, field: keyof Settings): string | undefined => {
  switch (field) {
    case "path":
      return DEFAULT_PATHS[kind]
    case "host":
      return DEFAULT_HOST
    case "port":
      return kind === "falkordb" ? String(DEFAULT_PORTS.falkordb) : undefined
    case "graph":
      return DEFAULT_GRAPH
    default:
      return undefined
  }
}

const FIELDS = ["path", "uri", "host", "port", "user", "password", "database", "graph"] as const

/** What is known of a kind that is named without more; what nobody says and has no default is left out. */
const ofKind = (kind: Kind, env: Environment): ReadonlyArray<SettingInForce> =>
  FIELDS.flatMap((field): ReadonlyArray<SettingInForce> => {
    const variables = SETTINGS[kind][field]
    if (variables === undefined) return []
    const variable = variables.find((name) => lookup(env, [name]) !== undefined)
    const value = lookup(env, variables)
    const name = `${kind}.${field}`
    if (variable !== undefined && value !== undefined) {
      return [{ name, value: field === "password" ? SECRET : withoutPassword(value), from: variable }]
    }
    const otherwise = defaultOf(kind, field)
    return otherwise === undefined ? [] : [{ name, value: otherwise, from: "default" }]
  })

/** The settings, in the order of the docs. */
export const settingsInForce = (
  flags: { readonly progress?: ProgressMode | undefined },
  env: Environment,
  config: Config
): Effect.Effect<ReadonlyArray<SettingInForce>, UsageError> =>
  Effect.gen(function* () {
    const { isNamed } = locate(env)
    return [
      { name: "config", value: config.file ?? "(none)", from: isNamed ? CONFIG_VARIABLE : "default" },
      said("backend", backendInUse(undefined, env, config)),
      said("state-dir", stateDir(env, config)),
      said("progress", yield* progressMode(flags.progress, env, config)),
      said("on-conflict", yield* onConflict(undefined, env, config)),
      said("mcp.roots", mcpRoots(config)),
      said("mcp.allow-any", allowAny(false, config)),
      ...KINDS.flatMap((kind) => ofKind(kind, env))
    ]
  })

/** What the config file says of a store, by its keys. Where its password is, never what it is. */
export const describeStore = (store: NamedStore): { readonly [key: string]: string | number | boolean } => {
  const entries: ReadonlyArray<readonly [string, string | number | boolean | undefined]> = [
    ["kind", store.kind],
    ["path", store.path],
    ["host", store.host],
    ["port", store.port],
    ["user", store.user],
    ["password-file", store.passwordFile],
    ["password-env", store.passwordEnv],
    ["database", store.database],
    ["graph", store.graph],
    ["layout", store.layout],
    ["tls", store.tls],
    ["ca-file", store.caFile]
  ]
  return Object.fromEntries(entries.flatMap(([key, value]) => (value === undefined ? [] : [[key, value]])))
}
