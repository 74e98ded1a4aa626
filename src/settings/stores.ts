/**
 * How a store is named (contract: "Naming a backend"): a URI or a path; a store of the config file; a bare kind that
 * flags, environment and defaults complete; or nothing, where MEMORY_BACKEND or the config file says it.
 */
import * as fs from "node:fs"
import * as path from "node:path"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type { Kind, ServerConfig, SqliteLayout, StoreConfig } from "../backend/StoreConfig.ts"
import type { UsageError } from "../domain/Errors.ts"
import type { Config, NamedStore } from "./configFile.ts"
import { DEFAULT_PATHS, type Environment, expandHome, lookup, SETTINGS } from "./environment.ts"
import { isKind } from "./fileKind.ts"
import { namedStore, type Place, placeOf, usage } from "./storePlace.ts"
import type * as Uri from "./uri.ts"

/** The flags that complete a kind, without their prefix. */
export interface StoreFlags {
  readonly path: string | undefined
  readonly uri: string | undefined
  readonly host: string | undefined
  readonly port: number | undefined
  readonly user: string | undefined
  readonly "password-file": string | undefined
  readonly database: string | undefined
  readonly graph: string | undefined
  readonly layout: SqliteLayout | undefined
  readonly tls: "off" | "verify" | "trust" | undefined
  readonly "ca-file": string | undefined
}

/** What was said about one store. `prefix` is that of its flags. */
export interface Naming {
  readonly role: "source" | "target" | "store"
  readonly prefix: "from-" | "to-" | ""
  /** The positional, or the value of `--from`, `--to`, `--backend`. */
  readonly word: string | undefined
  readonly flags: StoreFlags
  /** True where the store in use may be meant only if MEMORY_BACKEND says so, never by default. */
  readonly mustBeNamed?: boolean
  /** What named the password's file, where it was no flag. */
  readonly passwordFileFrom?: string
}

/** What resolving a name may use. */
export interface ResolveOptions {
  readonly env: Environment
  /** What the config file says; nothing unless given. */
  readonly config?: Config
  /** Allows a FalkorDBLite file to be written with a newer dump version than it had. */
  readonly allowUpgrade: boolean
  /** Asks a person for a password; returns undefined where nobody can be asked. */
  readonly askPassword: (question: string) => Effect.Effect<Redacted.Redacted | undefined>
}

/** A store's config, and what the person should know about how it was named. */
export interface Resolved {
  readonly config: StoreConfig
  readonly warnings: ReadonlyArray<string>
}

const SERVER_FLAGS = ["uri", "host", "port", "user", "password-file", "tls", "ca-file"] as const
const ALL_FLAGS = ["path", ...SERVER_FLAGS, "database", "graph", "layout"] as const

/** Which flags complete which kind. */
export const APPLICABLE: { readonly [K in Kind]: ReadonlyArray<keyof StoreFlags> } = {
  sqlite: ["path", "layout"],
  falkordblite: ["path", "graph"],
  falkordb: [...SERVER_FLAGS, "graph"],
  neo4j: [...SERVER_FLAGS, "database"],
  memgraph: [...SERVER_FLAGS, "database"]
}

export const DEFAULT_HOST = "localhost"
const DEFAULT_NEO4J_USER = "neo4j"
export const DEFAULT_PORTS = { falkordb: 6379, neo4j: 7687, memgraph: 7687 } as const

/** The one value of a setting that two places may give; it is an error where they differ. */
const agreed = <A>(what: string, a: A | undefined, b: A | undefined): Effect.Effect<A | undefined, UsageError> =>
  a !== undefined && b !== undefined && a !== b
    ? usage(`${what} is given twice, and differently. Leave one of them out.`)
    : Effect.succeed(a ?? b)

/**
 * A store of the config file. Flags outrank what the file says of it; the environment's settings, which describe one
 * store of each kind, say nothing of it, so that its name means the same store everywhere.
 */
const resolveNamed = (
  store: NamedStore,
  naming: Naming,
  options: ResolveOptions
): Effect.Effect<Resolved, UsageError> =>
  Effect.gen(function* () {
    const { flags, prefix } = naming
    const { caFile, kind, name, passwordEnv, passwordFile, routing, ...said } = store
    if (flags.uri !== undefined) {
      return yield* usage(`${name} and --${prefix}uri name two stores. Leave one of them out.`)
    }
    const place = `stores.${name} of ${options.config?.file}, line ${store.line}`
    const secret = passwordEnv === undefined ? undefined : lookup(options.env, [passwordEnv])
    if (passwordEnv !== undefined && secret === undefined && flags["password-file"] === undefined) {
      return yield* usage(`The variable ${passwordEnv}, which password-env in ${place}, names, is not set.`)
    }
    const [variable = ""] = SETTINGS[kind].password ?? []
    const merged: StoreFlags = {
      path: flags.path ?? said.path,
      uri: undefined,
      host: flags.host ?? said.host,
      // A port belongs to its host.
      port: flags.port ?? (flags.host === undefined ? said.port : undefined),
      user: flags.user ?? said.user,
      "password-file": flags["password-file"] ?? passwordFile,
      database: flags.database ?? said.database,
      graph: flags.graph ?? said.graph,
      layout: flags.layout ?? said.layout,
      tls: flags.tls ?? said.tls,
      "ca-file": flags["ca-file"] ?? caFile
    }
    return yield* configOf(
      { kind, routing },
      {
        ...naming,
        flags: merged,
        ...(flags["password-file"] === undefined && { passwordFileFrom: `password-file in ${place},` })
      },
      { ...options, env: secret === undefined ? {} : { [variable]: secret } }
    )
  })

/** Makes a store's config from everything that was said about it. */
export const resolve = (naming: Naming, options: ResolveOptions): Effect.Effect<Resolved, UsageError> => {
  const named = namedStore(naming, options)
  return named === undefined
    ? Effect.flatMap(placeOf(naming, options), (place) => configOf(place, naming, options))
    : resolveNamed(named, naming, options)
}

const configOf = (place: Place, naming: Naming, options: ResolveOptions): Effect.Effect<Resolved, UsageError> =>
  Effect.gen(function* () {
    const { kind } = place
    const misplaced = ALL_FLAGS.find((flag) => naming.flags[flag] !== undefined && !APPLICABLE[kind].includes(flag))
    if (misplaced !== undefined) {
      return yield* usage(
        `--${naming.prefix}${misplaced} has no meaning for a ${kind} store (the ${naming.role}). Leave it out.`
      )
    }
    switch (kind) {
      case "sqlite":
      case "falkordblite":
        return { config: yield* fileConfig(kind, place, naming, options), warnings: [] }
      case "falkordb":
      case "neo4j":
      case "memgraph":
        return yield* serverConfig(kind, place, naming, options)
    }
  })

const fileConfig = (
  kind: "sqlite" | "falkordblite",
  place: Place,
  naming: Naming,
  { allowUpgrade, env }: ResolveOptions
): Effect.Effect<StoreConfig, UsageError> =>
  Effect.gen(function* () {
    const { flags, role } = naming
    const given = yield* agreed(`The path of the ${role}`, place.path, flags.path)
    const file = path.resolve(expandHome(given ?? lookup(env, SETTINGS[kind].path) ?? DEFAULT_PATHS[kind] ?? ""))
    if (kind === "sqlite") return { kind, path: file, layout: flags.layout }
    return { kind, path: file, graph: flags.graph ?? lookup(env, SETTINGS[kind].graph), allowUpgrade }
  })

const serverConfig = (
  kind: "falkordb" | "neo4j" | "memgraph",
  { routing, server }: Place,
  naming: Naming,
  options: ResolveOptions
): Effect.Effect<Resolved, UsageError> =>
  Effect.gen(function* () {
    const { flags, role } = naming
    const { env } = options
    const settings = SETTINGS[kind]
    const here = (what: string) => `The ${what} of the ${role}`
    const host = (yield* agreed(here("host"), server?.host, flags.host)) ?? lookup(env, settings.host) ?? DEFAULT_HOST
    const port =
      (yield* agreed(here("port"), server?.port, flags.port)) ??
      (server === undefined && flags.host === undefined ? yield* portOf(env, settings.port) : undefined) ??
      DEFAULT_PORTS[kind]
    const user = yield* agreed(here("user"), server?.user, flags.user)
    const tls = yield* agreed(here("encryption"), server?.tls, flags.tls)
    const { exposed, password } = yield* passwordOf(kind, user, server, naming, options)
    const base: ServerConfig = {
      host,
      port,
      user:
        user ??
        lookup(env, settings.user) ??
        (kind === "neo4j" && password !== undefined ? DEFAULT_NEO4J_USER : undefined),
      password,
      tls: tls ?? (flags["ca-file"] === undefined ? undefined : "verify"),
      caFile: flags["ca-file"] === undefined ? undefined : path.resolve(expandHome(flags["ca-file"]))
    }
    const name = kind === "falkordb" ? "graph" : "database"
    const named = (yield* agreed(here(name), server?.name, flags[name])) ?? lookup(env, settings[name])
    const warnings = exposed
      ? [
          `The password of the ${role} stands in the command line, where others on this machine can read it: use --${naming.prefix}password-file or the environment.`
        ]
      : []
    switch (kind) {
      case "falkordb":
        return { config: { ...base, kind, graph: named }, warnings }
      case "neo4j":
        return { config: { ...base, kind, database: named, routing: server?.routing ?? routing }, warnings }
      case "memgraph":
        return { config: { ...base, kind, database: named }, warnings }
    }
  })

const portOf = (
  env: Environment,
  names: ReadonlyArray<string> | undefined
): Effect.Effect<number | undefined, UsageError> => {
  const text = lookup(env, names)
  if (text === undefined) return Effect.succeed(undefined)
  const port = Number(text)
  return Number.isInteger(port) && port > 0 && port < 65536
    ? Effect.succeed(port)
    : usage(`${names?.find((name) => env[name] === text)} is "${text}", which is no port number.`)
}

/** Precedence: file, URI, environment, and a question where a user was named and nothing else is known. */
const passwordOf = (
  kind: "falkordb" | "neo4j" | "memgraph",
  user: string | undefined,
  server: Uri.ServerUri | undefined,
  naming: Naming,
  { askPassword, env }: ResolveOptions
): Effect.Effect<{ readonly password: Redacted.Redacted | undefined; readonly exposed: boolean }, UsageError> =>
  Effect.gen(function* () {
    const { flags, passwordFileFrom, prefix, role, word } = naming
    const exposed = server?.password !== undefined && ((word !== undefined && !isKind(word)) || flags.uri !== undefined)
    const file = flags["password-file"]
    if (file !== undefined) {
      const text = yield* Effect.try({
        try: () => fs.readFileSync(expandHome(file), "utf8").replace(/\r?\n$/, ""),
        catch: (cause) =>
          usage(
            `${passwordFileFrom ?? `--${prefix}password-file`} cannot be read: ${cause instanceof Error ? cause.message : String(cause)}.`
          )
      })
      return { password: Redacted.make(text), exposed }
    }
    if (server?.password !== undefined) return { password: server.password, exposed }
    const set = lookup(env, SETTINGS[kind].password)
    if (set !== undefined) return { password: Redacted.make(set), exposed }
    const asked = user === undefined ? undefined : yield* askPassword(`Password of ${user} on the ${role}: `)
    return { password: asked, exposed }
  })
