/** Secrets that an agent could get sent, or said back, by the ways that are less plain than those of trust.test.ts. */
import { describe, expect, it } from "vitest"
import { shownName } from "../../src/mcp/shownName.ts"
import { listener } from "./listener.ts"
import { places } from "./places.ts"
import { SECRET, withSession } from "./support.ts"

it("what opens the store in use goes to no other server, where the arguments say no kind", async () => {
  const { heard, port, server } = await listener()
  const team = { kind: "falkordb", host: "127.0.0.1", port: 1, user: "me", "password-env": "TEAM_SECRET" }
  const options = { config: { backend: "team", stores: { team } }, env: { TEAM_SECRET: SECRET } }
  await withSession({ ...options, args: ["--allow-any"] }, async (session) => {
    for (const config of [{ port }, { host: "127.0.0.1", port }, { port, username: "me" }, { port, tls: "off" }]) {
      const refused = await session.call("inspect_graph", { config })
      expect(refused.data.error).toMatchObject({ tag: "UsageError" })
      expect(refused.text).toContain("Give its backend")
    }
    await session.call("inspect_graph", { backend: "falkordb", config: { port } })
  })
  server.close()
  expect(heard()).toContain("CLIENT")
  expect(heard()).not.toContain(SECRET)
})

const ADDRESSES = [
  `bob:${SECRET}@db.example.org`,
  `./bob:${SECRET}@db.example.org`,
  `./x/../bob:${SECRET}@db.example.org`,
  `./bob:"${SECRET}@db.example.org`,
  `sqlite:bob:${SECRET}@h`,
  `sqlite://bob:${SECRET}@h`,
  `neo4j://bob:${SECRET}`,
  `neo4j://127.0.0.1:1?password=${SECRET}`,
  `neo4j://bob:12/${SECRET}@127.0.0.1:1`
]

it.each([[[]], [["--allow-any"]]])("an address that is misspelt gives no password away: %j", async (args) => {
  const { config } = places()
  // That no line of the server holds the secret is checked at the end of the session.
  await withSession({ config, args }, async (session) => {
    for (const store of ADDRESSES) {
      for (const tool of ["backend_health", "inspect_graph"]) {
        const { data, text } = await session.call(tool, { store })
        expect(text).toMatch(/no store|not|may hold/)
        expect(JSON.stringify(data)).not.toContain(SECRET)
      }
    }
    await session.call("inspect_graph", { backend: "sqlite", config: { path: `bob:${SECRET}@h` } })
    const uri = `neo4j://bob:12/${SECRET}@127.0.0.1:1`
    await session.call("inspect_graph", { backend: "neo4j", config: { uri } })
    await expect(session.call("inspect_graph", { [`bob:${SECRET}@h`]: 1 })).rejects.toThrow(/\*\*\*@h: is unexpected/)
  })
})

describe("a name as it is repeated", () => {
  it.each([
    ["neo4j://bob:pw@host:7687/db", "neo4j://***@host:7687/db"],
    ["neo4j://bob:p@w@host", "neo4j://***@host"],
    ["neo4j://bob:p/w?x@host", "neo4j://***@host"],
    ["bob:pw@host", "***@host"],
    ["neo4j://bob:pw", "neo4j://bob:***"],
    ["neo4j://bob:pw/db", "neo4j://bob:***/db"],
    ["neo4j://host:1?password=pw", "neo4j://host:1"],
    ["neo4j://host:7687/db", "neo4j://host:7687/db"],
    ["neo4j://[::1]:7687/db", "neo4j://[::1]:7687/db"],
    ["sqlite:./memory.db", "sqlite:./memory.db"],
    ["laptop", "laptop"]
  ])("%s is %s", (name, shown) => {
    expect(shownName(name)).toBe(shown)
  })
})
