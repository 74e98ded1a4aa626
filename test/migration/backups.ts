/** Backups for tests: of files and of stores in memory, and ways to damage them. */
import * as crypto from "node:crypto"
import * as fs from "node:fs"
import * as path from "node:path"
import * as zlib from "node:zlib"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Stream from "effect/Stream"
import type { GraphBackend } from "../../src/backend/GraphBackend.ts"
import { connect } from "../../src/backend/registry.ts"
import type { StoreConfig } from "../../src/backend/StoreConfig.ts"
import type { GraphRecord } from "../../src/domain/Graph.ts"
import { createBackup } from "../../src/migration/backup.ts"
import * as Files from "../../src/migration/backupFiles.ts"
import { storeName } from "../../src/migration/manifest.ts"
import { importRecords } from "../../src/migration/migrate.ts"
import { endingOf } from "../../src/migration/outcome.ts"
import { make, MemoryStore } from "../../src/testing/MemoryBackend.ts"
import { copyOf, tempFolder } from "../support/migrating.ts"

/** The config of a file. */
export const sqlite = (file: string): StoreConfig => ({ kind: "sqlite", path: file })

/** A new state folder. */
export const state = (): string => path.join(tempFolder(), "state")

/** Connects a store and uses it. */
export const using = <A, E>(config: StoreConfig, use: (store: GraphBackend) => Effect.Effect<A, E>): Promise<A> =>
  Effect.runPromise(Effect.scoped(Effect.flatMap(Effect.orDie(connect(config)), use)))

/** Makes a backup of a file and finds it again. */
export const backedUp = async (stateFolder: string, file = copyOf("python-small.db")): Promise<Files.Backup> => {
  const { backup } = await using(sqlite(file), (store) =>
    createBackup(store, { stateFolder, store: storeName(sqlite(file)) })
  )
  return Effect.runPromise(Files.find(Files.backupsFolder(stateFolder), backup?.id ?? ""))
}

/** A store in memory that holds these records. */
export const memory = async (records: ReadonlyArray<GraphRecord>): Promise<GraphBackend> => {
  const backend = await Effect.runPromise(make({ store: new MemoryStore("graph") }))
  await Effect.runPromise(
    importRecords({ path: "given", records: Stream.fromIterable(records) }, backend, { stateFolder: state() })
  )
  return backend
}

/** How it failed. */
export const endOf = async (effect: Effect.Effect<unknown, unknown>) => {
  const exit = await Effect.runPromiseExit(effect)
  return Exit.isFailure(exit) ? endingOf(exit.cause) : undefined
}

/** What the backups of a state folder are. */
export const list = (stateFolder: string) => Effect.runPromise(Files.list(Files.backupsFolder(stateFolder)))

/** Ways to damage a backup: what is said of it, and whether a look without reading finds it. */
export const DAMAGE: ReadonlyArray<{
  readonly what: string
  readonly seen: boolean
  readonly harm: (backup: Files.Backup) => void
}> = [
  { what: "manifest is missing", seen: true, harm: ({ folder }) => fs.rmSync(path.join(folder, "manifest.json")) },
  {
    what: "manifest breaks off",
    seen: true,
    harm: ({ folder }) => fs.truncateSync(path.join(folder, "manifest.json"), 200)
  },
  {
    what: "manifest is another backup's",
    seen: true,
    harm: ({ folder, id }) => edit(folder, (text) => text.replaceAll(id, "20200101T000000-000000"))
  },
  {
    what: "manifest counts otherwise",
    seen: false,
    harm: ({ folder }) => edit(folder, (text) => text.replace('"nodes": 30', '"nodes": 31'))
  },
  {
    what: "manifest counts labels otherwise",
    seen: false,
    harm: ({ folder }) => edit(folder, (text) => text.replace('"Memory"', '"Memories"'))
  },
  {
    what: "manifest has another fingerprint",
    seen: false,
    harm: ({ folder }) => edit(folder, (text) => text.replace(/mg1:[0-9a-f]{4}/, "mg1:0000"))
  },
  { what: "file is missing", seen: true, harm: ({ file }) => fs.rmSync(file) },
  { what: "file breaks off", seen: true, harm: ({ file }) => fs.truncateSync(file, 5000) },
  {
    what: "file has one bit changed",
    seen: false,
    harm: ({ file }) => {
      const bytes = fs.readFileSync(file)
      bytes[3000] = (bytes[3000] ?? 0) ^ 1
      fs.writeFileSync(file, bytes)
    }
  },
  {
    what: "file is packed anew, and the manifest told its size",
    seen: false,
    harm: ({ file, folder, manifest }) => {
      fs.writeFileSync(file, zlib.gzipSync(zlib.gunzipSync(fs.readFileSync(file)), { level: 1 }))
      edit(folder, (text) => text.replace(`"bytes": ${manifest.file.bytes}`, `"bytes": ${fs.statSync(file).size}`))
    }
  },
  {
    what: "file is packed anew with a record less, and the manifest told size and digest",
    seen: false,
    harm: ({ file, folder, manifest }) => {
      const lines = zlib.gunzipSync(fs.readFileSync(file)).toString().split("\n")
      fs.writeFileSync(file, zlib.gzipSync(lines.toSpliced(5, 1).join("\n")))
      const digest = crypto.hash("sha256", fs.readFileSync(file), "hex")
      edit(folder, (text) =>
        text
          .replace(`"bytes": ${manifest.file.bytes}`, `"bytes": ${fs.statSync(file).size}`)
          .replace(manifest.file.digest, digest)
      )
    }
  }
]

/** Changes the manifest of a backup. */
export const edit = (folder: string, change: (text: string) => string): void => {
  const file = path.join(folder, "manifest.json")
  const before = fs.readFileSync(file, "utf8")
  const after = change(before)
  if (before === after) throw new Error("nothing was changed")
  fs.writeFileSync(file, after)
}
