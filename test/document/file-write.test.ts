import { spawn, spawnSync } from "node:child_process"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import { once } from "node:events"
import * as fs from "node:fs"
import * as nodePath from "node:path"
import { PassThrough, Writable } from "node:stream"
import * as zlib from "node:zlib"
import { describe, expect, it, onTestFinished } from "vitest"
import { writeAtomic, writeOutput, writeTo } from "../../src/document/file.ts"
import { fileOf, freshPath } from "./support.ts"

type Options = Parameters<typeof writeAtomic>[2]

const write = <E>(path: string, content: Stream.Stream<string | Uint8Array, E>, options?: Options) =>
  Effect.runPromise(Effect.either(writeAtomic(path, content, options)))

const reasonOf = (outcome: Either.Either<void, unknown>): unknown =>
  Either.isLeft(outcome) && typeof outcome.left === "object" && outcome.left !== null && "reason" in outcome.left
    ? outcome.left.reason
    : "none"

const listing = (path: string) => fs.readdirSync(nodePath.dirname(path))

describe("writeAtomic", () => {
  it("writes text and bytes in order, 0600, and leaves nothing else", async () => {
    const path = freshPath("a.json")
    await write(path, Stream.make("ü", Buffer.from([1, 2]), "", "z").pipe(Stream.rechunk(3)))
    expect(fs.readFileSync(path)).toEqual(Buffer.from("ü\u0001\u0002z"))
    expect(fs.statSync(path).mode & 0o777).toBe(0o600)
    expect(listing(path)).toEqual(["a.json"])
  })

  it("writes an empty document", async () => {
    const path = freshPath("a.json")
    await write(path, Stream.empty)
    expect(fs.readFileSync(path)).toHaveLength(0)
  })

  it("packs where the name ends in .gz, in constant memory", async () => {
    const path = freshPath("a.json.gz")
    const part = Buffer.alloc(100_000, "not so very compressible ")
    await write(path, Stream.range(1, 200).pipe(Stream.map((i) => Buffer.concat([Buffer.from(String(i)), part]))))
    const text = zlib.gunzipSync(fs.readFileSync(path))
    expect(text).toHaveLength(200 * 100_000 + 9 + 90 * 2 + 101 * 3)
    expect(text.subarray(-100_003, -99_997).toString()).toBe("200not")
  })

  it("leaves what exists alone, unless told to replace it", async () => {
    const path = fileOf("before", "a.json")
    expect(reasonOf(await write(path, Stream.make("after")))).toBe("exists")
    expect(fs.readFileSync(path, "utf8")).toBe("before")
    expect(reasonOf(await write(path, Stream.make("after"), { existing: "replace" }))).toBe("none")
    expect(fs.readFileSync(path, "utf8")).toBe("after")
    expect(fs.statSync(path).mode & 0o777).toBe(0o600)
    expect(listing(path)).toEqual(["a.json"])
  })

  it("never replaces what came to be meanwhile", async () => {
    const path = freshPath("a.json")
    const meanwhile = Effect.sync(() => {
      fs.writeFileSync(path, "theirs")
      return "ours"
    })
    expect(reasonOf(await write(path, Stream.fromEffect(meanwhile)))).toBe("exists")
    expect(fs.readFileSync(path, "utf8")).toBe("theirs")
    expect(listing(path)).toEqual(["a.json"])
  })

  it("leaves the old file and no other where the content fails or is a defect", async () => {
    const path = fileOf("before", "a.json")
    for (const broken of [Stream.fail("no"), Stream.die("no"), Stream.make("lone \ud800 surrogate")]) {
      const content = Stream.concat(Stream.make("half"), broken)
      const exit = await Effect.runPromiseExit(writeAtomic(path, content, { existing: "replace" }))
      expect(Exit.isFailure(exit)).toBe(true)
      expect(fs.readFileSync(path, "utf8")).toBe("before")
      expect(listing(path)).toEqual(["a.json"])
    }
  })

  it("leaves the old file and no other where it is interrupted", async () => {
    for (const name of ["a.json", "a.json.gz"]) {
      const path = fileOf("before", name)
      const begun = Effect.runSync(Deferred.make<void>())
      const wait = Effect.zipRight(Deferred.succeed(begun, undefined), Effect.never)
      const content = Stream.concat(Stream.make("half"), Stream.fromEffect(wait))
      const fiber = Effect.runFork(writeAtomic(path, content, { existing: "replace" }))
      await Effect.runPromise(Deferred.await(begun))
      expect(listing(path)).toHaveLength(2)
      await Effect.runPromise(Fiber.interrupt(fiber))
      expect(fs.readFileSync(path, "utf8")).toBe("before")
      expect(listing(path)).toEqual([name])
    }
  })

  it("sweeps what a killed process has left in the folder, and nothing of the living or of others", async () => {
    const path = freshPath("a.json")
    const folder = nodePath.dirname(path)
    const begin = `
      import * as Effect from "effect/Effect"
      import * as Stream from "effect/Stream"
      import { writeAtomic } from ${JSON.stringify(new URL("../../src/document/file-write.ts", import.meta.url).href)}
      const wait = Effect.zipRight(Effect.sync(() => process.stdout.write("begun")), Effect.never)
      setInterval(() => {}, 1000)
      Effect.runFork(writeAtomic(process.argv[1], Stream.concat(Stream.make("half"), Stream.fromEffect(wait))))`
    const start = async (name: string) => {
      const args = ["--input-type=module", "--eval", begin, nodePath.join(folder, name)]
      const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] })
      onTestFinished(() => {
        child.kill("SIGKILL")
      })
      await once(child.stdout, "data")
      return { child, temporary: listing(path).filter((file) => file.startsWith(".mg-")) }
    }
    const dead = await start("dead.json")
    const ended = once(dead.child, "exit")
    dead.child.kill("SIGKILL")
    await ended
    const strangers = [".mg-notes.txt", ".mg-0123.tmp"]
    for (const name of strangers) fs.writeFileSync(nodePath.join(folder, name), "theirs")
    expect(dead.temporary).toHaveLength(1)
    const living = await start("living.json")
    expect(listing(path)).not.toContain(dead.temporary[0])
    await write(path, Stream.make("x"))
    const others = listing(path).filter((file) => file !== "a.json" && !strangers.includes(file))
    expect(others).toHaveLength(1)
    expect(living.temporary).toContain(others[0])
    for (const name of strangers) expect(listing(path)).toContain(name)
  })

  it("follows a symbolic link", async () => {
    const path = fileOf("before", "real.json")
    const link = freshPath("link.json")
    fs.symlinkSync(path, link)
    await write(link, Stream.make("after"), { existing: "replace" })
    expect(fs.lstatSync(link).isSymbolicLink()).toBe(true)
    expect(fs.readFileSync(path, "utf8")).toBe("after")
    expect(listing(link)).toEqual(["link.json"])
  })

  // A pipe of our own stands for all that is no regular file: a broken guard must not cost the machine its /dev/null.
  it("refuses pipes and folders: a rename would take their place", async (context) => {
    const pipe = freshPath("pipe")
    if (spawnSync("mkfifo", [pipe]).status !== 0) return context.skip("there is no mkfifo here")
    expect(reasonOf(await write(pipe, Stream.make("x"), { existing: "replace" }))).toBe("exists")
    expect(fs.statSync(pipe).isFIFO()).toBe(true)
    const folder = nodePath.dirname(freshPath())
    expect(reasonOf(await write(folder, Stream.make("x"), { existing: "replace" }))).toBe("exists")
  })

  it("says that a folder is missing", async () => {
    expect(reasonOf(await write(`${freshPath("absent")}/a.json`, Stream.make("x")))).toBe("not-found")
  })
})

describe("writeTo", () => {
  const collector = () => {
    const taken: Array<Buffer> = []
    const writable = new Writable({
      write(bytes: Buffer, _encoding, done) {
        taken.push(bytes)
        setImmediate(done)
      }
    })
    return { writable, bytes: () => Buffer.concat(taken) }
  }

  it("writes to somebody else's stream and leaves it open", async () => {
    const { bytes, writable } = collector()
    await Effect.runPromise(writeTo(writable, Stream.make("a", "b").pipe(Stream.rechunk(1))))
    await Effect.runPromise(writeOutput({ writable }, Stream.make("c")))
    expect(bytes().toString()).toBe("abc")
    expect(writable.writable).toBe(true)
    expect(writable.listenerCount("error")).toBe(0)
  })

  it("packs where it is asked to", async () => {
    const { bytes, writable } = collector()
    await Effect.runPromise(writeTo(writable, Stream.make("abc"), { gzip: true }))
    expect(zlib.gunzipSync(bytes()).toString()).toBe("abc")
  })

  it("fails where the reader has gone or the disk is full, and the process goes on", async () => {
    const gone = new PassThrough()
    gone.destroy()
    expect(reasonOf(await Effect.runPromise(Effect.either(writeTo(gone, Stream.make("x")))))).toBe("io")
    const broken = new Writable({ write: (_bytes, _encoding, done) => done(new Error("broken pipe")) })
    expect(reasonOf(await Effect.runPromise(Effect.either(writeTo(broken, Stream.make("x")))))).toBe("io")
  })

  it("says that a disk is full", async (context) => {
    if (!fs.existsSync("/dev/full")) return context.skip("there is no /dev/full here")
    const full = fs.createWriteStream("/dev/full")
    expect(reasonOf(await Effect.runPromise(Effect.either(writeTo(full, Stream.make("x")))))).toBe("no-space")
    // Its `error` event comes after the callback: unheard, it would end the process.
    await Effect.runPromise(Effect.sleep("20 millis"))
  })
})
