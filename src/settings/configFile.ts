/**
 * The config file: named stores and defaults. Found at MEMORYGRAPH_CONFIG, else in the user's config folder; one that
 * is not there is an empty one. What it holds is decoded in `configDecode.ts`, which loads only where there is a file.
 */
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import * as Effect from "effect/Effect"
import type { Kind, SqliteLayout } from "../backend/StoreConfig.ts"
import { UsageError } from "../domain/Errors.ts"
import { codeOf } from "../files/errorCode.ts"
import { type Environment, expandHome, lookup } from "./environment.ts"

/** The variable that says where the file is. */
export const CONFIG_VARIABLE = "MEMORYGRAPH_CONFIG"

/** How progress can be shown; `auto` is a live line on a terminal and plain lines elsewhere. */
export const PROGRESS_MODES = ["auto", "plain", "json", "none"] as const
export type ProgressMode = (typeof PROGRESS_MODES)[number]

/** What can be done about records that the target holds with another content. */
export const ON_CONFLICT = ["skip", "overwrite", "fail"] as const
export type OnConflict = (typeof ON_CONFLICT)[number]

/** A store of the config file. Paths are absolute; a URI is taken apart; nothing here is a secret. */
export interface NamedStore {
  readonly name: string
  /** The line of its name, counted from 1. */
  readonly line: number
  readonly kind: Kind
  readonly path: string | undefined
  readonly host: string | undefined
  readonly port: number | undefined
  readonly user: string | undefined
  /** A file that holds the password and nothing else. */
  readonly passwordFile: string | undefined
  /** An environment variable that holds the password. */
  readonly passwordEnv: string | undefined
  readonly database: string | undefined
  readonly graph: string | undefined
  readonly layout: SqliteLayout | undefined
  readonly tls: "off" | "verify" | "trust" | undefined
  readonly caFile: string | undefined
  /** True for `neo4j://`: a cluster is asked for its members. */
  readonly routing: boolean | undefined
}

/** What a config file says; what it leaves open is undefined. */
export interface Config {
  /** The file; undefined where there is none. */
  readonly file: string | undefined
  /** The named stores, in the file's order. */
  readonly stores: ReadonlyMap<string, NamedStore>
  /** The store in use: a name from `stores`, or a kind. */
  readonly backend: string | undefined
  readonly stateDir: string | undefined
  readonly progress: ProgressMode | undefined
  readonly onConflict: OnConflict | undefined
  /** What the MCP server may reach: files under `roots`; with `allowAny` stores that are not named here, too. */
  readonly mcp: { readonly roots: ReadonlyArray<string>; readonly allowAny: boolean }
  /** The line of each key, by its path: `stores.team.uri`. */
  readonly lines: ReadonlyMap<string, number>
}

/** No config file. */
export const NO_CONFIG: Config = {
  file: undefined,
  stores: new Map(),
  backend: undefined,
  stateDir: undefined,
  progress: undefined,
  onConflict: undefined,
  mcp: { roots: [], allowAny: false },
  lines: new Map()
}

/** Where the file is looked for; `isNamed` where a setting says so, and it must be there. */
export const locate = (env: Environment): { readonly file: string; readonly isNamed: boolean } => {
  const named = lookup(env, [CONFIG_VARIABLE])
  if (named !== undefined) return { file: path.resolve(expandHome(named)), isNamed: true }
  const xdg = lookup(env, ["XDG_CONFIG_HOME"])
  const folder = xdg !== undefined && path.isAbsolute(xdg) ? xdg : path.join(os.homedir(), ".config")
  return { file: path.join(folder, "memorygraph-migrate", "config.yaml"), isNamed: false }
}

/** More than any hand writes; the YAML library takes seconds for what is much larger. */
const MAX_BYTES = 64 * 1024

const unreadable = (file: string, why: string): UsageError =>
  new UsageError({
    message: `The config file ${file} cannot be read: ${why}. Nothing was done. Mend it, or let ${CONFIG_VARIABLE} name another.`
  })

const readText = (file: string): Effect.Effect<string | undefined, UsageError> =>
  Effect.suspend(() => {
    try {
      if (fs.statSync(file).size > MAX_BYTES) return unreadable(file, `it is larger than ${MAX_BYTES / 1024} KiB`)
      const text = new TextDecoder("utf-8", { fatal: true }).decode(fs.readFileSync(file))
      return Effect.succeed(text)
    } catch (cause) {
      if (codeOf(cause) === "ENOENT" || codeOf(cause) === "ENOTDIR") return Effect.succeed(undefined)
      return unreadable(file, cause instanceof Error ? cause.message.replace(/\.$/, "") : String(cause))
    }
  })

/** Reads the config file that these settings lead to. Fails where it is named and not there, or not understood. */
export const loadConfig = (env: Environment): Effect.Effect<Config, UsageError> =>
  Effect.gen(function* () {
    const { file, isNamed } = locate(env)
    const text = yield* readText(file)
    if (text === undefined) return isNamed ? yield* unreadable(file, "it does not exist") : NO_CONFIG
    const { decodeConfig } = yield* Effect.promise(() => import("./configDecode.ts"))
    return yield* decodeConfig(file, text)
  })
