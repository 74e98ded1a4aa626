/** Store URIs: `bolt://user@host:7687/database`, `falkordb://host:6379/graph`, `sqlite:./memory.db`. */
import * as Either from "effect/Either"
import * as Redacted from "effect/Redacted"
import { registry } from "../backend/registry.ts"
import { type Kind, KINDS } from "../backend/StoreConfig.ts"

/** A URI of a server, taken apart. `name` is its path: the database or the graph. */
export interface ServerUri {
  readonly _tag: "Server"
  readonly kind: Kind
  readonly host: string
  readonly port: number | undefined
  readonly user: string | undefined
  readonly password: Redacted.Redacted | undefined
  readonly name: string | undefined
  /** Undefined where the scheme does not say. */
  readonly tls: "verify" | "trust" | undefined
  readonly routing: boolean
}

/** A scheme before a path: `sqlite:./memory.db`. */
export interface FileUri {
  readonly _tag: "File"
  readonly kind: Kind
  readonly path: string
}

export type StoreUri = ServerUri | FileUri

const kindOfScheme: ReadonlyMap<string, Kind> = new Map(
  KINDS.flatMap((kind) => registry[kind].schemes.map((scheme): [string, Kind] => [scheme, kind]))
)

// Two characters at least: `C:\memory.db` is a path.
const SCHEME = /^([A-Za-z][A-Za-z0-9+.-]+):/

/** The scheme that a word begins with, in lower case; undefined for paths and bare words. */
export const schemeOf = (word: string): string | undefined => SCHEME.exec(word)?.[1]?.toLowerCase()

/** All schemes, for messages. */
export const SCHEMES: ReadonlyArray<string> = [...kindOfScheme.keys()]

// Memgraph speaks Bolt, and MemoryGraph's settings name it so.
const BOLT = /^bolt(\+s|\+ssc)?$/

/**
 * Takes a URI apart; `as` is the kind that was named beside it. Left is the reason why it cannot be one, and never
 * repeats the URI: it may hold a password.
 */
export const parse = (word: string, as?: Kind): Either.Either<StoreUri, string> => {
  const scheme = schemeOf(word) ?? ""
  const named = kindOfScheme.get(scheme)
  if (named === undefined) {
    return Either.left(
      `${scheme === "" ? "it has no scheme" : `the scheme ${scheme}: is not known`}; known are ${SCHEMES.join(", ")}`
    )
  }
  const kind = as === "memgraph" && BOLT.test(scheme) ? as : named
  if (as !== undefined && as !== kind) return Either.left(`${scheme}: belongs to ${named}, not to ${as}`)
  return registry[kind].isFile ? parseFile(word, kind) : parseServer(word, kind, scheme)
}

const parseFile = (word: string, kind: Kind): Either.Either<FileUri, string> => {
  const rest = word.slice(word.indexOf(":") + 1)
  const path = rest.startsWith("//") ? rest.slice(2) : rest
  return path === "" ? Either.left(`no path follows ${kind}:`) : Either.right({ _tag: "File", kind, path })
}

const parseServer = (word: string, kind: Kind, scheme: string): Either.Either<ServerUri, string> => {
  const example = `${registry[kind].schemes[0]}://HOST:PORT`
  const url = URL.canParse(word) ? new URL(word) : undefined
  if (url === undefined || url.hostname === "") return Either.left(`it is not of the form ${example}`)
  try {
    const user = decodeURIComponent(url.username)
    const password = decodeURIComponent(url.password)
    const name = decodeURIComponent(url.pathname.replace(/^\//, ""))
    return Either.right({
      _tag: "Server",
      kind,
      host: url.hostname.replace(/^\[(.*)\]$/, "$1"),
      port: url.port === "" ? undefined : Number(url.port),
      user: user === "" ? undefined : user,
      password: password === "" ? undefined : Redacted.make(password),
      name: name === "" ? undefined : name,
      tls: scheme.endsWith("+ssc") ? "trust" : /\+s$|^rediss$|^falkordbs$/.test(scheme) ? "verify" : undefined,
      routing: scheme.startsWith("neo4j")
    })
  } catch {
    return Either.left(`it is not of the form ${example}: a % in it is not an escape`)
  }
}
