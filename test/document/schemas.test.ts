/** The published JSON Schemas: those of the source, and what an independent validator makes of our documents. */
import { spawnSync } from "node:child_process"
import * as fs from "node:fs"
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js"
import * as FastCheck from "effect/FastCheck"
import { describe, expect, it } from "vitest"
import { JsonlEncoder } from "../../src/document/jsonl.ts"
import { canonicalLine } from "../../src/domain/Canonical.ts"
import type { GraphRecord } from "../../src/domain/Graph.ts"
import { PUBLISHED_SCHEMAS } from "../../src/migration/publishedSchemas.ts"
import { exportTo, fixture, freshPath, pythonSmall, SEED, wildGraph } from "./support.ts"

const published = (name: string): object =>
  JSON.parse(fs.readFileSync(new URL(`../../schemas/${name}`, import.meta.url), "utf8"))

const ajv = new Ajv2020({ strict: true, validateSchema: true })
const isDocument = ajv.compile(published("document-2.1.schema.json"))
const isLine = ajv.compile(published("jsonl-line-1.schema.json"))

const problem = (validate: ValidateFunction, value: unknown): string | undefined =>
  validate(value) ? undefined : ajv.errorsText(validate.errors)

const document = async (records: ReadonlyArray<GraphRecord>): Promise<unknown> => {
  const path = freshPath()
  await exportTo(path, records)
  return JSON.parse(fs.readFileSync(path, "utf8"))
}

const jsonl = (records: ReadonlyArray<GraphRecord>, rejects?: string): ReadonlyArray<unknown> => {
  const encoder = new JsonlEncoder()
  const header = encoder.header({ created: "2026-11-22T12:00:00.000Z", generator: "test", backend: "sqlite", rejects })
  const lines =
    rejects === undefined
      ? encoder.records(records)
      : encoder.rejects(records.map((record) => ({ tag: record._tag, line: canonicalLine(record), why: "a reason" })))
  return `${header}${lines}${encoder.footer().text}`
    .trimEnd()
    .split("\n")
    .map((line): unknown => JSON.parse(line))
}

describe("the published schemas", () => {
  it("are those of the source (otherwise: node scripts/schemas.mjs)", () => {
    for (const [name, schema] of Object.entries(PUBLISHED_SCHEMAS)) {
      expect(published(name)).toEqual(JSON.parse(JSON.stringify(schema)))
    }
    expect(fs.readdirSync(new URL("../../schemas", import.meta.url)).sort()).toEqual(
      Object.keys(PUBLISHED_SCHEMAS).sort()
    )
  })

  it("are checked by the script, which finds nothing to do", () => {
    const script = new URL("../../scripts/schemas.mjs", import.meta.url).pathname
    const { status, stdout } = spawnSync(process.execPath, ["--experimental-strip-types", script, "--check"], {
      encoding: "utf8"
    })
    expect([stdout, status]).toEqual(["", 0])
  })

  it("are valid for every export, by a validator that is not ours", async () => {
    expect(problem(isDocument, await document(pythonSmall()))).toBeUndefined()
    for (const line of jsonl(pythonSmall())) expect(problem(isLine, line)).toBeUndefined()
    for (const line of jsonl(pythonSmall().slice(0, 3), "run")) expect(problem(isLine, line)).toBeUndefined()
    await FastCheck.assert(
      FastCheck.asyncProperty(wildGraph, async (records) => {
        expect(problem(isDocument, await document(records))).toBeUndefined()
        for (const line of jsonl(records)) expect(problem(isLine, line)).toBeUndefined()
      }),
      { seed: SEED, numRuns: 100 }
    )
  })

  it("refuse what is none", async () => {
    const whole = JSON.stringify(await document(pythonSmall()))
    const changed = (from: string | RegExp, to: string): unknown => {
      const text = whole.replace(from, () => to)
      if (text === whole) throw new Error("nothing was changed")
      return JSON.parse(text)
    }
    for (const other of [
      changed('"2.1"', '"2.0"'),
      changed('"memory_count":30', '"memory_count":-1'),
      changed('"memory_count":30', '"memory_count":1.5'),
      changed('"nodes":[]', '"nodes":[{"node":1,"labels":[],"properties":{}}]'),
      changed('"title":', '"titel":'),
      changed(/"sum":"./, '"sum":"g'),
      changed('"nodes":[],', ""),
      changed('{"format_version"', '{"mood":1,"format_version"'),
      JSON.parse(fs.readFileSync(fixture("python-export-small.json"), "utf8")),
      {},
      []
    ]) {
      expect(problem(isDocument, other)).toBeDefined()
    }
    for (const other of [{}, { node: "a" }, { node: "a", labels: [], properties: {}, x: 1 }, { footer: {} }, []]) {
      expect(problem(isLine, other)).toBeDefined()
    }
  })
})
