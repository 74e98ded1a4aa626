import { describe, expect, it } from "vitest"
import * as Either from "effect/Either"
import * as fs from "node:fs"
import { canonicalLine, compareCodePoints, parseLine } from "../../src/domain/Canonical.ts"
import * as Fingerprint from "../../src/domain/Fingerprint.ts"

const golden = fs
  .readFileSync(new URL("../fixtures/canonical-golden.tsv", import.meta.url), "utf8")
  .split("\n")
  .filter((row) => row !== "")
  .map((row) => ({ hash: row.slice(0, 64), line: row.slice(65) }))

describe("the golden lines", () => {
  it("are twelve", () => expect(golden).toHaveLength(12))

  it.each(golden)("$hash", ({ hash, line }) => {
    const record = Either.getOrThrow(parseLine(line, { strict: true }))
    expect(canonicalLine(record)).toBe(line)
    expect(canonicalLine(Either.getOrThrow(parseLine(line)))).toBe(line)
    expect(Fingerprint.lineHash(line).toString("hex")).toBe(hash)
  })

  it("have the published fingerprint, in any order", () => {
    for (const lines of [golden, golden.toReversed()]) {
      const builder = new Fingerprint.Builder()
      for (const { line } of lines) builder.addLine(Either.getOrThrow(parseLine(line))._tag, line)
      const fingerprint = builder.finish()
      expect(fingerprint.nodes).toEqual({
        count: 10,
        sum: "c0d853842036eecbcd7b56fd4f3e4d92b443ac6546e24e6ed1ad3f2190171e56"
      })
      expect(fingerprint.relationships).toEqual({
        count: 2,
        sum: "4dcfe8a5ac12dba25a072d1a82d10bd456608e374a170ef1bb394191ee63f449"
      })
      expect(fingerprint.text).toBe("mg1:3921561da8957a34")
    }
  })
})

describe("compareCodePoints", () => {
  it("orders by code point, not by UTF-16 unit", () => {
    expect(["😀", "\uffee", "é", "Z", "\ud800"].sort(compareCodePoints)).toEqual(["Z", "é", "\ud800", "\uffee", "😀"])
  })
})
