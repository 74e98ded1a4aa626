import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import * as Effect from "effect/Effect"
import { describe, expect, it } from "vitest"
import { type Config, loadConfig } from "../../src/settings/configFile.ts"
import * as effective from "../../src/settings/effective.ts"
import type { Environment } from "../../src/settings/environment.ts"
import { settingsInForce, withoutPassword } from "../../src/settings/inForce.ts"
import { tempFolder } from "../support/migrating.ts"

const FILE = `backend: neo4j
state-dir: /from/file
progress: plain
on-conflict: fail
mcp:
  roots: [/from/file]
  allow-any: true
`

const load = async (text: string): Promise<Config> => {
  const file = path.join(tempFolder(), "config.yaml")
  fs.writeFileSync(file, text)
  return Effect.runPromise(loadConfig({ MEMORYGRAPH_CONFIG: file }))
}

const ENV: Environment = {
  MEMORY_BACKEND: "memgraph",
  MEMORYGRAPH_STATE_DIR: "/from/env",
  MEMORYGRAPH_PROGRESS: "json",
  MEMORYGRAPH_ON_CONFLICT: "overwrite"
}

const STATE = path.join(os.homedir(), ".local/state/memorygraph-migrate")

interface Setting {
  readonly name: string
  /** Asks with a flag (or none), an environment and a config file. */
  readonly ask: (
    flag: boolean,
    env: Environment,
    config: Config
  ) => Effect.Effect<effective.Effective<unknown>, unknown>
  readonly flag?: unknown
  readonly environment?: unknown
  readonly configured: unknown
  readonly otherwise: unknown
  readonly line: number
}

const SETTINGS: ReadonlyArray<Setting> = [
  {
    name: "backend",
    ask: (flag, env, config) => Effect.succeed(effective.backendInUse(flag ? "falkordb" : undefined, env, config)),
    flag: "falkordb",
    environment: "memgraph",
    configured: "neo4j",
    otherwise: "sqlite",
    line: 1
  },
  {
    name: "state-dir",
    ask: (_, env, config) => Effect.succeed(effective.stateDir(env, config)),
    environment: "/from/env",
    configured: "/from/file",
    otherwise: STATE,
    line: 2
  },
  {
    name: "progress",
    ask: (flag, env, config) => effective.progressMode(flag ? "none" : undefined, env, config),
    flag: "none",
    environment: "json",
    configured: "plain",
    otherwise: "auto",
    line: 3
  },
  {
    name: "on-conflict",
    ask: (flag, env, config) => effective.onConflict(flag ? "skip" : undefined, env, config),
    flag: "skip",
    environment: "overwrite",
    configured: "fail",
    otherwise: "skip",
    line: 4
  },
  {
    name: "mcp.roots",
    ask: (_, __, config) => Effect.succeed(effective.mcpRoots(config)),
    configured: ["/from/file"],
    otherwise: [],
    line: 6
  },
  {
    name: "mcp.allow-any",
    ask: (flag, _, config) => Effect.succeed(effective.allowAny(flag, config)),
    flag: true,
    configured: true,
    otherwise: false,
    line: 7
  }
]

describe.each(SETTINGS)("$name: flag, environment, config file, default", (setting) => {
  const ask = async (flag: boolean, env: Environment, text: string) =>
    Effect.runSync(setting.ask(flag, env, await load(text)))

  if ("flag" in setting)
    it("the flag outranks all", async () => {
      expect(await ask(true, ENV, FILE)).toMatchObject({ value: setting.flag, origin: { from: "flag" } })
    })

  if ("environment" in setting)
    it("the environment outranks the config file; empty is not set", async () => {
      expect(await ask(false, ENV, FILE)).toMatchObject({ value: setting.environment, origin: { from: "environment" } })
      const empty = Object.fromEntries(Object.keys(ENV).map((name) => [name, ""]))
      expect(await ask(false, empty, FILE)).toMatchObject({ value: setting.configured })
    })

  it("the config file outranks the default, and its line is known", async () => {
    expect(await ask(false, {}, FILE)).toMatchObject({
      value: setting.configured,
      origin: { from: "config file", line: setting.line }
    })
  })

  it("the default holds where nobody says anything", async () => {
    expect(await ask(false, {}, "")).toMatchObject({ value: setting.otherwise, origin: { from: "default" } })
  })
})

describe("settings in force", () => {
  it("name their origins", async () => {
    const config = await load(FILE)
    const found = Effect.runSync(settingsInForce({ progress: "none" }, { MEMORY_BACKEND: "memgraph" }, config))
    const of = (name: string) => found.find((setting) => setting.name === name)
    expect(of("backend")).toEqual({ name: "backend", value: "memgraph", from: "MEMORY_BACKEND" })
    expect(of("progress")).toEqual({ name: "progress", value: "none", from: "--progress" })
    expect(of("on-conflict")).toEqual({ name: "on-conflict", value: "fail", from: `${config.file}:4` })
    expect(of("sqlite.path")).toEqual({ name: "sqlite.path", value: "~/.memorygraph/memory.db", from: "default" })
  })

  it("show no secret", async () => {
    const env = {
      NEO4J_PASSWORD: "hunter2",
      MEMORY_NEO4J_URI: "neo4j+s://me:hunter2@h:1/d",
      MEMORY_FALKORDB_URI: "redis://:hunter2@h",
      MEMORY_MEMGRAPH_URI: "bolt://a:hunter2/@2@h"
    }
    const found = Effect.runSync(settingsInForce({}, env, await load("")))
    expect(JSON.stringify(found)).not.toContain("hunter2")
    expect(found.find(({ name }) => name === "neo4j.uri")?.value).toBe("neo4j+s://me:***@h:1/d")
    expect(withoutPassword("bolt://h:7687/x")).toBe("bolt://h:7687/x")
  })

  it("that are wrong are errors which name the variable", async () => {
    const config = await load("")
    const fail = (env: Environment) => Effect.runSync(Effect.flip(settingsInForce({}, env, config))).message
    expect(fail({ MEMORYGRAPH_PROGRESS: "fancy" })).toBe(
      'MEMORYGRAPH_PROGRESS is "fancy"; it is one of auto, plain, json, none.'
    )
    expect(fail({ MEMORYGRAPH_ON_CONFLICT: "maybe" })).toContain("MEMORYGRAPH_ON_CONFLICT")
  })
})
