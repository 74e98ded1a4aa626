/** Links between the pages lead somewhere: to files that are there, and to headings that the page has. */
import * as fs from "node:fs"
import * as path from "node:path"
import { describe, expect, it } from "vitest"
import { anchorsOf, linksOf, PAGES, parsePage, ROOT } from "./pages.ts"

const external = /^(https?:|mailto:)/

const broken = (page: (typeof PAGES)[number]): ReadonlyArray<string> =>
  linksOf(page)
    .filter(({ target }) => !external.test(target))
    .flatMap(({ line, target }) => {
      const [file = "", anchor] = target.split("#")
      const name = file === "" ? page.name : path.posix.join(path.posix.dirname(page.name), file)
      const full = path.join(ROOT, name)
      const place = `${page.name}:${line}: ${target}`
      if (!fs.existsSync(full)) return [`${place}: there is no ${name}`]
      if (anchor === undefined || !name.endsWith(".md")) return []
      return anchorsOf(parsePage(name, fs.readFileSync(full, "utf8"))).has(anchor)
        ? []
        : [`${place}: ${name} has no such heading`]
    })

describe("links", () => {
  it.each(PAGES.map((page) => [page.name, page] as const))("of %s lead somewhere", (_name, page) => {
    expect(broken(page)).toEqual([])
  })

  it("every page of docs can be reached from its index", () => {
    const seen = new Set<string>()
    const visit = (name: string): void => {
      const page = PAGES.find((candidate) => candidate.name === name)
      if (page === undefined || seen.has(name)) return
      seen.add(name)
      for (const { target } of linksOf(page)) {
        if (!external.test(target)) visit(path.posix.join(path.posix.dirname(name), target.split("#")[0] ?? ""))
      }
    }
    visit("docs/README.md")
    expect(PAGES.map(({ name }) => name).filter((name) => name.startsWith("docs/") && !seen.has(name))).toEqual([])
  })

  it("a broken link, a missing heading and a good one are told apart", () => {
    const page = parsePage("docs/x.md", "# A b\n\n[a](#a-b) [b](#c) [c](no.md) `[d](no.md)`\n```sh\n[e](no.md)\n```\n")
    expect(linksOf(page).map(({ target }) => target)).toEqual(["#a-b", "#c", "no.md"])
    expect([...anchorsOf(page)]).toEqual(["a-b"])
  })
})
