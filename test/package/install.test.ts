/** The packed tarball in an empty project: what it brings, and that its command works there. */
import * as fs from "node:fs"
import * as path from "node:path"
import { beforeAll, describe, expect, it } from "vitest"
import { runScript } from "../cli/runBin.ts"
import { fixture, tempFolder } from "../support/migrating.ts"
import { type Consumer, npm, packed } from "./packed.ts"

let consumer: Consumer
beforeAll(async () => {
  consumer = await packed()
}, 300_000)

const installed = () =>
  fs.readdirSync(path.join(consumer.folder, "node_modules")).filter((name) => !name.startsWith("."))

const read = (...file: ReadonlyArray<string>): unknown =>
  JSON.parse(fs.readFileSync(path.join(consumer.folder, "node_modules", "memorygraph-migrate", ...file), "utf8"))

describe("the package", () => {
  it("asks for its drivers and Effect, and for nothing that only the clone needs", () => {
    const manifest = read("package.json")
    expect(manifest).toMatchObject({ peerDependencies: { effect: expect.any(String) } })
    expect(manifest).not.toHaveProperty("optionalDependencies")
    expect(Object.keys(Object(Object(manifest).dependencies)).sort()).toEqual([
      "better-sqlite3",
      "falkordb",
      "neo4j-driver",
      "yaml"
    ])
    expect(installed()).toContain("effect")
    expect(installed().filter((name) => /^node-(bin-|linux|win)|modelcontextprotocol/.test(name))).toEqual([])
  })

  it("brings its schemas and declarations, and no sources, tests or maps", () => {
    const all = fs.readdirSync(path.join(consumer.folder, "node_modules", "memorygraph-migrate"), { recursive: true })
    const files = all.map((file) => String(file).replaceAll("\\", "/"))
    expect(read("schemas", "document-2.1.schema.json")).toHaveProperty("$schema")
    expect(files).toContain("dist/lib/index.d.ts")
    expect(files.filter((file) => /^(src|test|scripts|tools|node_modules)(\/|$)|\.map$/.test(file))).toEqual([])
    expect(files.filter((file) => file.endsWith(".ts") && !file.endsWith(".d.ts"))).toEqual([])
  })
})

const moveAndVerify = async (run: Consumer["run"]) => {
  const folder = tempFolder()
  const [from, to] = [path.join(folder, "from.db"), path.join(folder, "to.db")]
  fs.copyFileSync(fixture("python-small.db"), from)
  const moved = await run(["migrate", from, to, "--yes"])
  expect(moved.output).toContain("mg1:")
  expect(moved.code).toBe(0)
  expect((await run(["verify", from, to])).code).toBe(0)
}

describe("the installed command", () => {
  it("is found by npx, under both of its names", async () => {
    const { version } = Object(read("package.json"))
    for (const name of ["memorygraph", "memorygraph-migrate"])
      expect((await npm(consumer.folder, "exec", "--offline", "--no", name, "--", "--version")).trim()).toBe(version)
  })

  it("moves a store, and finds the same fingerprint on both sides", () => moveAndVerify(consumer.run))

  it("needs no Effect beside it", async () => {
    const modules = path.join(tempFolder(), "node_modules")
    fs.mkdirSync(modules)
    const own = path.join(modules, "memorygraph-migrate")
    fs.cpSync(path.join(consumer.folder, "node_modules", "memorygraph-migrate"), own, { recursive: true })
    for (const name of installed().filter((one) => !["effect", "memorygraph-migrate"].includes(one)))
      fs.symlinkSync(path.join(consumer.folder, "node_modules", name), path.join(modules, name))
    await moveAndVerify((args, options) => runScript(path.join(own, "dist", "bin.js"), args, options))
  })
})
