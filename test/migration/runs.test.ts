import { spawnSync } from "node:child_process"
import * as fs from "node:fs"
import * as path from "node:path"
import Database from "better-sqlite3"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { describe, expect, it } from "vitest"
import { connect } from "../../src/backend/registry.ts"
import type { StoreConfig } from "../../src/backend/StoreConfig.ts"
import { OWNER } from "../../src/files/ownedFiles.ts"
import { migrate } from "../../src/migration/migrate.ts"
import { endingOf } from "../../src/migration/outcome.ts"
import { Progress, type ProgressSink } from "../../src/migration/Progress.ts"
import { resume } from "../../src/migration/resume.ts"
import { rollback } from "../../src/migration/rollback.ts"
import { Recorder } from "../../src/migration/Run.ts"
import { folderOf, FILES } from "../../src/migration/RunFolder.ts"
import { KEPT, list, look, prune, sweep } from "../../src/migration/runs.ts"
import { copyOf, tempFolder, runsLeft } from "../support/migrating.ts"
import { readSeed } from "../support/plainSql.ts"

const sqlite = (file: string): StoreConfig => ({ kind: "sqlite", path: file })

/** A target that holds half of the source, with other titles. */
const used = (): string => {
  const file = copyOf("python-small.db")
  const db = new Database(file)
  db.exec(`
    DELETE FROM relationships WHERE rowid % 2 = 0;
    DELETE FROM nodes WHERE id NOT IN (SELECT from_id FROM relationships UNION SELECT to_id FROM relationships);
    UPDATE nodes SET properties = json_set(properties, '$.title', 'old ' || id)`)
  db.close()
  return file
}

const published = async (to: string, more: { readonly onConflict?: "overwrite" } = {}) => {
  const stateFolder = path.join(tempFolder(), "state")
  // A run that is killed while it publishes still has its spool.
  const sink: ProgressSink = {
    emit: ({ phase, state }) => {
      if (phase !== "publish" || state !== "started") return
      for (const run of fs.readdirSync(path.join(stateFolder, "runs"))) {
        const spool = path.join(folderOf(stateFolder, run), FILES.spool)
        fs.copyFileSync(spool, `${spool}.copy`)
      }
    }
  }
  const report = await Effect.runPromise(
    Effect.scoped(
      Effect.gen(function* () {
        const source = yield* connect(sqlite(copyOf("python-small.db")))
        return yield* migrate(source, yield* connect(sqlite(to)), { stateFolder, ...more })
      })
    ).pipe(Effect.provideService(Progress, sink))
  )
  return { stateFolder, run: report.run }
}

const on = <A, E>(
  to: string,
  use: (target: Effect.Effect.Success<ReturnType<typeof connect>>) => Effect.Effect<A, E>
) => Effect.runPromiseExit(Effect.scoped(Effect.flatMap(connect(sqlite(to)), use)))

const ending = (exit: Exit.Exit<unknown, unknown>) => (Exit.isFailure(exit) ? endingOf(exit.cause) : undefined)

const deadOwner = (): string => {
  const { pid } = spawnSync(process.execPath, ["-e", ""])
  return OWNER.replace(/\d+$/, String(pid))
}

/** Makes the journal say what it would if the process had been killed while it published. */
const asIfKilledWhilePublishing = (stateFolder: string, run: string): void => {
  const spool = path.join(folderOf(stateFolder, run), FILES.spool)
  fs.copyFileSync(`${spool}.copy`, spool)
  const db = new Database(path.join(folderOf(stateFolder, run), FILES.journal))
  const manifest = JSON.parse(String(db.prepare("SELECT text FROM note WHERE name = 'manifest'").pluck().get()))
  db.prepare("UPDATE note SET text = ? WHERE name = 'manifest'").run(
    JSON.stringify({ ...manifest, owner: deadOwner() })
  )
  db.exec("DELETE FROM note WHERE name = 'published'; UPDATE note SET text = 'publishing' WHERE name = 'state'")
  db.close()
}

describe("rollback of a published run", () => {
  it.each([{}, { onConflict: "overwrite" }] as const)("brings a store in use back, %o", async (options) => {
    const to = used()
    const before = readSeed(to)
    const { run, stateFolder } = await published(to, options)
    expect(readSeed(to)).not.toEqual(before)
    const exit = await on(to, (target) => rollback(target, { stateFolder, run }))
    expect(Exit.isSuccess(exit) && exit.value).toMatchObject({ outcome: "undone", exitCode: 0, rollback: { left: [] } })
    expect(readSeed(to)).toEqual(before)
    const again = await on(to, (target) => rollback(target, { stateFolder, run }))
    expect(ending(again)).toMatchObject({
      exitCode: 9,
      error: { message: expect.stringContaining("rolled back already") }
    })
  })

  it("leaves and names what somebody has changed or attached since (7)", async () => {
    const to = path.join(tempFolder(), "new.db")
    const { run, stateFolder } = await published(to)
    const db = new Database(to)
    const ids = db.prepare<[], string>("SELECT id FROM nodes ORDER BY id").pluck().all()
    db.prepare("UPDATE nodes SET properties = json_set(properties, '$.title', 'mine') WHERE id = ?").run(ids[0])
    db.prepare(
      "INSERT INTO relationships (id, from_id, to_id, rel_type, properties, created_at) SELECT 'mine', ?, ?, 'SOLVES', '{}', '2026-01-01'"
    ).run(ids[1], ids[2])
    db.close()
    const exit = await on(to, (target) => rollback(target, { stateFolder, run }))
    expect(ending(exit)).toMatchObject({ exitCode: 7 })
    const error = String(ending(exit)?.error?.message)
    for (const id of ids.slice(0, 3)) expect(error).toContain(id ?? "")
    const left = readSeed(to)
    expect([...left.nodes.keys()].sort()).toEqual(ids.slice(0, 3))
    expect([...left.relationships.keys()]).toEqual(["mine"])
    // That is all that can be done: the run stands in nobody's way, and can be forgotten.
    const known = await Effect.runPromise(look(stateFolder, run))
    expect(known?.summary.status).toBe("rolled-back")
  })

  it("is refused for a run of another target", async () => {
    const { run, stateFolder } = await published(path.join(tempFolder(), "new.db"))
    const exit = await on(used(), (target) => rollback(target, { stateFolder, run }))
    expect(ending(exit)).toMatchObject({ exitCode: 2 })
  })
})

describe("a run that was killed while it published", () => {
  it("is found to have arrived, where it has: resume verifies it, rollback takes it back", async () => {
    for (const action of [resume, rollback]) {
      const to = used()
      const before = readSeed(to)
      const { run, stateFolder } = await published(to)
      const after = readSeed(to)
      asIfKilledWhilePublishing(stateFolder, run)
      expect((await Effect.runPromise(look(stateFolder, run)))?.summary.status).toBe("unfinished")
      const exit = await on(to, (target) => action(target, { stateFolder, run }))
      expect(Exit.isSuccess(exit), String(ending(exit)?.error?.message)).toBe(true)
      expect(readSeed(to)).toEqual(action === resume ? after : before)
      if (action === resume && Exit.isSuccess(exit)) {
        expect(exit.value).toMatchObject({ outcome: "done", verification: { mode: "full", differencesTotal: 0 } })
        // It can still be rolled back: the journal of what it wrote is kept.
        const back = await on(to, (target) => rollback(target, { stateFolder, run }))
        expect(Exit.isSuccess(back), String(ending(back)?.error?.message)).toBe(true)
        expect(readSeed(to)).toEqual(before)
      }
    }
  })

  it("stands in the way of others until it is settled, and is forgotten where nothing had arrived", async () => {
    const to = used()
    const copy = `${to}.before`
    fs.copyFileSync(to, copy)
    const { run, stateFolder } = await published(to)
    asIfKilledWhilePublishing(stateFolder, run)
    fs.copyFileSync(copy, to)
    const before = readSeed(to)
    const other = await on(to, (target) =>
      Effect.scoped(
        Effect.flatMap(connect(sqlite(copyOf("python-small.db"))), (source) => migrate(source, target, { stateFolder }))
      )
    )
    expect(ending(other)).toMatchObject({ exitCode: 9, error: { reason: "unfinished-run" } })
    expect(ending(other)?.error?.message).toContain(`memorygraph runs resume ${run}`)
    const exit = await on(to, (target) => rollback(target, { stateFolder, run }))
    expect(Exit.isSuccess(exit), String(ending(exit)?.error?.message)).toBe(true)
    expect(readSeed(to)).toEqual(before)
    expect((await Effect.runPromise(list(stateFolder))).runs).toEqual([])
  })
})

describe("the runs of a state folder", () => {
  it("are pruned by hand, but never while they are unfinished", async () => {
    const to = used()
    const { run, stateFolder } = await published(to)
    const known = await Effect.runPromise(look(stateFolder, run))
    if (known === undefined) throw new Error("the run is not known")
    expect(known.summary).toMatchObject({ status: "published", target: to })
    asIfKilledWhilePublishing(stateFolder, run)
    const unfinished = await Effect.runPromise(look(stateFolder, run))
    if (unfinished === undefined) throw new Error("the run is not known")
    expect(ending(await Effect.runPromiseExit(prune(stateFolder, unfinished)))).toMatchObject({ exitCode: 9 })
    await Effect.runPromise(prune(stateFolder, known))
    expect(fs.existsSync(folderOf(stateFolder, run))).toBe(false)
  })

  it("are swept after thirty days, and so is what a killed export left", async () => {
    const { run, stateFolder } = await published(used())
    const old = new Date(Date.now() - KEPT - 60_000)
    const age = (folder: string) => {
      for (const name of [...fs.readdirSync(folder), ""]) fs.utimesSync(path.join(folder, name), old, old)
    }
    const orphan = folderOf(stateFolder, "20260101T000000-abcdef")
    fs.mkdirSync(orphan)
    fs.writeFileSync(path.join(orphan, FILES.spool), "")
    expect(await Effect.runPromise(sweep(stateFolder))).toEqual([])
    age(orphan)
    expect(await Effect.runPromise(sweep(stateFolder))).toEqual(["20260101T000000-abcdef"])
    age(folderOf(stateFolder, run))
    expect(await Effect.runPromise(sweep(stateFolder))).toEqual([run])
    expect(runsLeft(stateFolder)).toEqual([])
  })

  it("say which of them cannot be understood, and keep it", async () => {
    const { run, stateFolder } = await published(used())
    const journal = path.join(folderOf(stateFolder, run), FILES.journal)
    fs.writeFileSync(journal, "not a database, but long enough to look like something".repeat(40))
    const { runs, unreadable } = await Effect.runPromise(list(stateFolder))
    expect(runs).toEqual([])
    expect(unreadable).toMatchObject([{ run }])
    expect(await Effect.runPromise(sweep(stateFolder))).toEqual([])
  })
})

it("runs are listed by when they began, whatever their ids say", async () => {
  const stateFolder = path.join(tempFolder(), "state")
  const ids = ["20300101T000000-aaaaaa", "20200101T000000-bbbbbb"]
  for (const id of ids) {
    await Effect.runPromise(
      Effect.scoped(
        Effect.gen(function* () {
          const source = yield* connect(sqlite(copyOf("python-small.db")))
          const target = yield* connect(sqlite(path.join(tempFolder(), "new.db")))
          yield* migrate(source, target, { stateFolder, recorder: new Recorder({ run: id, command: "migrate" }) })
        })
      )
    )
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  const { runs } = await Effect.runPromise(list(stateFolder))
  expect(runs.map(({ summary }) => summary.run)).toEqual(ids.toReversed())
})
