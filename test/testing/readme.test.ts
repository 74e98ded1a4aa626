import * as fs from "node:fs"
import { describe, expect, it } from "vitest"
import { conformance } from "../../src/testing/conformance/index.ts"
import { FEATURES } from "../../src/testing/features.ts"

const readme = fs.readFileSync(new URL("../../src/testing/README.md", import.meta.url), "utf8")
const SUFFIX: { readonly [store: string]: string } = { new: " (new store)", "in use": " (store in use)" }

const listed = readme
  .slice(readme.indexOf("## The cases"))
  .split("\n")
  .filter((line) => line.startsWith("| ") && !line.startsWith("| case ") && !line.startsWith("| ---"))
  .flatMap((line) => {
    const [name = "", stores = "", obligation = "", needs = ""] = line
      .slice(1, -1)
      .split("|")
      .map((cell) => cell.trim())
    const suffixes = stores === "" ? [""] : stores.split(", ").map((store) => SUFFIX[store] ?? "?")
    return suffixes.map((suffix) => ({ name: name + suffix, obligation, needs }))
  })

describe("the README of the testing kit", () => {
  it("lists the cases of the suite, each with its obligation", () => {
    const byName = (a: { readonly name: string }, b: { readonly name: string }) => a.name.localeCompare(b.name)
    const cases = conformance.map(({ name, needs, obligation }) => ({ name, obligation, needs: needs.join(", ") }))
    expect(listed.toSorted(byName)).toEqual(cases.toSorted(byName))
  })

  it("names every feature", () => expect(FEATURES.filter((feature) => !readme.includes(`\`${feature}\``))).toEqual([]))
})

describe("the cases", () => {
  it("have names of their own", () => expect(new Set(conformance.map((one) => one.name)).size).toBe(conformance.length))
})
