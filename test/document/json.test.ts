import * as FastCheck from "effect/FastCheck"
import { describe, expect, it } from "vitest"
import * as fs from "node:fs"
import * as zlib from "node:zlib"
import { canonicalLine } from "../../src/domain/Canonical.ts"
import { readJson } from "../../src/document/json.ts"
import { collect, exportTo, fingerprintOf, freshPath, pythonSmall, SEED, wildGraph } from "./support.ts"

const lines = (records: Iterable<Parameters<typeof canonicalLine>[0]>) => [...records].map(canonicalLine)

describe("a round trip", () => {
  it("is exact for any graph", async () => {
    await FastCheck.assert(
      FastCheck.asyncProperty(wildGraph, async (records) => {
        const path = freshPath()
        const summary = await exportTo(path, records)
        const back = await collect(readJson(path))
        expect(lines(back).sort()).toEqual(lines(records).sort())
        expect(summary.fingerprint).toEqual(fingerprintOf(records))
        JSON.parse(fs.readFileSync(path, "utf8"))
        fs.rmSync(path)
      }),
      { seed: SEED, numRuns: 300 }
    )
  })
})
void zlib
void pythonSmall
