/** Who may write to a graph in use: the fence between processes that live, are stopped, or are dead. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest"
import * as Effect from "effect/Effect"
import * as crypto from "node:crypto"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import * as Connection from "../../../src/backend/falkordb/Connection.ts"
import * as FalkorDB from "../../../src/backend/falkordb/FalkorDBBackend.ts"
import * as journaled from "../../../src/backend/falkordb/journaled.ts"
import { makeClaim } from "../../../src/backend/Fence.ts"
import * as Journal from "../../../src/backend/Journal.ts"
import { canonicalLine } from "../../../src/domain/Canonical.ts"
import { lineHash } from "../../../src/domain/Fingerprint.ts"
import { engineAvailable, startFalkorDB, type TestServer } from "../../support/falkordb.ts"
import { rows } from "../../support/rawRedis.ts"
import { sendBytes } from "./liteHarness.ts"
import { type OtherProcess, startOther } from "./otherProcess.ts"
import { eventually, kill, memory, openSession, run } from "./support.ts"

const LEASE = 1500

describe.skipIf(engineAvailable !== undefined)(`the fence of a graph in use ${engineAvailable ?? ""}`, () => {
  let server: TestServer
  let graph: string
  let folder: string
  let other: OtherProcess | undefined
  beforeAll(async () => {
    server = await startFalkorDB()
  })
  afterAll(() => server.stop())
  beforeEach(async () => {
    graph = `g-${crypto.randomUUID()}`
    folder = fs.mkdtempSync(path.join(os.tmpdir(), "mg-test-journal-"))
    await cypher("CREATE (:Memory {id: 'theirs'})")
  })
  afterEach(async () => {
    if (other !== undefined) await kill(other.child)
    other = undefined
    fs.rmSync(folder, { recursive: true })
    await server.raw("GRAPH.DELETE", graph).catch(() => undefined)
  })

  const config = () => ({ kind: "falkordb" as const, host: server.host, port: server.port, graph })
  const connect = () => FalkorDB.make(config())
  const cypher = (query: string) => server.raw("GRAPH.QUERY", graph, query)
  const raw = (query: string) => rows(server, graph, query)
  const ids = async () => (await raw("MATCH (n) WHERE NOT n:_MgRun RETURN n.id ORDER BY n.id")).flat()
  const fences = () => raw("MATCH (f:_MgRun) RETURN f.run, f.dirty")
  const journal = () => path.join(folder, "journal.db")
  const start = async (name: string) => {
    other = await startOther(config(), journal(), { run: name, lease: LEASE })
    return other
  }
  // A process that is stopped for longer than its lease.
  const pause = async ({ child }: OtherProcess) => {
    child.kill("SIGSTOP")
    await eventually(
      async () => Number((await raw("MATCH (f:_MgRun) RETURN timestamp() - f.heartbeat")).flat()[0]) > LEASE,
      "the lease is over"
    )
  }
  const refusal = (name: string) => run(Effect.flip(Effect.flatMap(connect(), (backend) => openSession(backend, name))))
  const changesNothing = async ({ ask }: OtherProcess) => {
    const before = await raw("MATCH (n) RETURN n.id, n.run, n.epoch, n.dirty ORDER BY ID(n)")
    for (const command of ["write late", "publish", "undo", "write later"]) {
      const answer = await ask(command)
      expect(answer, command).toMatch(/"reason":"(locked|store-changed|superseded|journal|driver)"|Incomplete|Undone/)
      expect(await raw("MATCH (n) RETURN n.id, n.run, n.epoch, n.dirty ORDER BY ID(n)"), command).toEqual(before)
    }
  }

  it("keeps others out while its owner lives, however slow it is", async () => {
    const { ask } = await start("first")
    expect(await refusal("second")).toMatchObject({
      reason: "locked",
      message: expect.stringMatching(/Run first is writing to .* on /)
    })
    // Longer than the lease, without a write: it is alive.
    await new Promise((resolve) => setTimeout(resolve, LEASE * 2))
    expect(await refusal("second")).toMatchObject({ reason: "locked" })
    expect(await ask("write mine")).toBe('"done"')
    expect(await ask("publish")).toBe('"done"')
    expect(await ids()).toEqual(["mine", "theirs"])
    expect(await fences()).toEqual([])
  })

  it("is clean before the first write, and then gives way by itself when its owner is dead", async () => {
    const { child } = await start("first")
    expect(await fences()).toEqual([["first", "false"]])
    await kill(child)
    other = undefined
    await run(
      Effect.gen(function* () {
        const session = yield* openSession(yield* connect(), "second")
        expect(yield* Effect.promise(fences)).toEqual([["second", "false"]])
        yield* session.write({ create: [memory("mine")], overwrite: [] })
        expect(yield* Effect.promise(fences)).toEqual([["second", "true"]])
        yield* session.publish
      })
    )
    expect(await ids()).toEqual(["mine", "theirs"])
  })

  it("that is dirty lets nobody in but its own run", async () => {
    const { ask, child } = await start("first")
    await ask("write half")
    await kill(child)
    other = undefined
    const refused = await refusal("second")
    expect(refused).toMatchObject({ _tag: "Refused", reason: "unfinished-run" })
    expect(refused.message).toContain("memorygraph runs rollback first")
    await run(
      Effect.gen(function* () {
        const session = yield* (yield* connect()).openSession({ run: "first", journal: yield* Journal.make(journal()) })
        yield* session.write({ create: [memory("rest")], overwrite: [] })
        yield* session.publish
      })
    )
    expect(await ids()).toEqual(["half", "rest", "theirs"])
    expect(await fences()).toEqual([])
  })

  it("of a stopped process is lost after the lease; what wakes up changes nothing", async () => {
    const stopped = await start("first")
    await pause(stopped)
    await run(
      Effect.gen(function* () {
        const session = yield* openSession(yield* connect(), "second")
        yield* session.write({ create: [memory("mine")], overwrite: [] })
        stopped.child.kill("SIGCONT")
        yield* Effect.promise(() => changesNothing(stopped))
        yield* session.publish
      })
    )
    expect(await ids()).toEqual(["mine", "theirs"])
    expect(await fences()).toEqual([])
  })

  it.each(["while it is open", "when it is over"])(
    "of a stopped process that had written is taken up by its run: what wakes up %s changes nothing",
    async (when) => {
      const stopped = await start("first")
      await stopped.ask("write half")
      await pause(stopped)
      expect(await refusal("second")).toMatchObject({ reason: "unfinished-run" })
      await run(
        Effect.gen(function* () {
          const session = yield* (yield* connect()).openSession({
            run: "first",
            journal: yield* Journal.make(journal())
          })
          yield* session.write({ create: [memory("rest")], overwrite: [] })
          if (when === "while it is open") {
            stopped.child.kill("SIGCONT")
            yield* Effect.promise(() => changesNothing(stopped))
          }
          yield* session.publish
        })
      )
      if (when === "when it is over") {
        stopped.child.kill("SIGCONT")
        await changesNothing(stopped)
      }
      expect(await ids()).toEqual(["half", "rest", "theirs"])
      expect(await fences()).toEqual([])
    }
  )

  // What a session has begun when the process is stopped: nothing asks the journal any more.
  it("keeps out every single query of an earlier claim, of the same run too", async () => {
    await run(
      Effect.gen(function* () {
        const { host, port } = server
        const connection = yield* Connection.make({
          backend: "falkordb",
          location: "test",
          driver: { socket: { host, port } },
          reconnect: true
        })
        const engine = yield* journaled.make({ connection, key: graph })
        const [first, second] = [makeClaim("mine", 1), makeClaim("mine", 2)]
        const earlier = yield* engine.raiseFence(first)
        const mine = memory("mine")
        yield* engine.write({ create: [mine], overwrite: [] }, earlier)
        const later = yield* (yield* journaled.make({ connection, key: graph })).raiseFence(second)
        expect(later.epoch).toBe(second.epoch)
        const hash = lineHash(canonicalLine(mine))
        const created = [{ tag: "Node" as const, key: "mine", hash }]
        const link = { tag: "Relationship" as const, key: null, from: "mine", type: "T", to: "mine", hash }
        const before = yield* Effect.promise(() => raw("MATCH (n) RETURN n.id, n.title, properties(n)"))
        const refused = [
          engine.write({ create: [memory("late")], overwrite: [] }, earlier),
          engine.write({ create: [], overwrite: [{ before: mine, after: memory("mine", "late") }] }, earlier),
          engine.remove(created, earlier),
          engine.restore([{ before: memory("mine", "late"), after: mine }], earlier),
          engine.assumeWritten(1, [link], earlier),
          engine.dropFence(earlier),
          engine.raiseEpoch(earlier, first)
        ]
        for (const one of refused) expect(yield* Effect.flip(Effect.asVoid(one))).toMatchObject({ reason: "locked" })
        expect(yield* Effect.flip(engine.beat(earlier, true))).toMatchObject({ reason: "store-changed" })
        expect(yield* Effect.promise(() => raw("MATCH (n) RETURN n.id, n.title, properties(n)"))).toEqual(before)
        // Nor does a claim that is older take up what a later one has.
        expect(yield* Effect.flip(engine.raiseFence(first))).toMatchObject({ _tag: "Refused", reason: "locked" })
      })
    )
  })

  it("is put back dirty where it is gone, and a server that lost it is written to no more", async () => {
    await run(
      Effect.gen(function* () {
        const { host, port } = server
        const driver = { socket: { host, port } }
        const connection = yield* Connection.make({ backend: "falkordb", location: "test", driver, reconnect: true })
        const engine = yield* journaled.make({ connection, key: graph })
        const claim = makeClaim("mine", 1)
        const fence = yield* engine.raiseFence(claim)
        yield* engine.write({ create: [memory("one")], overwrite: [] }, fence)
        yield* Effect.promise(() => cypher("MATCH (f:_MgRun) DELETE f"))
        expect(yield* Effect.flip(engine.dropFence(fence))).toMatchObject({ reason: "locked" })
        const raised = yield* engine.raiseEpoch(fence, claim)
        expect(raised).toMatchObject({ run: "mine", epoch: claim.epoch + 1 })
        expect(yield* Effect.promise(fences)).toEqual([["mine", "true"]])
        const late = engine.write({ create: [memory("two")], overwrite: [] }, raised)
        expect(yield* Effect.flip(late)).toMatchObject({ reason: "conservation" })
        yield* engine.dropFence(raised)
        // Its answer may have been lost.
        yield* engine.dropFence(raised)
        expect(yield* Effect.promise(ids)).toEqual(["one", "theirs"])
      })
    )
  })

  it("tells a server that has gone back to an earlier state", async () => {
    await run(
      Effect.gen(function* () {
        const { host, port } = server
        const driver = { socket: { host, port } }
        const connection = yield* Connection.make({ backend: "falkordb", location: "test", driver, reconnect: true })
        const engine = yield* journaled.make({ connection, key: graph })
        const claim = makeClaim("mine", 1)
        const fence = yield* engine.raiseFence(claim)
        yield* engine.write({ create: [memory("one")], overwrite: [] }, fence)
        yield* engine.write({ create: [memory("two")], overwrite: [] }, fence)
        yield* Effect.promise(() => cypher("MATCH (f:_MgRun), (n {id: 'two'}) SET f.steps = 1 DELETE n"))
        const late = engine.write({ create: [memory("three")], overwrite: [] }, fence)
        expect(yield* Effect.flip(late)).toMatchObject({ reason: "conservation" })
        expect(yield* Effect.flip(engine.dropFence(fence))).toMatchObject({ reason: "conservation" })
        const raised = yield* engine.raiseEpoch(fence, claim)
        expect(yield* Effect.flip(late)).toMatchObject({ reason: expect.any(String) })
        const hash = lineHash(canonicalLine(memory("one")))
        expect(yield* engine.remove([{ tag: "Node", key: "one", hash }], raised)).toEqual([])
        yield* engine.dropFence(raised)
        expect(yield* Effect.promise(ids)).toEqual(["theirs"])
      })
    )
  })

  it("of an older form counts as dirty, with the usual lease", async () => {
    const old = (age: number) =>
      cypher(
        `CREATE (:_MgRun {run: 'old', epoch: 1, owner: 'x-y-1', heartbeat: timestamp() - ${age}, marks: []}) RETURN 1`
      )
    await old(30_000)
    expect(await refusal("second")).toMatchObject({ reason: "locked", message: expect.stringContaining("Run old is") })
    await cypher("MATCH (f:_MgRun) DELETE f")
    await old(61_000)
    expect(await refusal("second")).toMatchObject({ reason: "unfinished-run" })
    // The run itself may go on.
    await run(Effect.flatMap(connect(), (backend) => Effect.flatMap(openSession(backend, "old"), ({ undo }) => undo)))
    expect(await fences()).toEqual([])
    expect(await ids()).toEqual(["theirs"])
  })

  it("is not held by a session that could not be opened", async () => {
    // Text that is not UTF-8 cannot be taken for a key.
    const spoiling = ["GRAPH.QUERY", graph, "CREATE (:Memory {id: 'a\xffb'})"].map((part) =>
      Buffer.from(part, "latin1")
    )
    await run(sendBytes(server, spoiling))
    expect(await refusal("first")).toMatchObject({ _tag: "SourceDataInvalid" })
    expect(await fences()).toEqual([])
  })
})
