// Records the terminal cast of the README: the built command, typed at a real terminal, in a folder of its own.
//   node scripts/cast.mjs      writes docs/images/demo.cast (asciicast 2) and docs/images/demo.svg, drawn from it
// `npm run build` and `npm run fetch-engine` come first. What is shown is what the program printed; only the folder's
// path is written `~`, and pauses are shortened.
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { fileURLToPath } from "node:url"
import * as pty from "@lydell/node-pty"
import { drawCast } from "./castSvg.mjs"

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..")
const IMAGES = path.join(ROOT, "docs", "images")
const COLUMNS = 104
const ROWS = 30

const COMMANDS = [
  "memorygraph migrate memories.db graph.fdb",
  "memorygraph migrate graph.fdb back.db",
  "memorygraph verify memories.db back.db"
]
const PROMPT = "\x1b[32m$\x1b[39m "

/** Seconds: between two letters, before Enter, the longest pause that is kept, after a command. */
const TYPING = 0.045
const THINKING = 0.6
const LONGEST = 0.8
const READING = 1.6

const { HOME = "", MEMORYGRAPH_ENGINE_DIR, XDG_CACHE_HOME = path.join(HOME, ".cache") } = process.env
const engine = MEMORYGRAPH_ENGINE_DIR ?? path.join(XDG_CACHE_HOME, "memorygraph-migrate", "engine")
// As short as what it is shown as, so that lines break where they seem to.
const home = path.join(os.tmpdir(), "~")
fs.mkdirSync(home)
const events = []
let now = 0.4
const show = (text) => events.push([Number(now.toFixed(3)), "o", text.replaceAll(home, "~")])

const type = (text) => {
  for (const letter of text) {
    now += TYPING
    show(letter)
  }
  now += THINKING
}

/** Runs a command on a terminal, and says yes after a moment where it asks. */
const run = (args) =>
  new Promise((resolve, reject) => {
    const env = {
      PATH: process.env["PATH"],
      HOME: home,
      TERM: "xterm-256color",
      LANG: "C.UTF-8",
      XDG_CACHE_HOME: path.join(home, ".cache")
    }
    const child = pty.spawn(process.execPath, [path.join(ROOT, "dist", "bin.js"), ...args], {
      cwd: home,
      cols: COLUMNS,
      rows: ROWS,
      env
    })
    let before = performance.now()
    let output = ""
    child.onData((text) => {
      const at = performance.now()
      now += Math.min(LONGEST, (at - before) / 1000)
      before = at
      output += text
      show(text)
      if (!output.endsWith("[y/N] ")) return
      output = ""
      now += READING
      child.write("y\r")
    })
    child.onExit(({ exitCode }) =>
      exitCode === 0 ? resolve() : reject(new Error(`${args.join(" ")}: ${exitCode}\n${output}`))
    )
  })

try {
  fs.copyFileSync(path.join(ROOT, "examples", "memories.db"), path.join(home, "memories.db"))
  fs.mkdirSync(path.join(home, ".cache", "memorygraph-migrate"), { recursive: true })
  fs.symlinkSync(engine, path.join(home, ".cache", "memorygraph-migrate", "engine"))
  for (const command of COMMANDS) {
    show(PROMPT)
    type(command)
    show("\r\n")
    await run(command.split(" ").slice(1))
    now += READING
  }
  show(PROMPT)
  const header = { version: 2, width: COLUMNS, height: ROWS, title: "memorygraph-migrate" }
  fs.mkdirSync(IMAGES, { recursive: true })
  fs.writeFileSync(
    path.join(IMAGES, "demo.cast"),
    `${[header, ...events].map((line) => JSON.stringify(line)).join("\n")}\n`
  )
  const svg = drawCast({ events, columns: COLUMNS, rows: ROWS, title: "memorygraph-migrate" })
  fs.writeFileSync(path.join(IMAGES, "demo.svg"), svg)
  console.log(`docs/images/demo.cast and demo.svg (${Math.round(svg.length / 1000)} kB, ${now.toFixed(0)} s) written`)
} finally {
  fs.rmSync(home, { recursive: true, force: true })
}
