import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { wrapLine } from "../../src/cli/wrap.ts"

describe("a line on a narrow terminal", () => {
  it("goes on below its second column, or a little to the right of its beginning", () => {
    expect(wrapLine("  kind          sqlite and a good deal more than that", 40)).toEqual([
      "  kind          sqlite and a good deal",
      "                more than that"
    ])
    expect(wrapLine("A sentence that is a little longer than the line.", 40)).toEqual([
      "A sentence that is a little longer than",
      "  the line."
    ])
  })

  it("is left alone where it fits, and where nobody knows the width", () => {
    expect(wrapLine("x".repeat(40), 40)).toEqual(["x".repeat(40)])
    expect(wrapLine("x ".repeat(400), 0)).toEqual(["x ".repeat(400)])
  })

  it("never is longer than the terminal is wide, and loses nothing but blanks", () => {
    fc.assert(
      fc.property(
        fc.stringMatching(/^ {0,12}[a-z]{0,60}( {1,9}[a-z]{1,70}){0,12}$/),
        fc.integer({ min: 20, max: 120 }),
        (line, columns) => {
          const lines = wrapLine(line, columns)
          expect(lines.every((part) => part.length <= columns)).toBe(true)
          expect(lines.join("").replaceAll(" ", "")).toBe(line.replaceAll(" ", ""))
        }
      ),
      { seed: 7, numRuns: 500 }
    )
  })
})
