/** A store of an earlier run is found again by its name in the config file, which knows the way to its password. */
import * as fs from "node:fs"
import * as path from "node:path"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { expect, it } from "vitest"
import type { StoreConfig } from "../../src/backend/StoreConfig.ts"
import { storeName } from "../../src/migration/manifest.ts"
import { loadConfig } from "../../src/settings/configFile.ts"
import { namingOf } from "../../src/settings/storeName.ts"
import { resolve } from "../../src/settings/stores.ts"
import { tempFolder } from "../support/migrating.ts"

const folder = tempFolder()
fs.writeFileSync(path.join(folder, "secret"), "from the file\n")
fs.writeFileSync(
  path.join(folder, "config.yaml"),
  `stores:
  team: { uri: "neo4j://db.example.org/notes", user: alice, password-file: secret }
  cache: { uri: "falkordb://10.0.0.1/brain", password-env: CACHE_PASSWORD }
`
)
const env = { MEMORYGRAPH_CONFIG: path.join(folder, "config.yaml"), CACHE_PASSWORD: "from the variable" }
const config = await Effect.runPromise(loadConfig(env))

const again = (store: StoreConfig): StoreConfig =>
  Effect.runSync(
    resolve(namingOf("target", "", storeName(store), { config }), {
      env,
      config,
      allowUpgrade: false,
      askPassword: () => Effect.succeed(undefined)
    })
  ).config

const byWord = (word: string): StoreConfig =>
  Effect.runSync(
    resolve(
      { ...namingOf("target", "", { kind: "sqlite", path: "x" }), word },
      { env, config, allowUpgrade: false, askPassword: () => Effect.succeed(undefined) }
    )
  ).config

it.each([
  ["team", "from the file"],
  ["cache", "from the variable"]
])("%s comes with its password", (word, password) => {
  const store = byWord(word)
  const found = again(store)
  expect(storeName(found)).toEqual(storeName(store))
  expect("password" in found && found.password !== undefined && Redacted.value(found.password)).toBe(password)
})

it.each<StoreConfig>([
  { kind: "falkordb", host: "10.0.0.1", port: 6379, graph: "another" },
  { kind: "falkordb", host: "10.0.0.2", port: 6379, graph: "brain" },
  { kind: "neo4j", host: "db.example.org", port: 7687, database: "notes", user: "bob", routing: true },
  { kind: "neo4j", host: "db.example.org", port: 7687, database: "other", user: "alice", routing: true }
])("another store does not get it: %j", (store) => {
  expect(again(store)).toMatchObject({ password: undefined })
})
