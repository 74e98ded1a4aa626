/**
 * Every shell block of the pages is run, in the order of its page, with a real shell on a real terminal. What is not run
 * says why: by `skip="..."` behind the language, or because its server is not here (then each call must get as far as
 * the connection).
 */
import * as fs from "node:fs"
import * as path from "node:path"
import { afterAll, describe, expect, it } from "vitest"
import { isMade, toolFolder } from "../../scripts/fetch-python-tool.mjs"
import { engineAvailable, startFalkorDB, type TestServer } from "../support/falkordb.ts"
import { missing, type Neo4jServer, START_TIMEOUT, startNeo4j } from "../support/neo4j.ts"
import { PAGES, parsePage, shellLines } from "./pages.ts"
import { LIMIT, Sandbox, type ServerKind, type Servers, serversOf } from "./sandbox.ts"

const SHELL = "sh"

const withBlocks = PAGES.filter((page) => page.blocks.some(({ language }) => language === SHELL))

let falkordb: Promise<TestServer> | undefined
let neo4j: Promise<Neo4jServer> | undefined
afterAll(async () => {
  await Promise.all([falkordb?.then((server) => server.stop()), neo4j?.then((server) => server.stop())])
}, START_TIMEOUT)

const why = { falkordb: engineAvailable, neo4j: missing(), memgraph: "not run: no Memgraph here" }

/** The addresses of the servers that are wanted and can be had, each started once. */
const started = async (wanted: ReadonlyArray<ServerKind>): Promise<Servers> => {
  const address = async (kind: "falkordb" | "neo4j") => {
    if (!wanted.includes(kind) || why[kind] !== undefined) return undefined
    const { port } = await (kind === "falkordb" ? (falkordb ??= startFalkorDB()) : (neo4j ??= startNeo4j()))
    return `127.0.0.1:${port}`
  }
  return { falkordb: await address("falkordb"), neo4j: await address("neo4j") }
}

const tool = process.env["MEMORYGRAPH_PYTHON_TOOL"] ?? (isMade() ? toolFolder() : "")
const python = path.join(tool, "memorygraph")
const hasPython = fs.existsSync(python)

describe.each(withBlocks.map((page) => [page.name, page] as const))(
  "%s",
  { timeout: LIMIT + START_TIMEOUT },
  (_name, page) => {
    let sandbox: Sandbox | undefined
    for (const block of page.blocks.filter(({ language }) => language === SHELL)) {
      const first = shellLines(block)[0]?.text.trim() ?? ""
      it(`line ${block.line}: ${first}`, async (ctx) => {
        expect(block.unknown, "what stands behind the language").toBe("")
        if (block.skip !== undefined) {
          expect(block.skip.length, "a reason in words").toBeGreaterThan(15)
          ctx.skip(`not run: ${block.skip}`)
        }
        if (block.fresh || sandbox === undefined) {
          sandbox = new Sandbox(page.isBeside ? (hasPython ? python : "true") : undefined)
          await sandbox.open()
        }
        const wanted = serversOf(block)
        const absent = wanted.filter((kind) => why[kind] !== undefined)
        const servers = await started(wanted)
        const { output, wrong } = await sandbox.run(block, absent.length === 0 ? "run" : "connection", servers)
        expect(wrong, output).toBeUndefined()
        if (page.isBeside && !hasPython && /^(\w+=\S+ )*memorygraph /m.test(block.text)) {
          ctx.skip("run without the Python MemoryGraph, which is not here")
        }
        if (absent.length > 0) {
          ctx.skip(`run as far as the connection only: ${absent.map((kind) => why[kind]).join("; ")}`)
        }
      })
    }
  }
)

describe("the runner", { timeout: 2 * LIMIT }, () => {
  const block = (text: string, info = "sh") => {
    const [found] = parsePage("docs/x.md", `\`\`\`${info}\n${text}\n\`\`\`\n`).blocks
    if (found === undefined) throw new Error("no block")
    return found
  }
  const endOf = async (text: string, mode: "run" | "connection" = "run") => {
    const sandbox = new Sandbox(undefined)
    await sandbox.open()
    return { ...(await sandbox.run(block(text), mode, {})), calls: sandbox.calls }
  }

  it("sees a command that fails, and one that does not fail as promised", async () => {
    expect((await endOf("memorygraph health ./no.db")).wrong).toContain("line 2 ended with 3, not with 0")
    expect((await endOf("memorygraph health ./no.db # exit 3")).wrong).toBeUndefined()
    expect((await endOf("memorygraph health ./memory.db # exit 3")).wrong).toContain("ended with 0, not with 3")
  })

  it("sees a wrong call even where there is no server", async () => {
    expect((await endOf("memorygraph health memgraph://localhost", "connection")).wrong).toBeUndefined()
    expect((await endOf("memorygraph health memgraph://localhost --hst x", "connection")).wrong).toContain("99")
  })

  it("answers questions", async () => {
    const { calls, output, wrong } = await endOf("memorygraph migrate memory.db copy.db")
    expect(wrong, output).toBeUndefined()
    expect(calls).toMatchObject([{ given: ["migrate", "memory.db", "copy.db"], status: 0 }])
  })
})
