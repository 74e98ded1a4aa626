/** The page of errors has each of them: every tag, every reason, every exit code. */
import type * as Schema from "effect/Schema"
import type * as AST from "effect/SchemaAST"
import { describe, expect, it } from "vitest"
import { EXIT_CODES } from "../../src/cli/help.ts"
import { MigrationError } from "../../src/domain/Errors.ts"
import { PAGES } from "./pages.ts"

const page = PAGES.find(({ name }) => name === "docs/troubleshooting.md")?.text ?? ""

const section = (title: string): string => page.split(`\n## ${title}\n`)[1]?.split("\n## ")[0] ?? ""

/** The first cells of the rows of a table. */
const rows = (text: string): ReadonlyArray<string> =>
  [...text.matchAll(/^\| `?([\w-]+)`? \|/gm)]
    .map(([, cell = ""]) => cell)
    .filter((cell) => !["exit", "reason", "outcome", "---"].includes(cell))

/** The words that a property of a schema can be, through optional and transforming wrappers. */
const literals = (ast: AST.AST): ReadonlyArray<string> => {
  if (ast._tag === "Literal") return typeof ast.literal === "string" ? [ast.literal] : []
  return ast._tag === "Union" ? ast.types.flatMap(literals) : []
}

/** Each error, with the closed words of its `reason` (or `outcome`). */
const ERRORS = MigrationError.members.map((member) => {
  const { reason, outcome } = member.fields as {
    readonly reason?: Schema.Schema.Any
    readonly outcome?: Schema.Schema.Any
  }
  const words = reason ?? outcome
  return [member._tag, words === undefined ? [] : literals(words.ast)] as const
})

describe("docs/troubleshooting.md", () => {
  it.each(ERRORS)("has %s with each of its reasons, and no other", (tag, reasons) => {
    expect(section(tag)).not.toBe("")
    expect([...rows(section(tag))].sort()).toEqual([...reasons].sort())
  })

  it("has every exit code of the help", () => {
    expect(rows(section("Exit codes"))).toEqual(EXIT_CODES.map(({ code }) => String(code)))
  })

  it("knows the reasons from the schemas", () => {
    expect(ERRORS.length).toBeGreaterThanOrEqual(9)
    expect(new Map(ERRORS).get("StoreUnavailable")).toContain("newer-engine")
  })
})
