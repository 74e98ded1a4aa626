/** One writer a target: a second one refuses; a paused one that was given up cannot write any more when it wakes up. */
import { spawn } from "node:child_process"
import * as path from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import type { StoreConfig } from "../../src/backend/StoreConfig.ts"
import { BIN, cleanEnv, runBin } from "../cli/runBin.ts"
import { stores, type TestStore } from "../pairs/stores.ts"
import { tempFolder } from "../support/migrating.ts"
import * as killing from "./killing.ts"

const document = killing.writeDocument(killing.incoming(3000))

/** A process that is stopped as soon as its output shows a text. */
const stopped = async (args: ReadonlyArray<string>, state: string, when: RegExp) => {
  const child = spawn(process.execPath, args, { env: cleanEnv({ MEMORYGRAPH_STATE_DIR: state }), stdio: "pipe" })
  let output = ""
  let isStopped = false
  const ended = new Promise<{ readonly code: number | null; readonly output: string }>((resolve) => {
    child.on("close", (code) => resolve({ code, output }))
  })
  const found = new Promise<void>((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        output += text
        if (isStopped || !when.test(output)) return
        isStopped = true
        child.kill("SIGSTOP")
        resolve()
      })
    }
    child.on("close", () => reject(new Error(`it ended too early: ${output}`)))
  })
  await found
  return { ended, wake: () => child.kill("SIGCONT") }
}

const WRITING = /"phase":"import","state":"(running|ended)"/

describe.each(killing.KINDS)("two writers to one %s", (kind) => {
  const { missing, start } = stores[kind]
  describe.skipIf(missing !== undefined)(missing ?? "a real store", () => {
    let store: TestStore
    beforeAll(async () => {
      store = await start()
    })
    afterAll(() => store?.stop())

    const used = async (): Promise<StoreConfig> => {
      const config = await store.fresh("target")
      await killing.fill(config, killing.before)
      return config
    }

    it("the second refuses while the first is at work, and the first arrives", async () => {
      const config = await used()
      const state = path.join(tempFolder(), "state")
      const first = await stopped([BIN, ...killing.argsOf(document, config)], state, WRITING)
      try {
        const second = await runBin(killing.argsOf(document, config), { env: { MEMORYGRAPH_STATE_DIR: state } })
        expect(second.code, second.stderr).toBe(9)
        expect(second.stderr).toMatch(/being worked on by process \d+/)
        // Somebody else's state folder knows nothing of the first: then the store itself says so.
        if (kind !== "falkordblite") {
          const stranger = await runBin(killing.argsOf(document, config))
          expect(stranger.code, stranger.stderr).toBe(9)
        }
      } finally {
        first.wake()
      }
      expect((await first.ended).code, (await first.ended).output).toBe(0)
      const complete = await store.dump(config)
      expect(complete.length).toBeGreaterThan(9000)
      const third = await runBin([...killing.argsOf(document, config), "--json"])
      expect(third.code, third.stderr).toBe(0)
      expect(await store.dump(config)).toEqual(complete)
    })

    // Stores that show nothing before the publication are guarded by their own locks: see the test above.
    it.skipIf(!["falkordb", "neo4j", "memgraph"].includes(kind))(
      "a paused one that was rolled back by another neither writes nor undoes when it wakes up",
      async () => {
        const config = await used()
        const before = await store.dump(config)
        const state = path.join(tempFolder(), "state")
        const script = new URL("pausedOwner.ts", import.meta.url).pathname
        const first = await stopped(
          [script, document, JSON.stringify(config), state, "1500"],
          state,
          /import running [1-9]/
        )
        try {
          const [run] = await killing.runsOf(state)
          const early = await killing.settle("rollback", run?.run ?? "", state)
          expect(early.code, early.stderr).toBe(9)
          await new Promise((resolve) => setTimeout(resolve, 2500))
          const late = await killing.settle("rollback", run?.run ?? "", state)
          expect(late.code, late.stderr).toBe(0)
          expect(await store.dump(config)).toEqual(before)
        } finally {
          first.wake()
        }
        const { code, output } = await first.ended
        expect(code, output).toBe(5)
        expect(output).toMatch(/taken over|does not hold|gone/)
        expect(await store.dump(config)).toEqual(before)
      }
    )
  })
})
