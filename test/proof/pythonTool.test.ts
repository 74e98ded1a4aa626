/**
 * The real Python MemoryGraph (memorygraphmcp 0.12.4) opens what we wrote, finds and exports the same memories. It is
 * found by MEMORYGRAPH_PYTHON_TOOL, the `bin` folder of a virtual environment that has it.
 */
import { execFileSync } from "node:child_process"
import * as fs from "node:fs"
import * as path from "node:path"
import { describe, expect, it } from "vitest"
import { copyOf, fixture, run, tempFolder } from "../support/migrating.ts"
import { engineProblem } from "../support/rawEngine.ts"

const tool = process.env["MEMORYGRAPH_PYTHON_TOOL"] ?? ""
const toolProblem = fs.existsSync(path.join(tool, "memorygraph"))
  ? undefined
  : "not run: no Python MemoryGraph; set MEMORYGRAPH_PYTHON_TOOL to the bin folder of an environment with memorygraphmcp==0.12.4"

const find = (file: string): unknown =>
  JSON.parse(
    execFileSync(
      path.join(tool, "python"),
      [
        new URL("../support/findMemories.py", import.meta.url).pathname,
        file,
        "redis",
        "token",
        "solution",
        "Unicode",
        "Full"
      ],
      { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }
    )
  )

interface Export {
  readonly memories: ReadonlyArray<unknown>
  readonly relationships: ReadonlyArray<unknown>
}

const exported = (file: string): Export => {
  const output = path.join(tempFolder(), "export.json")
  execFileSync(path.join(tool, "memorygraph"), ["export", "--format", "json", "--output", output], {
    env: { ...process.env, MEMORY_BACKEND: "sqlite", MEMORY_SQLITE_PATH: file, MEMORY_ALLOW_CYCLES: "true" },
    stdio: "ignore"
  })
  return JSON.parse(fs.readFileSync(output, "utf8"))
}

const ordered = (records: ReadonlyArray<unknown>): ReadonlyArray<string> =>
  records.map((record) => JSON.stringify(record)).sort()

const routes: ReadonlyArray<readonly [string, ReadonlyArray<"sqlite" | "falkordblite">]> = [
  ["SQLite", ["sqlite"]],
  ["FalkorDBLite and back", ["falkordblite", "sqlite"]]
]

describe.each(routes)("python-small.db by way of %s", (_name, kinds) => {
  it("is opened, searched and exported by the Python MemoryGraph as the original is", async (ctx) => {
    if (toolProblem !== undefined) ctx.skip(toolProblem)
    const engine = engineProblem()
    if (kinds.includes("falkordblite") && engine !== undefined) ctx.skip(engine)
    let at: { kind: "sqlite" | "falkordblite"; path: string } = { kind: "sqlite", path: fixture("python-small.db") }
    for (const kind of kinds) {
      const next = { kind, path: path.join(tempFolder(), `graph.${kind}`) }
      await run(at, next)
      at = next
    }
    // The tool writes into what it opens: copies of both sides.
    const [original, migrated] = [copyOf("python-small.db"), path.join(tempFolder(), "migrated.db")]
    fs.copyFileSync(at.path, migrated)
    expect(find(migrated)).toEqual(find(original))
    const [before, after] = [exported(original), exported(migrated)]
    expect(before.memories).toHaveLength(30)
    expect(ordered(after.memories)).toEqual(ordered(before.memories))
    expect(ordered(after.relationships)).toEqual(ordered(before.relationships))
  })
})
