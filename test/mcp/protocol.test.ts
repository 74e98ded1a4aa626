/** The wire and the list of tools: what any client meets, however it behaves. */
import * as fs from "node:fs"
import * as path from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { runScript } from "../cli/runBin.ts"
import { copyOf, tempFolder } from "../support/migrating.ts"
import { binToTest, eventually, openSession, SECRET, type Session, withSession } from "./support.ts"

const source = copyOf("python-small.db")
const folder = fs.realpathSync(tempFolder())
const config = {
  stores: { laptop: { kind: "sqlite", path: source }, team: { kind: "sqlite", path: path.join(folder, "team.db") } },
  mcp: { roots: [folder] }
}

describe("the tools", () => {
  let session: Session
  beforeAll(async () => {
    session = await openSession({ config })
  }, 300_000)
  afterAll(() => session.close())

  it("are these, and say truly what they do", async () => {
    const { tools } = await session.client.listTools()
    const READS = { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false }
    const WRITES = { readOnlyHint: false, destructiveHint: true, idempotentHint: true, openWorldHint: false }
    expect(
      Object.fromEntries(
        tools.map(({ annotations, name, title }) => {
          expect(annotations?.title).toBe(title)
          const { title: _title, ...hints } = annotations ?? {}
          return [name, hints]
        })
      )
    ).toEqual({
      migrate_database: WRITES,
      validate_migration: READS,
      export_memories: WRITES,
      import_memories: WRITES,
      backend_health: READS,
      inspect_graph: READS,
      list_runs: READS,
      rollback_run: WRITES,
      migration_status: READS
    })
    for (const { description, inputSchema, outputSchema, title } of tools) {
      expect(title).toBeTruthy()
      expect(description?.length).toBeGreaterThan(40)
      expect(inputSchema).toMatchObject({ type: "object", additionalProperties: false })
      expect(outputSchema).toMatchObject({ type: "object" })
      for (const property of Object.values(inputSchema.properties ?? {})) expect(property).toHaveProperty("description")
    }
  })

  it("take the arguments of the established interface", async () => {
    const { tools } = await session.client.listTools()
    for (const name of ["migrate_database", "validate_migration"]) {
      const { properties } = tools.find((tool) => tool.name === name)?.inputSchema ?? {}
      expect(Object.keys(properties ?? {})).toEqual(
        expect.arrayContaining([
          ...["source_backend", "source_config", "target_backend", "target_config", "verify", "skip_duplicates"],
          ...(name === "migrate_database" ? ["dry_run"] : [])
        ])
      )
    }
  })

  it.each([
    [
      "an unknown argument",
      "migrate_database",
      { source: "laptop", target: "team", force: SECRET },
      /force: is unexpected/
    ],
    ["a wrong type", "migrate_database", { source: "laptop", target: 5 }, /target: Expected string/],
    ["a wrong word", "migrate_database", { target: "team", on_conflict: SECRET }, /on_conflict: Expected/],
    [
      "a password of a wrong type",
      "backend_health",
      { config: { password: [SECRET] } },
      /config\.password: Expected string/
    ],
    ["a missing argument", "rollback_run", {}, /run: is missing/],
    ["a malformed hash", "migrate_database", { target: "team", plan_hash: SECRET }, /plan_hash: Expected/],
    ["a tool that is not there", "drop_database", {}, /no tool of that name/]
  ])("%s is refused, without being repeated", async (_what, name, given, message) => {
    const error = await session.client.callTool({ name, arguments: given }).then(
      () => undefined,
      (cause: unknown) => cause
    )
    expect(error).toMatchObject({ code: -32602 })
    expect(String(error)).toMatch(message)
    expect(String(error)).not.toContain(SECRET)
  })

  it("10 calls at once are all answered, and the server writes one of two runs into one target", async () => {
    const migration = { source: "laptop", target: "team" }
    const { data } = await session.call("migrate_database", migration)
    const acting = { ...migration, plan_hash: data.plan_hash }
    const all = await Promise.all([
      session.call("migrate_database", acting),
      session.call("migrate_database", acting),
      ...Array.from({ length: 3 }, () => session.call("inspect_graph", { store: "laptop" })),
      ...Array.from({ length: 2 }, () => session.call("backend_health", { store: "laptop" })),
      session.call("validate_migration", { source: "laptop", target: "laptop" }),
      session.call("list_runs"),
      session.call("migration_status", { run: "no-such-run" })
    ])
    expect(all).toHaveLength(10)
    const written = all.slice(0, 2).filter(({ isError }) => !isError)
    expect(written.length).toBeGreaterThanOrEqual(1)
    for (const { data: lost, isError } of all.slice(0, 2)) {
      if (isError) expect(["Refused", "WriteFailed", "StoreUnavailable"]).toContain(lost.error.tag)
    }
    for (const { data: found } of all.slice(2, 5)) expect(found).toMatchObject({ nodes: 30, relationships: 60 })
    for (const { data: found } of all.slice(5, 7)) expect(found.stores).toMatchObject([{ reachable: true }])
    expect(all[7]?.data.error).toMatchObject({ tag: "Refused", reason: "same-store" })
    expect(all[9]?.data.error).toMatchObject({ tag: "UsageError", exitCode: 2 })
    const compared = await session.call("validate_migration", { ...migration, mode: "compare" })
    expect(compared.data).toMatchObject({ status: "done", report: { outcome: "equal" } })
    const { data: runs } = await session.call("list_runs")
    expect(runs.runs).toHaveLength(1)
  })
})

describe("the wire", () => {
  it("whatever is no JSON-RPC is answered as that, and the server goes on", () =>
    withSession({ config }, async (session) => {
      const answers = async (bytes: string | Buffer) => {
        const before = session.lines().length
        session.write(bytes)
        return eventually("an answer", () => {
          const line = session.lines()[before]
          return line === undefined ? undefined : JSON.parse(line)
        })
      }
      expect(await answers("{ nonsense\n")).toMatchObject({ error: { code: -32700 } })
      expect(await answers(Buffer.from([0x22, 0xff, 0xfe, 0x22, 0x0a]))).toMatchObject({ error: { code: -32700 } })
      expect(await answers("[]\n")).toMatchObject({ error: { code: -32600 } })
      expect(await answers("42\n")).toMatchObject({ error: { code: -32600 } })
      expect(await answers('{"jsonrpc":"1.0","id":"a","method":"tools/list"}\n')).toMatchObject({
        id: "a",
        error: { code: -32600 }
      })
      expect(await answers('{"jsonrpc":"2.0","id":"b","method":"no/such"}\n')).toMatchObject({
        id: "b",
        error: { code: -32601 }
      })
      expect(await answers('{"jsonrpc":"2.0","id":"c","method":"tools/call","params":{"name":5}}\n')).toMatchObject({
        id: "c",
        error: { code: expect.any(Number) }
      })
      const before = session.lines().length
      session.write('\n\r\n{"jsonrpc":"2.0","method":"notifications/no-such"}\n')
      expect(await answers(`${"x".repeat(9 * 1024 * 1024)}\n`)).toMatchObject({ error: { code: -32700 } })
      // In pieces, and several in one.
      session.write('{"jsonrpc":"2.0","id":"d","met')
      await new Promise((resolve) => setTimeout(resolve, 30))
      session.write('hod":"ping"}\r\n{"jsonrpc":"2.0","id":"e","method":"ping"}\n')
      await eventually("both answers", () => (session.lines().length >= before + 3 ? true : undefined))
      expect(
        session
          .lines()
          .slice(before + 1)
          .map((line) => JSON.parse(line).id)
      ).toEqual(["d", "e"])
      expect((await session.call("inspect_graph", { store: "laptop" })).data.nodes).toBe(30)
    }))

  it("what drivers print does not get into the protocol", async () => {
    const noise = `setInterval(() => { console.log("noise"); process.stdout.write("more noise\\n") }, 20).unref()`
    const env = { NODE_OPTIONS: `--import data:text/javascript,${encodeURIComponent(noise)}` }
    await withSession({ config, env }, async (session) => {
      await session.call("inspect_graph", { store: "laptop" })
      await eventually("noise", () => (session.said().includes("more noise") ? true : undefined))
      // `close` checks that every line of standard output is JSON-RPC; the noise that came before the server took the
      // stream over is none of its own.
    })
  })

  it("it ends with its input: exit code 0, and nothing on standard output but answers", async () => {
    const hello = {
      jsonrpc: "2.0",
      id: 1,
      method: "initialize",
      params: { protocolVersion: "2025-06-18", capabilities: {}, clientInfo: { name: "pipe", version: "1" } }
    }
    const { code, stderr, stdout } = await runScript(await binToTest(), ["mcp"], {
      stdin: `${JSON.stringify(hello)}\n`
    })
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" })
    const lines = stdout.trimEnd().split("\n")
    expect(lines).toHaveLength(1)
    expect(JSON.parse(lines[0] ?? "")).toMatchObject({ id: 1, result: { serverInfo: { name: "memorygraph-migrate" } } })
  })

  it("its start takes less than half a second of CPU, and loads no driver", async () => {
    const report = `process.once("exit", () => process.stderr.write(JSON.stringify({ usage: process.cpuUsage(), addons: process.report.getReport().sharedObjects.filter((file) => file.endsWith(".node")) })))`
    const env = { NODE_OPTIONS: `--import data:text/javascript,${encodeURIComponent(report)}` }
    const { stderr } = await runScript(await binToTest(), ["mcp"], { env, stdin: "" })
    const { addons, usage } = JSON.parse(stderr)
    expect((usage.system + usage.user) / 1e6).toBeLessThan(0.8)
    expect(addons).toEqual([])
  })

  it("a broken config file is said at once, with exit code 2", async () => {
    const file = path.join(tempFolder(), "config.yaml")
    fs.writeFileSync(file, "stores: 5\n")
    const { code, stderr, stdout } = await runScript(await binToTest(), ["mcp"], {
      env: { MEMORYGRAPH_CONFIG: file },
      stdin: ""
    })
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" })
    expect(stderr).toContain(file)
  })

  it("--help shows how a client is told of it", async () => {
    const { stdout } = await runScript(await binToTest(), ["mcp", "--help"])
    expect(stdout).toContain('"mcpServers"')
    expect(stdout).toContain("--root FOLDER")
  })
})
