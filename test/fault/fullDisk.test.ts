import * as fs from "node:fs"
import * as path from "node:path"
import Database from "better-sqlite3"
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest"
import { BIN } from "../cli/runBin.ts"
import { engineAvailable, startFalkorDB, type TestServer } from "../support/falkordb.ts"
import { copyOf, tempFolder } from "../support/migrating.ts"
import { bytesOf, makeSource, newSqlite, type Target, usedFalkorDB, usedLite, usedSqlite } from "./migrationTargets.ts"
import { makeSmallDisk, noSmallDisk, type SmallDisk } from "./smallDisk.ts"
import { checkNothingLeft } from "./striking.ts"
import { type Ended, fire, type Fired, newPlaces, type Places, runsIn } from "./underFire.ts"

// What the preflight wants for this source, and a little more: the disk is filled after it has looked.
const MEGABYTES = 96
const source = makeSource({ nodes: 8000, relationships: 2000 })
// A server takes its time for as many.
const smallSource = makeSource({ nodes: 3000, relationships: 1000 })

const WIDE = 100

let server: TestServer | undefined
let disk: SmallDisk

beforeAll(async () => {
  if (noSmallDisk === undefined && engineAvailable === undefined) server = await startFalkorDB()
})
afterAll(() => server?.stop())
beforeEach(async (ctx) => {
  if (noSmallDisk !== undefined) ctx.skip(noSmallDisk)
  disk = await makeSmallDisk(MEGABYTES)
})
afterEach(() => disk?.stop())

const makeLite = usedLite()
const makeFalkorDB = (): Promise<Target> => {
  if (server === undefined) throw new Error("the server is not there")
  return usedFalkorDB(server)()
}

/** The command where the disk is; its state folder is on the disk where `state` says so. */
const start = (args: ReadonlyArray<string>, options?: { readonly state: boolean }) => {
  const places = newPlaces()
  const state = options?.state === true
  const inside = state ? { ...places, state: path.join(disk.path, "state") } : places
  const [command, words] = disk.inside(process.execPath, [BIN, ...args, "--progress", "json"])
  const fired = fire(command, words, inside)
  return { fired, places: state ? { ...places, state: path.join(disk.seen, "state") } : places }
}

const started = (phase: string): RegExp => new RegExp(`"phase":"${phase}","state":"started"`)

/** Fills the disk at a moment of the run, which stands still meanwhile. */
const fillAt = async (fired: Fired, moment: RegExp, leave = 0): Promise<void> => {
  await fired.shows(moment)
  fired.child.kill("SIGSTOP")
  disk.fill(leave)
  fired.child.kill("SIGCONT")
}

const lastError = ({ stderr }: Ended): string =>
  stderr.split("\n").findLast((line) => line.startsWith("error:")) ?? stderr

const UNDONE = "What had been written was undone: the target is as it was before."

/** The run failed with 5 and a sentence, the target is as it was, and nothing of the run is there any more. */
const checkUndone = async (
  ended: Ended,
  says: RegExp,
  what: { readonly target: Target; readonly before: string | undefined; readonly places: Places }
): Promise<void> => {
  expect(ended.code, ended.stderr).toBe(5)
  expect(lastError(ended)).toMatch(says)
  expect(await what.target.untouched()).toBe(what.before)
  expect(runsIn(what.places)).toEqual([])
  checkNothingLeft(what.target, what.places.temporary)
}

describe("the disk of the state folder is full", () => {
  interface Case {
    readonly name: string
    readonly make: () => Promise<Target>
    readonly from: string
    readonly missing?: string | undefined
  }
  const CASES: ReadonlyArray<Case> = [
    { name: "a new SQLite file", make: newSqlite, from: source },
    { name: "an SQLite file in use", make: usedSqlite, from: source },
    { name: "a FalkorDBLite file in use", make: makeLite, from: source, missing: engineAvailable },
    { name: "a FalkorDB graph in use", make: makeFalkorDB, from: smallSource, missing: engineAvailable }
  ]

  it("while the spool is written: nothing is begun", async () => {
    const target = await usedSqlite()
    const before = await target.untouched()
    const { fired, places } = start(["migrate", source, ...target.words], { state: true })
    await fillAt(fired, started("export"))
    const ended = await fired.ended
    expect(ended.stderr).not.toMatch(started("plan"))
    await checkUndone(ended, /spool.*no space left.*untouched\. Free space there/, { target, before, places })
  })

  it.for(CASES)("while a journal is written for $name: all is undone", async ({ from, make, missing }, ctx) => {
    if (missing !== undefined) return ctx.skip(missing)
    const target = await make()
    const before = await target.untouched()
    const { fired, places } = start(["migrate", from, ...target.words], { state: true })
    await fillAt(fired, started("import"))
    const ended = await fired.ended
    await checkUndone(ended, /journal.*(disk is full|no space)/, { target, before, places })
    expect(ended.stderr).toContain(UNDONE)
  })

  it("when all is written and verified, and only a last note is missing: nothing is published", async (ctx) => {
    if (engineAvailable !== undefined) return ctx.skip(engineAvailable)
    const target = await makeFalkorDB()
    const before = await target.untouched()
    const { fired, places } = start(["migrate", smallSource, ...target.words], { state: true })
    await fillAt(fired, started("verify"))
    const ended = await fired.ended
    await checkUndone(ended, /journal.*disk is full/, { target, before, places })
    expect(ended.stderr).toContain(UNDONE)
  })

  it("an interruption is undone there, too", async (ctx) => {
    if (engineAvailable !== undefined) return ctx.skip(engineAvailable)
    const target = await makeFalkorDB()
    const before = await target.untouched()
    const { fired, places } = start(["migrate", smallSource, ...target.words], { state: true })
    await fillAt(fired, started("verify"))
    fired.child.kill("SIGINT")
    const ended = await fired.ended
    expect(ended.code, ended.stderr).toBe(130)
    expect(lastError(ended)).toMatch(/is as it was before/)
    expect(await target.untouched()).toBe(before)
    expect(runsIn(places)).toEqual([])
    checkNothingLeft(target, places.temporary)
  })
})

describe("the disk of the target is full", () => {
  /** A target whose file is on the disk. */
  const onDisk = async (name: string, make?: () => Promise<Target>): Promise<Target> => {
    const elsewhere = await make?.()
    const [first = "", ...flags] = elsewhere?.words ?? ["", "--yes"]
    const scheme = /^falkordblite:/.exec(first)?.[0] ?? ""
    const seen = path.join(disk.seen, name)
    if (first !== "") {
      fs.copyFileSync(first.slice(scheme.length), seen)
      fs.chmodSync(seen, 0o600)
    }
    return {
      words: [scheme + path.join(disk.path, name), ...flags],
      folder: disk.seen,
      untouched: async () => bytesOf(seen),
      records: () => Promise.reject(new Error("not read"))
    }
  }

  const inWal = async (): Promise<Target> => {
    const target = await usedSqlite()
    const db = new Database(target.words[0])
    db.pragma("journal_mode = WAL")
    db.close()
    return target
  }

  interface Case {
    readonly name: string
    readonly file: string
    readonly make?: () => Promise<Target>
    readonly says: RegExp
    readonly missing?: string | undefined
  }
  const SAYS = /there is no space left for it|disk is full/
  const CASES: ReadonlyArray<Case> = [
    { name: "a new SQLite file", file: "new.db", says: SAYS },
    { name: "an SQLite file in use", file: "used.db", make: usedSqlite, says: SAYS },
    { name: "an SQLite file in use, in WAL mode", file: "wal.db", make: inWal, says: SAYS },
    // Its engine does not say why it cannot save.
    {
      name: "a FalkorDBLite file in use",
      file: "graph.fdb",
      make: makeLite,
      says: /graph\.fdb/,
      missing: engineAvailable
    }
  ]
  const MOMENTS = CASES.flatMap((one) => ["import", "verify"].map((phase) => ({ ...one, phase })))

  it.for(MOMENTS)("in the phase $phase, for $name: it is as it was, to the byte", async (moment, ctx) => {
    if (moment.missing !== undefined) return ctx.skip(moment.missing)
    const target = await onDisk(moment.file, moment.make)
    const before = await target.untouched()
    const { fired, places } = start(["migrate", source, ...target.words])
    await fillAt(fired, started(moment.phase))
    const ended = await fired.ended
    await checkUndone(ended, moment.says, { target, before, places })
    expect(ended.stderr).toContain(UNDONE)
  })
})

describe("the disk of a document is full", () => {
  const FORMATS = ["json", "jsonl", "json.gz", "jsonl.gz"]

  it.each(FORMATS)("an exported .%s file that was there stays as it was", async (format) => {
    const [file, seen] = [path.join(disk.path, `mine.${format}`), path.join(disk.seen, `mine.${format}`)]
    fs.writeFileSync(seen, "mine")
    const { fired, places } = start(["export", source, "--output", file, "--yes"])
    await fillAt(fired, started("publish"))
    const ended = await fired.ended
    expect(ended.code, ended.stderr).toBe(5)
    expect(lastError(ended)).toMatch(/was not written: the disk is full\. Make room/)
    expect(fs.readFileSync(seen, "utf8")).toBe("mine")
    expect(fs.readdirSync(disk.seen).toSorted()).toEqual(["filler", path.basename(file)])
    expect(runsIn(places)).toEqual([])
  })

  it("where a JSON document is put together: no file appears", async () => {
    const folder = tempFolder()
    const { fired, places } = start(["export", source, "--output", path.join(folder, "new.json")], { state: true })
    await fillAt(fired, started("publish"))
    const ended = await fired.ended
    expect(ended.code, ended.stderr).toBe(5)
    expect(lastError(ended)).toMatch(/the disk is full/)
    expect(fs.readdirSync(folder)).toEqual([])
    expect(runsIn(places)).toEqual([])
  })
})

describe("the disk is full after the publication", () => {
  it("published is published: the report is not kept, which is said, and the run ends well", async (ctx) => {
    if (engineAvailable !== undefined) return ctx.skip(engineAvailable)
    // A report that is larger than what the journal's last notes take.
    const wide = copyOf("python-small.db")
    const db = new Database(wide)
    const add = db.prepare("INSERT INTO nodes (id, label, properties) VALUES (?, ?, ?)")
    for (let i = 0; i < WIDE; i++)
      add.run(`wide-${i}`, `${"Wide".repeat(250)}${i}`, JSON.stringify({ id: `wide-${i}` }))
    db.close()
    const target = await makeFalkorDB()
    const { fired, places } = start(["migrate", wide, ...target.words], { state: true })
    await fired.shows(started("verify"))
    // The spool is removed, but not before this is closed: no room is made.
    const [run = ""] = runsIn(places)
    const folder = path.join(places.state, "runs", run)
    const spool = fs.openSync(path.join(folder, "spool.jsonl"), "r")
    await fillAt(fired, started("verify"), 64 * 1024)
    const ended = await fired.ended
    fs.closeSync(spool)
    expect(ended.code, ended.stderr).toBe(0)
    expect(ended.stderr).toMatch(/report\.json could not be written.*no space/i)
    const found = await server?.raw(
      "GRAPH.RO_QUERY",
      "fired",
      "MATCH (n) WHERE n.id STARTS WITH 'wide-' RETURN count(n)"
    )
    expect(JSON.stringify(found)).toContain(`[[${WIDE}]]`)
    expect(fs.readdirSync(folder)).toContain("journal.db")
  })
})
