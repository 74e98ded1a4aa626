/**
 * The wire: one JSON-RPC message a line over the process's standard streams. Standard output belongs to the protocol
 * alone; whatever else writes there, a driver or a `console.log`, is led to standard error. The one file of the server
 * that touches the process.
 */
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js"
import { ErrorCode, type JSONRPCMessage, JSONRPCMessageSchema } from "@modelcontextprotocol/sdk/types.js"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { problemOfParams } from "./wellFormed.ts"

/** A line that is longer, in bytes, is no request of ours. */
const MAX_LINE = 8 * 1024 * 1024
const NEWLINE = 0x0a

/** The transport, and the moment when the client is gone. */
export interface Wire {
  readonly transport: Transport
  /** Ends when standard input has ended or standard output cannot be written any more. */
  readonly gone: Effect.Effect<void>
}

const idOf = (value: unknown): string | number | undefined =>
  typeof value === "object" &&
  value !== null &&
  "id" in value &&
  (typeof value.id === "string" || typeof value.id === "number")
    ? value.id
    : undefined

/** What came as a line: a message, or the answer to what is none. An empty line is nothing. */
const read = (line: Buffer): JSONRPCMessage | { readonly refusal: object } | undefined => {
  const refuse = (code: number, message: string, id?: string | number) => ({
    refusal: { jsonrpc: "2.0", ...(id !== undefined && { id }), error: { code, message } }
  })
  let value: unknown
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(line).trim()
    if (text === "") return undefined
    value = JSON.parse(text)
  } catch {
    return refuse(ErrorCode.ParseError, "Parse error: the line is no JSON in UTF-8.")
  }
  const problem = problemOfParams(value)
  if (problem !== undefined) return refuse(ErrorCode.InvalidParams, `Invalid params: ${problem}.`, idOf(value))
  const parsed = JSONRPCMessageSchema.safeParse(value)
  return parsed.success
    ? parsed.data
    : refuse(ErrorCode.InvalidRequest, "Invalid request: the line is no JSON-RPC 2.0 message.", idOf(value))
}

/** Cuts what comes into lines; of a line that is too long only that it was there is passed on. */
const lines = (take: (line: Buffer) => void, tooLong: () => void): ((chunk: Buffer) => void) => {
  let parts: Array<Buffer> = []
  let length = 0
  let isSkipping = false
  return (chunk) => {
    let from = 0
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, from)) {
      const line = Buffer.concat([...parts, chunk.subarray(from, end)])
      parts = []
      length = 0
      from = end + 1
      if (isSkipping || line.length > MAX_LINE) tooLong()
      else take(line)
      isSkipping = false
    }
    const rest = chunk.subarray(from)
    length += rest.length
    if (length > MAX_LINE) {
      isSkipping = true
      parts = []
    } else if (rest.length > 0) parts.push(rest)
  }
}

/** Takes the process's standard streams, until the scope closes. */
export const make: Effect.Effect<Wire, never, Scope.Scope> = Effect.gen(function* () {
  const { stderr, stdin, stdout } = process
  const gone = yield* Deferred.make<void>()
  const write = yield* Effect.acquireRelease(
    Effect.sync(() => {
      const own = stdout.write.bind(stdout)
      stdout.write = stderr.write.bind(stderr)
      return own
    }),
    (own) =>
      Effect.sync(() => {
        stdout.write = own
      })
  )
  const send = (message: object): Promise<void> =>
    new Promise((resolve) => {
      write(`${JSON.stringify(message)}\n`, () => resolve())
    })

  let isOpen = true
  const onGone = () => {
    if (!isOpen) return
    isOpen = false
    Deferred.unsafeDone(gone, Effect.void)
    transport.onclose?.()
  }
  const onData = lines(
    (line) => {
      const message = read(line)
      if (message === undefined) return
      if (!("refusal" in message)) return transport.onmessage?.(message)
      transport.onerror?.(new Error("a line of standard input is no JSON-RPC message"))
      void send(message.refusal)
    },
    () => {
      transport.onerror?.(new Error(`a line of standard input is longer than ${MAX_LINE} bytes`))
      void send({
        jsonrpc: "2.0",
        error: { code: ErrorCode.ParseError, message: "Parse error: the line is too long." }
      })
    }
  )
  const ends = ["end", "close", "error"] as const
  const transport: Transport = {
    start: async () => {
      stdin.on("data", onData)
      for (const event of ends) stdin.on(event, onGone)
      // A client that reads no more is gone, too.
      for (const event of ["close", "error"]) stdout.on(event, onGone)
    },
    send,
    close: async () => {
      stdin.off("data", onData)
      stdin.pause()
      onGone()
    }
  }
  return { transport, gone: Deferred.await(gone) }
})
