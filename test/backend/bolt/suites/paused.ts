/** An owner that is stopped for longer than its lease (SIGSTOP) and wakes up when others have gone on without it. */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { createInterface } from "node:readline"
import * as Effect from "effect/Effect"
import { expect, it } from "vitest"
import { node } from "../../../../src/domain/Graph.ts"
import { create, dump, openSession, query, run, type Store, temporaryFolder } from "../support.ts"

const SLEEPER = new URL("../sleeper.ts", import.meta.url).pathname
const LEASE = 1500

/** To be called in a test file. */
export const pausedSuite = (store: Store) => {
  const sleeper = (file: string) =>
    Effect.acquireRelease(
      Effect.promise(async () => {
        const child = spawn(process.execPath, [SLEEPER, String(store.port()), file, String(LEASE)], {
          stdio: ["pipe", "pipe", "inherit"]
        })
        const said = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
        const next = async (): Promise<unknown> => JSON.parse(String((await said.next()).value))
        expect(await next()).toBe("written")
        return { child, next }
      }),
      ({ child }) => Effect.sync(() => child.kill("SIGKILL"))
    )

  for (const what of [
    "is taken up by another process and taken back",
    "is taken up, taken back, and another run has begun"
  ]) {
    it(`a run that ${what}: its first owner writes, publishes and undoes nothing`, () =>
      run(
        Effect.gen(function* () {
          yield* Effect.promise(() => query(store.driver(), "CREATE (:Bystander {id: 'b'})"))
          const before = yield* Effect.promise(() => dump(store.driver()))
          const file = `${yield* temporaryFolder}/journal.db`
          const { child, next } = yield* sleeper(file)
          // It lives and works: nobody else gets in.
          const backend = yield* store.connected
          const locked = yield* Effect.flip(openSession(backend, { run: "other" }))
          expect(locked).toMatchObject({
            reason: "locked",
            message: expect.stringContaining(`process ${child.pid} on`)
          })
          child.kill("SIGSTOP")
          yield* Effect.sleep(LEASE + 500)
          const unfinished = yield* Effect.flip(openSession(backend, { run: "other" }))
          expect(unfinished).toMatchObject({ reason: "unfinished-run" })
          const again = yield* openSession(backend, { run: "paused", journal: file })
          expect(yield* again.undo).toEqual({ _tag: "Undone" })
          expect(yield* Effect.promise(() => dump(store.driver()))).toEqual(before)
          if (what.includes("begun")) {
            const other = yield* openSession(backend, { run: "other" })
            yield* create(other, [node("m1", ["Memory"], { id: "m1" })])
          }
          const meanwhile = yield* Effect.promise(() => dump(store.driver()))
          child.kill("SIGCONT")
          child.stdin.end("go on\n")
          expect(yield* Effect.promise(next)).toEqual(["Left", "Left", "Incomplete"])
          if (child.exitCode === null) yield* Effect.promise(() => once(child, "exit"))
          expect(withoutHeartbeat(yield* Effect.promise(() => dump(store.driver())))).toEqual(
            withoutHeartbeat(meanwhile)
          )
        })
      ))
  }
}

const withoutHeartbeat = (lines: ReadonlyArray<string>) =>
  lines.map((line) => line.replace(/\["heartbeat","\d+n"\]/, "")).sort()
