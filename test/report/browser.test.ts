/** The page in a real browser: nothing is loaded, nothing overflows, everything can be read, in light and dark. */
import * as fs from "node:fs"
import * as path from "node:path"
import { pathToFileURL } from "node:url"
import { type Browser, chromium } from "playwright-core"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { noRecords } from "../../src/migration/report.ts"
import { renderReport } from "../../src/report/render.ts"
import { tempFolder } from "../support/migrating.ts"
import { failure, plan, report, sketch, stats, verification } from "./reports.ts"

const CHROMIUM = process.env["MEMORYGRAPH_CHROMIUM"] ?? "/usr/bin/chromium"
const isThere = fs.existsSync(CHROMIUM)

const LONG = `urn:${"0123456789abcdef".repeat(20)}`

const PAGES = {
  verified: renderReport(report(), { format: "html", sketch }),
  everything: renderReport(
    report({
      source: stats(LONG, { labels: { Memory: 40, [LONG]: 3 }, types: { SOLVES: 12, [LONG]: 2 } }),
      target: { before: stats("b.db"), after: stats("b.db", { labels: { Memory: 43 } }) },
      plan: { ...plan, conflictIds: [LONG], warnings: [LONG] },
      records: { ...noRecords, read: 5, written: 1, same: 1, kept: 1, overwritten: 1, rejected: 1 },
      rejects: { count: 1, path: LONG },
      backup: { id: LONG, folder: LONG },
      verification: verification({ targetFingerprint: "mg1:00000000000000bb" })
    }),
    { format: "html", sketch: { ...sketch, nodes: sketch.nodes.map((node) => ({ ...node, title: LONG, kind: LONG })) } }
  ),
  failed: renderReport(
    report({
      outcome: "incomplete",
      exitCode: 7,
      error: failure("UndoIncomplete", `The undo left ${LONG}.`),
      rollback: { outcome: "incomplete", left: [{ what: LONG, why: LONG }] },
      verification: verification({
        differences: [{ kind: "changed", record: "node", key: LONG, property: LONG, expected: LONG, actual: LONG }],
        differencesTotal: 9
      })
    }),
    { format: "html", sketch }
  )
}

/** In the page: texts that stand out too little from what is behind them (WCAG AA: 4.5, and 3 for large ones). */
const FAINT_TEXTS = String.raw`(() => {
  const parse = (color) => (color.match(/[\d.]+/g) ?? []).map(Number)
  const luminance = (color) => {
    const [r = 0, g = 0, b = 0] = parse(color)
      .slice(0, 3)
      .map((value) => value / 255)
      .map((value) => (value <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4))
    return 0.2126 * r + 0.7152 * g + 0.0722 * b
  }
  const behind = (element) => {
    for (let at = element; at !== null; at = at.parentElement) {
      const { backgroundColor } = getComputedStyle(at)
      if ((parse(backgroundColor)[3] ?? 1) > 0) return backgroundColor
    }
    return "rgb(255, 255, 255)"
  }
  const faint = []
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
  for (let node = texts.nextNode(); node !== null; node = texts.nextNode()) {
    const element = node.parentElement
    if (node.textContent.trim() === "" || element.closest("title, desc") !== null) continue
    const style = getComputedStyle(element)
    const [a, b] = [luminance(element instanceof SVGElement ? style.fill : style.color), luminance(behind(element))]
    const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)
    if (contrast < (Number.parseFloat(style.fontSize) >= 24 ? 3 : 4.5))
      faint.push(contrast.toFixed(1) + " " + node.textContent.trim().slice(0, 40))
  }
  return faint
})()`

/** In the page: what reaches beyond its right edge. */
const CUT_OFF = `Array.from(document.querySelectorAll("section, .verdict, td, th, p, li, dd"))
  .filter((element) => element.getBoundingClientRect().right > window.innerWidth + 1)
  .map((element) => element.outerHTML.slice(0, 80))`

describe.skipIf(!isThere)(`in a browser${isThere ? "" : `: skipped, there is no ${CHROMIUM}`}`, () => {
  let browser: Browser
  beforeAll(async () => {
    browser = await chromium.launch({
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
  })
  afterAll(async () => {
    await browser?.close()
  })

  const cases = Object.entries(PAGES).flatMap(([name, text]) =>
    [375, 1280].flatMap((width) => (["light", "dark"] as const).map((scheme) => [name, width, scheme, text] as const))
  )

  it.each(cases)("%s at %d pixels, %s", async (name, width, colorScheme, text) => {
    const file = path.join(tempFolder(), `${name}.html`)
    fs.writeFileSync(file, text)
    const context = await browser.newContext({ viewport: { width, height: 800 }, colorScheme })
    try {
      const page = await context.newPage()
      const requests: Array<string> = []
      const complaints: Array<string> = []
      page.on("request", (request) => requests.push(request.url()))
      page.on("console", (message) => complaints.push(message.text()))
      page.on("pageerror", (error) => complaints.push(error.message))
      await page.goto(pathToFileURL(file).href)
      for (const fold of await page.locator("summary").all()) await fold.click()
      expect(requests).toEqual([pathToFileURL(file).href])
      expect(complaints).toEqual([])
      expect(await page.evaluate("document.documentElement.scrollWidth")).toBeLessThanOrEqual(width)
      expect(await page.evaluate(CUT_OFF)).toEqual([])
      expect(await page.evaluate(FAINT_TEXTS)).toEqual([])
      // The style is applied: a policy that blocked it would leave the page bare, and quiet.
      const background = await page.evaluate("getComputedStyle(document.body).backgroundColor")
      expect(background).toBe(colorScheme === "light" ? "rgb(246, 246, 244)" : "rgb(19, 21, 24)")
    } finally {
      await context.close()
    }
  })
})
