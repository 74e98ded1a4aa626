/**
 * Which stores the tools may reach: those that the config file names, the one in use, and those that the environment
 * describes, each by name; any other only where the server was started with `--allow-any`.
 */
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { DEFAULT_GRAPH, type Kind, KINDS, type StoreConfig } from "../backend/StoreConfig.ts"
import { Refused, UsageError } from "../domain/Errors.ts"
import { type StoreName, storeName } from "../migration/manifest.ts"
import type { Config } from "../settings/configFile.ts"
import { type Environment, lookup, SETTINGS } from "../settings/environment.ts"
import { isKind, isPath } from "../settings/fileKind.ts"
import { namingOf, NO_FLAGS } from "../settings/storeName.ts"
import { wordInUse } from "../settings/storePlace.ts"
import { type Naming, resolve } from "../settings/stores.ts"
import { schemeOf } from "../settings/uri.ts"
import type { Access } from "./access.ts"
import type { BackendSettings } from "./schemas.ts"
import { mayHoldPassword, shownName } from "./shownName.ts"

/** What the arguments of a tool say of a store. */
export interface StoreArguments {
  readonly name: string | undefined
  readonly backend: Kind | undefined
  readonly config: BackendSettings | undefined
}

/** A store that is known by name. */
export interface Configured {
  readonly name: string
  /** True for the one that is meant where none is named. */
  readonly inUse: boolean
  readonly config: Effect.Effect<StoreConfig, UsageError>
}

export interface Stores {
  readonly resolve: (role: Naming["role"], said: StoreArguments) => Effect.Effect<StoreConfig, UsageError | Refused>
  /** The store of an earlier run, where it is one that may be reached. */
  readonly ofRun: (store: StoreName) => Effect.Effect<StoreConfig, UsageError | Refused>
  /** All that may be reached by name. */
  readonly configured: ReadonlyArray<Configured>
}

export interface StoresOptions {
  readonly env: Environment
  readonly config: Config
  readonly allowAny: boolean
  readonly access: Access
}

/** An error that repeats a name, as it may be repeated. */
const withShownName =
  (name: string) =>
  (error: UsageError | Refused): UsageError | Refused => {
    const message = error.message.replaceAll(name, () => shownName(name))
    return error._tag === "UsageError" ? new UsageError({ message }) : new Refused({ reason: error.reason, message })
  }

const notAllowed = (what: string, names: ReadonlyArray<string>): Refused =>
  new Refused({
    reason: "not-allowed",
    message: `${what} is no store that this server may reach. By name it may reach ${names.join(", ")}. Nothing was read or written. Name one of them, or give the store a name in the config file; with "memorygraph mcp --allow-any" any path under the roots and any server can be named.`
  })

const mustHoldNoPassword = (word: string): Effect.Effect<void, Refused> =>
  mayHoldPassword(word)
    ? new Refused({
        reason: "not-allowed",
        message: `${JSON.stringify(shownName(word))} may hold a password where none belongs. Nothing was read or written. A server is written neo4j://USER@HOST:PORT, a slash in a password as %2F; a file that is called so needs a name in the config file.`
      })
    : Effect.void

/** What makes two configs the same store, however each was named. */
const placeOf = (config: StoreName): string => {
  const { database, graph, host, kind, path, port } = config
  const inner = kind === "falkordb" || kind === "falkordblite" ? (graph ?? DEFAULT_GRAPH) : database
  return JSON.stringify([kind, path, host, port, inner])
}

const PLACES = ["path", "uri", "host"] as const

/** The settings that say who is spoken to, as whom, and how openly: a secret of the environment is for its own only. */
const REACHES = [...PLACES, "port", "username", "tls"] as const

/** True where the environment says where the store of a kind is. */
const isDescribed = (env: Environment, kind: Kind): boolean =>
  PLACES.some((place) => lookup(env, SETTINGS[kind][place]) !== undefined)

/** The environment without what opens the user's own stores: that is for no other server. */
const withoutSecrets = (env: Environment): Environment => {
  const secret = new Set(KINDS.flatMap((kind) => [...(SETTINGS[kind].password ?? []), ...(SETTINGS[kind].user ?? [])]))
  return Object.fromEntries(Object.entries(env).filter(([name]) => !secret.has(name)))
}

const NOTHING: BackendSettings = {}

export const make = ({ access, allowAny, config, env }: StoresOptions): Stores => {
  const named = (naming: Naming, settings: Environment): Effect.Effect<StoreConfig, UsageError> =>
    Effect.map(
      resolve(naming, { env: settings, config, allowUpgrade: false, askPassword: () => Effect.succeed(undefined) }),
      (resolved) => resolved.config
    )
  const byWord = (role: Naming["role"], word: string | undefined) =>
    named({ role, prefix: "", word, flags: NO_FLAGS }, env)

  const inUse = wordInUse(env, config)?.word
  const kinds = KINDS.filter((kind) => kind === inUse?.toLowerCase() || isDescribed(env, kind))
  const words: ReadonlyArray<string | undefined> = [
    ...config.stores.keys(),
    ...kinds.filter((kind) => !config.stores.has(kind)),
    // What MemoryGraph takes where nothing says another.
    ...(inUse === undefined && kinds.length === 0 && config.stores.size === 0 ? [undefined] : [])
  ]
  const configured = words.map((word) => ({
    name: word ?? "the store in use",
    inUse: word === undefined || word === inUse,
    config: byWord("store", word)
  }))
  const names = configured.map(({ name }) => name)

  const sameAs = (store: StoreConfig): Effect.Effect<StoreConfig | undefined> =>
    Effect.gen(function* () {
      const place = placeOf(storeName(store))
      for (const one of configured) {
        const known = yield* Effect.option(one.config)
        if (known._tag === "Some" && placeOf(storeName(known.value)) === place) return known.value
      }
      return undefined
    })

  /** A store that no name says: one that has a name all the same, or any other where that is allowed. */
  const unnamed = (store: StoreConfig, what: string): Effect.Effect<StoreConfig, Refused> =>
    Effect.gen(function* () {
      const known = yield* sameAs(store)
      if (known !== undefined) return known
      if (!allowAny) return yield* notAllowed(what, names)
      return "path" in store ? { ...store, path: yield* access.file(store.path) } : store
    })

  /** A file that no name says, relative to the first root, like any other path. */
  const fileOf = (given: string): Effect.Effect<string, Refused> =>
    Effect.zipRight(mustHoldNoPassword(given), access.file(given))

  /** A word with its file, if it names one, relative to the first root. */
  const underRoots = (word: string): Effect.Effect<string, Refused> => {
    const [, kind = "", file = ""] = /^(sqlite:|falkordblite:)(?:\/\/)?(.+)$/is.exec(word) ?? []
    if (file !== "") return Effect.map(fileOf(file), (found) => `${kind}${found}`)
    return schemeOf(word) === undefined && isPath(word) ? fileOf(word) : Effect.as(mustHoldNoPassword(word), word)
  }

  const fromSettings = (
    role: Naming["role"],
    backend: Kind | undefined,
    said: BackendSettings
  ): Effect.Effect<StoreConfig, UsageError | Refused> =>
    Effect.gen(function* () {
      const what = `The ${role} that ${role}_config describes`
      // Its kind is not looked up in a file that may not be one to look into.
      if (!allowAny && backend === undefined) return yield* notAllowed(what, names)
      const { password, path, username, ...rest } = said
      const isElsewhere = REACHES.some((setting) => said[setting] !== undefined)
      // The store in use may be one of the config file, and what opens that is for its own server, too.
      if (isElsewhere && backend === undefined && path === undefined && said.uri === undefined) {
        return yield* new UsageError({
          message: `${role}_config says how another server is reached, but not of which kind it is. Nothing was read or written. Give its backend, too.`
        })
      }
      if (allowAny && said.uri !== undefined) yield* mustHoldNoPassword(said.uri)
      const file = path === undefined || !allowAny ? path : yield* fileOf(path)
      const flags = { ...NO_FLAGS, ...rest, path: file, user: username }
      const settings = isElsewhere ? withoutSecrets(env) : env
      const store = yield* named({ role, prefix: "", word: backend, flags }, settings)
      const found = yield* unnamed(store, what)
      return password === undefined || !("host" in found) ? found : { ...found, password: Redacted.make(password) }
    })

  return {
    configured,
    resolve: (role, { backend, config: said, name }) => {
      if (name !== undefined && (backend !== undefined || said !== undefined)) {
        return new UsageError({
          message: `The ${role} is named twice: by ${shownName(name)} and by its backend or config. Leave one of them out.`
        })
      }
      if (name !== undefined && config.stores.has(name)) return byWord(role, name)
      const kind = name !== undefined && isKind(name) ? name : backend
      if (said !== undefined) return fromSettings(role, kind, said)
      if (name !== undefined && !isKind(name)) {
        // Not before it is allowed: what is wrong with a path would tell what is there.
        if (!allowAny) return notAllowed(JSON.stringify(shownName(name)), names)
        return Effect.flatMap(underRoots(name), (word) =>
          Effect.flatMap(named({ role, prefix: "", word, flags: NO_FLAGS }, withoutSecrets(env)), (store) =>
            unnamed(store, JSON.stringify(shownName(name)))
          )
        ).pipe(Effect.mapError(withShownName(name)))
      }
      if (kind !== undefined) {
        return kinds.includes(kind)
          ? byWord(role, kind)
          : allowAny
            ? fromSettings(role, kind, NOTHING)
            : notAllowed(`A ${kind} store that nothing describes`, names)
      }
      // What MemoryGraph takes of itself has a name only where the config file has none.
      if (role !== "target" && inUse === undefined && !words.includes(undefined) && !allowAny) {
        return notAllowed("The store that is meant where none is named", names)
      }
      return named({ role, prefix: "", word: undefined, flags: NO_FLAGS, mustBeNamed: role === "target" }, env)
    },
    ofRun: (store) =>
      Effect.flatMap(named(namingOf("store", "", store), withoutSecrets(env)), (found) =>
        unnamed(found, `The target of the run, a ${store.kind} store,`)
      )
  }
}
