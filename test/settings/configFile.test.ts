import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { describe, expect, it } from "vitest"
import { type Config, loadConfig, locate } from "../../src/settings/configFile.ts"
import type { Environment } from "../../src/settings/environment.ts"
import { type Naming, resolve, type StoreFlags } from "../../src/settings/stores.ts"
import { NO_FLAGS } from "../../src/settings/storeName.ts"
import { copyOf, tempFolder } from "../support/migrating.ts"

/** A config file in a folder of its own. */
const written = (text: string | Uint8Array): string => {
  const file = path.join(tempFolder(), "config.yaml")
  fs.writeFileSync(file, text)
  return file
}

const load = (text: string | Uint8Array): Promise<Config> =>
  Effect.runPromise(loadConfig({ MEMORYGRAPH_CONFIG: written(text) }))

/** The message of a config file that is refused, without the folder. */
const refused = async (text: string | Uint8Array): Promise<string> => {
  const error = await Effect.runPromise(Effect.flip(loadConfig({ MEMORYGRAPH_CONFIG: written(text) })))
  expect(error._tag).toBe("UsageError")
  return error.message.replace(/^(The config file )?\S*\/config\.yaml/, "FILE")
}

const TWO = `
stores:
  laptop: { kind: sqlite, path: data/memory.db, layout: column }
  team:
    uri: neo4j+s://db.example.org:7688/notes
    user: alice
    password-file: secrets/team
    ca-file: ~/ca.pem
  cache: { uri: "falkordb://10.0.0.1/brain", password-env: CACHE_PASSWORD }
backend: team
state-dir: state
progress: plain
on-conflict: overwrite
mcp: { roots: [exports, ~/notes], allow-any: true }
`

describe("the config file", () => {
  it("is found by its variable, then in the user's config folder", () => {
    expect(locate({ MEMORYGRAPH_CONFIG: "/a/b.yaml", XDG_CONFIG_HOME: "/x" })).toEqual({
      file: "/a/b.yaml",
      isNamed: true
    })
    expect(locate({ XDG_CONFIG_HOME: "/x" }).file).toBe("/x/memorygraph-migrate/config.yaml")
    const home = path.join(os.homedir(), ".config/memorygraph-migrate/config.yaml")
    expect(locate({ XDG_CONFIG_HOME: "not/absolute" }).file).toBe(home)
    expect(locate({})).toEqual({ file: home, isNamed: false })
  })

  it("is empty where it is not there, unless it is named", async () => {
    const nowhere = tempFolder()
    const none = await Effect.runPromise(loadConfig({ XDG_CONFIG_HOME: nowhere }))
    expect(none).toMatchObject({ file: undefined, backend: undefined })
    expect(none.stores.size).toBe(0)
    const named = loadConfig({ MEMORYGRAPH_CONFIG: path.join(nowhere, "c.yaml") })
    expect((await Effect.runPromise(Effect.flip(named))).message).toContain("c.yaml cannot be read: it does not exist")
  })

  it("names stores and defaults; paths in it are relative to it", async () => {
    const file = written(TWO)
    const folder = path.dirname(file)
    const config = await Effect.runPromise(loadConfig({ MEMORYGRAPH_CONFIG: file }))
    expect([...config.stores.keys()]).toEqual(["laptop", "team", "cache"])
    expect(config.stores.get("laptop")).toMatchObject({
      kind: "sqlite",
      path: path.join(folder, "data/memory.db"),
      layout: "column",
      line: 3
    })
    expect(config.stores.get("team")).toMatchObject({
      kind: "neo4j",
      host: "db.example.org",
      port: 7688,
      database: "notes",
      tls: "verify",
      routing: true,
      passwordFile: path.join(folder, "secrets/team"),
      caFile: path.join(os.homedir(), "ca.pem"),
      line: 4
    })
    expect(config.stores.get("cache")).toMatchObject({
      kind: "falkordb",
      host: "10.0.0.1",
      graph: "brain",
      passwordEnv: "CACHE_PASSWORD"
    })
    expect(config).toMatchObject({
      file,
      backend: "team",
      stateDir: path.join(folder, "state"),
      progress: "plain",
      onConflict: "overwrite",
      mcp: { roots: [path.join(folder, "exports"), path.join(os.homedir(), "notes")], allowAny: true }
    })
    expect(config.lines.get("on-conflict")).toBe(13)
  })

  it("may be JSON, empty, or all comments", async () => {
    expect((await load('{"stores": {"a": {"path": "x.db"}}, "backend": "a"}')).stores.get("a")).toMatchObject({
      kind: "sqlite"
    })
    expect((await load("")).stores.size).toBe(0)
    expect((await load("# nothing yet\nstores:\n")).stores.size).toBe(0)
  })

  it.each([
    ["stores:\n  a: { path: x.db }\nbackends: a", /^FILE:3: backends: is unexpected, expected: .*"stores"/],
    ["stores:\n  a:\n    path: x.db\n    pth: y", /^FILE:4: stores\.a\.pth: is unexpected/],
    ["stores:\n  a: { kind: postgres }", /^FILE:2: stores\.a\.kind: Expected .*"sqlite".*actual "postgres"/],
    ["stores:\n  a: { kind: neo4j, port: 99999 }", /^FILE:2: stores\.a\.port: /],
    ["stores:\n  a: { kind: neo4j, database: 7 }", /^FILE:2: stores\.a\.database: Expected .*actual 7/],
    ["stores:\n  a: { kind: sqlite, path: x.db, host: h }", /^FILE:2: stores\.a\.host: it has no meaning for a sqlite/],
    [
      "stores:\n  a: { kind: sqlite, path: x.db, password-env: P }",
      /^FILE:2: stores\.a\.password-env: it has no meaning/
    ],
    ["stores:\n  a: { kind: sqlite }", /^FILE:2: stores\.a: a sqlite store needs a path/],
    ["stores:\n  a: {}", /^FILE:2: stores\.a: it needs a kind, a uri or a path/],
    ["stores:\n  a: { path: x.unknown }", /^FILE:2: stores\.a\.path: what kind of store that is cannot be told/],
    ["stores:\n  a: { uri: 'postgres://h' }", /^FILE:2: stores\.a\.uri: the scheme postgres: is not known/],
    ["stores:\n  a: { uri: 'bolt://h', host: other }", /^FILE:2: stores\.a\.host: the uri says otherwise/],
    ["stores:\n  sqlite: { path: x.db }", /^FILE:2: stores\.sqlite: sqlite is the name of a kind/],
    ["stores:\n  a/b: { path: x.db }", /^FILE:2: stores\.a\/b: the name of a store is letters/],
    ["stores:\n  -a: { path: x.db }", /^FILE:2: stores\.-a: the name of a store/],
    ["stores: []", /^FILE:1: stores: /],
    ["backend: nowhere", /^FILE:1: backend: "nowhere" is neither a store of this file nor a kind; known are sqlite/],
    ["progress: fancy", /^FILE:1: progress: Expected "auto" or "plain" or "json" or "none", actual "fancy"/],
    ["mcp:\n  allow-any: yes", /^FILE:2: mcp\.allow-any: Expected boolean, actual "yes"/],
    ["mcp: { roots: /tmp }", /^FILE:1: mcp\.roots: /],
    ["a: 1\na: 2", /^FILE:2: Map keys must be unique/],
    ["stores:\n  a: {path: [}", /^FILE:2: /],
    ["a: &x 1\nb: *x", /^FILE:\d: (anchors|aliases) of YAML are refused/],
    ["stores:\n  a: !!str x", /^FILE:2: tags of YAML are refused/],
    ["stores:\n  a: { path: x.db }\n  <<: { b: 1 }", /^FILE:3: stores\.<<(\.b)?: /],
    ["stores:\n  __proto__: { path: x.db }", /^FILE:2: __proto__ is no key/],
    ["a: 1\n---\nb: 2", /^FILE:1: it is more than one YAML document/],
    [`${"[".repeat(5000)}${"]".repeat(5000)}`, /^FILE:1: /],
    [`# ${"x".repeat(70_000)}`, /^FILE cannot be read: it is larger than 64 KiB/],
    [new Uint8Array([0x61, 0xff, 0x62]), /^FILE cannot be read: .*not valid/]
  ])("is refused as a whole where anything in it is wrong: %#", async (text, message) => {
    expect(await refused(text)).toMatch(message)
  })

  it("takes no password in the clear, and repeats none", async () => {
    for (const text of [
      "stores:\n  a: { kind: neo4j, password: hunter2 }",
      "stores:\n  a: { uri: 'bolt://me:hunter2@h' }",
      "stores:\n  a: { kind: neo4j, password: 1234567 }"
    ]) {
      const message = await refused(text)
      expect(message).toMatch(/^FILE:2: .*password-file, or a variable with password-env/)
      expect(message).not.toMatch(/hunter2|1234567/)
    }
    expect(await refused("stores:\n  a: { kind: neo4j, password-env: A, password-file: b }")).toContain(
      "leave one of them out"
    )
  })
})

const resolving = (
  config: Config,
  word: string | undefined,
  given: { readonly flags?: Partial<StoreFlags>; readonly env?: Environment; readonly naming?: Partial<Naming> } = {}
) =>
  resolve(
    { role: "source", prefix: "from-", word, flags: { ...NO_FLAGS, ...given.flags }, ...given.naming },
    { env: given.env ?? {}, config, allowUpgrade: false, askPassword: () => Effect.succeed(undefined) }
  )

const found = (...args: Parameters<typeof resolving>): object => {
  const { config } = Effect.runSync(resolving(...args))
  return Object.fromEntries(
    Object.entries(config).flatMap(([key, value]) =>
      value === undefined ? [] : [[key, Redacted.isRedacted(value) ? Redacted.value(value) : value]]
    )
  )
}
const failure = (...args: Parameters<typeof resolving>): string =>
  Effect.runSync(Effect.flip(resolving(...args))).message

/** Settings of MemoryGraph for one store of each kind. */
const OTHERS: Environment = {
  MEMORY_SQLITE_PATH: "/env/m.db",
  MEMORY_NEO4J_URI: "bolt://env:1/env",
  MEMORY_NEO4J_USER: "env",
  MEMORY_NEO4J_PASSWORD: "env",
  MEMORY_NEO4J_DATABASE: "env",
  MEMORY_FALKORDB_HOST: "env",
  MEMORY_FALKORDB_PORT: "2",
  MEMORY_FALKORDB_PASSWORD: "env",
  MEMORY_FALKORDB_GRAPH: "env"
}

describe("a store of the config file", () => {
  const CONFIG = `
stores:
  laptop: { path: /data/laptop.db }
  team: { uri: "neo4j://db:7688/notes", user: alice, password-env: TEAM_PASSWORD }
  cache: { kind: falkordb }
`
  it("is what its entry says, whatever the environment says of its kind", async () => {
    const config = await load(CONFIG)
    expect(found(config, "laptop", { env: OTHERS })).toEqual({ kind: "sqlite", path: "/data/laptop.db" })
    expect(found(config, "team", { env: { ...OTHERS, TEAM_PASSWORD: "t" } })).toEqual({
      kind: "neo4j",
      host: "db",
      port: 7688,
      database: "notes",
      user: "alice",
      password: "t",
      routing: true
    })
    expect(found(config, "cache", { env: OTHERS })).toEqual({ kind: "falkordb", host: "localhost", port: 6379 })
  })

  it("is outranked by flags, one by one", async () => {
    const config = await load(CONFIG)
    const env = { TEAM_PASSWORD: "t" }
    expect(found(config, "team", { env, flags: { database: "other", tls: "trust" } })).toMatchObject({
      host: "db",
      port: 7688,
      database: "other",
      tls: "trust"
    })
    expect(found(config, "team", { env, flags: { host: "elsewhere" } })).toMatchObject({
      host: "elsewhere",
      port: 7687
    })
    expect(found(config, "team", { env, flags: { user: "bob", port: 9 } })).toMatchObject({
      host: "db",
      port: 9,
      user: "bob"
    })
    expect(found(config, "laptop", { flags: { path: "/other.db" } })).toMatchObject({ path: "/other.db" })
    expect(failure(config, "team", { env, flags: { uri: "bolt://x" } })).toContain(
      "team and --from-uri name two stores"
    )
    expect(failure(config, "laptop", { flags: { host: "h" } })).toContain(
      "--from-host has no meaning for a sqlite store"
    )
  })

  it("outranks a kind and a file of its name", async () => {
    const config = await load(CONFIG)
    const before = process.cwd()
    process.chdir(path.dirname(copyOf("python-small.db")))
    try {
      fs.renameSync("python-small.db", "laptop")
      expect(found(config, "laptop")).toMatchObject({ path: "/data/laptop.db" })
      expect(found(config, "./laptop")).toMatchObject({ path: path.resolve("laptop") })
    } finally {
      process.chdir(before)
    }
  })

  it("unknown, is answered with those there are", async () => {
    expect(failure(await load(CONFIG), "labtop")).toMatch(
      /"labtop" is no store: the config file names laptop, team, cache; a kind is/
    )
  })

  it("says where its password comes from when that fails", async () => {
    const config = await load(CONFIG)
    expect(failure(config, "team")).toMatch(
      /The variable TEAM_PASSWORD, which password-env in stores\.team of .*config\.yaml, line 4, names, is not set/
    )
    const file = await load("stores:\n  team: { uri: 'bolt://h', password-file: nowhere }")
    expect(failure(file, "team")).toMatch(/^password-file in stores\.team of .*line 2, cannot be read: ENOENT/)
    const own = path.join(tempFolder(), "pw")
    fs.writeFileSync(own, "from flag\n")
    expect(found(config, "team", { flags: { "password-file": own } })).toMatchObject({ password: "from flag" })
  })
})

describe("the store in use", () => {
  const CONFIG = "stores:\n  a: { path: /a.db }\n  b: { path: /b.db }\nbackend: a"

  it.each([
    ["flag", "b", { MEMORY_BACKEND: "neo4j" }, CONFIG, { path: "/b.db" }],
    ["environment, a kind", undefined, { MEMORY_BACKEND: "Falkordb" }, CONFIG, { kind: "falkordb" }],
    ["environment, a name", undefined, { MEMORY_BACKEND: "b" }, CONFIG, { path: "/b.db" }],
    ["config file, a name", undefined, {}, CONFIG, { path: "/a.db" }],
    ["config file, a kind", undefined, { MEMORY_SQLITE_PATH: "/env.db" }, "backend: sqlite", { path: "/env.db" }],
    ["default", undefined, { MEMORY_SQLITE_PATH: "/env.db" }, "", { path: "/env.db" }]
  ])("is said by: %s", async (_, word, env, text, expected) => {
    expect(found(await load(text), word, { env })).toMatchObject(expected)
  })

  it("may be a target where the config file says it, and not by default", async () => {
    const naming = { role: "target", prefix: "to-", mustBeNamed: true } as const
    expect(found(await load(CONFIG), undefined, { naming })).toMatchObject({ path: "/a.db" })
    expect(failure(await load(""), undefined, { naming })).toContain("No target is named")
  })

  it("that nobody knows is an error that names the setting", async () => {
    expect(failure(await load(CONFIG), undefined, { env: { MEMORY_BACKEND: "turso" } })).toBe(
      'MEMORY_BACKEND is "turso", which names no store that this program knows: a, b, sqlite, falkordblite, falkordb, neo4j, memgraph.'
    )
  })
})
