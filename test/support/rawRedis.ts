/** A RESP2 client of a few lines, so that proofs read an engine's raw replies and none of the project's reading code. */
import * as net from "node:net"

export type Reply = string | number | null | ReadonlyArray<Reply>

const parse = (buffer: Buffer, start: number): { readonly reply: Reply; readonly next: number } | undefined => {
  const end = buffer.indexOf("\r\n", start)
  if (end < 0) return undefined
  const head = buffer.toString("utf8", start + 1, end)
  let next = end + 2
  switch (String.fromCharCode(buffer[start] ?? 0)) {
    case "+":
      return { reply: head, next }
    case "-":
      throw new Error(head)
    case ":":
      return { reply: Number(head), next }
    case "$": {
      const length = Number(head)
      if (length < 0) return { reply: null, next }
      if (buffer.length < next + length + 2) return undefined
      return { reply: buffer.toString("utf8", next, next + length), next: next + length + 2 }
    }
    case "*": {
      const items: Array<Reply> = []
      for (let i = 0; i < Number(head); i++) {
        const item = parse(buffer, next)
        if (item === undefined) return undefined
        items.push(item.reply)
        next = item.next
      }
      return { reply: items, next }
    }
    default:
      throw new Error(`not RESP: ${head}`)
  }
}

/** Sends one command over a unix socket (or host and port) and returns the raw reply. */
export const raw = (address: net.NetConnectOpts, ...args: ReadonlyArray<string>): Promise<Reply> =>
  new Promise((resolve, reject) => {
    const socket = net.connect(address)
    let received = Buffer.alloc(0)
    socket.on("error", reject)
    socket.on("data", (data: Buffer) => {
      received = Buffer.concat([received, data])
      try {
        const parsed = parse(received, 0)
        if (parsed === undefined) return
        socket.end()
        resolve(parsed.reply)
      } catch (error) {
        socket.end()
        reject(error)
      }
    })
    const parts = args.map((arg) => `$${Buffer.byteLength(arg)}\r\n${arg}\r\n`)
    socket.write(`*${args.length}\r\n${parts.join("")}`)
  })

const isList = (reply: Reply | undefined): reply is ReadonlyArray<Reply> => Array.isArray(reply)

/** A verbose entity reply (`[["id", 1], ["labels", [...]], ...]`) as an object. */
export const entity = (reply: Reply | undefined): { readonly [field: string]: Reply } => {
  if (!isList(reply)) throw new Error("not an entity")
  return Object.fromEntries(
    reply.map((pair) => {
      if (!isList(pair)) throw new Error("not a field")
      return [String(pair[0]), pair[1] ?? null]
    })
  )
}

/** The rows of a verbose GRAPH.QUERY reply; reading only, unless `command` says otherwise. */
export const rows = async (
  address: net.NetConnectOpts,
  graph: string,
  query: string,
  command: "GRAPH.RO_QUERY" | "GRAPH.QUERY" = "GRAPH.RO_QUERY"
): Promise<ReadonlyArray<ReadonlyArray<Reply>>> => {
  const reply = await raw(address, command, graph, query)
  const body = isList(reply) ? reply[1] : undefined
  if (!isList(body)) throw new Error("not a result set")
  return body.map((row) => (isList(row) ? row : []))
}
