/** A connection that breaks at the worst moments, by a proxy that knows the messages of Bolt. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as net from "node:net"
import { expect, it } from "vitest"
import { LIMITS } from "../../../../src/backend/bolt/connection.ts"
import { make } from "../../../../src/backend/bolt/Neo4jBackend.ts"
import { node, relationship } from "../../../../src/domain/Graph.ts"
import { startProxy } from "../../../fault/proxy.ts"
import { create, openSession, query, readAll, run, type Store } from "../support.ts"

// A message without fields is a chunk of two bytes: the head of a structure, and its kind.
const COMMIT = Buffer.from([0x00, 0x02, 0xb0, 0x12, 0x00, 0x00])

type Cut = "nothing" | "the commit" | "the answer to the commit" | "the third write"

interface Proxy {
  readonly port: number
  readonly cut: (what: Cut) => void
  /** Does something once, while the next commit is held back. */
  readonly beforeCommit: (what: () => Promise<unknown>) => void
}

/** Passes everything on to the server, until it is told to cut something, once. */
const proxy = (port: number): Effect.Effect<Proxy, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      let cut: Cut = "nothing"
      let writes = 0
      let first: (() => Promise<unknown>) | undefined
      const server = net.createServer((client) => {
        const upstream = net.connect({ host: "127.0.0.1", port })
        const end = () => {
          client.destroy()
          upstream.destroy()
        }
        let mute = false
        client.on("data", (data) => {
          if (data.includes(COMMIT) && cut === "the commit") {
            cut = "nothing"
            return end()
          }
          if (data.includes(COMMIT) && cut === "the answer to the commit") {
            cut = "nothing"
            mute = true
          }
          if (cut === "the third write" && data.includes("UNWIND") && ++writes === 3) {
            cut = "nothing"
            return end()
          }
          const before = first
          if (before === undefined || !data.includes(COMMIT)) return upstream.write(data)
          first = undefined
          return before().then(() => upstream.write(data), end)
        })
        upstream.on("data", (data) => (mute ? end() : client.write(data)))
        for (const socket of [client, upstream]) {
          socket.on("error", end)
          socket.on("close", end)
        }
      })
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
      const address = server.address()
      return {
        server,
        port: typeof address === "object" && address !== null ? address.port : 0,
        cut: (what: Cut) => {
          cut = what
        },
        beforeCommit: (what: () => Promise<unknown>) => {
          first = what
        }
      }
    }),
    ({ server }) => Effect.promise(() => new Promise((resolve) => server.close(resolve)))
  )

const nodes = Array.from({ length: 200 }, (_, i) => node(`n${i}`, [], { i: BigInt(i) }))
const relationships = nodes.map((one) => relationship(null, one.key, "R", "n0", {}))

/** To be called in a test file. */
export const faultsSuite = (store: Store) => {
  const session = Effect.gen(function* () {
    const between = yield* proxy(store.port())
    const backend = yield* make({ kind: "neo4j", host: "127.0.0.1", port: between.port })
    return { backend, session: yield* openSession(backend), cut: between.cut }
  })

  for (const what of ["the commit", "the answer to the commit"] as const) {
    it(`${what} is lost: it is found out what became of the batch, and it is there once`, async () => {
      await query(store.driver(), "CREATE (:Bystander)")
      await run(
        Effect.gen(function* () {
          const { session: open, cut } = yield* session
          yield* create(open, nodes)
          cut(what)
          yield* create(open, relationships)
          const [row] = yield* Effect.promise(() => query(store.driver(), "MATCH ()-[r]->() RETURN count(r) AS total"))
          expect(row?.["total"]).toBe(200n)
          yield* create(open, [relationship(null, "n1", "S", "n2", {})])
          expect(yield* open.undo).toEqual({ _tag: "Undone" })
        })
      )
      const rest = await query(store.driver(), "MATCH (n) RETURN labels(n) AS labels")
      expect(rest).toEqual([{ labels: ["Bystander"] }])
    })
  }

  it("another run that takes the fence at the same moment makes this one give way", async () => {
    await run(
      Effect.gen(function* () {
        const between = yield* proxy(store.port())
        const backend = yield* make({ kind: "neo4j", host: "127.0.0.1", port: between.port })
        between.beforeCommit(() =>
          query(
            store.driver(),
            "CREATE (:_MgRun {run: 'other', epoch: 1, owner: 'o', host: 'h', lease: 60000, heartbeat: timestamp(), dirty: false})"
          )
        )
        const error = yield* Effect.flip(openSession(backend))
        expect(error).toMatchObject({
          _tag: "Refused",
          reason: "locked",
          message: expect.stringContaining("Run other is writing to")
        })
      })
    )
    expect(await query(store.driver(), "MATCH (n) RETURN n.run AS run")).toEqual([{ run: "other" }])
  })

  it("a connection that falls silent in a batch keeps the fence no longer than a transaction may take", async () => {
    await run(
      Effect.gen(function* () {
        const silent = yield* Effect.acquireRelease(
          Effect.promise(() => startProxy({ host: "127.0.0.1", port: store.port() })),
          ({ close }) => Effect.promise(close)
        )
        const limits = { ...LIMITS, begin: 3, transaction: 3, commit: 3, close: 0.5, grace: 1.5 }
        const backend = yield* make({ kind: "neo4j", host: "127.0.0.1", port: silent.port }, limits)
        const open = yield* openSession(backend)
        let isSilent = false
        // The server has the fence's lock, and hears nothing more: not even that we have hung up.
        silent.setRule((direction, _, chunk) => {
          if (isSilent || direction === "down" || !chunk.includes("CREATE (n")) return "pass"
          isSilent = true
          return "drop"
        })
        const started = Date.now()
        yield* create(open, nodes)
        expect(isSilent).toBe(true)
        // Its own time, until the server notices; then the fence is raised and the batch written.
        expect(Date.now() - started).toBeLessThan(20_000)
        yield* open.publish
        expect((yield* readAll(backend)).length).toBe(nodes.length)
      })
    )
  }, 60_000)

  it("a connection that breaks before the commit is made again, and the batch is written once", async () => {
    await run(
      Effect.gen(function* () {
        const { backend, session: open, cut } = yield* session
        yield* create(open, nodes)
        cut("the third write")
        for (let i = 0; i < 4; i++) yield* create(open, [relationship(null, `n${i}`, "R", "n0", {})])
        yield* open.publish
        expect((yield* readAll(backend)).length).toBe(nodes.length + 4)
      })
    )
  })
}
