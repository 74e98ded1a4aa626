import { spawn } from "node:child_process"
import * as fs from "node:fs"
import * as path from "node:path"
import { fileURLToPath } from "node:url"
import Database from "better-sqlite3"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Stream from "effect/Stream"
import { describe, expect, it } from "vitest"
import * as Journal from "../../../src/backend/Journal.ts"
import { findFault } from "../../../src/backend/sqlite/checkFile.ts"
import { inspect } from "../../../src/backend/sqlite/layout.ts"
import { Load } from "../../../src/backend/sqlite/Load.ts"
import { temporaryOf } from "../../../src/backend/sqlite/newFileSession.ts"
import { putInPlace } from "../../../src/files/putInPlace.ts"
import { isOrphan, OWNER } from "../../../src/files/ownedFiles.ts"
import { use } from "../../../src/backend/WriteSession.ts"
import { type GraphRecord, node, relationship } from "../../../src/domain/Graph.ts"
import {
  connect,
  copyOf,
  failure,
  fixture,
  lines,
  ls,
  newFolder,
  newPath,
  openSession,
  read,
  rows,
  run,
  sha256,
  sql,
  write,
  writeAll
} from "./support.ts"

const memory = (key: string, title = "t"): GraphRecord => node(key, ["Memory"], { id: key, title })
const graph: ReadonlyArray<GraphRecord> = [memory("a"), memory("b"), relationship("r", "a", "SOLVES", "b", { id: "r" })]

const verified = (file: string) =>
  sql(file, (db) => ({
    integrity: db.pragma("integrity_check", { simple: true }),
    foreignKeys: db.pragma("foreign_key_check"),
    journalMode: db.pragma("journal_mode", { simple: true })
  }))

describe("a session on a new file", () => {
  it("shows nothing before it is published, and a whole file after", async () => {
    const file = newPath()
    const during = await run(
      Effect.gen(function* () {
        const session = yield* openSession(yield* connect(file))
        expect([session.fresh, session.exposed]).toEqual([true, false])
        yield* writeAll(session, graph)
        const files = ls(file)
        const seen = yield* Effect.map(Stream.runCollect(session.read), Chunk.toReadonlyArray)
        expect(lines(seen)).toEqual(lines(graph))
        expect(lines(yield* session.lookup(graph))).toEqual(lines(graph))
        yield* session.publish
        return files
      })
    )
    expect(during).toEqual([expect.stringMatching(/^\.memory\.db\.mg-run-1\..*\.tmp$/)])
    expect(ls(file)).toEqual(["memory.db"])
    expect(fs.statSync(file).mode & 0o777).toBe(0o600)
    expect(verified(file)).toEqual({ integrity: "ok", foreignKeys: [], journalMode: "delete" })
    expect(lines(await read(file))).toEqual(lines(graph))
  })

  it.each(["undone", "left by its scope"])("leaves nothing when it is %s", async (how) => {
    const file = newPath()
    await run(
      Effect.scoped(
        Effect.gen(function* () {
          const session = yield* openSession(yield* connect(file))
          yield* writeAll(session, graph)
          if (how === "undone") {
            expect(yield* session.undo).toEqual({ _tag: "Undone" })
            expect(ls(file)).toEqual([])
          }
        })
      )
    )
    expect(ls(file)).toEqual([])
  })

  it("never takes the place of what came meanwhile", async () => {
    const file = newPath()
    const { exit, outcome } = await run(
      Effect.gen(function* () {
        const session = yield* openSession(yield* connect(file))
        const program = Effect.tap(writeAll(session, graph), () => Effect.sync(() => fs.writeFileSync(file, "theirs")))
        return yield* use(session, program)
      })
    )
    expect(Exit.isFailure(exit)).toBe(true)
    expect(outcome).toEqual({ _tag: "Undone" })
    expect(String(exit)).toContain("store-changed")
    expect([fs.readFileSync(file, "utf8"), ls(file)]).toEqual(["theirs", ["memory.db"]])
  })

  it("refuses a relationship without its end, and what is there twice", async () => {
    for (const bad of [
      [memory("a"), relationship("r", "a", "T", "no", {})],
      [memory("a"), memory("a")]
    ]) {
      const file = newPath()
      await expect(write(file, bad)).rejects.toMatchObject({ _tag: "WriteFailed" })
      expect(ls(file)).toEqual([])
    }
  })

  it("takes names up to the longest that the file system has", async () => {
    const file = newPath(`${"ü".repeat(120)}.db`)
    await write(file, graph)
    expect(await read(file)).toHaveLength(3)
  })

  it("sweeps what a dead run has left beside its target, and nothing else", async () => {
    const file = newPath()
    const [host = "", boot = ""] = OWNER.split("-")
    const dead = [`.memory.db.mg-x.${host}-${boot}-999999999.tmp`, `.memory.db.mg-y.${host}-00000000-1.tmp`]
    const kept = [
      path.basename(temporaryOf(file, "alive")),
      `.memory.db.mg-z.00000000-${boot}-999999999.tmp`,
      `.other.db.mg-x.${host}-${boot}-999999999.tmp`,
      ".memory.db.mg-x.tmp"
    ]
    for (const name of [...dead, ...kept]) fs.writeFileSync(path.join(path.dirname(file), name), "x")
    expect(dead.map(isOrphan)).toEqual([true, true])
    await write(file, graph)
    expect(ls(file)).toEqual([...kept, "memory.db"].sort())
  })
})

it("a file that does not hold what was written is found out", async () => {
  const file = newPath()
  const db = new Database(file)
  db.exec("BEGIN")
  const load = new Load({ location: file, file }, db, inspect(db, "seed"))
  const fault = () => run(findFault(db, load))
  await run(
    Effect.flatMap(Journal.make(newPath("journal.db")), (journal) =>
      load.write(journal, { create: graph.slice(0, 2), overwrite: [] })
    )
  )
  expect(await fault()).toBeUndefined()
  db.exec("DELETE FROM nodes WHERE id = 'a'")
  expect(await fault()).toContain("1 nodes and 0 relationships where 2 and 0 were written")
  expect(await failure(load.check)).toMatchObject({ _tag: "WriteFailed", reason: "conservation" })
  db.close()
})

describe("putInPlace", () => {
  const noLinks = () => {
    throw Object.assign(new Error("no links here"), { code: "ENOTSUP" })
  }
  it.each([
    ["by a link", undefined],
    ["without links", noLinks]
  ] as const)("%s, never over another file", (_how, link) => {
    const folder = newFolder()
    const [temporary, file] = [path.join(folder, "temporary"), path.join(folder, "file")]
    fs.writeFileSync(temporary, "ours")
    putInPlace(temporary, file, link)
    expect([fs.readdirSync(folder), fs.readFileSync(file, "utf8")]).toEqual([["file"], "ours"])
    fs.writeFileSync(temporary, "second")
    expect(() => putInPlace(temporary, file, link)).toThrow(/EEXIST/)
    expect([fs.readdirSync(folder).sort(), fs.readFileSync(file, "utf8")]).toEqual([["file", "temporary"], "ours"])
  })
})

const walCopy = () => {
  const file = copyOf("python-small.db")
  sql(file, (db) => db.pragma("journal_mode = WAL"))
  return file
}

describe.each([
  ["a rollback journal", () => copyOf("python-small.db"), "delete"],
  ["a write-ahead log", walCopy, "wal"],
  ["the column layout", () => copyOf("ts-small.db"), "delete"]
] as const)("a session on a file in use, with %s", (_what, prepare, journalMode) => {
  // Records that both layouts take: the file's own under other names.
  const additions = async (file: string) => {
    const records = await read(file)
    const renamed = (key: string) => `new ${key}`
    return records.map((record): GraphRecord =>
      record._tag === "Node"
        ? node(renamed(record.key), record.labels, { ...record.properties, id: renamed(record.key) })
        : relationship(renamed(record.key ?? ""), record.from, record.type, renamed(record.to), {
            ...record.properties,
            id: renamed(record.key ?? "")
          })
    )
  }

  it("publishes in one step; what was there stays byte for byte", async () => {
    const file = prepare()
    const before = await read(file)
    const tables = ["relationships", journalMode === "delete" && rowsIn(file, "memories") ? "memories" : "nodes"]
    const beforeRows = tables.map((table) => rows(file, table))
    const master = sql(file, (db) => db.prepare("SELECT * FROM sqlite_master ORDER BY name").all().length)
    const more = await additions(file)
    await run(
      Effect.gen(function* () {
        const backend = yield* connect(file)
        const session = yield* openSession(backend)
        expect([session.fresh, session.exposed]).toEqual([false, false])
        yield* writeAll(session, more)
        expect((yield* backend.statistics).nodes).toBe(30)
        expect(lines(yield* session.lookup(more))).toEqual(lines(more))
        yield* session.publish
        expect((yield* backend.statistics).nodes).toBe(60)
      })
    )
    expect(lines(await read(file))).toEqual(lines([...before, ...more]))
    tables.forEach((table, i) => expect(rows(file, table)).toEqual(expect.arrayContaining([...(beforeRows[i] ?? [])])))
    expect(verified(file)).toEqual({ integrity: "ok", foreignKeys: [], journalMode })
    expect(sql(file, (db) => db.prepare("SELECT * FROM sqlite_master").all().length)).toBe(master)
    expect(ls(file)).toEqual(["memory.db"])
  })

  it.each(["undone", "left by its scope", "failed"])("is byte for byte what it was when it is %s", async (how) => {
    const file = prepare()
    const before = sha256(file)
    const more = await additions(file)
    await run(
      Effect.scoped(
        Effect.gen(function* () {
          const session = yield* openSession(yield* connect(file))
          yield* writeAll(session, more)
          if (how === "undone") expect(yield* session.undo).toEqual({ _tag: "Undone" })
          if (how === "failed") {
            const { outcome } = yield* use(session, session.write({ create: more.slice(0, 1), overwrite: [] }))
            expect(outcome).toEqual({ _tag: "Undone" })
          }
        })
      )
    )
    expect([sha256(file), ls(file)]).toEqual([before, ["memory.db"]])
  })

  it("overwrites what is there, and fails for what is not or is there already", async () => {
    const file = prepare()
    const before = await read(file)
    const own = before.find(({ key }) => key === "decision-2026-001")
    const link = before.find((record) => record._tag === "Relationship")
    if (own?._tag !== "Node" || link?._tag !== "Relationship") return expect.unreachable("the fixture has changed")
    const after = node(own.key, own.labels, { ...own.properties, title: "overwritten" })
    const linkAfter = relationship(link.key, link.from, link.type, link.to, { ...link.properties, strength: 0.25 })
    await run(
      Effect.gen(function* () {
        const session = yield* openSession(yield* connect(file))
        yield* session.write({ create: [], overwrite: [{ before: own, after }] })
        yield* session.write({ create: [], overwrite: [{ before: link, after: linkAfter }] })
        yield* session.publish
      })
    )
    expect(lines(await read(file))).toEqual(
      lines(before.map((record) => (record === own ? after : record === link ? linkAfter : record)))
    )
    const hash = sha256(file)
    const gone = node("gone", own.labels, { ...own.properties, id: "gone" })
    for (const batch of [
      { create: [own], overwrite: [] },
      { create: [], overwrite: [{ before: gone, after: gone }] }
    ]) {
      const error = await failure(
        Effect.gen(function* () {
          const session = yield* openSession(yield* connect(file))
          yield* session.write(batch)
        })
      )
      expect(error).toMatchObject({
        _tag: "WriteFailed",
        reason: batch.create.length > 0 ? "refused-record" : "store-changed"
      })
    }
    expect(sha256(file)).toBe(hash)
  })
})

const rowsIn = (file: string, table: string): boolean =>
  sql(file, (db) => db.prepare("SELECT 1 FROM sqlite_master WHERE name = ?").get(table) !== undefined)

describe("a file in use", () => {
  it("that was empty is empty again after an undo", async () => {
    const file = newPath()
    fs.writeFileSync(file, "")
    await run(
      Effect.scoped(
        Effect.gen(function* () {
          const session = yield* openSession(yield* connect(file))
          expect(session.fresh).toBe(true)
          yield* writeAll(session, graph)
        })
      )
    )
    expect([fs.statSync(file).size, ls(file)]).toEqual([0, ["memory.db"]])
  })

  it("is rolled back whole where the load was larger than the cache", async () => {
    const file = copyOf("python-small.db")
    const before = sha256(file)
    const text = "x".repeat(100_000)
    await run(
      Effect.scoped(
        Effect.gen(function* () {
          const session = yield* openSession(yield* connect(file))
          for (let i = 0; i < 12; i++) {
            yield* session.write({
              create: Array.from({ length: 100 }, (_, n) => memory(`${i}-${n}`, text)),
              overwrite: []
            })
          }
          // More than the 64 MB of the cache: pages have gone into the file itself by now.
          expect(fs.statSync(file).size).toBeGreaterThan(1_000_000)
        })
      )
    )
    expect([sha256(file), ls(file)]).toEqual([before, ["memory.db"]])
  })

  it("keeps invalidated_by that leads nowhere, which is data there", async () => {
    const file = copyOf("python-small.db")
    const added = relationship("x", "decision-2026-001", "T", "decision-2026-002", {
      id: "x",
      invalidated_by: "not there"
    })
    await write(file, [added])
    expect((await read(file)).find(({ key }) => key === "x")?.properties).toEqual(added.properties)
  })

  it("may have dangling relationships of its own, but gets no new ones", async () => {
    const file = copyOf("python-small.db")
    sql(file, (db) => db.exec("DELETE FROM nodes WHERE id = 'decision-2026-001'"))
    await write(file, [memory("n")])
    await expect(write(file, [relationship("y", "n", "T", "nowhere", {})])).rejects.toMatchObject({
      reason: "conservation"
    })
  })

  it("waits with its commit for readers, and is undone where they stay", async () => {
    const file = copyOf("python-small.db")
    const reader = new Database(file)
    reader.exec("BEGIN")
    reader.prepare("SELECT count(*) FROM nodes").get()
    setTimeout(() => reader.exec("COMMIT"), 500)
    await write(file, graph)
    reader.close()
    expect(rows(file, "nodes")).toHaveLength(32)
  })

  it("can be written by Python's rules after us: upserts by the same keys", async () => {
    const file = newPath()
    await write(file, graph)
    sql(file, (db) => {
      db.exec(
        'UPDATE nodes SET properties = \'{"id": "a", "title": "by Python"}\', updated_at = CURRENT_TIMESTAMP WHERE id = \'a\''
      )
      db.exec(
        "UPDATE relationships SET valid_until = '2026-01-01T00:00:00+00:00', invalidated_by = NULL WHERE id = 'r'"
      )
    })
    const records = await read(file)
    expect(records.find(({ key }) => key === "a")?.properties).toEqual({ id: "a", title: "by Python" })
    expect(records.find(({ key }) => key === "r")?.properties).toEqual({
      id: "r",
      valid_until: "2026-01-01T00:00:00+00:00"
    })
  })
})

describe("a kill in the middle of a session", () => {
  const script = fileURLToPath(new URL("./interrupted.ts", import.meta.url))
  const kill = (file: string, size: string): Promise<void> =>
    new Promise((resolve, reject) => {
      const child = spawn(process.execPath, [script, file, newPath("journal.db"), size], {
        stdio: ["ignore", "pipe", "inherit"]
      })
      child.stdout.once("data", () => child.kill("SIGKILL"))
      child.once("exit", (_code, signal) =>
        signal === "SIGKILL" ? resolve() : reject(new Error(`ended by ${signal}`))
      )
    })

  it("leaves the file in use as it was", async () => {
    const file = copyOf("python-small.db")
    const before = sha256(file)
    await kill(file, "small")
    expect(sha256(file)).toBe(before)
    expect(lines(await read(file))).toEqual(lines(await read(fixture("python-small.db"))))
  })

  it("leaves a journal that the next opener plays back, where the load was large", async () => {
    const file = copyOf("python-small.db")
    const before = sha256(file)
    await kill(file, "large")
    expect(lines(await read(file))).toEqual(lines(await read(fixture("python-small.db"))))
    expect(sql(file, (db) => db.prepare("SELECT count(*) FROM nodes").pluck().get())).toBe(30)
    expect([sha256(file), ls(file)]).toEqual([before, ["memory.db"]])
  })

  it("leaves a temporary file, which the next session sweeps", async () => {
    const file = newPath()
    await kill(file, "small")
    expect(ls(file)).toEqual([expect.stringMatching(/\.tmp$/)])
    await write(file, graph)
    expect(ls(file)).toEqual(["memory.db"])
    expect(await read(file)).toHaveLength(3)
  })
})
