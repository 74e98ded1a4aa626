import * as fs from "node:fs"
import * as path from "node:path"
import Database from "better-sqlite3"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { describe, expect, it } from "vitest"
import { connect } from "../../src/backend/registry.ts"
import { node, relationship } from "../../src/domain/Graph.ts"
import { backUpFirst, createBackup, openBackup, verifyBackup } from "../../src/migration/backup.ts"
import * as Files from "../../src/migration/backupFiles.ts"
import { storeName } from "../../src/migration/manifest.ts"
import { importRecords, migrate } from "../../src/migration/migrate.ts"
import { restoreDrill } from "../../src/migration/restoreDrill.ts"
import { makeRunId, Recorder } from "../../src/migration/Run.ts"
import { folderOf, FILES } from "../../src/migration/RunFolder.ts"
import { make, MemoryStore } from "../../src/testing/MemoryBackend.ts"
import { copyOf, edit, tempFolder, runsLeft } from "../support/migrating.ts"
import { readSeed } from "../support/plainSql.ts"
import { backedUp, endOf, list, memory, sqlite, state, using } from "./backups.ts"

describe("a backup", () => {
  it("holds the graph and says so: private, without secrets, and nothing else is left", async () => {
    const stateFolder = state()
    const backup = await backedUp(stateFolder)
    expect(backup.manifest).toMatchObject({ id: backup.id, nodes: 30, relationships: 60, labels: [["Memory", 30]] })
    const modes = (file: string) => fs.statSync(file).mode & 0o777
    expect([Files.backupsFolder(stateFolder), backup.folder].map(modes)).toEqual([0o700, 0o700])
    expect(fs.readdirSync(backup.folder).map((name) => modes(path.join(backup.folder, name)))).toEqual([0o600, 0o600])
    expect(fs.readdirSync(Files.backupsFolder(stateFolder))).toEqual([backup.id])
    expect(runsLeft(stateFolder)).toEqual([])
    const report = await Effect.runPromise(verifyBackup(backup))
    expect(report).toMatchObject({ outcome: "equal", exitCode: 0, verification: { checked: 90 } })
    expect(report.verification?.targetFingerprint).toBe(backup.manifest.fingerprint)
  })

  it("keeps how its store was named, and no password", async () => {
    const stateFolder = state()
    const named = storeName({
      kind: "neo4j",
      host: "db.example.org",
      port: 7687,
      user: "me",
      password: Redacted.make("hunter2")
    })
    const source = await memory([node("a", ["X"], { id: "a" })])
    const { backup } = await Effect.runPromise(createBackup(source, { stateFolder, store: named }))
    const text = fs.readFileSync(path.join(backup?.folder ?? "", "manifest.json"), "utf8")
    expect(JSON.parse(text)).toMatchObject({ store: { store: { kind: "neo4j", host: "db.example.org", user: "me" } } })
    expect(text).not.toMatch(/hunter2|password/)
  })

  it("counts labels and types of any name", async () => {
    const stateFolder = state()
    const names = ["__proto__", "constructor", ""]
    const source = await memory([
      ...names.map((name, i) => node(`n${i}`, name === "" ? [] : [name], { id: `n${i}` })),
      relationship(null, "n0", "__proto__", "n1", {})
    ])
    const { backup } = await Effect.runPromise(createBackup(source, { stateFolder }))
    const found = await Effect.runPromise(Files.find(Files.backupsFolder(stateFolder), backup?.id ?? ""))
    expect(found.manifest.labels.toSorted()).toEqual([...names].sort().map((name) => [name, 1]))
    expect(found.manifest.types).toEqual([["__proto__", 1]])
    expect((await Effect.runPromise(verifyBackup(found))).outcome).toBe("equal")
  })

  it("is refused for a graph with loose ends, and none is made (4)", async () => {
    const file = copyOf("python-small.db")
    const db = new Database(file)
    db.pragma("foreign_keys = OFF")
    db.exec("DELETE FROM nodes WHERE id IN (SELECT from_id FROM relationships LIMIT 1)")
    db.close()
    const stateFolder = state()
    const ending = await endOf(
      Effect.scoped(Effect.flatMap(connect(sqlite(file)), (store) => createBackup(store, { stateFolder })))
    )
    expect(ending).toMatchObject({ exitCode: 4, error: { message: expect.stringMatching(/^No backup was made: /) } })
    expect(await list(stateFolder)).toEqual([])
    expect(fs.readdirSync(Files.backupsFolder(stateFolder))).toEqual([])
  })

  it("is not made while another run's work is in the store unfinished (9)", async () => {
    const stateFolder = state()
    const target = await Effect.runPromise(make({ store: new MemoryStore("graph"), exposed: true }))
    const document = await Effect.runPromise(openBackup(await backedUp(state())))
    const { run } = await Effect.runPromise(importRecords(document, target, { stateFolder }))
    expect((await Effect.runPromise(createBackup(target, { stateFolder }))).outcome).toBe("done")
    const db = new Database(path.join(folderOf(stateFolder, run), FILES.journal))
    db.exec("DELETE FROM note WHERE name = 'published'")
    db.close()
    expect(await endOf(createBackup(target, { stateFolder }))).toMatchObject({
      exitCode: 9,
      error: { reason: "unfinished-run" }
    })
    expect(await list(stateFolder)).toHaveLength(1)
  })
})

describe("a restore drill", () => {
  it.each(["python-small.db", "ts-small.db"])(
    "brings %s into a scratch store, compares, and leaves nothing",
    async (name) => {
      const stateFolder = state()
      const backup = await backedUp(stateFolder, copyOf(name))
      const report = await Effect.runPromise(restoreDrill(backup, { stateFolder }))
      expect(report).toMatchObject({ outcome: "equal", exitCode: 0, target: { after: { backend: "sqlite" } } })
      expect(report.verification?.targetFingerprint).toBe(backup.manifest.fingerprint)
      expect(fs.readdirSync(Files.backupsFolder(stateFolder))).toEqual([backup.id])
      expect(runsLeft(stateFolder)).toEqual([])
    }
  )

  it("that SQLite cannot hold fails, and says what to do (9)", async () => {
    const stateFolder = state()
    const source = await memory([node("a", ["\ud800"], { id: "a" }), node("b", ["Memory"], { id: "b" })])
    const { backup } = await Effect.runPromise(createBackup(source, { stateFolder }))
    const ending = await endOf(
      Effect.flatMap(Files.find(Files.backupsFolder(stateFolder), backup?.id ?? ""), (one) =>
        restoreDrill(one, { stateFolder })
      )
    )
    expect(ending).toMatchObject({ exitCode: 9, error: { reason: "impossible" } })
    expect(ending?.error?.message).toContain("of the engine that it was made of")
  })
})

describe("a backup before the first write", () => {
  const migrated = async (
    to: string,
    options: { readonly dryRun?: boolean; readonly confirm?: false } = {},
    stateFolder = state()
  ) => {
    const recorder = new Recorder({ run: makeRunId(new Date()), command: "migrate", dryRun: options.dryRun })
    const ended = await endOf(
      Effect.scoped(
        Effect.gen(function* () {
          const source = yield* connect(sqlite(copyOf("python-small.db")))
          yield* migrate(source, yield* connect(sqlite(to)), {
            stateFolder,
            recorder,
            dryRun: options.dryRun,
            confirm: () => Effect.succeed(options.confirm ?? true),
            beforeWrite: backUpFirst({ stateFolder, recorder, store: storeName(sqlite(to)) })
          })
        })
      )
    )
    return { stateFolder, recorder, ended }
  }

  it("holds the target as it was, and restores it", async () => {
    const to = copyOf("python-small.db")
    new Database(to).exec("UPDATE nodes SET properties = json_set(properties, '$.title', 'old ' || id)").close()
    const before = readSeed(to)
    const { recorder, stateFolder } = await migrated(to)
    const [backup] = await list(stateFolder)
    expect(recorder.report({ outcome: "done", exitCode: 0, error: null }).backup?.id).toBe(backup?.id)
    const restored = path.join(tempFolder(), "restored.db")
    const found = await Effect.runPromise(Files.find(Files.backupsFolder(stateFolder), backup?.id ?? ""))
    await using(sqlite(restored), (target) =>
      Effect.flatMap(openBackup(found), (document) => importRecords(document, target, { stateFolder }))
    )
    expect(readSeed(restored)).toEqual(before)
  })

  it("is made of a store in which batches show, by the run that is about to write to it", async () => {
    const stateFolder = state()
    const target = await Effect.runPromise(make({ store: new MemoryStore("graph"), exposed: true }))
    const document = await Effect.runPromise(openBackup(await backedUp(state())))
    await Effect.runPromise(importRecords(document, target, { stateFolder }))
    const recorder = new Recorder({ run: makeRunId(new Date()), command: "import" })
    const beforeWrite = backUpFirst({ stateFolder, recorder })
    const report = await Effect.runPromise(
      importRecords(document, target, { stateFolder, recorder, beforeWrite, onConflict: "overwrite" })
    )
    expect(report.backup?.id).toBe((await list(stateFolder))[0]?.id)
  })

  it("is not made of an empty or missing target, for a dry run, or where the run is declined", async () => {
    const none = async ({ ended, stateFolder }: Awaited<ReturnType<typeof migrated>>) => {
      expect(await list(stateFolder)).toEqual([])
      return ended?.exitCode
    }
    expect(await none(await migrated(path.join(tempFolder(), "new.db")))).toBe(undefined)
    expect(await none(await migrated(copyOf("python-small.db"), { dryRun: true }))).toBe(undefined)
    const lacking = copyOf("python-small.db")
    edit(lacking, "DELETE FROM relationships")
    expect(await none(await migrated(lacking, { confirm: false }))).toBe(9)
  })

  it("that fails stops the run before the first write", async () => {
    const to = copyOf("python-small.db")
    new Database(to).exec("DELETE FROM relationships").close()
    const before = readSeed(to)
    const stateFolder = state()
    fs.mkdirSync(stateFolder)
    fs.writeFileSync(Files.backupsFolder(stateFolder), "in the way")
    expect((await migrated(to, {}, stateFolder)).ended).toMatchObject({ exitCode: 5 })
    expect(readSeed(to)).toEqual(before)
    expect(runsLeft(stateFolder)).toEqual([])
  })
})
