/**
 * From the text of a config file to its meaning. It is YAML 1.2 (so JSON, too) without what makes YAML more than a
 * notation: tags, anchors, aliases, merge keys, several documents and repeated keys are refused, as are unknown keys.
 */
import * as path from "node:path"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import { isAlias, isMap, isScalar, isSeq, LineCounter, parseAllDocuments, YAMLParseError } from "yaml"
import { KINDS, type Kind } from "../backend/StoreConfig.ts"
import { UsageError } from "../domain/Errors.ts"
import { type Config, type NamedStore, ON_CONFLICT, PROGRESS_MODES } from "./configFile.ts"
import { expandHome } from "./environment.ts"
import { isKind, kindOfFile } from "./fileKind.ts"
import { APPLICABLE, type StoreFlags } from "./stores.ts"
import * as Uri from "./uri.ts"

const optional = <A, I>(schema: Schema.Schema<A, I>) => Schema.optionalWith(schema, { exact: true })

const Store = Schema.Struct({
  kind: optional(Schema.Literal(...KINDS)),
  path: optional(Schema.NonEmptyString),
  uri: optional(Schema.NonEmptyString),
  host: optional(Schema.NonEmptyString),
  port: optional(Schema.Int.pipe(Schema.between(1, 65535))),
  user: optional(Schema.NonEmptyString),
  "password-file": optional(Schema.NonEmptyString),
  "password-env": optional(Schema.NonEmptyString),
  database: optional(Schema.NonEmptyString),
  graph: optional(Schema.NonEmptyString),
  layout: optional(Schema.Literal("seed", "column")),
  tls: optional(Schema.Literal("off", "verify", "trust")),
  "ca-file": optional(Schema.NonEmptyString)
})
type Store = typeof Store.Type

const File = Schema.Struct({
  stores: optional(Schema.Record({ key: Schema.String, value: Store })),
  backend: optional(Schema.NonEmptyString),
  "state-dir": optional(Schema.NonEmptyString),
  progress: optional(Schema.Literal(...PROGRESS_MODES)),
  "on-conflict": optional(Schema.Literal(...ON_CONFLICT)),
  mcp: optional(
    Schema.Struct({ roots: optional(Schema.Array(Schema.NonEmptyString)), "allow-any": optional(Schema.Boolean) })
  )
})

/** The keys that a config file can have beside its stores, and those of a store; the docs are checked against them. */
export const CONFIG_KEYS: ReadonlyArray<string> = Object.keys(File.fields).flatMap((key) =>
  key === "mcp" ? ["mcp.roots", "mcp.allow-any"] : key === "stores" ? [] : [key]
)
export const STORE_KEYS: ReadonlyArray<string> = Object.keys(Store.fields)

const decodeFile = Schema.decodeUnknownEither(File, { onExcessProperty: "error" })

/** Something that is wrong, and the key or the line where. */
class Problem extends Error {
  readonly at: string | number
  constructor(at: string | number, message: string) {
    super(message)
    this.at = at
  }
}

interface Content {
  readonly value: unknown
  readonly lines: ReadonlyMap<string, number>
}

const firstLine = (message: string): string => (message.split("\n", 1)[0] ?? "").replace(/[:.]$/, "")

/** The content as plain values. Throws {@link Problem}. */
const parse = (text: string): Content => {
  const counter = new LineCounter()
  const lines = new Map<string, number>()
  const lineAt = (offset: number | undefined): number => counter.linePos(offset ?? 0).line

  const plain = (node: unknown, at: string): unknown => {
    if (node === null) return undefined
    const line = lines.get(at) ?? 1
    if (isAlias(node)) throw new Problem(line, "aliases of YAML are refused")
    if (!isMap(node) && !isSeq(node) && !isScalar(node)) throw new Problem(line, "it is no YAML that is read here")
    if (node.anchor !== undefined) throw new Problem(line, "anchors of YAML are refused")
    if (node.tag !== undefined) throw new Problem(line, "tags of YAML are refused")
    if (isScalar(node)) return node.value ?? undefined
    if (isSeq(node)) return node.items.map((item, i) => plain(item, `${at}.${i}`))
    const entries = node.items.map(({ key, value }): [string, unknown] => {
      if (!isScalar(key) || typeof key.value !== "string" || key.anchor !== undefined || key.tag !== undefined) {
        throw new Problem(line, "a key is no plain text")
      }
      const name = at === "" ? key.value : `${at}.${key.value}`
      lines.set(name, lineAt(key.range?.[0]))
      // A decoder would drop it without a word.
      if (key.value === "__proto__") throw new Problem(lineAt(key.range?.[0]), "__proto__ is no key that is read here")
      return [key.value, plain(value, name)]
    })
    return Object.fromEntries(entries.filter(([, value]) => value !== undefined))
  }

  try {
    const documents = parseAllDocuments(text, {
      version: "1.2",
      schema: "core",
      merge: false,
      strict: true,
      uniqueKeys: true,
      logLevel: "silent",
      prettyErrors: false,
      lineCounter: counter
    })
    const [document] = documents
    if (document === undefined) return { value: {}, lines }
    const [error] = document.errors
    if (error !== undefined) throw new Problem(lineAt(error.pos[0]), firstLine(error.message))
    if (documents.length > 1) throw new Problem(1, "it is more than one YAML document")
    return { value: plain(document.contents, "") ?? {}, lines }
  } catch (cause) {
    // The library throws on what it cannot go on with, and recurses into what is nested.
    if (cause instanceof YAMLParseError) throw new Problem(lineAt(cause.pos[0]), firstLine(cause.message))
    if (cause instanceof RangeError) throw new Problem(1, "it is nested too deeply")
    throw cause
  }
}

const checked = (value: unknown): typeof File.Type => {
  const result = decodeFile(value)
  if (Either.isRight(result)) return result.right
  const issues = ParseResult.ArrayFormatter.formatErrorSync(result.left)
  const at = (issues[0]?.path ?? []).map(String).join(".")
  // Of a union each member fails for itself.
  const messages = issues.filter((issue) => issue.path.map(String).join(".") === at).map(({ message }) => message)
  const actual = /, actual [\s\S]*$/.exec(messages[0] ?? "")?.[0] ?? ""
  if (/^stores\.[^.]+\.password$/.test(at)) {
    throw new Problem(
      at,
      "a password does not stand in this file, where backups and screens would show it: name a file with password-file, or a variable with password-env"
    )
  }
  const expected = messages.map((message) => message.replace(actual, "")).join(" or ")
  throw new Problem(at, `${expected.replaceAll(" or Expected", " or")}${actual}`)
}

const BARE_WORD = /^[A-Za-z0-9][A-Za-z0-9_-]*$/

/** Makes a store of an entry; paths become absolute from the file's folder. Throws {@link Problem}. */
const storeOf = (name: string, entry: Store, folder: string, line: number): NamedStore => {
  const at = `stores.${name}`
  const absolute = (file: string | undefined) =>
    file === undefined ? undefined : path.resolve(folder, expandHome(file))
  if (isKind(name)) throw new Problem(at, `${name} is the name of a kind; a store needs one of its own`)
  if (!BARE_WORD.test(name)) throw new Problem(at, "the name of a store is letters, digits, - and _, and no - first")
  const parsed = entry.uri === undefined ? undefined : Uri.parse(entry.uri, entry.kind)
  if (parsed !== undefined && Either.isLeft(parsed)) throw new Problem(`${at}.uri`, parsed.left)
  const uri = parsed?.right
  const server = uri?._tag === "Server" ? uri : undefined
  if (server?.password !== undefined) {
    throw new Problem(
      `${at}.uri`,
      "it holds a password: name a file with password-file, or a variable with password-env"
    )
  }
  const inUri = uri?._tag === "File" ? uri.path : undefined
  const file = absolute(entry.path ?? inUri)
  const kind = entry.kind ?? uri?.kind ?? (file === undefined ? undefined : kindOfStoreFile(file, `${at}.path`))
  if (kind === undefined) throw new Problem(at, "it needs a kind, a uri or a path")
  const isFile = kind === "sqlite" || kind === "falkordblite"
  if (isFile && file === undefined) throw new Problem(at, `a ${kind} store needs a path`)
  const named = { [kind === "falkordb" ? "graph" : "database"]: server?.name }
  const fromUri: Partial<StoreFlags> = {
    ...named,
    path: inUri,
    host: server?.host,
    port: server?.port,
    user: server?.user,
    tls: server?.tls
  }
  const { kind: _kind, uri: _uri, ...rest } = entry
  for (const [key, value] of Object.entries(rest)) {
    const flag = FLAGS.find((candidate) => candidate === key.replace(/^password-env$/, "password-file"))
    if (flag === undefined || !APPLICABLE[kind].includes(flag)) {
      throw new Problem(`${at}.${key}`, `it has no meaning for a ${kind} store`)
    }
    if (fromUri[flag] !== undefined && fromUri[flag] !== value)
      throw new Problem(`${at}.${key}`, "the uri says otherwise")
  }
  if (entry["password-env"] !== undefined && entry["password-file"] !== undefined) {
    throw new Problem(`${at}.password-env`, "password-file is given, too: leave one of them out")
  }
  return {
    name,
    line,
    kind,
    path: file,
    host: entry.host ?? server?.host,
    port: entry.port ?? server?.port,
    user: entry.user ?? server?.user,
    passwordFile: absolute(entry["password-file"]),
    passwordEnv: entry["password-env"],
    database: entry.database ?? fromUri.database,
    graph: entry.graph ?? fromUri.graph,
    layout: entry.layout,
    tls: entry.tls ?? server?.tls,
    caFile: absolute(entry["ca-file"]),
    routing: server?.routing
  }
}

const FLAGS: ReadonlyArray<keyof StoreFlags> = [
  "path",
  "host",
  "port",
  "user",
  "password-file",
  "database",
  "graph",
  "layout",
  "tls",
  "ca-file"
]

const kindOfStoreFile = (file: string, at: string): Kind => {
  const kind = kindOfFile(file)
  if (kind === undefined || kind === "document") {
    throw new Problem(at, "what kind of store that is cannot be told: say it with kind")
  }
  return kind
}

const meaning = (file: string, { lines, value }: Content): Config => {
  const folder = path.dirname(file)
  const inFolder = (name: string) => path.resolve(folder, expandHome(name))
  const said = checked(value)
  const stores = new Map(
    Object.entries(said.stores ?? {}).map(([name, entry]): [string, NamedStore] => [
      name,
      storeOf(name, entry, folder, lines.get(`stores.${name}`) ?? 1)
    ])
  )
  const { backend } = said
  if (backend !== undefined && !isKind(backend) && !stores.has(backend)) {
    const known = [...stores.keys(), ...KINDS].join(", ")
    throw new Problem(
      "backend",
      `${JSON.stringify(backend)} is neither a store of this file nor a kind; known are ${known}`
    )
  }
  return {
    file,
    stores,
    backend,
    stateDir: said["state-dir"] === undefined ? undefined : inFolder(said["state-dir"]),
    progress: said.progress,
    onConflict: said["on-conflict"],
    mcp: { roots: (said.mcp?.roots ?? []).map(inFolder), allowAny: said.mcp?.["allow-any"] ?? false },
    lines
  }
}

/** What a config file says. `file` is absolute: relative paths in it are relative to its folder. */
export const decodeConfig = (file: string, text: string): Effect.Effect<Config, UsageError> =>
  Effect.suspend(() => {
    let lines: ReadonlyMap<string, number> = new Map()
    try {
      const content = parse(text)
      lines = content.lines
      return Effect.succeed(meaning(file, content))
    } catch (cause) {
      if (!(cause instanceof Problem)) throw cause
      const { at, message } = cause
      const line = typeof at === "number" ? at : lineOf(lines, at)
      const key = typeof at === "number" || at === "" ? "" : ` ${at}:`
      return new UsageError({
        message: `${file}${line === undefined ? "" : `:${line}`}:${key} ${message}. The config file is not used in part: nothing was done.`
      })
    }
  })

/** The line of a key, or of the nearest one above it. */
const lineOf = (lines: ReadonlyMap<string, number>, at: string): number | undefined => {
  for (let key = at; key !== ""; key = key.slice(0, Math.max(0, key.lastIndexOf(".")))) {
    const line = lines.get(key)
    if (line !== undefined) return line
  }
  return undefined
}
