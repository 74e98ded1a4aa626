/** What the tests of both FalkorDB backends share: sessions, graphs as lines, and processes that are killed. */
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { type ChildProcess, spawn } from "node:child_process"
import * as crypto from "node:crypto"
import * as fs from "node:fs"
import type { GraphBackend } from "../../../src/backend/GraphBackend.ts"
import * as Journal from "../../../src/backend/Journal.ts"
import type { SessionOptions, WriteSession } from "../../../src/backend/WriteSession.ts"
import { canonicalLine } from "../../../src/domain/Canonical.ts"
import type { MigrationError } from "../../../src/domain/Errors.ts"
import { type GraphRecord, node, relationship } from "../../../src/domain/Graph.ts"
import { temporaryFolder } from "../../../src/testing/conformance/support.ts"

/** The project's folder. */
export const root = new URL("../../..", import.meta.url).pathname

/** SHA-256 of a file. */
export const digest = (file: string): string => crypto.createHash("sha256").update(fs.readFileSync(file)).digest("hex")

/** A memory with that id. */
export const memory = (id: string, title = id) =>
  node(id, ["Memory"], { id, title, type: "task", importance: 0.1 + 0.2 })

/** A keyed relationship. */
export const link = (id: string, from: string, to: string, type = "SOLVES") =>
  relationship(id, from, type, to, { id, strength: 0.7 })

/** The canonical lines of a store, sorted. */
export const linesOf = (records: {
  readonly read: GraphBackend["read"] | WriteSession["read"]
}): Effect.Effect<ReadonlyArray<string>, MigrationError> => {
  const stream = typeof records.read === "function" ? records.read() : records.read
  return Effect.map(Stream.runCollect(stream), (all) => Chunk.toReadonlyArray(all).map(canonicalLine).sort())
}

/** Lines of records, sorted. */
export const lines = (records: ReadonlyArray<GraphRecord>): ReadonlyArray<string> => records.map(canonicalLine).sort()

/** Opens a session with a journal of its own. */
export const openSession = (
  backend: GraphBackend,
  run = `test-${crypto.randomUUID()}`,
  more: Pick<SessionOptions, "lease" | "patience"> = {}
) =>
  Effect.gen(function* () {
    const journal = yield* Journal.make(`${yield* temporaryFolder}/journal.db`)
    return yield* backend.openSession({ run, journal, ...more })
  })

/** Writes nodes, then relationships. */
export const write = (
  session: WriteSession,
  records: ReadonlyArray<GraphRecord>
): Effect.Effect<void, MigrationError> =>
  Effect.forEach(
    ["Node", "Relationship"],
    (tag) => session.write({ create: records.filter(({ _tag }) => _tag === tag), overwrite: [] }),
    { discard: true }
  )

/** Writes records and publishes. */
export const publish = (
  backend: GraphBackend,
  records: ReadonlyArray<GraphRecord>
): Effect.Effect<void, MigrationError> =>
  Effect.scoped(
    Effect.gen(function* () {
      const session = yield* openSession(backend)
      yield* write(session, records)
      yield* session.publish
    })
  )

/** Runs an effect to its end. */
export const run = <A, E>(effect: Effect.Effect<A, E, Scope.Scope>): Promise<A> =>
  Effect.runPromise(Effect.scoped(effect))

/** Waits until something comes true. */
export const eventually = async (condition: () => boolean | Promise<boolean>, what: string): Promise<void> => {
  for (let tries = 0; tries < 800; tries++) {
    if (await condition()) return
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
  throw new Error(`it did not come true within twenty seconds: ${what}`)
}

/** A process that opens a session on the store, writes two records, says so, and waits for its end. */
export const sessionProcess = async (module: string, config: object, journal: string): Promise<ChildProcess> => {
  const code = `
    import * as Effect from "effect/Effect"
    import { make } from "${root}src/backend/falkordb/${module}.ts"
    import * as Journal from "${root}src/backend/Journal.ts"
    import { memory, link } from "${root}test/backend/falkordb/support.ts"
    Effect.runPromise(Effect.scoped(Effect.gen(function* () {
      const backend = yield* make(${JSON.stringify(config)})
      const session = yield* backend.openSession({ run: "killed", journal: yield* Journal.make(${JSON.stringify(journal)}) })
      yield* session.write({ create: [memory("killed-1"), memory("killed-2")], overwrite: [] })
      yield* session.write({ create: [link("killed-3", "killed-1", "killed-2")], overwrite: [] })
      process.stdout.write("written\\n")
      yield* Effect.never
    })))`
  const child = spawn(process.execPath, ["--input-type=module", "-e", code], {
    cwd: root,
    stdio: ["ignore", "pipe", "inherit"]
  })
  await new Promise<void>((resolve, reject) => {
    child.stdout.once("data", () => resolve())
    child.once("exit", (status) => reject(new Error(`the child ended early: ${status}`)))
  })
  return child
}

/** Kills without warning, and waits for the end. */
export const kill = async (child: ChildProcess): Promise<void> => {
  const ended = new Promise((resolve) => child.once("exit", resolve))
  child.kill("SIGKILL")
  await ended
}
