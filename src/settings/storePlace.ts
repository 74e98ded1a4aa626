/** Which store is meant: what a word, a flag, the environment or the config file says of its kind and place. */
import * as Effect from "effect/Effect"
import { type Kind, KINDS } from "../backend/StoreConfig.ts"
import { UsageError } from "../domain/Errors.ts"
import { type Config, NO_CONFIG, type NamedStore } from "./configFile.ts"
import { BACKEND_VARIABLE, DEFAULT_BACKEND, type Environment, lookup, SETTINGS } from "./environment.ts"
import { isKind, isPath, kindOfFile } from "./fileKind.ts"
import type { Naming, ResolveOptions } from "./stores.ts"
import * as Uri from "./uri.ts"

/** A wrong call. */
export const usage = (message: string): UsageError => new UsageError({ message })

/** A store's kind, and as much of its place as the word, `--path` or a URI tells. */
export interface Place {
  readonly kind: Kind
  readonly path?: string
  readonly server?: Uri.ServerUri
  readonly routing?: boolean | undefined
}

/** Finds the place that a word, a flag, the environment or the config file names. */
export const placeOf = (
  naming: Naming,
  { config = NO_CONFIG, env }: ResolveOptions
): Effect.Effect<Place, UsageError> => {
  const { flags, prefix, role, word } = naming
  if (word !== undefined && !isKind(word)) {
    if (Uri.schemeOf(word) !== undefined) return placeOfUri(word, `The ${role}`)
    if (isPath(word)) return placeOfPath(word, role)
    const named = config.stores.size === 0 ? "" : `the config file names ${[...config.stores.keys()].join(", ")}; `
    return usage(
      `The ${role} "${word}" is no store: ${named}a kind is one of ${KINDS.join(", ")}; a file is written ./${word} or sqlite:${word}.`
    )
  }
  if (flags.uri !== undefined) return placeOfUri(flags.uri, `--${prefix}uri`, word)
  if (word === undefined && flags.path !== undefined) return placeOfPath(flags.path, role)
  return Effect.flatMap(word === undefined ? kindInUse(naming, env, config) : Effect.succeed(word), (kind) => {
    // A host or port on the command line means another server than the environment's.
    const uri = flags.host === undefined && flags.port === undefined ? lookup(env, SETTINGS[kind].uri) : undefined
    const name = SETTINGS[kind].uri?.find((variable) => env[variable] === uri)
    return uri === undefined ? Effect.succeed({ kind }) : placeOfUri(uri, name ?? "The environment", kind)
  })
}

/** The word that says which store is in use, and the setting it stands in. */
export const wordInUse = (
  env: Environment,
  config: Config
): { readonly word: string; readonly setting: string } | undefined => {
  const word = lookup(env, [BACKEND_VARIABLE])
  if (word !== undefined) return { word, setting: BACKEND_VARIABLE }
  return config.backend === undefined ? undefined : { word: config.backend, setting: `backend in ${config.file}` }
}

const kindInUse = (
  { mustBeNamed, prefix, role }: Naming,
  env: Environment,
  config: Config
): Effect.Effect<Kind, UsageError> => {
  const said = wordInUse(env, config)
  if (said === undefined) {
    return mustBeNamed === true
      ? usage(`No ${role} is named: give it as an argument, by --${prefix.slice(0, -1)}, or by ${BACKEND_VARIABLE}.`)
      : Effect.succeed(DEFAULT_BACKEND)
  }
  const kind = said.word.toLowerCase()
  const known = [...config.stores.keys(), ...KINDS].join(", ")
  return isKind(kind)
    ? Effect.succeed(kind)
    : usage(`${said.setting} is "${said.word}", which names no store that this program knows: ${known}.`)
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

/** The store of the config file that is meant: by its name, or because it is the one in use. */
export const namedStore = (naming: Naming, { config = NO_CONFIG, env }: ResolveOptions): NamedStore | undefined => {
  const { flags, word } = naming
  if (word !== undefined) return config.stores.get(word)
  if (flags.uri !== undefined || flags.path !== undefined) return undefined
  return config.stores.get(wordInUse(env, config)?.word ?? "")
}

/** True for a word that names a document, not a store: the path of one, and no name of the config file. */
export const isDocument = (word: string, config: Config): boolean =>
  !config.stores.has(word) && Uri.schemeOf(word) === undefined && isPath(word) && kindOfFile(word) === "document"
