/** Deleting old backups: never the last good one of a store. */
import * as Effect from "effect/Effect"
import type { FileFailed } from "../domain/Errors.ts"
import * as Files from "./backupFiles.ts"
import type { StoreName } from "./manifest.ts"

/** Which backups to delete. */
export interface PruneOptions {
  /** The folder of the backups. */
  readonly folder: string
  /** How many of each store stay: 1 or more. With 0 all of them go. */
  readonly keep: number
  /** Only those of this store. */
  readonly store?: StoreName | undefined
  /** Says what would be deleted, and deletes nothing; default false. */
  readonly dryRun?: boolean | undefined
}

/** What a prune did, or would do. */
export interface Pruned {
  readonly kept: ReadonlyArray<Files.Backup>
  readonly deleted: ReadonlyArray<Files.Backup>
  /** They do not count, and stay: what is left of them may be wanted. */
  readonly damaged: ReadonlyArray<Files.DamagedBackup>
}

// The newest first.
const byStore = (backups: ReadonlyArray<Files.Backup>): ReadonlyArray<ReadonlyArray<Files.Backup>> => {
  const groups = new Map<string, Array<Files.Backup>>()
  for (const backup of backups) {
    const place = Files.placeOfBackup(backup)
    const group = groups.get(place)
    if (group === undefined) groups.set(place, [backup])
    else group.push(backup)
  }
  return [...groups.values()]
}

/**
 * Keeps the newest backups of each store and deletes the older ones. Where something is to be deleted, what stays in
 * its stead is read and held to its digest first: one that is damaged does not count, and stays too. Fails with
 * `FileFailed` where the folder or a file cannot be read or deleted; what it had deleted by then is gone.
 *
 * @example
 * ```ts
 * const { deleted } = yield* pruneBackups({ folder: backupsFolder("state"), keep: 7 })
 * ```
 */
export const pruneBackups = ({ dryRun, folder, keep, store }: PruneOptions): Effect.Effect<Pruned, FileFailed> =>
  Effect.gen(function* () {
    const entries = yield* Files.list(folder)
    const place = store === undefined ? undefined : Files.placeOf(store)
    const backups = entries.filter((entry): entry is Files.Backup => !Files.isDamaged(entry))
    const kept: Array<Files.Backup> = []
    const deleted: Array<Files.Backup> = []
    const damaged = entries.filter(Files.isDamaged)
    for (const group of byStore(backups.filter((b) => place === undefined || Files.placeOfBackup(b) === place))) {
      let whole = 0
      for (const backup of group) {
        if (whole === keep) {
          deleted.push(backup)
          continue
        }
        const found = group.length > keep ? yield* Files.digestDamage(backup) : undefined
        if (found === undefined) {
          kept.push(backup)
          whole++
        } else damaged.push(found)
      }
    }
    if (dryRun !== true) for (const backup of deleted) yield* Files.remove(folder, backup)
    return { kept, deleted, damaged }
  })
