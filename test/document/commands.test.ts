/** The document formats at the command line: their words, their flags, their names. */
import * as fs from "node:fs"
import * as path from "node:path"
import { describe, expect, it } from "vitest"
import { runBin } from "../cli/runBin.ts"
import { copyOf, tempFolder } from "../support/migrating.ts"
import { fixture } from "./support.ts"

const fresh = (name = "target.db") => path.join(tempFolder(), name)

const exported = async (name: string, ...flags: ReadonlyArray<string>) => {
  const file = fresh(name)
  const { code, output } = await runBin(["export", copyOf("python-small.db"), "--output", file, ...flags])
  expect([code, code === 0 ? "" : output]).toEqual([0, ""])
  return { file, output }
}

describe("export and import", () => {
  it.each([["graph.tar.gz"], ["graph.tar"], ["folder", "--format", "markdown"], ["graph.jsonl.gz"], ["graph.json.gz"]])(
    "%s comes back as the same graph",
    async (name, ...flags) => {
      const { file } = await exported(name, ...flags)
      const target = fresh()
      const { code, output } = await runBin(["import", file, target])
      expect(output).toContain("equal: 90 records read back and compared")
      expect(code).toBe(0)
      expect((await runBin(["verify", file, target])).code).toBe(0)
    }
  )

  it("a folder to standard output is a packed archive", async () => {
    const { code, stdout } = await runBin(["export", copyOf("python-small.db"), "--format", "markdown", "--quiet"])
    expect([code, stdout.length > 1000]).toEqual([0, true])
  })

  it("of an edited folder is refused, and taken with --prefer-body", async () => {
    const { file } = await exported("folder", "--format", "markdown")
    const page = path.join(file, fs.readdirSync(file).find((name) => name.startsWith("orphan")) ?? "")
    fs.writeFileSync(page, fs.readFileSync(page, "utf8").replace("# Orphan", "# ORPHAN"))
    const target = fresh()
    const refused = await runBin(["import", file, target])
    expect([refused.code, fs.existsSync(target)]).toEqual([4, false])
    expect(refused.stderr).toContain("--prefer-body")
    const taken = await runBin(["import", file, target, "--prefer-body"])
    expect([taken.code, taken.output.includes("come from its edited body")]).toEqual([0, true])
    expect((await runBin(["verify", file, target, "--prefer-body"])).code).toBe(0)
  })

  it("stops at --max-size", async () => {
    const { file } = await exported("graph.jsonl.gz")
    const target = fresh()
    const { code, stderr } = await runBin(["import", file, target, "--max-size", "10K"])
    expect([code, fs.existsSync(target)]).toEqual([4, false])
    expect(stderr).toContain("it holds more than 10240 bytes")
    expect((await runBin(["import", file, target, "--max-size", "10M"])).code).toBe(0)
    for (const wrong of ["many", "1.5G", "-1", "99999999999T"]) {
      expect((await runBin(["import", file, fresh(), "--max-size", wrong])).code).toBe(2)
    }
  })

  it("writes Cypher for each engine, by the file's name or --format, and for no other format", async () => {
    for (const engine of ["neo4j", "memgraph", "falkordb"]) {
      const { file } = await exported("graph.cypher", "--cypher-for", engine)
      expect(fs.readFileSync(file, "utf8")).toContain(`as Cypher for ${engine}`)
    }
    const { code, stderr } = await runBin([
      "export",
      copyOf("python-small.db"),
      "--output",
      fresh("x.json"),
      "--cypher-for",
      "neo4j"
    ])
    expect([code, stderr.includes("--format cypher only")]).toEqual([2, true])
    expect((await runBin(["import", fresh("graph.cypher"), fresh(), "--format", "cypher"])).code).toBe(2)
  })

  it("says what another program's file lacks, in the report too", async () => {
    const { code, stdout } = await runBin(["import", fixture("python-export-md"), fresh(), "--json"])
    expect(code).toBe(0)
    const report: { readonly plan: { readonly warnings: ReadonlyArray<string> } } = JSON.parse(stdout)
    expect(report.plan.warnings).toContainEqual(expect.stringContaining("without their direction"))
    const { output } = await exported("memory.jsonl", "--format", "mcp-memory")
    expect(output).toContain("no backup of this graph")
    expect(output).not.toMatch(/verified/i)
  })
})
