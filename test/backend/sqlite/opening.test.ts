import { spawnSync } from "node:child_process"
import { createRequire } from "node:module"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import Database from "better-sqlite3"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { afterEach, describe, expect, it } from "vitest"
import { GraphBackend } from "../../../src/backend/GraphBackend.ts"
import { SqliteBackend } from "../../../src/backend/layers.ts"
import { accessOf } from "../../../src/backend/sqlite/open.ts"
import { readFailed } from "../../../src/backend/sqlite/errors.ts"
import { OWNER } from "../../../src/files/ownedFiles.ts"
import type { StoreReason } from "../../../src/domain/Errors.ts"
import { node } from "../../../src/domain/Graph.ts"
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
  readFrom,
  run,
  sha256,
  sql,
  write
} from "./support.ts"

const undo: Array<() => void> = []
afterEach(() => {
  for (const step of undo.splice(0).reverse()) step()
})

const copies = () =>
  fs.readdirSync(os.tmpdir()).filter((name) => name.startsWith("memorygraph-migrate-") && name.includes(OWNER))

// Makes a folder read-only; for root only a mount does that. False where neither is possible.
const makeReadOnly = (folder: string): boolean => {
  if (process.getuid?.() !== 0) {
    fs.chmodSync(folder, 0o555)
    undo.push(() => fs.chmodSync(folder, 0o755))
    return true
  }
  const mount = (...args: ReadonlyArray<string>) => spawnSync("mount", args).status === 0
  if (!mount("--bind", folder, folder)) return false
  undo.push(() => spawnSync("umount", ["-l", folder]))
  return mount("-o", "remount,ro,bind", folder)
}

const hold = (file: string): Database.Database => {
  const db = new Database(file)
  undo.push(() => db.close())
  return db
}

// A process of its own that runs statements and is killed without closing.
const crash = (file: string, ...statements: ReadonlyArray<string>) => {
  const program = `
    const Database = require(${JSON.stringify(createRequire(import.meta.url).resolve("better-sqlite3"))})
    const db = new Database(${JSON.stringify(file)})
    for (const text of ${JSON.stringify(statements)}) db.exec(text)
    process.kill(process.pid, "SIGKILL")`
  expect(spawnSync(process.execPath, ["-e", program]).signal).toBe("SIGKILL")
}
const walCopy = () => {
  const file = copyOf("python-small.db")
  sql(file, (db) => db.pragma("journal_mode = WAL"))
  expect(ls(file)).toEqual(["memory.db"])
  return file
}

describe("a file that is not there", () => {
  it("is an empty store, and nothing to read", async () => {
    const file = newPath()
    const { health, statistics, dangling, found, error } = await run(
      Effect.gen(function* () {
        const backend = yield* connect(file)
        const error = yield* Effect.flip(readFrom(backend))
        const found = yield* backend.lookup([node("a", [], {})])
        return {
          ...(yield* Effect.all({
            health: backend.health,
            statistics: backend.statistics,
            dangling: backend.dangling
          })),
          found,
          error
        }
      })
    )
    expect(statistics).toEqual({ nodes: 0, relationships: 0, labels: {}, types: {} })
    expect([dangling.total, found, health.writable]).toEqual([0, [], true])
    expect(error).toMatchObject({ _tag: "StoreUnavailable", reason: "not-found" })
    expect(ls(file)).toEqual([])
  })

  it("is not writable where its folder is missing", async () => {
    const file = path.join(newFolder(), "no", "memory.db")
    const { health, error } = await run(
      Effect.gen(function* () {
        const backend = yield* connect(file)
        return { health: yield* backend.health, error: yield* Effect.flip(openSession(backend)) }
      })
    )
    expect(health.writable).toBe(false)
    expect(error).toMatchObject({
      _tag: "StoreUnavailable",
      reason: "not-found",
      message: expect.stringContaining("folder")
    })
  })

  it("is not made where the journal of a lost database waits for it", async () => {
    const file = newPath()
    fs.writeFileSync(`${file}-wal`, "x")
    expect(await failure(Effect.flatMap(connect(file), openSession))).toMatchObject({ reason: "corrupt" })
    expect(ls(file)).toEqual(["memory.db-wal"])
  })

  it("can be where a link leads", async () => {
    const file = newPath()
    const link = path.join(path.dirname(file), "link.db")
    fs.symlinkSync("memory.db", link)
    await write(link, [node("a", ["Memory"], { id: "a" })])
    expect(fs.lstatSync(link).isSymbolicLink()).toBe(true)
    expect(fs.lstatSync(file).isFile()).toBe(true)
    expect(await read(file)).toHaveLength(1)
  })
})

describe("identity", () => {
  const identity = (file: string) => run(Effect.map(connect(file), (backend) => backend.identity))

  it("is one for a path, its links and its hard links, and another for a copy", async () => {
    const file = copyOf("python-small.db")
    const at = (name: string) => path.join(path.dirname(file), name)
    fs.symlinkSync(file, at("soft.db"))
    fs.linkSync(file, at("hard.db"))
    fs.copyFileSync(file, at("copy.db"))
    const own = await identity(file)
    expect(await identity(at("soft.db"))).toBe(own)
    expect(await identity(at("hard.db"))).toBe(own)
    expect(await identity(path.relative(process.cwd(), file))).toBe(own)
    expect(await identity(at("copy.db"))).not.toBe(own)
  })

  it("is one for the names of a file that is not there yet", async () => {
    const file = newPath()
    fs.symlinkSync(path.dirname(file), `${path.dirname(file)}-link`)
    undo.push(() => fs.rmSync(`${path.dirname(file)}-link`))
    expect(await identity(path.join(`${path.dirname(file)}-link`, "memory.db"))).toBe(await identity(file))
  })
})

describe("what is no store", () => {
  const fixtureBytes = () => fs.readFileSync(fixture("python-small.db"))
  it.each<readonly [string, StoreReason, (file: string) => void]>([
    ["a folder", "not-this-kind", (file) => fs.mkdirSync(file)],
    ["a text", "not-this-kind", (file) => fs.writeFileSync(file, "hello ".repeat(1000))],
    ["a short text", "not-this-kind", (file) => fs.writeFileSync(file, "hello")],
    ["a dump of another engine", "not-this-kind", (file) => fs.copyFileSync(fixture("falkordblite-small.fdb"), file)],
    ["a file cut off", "corrupt", (file) => fs.writeFileSync(file, fixtureBytes().subarray(0, 20_000))],
    ["half a header", "corrupt", (file) => fs.writeFileSync(file, fixtureBytes().subarray(0, 50))]
  ])("says so when it is connected: %s", async (_what, reason, prepare) => {
    const file = newPath()
    prepare(file)
    const error = await failure(connect(file))
    expect(error).toMatchObject({ _tag: "StoreUnavailable", backend: "sqlite", location: file, reason })
    expect(error.message).toContain(file)
  })

  // Overwrites the first page of a table or an index.
  const damage = (file: string, name: string) => {
    const { page, size } = sql(file, (db) => ({
      page: Number(db.prepare("SELECT rootpage FROM sqlite_master WHERE name = ?").pluck().get(name)),
      size: Number(db.pragma("page_size", { simple: true }))
    }))
    const handle = fs.openSync(file, "r+")
    fs.writeSync(handle, Buffer.alloc(size, 0x5a), 0, size, (page - 1) * size)
    fs.closeSync(handle)
    return sha256(file)
  }

  it("says so in the middle of a read: a damaged table", async () => {
    const file = copyOf("python-small.db")
    // Beyond what is looked at when the store is connected.
    damage(file, "nodes_fts_idx")
    expect(await read(file)).toHaveLength(90)
    const before = damage(file, "relationships")
    expect(await failure(Effect.flatMap(connect(file), (backend) => readFrom(backend)))).toMatchObject({
      reason: "corrupt"
    })
    expect(await failure(Effect.flatMap(connect(file), openSession))).toMatchObject({ reason: "corrupt" })
    expect(sha256(file)).toBe(before)
  })

  it("says so before a write where only a check finds the damage: an index", async () => {
    const file = copyOf("python-small.db")
    const before = damage(file, "idx_rel_type")
    const error = await failure(Effect.flatMap(connect(file), openSession))
    expect(error).toMatchObject({ _tag: "StoreUnavailable", reason: "corrupt" })
    expect(sha256(file)).toBe(before)
  })

  it("an empty file is nothing to read, and a place to write to", async () => {
    const file = newPath()
    fs.writeFileSync(file, "")
    const { error, statistics, health } = await run(
      Effect.gen(function* () {
        const backend = yield* connect(file)
        const error = yield* Effect.flip(readFrom(backend))
        return { error, ...(yield* Effect.all({ statistics: backend.statistics, health: backend.health })) }
      })
    )
    expect(error).toMatchObject({ reason: "empty-file" })
    expect(statistics.nodes).toBe(0)
    expect(health.notes.join(" ")).toContain("empty")
    expect(fs.statSync(file).size).toBe(0)
    await write(file, [node("a", ["Memory"], { id: "a" })])
    expect(await read(file)).toHaveLength(1)
  })

  it("a database without tables is the same", async () => {
    const file = newPath()
    sql(file, (db) => db.exec("CREATE TABLE x (y); DROP TABLE x"))
    expect(await failure(Effect.flatMap(connect(file), (backend) => readFrom(backend)))).toMatchObject({
      reason: "empty-file"
    })
    await write(file, [node("a", ["Memory"], { id: "a" })])
    expect(await read(file)).toHaveLength(1)
  })

  it("a name that the driver would change is refused", async () => {
    expect(await failure(connect(newPath("memory.db ")))).toMatchObject({ reason: "unsupported" })
  })

  it("names with signs of URIs and SQL are names", async () => {
    for (const name of ["a?mode=ro#x%41.db", "file:x", ":memory:", "ü '\";--.db"]) {
      const file = newPath(name)
      await write(file, [node("a", ["Memory"], { id: "a" })])
      expect(fs.statSync(file).size).toBeGreaterThan(0)
      expect(await read(file)).toHaveLength(1)
    }
  })
})

describe("a locked file", () => {
  it("is waited for a while", async () => {
    const file = copyOf("python-small.db")
    const other = hold(file)
    other.exec("BEGIN EXCLUSIVE")
    setTimeout(() => other.exec("ROLLBACK"), 700)
    expect(await read(file)).toHaveLength(90)
  })

  it("is given up: reading what another holds exclusively", async () => {
    const file = copyOf("python-small.db")
    hold(file).exec("BEGIN EXCLUSIVE")
    expect(await failure(connect(file))).toMatchObject({ _tag: "StoreUnavailable", reason: "locked" })
  })

  it("is given up: writing what another writes; the file stays as it is", async () => {
    const file = copyOf("python-small.db")
    const before = sha256(file)
    const other = hold(file)
    other.exec("BEGIN IMMEDIATE")
    expect(await failure(Effect.flatMap(connect(file), openSession))).toMatchObject({
      _tag: "StoreUnavailable",
      reason: "locked"
    })
    other.exec("ROLLBACK")
    expect(sha256(file)).toBe(before)
  })
})

describe("reading leaves no trace", () => {
  const readAllWays = (file: string) =>
    run(
      Effect.gen(function* () {
        const backend = yield* connect(file)
        const records = yield* readFrom(backend)
        yield* Effect.all([backend.health, backend.statistics, backend.dangling])
        yield* backend.lookup(records)
        return records
      })
    )

  it.each([
    ["rollback journal", () => copyOf("python-small.db"), "plain"],
    ["a write-ahead log that is folded in", walCopy, "wal"]
  ])("in mode %s", async (_mode, prepare, access) => {
    const file = prepare()
    const before = sha256(file)
    expect(accessOf(file)).toBe(access)
    expect(await readAllWays(file)).toHaveLength(90)
    expect([sha256(file), ls(file)]).toEqual([before, ["memory.db"]])
  })

  it("of a write-ahead log that a crash has left, and reads what is in it", async () => {
    const file = walCopy()
    crash(file, "UPDATE nodes SET label = 'Changed' WHERE id = 'decision-2026-001'")
    const files = ["memory.db", "memory.db-shm", "memory.db-wal"]
    expect(ls(file)).toEqual(files)
    const before = [sha256(file), sha256(`${file}-wal`)]
    expect(accessOf(file)).toBe("live")
    const records = await readAllWays(file)
    expect(records.find(({ key }) => key === "decision-2026-001")).toMatchObject({ labels: ["Changed"] })
    expect([sha256(file), sha256(`${file}-wal`)]).toEqual(before)
    // Without its index the log is read from a copy.
    fs.rmSync(`${file}-shm`)
    expect(accessOf(file)).toBe("copy")
    const again = await readAllWays(file)
    expect(again.find(({ key }) => key === "decision-2026-001")).toMatchObject({ labels: ["Changed"] })
    expect([sha256(file), sha256(`${file}-wal`), ls(file)]).toEqual([...before, ["memory.db", "memory.db-wal"]])
    expect(copies()).toEqual([])
  })

  it("of a write-ahead log in use", async () => {
    const file = walCopy()
    const other = hold(file)
    other.exec("UPDATE nodes SET label = 'Changed' WHERE id = 'decision-2026-001'")
    const before = [sha256(file), sha256(`${file}-wal`)]
    expect(await readAllWays(file)).toHaveLength(90)
    expect([sha256(file), sha256(`${file}-wal`)]).toEqual(before)
  })

  it("of a write-ahead log whose other users go first", async () => {
    const file = walCopy()
    const other = hold(file)
    other.exec("UPDATE nodes SET label = 'Changed' WHERE id = 'decision-2026-001'")
    await run(
      Effect.gen(function* () {
        const backend = yield* connect(file)
        yield* backend.statistics
        other.close()
        expect((yield* backend.statistics).labels).toEqual({ Memory: 29, Changed: 1 })
      })
    )
    expect(ls(file)).toEqual(["memory.db"])
  })

  it("of a hot journal: the state before the crash is read, from a copy", async () => {
    const file = copyOf("python-small.db")
    const expected = lines(await read(file))
    crash(
      file,
      "PRAGMA cache_size = 5",
      "BEGIN",
      "UPDATE nodes SET properties = '{\"a\": \"' || hex(randomblob(3000)) || '\"}'"
    )
    const before = [sha256(file), sha256(`${file}-journal`)]
    const { records, notes } = await run(
      Effect.gen(function* () {
        const backend = yield* connect(file)
        return { records: yield* readFrom(backend), notes: (yield* backend.health).notes }
      })
    )
    expect(lines(records)).toEqual(expected)
    expect(notes.join(" ")).toContain("copy")
    expect([sha256(file), sha256(`${file}-journal`)]).toEqual(before)
    expect(copies()).toEqual([])
  })

  it.each([
    ["rollback journal", () => copyOf("python-small.db")],
    ["a write-ahead log", walCopy]
  ])("in a read-only folder: %s", async (_mode, prepare) => {
    const file = prepare()
    const before = sha256(file)
    if (!makeReadOnly(path.dirname(file)))
      return expect.unreachable("neither chmod nor mount makes a folder read-only here")
    expect(await readAllWays(file)).toHaveLength(90)
    const { health, error } = await run(
      Effect.gen(function* () {
        const backend = yield* connect(file)
        return { health: yield* backend.health, error: yield* Effect.flip(openSession(backend)) }
      })
    )
    expect(health.writable).toBe(false)
    expect(error).toMatchObject({
      _tag: "StoreUnavailable",
      reason: process.getuid?.() === 0 ? "read-only" : "permission"
    })
    expect([sha256(file), ls(file)]).toEqual([before, ["memory.db"]])
    expect(copies()).toEqual([])
  })

  it("and sees one state while others write", async () => {
    const file = walCopy()
    const other = hold(file)
    const nodes = Array.from({ length: 3000 }, (_, i) => node(`n${i}`, ["Memory"], { id: `n${i}` }))
    await write(file, nodes)
    const found = await run(
      Effect.gen(function* () {
        const backend = yield* connect(file)
        const seen: Array<number> = []
        yield* backend.read().pipe(
          Stream.runForEachChunk((chunk) =>
            Effect.sync(() => {
              seen.push(chunk.length)
              other.exec("DELETE FROM nodes WHERE rowid = (SELECT max(rowid) FROM nodes)")
            })
          )
        )
        return seen.reduce((sum, size) => sum + size, 0)
      })
    )
    expect(found).toBe(3090)
  })
})

describe("as a layer", () => {
  const count = Effect.flatMap(GraphBackend, ({ statistics }) => Effect.map(statistics, ({ nodes }) => nodes))
  const file = fixture("python-small.db")

  it("with a config", async () => {
    expect(await Effect.runPromise(Effect.provide(count, SqliteBackend.layer({ path: file })))).toBe(30)
  })

  it("with a config from the environment", async () => {
    const configured = SqliteBackend.layerConfig({
      path: Config.string("MEMORY_SQLITE_PATH"),
      layout: Config.succeed(undefined)
    })
    const environment = Layer.setConfigProvider(ConfigProvider.fromMap(new Map([["MEMORY_SQLITE_PATH", file]])))
    expect(await Effect.runPromise(Effect.provide(count, Layer.provide(configured, environment)))).toBe(30)
  })
})

describe("errors of SQLite and of the system", () => {
  const raised = (code: string) => Object.assign(new Error("x"), { code })
  it.each<readonly [unknown, StoreReason]>([
    [new Database.SqliteError("x", "SQLITE_BUSY"), "locked"],
    [new Database.SqliteError("x", "SQLITE_BUSY_RECOVERY"), "locked"],
    [new Database.SqliteError("x", "SQLITE_NOTADB"), "not-this-kind"],
    [new Database.SqliteError("x", "SQLITE_CORRUPT_INDEX"), "corrupt"],
    [new Database.SqliteError("x", "SQLITE_READONLY_DBMOVED"), "read-only"],
    [new Database.SqliteError("x", "SQLITE_PERM"), "permission"],
    [new Database.SqliteError("x", "SQLITE_IOERR_READ"), "driver"],
    [raised("EACCES"), "permission"],
    [raised("EROFS"), "read-only"],
    [raised("ENOENT"), "not-found"],
    [new Error("anything else"), "driver"]
  ])("%s is %s", (cause, reason) => {
    expect(readFailed("a.db", "a.db", cause)).toMatchObject({ reason, location: "a.db", cause })
  })
})
