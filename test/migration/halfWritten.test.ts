/** A store that holds a run's unpublished work is no source: half of a graph would be taken for one. */
import * as path from "node:path"
import Database from "better-sqlite3"
import * as Effect from "effect/Effect"
import { expect, it } from "vitest"
import type { GraphBackend } from "../../src/backend/GraphBackend.ts"
import { exportStore } from "../../src/migration/exportStore.ts"
import { healthOf, noteUnfinished } from "../../src/migration/health.ts"
import { importRecords, migrate } from "../../src/migration/migrate.ts"
import { openBackup } from "../../src/migration/backup.ts"
import { folderOf, FILES } from "../../src/migration/RunFolder.ts"
import { make, MemoryStore } from "../../src/testing/MemoryBackend.ts"
import { tempFolder } from "../support/migrating.ts"
import { backedUp, endOf, state } from "./backups.ts"

/** A store into which a run wrote, and never published. */
const halfWritten = async (exposed: boolean) => {
  const stateFolder = state()
  const store = await Effect.runPromise(make({ store: new MemoryStore("half"), exposed }))
  const document = await Effect.runPromise(openBackup(await backedUp(state())))
  const { run } = await Effect.runPromise(importRecords(document, store, { stateFolder }))
  const db = new Database(path.join(folderOf(stateFolder, run), FILES.journal))
  db.exec("DELETE FROM note WHERE name = 'published'")
  db.close()
  return { stateFolder, store, run }
}

const out = () => ({ format: "json", output: { path: path.join(tempFolder(), "out.json") } }) as const

const fresh = () => Effect.runPromise(make({ store: new MemoryStore(`fresh ${Math.random()}`) }))

const refused = { exitCode: 9, error: { reason: "unfinished-run" } }

it("is neither exported nor migrated, nor planned from", async () => {
  const { run, stateFolder, store } = await halfWritten(true)
  expect(await endOf(exportStore(store, { stateFolder, ...out() }))).toMatchObject(refused)
  expect(await endOf(migrate(store, await fresh(), { stateFolder }))).toMatchObject(refused)
  expect(await endOf(migrate(store, await fresh(), { stateFolder, dryRun: true }))).toMatchObject(refused)
  expect((await endOf(exportStore(store, { stateFolder, ...out() })))?.error?.message).toContain(run)
})

it("is read where nothing shows before it is published", async () => {
  const { stateFolder, store } = await halfWritten(false)
  expect((await Effect.runPromise(exportStore(store, { stateFolder, ...out() }))).outcome).toBe("done")
})

it("is told of by its health", async () => {
  const { run, stateFolder, store } = await halfWritten(true)
  const candidate = (found: GraphBackend) => ({
    name: null,
    inUse: false,
    backend: found.kind,
    location: found.location,
    connect: Effect.succeed(found)
  })
  const health = await Effect.runPromise(healthOf(candidate(store)))
  const [told] = await Effect.runPromise(noteUnfinished(stateFolder, [health]))
  expect(told?.notes.join()).toContain(`run ${run} was broken off`)
  const other = await Effect.runPromise(healthOf(candidate(await fresh())))
  expect((await Effect.runPromise(noteUnfinished(stateFolder, [other])))[0]?.notes).toEqual([])
})
