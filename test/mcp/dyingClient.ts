/**
 * A client that is killed in the middle, a process of its own: plans a migration from `laptop` into `team`, carries it
 * out, and prints the server's process id once the server writes. Arguments: the command, the config file, the state
 * folder.
 */
import { Client } from "@modelcontextprotocol/sdk/client/index.js"
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js"

const [bin = "", config = "", state = ""] = process.argv.slice(2)
const inherited = Object.entries(process.env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]]))
const transport = new StdioClientTransport({
  command: process.execPath,
  args: [bin, "mcp"],
  env: { ...Object.fromEntries(inherited), MEMORYGRAPH_CONFIG: config, MEMORYGRAPH_STATE_DIR: state },
  stderr: "ignore"
})
const client = new Client({ name: "dying", version: "1" })
await client.connect(transport)
const given = { source: "laptop", target: "team", on_conflict: "overwrite" }
const call = (more: object) =>
  client.callTool({ name: "migrate_database", arguments: { ...given, ...more } }, undefined, {
    timeout: 120_000,
    onprogress: ({ message }) => {
      if (message?.startsWith("Writing")) console.log(`writing ${transport.pid}`)
    }
  })
const { structuredContent } = await call({})
console.log("planned")
await call({ plan_hash: (structuredContent as { readonly plan_hash: string }).plan_hash })
console.log("done")
