/**
 * The server as a real process, driven by the official client SDK over its standard streams. Whatever a test does, the
 * session notes every line that goes over the wire; `close` checks that standard output carried nothing but JSON-RPC,
 * and every result is checked against the output schema of its tool.
 */
import type { ChildProcess } from "node:child_process"
import * as fs from "node:fs"
import * as path from "node:path"
import { Client } from "@modelcontextprotocol/sdk/client/index.js"
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js"
import {
  type ClientCapabilities,
  ElicitRequestSchema,
  type ElicitResult,
  type JSONRPCMessage,
  JSONRPCMessageSchema,
  ListRootsRequestSchema,
  type Progress
} from "@modelcontextprotocol/sdk/types.js"
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js"
import { expect } from "vitest"
import { cleanEnv } from "../cli/runBin.ts"
import { packed } from "../package/packed.ts"
import { tempFolder } from "../support/migrating.ts"

/** The command to test: that of the packed tarball in a project of its own, or the one that a setting names. */
export const binToTest = async (): Promise<string> => process.env["MEMORYGRAPH_TEST_BIN"] ?? (await packed()).bin

/** A password that must not be seen anywhere but in the environment. */
export const SECRET = "s3cret-Pa55w0rd"

export interface SessionOptions {
  /** The config file, as an object: JSON is YAML. */
  readonly config?: object
  readonly args?: ReadonlyArray<string>
  readonly env?: { readonly [name: string]: string }
  readonly stateFolder?: string
  /** Answers where the server asks the person. */
  readonly onAsk?: (message: string) => ElicitResult | Promise<ElicitResult>
  /** The folders that the client shares. */
  readonly shares?: ReadonlyArray<string>
}

/** What came back from a tool. */
export interface Called {
  readonly isError: boolean
  readonly text: string
  // What the schemas promise was checked; the tests then know what is there.
  // oxlint-disable-next-line typescript/no-explicit-any
  readonly data: any
}

export interface CallOptions {
  readonly onprogress?: (progress: Progress) => void
  readonly signal?: AbortSignal
}

export interface Session {
  readonly client: Client
  readonly pid: number
  readonly stateFolder: string
  readonly call: (tool: string, given?: object, options?: CallOptions) => Promise<Called>
  /** Everything that went over the wire and to standard error. */
  readonly said: () => string
  /** Writes bytes to the server as they are. */
  readonly write: (bytes: string | Buffer) => void
  /** Lines of standard output so far. */
  readonly lines: () => ReadonlyArray<string>
  /** The exit code, once it has ended. */
  readonly ended: Promise<number | null>
  readonly close: () => Promise<void>
}

/** The SDK's own transport, which shows what goes through it. */
class Tapped extends StdioClientTransport {
  readonly sent: Array<string> = []
  stdout = ""
  errors = ""
  child: ChildProcess | undefined
  ended: Promise<number | null> = Promise.resolve(null)

  override async start(): Promise<void> {
    await super.start()
    this.child = Reflect.get(this, "_process") as ChildProcess
    const { child } = this
    this.ended = new Promise((resolve) => child.once("exit", (code) => resolve(code)))
    child.stdout?.on("data", (bytes: Buffer) => {
      this.stdout += bytes.toString("utf8")
    })
    child.stderr?.on("data", (bytes: Buffer) => {
      this.errors += bytes.toString("utf8")
    })
  }

  override send(message: JSONRPCMessage): Promise<void> {
    this.sent.push(JSON.stringify(message))
    return super.send(message)
  }
}

const PATIENCE = 55_000

const checkerOf = async (client: Client): Promise<ReadonlyMap<string, ValidateFunction>> => {
  const ajv = new Ajv2020({ strict: true, allErrors: true })
  const { tools } = await client.listTools()
  return new Map(
    tools.flatMap(({ name, outputSchema }) =>
      outputSchema === undefined ? [] : [[name, ajv.compile(outputSchema)] as const]
    )
  )
}

/** Starts a server and connects to it. */
export const openSession = async (options: SessionOptions = {}): Promise<Session> => {
  const folder = tempFolder()
  const stateFolder = options.stateFolder ?? path.join(folder, "state")
  const config = path.join(folder, "config.yaml")
  fs.writeFileSync(config, JSON.stringify(options.config ?? {}))
  const transport = new Tapped({
    command: process.execPath,
    args: [await binToTest(), "mcp", ...(options.args ?? [])],
    env: Object.fromEntries(
      Object.entries(
        cleanEnv({ MEMORYGRAPH_STATE_DIR: stateFolder, MEMORYGRAPH_CONFIG: config, ...options.env })
      ).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]]))
    ),
    cwd: folder,
    stderr: "pipe"
  })
  const { onAsk, shares } = options
  const capabilities: ClientCapabilities = {
    ...(onAsk !== undefined && { elicitation: { form: {} } }),
    ...(shares !== undefined && { roots: {} })
  }
  const client = new Client({ name: "test", version: "1" }, { capabilities })
  if (onAsk !== undefined) client.setRequestHandler(ElicitRequestSchema, ({ params }) => onAsk(params.message))
  if (shares !== undefined) {
    client.setRequestHandler(ListRootsRequestSchema, () => ({
      roots: shares.map((share) => ({ uri: new URL(`file://${share}`).href }))
    }))
  }
  await client.connect(transport)
  const checkers = await checkerOf(client)
  const lines = () => transport.stdout.split("\n").slice(0, -1)
  return {
    client,
    pid: transport.pid ?? 0,
    stateFolder,
    ended: transport.ended,
    lines,
    said: () => [...transport.sent, transport.stdout, transport.errors].join("\n"),
    write: (bytes) => transport.child?.stdin?.write(bytes),
    call: async (tool, given = {}, { onprogress, signal } = {}) => {
      const result = await client.callTool({ name: tool, arguments: { ...given } }, undefined, {
        timeout: PATIENCE,
        ...(onprogress !== undefined && { onprogress }),
        ...(signal !== undefined && { signal })
      })
      const check = checkers.get(tool)
      expect(check?.(result.structuredContent), JSON.stringify(check?.errors)).toBe(true)
      const [content] = result.content as ReadonlyArray<{ readonly type: string; readonly text: string }>
      return { isError: result.isError === true, text: content?.text ?? "", data: result.structuredContent }
    },
    close: async () => {
      await client.close()
      for (const line of lines()) JSONRPCMessageSchema.parse(JSON.parse(line))
      expect(transport.stdout === "" || transport.stdout.endsWith("\n")).toBe(true)
      expect(transport.stdout + transport.errors).not.toContain(SECRET)
    }
  }
}

/** Runs a test with a session that is closed and checked afterwards. */
export const withSession = async <A>(options: SessionOptions, body: (session: Session) => Promise<A>): Promise<A> => {
  const session = await openSession(options)
  try {
    return await body(session)
  } finally {
    await session.close()
  }
}

/** Waits until something is so. */
export const eventually = async <A>(what: string, look: () => Promise<A | undefined> | A | undefined): Promise<A> => {
  const until = Date.now() + PATIENCE
  for (;;) {
    const found = await look()
    if (found !== undefined) return found
    if (Date.now() > until) throw new Error(`not in time: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
