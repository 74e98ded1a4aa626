/**
 * `break-off FROM TO`: begins a migration on a terminal of its own and kills it at the question, so that the pages can
 * show what to do about a run that was broken off.
 */
import * as pty from "@lydell/node-pty"

const LIMIT = 20_000

const [from = "", to = ""] = process.argv.slice(2)
const child = pty.spawn(process.execPath, [process.env["DOCS_BIN"] ?? "", "migrate", from, to], { cols: 100 })
const timer = setTimeout(() => process.exit(1), LIMIT)
let output = ""
child.onData((text) => {
  output += text
  if (output.includes("[y/N]")) child.kill("SIGKILL")
})
child.onExit(() => {
  clearTimeout(timer)
  process.exitCode = output.includes("[y/N]") ? 0 : 1
})
