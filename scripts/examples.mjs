// Puts the examples into the pages that show them: a line `<!-- examples/NAME.ts -->` is followed by that file's text, as
// the tests run it. `node scripts/examples.mjs`; with `--check` it writes nothing and fails where a page shows another.
import * as fs from "node:fs"
import * as path from "node:path"
import { fileURLToPath } from "node:url"

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..")
const PAGES = ["README.md", "docs/library.md"]
const SHOWN = /(<!-- (examples\/[\w.]+) -->\n)```ts\n[\s\S]*?```\n/g

const check = process.argv.includes("--check")
let shown = 0
for (const page of PAGES) {
  const file = path.join(ROOT, page)
  const text = fs.readFileSync(file, "utf8")
  const next = text.replace(SHOWN, (_, mark, example) => {
    shown++
    return `${mark}\`\`\`ts\n${fs.readFileSync(path.join(ROOT, example), "utf8").trimEnd()}\n\`\`\`\n`
  })
  const code = next.replace(SHOWN, "").match(/^```ts$/gm)?.length ?? 0
  if (code > 0) {
    console.error(`${page} shows ${code} piece(s) of code that no test runs: make each of them a file in examples/`)
    process.exitCode = 1
  }
  if (next === text) continue
  if (check) {
    console.error(`${page} shows an example that has changed; run: node scripts/examples.mjs`)
    process.exitCode = 1
  } else fs.writeFileSync(file, next)
}
if (shown === 0) throw new Error("no page shows an example")
