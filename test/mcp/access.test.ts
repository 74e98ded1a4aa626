/** Which files and stores the tools may reach: every way out of the roots that was thought of. */
import * as fs from "node:fs"
import * as net from "node:net"
import * as path from "node:path"
import * as Effect from "effect/Effect"
import { describe, expect, it } from "vitest"
import * as Access from "../../src/mcp/access.ts"
import { copyOf, tempFolder } from "../support/migrating.ts"
import { SECRET, withSession } from "./support.ts"

/** A root with a document, a folder outside of it, and links of all kinds between them. */
const places = () => {
  const base = fs.realpathSync(tempFolder())
  const [root, outside, stateFolder] = [path.join(base, "root"), path.join(base, "outside"), path.join(base, "state")]
  for (const folder of [path.join(root, "sub"), outside, stateFolder]) fs.mkdirSync(folder, { recursive: true })
  fs.writeFileSync(path.join(root, "in.json"), "{}")
  fs.writeFileSync(path.join(outside, "secret.json"), "{}")
  fs.symlinkSync(outside, path.join(root, "linked"))
  fs.symlinkSync(path.join(outside, "secret.json"), path.join(root, "link.json"))
  fs.symlinkSync(path.join(outside, "new.json"), path.join(root, "dangling.json"))
  fs.symlinkSync(path.join(root, "in.json"), path.join(root, "inner.json"))
  fs.symlinkSync(path.join(root, "loop"), path.join(root, "loop"))
  fs.symlinkSync("/dev/null", path.join(root, "null"))
  fs.mkdirSync(path.join(base, "root-beside"))
  return { base, root, outside, stateFolder }
}

const decide = (
  given: string,
  { root, stateFolder }: { readonly root: string; readonly stateFolder: string },
  shares?: ReadonlyArray<string>,
  roots: ReadonlyArray<string> = [root]
) =>
  Effect.runPromise(Effect.either(Access.make({ roots, stateFolder, clientRoots: Effect.succeed(shares) }).file(given)))

describe("the path of a file", () => {
  const at = places()
  const { outside, root } = at

  it.each([
    ["in.json", "in.json"],
    ["new.json", "new.json"],
    ["sub/not/there/yet.json", "sub/not/there/yet.json"],
    ["sub/../in.json", "in.json"],
    ["./sub/./x.json", "sub/x.json"],
    [path.join(root, "in.json"), "in.json"],
    ["inner.json", "in.json"],
    ["..hidden.json", "..hidden.json"],
    ["linked/../in.json", "in.json"]
  ])("%s is under the root, and is %s", async (given, expected) => {
    expect(await decide(given, at)).toMatchObject({ _tag: "Right", right: path.join(root, expected) })
  })

  it.each([
    ["../outside/secret.json"],
    ["sub/../../outside/secret.json"],
    [path.join(outside, "secret.json")],
    [path.join(outside, "not-there.json")],
    [`${root}-beside/x.json`],
    ["linked/secret.json"],
    ["linked/new.json"],
    ["link.json"],
    ["dangling.json"],
    ["loop"],
    ["loop/x.json"],
    ["null"],
    ["/etc/passwd"],
    ["/proc/self/environ"],
    ["/dev/stdin"],
    ["~/.ssh/id_rsa"],
    [""],
    [" in.json"],
    ["in.json\0.txt"],
    ["in\u200b.json"],
    ["in\u202e.json"],
    ["in.json\n"],
    ["in.json/../../outside/secret.json"]
  ])("%j is refused", async (given) => {
    expect(await decide(given, at)).toMatchObject({ _tag: "Left", left: { _tag: "Refused", reason: "not-allowed" } })
  })

  it("what is refused outside says nothing of what is there", async () => {
    const [there, missing] = [path.join(outside, "secret.json"), path.join(outside, "missing.json")]
    const say = async (file: string) => JSON.stringify(await decide(file, at)).replaceAll(path.basename(file), "FILE")
    expect(await say(there)).toBe(await say(missing))
  })

  it("without a root nothing is allowed; a root that is not there, or is a file, allows nothing", async () => {
    for (const roots of [[], [path.join(root, "missing")], [path.join(root, "in.json", "x")]]) {
      expect((await decide(path.join(root, "in.json"), at, undefined, roots))._tag).toBe("Left")
    }
  })

  it("devices and the kernel's files are refused even under a root that holds everything", async () => {
    for (const file of ["/dev/null", "/proc/self/environ", "/proc/1/root/etc/passwd", "/sys/kernel/notes"])
      expect(await decide(file, at, undefined, ["/"])).toMatchObject({ _tag: "Left", left: { reason: "not-allowed" } })
  })

  it("the state folder is off limits, by whatever name, and so is what holds it", async () => {
    const { base, stateFolder } = at
    fs.symlinkSync(stateFolder, path.join(base, "alias"))
    for (const file of [stateFolder, path.join(stateFolder, "runs", "x"), path.join(base, "alias", "x.json"), base]) {
      expect(await decide(file, at, undefined, [base])).toMatchObject({
        _tag: "Left",
        left: { message: expect.stringContaining("state folder") }
      })
    }
    // Also one that is still to be made.
    const later = { root, stateFolder: path.join(root, "later") }
    expect((await decide("later/x.json", later))._tag).toBe("Left")
  })

  it("what the client shares restricts, and never extends", async () => {
    const uri = (folder: string) => new URL(`file://${folder}`).href
    expect((await decide("in.json", at, [uri(root)]))._tag).toBe("Right")
    expect((await decide("in.json", at, [uri(path.join(root, "sub"))]))._tag).toBe("Left")
    expect((await decide("sub/x.json", at, [uri(path.join(root, "sub"))]))._tag).toBe("Right")
    expect((await decide(path.join(outside, "secret.json"), at, [uri(outside), uri("/")]))._tag).toBe("Left")
    for (const shares of [[], ["https://example.org/"], ["nonsense"]])
      expect((await decide("in.json", at, shares))._tag).toBe("Left")
  })
})

const refusedAs = (
  called: { readonly isError: boolean; readonly data: { readonly error: object } },
  reason: string
) => {
  expect(called.isError).toBe(true)
  expect(called.data.error).toMatchObject({ tag: "Refused", reason, exitCode: 9 })
}

describe("the server", () => {
  it("reads and writes documents under its roots only, wherever links lead", () => {
    const { outside, root } = places()
    const source = copyOf("python-small.db")
    const config = { stores: { laptop: { kind: "sqlite", path: source } }, mcp: { roots: [root] } }
    return withSession({ config }, async (session) => {
      for (const output of ["../outside/new.json", "linked/new.json", "dangling.json", path.join(outside, "new.json")])
        refusedAs(await session.call("export_memories", { source: "laptop", output }), "not-allowed")
      for (const input of ["link.json", path.join(outside, "secret.json"), source])
        refusedAs(await session.call("import_memories", { input, target: "laptop" }), "not-allowed")
      // Between the plan and the second call the folder is exchanged for a link.
      const given = { source: "laptop", output: "sub/new.json" }
      const { data } = await session.call("export_memories", given)
      fs.rmdirSync(path.join(root, "sub"))
      fs.symlinkSync(outside, path.join(root, "sub"))
      refusedAs(await session.call("export_memories", { ...given, plan_hash: data.plan_hash }), "not-allowed")
      expect(fs.readdirSync(outside)).toEqual(["secret.json"])
    })
  })

  it("--root stands for the roots of the config file, and the client's roots restrict them", () => {
    const { outside, root } = places()
    const config = { stores: { laptop: { kind: "sqlite", path: copyOf("ts-small.db") } }, mcp: { roots: [outside] } }
    const shares = [path.join(root, "sub")]
    return withSession({ config, shares, args: ["--root", root] }, async (session) => {
      const exporting = (output: string) => session.call("export_memories", { source: "laptop", output })
      expect((await exporting("sub/x.json")).isError).toBe(false)
      refusedAs(await exporting("x.json"), "not-allowed")
      refusedAs(await exporting(path.join(outside, "x.json")), "not-allowed")
    })
  })

  it("reaches stores by name only", () => {
    const { root } = places()
    const source = copyOf("python-small.db")
    const free = path.join(root, "free.db")
    fs.copyFileSync(source, free)
    const config = { stores: { laptop: { kind: "sqlite", path: source } }, mcp: { roots: [root] } }
    const env = { MEMORY_NEO4J_PASSWORD: SECRET }
    return withSession({ config, env }, async (session) => {
      for (const store of [free, `sqlite:${free}`, "neo4j://127.0.0.1:1", "unknown", "neo4j"])
        refusedAs(await session.call("backend_health", { store }), "not-allowed")
      for (const more of [{ backend: "sqlite" }, {}])
        refusedAs(await session.call("inspect_graph", { ...more, config: { path: free } }), "not-allowed")
      refusedAs(
        await session.call("migrate_database", {
          source: "laptop",
          target_backend: "falkordb",
          target_config: { host: "x" }
        }),
        "not-allowed"
      )
      // The established way to say which store it is, for one that has a name.
      const said = { source_backend: "sqlite", source_config: { path: source } }
      const health = await session.call("backend_health", { backend: said.source_backend, config: said.source_config })
      expect(health.data.stores).toMatchObject([{ reachable: true, nodes: 30 }])
      expect((await session.call("backend_health")).data.stores).toMatchObject([{ name: "laptop", nodes: 30 }])
    })
  })

  it("takes MEMORY_BACKEND's store for one that has a name", () => {
    const source = copyOf("python-small.db")
    const env = { MEMORY_BACKEND: "sqlite", MEMORY_SQLITE_PATH: source }
    return withSession({ env }, async (session) => {
      for (const given of [{}, { store: "sqlite" }, { backend: "sqlite" }])
        expect((await session.call("inspect_graph", given)).data).toMatchObject({ nodes: 30, relationships: 60 })
      refusedAs(await session.call("inspect_graph", { store: "falkordblite" }), "not-allowed")
    })
  })

  it("with --allow-any takes paths under the roots and any server, but keeps the user's passwords to itself", () => {
    const { outside, root } = places()
    const free = path.join(root, "free.db")
    fs.copyFileSync(copyOf("python-small.db"), free)
    fs.copyFileSync(free, path.join(outside, "other.db"))
    const heard: Array<string> = []
    const env = { MEMORY_NEO4J_USER: "neo4j", MEMORY_NEO4J_PASSWORD: SECRET, MEMORY_FALKORDB_PASSWORD: SECRET }
    return withSession({ env, args: ["--root", root, "--allow-any"] }, async (session) => {
      for (const store of ["free.db", free, `sqlite:${free}`])
        expect((await session.call("inspect_graph", { store })).data).toMatchObject({ nodes: 30 })
      refusedAs(await session.call("inspect_graph", { store: path.join(outside, "other.db") }), "not-allowed")
      refusedAs(await session.call("inspect_graph", { store: "linked/other.db" }), "not-allowed")
      const server = net.createServer((socket) => {
        socket.on("error", () => {})
        socket.on("data", (bytes) => {
          heard.push(bytes.toString("latin1"))
          socket.end("-ERR no\r\n")
        })
      })
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
      const { port } = server.address() as net.AddressInfo
      const health = await session.call("backend_health", { store: `falkordb://127.0.0.1:${port}/g` })
      server.close()
      expect(health.data.stores).toMatchObject([{ reachable: false }])
      expect(heard.length).toBeGreaterThan(0)
      expect(heard.join()).not.toContain(SECRET)
    })
  })
})
