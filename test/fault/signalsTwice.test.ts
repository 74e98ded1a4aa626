/** Asked to stop a second time, and a server that does not answer: nobody waits for an undo longer than wanted. */
import * as fs from "node:fs"
import * as net from "node:net"
import * as path from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest"
import { runBin } from "../cli/runBin.ts"
import { engineAvailable, startFalkorDB, type TestServer } from "../support/falkordb.ts"
import { bytesOf, makeSource, usedFalkorDB, usedLite } from "./migrationTargets.ts"
import { checkNothingLeft } from "./striking.ts"
import { childrenOf, fireBin, type Fired, newPlaces, processesOf, runsIn } from "./underFire.ts"

const source = makeSource({ nodes: 3000, relationships: 500 })

let server: TestServer | undefined
const theServer = (): TestServer => {
  if (server === undefined) throw new Error("the server is not there")
  return server
}

beforeAll(async () => {
  if (engineAvailable === undefined) server = await startFalkorDB()
})
afterAll(() => server?.stop())
/** Ctrl-C, and once more when it was heard; the seconds until the end. */
const interruptTwice = async ({ child, ended, shows }: Fired) => {
  child.kill("SIGINT")
  await shows(/Interrupted: undoing/)
  // Sooner it would be taken for the same key press.
  await sleep(500)
  const began = performance.now()
  child.kill("SIGINT")
  return { ...(await ended), seconds: (performance.now() - began) / 1000 }
}

describe("a second Ctrl-C, while the undo waits for a server that stands still", () => {
  beforeEach((ctx) => {
    if (engineAvailable !== undefined) ctx.skip(engineAvailable)
  })

  it("leaves at once with 7, keeps the journal, and says what to run", async () => {
    const target = await usedFalkorDB(theServer())()
    const places = newPlaces()
    const fired = fireBin(["migrate", source, ...target.words], places)
    await fired.shows(/"phase":"import","state":"running"/)
    process.kill(theServer().pid, "SIGSTOP")
    try {
      const { code, seconds, stderr } = await interruptTwice(fired)
      expect(code, stderr).toBe(7)
      expect(seconds).toBeLessThan(5)
      expect(stderr).toMatch(
        /^Left at once\. Whether the target is as it was is not known; the run's journal is kept\. "memorygraph runs/m
      )
      const [run = "", ...more] = runsIn(places)
      expect(more).toEqual([])
      expect(fs.readdirSync(path.join(places.state, "runs", run))).toEqual(
        expect.arrayContaining(["journal.db", "spool.jsonl"])
      )
    } finally {
      process.kill(theServer().pid, "SIGCONT")
    }
    // The mark of the run is there, so that nobody takes the target for whole.
    const again = await runBin(["migrate", source, ...target.words])
    expect(again.code, again.stderr).toBe(9)
    expect(again.stderr).toContain(runsIn(places)[0])
  })

  it("is not needed where nothing had been written: the first one ends the run (130)", async () => {
    const [uri = ""] = (await usedFalkorDB(theServer())()).words
    const places = newPlaces()
    const fired = fireBin(["export", uri, "--output", path.join(places.temporary, "export.json")], places)
    await fired.shows(/"phase":"preflight","state":"started"/)
    process.kill(theServer().pid, "SIGSTOP")
    try {
      await sleep(300)
      const began = performance.now()
      fired.child.kill("SIGINT")
      const { code, stderr } = await fired.ended
      expect(code, stderr).toBe(130)
      expect(performance.now() - began).toBeLessThan(5000)
      expect(fs.readdirSync(places.temporary)).toEqual([])
    } finally {
      process.kill(theServer().pid, "SIGCONT")
    }
  })

  it("leaves a FalkorDBLite file as it was, no engine, and a private copy that the next run sweeps", async () => {
    const target = await usedLite()()
    const file = path.join(target.folder ?? "", "graph.fdb")
    const before = bytesOf(file)
    const places = newPlaces()
    const fired = fireBin(["migrate", source, ...target.words], places)
    await fired.shows(/"phase":"import","state":"started"/)
    const [engine = 0] = childrenOf(fired.child.pid ?? 0)
    process.kill(engine, "SIGSTOP")
    const { code, stderr } = await interruptTwice(fired)
    expect(code, stderr).toBe(7)
    expect(bytesOf(file)).toBe(before)
    await sleep(200)
    expect(processesOf([places.temporary, target.folder ?? ""])).toEqual([])
    const again = await runBin(["migrate", source, ...target.words], { env: { TMPDIR: places.temporary } })
    expect(again.code, again.stderr).toBe(0)
    fs.rmSync(path.join(places.temporary, "node-compile-cache"), { recursive: true, force: true })
    checkNothingLeft(target, places.temporary)
  })
})

describe("a server that takes connections and never says a word", () => {
  it.each(["falkordb", "bolt"])("is left by Ctrl-C (130): %s", async (scheme) => {
    const sockets = new Set<net.Socket>()
    const mute = net.createServer((socket) => sockets.add(socket.on("error", () => {})))
    await new Promise<void>((resolve) => mute.listen(0, "127.0.0.1", resolve))
    const address = mute.address()
    const port = typeof address === "object" && address !== null ? address.port : 0
    const places = newPlaces()
    const fired = fireBin(["health", `${scheme}://127.0.0.1:${port}`], places)
    await new Promise((resolve) => mute.once("connection", resolve))
    await sleep(200)
    const { code, seconds, stderr } = await interruptTwice(fired)
    for (const socket of sockets) socket.destroy()
    mute.close()
    expect(code, stderr).toBe(130)
    expect(seconds).toBeLessThan(5)
    expect(runsIn(places)).toEqual([])
  })
})
