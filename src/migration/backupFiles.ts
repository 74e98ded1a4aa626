/**
 * The backups in a folder: `ID/graph.jsonl.gz` and `ID/manifest.json`. A backup gets its name when both are written and
 * checked; until then it is a folder that names its owner, and that is swept once the owner is dead.
 */
import * as crypto from "node:crypto"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { pipeline } from "node:stream/promises"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { DEFAULT_GRAPH } from "../backend/StoreConfig.ts"
import { writeAtomic } from "../document/file.ts"
import { DocumentInvalid, type DocumentReason, FileFailed, UsageError } from "../domain/Errors.ts"
import { codeOf } from "../files/errorCode.ts"
import { makeFolder } from "../files/makeFolder.ts"
import { OWNER, sweep } from "../files/ownedFiles.ts"
import { StoreSide, type StoreName } from "./manifest.ts"
import { files } from "./RunFolder.ts"

/** The files of a backup's folder. */
const GRAPH = "graph.jsonl.gz"
const MANIFEST = "manifest.json"

const count = Schema.NonNegativeInt

/** Pairs, since a record would lose a label that is called `__proto__`; in the order of the names. */
const Tally = Schema.Array(Schema.Tuple(Schema.String, count))
export type Tally = typeof Tally.Type

/** What a backup holds, and how to tell whether it still does. No secret is ever part of it. */
export const BackupManifest = Schema.Struct({
  memorygraph: Schema.Literal("backup"),
  version: Schema.Literal(1),
  /** A run's id, and the name of the backup's folder. */
  id: Schema.String,
  /** ISO 8601. */
  created: Schema.String,
  /** The program that made it, and its version. */
  generator: Schema.String,
  /** The store that it was made of. */
  store: StoreSide,
  nodes: count,
  relationships: count,
  /** Nodes per label, as {@link Tally}. */
  labels: Tally,
  /** Relationships per type. */
  types: Tally,
  fingerprint: Schema.String.pipe(Schema.pattern(/^mg1:[0-9a-f]{16}$/)),
  file: Schema.Struct({
    name: Schema.Literal(GRAPH),
    bytes: count,
    /** SHA-256 of the file as it lies there, compressed. */
    digest: Schema.String.pipe(Schema.pattern(/^[0-9a-f]{64}$/))
  })
}).annotations({ identifier: "BackupManifest" })
export type BackupManifest = typeof BackupManifest.Type

const decode = Schema.decodeUnknownOption(Schema.parseJson(BackupManifest), { onExcessProperty: "error" })
const encode = Schema.encodeSync(BackupManifest)

/** A backup that looks whole; only reading its file says that it is. */
export interface Backup {
  readonly id: string
  /** Its own folder. */
  readonly folder: string
  /** The path of the document that holds the graph. */
  readonly file: string
  readonly manifest: BackupManifest
}

/** A folder among the backups that is none any more, and why. */
export interface DamagedBackup {
  readonly id: string
  readonly reason: DocumentReason
  /** As a sentence part. */
  readonly why: string
}

/** What a folder of backups holds. */
export type Entry = Backup | DamagedBackup

/** True for what is known to be damaged without having been read. */
export const isDamaged = (entry: Entry): entry is DamagedBackup => "why" in entry

/** The folder of a backup. */
export const homeOf = (folder: string, id: string): string => path.join(folder, id)

/** The error that a damaged backup is; `home` is its folder. */
export const damage = (home: string, { id, reason, why }: DamagedBackup): DocumentInvalid =>
  new DocumentInvalid({
    path: home,
    reason,
    message: `Backup ${id} is damaged: ${why}. Nothing was written. Take another one; "memorygraph backup list" shows them.`
  })

/** Where backups are kept unless another folder is named. */
export const backupsFolder = (stateFolder: string): string => path.join(stateFolder, "backups")

const ADVICE = "Choose another folder with --output, or set MEMORYGRAPH_STATE_DIR."
const onDisk = <A>(target: string, what: string, run: () => A) => files(target, what, run, ADVICE)

const ID = /^\d{8}T\d{6}-[0-9a-f]{6}$/

const look = (folder: string, id: string): Entry => {
  const home = homeOf(folder, id)
  const bad = (reason: DocumentReason, why: string): DamagedBackup => ({ id, reason, why })
  const text = textOf(path.join(home, MANIFEST))
  if (text === undefined) return bad("not-found", `its ${MANIFEST} is missing or cannot be read`)
  const decoded = decode(text)
  if (decoded._tag === "None")
    return bad("schema", `its ${MANIFEST} cannot be understood: another release wrote it, or it was changed`)
  const manifest = decoded.value
  if (manifest.id !== id) return bad("schema", `its ${MANIFEST} is that of backup ${manifest.id}`)
  const file = path.join(home, GRAPH)
  const found = fs.statSync(file, { throwIfNoEntry: false })
  if (found === undefined) return bad("not-found", `its ${GRAPH} is missing`)
  if (found.size !== manifest.file.bytes)
    return bad("digest", `its ${GRAPH} has ${found.size} bytes, and had ${manifest.file.bytes} when it was written`)
  return { id, folder: home, file, manifest }
}

const textOf = (file: string): string | undefined => {
  try {
    return fs.readFileSync(file, "utf8")
  } catch {
    // Why it cannot be read does not matter: the backup cannot be used.
    return undefined
  }
}

const TIME = 15
const moment = (entry: Entry): string => `${entry.id.slice(0, TIME)} ${isDamaged(entry) ? "" : entry.manifest.created}`

/**
 * All backups of a folder, the newest first; none where there is no such folder. Only what costs nothing is looked at:
 * a manifest that can be understood, a file of the right size.
 */
export const list = (folder: string): Effect.Effect<ReadonlyArray<Entry>, FileFailed> =>
  onDisk(folder, "read", () => {
    const names = fs.existsSync(folder) ? fs.readdirSync(folder) : []
    const entries = names.filter((name) => ID.test(name)).map((id) => look(folder, id))
    return entries.toSorted((a, b) => (moment(a) < moment(b) ? 1 : -1))
  })

/**
 * The backup of that id, or the only one whose id begins so. Fails with `UsageError` where there is none, or several,
 * and with `DocumentInvalid` for one that is seen to be damaged.
 */
export const find = (folder: string, id: string): Effect.Effect<Backup, UsageError | FileFailed | DocumentInvalid> =>
  Effect.gen(function* () {
    const [first, second] = (yield* list(folder)).filter((entry) => entry.id.startsWith(id))
    if (first === undefined || second !== undefined) {
      return yield* new UsageError({
        message:
          first === undefined
            ? `There is no backup ${id} in ${folder}. "memorygraph backup list" lists the backups.`
            : `Several backups begin with ${id}: ${first.id}, ${second?.id}. Give more of the id.`
      })
    }
    return isDamaged(first) ? yield* damage(homeOf(folder, first.id), first) : first
  })

/** A backup that is being made: it has no name yet, and goes with the scope unless it gets one. */
export interface Draft {
  readonly file: string
  /** Writes the manifest and, with it, gives the backup its name. */
  readonly publish: (manifest: BackupManifest) => Effect.Effect<void, FileFailed>
}

const TEMPORARY = ".mg-"

const syncFolder = (folder: string): void => {
  // Windows opens no folders; a rename is durable there without this.
  if (os.platform() === "win32") return
  const fd = fs.openSync(folder, "r")
  try {
    fs.fsyncSync(fd)
  } finally {
    fs.closeSync(fd)
  }
}

/** A private folder (0700) in a folder of backups, which is made if need be; it goes with the scope, or is swept after a kill. */
export const privateFolder = (folder: string, name: string): Effect.Effect<string, FileFailed, Scope.Scope> => {
  const made = path.join(folder, `${TEMPORARY}${name}.${OWNER}.tmp`)
  return Effect.acquireRelease(
    onDisk(made, "made", () => {
      makeFolder(folder)
      sweep(folder, TEMPORARY)
      fs.mkdirSync(made, { mode: 0o700 })
      return made
    }),
    () => Effect.sync(() => fs.rmSync(made, { recursive: true, force: true }))
  )
}

/** Begins a backup. */
export const draft = (folder: string, id: string): Effect.Effect<Draft, FileFailed, Scope.Scope> =>
  Effect.map(privateFolder(folder, id), (made) => ({
    file: path.join(made, GRAPH),
    publish: (manifest) =>
      Effect.zipRight(
        writeAtomic(path.join(made, MANIFEST), Stream.make(`${JSON.stringify(encode(manifest), null, 2)}\n`)),
        onDisk(path.join(folder, id), "put in its place", () => {
          fs.renameSync(made, path.join(folder, id))
          syncFolder(folder)
        })
      ).pipe(Effect.uninterruptible)
  }))

/** Deletes a backup: a kill in the middle leaves nothing that would be listed. */
export const remove = (folder: string, { id }: Backup): Effect.Effect<void, FileFailed> => {
  const going = path.join(folder, `${TEMPORARY}${id}.${OWNER}.tmp`)
  return onDisk(path.join(folder, id), "deleted", () => {
    fs.renameSync(path.join(folder, id), going)
    fs.rmSync(going, { recursive: true, force: true })
  })
}

/** SHA-256 of a file's bytes. */
export const digestOf = (file: string): Effect.Effect<string, FileFailed> => {
  const hash = crypto.createHash("sha256")
  return Effect.tryPromise({
    try: (signal) => pipeline(fs.createReadStream(file), hash, { signal }),
    catch: (cause) =>
      new FileFailed({
        path: file,
        reason: ["EACCES", "EPERM"].includes(codeOf(cause)) ? "permission" : "io",
        message: `${file} could not be read: ${cause instanceof Error ? cause.message : String(cause)}. Nothing was written.`,
        cause
      })
  }).pipe(Effect.map(() => hash.digest("hex")))
}

/** Reads a backup's file: what is wrong where its bytes are not the ones that were written. */
export const digestDamage = ({ file, id, manifest }: Backup): Effect.Effect<DamagedBackup | undefined, FileFailed> =>
  Effect.map(digestOf(file), (digest) =>
    digest === manifest.file.digest
      ? undefined
      : { id, reason: "digest", why: "the bytes of its file are not the ones that were written" }
  )

/** Counts by name as a manifest keeps them. */
export const tally = (counts: { readonly [name: string]: number }): Tally =>
  Object.entries(counts).toSorted(([a], [b]) => (a < b ? -1 : 1))

/** The manifest's part that describes the file. */
export const fileFigures = (bytes: number, digest: string): BackupManifest["file"] => ({ name: GRAPH, bytes, digest })

/** Names the place of a store, however it is reached: two backups of one store have the same. */
export const placeOf = ({ database, graph, host, kind, path: file, port }: StoreName): string =>
  JSON.stringify([kind, file ?? `${host}:${port}`, kind.startsWith("falkordb") ? (graph ?? DEFAULT_GRAPH) : database])

/** Names the place of the store that a backup was made of. */
export const placeOfBackup = ({ manifest: { store } }: Backup): string =>
  store.store === undefined ? JSON.stringify([store.backend, store.location]) : placeOf(store.store)
