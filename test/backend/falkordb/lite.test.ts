import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { execFileSync } from "node:child_process"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import * as FalkorDBLite from "../../../src/backend/falkordb/FalkorDBLiteBackend.ts"
import type { FalkorDBLiteConfig } from "../../../src/backend/StoreConfig.ts"
import type { GraphRecord } from "../../../src/domain/Graph.ts"
import { node, relationship } from "../../../src/domain/Graph.ts"
import { engine, engineAvailable, startFalkorDB, type TestServer } from "../../support/falkordb.ts"
import { withRawEngine } from "../../support/rawEngine.ts"
import { raw } from "../../support/rawRedis.ts"
import { changeFile } from "./liteHarness.ts"
import {
  digest,
  eventually,
  kill,
  lines,
  linesOf,
  link,
  memory,
  openSession,
  publish,
  run,
  sessionProcess,
  write
} from "./support.ts"

const FIXTURE = new URL("../../fixtures/falkordblite-small.fdb", import.meta.url).pathname

let folder: string
let file: string
const connect = (more: Partial<FalkorDBLiteConfig> = {}) =>
  FalkorDBLite.make({ kind: "falkordblite", path: file, ...more })
const names = () => fs.readdirSync(folder).sort()
const copyFixture = () => {
  fs.copyFileSync(FIXTURE, file)
  fs.chmodSync(file, 0o640)
}

beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "mg-test-lite-"))
  file = path.join(folder, "store.fdb")
})
afterEach(() => fs.rmSync(folder, { recursive: true, force: true }))

const two: ReadonlyArray<GraphRecord> = [memory("new-1"), memory("new-2"), link("new-3", "new-1", "new-2")]

describe.skipIf(engineAvailable !== undefined)(`FalkorDBLite files ${engineAvailable ?? ""}`, () => {
  it("adds to a file what is new and keeps all else, its rights included", async () => {
    copyFixture()
    const before = await run(Effect.flatMap(connect(), linesOf))
    await run(Effect.flatMap(connect(), (backend) => publish(backend, two)))
    expect(await run(Effect.flatMap(connect(), linesOf))).toEqual([...before, ...lines(two)].sort())
    expect(fs.statSync(file).mode & 0o777).toBe(0o640)
    expect(names()).toEqual(["store.fdb"])
  })

  it("leaves other keys, other graphs and other databases of the file as they are, and adds none", async () => {
    copyFixture()
    const dumpAll = (address: { readonly path: string }) =>
      Effect.promise(async () => {
        const keys = await raw(address, "KEYS", "*")
        const other = await raw(
          address,
          "GRAPH.RO_QUERY",
          "other",
          "MATCH (n)-[r]->(m) RETURN n, r, m, n.x",
          "--compact"
        )
        return [
          Array.isArray(keys) ? [...keys].sort() : keys,
          await raw(address, "HGETALL", "a hash"),
          await raw(address, "GET", "text"),
          Array.isArray(other) ? other[1] : other,
          await raw(address, "INFO", "keyspace")
        ]
      })
    await run(
      changeFile(file, (socket) =>
        Effect.promise(async () => {
          await raw({ path: socket }, "SET", "text", "it's")
          await raw({ path: socket }, "HSET", "a hash", "a", "1", "b", "2")
          await raw({ path: socket }, "GRAPH.QUERY", "other", "CREATE (:X {x: 0.1})-[:Y {z: [1, 'a']}]->(:Z)")
          await raw({ path: socket }, "MOVE", "text", "3")
          await raw({ path: socket }, "SET", "text", "again")
        })
      )
    )
    const before = await withRawEngine(file, (address) => Effect.runPromise(dumpAll(address as { path: string })))
    await run(
      Effect.gen(function* () {
        const session = yield* openSession(yield* connect())
        yield* write(session, two)
        // The engine's telemetry comes a little later, as a key of its own.
        yield* Effect.sleep("1500 millis")
        yield* session.publish
      })
    )
    const after = await withRawEngine(file, (address) => Effect.runPromise(dumpAll(address as { path: string })))
    expect(after).toEqual(before)
    expect(after[0]).toEqual(["a hash", "memorygraph", "other", "text"])
    // A graph that is not in the file yet is added to it.
    await run(Effect.flatMap(connect({ graph: "third" }), (backend) => publish(backend, two)))
    const third = await withRawEngine(file, (address) => Effect.runPromise(dumpAll(address as { path: string })))
    expect(third[0]).toEqual(["a hash", "memorygraph", "other", "text", "third"])
    expect(third.slice(1, 4)).toEqual(before.slice(1, 4))
    expect(await run(Effect.flatMap(connect({ graph: "third" }), linesOf))).toEqual(lines(two))
  })

  it("makes a new file with the indexes of MemoryGraph, for this user only", async () => {
    await run(Effect.flatMap(connect(), (backend) => publish(backend, two)))
    expect(fs.statSync(file).mode & 0o777).toBe(0o600)
    expect(names()).toEqual(["store.fdb"])
    const indexes = await withRawEngine(file, (address) =>
      raw(
        address,
        "GRAPH.RO_QUERY",
        "memorygraph",
        "CALL db.indexes() YIELD label, properties, status RETURN label, properties, status"
      )
    )
    expect(JSON.stringify(indexes)).toContain(
      '["Memory","[id, type, created_at, importance, confidence]","OPERATIONAL"]'
    )
    // The Python tool finds a memory by this very query.
    const found = await withRawEngine(file, (address) =>
      raw(address, "GRAPH.RO_QUERY", "memorygraph", "MATCH (m:Memory {id: 'new-2'}) RETURN m.title")
    )
    expect(JSON.stringify(found)).toContain('[["new-2"]]')
  })

  it.each(["undo", "failure", "interruption"] as const)("leaves the file byte for byte after %s", async (how) => {
    copyFixture()
    const before = [digest(file), fs.statSync(file).mtimeMs, fs.statSync(file).ino]
    await Effect.runPromise(
      Effect.exit(
        Effect.scoped(
          Effect.gen(function* () {
            const session = yield* openSession(yield* connect())
            yield* write(session, two)
            yield* linesOf(session)
            if (how === "undo") expect(yield* session.undo).toEqual({ _tag: "Undone" })
            if (how === "failure") yield* Effect.fail("something else")
            if (how === "interruption") yield* Effect.interrupt
          })
        )
      )
    )
    expect([digest(file), fs.statSync(file).mtimeMs, fs.statSync(file).ino]).toEqual(before)
    expect(names()).toEqual(["store.fdb"])
  })

  it("does not publish over a file that somebody has changed, or made, meanwhile", async () => {
    for (const there of [true, false]) {
      if (there) copyFixture()
      else fs.rmSync(file)
      const outcome = await run(
        Effect.gen(function* () {
          const session = yield* openSession(yield* connect())
          yield* write(session, two)
          fs.writeFileSync(file, "somebody else's")
          const exit = yield* Effect.exit(session.publish)
          return [exit, yield* session.undo] as const
        })
      )
      expect(Exit.isFailure(outcome[0]) && JSON.stringify(outcome[0])).toContain("store-changed")
      expect(outcome[1]).toEqual({ _tag: "Undone" })
      expect(fs.readFileSync(file, "utf8")).toBe("somebody else's")
      expect(names()).toEqual(["store.fdb"])
    }
  })

  it("notices a change of content that leaves size and time alone", async () => {
    copyFixture()
    const time = new Date(1_700_000_000_000)
    fs.utimesSync(file, time, time)
    const marks = () => {
      const { ino, mtimeMs, size } = fs.statSync(file)
      return [ino, size, mtimeMs]
    }
    const before = marks()
    const exit = await run(
      Effect.gen(function* () {
        const session = yield* openSession(yield* connect())
        yield* write(session, two)
        const bytes = fs.readFileSync(file)
        bytes[bytes.length - 20] = (bytes[bytes.length - 20] ?? 0) ^ 1
        fs.writeFileSync(file, bytes)
        fs.utimesSync(file, time, time)
        expect(marks()).toEqual(before)
        return yield* Effect.exit(session.publish)
      })
    )
    expect(Exit.isFailure(exit) && JSON.stringify(exit)).toContain("store-changed")
  })

  it("writes through a link to the file behind it", async () => {
    copyFixture()
    const real = path.join(folder, "real.fdb")
    fs.renameSync(file, real)
    fs.symlinkSync("real.fdb", file)
    const [first, second] = await run(
      Effect.all([connect(), FalkorDBLite.make({ kind: "falkordblite", path: real })]).pipe(
        Effect.map((backends) => backends.map(({ identity }) => identity))
      )
    )
    expect(first).toBe(second)
    await run(Effect.flatMap(connect(), (backend) => publish(backend, two)))
    expect(fs.lstatSync(file).isSymbolicLink()).toBe(true)
    expect(await run(Effect.flatMap(FalkorDBLite.make({ kind: "falkordblite", path: real }), linesOf))).toHaveLength(97)
  })

  it("takes an empty file for an empty store", async () => {
    fs.writeFileSync(file, "")
    const error = await run(Effect.flip(Effect.flatMap(connect(), linesOf)))
    expect(error).toMatchObject({ reason: "not-found" })
    await run(Effect.flatMap(connect(), (backend) => publish(backend, two)))
    expect(await run(Effect.flatMap(connect(), linesOf))).toEqual(lines(two))
  })

  it("says which graphs there are where the one asked for is not", async () => {
    copyFixture()
    const error = await run(Effect.flip(Effect.flatMap(connect({ graph: "memory" }), linesOf)))
    expect(error).toMatchObject({
      reason: "missing-database",
      message: expect.stringContaining("It holds memorygraph.")
    })
    const { notes } = await run(Effect.flatMap(connect({ graph: "memory" }), ({ health }) => health))
    expect(notes.join()).toContain("memorygraph")
  })

  it("refuses a damaged file, with the engine's words", async () => {
    const bytes = fs.readFileSync(FIXTURE)
    for (const damaged of [
      bytes.subarray(0, 9000),
      Buffer.concat([bytes.subarray(0, 9000), Buffer.alloc(500), bytes.subarray(9500)])
    ]) {
      fs.writeFileSync(file, damaged)
      const error = await run(Effect.flip(Effect.flatMap(connect(), ({ statistics }) => statistics)))
      expect(error).toMatchObject({ _tag: "StoreUnavailable", reason: "corrupt" })
      expect(error.message.length).toBeLessThan(900)
      expect(fs.readFileSync(file).equals(damaged)).toBe(true)
    }
  })

  it("writes a newer dump version only with consent", async () => {
    // The same content under an older version's number; the checksum at the end is switched off by zeros.
    const bytes = fs.readFileSync(FIXTURE)
    bytes.write("0011", 5)
    bytes.fill(0, bytes.length - 8)
    fs.writeFileSync(file, bytes)
    const error = await run(Effect.flip(Effect.flatMap(connect(), (backend) => publish(backend, two))))
    expect(error).toMatchObject({ _tag: "Refused", reason: "needs-yes" })
    expect(fs.readFileSync(file).equals(bytes)).toBe(true)
    expect((await run(Effect.flatMap(connect(), ({ health }) => health))).notes.join()).toContain("needs consent")
    await run(Effect.flatMap(connect({ allowUpgrade: true }), (backend) => publish(backend, two)))
    expect(fs.readFileSync(file).toString("latin1", 0, 9)).toBe("REDIS0012")
    expect(await run(Effect.flatMap(connect(), linesOf))).toHaveLength(97)
  })

  it("is untouched by a kill in mid-session; no engine stays, and the next session sweeps", async () => {
    copyFixture()
    const journals = fs.mkdtempSync(path.join(os.tmpdir(), "mg-test-journal-"))
    const before = digest(file)
    const engines = () =>
      execFileSync("ps", ["-eo", "args"], { encoding: "utf8" })
        .split("\n")
        .filter((line) => line.includes(folder))
    const child = await sessionProcess(
      "FalkorDBLiteBackend",
      { kind: "falkordblite", path: file },
      path.join(journals, "journal.db")
    )
    expect(names().filter((name) => name.endsWith(".tmp"))).toHaveLength(1)
    await kill(child)
    await eventually(() => engines().length === 0, "the engine is gone")
    fs.rmSync(journals, { recursive: true })
    expect(digest(file)).toBe(before)
    expect(names().filter((name) => name.endsWith(".tmp"))).toHaveLength(1)
    await run(Effect.flatMap(connect(), (backend) => publish(backend, two)))
    expect(names()).toEqual(["store.fdb"])
    expect(await run(Effect.flatMap(connect(), linesOf))).toHaveLength(97)
  })

  it("keeps a reader's state while a session publishes another", async () => {
    copyFixture()
    await run(
      Effect.gen(function* () {
        const backend = yield* connect()
        const before = yield* linesOf(backend)
        yield* publish(backend, two)
        expect(yield* linesOf(backend)).toHaveLength(before.length + 3)
        expect(yield* backend.lookup(two)).toHaveLength(3)
        expect((yield* backend.statistics).nodes).toBe(34)
      })
    )
  })

  it("carries what a name cannot say", async () => {
    const odd: ReadonlyArray<GraphRecord> = [
      node("a", ["tick`label", "Memory", ""], {
        id: "a",
        "tick`name": 1n,
        "nul\0name": "x\0y",
        nested: { a: [null, { b: "\ud800" }] }
      }),
      node("", [], { id: "" }),
      node("gen", [], { id: 7n }),
      relationship(null, "a", "tick`type", "", { "tick`name": [1n, null] }),
      relationship(null, "a", "", "a", { id: "taken" }),
      relationship(null, "a", "", "a", { id: "taken" }),
      relationship("k", "a", "nul\0type", "gen", {})
    ]
    await run(Effect.flatMap(connect(), (backend) => publish(backend, odd)))
    const [seen, statistics, fits] = await run(
      Effect.flatMap(connect(), (backend) =>
        Effect.all([linesOf(backend), backend.statistics, Effect.succeed(odd.map(backend.fit))])
      )
    )
    expect(seen).toEqual(lines(odd))
    expect(statistics).toEqual({
      nodes: 3,
      relationships: 4,
      labels: { "": 3, Memory: 1, "tick`label": 1 },
      types: { "tick`type": 1, "": 2, "nul\0type": 1 }
    })
    expect(fits.flat().every(({ level }) => level === "encoded")).toBe(true)
    const kinds = fits.map((misfits) => misfits.map(({ kind }) => kind).sort())
    expect(kinds[0]).toEqual(["label the engine cannot hold", "map value", "property name the engine cannot hold"])
    expect(kinds[6]).toEqual(["relationship type the engine cannot hold"])
  })
})

describe.skipIf(engineAvailable !== undefined)(
  `a FalkorDBLite file that a program serves ${engineAvailable ?? ""}`,
  () => {
    let server: TestServer
    let socket: string
    beforeAll(async () => {
      server = await startFalkorDB({
        args: ["--unixsocket", path.join(fs.mkdtempSync(path.join(os.tmpdir(), "mg-l-")), "s")]
      })
      const said = await server.raw("CONFIG", "GET", "unixsocket")
      socket = Array.isArray(said) ? String(said[1]) : ""
    })
    afterAll(async () => {
      await server.stop()
      fs.rmSync(path.dirname(socket), { recursive: true, force: true })
    })
    const settings = (pid: number) => {
      fs.writeFileSync(path.join(folder, "pid"), String(pid))
      const text = JSON.stringify({
        pidfile: path.join(folder, "pid"),
        unixsocket: socket,
        dbdir: folder,
        dbfilename: "store.fdb"
      })
      fs.writeFileSync(`${file}.settings`, text, { mode: 0o600 })
      return text
    }

    it("is read and written through its server, and stays there", async () => {
      copyFixture()
      settings(server.pid)
      await server.raw("GRAPH.QUERY", "memorygraph", "CREATE (:Memory {id: 'live'})")
      const before = digest(file)
      await run(
        Effect.gen(function* () {
          const backend = yield* connect()
          expect(backend.kind).toBe("falkordblite")
          expect(yield* linesOf(backend)).toHaveLength(1)
          const session = yield* openSession(backend)
          expect(session.exposed).toBe(true)
          yield* write(session, two)
          yield* session.publish
          const clients = yield* Effect.promise(() => server.raw("CLIENT", "LIST"))
          expect(String(clients).match(/ U /g) ?? String(clients).match(/flags=U/g)).toHaveLength(1)
        })
      )
      expect(JSON.stringify(await server.raw("GRAPH.RO_QUERY", "memorygraph", "MATCH (n) RETURN count(n)"))).toContain(
        "[[3]]"
      )
      expect(digest(file)).toBe(before)
      expect(await server.raw("PING")).toBe("PONG")
      await server.raw("GRAPH.DELETE", "memorygraph")
    })

    it("is opened as a file where the settings are stale, and they stay", async () => {
      copyFixture()
      const dead = execFileSync("sh", ["-c", "echo $$"], { encoding: "utf8" }).trim()
      const text = settings(Number(dead))
      expect(await run(Effect.flatMap(connect(), linesOf))).toHaveLength(94)
      await run(Effect.flatMap(connect(), (backend) => publish(backend, two)))
      expect(await run(Effect.flatMap(connect(), linesOf))).toHaveLength(97)
      expect(fs.readFileSync(`${file}.settings`, "utf8")).toBe(text)
      fs.writeFileSync(`${file}.settings`, "no json")
      expect(await run(Effect.flatMap(connect(), linesOf))).toHaveLength(97)
    })

    it("is not published over when a program begins to serve it meanwhile", async () => {
      copyFixture()
      const before = digest(file)
      const exit = await run(
        Effect.gen(function* () {
          const session = yield* openSession(yield* connect())
          yield* write(session, two)
          settings(server.pid)
          return yield* Effect.exit(session.publish)
        })
      )
      expect(Exit.isFailure(exit) && JSON.stringify(exit)).toContain("store-changed")
      expect(digest(file)).toBe(before)
      expect(engine().rdb).toBeGreaterThan(0)
    })
  }
)
