/**
 * A TCP proxy that disturbs what passes through it: cuts, delays and swallows bytes by a rule. It knows nothing of the
 * protocol; its chunks are what the sockets give.
 */
import { once } from "node:events"
import * as net from "node:net"
import { setTimeout as sleep } from "node:timers/promises"

/** `up` is what the client says, `down` what the server answers. */
export type Direction = "up" | "down"

/**
 * What becomes of a chunk. `cut` ends its connection (nothing of the chunk passes). `drop` swallows the chunk and all
 * that follows it from this side of its connection, the news of its end included, as a network does that has failed:
 * whoever waits for more waits on. `delay` (milliseconds) holds the chunk and all that follows.
 */
export type Verdict = "pass" | "cut" | "drop" | { readonly delay: number }

/** Decides about a chunk; `bytesSoFar` counts all that came from this side before, over all connections. */
export type Rule = (direction: Direction, bytesSoFar: number, chunk: Buffer) => Verdict

export interface Proxy {
  /** On 127.0.0.1. */
  readonly port: number
  /** What came from either side, swallowed bytes included. */
  readonly bytes: () => { readonly up: number; readonly down: number }
  /** How many connections were made so far. */
  readonly connections: () => number
  /** Ends all connections, and every new one at once until {@link restore}. */
  readonly cut: () => void
  readonly restore: () => void
  readonly setRule: (rule: Rule) => void
  readonly close: () => Promise<void>
}

const PASS: Rule = () => "pass"

/** Starts a proxy before a server. */
export const startProxy = async (
  target: { readonly host: string; readonly port: number },
  rule: Rule = PASS
): Promise<Proxy> => {
  const sockets = new Set<net.Socket>()
  const bytes = { up: 0, down: 0 }
  let decide = rule
  let connections = 0
  let isCut = false

  const watch = (socket: net.Socket) => {
    sockets.add(socket)
    socket.setNoDelay(true)
    // The pumps find out by themselves.
    socket.on("error", () => {})
    socket.once("close", () => sockets.delete(socket))
  }

  const pump = async (from: net.Socket, to: net.Socket, direction: Direction): Promise<void> => {
    let swallowed = false
    const end = (how: "end" | "destroy") => {
      if (swallowed) return
      if (how === "end") to.end()
      else to.resetAndDestroy()
    }
    try {
      for await (const chunk of from) {
        if (!(chunk instanceof Buffer)) throw new TypeError("a socket gave something else than bytes")
        const before = bytes[direction]
        bytes[direction] += chunk.length
        if (swallowed) continue
        const verdict = decide(direction, before, chunk)
        if (verdict === "cut") {
          from.resetAndDestroy()
          to.resetAndDestroy()
          return
        }
        if (verdict === "drop") {
          swallowed = true
          continue
        }
        if (typeof verdict === "object") await sleep(verdict.delay)
        if (to.destroyed) return
        if (!to.write(chunk)) await Promise.race([once(to, "drain"), once(to, "close")])
      }
      end("end")
    } catch {
      end("destroy")
    }
  }

  const server = net.createServer({ allowHalfOpen: true }, (client) => {
    if (isCut) return void client.resetAndDestroy()
    connections++
    const upstream = net.connect({ ...target, allowHalfOpen: true })
    watch(client)
    watch(upstream)
    upstream.once("error", () => client.resetAndDestroy())
    void pump(client, upstream, "up")
    void pump(upstream, client, "down")
  })
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
  const address = server.address()
  const endAll = () => {
    for (const socket of sockets) socket.resetAndDestroy()
  }

  return {
    port: typeof address === "object" && address !== null ? address.port : 0,
    bytes: () => ({ ...bytes }),
    connections: () => connections,
    cut: () => {
      isCut = true
      endAll()
    },
    restore: () => {
      isCut = false
    },
    setRule: (next) => {
      decide = next
    },
    close: async () => {
      endAll()
      await new Promise<void>((resolve) => server.close(() => resolve()))
    }
  }
}
