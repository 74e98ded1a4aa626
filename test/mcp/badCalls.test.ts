/** Calls that are no calls: what is answered is the protocol's -32602, in a sentence, of any size that was sent. */
import { expect, it } from "vitest"
import { places } from "./places.ts"
import { eventually, SECRET, type Session, withSession } from "./support.ts"

const raw = async (session: Session, params: string) => {
  const before = session.lines().length
  session.write(`{"jsonrpc":"2.0","id":"raw","method":"tools/call"${params}}\n`)
  const line = await eventually("an answer", () => session.lines()[before])
  return JSON.parse(line)
}

const deep = (levels: number) =>
  `,"params":{"name":"inspect_graph","arguments":{"config":${"[".repeat(levels)}1${"]".repeat(levels)}}}`

it.each([
  ["without params", "", /params must be an object/],
  ["params without a name", ',"params":{}', /holds the name of a tool/],
  ["a name that is none", ',"params":{"name":5}', /holds the name of a tool/],
  ["arguments as a list", `,"params":{"name":"list_runs","arguments":["${SECRET}"]}`, /arguments must be an object/],
  ["arguments as a text", `,"params":{"name":"list_runs","arguments":"${SECRET}"}`, /arguments must be an object/],
  ["arguments that are null", ',"params":{"name":"list_runs","arguments":null}', /arguments must be an object/],
  ["200,000 levels", deep(200_000), /nested deeper than 100 levels/],
  ["5,000 levels", deep(5000), /nested deeper than 100 levels/]
])("%s", async (_what, params, message) => {
  await withSession({ config: places().config }, async (session) => {
    const { error, id } = await raw(session, params)
    expect(id).toBe("raw")
    expect(error).toMatchObject({ code: -32602, message: expect.stringMatching(message) })
    expect(error.message.length).toBeLessThan(200)
    expect((await session.call("list_runs")).isError).toBe(false)
  })
})

it("the code stands once in what the client says", async () => {
  await withSession({ config: places().config }, async (session) => {
    for (const [name, given] of [
      ["list_runs", { limit: 0 }],
      ["drop_database", {}]
    ] as const) {
      const said = await session.client.callTool({ name, arguments: given }).catch(String)
      expect(String(said).match(/MCP error/g)).toHaveLength(1)
    }
  })
})

it("arguments that are not known are told shortly, however many and long they are", async () => {
  await withSession({ config: places().config }, async (session) => {
    const many = Object.fromEntries(Array.from({ length: 2000 }, (_, n) => [`x${n}`, 1]))
    const all = await session.call("list_runs", many).catch(String)
    expect(all).toContain("and 1990 more")
    expect(String(all).length).toBeLessThan(1000)
    const said = await session.call("list_runs", { ["x".repeat(1e6)]: 1 }).catch(String)
    expect(String(said).length).toBeLessThan(1000)
  })
})

it("a path is repeated shortly, too", async () => {
  await withSession({ config: places().config }, async (session) => {
    const { text } = await session.call("import_memories", { input: `/${"x/".repeat(2000)}`, target: "team" })
    expect(text).toContain("is not under an allowed root")
    expect(text.length).toBeLessThan(1000)
  })
})
