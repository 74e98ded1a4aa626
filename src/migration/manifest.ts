/**
 * What a run knows of itself, kept in its journal: enough to go on with it after its process has died. No secret is
 * ever part of it: passwords are asked for, or taken from the environment, again.
 */
import * as os from "node:os"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { KINDS, type StoreConfig } from "../backend/StoreConfig.ts"
import { FileFailed } from "../domain/Errors.ts"
import { OWNER } from "../files/ownedFiles.ts"
import { MadeBackup, Plan, Stats } from "./report.ts"

const optional = <A, I>(schema: Schema.Schema<A, I>) => Schema.optionalWith(schema, { exact: true })

/** A store's config without its password, and without what only a host's own code can say. */
export const StoreName = Schema.Struct({
  kind: Schema.Literal(...KINDS),
  path: optional(Schema.String),
  layout: optional(Schema.Literal("seed", "column")),
  graph: optional(Schema.String),
  host: optional(Schema.String),
  port: optional(Schema.Number),
  user: optional(Schema.String),
  tls: optional(Schema.Literal("off", "verify", "trust")),
  caFile: optional(Schema.String),
  database: optional(Schema.String),
  routing: optional(Schema.Boolean)
})
export type StoreName = typeof StoreName.Type

/** One side of a run. `store` is there where the run was begun from a config. */
export const StoreSide = Schema.Struct({ backend: Schema.String, location: Schema.String, store: optional(StoreName) })

/** What a run is. */
export const Manifest = Schema.Struct({
  run: Schema.String,
  command: Schema.Literal("migrate", "import", "clear"),
  /** ISO 8601. */
  started: Schema.String,
  /** The process that runs it: see `files/ownedFiles.ts`. */
  owner: Schema.String,
  host: Schema.String,
  pid: Schema.Number,
  /** How long a sign of life counts, in milliseconds. */
  lease: Schema.Number,
  /** For an import the document: `backend` is `document`, `location` its path. */
  source: StoreSide,
  target: StoreSide,
  options: Schema.Struct({
    onConflict: Schema.Literal("skip", "overwrite", "fail"),
    onUnkeyed: Schema.Literal("fail", "add"),
    onError: Schema.Literal("stop", "reject"),
    /** False where verification was switched off. */
    verify: Schema.Boolean,
    /** The time of `--since`, or of a document that holds such a part. */
    since: optional(Schema.String),
    /** True where a target that holds data is backed up before the first write. */
    backup: optional(Schema.Boolean),
    /** True where the target is to hold nothing but what comes. */
    replace: optional(Schema.Boolean)
  })
})
export type Manifest = typeof Manifest.Type

/** What was found out before the first write, kept from the moment that the plan was accepted. */
export const Prepared = Schema.Struct({
  source: Stats,
  before: Stats,
  plan: Plan,
  /** Records of the source that were rejected and are not in the spool. */
  rejected: Schema.Struct({ nodes: Schema.Number, relationships: Schema.Number }),
  /** The backup of the target that was made first. */
  backup: optional(Schema.NullOr(MadeBackup))
})
export type Prepared = typeof Prepared.Type

/** The journal's notes that hold them. */
export const NOTES = { manifest: "manifest", prepared: "prepared" } as const

const encodeManifest = Schema.encodeSync(Schema.parseJson(Manifest))
const encodePrepared = Schema.encodeSync(Schema.parseJson(Prepared))
const decodeManifest = Schema.decodeUnknown(Schema.parseJson(Manifest))
const decodePrepared = Schema.decodeUnknown(Schema.parseJson(Prepared))

/** This process as the one that works on a run. */
export const worker = (lease: number): Pick<Manifest, "owner" | "host" | "pid" | "lease"> => ({
  owner: OWNER,
  host: os.hostname(),
  pid: process.pid,
  lease
})

export const manifestText = (manifest: Manifest): string => encodeManifest(manifest)
export const preparedText = (prepared: Prepared): string => encodePrepared(prepared)

const damaged = (path: string) => (cause: unknown) =>
  new FileFailed({
    path,
    reason: "io",
    message: `${path} cannot be understood: it was written by another release, or is damaged. Its run can be neither resumed nor rolled back by this release.`,
    cause
  })

/** Reads the manifest out of its note. */
export const readManifest = (path: string, text: string): Effect.Effect<Manifest, FileFailed> =>
  Effect.mapError(decodeManifest(text), damaged(path))

/** Reads what was prepared out of its note. */
export const readPrepared = (path: string, text: string): Effect.Effect<Prepared, FileFailed> =>
  Effect.mapError(decodePrepared(text), damaged(path))

/** A config as a manifest keeps it. */
export const storeName = (config: StoreConfig): StoreName => {
  const {
    engine: _engine,
    allowUpgrade: _allowUpgrade,
    password: _password,
    ...kept
  } = {
    engine: undefined,
    allowUpgrade: undefined,
    password: undefined,
    ...config
  }
  const entries = Object.entries(kept).filter(([, value]) => value !== undefined)
  return Schema.decodeUnknownSync(StoreName)(Object.fromEntries(entries))
}
