import * as fs from "node:fs"
import * as Effect from "effect/Effect"
import { describe, expect, it } from "vitest"
import { openBackup, verifyBackup } from "../../src/migration/backup.ts"
import * as Files from "../../src/migration/backupFiles.ts"
import { storeName } from "../../src/migration/manifest.ts"
import { pruneBackups } from "../../src/migration/pruneBackups.ts"
import { restoreDrill } from "../../src/migration/restoreDrill.ts"
import { copyOf } from "../support/migrating.ts"
import { backedUp, DAMAGE, edit, endOf, list, sqlite, state } from "./backups.ts"

describe("a damaged backup", () => {
  it.each(DAMAGE)("is told: its $what (4)", async ({ harm, seen }) => {
    const stateFolder = state()
    const backup = await backedUp(stateFolder)
    harm(backup)
    const [entry] = await list(stateFolder)
    expect(entry !== undefined && Files.isDamaged(entry)).toBe(seen)
    const found = Files.find(Files.backupsFolder(stateFolder), backup.id)
    for (const ending of [
      await endOf(Effect.flatMap(found, (one) => verifyBackup(one))),
      await endOf(Effect.flatMap(found, (one) => restoreDrill(one, { stateFolder })))
    ]) {
      expect(ending).toMatchObject({ exitCode: 4 })
      // What the file says of itself is told by its reader, which names the file.
      expect(ending?.error?.message).toMatch(new RegExp(`Backup ${backup.id} is damaged|^${backup.file}: `))
    }
    expect(fs.readdirSync(Files.backupsFolder(stateFolder))).toEqual([backup.id])
  })

  it("is not restored where its bytes are not the ones that were written", async () => {
    const stateFolder = state()
    const backup = await backedUp(stateFolder)
    // A document that is whole in itself, but another one.
    const other = await backedUp(stateFolder, copyOf("ts-small.db"))
    fs.copyFileSync(other.file, backup.file)
    edit(backup.folder, (text) =>
      text.replace(`"bytes": ${backup.manifest.file.bytes}`, `"bytes": ${other.manifest.file.bytes}`)
    )
    const found = Files.find(Files.backupsFolder(stateFolder), backup.id)
    expect(await endOf(Effect.flatMap(found, openBackup))).toMatchObject({ exitCode: 4, error: { reason: "digest" } })
  })
})

describe("pruning", () => {
  it("keeps the newest of each store", async () => {
    const stateFolder = state()
    const folder = Files.backupsFolder(stateFolder)
    const [one, two] = [copyOf("python-small.db"), copyOf("ts-small.db")]
    const made: Array<string> = []
    for (const file of [one, two, one, one, two]) made.push((await backedUp(stateFolder, file)).id)
    expect((await list(stateFolder)).map(({ id }) => id)).toEqual(made.toReversed())
    const dry = await Effect.runPromise(pruneBackups({ folder, keep: 1, dryRun: true }))
    expect(dry.deleted.map(({ id }) => id).sort()).toEqual([made[0], made[1], made[2]].sort())
    expect(await list(stateFolder)).toHaveLength(5)
    await Effect.runPromise(pruneBackups({ folder, keep: 1, store: storeName(sqlite(two)) }))
    expect((await list(stateFolder)).map(({ id }) => id)).toEqual([made[4], made[3], made[2], made[0]])
    await Effect.runPromise(pruneBackups({ folder, keep: 2 }))
    expect((await list(stateFolder)).map(({ id }) => id)).toEqual([made[4], made[3], made[2]])
    expect(fs.readdirSync(folder)).toHaveLength(3)
  })

  it("does not count damaged ones, and leaves them", async () => {
    const stateFolder = state()
    const folder = Files.backupsFolder(stateFolder)
    const file = copyOf("python-small.db")
    const [oldest, good, flipped, cut] = [
      await backedUp(stateFolder, file),
      await backedUp(stateFolder, file),
      await backedUp(stateFolder, file),
      await backedUp(stateFolder, file)
    ]
    DAMAGE.find(({ what }) => what.includes("one bit"))?.harm(flipped)
    DAMAGE.find(({ what }) => what === "file breaks off")?.harm(cut)
    const { damaged, deleted, kept } = await Effect.runPromise(pruneBackups({ folder, keep: 1 }))
    expect(kept.map(({ id }) => id)).toEqual([good.id])
    expect(deleted.map(({ id }) => id)).toEqual([oldest.id])
    expect(damaged.map(({ id }) => id).sort()).toEqual([flipped.id, cut.id].sort())
    expect(await list(stateFolder)).toHaveLength(3)
  })
})
