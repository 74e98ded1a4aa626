// Makes the screenshots of docs/images anew, and with a folder as argument a larger set to be looked at: reports of real
// runs, photographed by Debian's chromium at the width of a desk and of a phone, in light and dark.
import { spawnSync } from "node:child_process"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { fileURLToPath, pathToFileURL } from "node:url"
import Database from "better-sqlite3"
import { chromium } from "playwright-core"
import { NODE } from "./node.mjs"

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..")
const IMAGES = path.join(ROOT, "docs", "images")
const BIN = path.join(ROOT, "dist", "bin.js")
const EXAMPLE = path.join(ROOT, "examples", "memories.db")
const CHROMIUM = process.env["MEMORYGRAPH_CHROMIUM"] ?? "/usr/bin/chromium"

const DESK = { width: 1280, height: 800 }
const PHONE = { width: 375, height: 760 }

const folder = fs.mkdtempSync(path.join(os.tmpdir(), "memorygraph-screenshots-"))
const env = { ...process.env, MEMORYGRAPH_STATE_DIR: path.join(folder, "state") }

/** Runs the command line, and returns the page that it wrote. */
const report = (name, expected, ...args) => {
  const page = `${name}.html`
  const ran = spawnSync(NODE, [BIN, ...args, "--report", page, "--yes", "--quiet"], {
    cwd: folder,
    env,
    encoding: "utf8"
  })
  if (ran.status !== expected) throw new Error(`"${args.join(" ")}" ended with ${ran.status}: ${ran.stderr}`)
  return path.join(folder, page)
}

const copy = (name) => {
  fs.copyFileSync(EXAMPLE, path.join(folder, name))
  fs.chmodSync(path.join(folder, name), 0o600)
}

const change = (name, ...statements) => {
  const db = new Database(path.join(folder, name))
  for (const statement of statements) db.exec(statement)
  db.close()
}

const verified = () => {
  copy("memories.db")
  return report("verified", 0, "migrate", "memories.db", "moved.db")
}

const different = () => {
  copy("one.db")
  copy("other.db")
  change(
    "other.db",
    "UPDATE nodes SET properties = json_set(properties, '$.title', 'Another title', '$.importance', 0.25) WHERE rowid IN (3, 8)",
    "DELETE FROM relationships WHERE rowid IN (5, 6, 7)"
  )
  return report("different", 8, "verify", "one.db", "other.db")
}

const conflicts = () => {
  copy("source.db")
  copy("used.db")
  change(
    "used.db",
    "UPDATE nodes SET properties = json_set(properties, '$.content', 'edited here') WHERE rowid IN (2, 4, 9)",
    "DELETE FROM relationships WHERE rowid > 40",
    "DELETE FROM nodes WHERE rowid > 27 AND id NOT IN (SELECT from_id FROM relationships UNION SELECT to_id FROM relationships)"
  )
  return report("conflicts", 0, "migrate", "source.db", "used.db", "--backup")
}

const refused = () => {
  copy("broken.db")
  change("broken.db", "PRAGMA foreign_keys = OFF", "DELETE FROM nodes WHERE rowid = 5")
  return report("refused", 4, "migrate", "broken.db", "never.db")
}

const large = () => {
  copy("large.db")
  const types = ["solution", "problem", "task", "error", "fix", "technology", "project", "code_pattern", "general"]
  const kinds = ["SOLVES", "RELATED_TO", "REQUIRES", "CAUSES", "BUILDS_ON", "USED_IN"]
  const db = new Database(path.join(folder, "large.db"))
  db.pragma("foreign_keys = OFF")
  const columns = db.pragma("table_info(relationships)").map(({ name }) => name)
  const node = db.prepare(
    "INSERT INTO nodes (id, label, properties, created_at, updated_at) VALUES (?, 'Memory', ?, '2026-01-05 09:00:00', '2026-01-05 09:00:00')"
  )
  const link = db.prepare(
    `INSERT INTO relationships (${columns.join(", ")}) SELECT ${columns.map((name) => ({ id: "@id", from_id: "@from", to_id: "@to", rel_type: "@type", properties: "@properties" })[name] ?? name).join(", ")} FROM relationships LIMIT 1`
  )
  // Always the same numbers: screenshots should differ only where the page does.
  let seed = 7
  const random = (below) => {
    seed = (seed * 48271) % 2147483647
    return seed % below
  }
  db.transaction(() => {
    for (let i = 0; i < 10_000; i++) {
      const id = `m-${String(i).padStart(5, "0")}`
      node.run(
        id,
        JSON.stringify({
          id,
          type: types[random(types.length)],
          title: `Memory number ${i}`,
          content: "…",
          importance: 0.5
        })
      )
    }
    for (let i = 0; i < 24_000; i++) {
      const type = kinds[random(kinds.length)]
      const from = random(10_000)
      const to = Math.min(9999, Math.max(0, from + random(60) - 30 + (random(9) === 0 ? random(2000) : 0)))
      const name = (number) => `m-${String(number).padStart(5, "0")}`
      link.run({
        id: `r-${i}`,
        from: name(from),
        to: name(to),
        type,
        properties: JSON.stringify({ id: `r-${i}`, strength: 0.5 })
      })
    }
  })()
  db.close()
  return report("large", 0, "migrate", "large.db", "large-moved.db")
}

const take = async (browser, page, file, viewport, colorScheme, fullPage) => {
  const context = await browser.newContext({ viewport, colorScheme, deviceScaleFactor: 1 })
  const tab = await context.newPage()
  await tab.goto(pathToFileURL(page).href)
  await tab.screenshot({ path: file, fullPage })
  await context.close()
}

if (!fs.existsSync(BIN)) throw new Error('dist/bin.js is not there: run "npm run build" first')
const browser = await chromium.launch({
  executablePath: CHROMIUM,
  args: [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run"
  ]
})
try {
  const all = process.argv[2]
  if (all === undefined) {
    fs.mkdirSync(IMAGES, { recursive: true })
    const page = verified()
    await take(browser, page, path.join(IMAGES, "report.png"), { width: 1280, height: 1150 }, "light", false)
    await take(
      browser,
      different(),
      path.join(IMAGES, "report-different-dark.png"),
      { width: 1280, height: 1000 },
      "dark",
      false
    )
    await take(browser, page, path.join(IMAGES, "report-phone.png"), PHONE, "light", false)
  } else {
    fs.mkdirSync(all, { recursive: true })
    for (const make of [verified, different, conflicts, refused, large]) {
      const page = make()
      fs.copyFileSync(page, path.join(all, path.basename(page)))
      for (const [size, viewport] of Object.entries({ desk: DESK, phone: PHONE }))
        for (const scheme of ["light", "dark"])
          await take(browser, page, path.join(all, `${make.name}-${size}-${scheme}.png`), viewport, scheme, true)
    }
  }
} finally {
  await browser.close()
  fs.rmSync(folder, { recursive: true, force: true })
}
