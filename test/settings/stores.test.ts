import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { describe, expect, it } from "vitest"
import type { StoreConfig } from "../../src/backend/StoreConfig.ts"
import type { Environment } from "../../src/settings/environment.ts"
import { type Naming, resolve, type Resolved, type StoreFlags } from "../../src/settings/stores.ts"
import { NO_FLAGS } from "../../src/settings/storeName.ts"
import { copyOf, tempFolder } from "../support/migrating.ts"

interface Given {
  readonly role?: Naming["role"]
  readonly prefix?: Naming["prefix"]
  readonly flags?: Partial<StoreFlags>
  readonly env?: Environment
  readonly mustBeNamed?: boolean
  readonly typedPassword?: string
  readonly allowUpgrade?: boolean
}

const resolving = (word: string | undefined, given: Given) =>
  resolve(
    {
      role: given.role ?? "source",
      prefix: given.prefix ?? "from-",
      word,
      flags: { ...NO_FLAGS, ...given.flags },
      ...(given.mustBeNamed !== undefined && { mustBeNamed: given.mustBeNamed })
    },
    {
      env: given.env ?? {},
      allowUpgrade: given.allowUpgrade ?? false,
      askPassword: () =>
        Effect.succeed(given.typedPassword === undefined ? undefined : Redacted.make(given.typedPassword))
    }
  )

const full = (word: string | undefined, given: Given = {}): Resolved => Effect.runSync(resolving(word, given))

/** The config without the settings that were not given, and with its password in the clear. */
const config = (word: string | undefined, given: Given = {}): unknown => {
  const { password, ...rest }: StoreConfig & { readonly password?: Redacted.Redacted | undefined } = {
    password: undefined,
    ...full(word, given).config
  }
  const settings = { ...rest, ...(password !== undefined && { password: Redacted.value(password) }) }
  return Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined))
}

const error = (word: string | undefined, given: Given = {}): string =>
  Effect.runSync(Effect.flip(resolving(word, given))).message

describe("a path", () => {
  it("is told apart by its first bytes, whatever its name says", () => {
    const lite = copyOf("falkordblite-small.fdb")
    const disguised = path.join(path.dirname(lite), "looks-like-sqlite.db")
    fs.renameSync(lite, disguised)
    expect(config(disguised)).toMatchObject({ kind: "falkordblite", path: disguised })
    const sqlite = copyOf("python-small.db")
    const odd = path.join(path.dirname(sqlite), "memory.backup")
    fs.renameSync(sqlite, odd)
    expect(config(odd)).toEqual({ kind: "sqlite", path: odd })
  })

  it("is told apart by its name where it is not there or empty", () => {
    const folder = tempFolder()
    expect(config(path.join(folder, "new.db"))).toMatchObject({ kind: "sqlite" })
    expect(config(path.join(folder, "new.fdb"))).toMatchObject({ kind: "falkordblite" })
    fs.writeFileSync(path.join(folder, "empty.sqlite3"), "")
    expect(config(path.join(folder, "empty.sqlite3"))).toMatchObject({ kind: "sqlite" })
    expect(error(path.join(folder, "new.xyz"))).toContain("write sqlite:")
  })

  it("is made absolute, and ~ is the home folder", () => {
    expect(config("memory.db")).toEqual({ kind: "sqlite", path: path.resolve("memory.db") })
    expect(config("~/x/memory.db")).toEqual({ kind: "sqlite", path: path.join(os.homedir(), "x/memory.db") })
    expect(config("sqlite:~/memory.db")).toEqual({ kind: "sqlite", path: path.join(os.homedir(), "memory.db") })
  })

  it("that is a document is no store", () => {
    expect(error(copyOf("python-export-small.json"))).toMatch(/is a document, not a store: "memorygraph import/)
    expect(error(tempFolder() + "/")).toContain("is a document")
  })

  it("given twice must be the same", () => {
    expect(error("sqlite:./a.db", { flags: { path: "./b.db" } })).toContain("given twice")
    expect(config("./a.db", { flags: { path: "./a.db" } })).toMatchObject({ path: path.resolve("a.db") })
  })
})

describe("a scheme", () => {
  it("names files of any name", () => {
    expect(config("sqlite:graph.fdb")).toEqual({ kind: "sqlite", path: path.resolve("graph.fdb") })
    expect(config("falkordblite:/data/x.db", { allowUpgrade: true })).toEqual({
      kind: "falkordblite",
      path: "/data/x.db",
      allowUpgrade: true
    })
    expect(config("sqlite:///data/x.db")).toEqual({ kind: "sqlite", path: "/data/x.db" })
    expect(error("sqlite:")).toContain("no path follows sqlite:")
  })

  it.each([
    ["bolt://h", { kind: "neo4j", host: "h", port: 7687, routing: false }],
    ["neo4j+s://h:1/mine", { kind: "neo4j", host: "h", port: 1, routing: true, tls: "verify", database: "mine" }],
    ["bolt+ssc://h", { kind: "neo4j", host: "h", port: 7687, routing: false, tls: "trust" }],
    ["memgraph://[::1]:7688", { kind: "memgraph", host: "::1", port: 7688 }],
    ["falkordb://h:6380/brain", { kind: "falkordb", host: "h", port: 6380, graph: "brain" }],
    ["rediss://h", { kind: "falkordb", host: "h", port: 6379, tls: "verify" }]
  ])("names a server: %s", (uri, expected) => {
    expect(config(uri)).toEqual(expected)
  })

  it("that is not known is refused, and the password in it is not repeated", () => {
    const message = error("postgres://me:secret@h/db")
    expect(message).toContain("postgres: is not known")
    expect(message).not.toContain("secret")
    expect(error("bolt://me:secret@:bad")).not.toContain("secret")
  })
})

describe("a kind", () => {
  it("is completed by flags, then the environment, then MemoryGraph's defaults", () => {
    expect(config("sqlite")).toEqual({ kind: "sqlite", path: path.join(os.homedir(), ".memorygraph/memory.db") })
    const env = { MEMORY_SQLITE_PATH: "/env/m.db", MEMORY_FALKORDBLITE_PATH: "/env/f.db" }
    expect(config("sqlite", { env })).toEqual({ kind: "sqlite", path: "/env/m.db" })
    expect(config("sqlite", { env, flags: { path: "/flag/m.db", layout: "column" } })).toEqual({
      kind: "sqlite",
      path: "/flag/m.db",
      layout: "column"
    })
    expect(config("falkordblite", { env })).toMatchObject({ kind: "falkordblite", path: "/env/f.db" })
  })

  it("takes the environment of its own server", () => {
    const env = {
      NEO4J_URI: "bolt://old:1",
      MEMORY_NEO4J_URI: "neo4j://new:2",
      MEMORY_NEO4J_USER: "u",
      NEO4J_PASSWORD: "p",
      MEMORY_NEO4J_DATABASE: "d",
      MEMORY_MEMGRAPH_URI: "bolt://mem:3",
      MEMORY_FALKORDB_HOST: "falk",
      MEMORY_FALKORDB_PORT: "4",
      FALKORDB_PASSWORD: "fp",
      MEMORY_FALKORDB_GRAPH: "g"
    }
    expect(config("neo4j", { env })).toEqual({
      kind: "neo4j",
      host: "new",
      port: 2,
      user: "u",
      password: "p",
      database: "d",
      routing: true
    })
    expect(config("memgraph", { env })).toEqual({ kind: "memgraph", host: "mem", port: 3 })
    expect(config("falkordb", { env })).toEqual({ kind: "falkordb", host: "falk", port: 4, password: "fp", graph: "g" })
    expect(full("neo4j", { env: { MEMORY_NEO4J_URI: "bolt://u:p@h" } }).warnings).toEqual([])
  })

  it("on another host leaves the environment's host and port alone", () => {
    const env = { MEMORY_FALKORDB_URI: "redis://a:1/g1", MEMORY_FALKORDB_PORT: "9" }
    expect(config("falkordb", { env, flags: { host: "b" } })).toEqual({ kind: "falkordb", host: "b", port: 6379 })
    expect(config("falkordb", { env, flags: { port: 7 } })).toEqual({ kind: "falkordb", host: "localhost", port: 7 })
    expect(error("falkordb", { env: { MEMORY_FALKORDB_PORT: "many" } })).toContain('MEMORY_FALKORDB_PORT is "many"')
  })

  it("agrees with its URI", () => {
    expect(config("memgraph", { flags: { uri: "bolt://h:7688" } })).toEqual({ kind: "memgraph", host: "h", port: 7688 })
    expect(config("falkordb", { flags: { uri: "redis://prod.example.com:6379" } })).toMatchObject({ kind: "falkordb" })
    expect(error("neo4j", { flags: { uri: "falkordb://h" } })).toContain("--from-uri cannot be used")
    expect(error("falkordb", { flags: { uri: "redis://h:1", port: 2 } })).toContain(
      "The port of the source is given twice"
    )
  })

  it("refuses flags that mean nothing to it", () => {
    expect(error("sqlite", { flags: { host: "h" } })).toContain("--from-host has no meaning for a sqlite store")
    expect(error("neo4j", { flags: { graph: "g" } })).toContain("--from-graph has no meaning")
    expect(error("falkordb", { prefix: "to-", role: "target", flags: { database: "d" } })).toContain("--to-database")
  })

  it("unknown, says which there are", () => {
    expect(error("postgres")).toMatch(
      /"postgres" is no store: a kind is one of sqlite, falkordblite, falkordb, neo4j, memgraph/
    )
  })
})

describe("nothing", () => {
  it("is MEMORY_BACKEND, or MemoryGraph's default", () => {
    expect(config(undefined, { env: { MEMORY_BACKEND: "Memgraph" } })).toMatchObject({ kind: "memgraph" })
    expect(config(undefined)).toMatchObject({ kind: "sqlite" })
    expect(error(undefined, { env: { MEMORY_BACKEND: "turso" } })).toContain('MEMORY_BACKEND is "turso"')
  })

  it("is a flag's URI or path where one is given", () => {
    expect(config(undefined, { flags: { uri: "falkordb://h" } })).toMatchObject({ kind: "falkordb", host: "h" })
    expect(config(undefined, { flags: { path: "./x.fdb" } })).toMatchObject({ kind: "falkordblite" })
  })

  it("is an error for a target that must be named", () => {
    const given = { role: "target", prefix: "to-", mustBeNamed: true } as const
    expect(error(undefined, given)).toContain(
      "No target is named: give it as an argument, by --to, or by MEMORY_BACKEND"
    )
    expect(config(undefined, { ...given, env: { MEMORY_BACKEND: "falkordb" } })).toMatchObject({ kind: "falkordb" })
  })
})

describe("a password", () => {
  const file = () => {
    const made = path.join(tempFolder(), "password")
    fs.writeFileSync(made, "from file\n", { mode: 0o600 })
    return made
  }

  it("comes from its file, the URI, the environment, a question, in this order", () => {
    const env = { MEMORY_NEO4J_PASSWORD: "from env" }
    expect(config("bolt://u:from%20uri@h", { env, flags: { "password-file": file() } })).toMatchObject({
      password: "from file"
    })
    expect(config("bolt://u:from%20uri@h", { env })).toMatchObject({ user: "u", password: "from uri" })
    expect(config("bolt://u@h", { env, typedPassword: "typed" })).toMatchObject({ password: "from env" })
    expect(config("bolt://u@h", { typedPassword: "typed" })).toMatchObject({ password: "typed" })
    expect(config("bolt://h", { typedPassword: "typed" })).not.toHaveProperty("password")
  })

  it("on the command line works with a warning that does not repeat it", () => {
    for (const given of [full("falkordb://:secret@h"), full("falkordb", { flags: { uri: "redis://:secret@h" } })]) {
      expect(given.warnings).toHaveLength(1)
      expect(given.warnings[0]).toMatch(/stands in the command line.*--from-password-file/)
      expect(JSON.stringify(given)).not.toContain("secret")
    }
  })

  it("makes Neo4j's own user the default", () => {
    expect(config("neo4j", { env: { NEO4J_PASSWORD: "p" } })).toMatchObject({ user: "neo4j" })
    expect(config("neo4j")).not.toHaveProperty("user")
  })

  it("whose file cannot be read is a wrong call", () => {
    expect(error("neo4j", { flags: { "password-file": "/nowhere/pw" } })).toContain(
      "--from-password-file cannot be read"
    )
  })
})

describe("encryption", () => {
  it("is the scheme's or the flag's; a CA file means checking", () => {
    expect(config("neo4j", { flags: { "ca-file": "/ca.pem" } })).toMatchObject({ tls: "verify", caFile: "/ca.pem" })
    expect(config("bolt://h", { flags: { tls: "trust" } })).toMatchObject({ tls: "trust" })
    expect(error("bolt+s://h", { flags: { tls: "off" } })).toContain("The encryption of the source is given twice")
  })
})
