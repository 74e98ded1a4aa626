/**
 * How a store is named on the command line (contract: "Naming a backend"): a URI or a path; a bare kind that flags,
 * environment and defaults complete; or nothing, where MEMORY_BACKEND says it.
 */
import * as fs from "node:fs"
import * as path from "node:path"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { type Kind, KINDS, type ServerConfig, type SqliteLayout, type StoreConfig } from "../backend/StoreConfig.ts"
import { UsageError } from "../domain/Errors.ts"
import {
  BACKEND_VARIABLE,
  DEFAULT_BACKEND,
  DEFAULT_PATHS,
  type Environment,
  expandHome,
  lookup,
  SETTINGS
} from "./environment.ts"
import { isKind, isPath, kindOfFile } from "./fileKind.ts"
import * as Uri from "./uri.ts"

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
}

/** What resolving a name may use. */
export interface ResolveOptions {
  readonly env: Environment
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
const APPLICABLE: { readonly [K in Kind]: ReadonlyArray<keyof StoreFlags> } = {
  sqlite: ["path", "layout"],
  falkordblite: ["path", "graph"],
  falkordb: [...SERVER_FLAGS, "graph"],
  neo4j: [...SERVER_FLAGS, "database"],
  memgraph: [...SERVER_FLAGS, "database"]
}

const DEFAULT_HOST = "localhost"
const DEFAULT_NEO4J_USER = "neo4j"
const DEFAULT_PORTS = { falkordb: 6379, neo4j: 7687, memgraph: 7687 } as const

const usage = (message: string): UsageError => new UsageError({ message })

/** A store's kind, and as much of its place as the word, `--path` or a URI tells. */
interface Place {
  readonly kind: Kind
  readonly path?: string
  readonly server?: Uri.ServerUri
}

const placeOf = (naming: Naming, env: Environment): Effect.Effect<Place, UsageError> => {
  const { flags, prefix, role, word } = naming
  if (word !== undefined && !isKind(word)) {
    if (Uri.schemeOf(word) !== undefined) return placeOfUri(word, `The ${role}`)
    if (isPath(word)) return placeOfPath(word, role)
    return usage(
      `The ${role} "${word}" is no store: a kind is one of ${KINDS.join(", ")}; a file is written ./${word} or sqlite:${word}.`
    )
  }
  if (flags.uri !== undefined) return placeOfUri(flags.uri, `--${prefix}uri`, word)
  if (word === undefined && flags.path !== undefined) return placeOfPath(flags.path, role)
  return Effect.flatMap(word === undefined ? kindInUse(naming, env) : Effect.succeed(word), (kind) => {
    // A host or port on the command line means another server than the environment's.
    const uri = flags.host === undefined && flags.port === undefined ? lookup(env, SETTINGS[kind].uri) : undefined
    const name = SETTINGS[kind].uri?.find((variable) => env[variable] === uri)
    return uri === undefined ? Effect.succeed({ kind }) : placeOfUri(uri, name ?? "The environment", kind)
  })
}

const kindInUse = ({ mustBeNamed, prefix, role }: Naming, env: Environment): Effect.Effect<Kind, UsageError> => {
  const kind = lookup(env, [BACKEND_VARIABLE])?.toLowerCase()
  if (mustBeNamed === true && kind === undefined) {
    return usage(`No ${role} is named: give it as an argument, by --${prefix.slice(0, -1)}, or by ${BACKEND_VARIABLE}.`)
  }
  if (kind === undefined) return Effect.succeed(DEFAULT_BACKEND)
  return isKind(kind)
    ? Effect.succeed(kind)
    : usage(`${BACKEND_VARIABLE} is "${kind}", which names no store that this program knows: ${KINDS.join(", ")}.`)
}

const placeOfUri = (uri: string, what: string, as?: Kind): Effect.Effect<Place, UsageError> =>
  Effect.matchEffect(Uri.parse(uri, as), {
    onFailure: (why) => usage(`${what} cannot be used: ${why}.`),
    onSuccess: (parsed) =>
      Effect.succeed(
        parsed._tag === "File" ? { kind: parsed.kind, path: parsed.path } : { kind: parsed.kind, server: parsed }
      )
  })

const placeOfPath = (file: string, role: string): Effect.Effect<Place, UsageError> => {
  const kind = kindOfFile(file)
  if (kind === "document") {
    return usage(`The ${role} ${file} is a document, not a store: "memorygraph import ${file}" brings it into one.`)
  }
  return kind === undefined
    ? usage(`What kind of store ${file} is cannot be told: write sqlite:${file} or falkordblite:${file}.`)
    : Effect.succeed({ kind, path: file })
}

/** The one value of a setting that two places may give; it is an error where they differ. */
const agreed = <A>(what: string, a: A | undefined, b: A | undefined): Effect.Effect<A | undefined, UsageError> =>
  a !== undefined && b !== undefined && a !== b
    ? usage(`${what} is given twice, and differently. Leave one of them out.`)
    : Effect.succeed(a ?? b)

/** Makes a store's config from everything that was said about it. */
export const resolve = (naming: Naming, options: ResolveOptions): Effect.Effect<Resolved, UsageError> =>
  Effect.gen(function* () {
    const place = yield* placeOf(naming, options.env)
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
  { server }: Place,
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
        return { config: { ...base, kind, database: named, routing: server?.routing }, warnings }
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
    const { flags, prefix, role, word } = naming
    const exposed = server?.password !== undefined && ((word !== undefined && !isKind(word)) || flags.uri !== undefined)
    const file = flags["password-file"]
    if (file !== undefined) {
      const text = yield* Effect.try({
        try: () => fs.readFileSync(expandHome(file), "utf8").replace(/\r?\n$/, ""),
        catch: (cause) =>
          usage(`--${prefix}password-file cannot be read: ${cause instanceof Error ? cause.message : String(cause)}.`)
      })
      return { password: Redacted.make(text), exposed }
    }
    if (server?.password !== undefined) return { password: server.password, exposed }
    const set = lookup(env, SETTINGS[kind].password)
    if (set !== undefined) return { password: Redacted.make(set), exposed }
    const asked = user === undefined ? undefined : yield* askPassword(`Password of ${user} on the ${role}: `)
    return { password: asked, exposed }
  })
