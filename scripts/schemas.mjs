// Writes the published JSON Schemas from the Effect Schemas of the source: `node scripts/schemas.mjs`; with `--check` it
// writes nothing and fails where one of them is out of date.
import * as fs from "node:fs"
import * as path from "node:path"
import { fileURLToPath } from "node:url"
import { PUBLISHED_SCHEMAS } from "../src/migration/publishedSchemas.ts"

const FOLDER = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../schemas")
const check = process.argv.includes("--check")

// The layout is the formatter's.
const compact = (text) => JSON.stringify(JSON.parse(text))
const current = (file) => (fs.existsSync(file) ? compact(fs.readFileSync(file, "utf8")) : undefined)

let stale = 0
for (const [name, schema] of Object.entries(PUBLISHED_SCHEMAS)) {
  const file = path.join(FOLDER, name)
  const text = `${JSON.stringify(schema, null, 2)}\n`
  if (current(file) === compact(text)) continue
  stale++
  console.log(`schemas/${name} ${check ? "is out of date; run: node scripts/schemas.mjs" : "written"}`)
  if (check) continue
  fs.mkdirSync(FOLDER, { recursive: true })
  fs.writeFileSync(file, text)
}
if (check && stale > 0) process.exitCode = 1
