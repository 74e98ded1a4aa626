/**
 * The MCP server: the tools over one connection. It ends with its client; what is under way then is undone first, as it
 * is where the process is told to end.
 */
import { Server } from "@modelcontextprotocol/sdk/server/index.js"
import {
  CallToolRequestSchema,
  ErrorCode,
  ListToolsRequestSchema,
  RootsListChangedNotificationSchema
} from "@modelcontextprotocol/sdk/types.js"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Runtime from "effect/Runtime"
import type { UsageError } from "../domain/Errors.ts"
import { EXIT } from "../migration/outcome.ts"
import type { Config } from "../settings/configFile.ts"
import type { Environment } from "../settings/environment.ts"
import { VERSION } from "../version.ts"
import * as Access from "./access.ts"
import * as Client from "./client.ts"
import { failureAnswer } from "./results.ts"
import * as Stdio from "./stdio.ts"
import * as Stores from "./stores.ts"
import * as Tasks from "./tasks.ts"
import { exportMemories, importMemories } from "./tools/documents.ts"
import { migrateDatabase, validateMigration } from "./tools/migrate.ts"
import { listRuns, migrationStatus, rollbackRun } from "./tools/runs.ts"
import { backendHealth, inspectGraph } from "./tools/stores.ts"
import type { Tool } from "./tool.ts"

/** All tools, in the order they are listed. */
export const TOOLS: ReadonlyArray<Tool> = [
  migrateDatabase,
  validateMigration,
  exportMemories,
  importMemories,
  backendHealth,
  inspectGraph,
  listRuns,
  rollbackRun,
  migrationStatus
]

const INSTRUCTIONS =
  "Moves MemoryGraph graphs between stores and proves that nothing was lost. Whatever writes takes two calls: the first one returns a plan and its plan_hash; show the plan to the person, and only when they agree call again with the same arguments and the plan_hash. Stores are named as backend_health lists them. A call that takes long answers with a run id: migration_status tells the rest."

// The SDK's own error would say its code in the message, where the client's says it again.
const invalidParams = (message: string): Error => Object.assign(new Error(message), { code: ErrorCode.InvalidParams })

/** What a server may do, and with what. */
export interface ServeOptions {
  readonly env: Environment
  readonly config: Config
  readonly stateFolder: string
  /** The allowed roots, those of the config file among them. */
  readonly roots: ReadonlyArray<string>
  readonly allowAny: boolean
  /** Told the id of a run before it can have written anything. */
  readonly onWriting: (run: string) => void
}

/**
 * Serves on the process's standard streams until the client is gone or the fiber is interrupted; then everything under
 * way is cancelled and undone. Succeeds with the exit code: 0, 130 where something had to be undone or the process was
 * told to end, 7 where an undo is incomplete.
 */
export const serve = (options: ServeOptions): Effect.Effect<number, UsageError> =>
  Effect.gen(function* () {
    const { allowAny, config, env, roots, stateFolder } = options
    const { gone, transport } = yield* Stdio.make
    // Calls can be interrupted; the server itself ends in order.
    const runtime = yield* Effect.interruptible(Effect.runtime())
    const tasks = yield* Tasks.make({ onWriting: options.onWriting })
    const server = new Server(
      { name: "memorygraph-migrate", title: "MemoryGraph migration", version: VERSION },
      { capabilities: { tools: {} }, instructions: INSTRUCTIONS }
    )
    const client = Client.make(server)
    const access = Access.make({ roots, stateFolder, clientRoots: client.roots })
    const stores = Stores.make({ env, config, allowAny, access })

    server.setNotificationHandler(RootsListChangedNotificationSchema, () => client.forgetRoots())
    server.setRequestHandler(ListToolsRequestSchema, () => ({
      tools: TOOLS.map(({ annotations, description, inputSchema, name, outputSchema, title }) => ({
        name,
        title,
        description,
        annotations: { ...annotations, title },
        inputSchema: inputSchema(),
        outputSchema: outputSchema()
      }))
    }))
    server.setRequestHandler(CallToolRequestSchema, async ({ params }, extra) => {
      const tool = TOOLS.find(({ name }) => name === params.name)
      if (tool === undefined) throw invalidParams("There is no tool of that name.")
      const context = { tasks, stores, access, stateFolder, ...client.call(extra) }
      const called = tool.call(params.arguments, context)
      if (Either.isLeft(called)) throw invalidParams(`${tool.name}: ${called.left}`)
      const exit = await Runtime.runPromiseExit(runtime)(called.right, { signal: extra.signal })
      if (Exit.isFailure(exit) && Cause.isDie(exit.cause)) {
        Runtime.runFork(runtime)(Effect.logError(`${tool.name} failed unexpectedly, which is a defect`, exit.cause))
      }
      const { isError, structured, text } = Exit.isSuccess(exit) ? exit.value : failureAnswer(exit.cause)
      return { content: [{ type: "text", text }], structuredContent: { ...structured }, isError }
    })
    const onerror = (error: Error) => {
      Runtime.runFork(runtime)(Effect.logDebug(error.message))
    }
    Object.assign(server, { onerror })

    yield* Effect.promise(() => server.connect(transport))
    const ended = yield* Effect.exit(Effect.interruptible(gone))
    const code = yield* tasks.close
    yield* Effect.promise(() => server.close())
    return Exit.isFailure(ended) && code === EXIT.done ? EXIT.interrupted : code
  }).pipe(Effect.scoped, Effect.uninterruptible)
