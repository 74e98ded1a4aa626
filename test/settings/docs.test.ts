/** The table of docs/settings.md says what the code does. */
import * as fs from "node:fs"
import * as path from "node:path"
import * as Effect from "effect/Effect"
import { describe, expect, it } from "vitest"
import { KINDS } from "../../src/backend/StoreConfig.ts"
import { CONFIG_KEYS, STORE_KEYS } from "../../src/settings/configDecode.ts"
import { loadConfig } from "../../src/settings/configFile.ts"
import { NAMES, type SettingNames } from "../../src/settings/effective.ts"
import { SETTINGS } from "../../src/settings/environment.ts"
import { tempFolder } from "../support/migrating.ts"

const page = fs.readFileSync(new URL("../../docs/settings.md", import.meta.url), "utf8")

/** The rows of the table: what stands in code in each of its columns. */
const rows = page
  .split("\n")
  .filter((line) => line.startsWith("| ") && !/^\| (setting|---)/.test(line))
  .map((line) => line.split("|").slice(1, 6))
const inCode = (cell = ""): ReadonlyArray<string> => [...cell.matchAll(/`([^`]+)`/g)].map(([, word = ""]) => word)

describe("docs/settings.md", () => {
  it("has every variable of every kind, in the order in which they count, and no other", () => {
    const documented = rows
      .filter(([name]) => (name ?? "").startsWith(" `"))
      .map(([name, , variables]) => [(name ?? "").replaceAll("`", "").trim(), inCode(variables)])
    const known = KINDS.flatMap((kind) =>
      Object.entries(SETTINGS[kind]).map(([field, variables]) => [`${kind} ${field}`, variables])
    )
    expect(documented).toEqual(known)
  })

  it("has every other setting with its flag, variable and key", () => {
    const documented = rows
      .filter(([name]) => !(name ?? "").startsWith(" `"))
      .map(([, flags, variables, keys]) => [inCode(flags).join(", "), inCode(variables).join(), inCode(keys).join()])
    const names: ReadonlyArray<SettingNames> = Object.values(NAMES)
    expect(documented).toEqual(names.map(({ flag = "", key = "", variable = "" }) => [flag, variable, key]))
    expect(documented.map(([, , key]) => key).filter((key) => key !== "")).toEqual(CONFIG_KEYS)
  })

  it("names every key of a store, and its example is one that is read", async () => {
    for (const key of STORE_KEYS) expect(page).toContain(`\`${key}\``)
    const example = /```yaml\n([\s\S]*?)```/.exec(page)?.[1] ?? ""
    const file = path.join(tempFolder(), "config.yaml")
    fs.writeFileSync(file, example)
    const config = await Effect.runPromise(loadConfig({ MEMORYGRAPH_CONFIG: file }))
    expect([...config.stores.keys()]).toEqual(["laptop", "team", "cache"])
  })
})
