/** The installed library: which drivers it loads, what its types are to a consumer, and that the examples run on it. */
import { execFile } from "node:child_process"
import * as fs from "node:fs"
import { createRequire } from "node:module"
import * as path from "node:path"
import { promisify } from "node:util"
import { beforeAll, describe, expect, it } from "vitest"
import { cleanEnv } from "../cli/runBin.ts"
import { engineAvailable } from "../support/falkordb.ts"
import { fixture, tempFolder } from "../support/migrating.ts"
import { type Consumer, emptyProject, npmInstall, onceInRun, packed } from "./packed.ts"

const CLONE = new URL("../..", import.meta.url).pathname
const EXAMPLES = path.join(CLONE, "examples")

const exec = promisify(execFile)
const runNode = async (cwd: string, ...args: ReadonlyArray<string>): Promise<string> => {
  const { stderr, stdout } = await exec(process.execPath, args, { cwd, env: cleanEnv(), timeout: 200_000 })
  return stdout + stderr
}

let consumer: Consumer
beforeAll(async () => {
  consumer = await packed()
  fs.cpSync(EXAMPLES, path.join(consumer.folder, "examples"), { recursive: true })
}, 300_000)

describe("drivers", () => {
  const SCRIPT = `
    import { registerHooks } from "node:module"
    const loaded = new Set()
    registerHooks({
      resolve(specifier, context, next) {
        const found = next(specifier, context)
        const name = /\\/node_modules\\/((@[^/]+\\/)?[^/]+)\\//.exec(found.url)?.[1]
        if (name !== undefined) loaded.add(name)
        return found
      }
    })
    const Effect = await import("effect/Effect")
    const { connect, migrate, Neo4jBackend, FalkorDBBackend } = await import("memorygraph-migrate")
    const drivers = () =>
      [...loaded].filter((name) => /neo4j|falkordb|redis|sqlite/.test(name)).sort().join(" ")
    const native = () => process.report.getReport().sharedObjects.some((file) => file.includes("better-sqlite3"))
    console.log("imported, native part of SQLite:", native())
    const [from, to] = process.argv.slice(2)
    await Effect.runPromise(Effect.scoped(Effect.gen(function* () {
      const source = yield* connect({ kind: "sqlite", path: from })
      const target = yield* connect({ kind: "sqlite", path: to })
      return yield* migrate(source, target, { stateFolder: to + ".state" })
    })))
    console.log("migrated:", drivers())
    const nowhere = { host: "127.0.0.1", port: 1 }
    for (const { make } of [FalkorDBBackend, Neo4jBackend])
      await Effect.runPromise(Effect.scoped(Effect.flip(make(nowhere))))
    console.log("connected:", drivers())
  `

  it("load with the first store of their kind, and no sooner", async () => {
    const script = path.join(consumer.folder, "drivers.js")
    fs.writeFileSync(script, SCRIPT)
    const printed = await runNode(consumer.folder, script, fixture("python-small.db"), path.join(tempFolder(), "to.db"))
    expect(printed).toContain("imported, native part of SQLite: false\n")
    expect(printed).toContain("migrated: better-sqlite3\n")
    expect(printed).toMatch(/connected: .*better-sqlite3 falkordb neo4j-driver/)
  })
})

describe("types", () => {
  const check = async (tsc: string, resolution: "nodenext" | "bundler", skipLibCheck: boolean) => {
    const folder = path.join(consumer.folder, `types-${resolution}-${skipLibCheck}`)
    fs.mkdirSync(folder, { recursive: true })
    fs.writeFileSync(
      path.join(folder, "schemas.ts"),
      'import schema from "memorygraph-migrate/schemas/document-2.1.schema.json" with { type: "json" }\n' +
        "export const name: string = schema.$schema\n"
    )
    fs.writeFileSync(
      path.join(folder, "tsconfig.json"),
      JSON.stringify({
        compilerOptions: {
          target: "es2023",
          module: resolution === "bundler" ? "esnext" : resolution,
          moduleResolution: resolution,
          strict: true,
          exactOptionalPropertyTypes: true,
          noUncheckedIndexedAccess: true,
          noEmit: true,
          allowImportingTsExtensions: true,
          resolveJsonModule: true,
          skipLibCheck,
          types: ["node"],
          typeRoots: [path.join(CLONE, "node_modules", "@types")]
        },
        include: ["*.ts", "../examples/*.ts"]
      })
    )
    await expect(runNode(folder, tsc, "-p", folder)).resolves.toBe("")
  }

  const newest = path.join(
    path.dirname(createRequire(import.meta.url).resolve("typescript/package.json")),
    "bin",
    "tsc"
  )

  // Our declarations are checked with it, not only their use.
  it("are sound under nodenext (TypeScript 7)", () => check(newest, "nodenext", false), 240_000)
  it("are sound under bundler (TypeScript 7)", () => check(newest, "bundler", true), 240_000)

  it("are understood by TypeScript 5.9, under both", async () => {
    const folder = await onceInRun("typescript-5", async (into) => {
      await npmInstall(emptyProject(into), "typescript@5.9")
    })
    const tsc = path.join(folder, "node_modules", "typescript", "bin", "tsc")
    await check(tsc, "nodenext", true)
    await check(tsc, "bundler", true)
  }, 400_000)
})

describe("the examples of the docs", () => {
  const run = (name: string, ...args: ReadonlyArray<string>): Promise<string> => {
    const folder = tempFolder()
    fs.copyFileSync(path.join(EXAMPLES, "memories.db"), path.join(folder, "memories.db"))
    return runNode(folder, path.join(consumer.folder, "examples", name), ...args)
  }

  it.each<readonly [string, RegExp]>([
    ["migrateInHost.ts", /"message":"moved".*"written":90.*"fingerprint":"mg1:[0-9a-f]{16}"/],
    ["twoStores.ts", /^written 90, then 0 \(90 are there already\)\n30 nodes\n$/],
    ["progress.ts", /^preflight started: 0 of \?\n[^]*verify ended: 90 of 90\n[^]*done\n$/],
    ["documents.ts", /^\d+ solutions; 90 records written\n$/],
    ["planFirst.ts", /^90 new, 0 same, 0 in conflict\ndone\n$/],
    [
      "errors.ts",
      /^no-such\.db cannot be used: not-found\nrefused before the first write: same-store\nmoved 90 records\n$/
    ]
  ])("%s", async (name, output) => {
    expect(await run(name)).toMatch(output)
  })

  it("checkBackend.ts", async () => {
    expect(await run("checkBackend.ts", "publish")).toMatch(/^\d+ passed, 0 failed, \d+ skipped\n$/)
  })

  it("migrate.ts", async (context) => {
    if (engineAvailable !== undefined) context.skip(engineAvailable)
    expect(await run("migrate.ts")).toMatch(/^mg1:[0-9a-f]{16}\n$/)
  })

  it("are all run here", () => {
    const text = fs.readFileSync(new URL(import.meta.url).pathname, "utf8")
    for (const file of fs.readdirSync(EXAMPLES).filter((name) => /^[a-z].*\.ts$/.test(name)))
      expect(text).toContain(file)
  })
})
